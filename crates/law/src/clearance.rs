//! The clearance: what the gate gives, and only after its decision is written down.

use ledger::Receipt;
use model::tag::DataClass;
use model::{DecisionId, Instant};

use crate::gate::{Decision, Refusal, Verdict};
use crate::pack::Ground;
use crate::protected::Subject;
use crate::question::Action;

/// Leave to do one deed with one subject's data, until it expires.
///
/// INVARIANT: made only by [`Clearance::issue`], from an allowing decision and the receipt of that decision's own leaf.
#[derive(Debug, Clone)]
pub struct Clearance {
    decision: DecisionId,
    action: Action,
    class: DataClass,
    subject: Subject,
    expires: Instant,
    grounds: Vec<Ground>,
    rules: Vec<String>,
}

/// Why no clearance was issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotCleared {
    /// The gate refused.
    #[error("refused: {0}")]
    Refused(Box<Refusal>),
    /// The receipt is not for this decision's leaf.
    #[error("the receipt is for another leaf than the decision's")]
    OtherReceipt,
}

impl Clearance {
    /// The clearance for a decision that has been committed.
    ///
    /// # Errors
    /// [`NotCleared`] where the gate refused, or the receipt is not that of this decision's leaf.
    pub fn issue(decision: Decision, receipt: &Receipt) -> Result<Self, NotCleared> {
        let leaf = decision.leaf();
        if receipt.leaf() != leaf.id || *receipt.hash() != leaf.hash() {
            return Err(NotCleared::OtherReceipt);
        }
        match decision.verdict {
            Verdict::Refused(refusal) => Err(NotCleared::Refused(Box::new(refusal))),
            Verdict::Allowed { grounds, rules } => Ok(Self {
                decision: decision.id,
                action: decision.question.action,
                class: decision.question.class,
                subject: decision.question.subject,
                expires: decision.expires,
                grounds,
                rules,
            }),
        }
    }

    /// The decision it rests on.
    #[must_use]
    pub const fn decision(&self) -> DecisionId {
        self.decision
    }

    /// What may be done.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.action
    }

    /// Up to which class of data.
    #[must_use]
    pub const fn class(&self) -> DataClass {
        self.class
    }

    /// With whose data.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Before when.
    #[must_use]
    pub const fn expires(&self) -> Instant {
        self.expires
    }

    /// On which grounds.
    #[must_use]
    pub fn grounds(&self) -> &[Ground] {
        &self.grounds
    }

    /// By which rules.
    #[must_use]
    pub fn rules(&self) -> &[String] {
        &self.rules
    }
}
