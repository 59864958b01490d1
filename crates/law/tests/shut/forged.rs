//! A clearance is not made by hand. Its twin in `open/` differs in one line and compiles.

use law::gate::Decision;
use law::Clearance;
use ledger::Receipt;

fn clear(decision: Decision, receipt: &Receipt) {
    let _ = (Clearance { decision: decision.id() }, receipt);
}

fn main() {
    let _ = clear;
}
