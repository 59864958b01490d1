//! noroshi
fn main() {}
