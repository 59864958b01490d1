//! The gate: one door, which answers with a ground or with a refusal, and gives nothing before that is written down.
//!
//! A decision is made for a whole batch of one attribute class. Asking is pure: the same question, pack and id give the
//! same decision. The caller commits [`Decision::leaf`] and turns the receipt into a clearance.

use std::fmt;

use ledger::{Kind, Leaf};
use model::{DecisionId, Instant, LeafId, PartyId, Text};
use serde::Serialize;

use crate::pack::{Ground, Pack};
use crate::question::Question;

/// How long a decision holds unless its evidence ends sooner, in seconds: one working day.
pub const HOLDS_SECONDS: i64 = 24 * 3_600;

/// The gate over one pack of rules.
#[derive(Debug, Clone)]
pub struct Gate {
    pack: Pack,
}

/// What the gate said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may be done, on these grounds, by these rules.
    Allowed {
        /// The grounds.
        grounds: Vec<Ground>,
        /// The rules, by id.
        rules: Vec<String>,
    },
    /// It may not be done.
    Refused(Refusal),
}

/// A refusal: an answer, not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// `no-ground-known`, `forbidden`, or `evidence-expired`.
    pub code: &'static str,
    /// The rules that forbid, by id; empty where no ground is known.
    pub rules: Vec<String>,
    /// Why, in Japanese.
    pub reason_ja: String,
    /// Why, in English.
    pub reason_en: String,
    /// What would be needed: per rule for this action, its id and what it asks, in Japanese and English.
    pub would_need: Vec<(String, String, String)>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.reason_en, self.code)
    }
}

/// What a refusal says that comes from a paper whose time is over.
pub const EVIDENCE_EXPIRED: Text = Text {
    ja: "根拠となる書面（作戦計画・取決め・同意）の期限が過ぎています。更新するか、計画を改めてください。",
    en: "a paper that this rests on (plan, agreement, consent) has ended; renew it, or amend the plan",
};

/// What a refusal for want of a ground says.
pub const NO_GROUND_KNOWN: Text = Text {
    ja: "この取扱いを適法とする根拠が確認できません（違法性阻却事由なし）。弁護士に確認してください。",
    en: "no ground is known that would make this lawful; ask a lawyer",
};

/// One decision, not yet written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub(crate) id: DecisionId,
    pub(crate) leaf_id: LeafId,
    pub(crate) at: Instant,
    pub(crate) question: Question,
    pub(crate) verdict: Verdict,
    pub(crate) expires: Instant,
    pub(crate) pack: String,
}

impl Gate {
    /// The gate over `pack`.
    #[must_use]
    pub const fn new(pack: Pack) -> Self {
        Self { pack }
    }

    /// The rules behind it.
    #[must_use]
    pub const fn pack(&self) -> &Pack {
        &self.pack
    }

    /// Decides. `at` is the moment of deciding; `question.decided_on` names the day by whose law it is judged.
    #[must_use]
    pub fn decide(&self, question: Question, id: DecisionId, leaf_id: LeafId, at: Instant) -> Decision {
        let evidence_ends = question.evidence.iter().filter_map(|e| e.expires).min();
        let verdict = match evidence_ends {
            // A paper that has ended is no paper, whatever a rule would have made of it.
            Some(ends) if ends <= at => Verdict::Refused(Refusal {
                code: "evidence-expired",
                rules: Vec::new(),
                reason_ja: EVIDENCE_EXPIRED.ja.to_owned(),
                reason_en: EVIDENCE_EXPIRED.en.to_owned(),
                would_need: Vec::new(),
            }),
            _ => self.pack.judge(&question),
        };
        let holds = at.plus_seconds(HOLDS_SECONDS);
        let expires = evidence_ends.map_or(holds, |ends| ends.min(holds));
        Decision { id, leaf_id, at, question, verdict, expires, pack: self.pack.digest().to_owned() }
    }
}

impl Decision {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> DecisionId {
        self.id
    }

    /// What was said.
    #[must_use]
    pub const fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// What was asked.
    #[must_use]
    pub const fn question(&self) -> &Question {
        &self.question
    }

    /// The party that would receive.
    #[must_use]
    pub fn receiver(&self) -> Option<&PartyId> {
        self.question.receiver.as_ref().map(|r| &r.party)
    }

    /// The leaf to commit before anything opens: `decided`, or `refused`.
    #[must_use]
    pub fn leaf(&self) -> Leaf {
        let q = &self.question;
        let kind = match self.verdict {
            Verdict::Allowed { .. } => Kind::Decided,
            Verdict::Refused(_) => Kind::Refused,
        };
        let mut leaf = Leaf::new(self.leaf_id.uuid(), kind, self.at.as_micros(), Some(self.id.uuid()))
            .with("actor", q.actor.party.as_str())
            .with("hand", q.actor.hand.as_str())
            .with("purpose", q.purpose.name())
            .with("action", q.action.name())
            .with("class", q.class.name())
            .with("subject", q.subject.to_string())
            .with("count", q.count)
            .with("decided_on", q.decided_on.as_micros())
            .with("uses_port", q.uses_port)
            .with("automatic", q.automatic)
            .with("pack", self.pack.as_str());
        if let Some(about) = q.purpose.about() {
            leaf = leaf.with("about", about);
        }
        if !q.commitment.is_empty() {
            leaf = leaf.with("commitment", q.commitment.as_str());
        }
        if let Some(collection) = q.collection {
            leaf = leaf.with("collection", collection.name());
        }
        if let Some(receiver) = &q.receiver {
            leaf = leaf.with("receiver", receiver.party.as_str()).with("jurisdiction", receiver.jurisdiction.as_str());
        }
        if !q.evidence.is_empty() {
            let papers =
                q.evidence.iter().map(|e| format!("{}:{}:{}", e.kind, e.issuer, e.reference)).collect::<Vec<_>>();
            leaf = leaf.with("evidence", papers);
        }
        match &self.verdict {
            Verdict::Allowed { grounds, rules } => leaf
                .with("grounds", grounds.iter().map(|g| g.name().to_owned()).collect::<Vec<_>>())
                .with("rules", rules.clone())
                .with("expires", self.expires.as_micros()),
            Verdict::Refused(refusal) => leaf.with("code", refusal.code).with("rules", refusal.rules.clone()),
        }
    }
}
