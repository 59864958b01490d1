//! The law: grounds, the gate, and what it guards.
//!
//! Data under the secrecy of communications lives in [`Protected`]. It opens for a [`Clearance`], and a clearance is
//! born only from a [`Decision`] of the [`Gate`] that has been written down ([`ledger::Receipt`]). The rules are data:
//! Cedar policies in `rules/<jurisdiction>/<base|sector>/<rule>/`, each with its source, its confidence and its
//! cases; evaluation touches no clock, disk or network. Start with [`gate`].
//!
//! We are not lawyers. Each rule says where it comes from and how sure that is, and [`Pack::to_confirm`] lists the
//! rules that a lawyer must confirm. A question that no rule answers is *no ground known*: refused, with that reason.
//!
//! What the types stop are accidents, not malice: whoever links this crate can copy what was opened.

pub mod case;
pub mod clearance;
pub mod gate;
pub mod pack;
pub mod protected;
pub mod question;

pub use clearance::{Clearance, NotCleared};
pub use gate::{Decision, Gate, Refusal, Verdict};
pub use pack::{BadPack, Ground, Pack, Rule};
pub use protected::{Closed, Protected, Subject};
pub use question::{Action, Consent, Evidence, Question, Receiver};
