//! The door that every deed passes: ask the law, commit the decision, and only then get a clearance.
//!
//! INVARIANT: no effect without `decided`, and every `decided` closes with `done` (committed with its effects) or `abandoned`.

use law::{Action, Clearance, Evidence, NotCleared, Question, Receiver, Refusal, Subject};
use ledger::{Kind, Leaf};
use model::operation::Plan;
use model::party::{AgreementKind, Party};
use model::tag::DataClass;
use model::{Actor, DecisionId, Instant, LeafId, PartyId, Purpose, RoundId};
use store::Tx;

use crate::house::House;
use crate::problem::DeedError;

/// What came of asking.
#[derive(Debug)]
pub enum Answer {
    /// Go ahead.
    Cleared(Clearance),
    /// No; the refusal is in the ledger under this decision.
    Refused(DecisionId, Box<Refusal>),
}

impl Answer {
    /// The clearance, or the refusal as the deed's failure: for deeds that make no sense without it.
    ///
    /// # Errors
    /// [`DeedError::Refused`].
    pub fn or_refuse(self) -> Result<Clearance, DeedError> {
        match self {
            Self::Cleared(clearance) => Ok(clearance),
            Self::Refused(decision, refusal) => Err(DeedError::Refused { decision, refusal }),
        }
    }
}

impl House {
    /// Asks the gate, commits its decision as a leaf, and gives the clearance or the refusal.
    ///
    /// # Errors
    /// [`DeedError`] where the decision could not be written down; then nothing may be opened.
    pub async fn ask(&self, question: Question) -> Result<Answer, DeedError> {
        let now = self.clock.now();
        let decision_id = DecisionId::fresh(&*self.clock, &*self.entropy);
        let leaf_id = LeafId::fresh(&*self.clock, &*self.entropy);
        let decision = self.gate.decide(question, decision_id, leaf_id, now);
        self.faults.reach("gate.decided.before")?;
        let receipt = self.store.commit_leaf(&decision.leaf()).await?;
        self.faults.reach("gate.decided.after")?;
        match Clearance::issue(decision, &receipt) {
            Ok(clearance) => Ok(Answer::Cleared(clearance)),
            Err(NotCleared::Refused(refusal)) => Ok(Answer::Refused(decision_id, refusal)),
            Err(other) => Err(DeedError::Fault(other.to_string())),
        }
    }

    /// The leaf that says a decided deed is done, to be committed in the deed's own transaction.
    #[must_use]
    pub fn done_leaf(&self, clearance: &Clearance) -> Leaf {
        let id = LeafId::fresh(&*self.clock, &*self.entropy);
        Leaf::new(id.uuid(), Kind::Done, self.clock.now().as_micros(), Some(clearance.decision().uuid()))
            .with("action", clearance.action().name())
    }

    /// Gives a decided deed up: it had no effect.
    ///
    /// # Errors
    /// [`DeedError`] where the leaf could not be committed; recovery then finds the decision open.
    pub async fn abandon(&self, decision: DecisionId, reason: &str) -> Result<(), DeedError> {
        let mut tx = self.store.begin("gate::abandon").await?;
        self.abandon_in(&mut tx, decision, reason).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn abandon_in(&self, tx: &mut Tx, decision: DecisionId, reason: &str) -> Result<(), DeedError> {
        let id = LeafId::fresh(&*self.clock, &*self.entropy);
        let leaf = Leaf::new(id.uuid(), Kind::Abandoned, self.clock.now().as_micros(), Some(decision.uuid()))
            .with("reason", reason);
        Ok(store::leaf::append(tx, &leaf).await?)
    }

    /// A leaf that records a document or an event that needs no gate.
    #[must_use]
    pub fn record_leaf(&self, kind: Kind, what: &str, actor: &Actor) -> Leaf {
        let id = LeafId::fresh(&*self.clock, &*self.entropy);
        Leaf::new(id.uuid(), kind, self.clock.now().as_micros(), None)
            .with("what", what)
            .with("actor", actor.party.as_str())
            .with("hand", actor.hand.as_str())
    }

    /// A question about an operation: everything that its plan and the roster assert is filled in, nothing else.
    #[must_use]
    pub fn question(&self, ask: Asking<'_>) -> Question {
        let now = self.clock.now();
        let plan = ask.plan;
        let me = self.me().ok().map(|entry| entry.party);
        let round = RoundId { operation: plan.id.clone(), number: ask.round };
        let purpose = Purpose::WarnVictims { round };
        let actor = ask.actor.clone();
        let mut q = Question::new(actor, purpose, ask.action, ask.class, ask.subject, now);
        q.roles = me.as_ref().map(|party| party.roles.clone()).unwrap_or_default();
        q.jurisdiction = me.map_or_else(String::new, |party| party.jurisdiction);
        q.count = ask.count;
        q.commitment = ask.commitment;
        q.collection = Some(plan.collection);
        q.necessity = Some(plan.necessity);
        q.legitimate_act = Some(plan.legitimate_act);
        q.plan_agreed_by_reporter = plan.agreement_of(&plan.reporter, now).is_some();
        q.evidence.push(Evidence {
            kind: "plan".to_owned(),
            reference: plan.id.to_string(),
            issuer: plan.reporter.clone(),
            expires: Some(plan.closes),
        });
        q
    }

    /// Adds what is known of a receiver: its roles, and its agreement of that kind as evidence.
    pub fn receiver(&self, q: &mut Question, party: &Party, agreement: AgreementKind, holds: Holds, source: Source) {
        let now = q.decided_on;
        q.receiver = Some(Receiver {
            party: party.id.clone(),
            roles: party.roles.clone(),
            jurisdiction: party.jurisdiction.clone(),
            holds_address: holds == Holds::Yes,
            is_reporter: source == Source::Theirs,
        });
        self.agreement(q, party, agreement, now);
    }

    /// Adds a party's agreement of that kind as evidence, if one is in force.
    pub fn agreement(&self, q: &mut Question, party: &Party, kind: AgreementKind, at: Instant) {
        if let Some(agreement) = party.agreement(kind, at) {
            q.agreement_in_force = true;
            q.evidence.push(Evidence {
                kind: "agreement".to_owned(),
                reference: agreement.reference.clone(),
                issuer: party.id.clone(),
                expires: agreement.until,
            });
        }
    }
}

/// Whether a receiver holds the addresses in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// They are in its care.
    Yes,
    /// They are not.
    No,
}

/// Whether the records came from the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// They did.
    Theirs,
    /// They did not.
    Others,
}

/// What a question about an operation needs to be asked.
#[derive(Debug, Clone)]
pub struct Asking<'a> {
    /// Who acts.
    pub actor: &'a Actor,
    /// Under which plan.
    pub plan: &'a Plan,
    /// In which round.
    pub round: u32,
    /// To do what.
    pub action: Action,
    /// With what class of data.
    pub class: DataClass,
    /// With whose.
    pub subject: Subject,
    /// With how many records.
    pub count: u64,
    /// The keyed commitment to them, if they were read.
    pub commitment: String,
}

/// The party that an actor acts for, if it is this house.
///
/// # Errors
/// [`DeedError::NotOurActor`]: nobody acts here in another party's name.
pub fn own(house: &House, actor: &Actor) -> Result<PartyId, DeedError> {
    if actor.party == house.settings.party {
        Ok(actor.party.clone())
    } else {
        Err(DeedError::NotOurActor { actor: actor.party.clone(), house: house.settings.party.clone() })
    }
}
