//! The twin of `shut/debug.rs`.

use law::{Clearance, Protected, Subject};
use model::tag::DataClass;
use model::Instant;

fn look(secret: &Protected<String>, clearance: &Clearance, now: Instant) {
    let _ = (format!("{:?}", secret.class()), clearance, now);
}

fn main() {
    let secret = Protected::seal(String::from("203.0.113.5"), DataClass::CommunicationTrace, Subject::OwnFile);
    let _ = (look, secret, Instant::from_micros(0));
}
