//! No clearance before the decision is written down. Its twin in `open/` differs in one line and compiles.

use law::gate::Decision;
use law::Clearance;
use ledger::Receipt;

fn clear(decision: Decision, receipt: &Receipt) {
    let _ = (Clearance::issue(decision), receipt);
}

fn main() {
    let _ = clear;
}
