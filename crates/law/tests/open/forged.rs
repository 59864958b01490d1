//! The twin of `shut/forged.rs`.

use law::gate::Decision;
use law::Clearance;
use ledger::Receipt;

fn clear(decision: Decision, receipt: &Receipt) {
    let _ = Clearance::issue(decision, receipt);
}

fn main() {
    let _ = clear;
}
