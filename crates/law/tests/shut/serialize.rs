//! Protected data is not serialised. Its twin in `open/` differs in one line and compiles.

use law::{Clearance, Protected, Subject};
use model::tag::DataClass;
use model::Instant;

fn look(secret: &Protected<String>, clearance: &Clearance, now: Instant) {
    let _ = (serde_json::to_string(secret), clearance, now);
}

fn main() {
    let secret = Protected::seal(String::from("203.0.113.5"), DataClass::CommunicationTrace, Subject::OwnFile);
    let _ = (look, secret, Instant::from_micros(0));
}
