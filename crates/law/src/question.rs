//! What the gate is asked: who wants to do what with which data, under which circumstances.

use std::fmt;

use model::operation::{Collection, LegitimateAct, Necessity};
use model::party::Role;
use model::tag::DataClass;
use model::{Actor, Instant, PartyId, Purpose};
use serde::{Deserialize, Serialize};

use crate::protected::Subject;

/// What is to be done. Passive receipt and active acquisition are different acts, and so are use and disclosure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Receiving a report that somebody hands over (passive receipt, 知得).
    Receive,
    /// Finding out for each record who can act (use, 窃用).
    Route,
    /// Sending records to a partner (disclosure, 漏えい).
    Share,
    /// Handing records back to their reporter.
    Return,
    /// Finding the subscriber behind address, port and time (利用者の特定).
    Identify,
    /// Telling an identified subscriber (注意喚起).
    Tell,
    /// Answering the hub per record: outcomes, never a name.
    Answer,
    /// Keeping one's own records of who held which address.
    Keep,
    /// Changing the form of one's own file.
    Convert,
}

impl Action {
    /// All actions.
    pub const ALL: &'static [Self] = &[
        Self::Receive,
        Self::Route,
        Self::Share,
        Self::Return,
        Self::Identify,
        Self::Tell,
        Self::Answer,
        Self::Keep,
        Self::Convert,
    ];

    /// The action's name in rules and leaves.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Route => "route",
            Self::Share => "share",
            Self::Return => "return",
            Self::Identify => "identify",
            Self::Tell => "tell",
            Self::Answer => "answer",
            Self::Keep => "keep",
            Self::Convert => "convert",
        }
    }

    /// For people.
    #[must_use]
    pub const fn text(self) -> model::Text {
        match self {
            Self::Receive => model::Text { ja: "受領", en: "receive" },
            Self::Route => model::Text { ja: "振分け", en: "route" },
            Self::Share => model::Text { ja: "送付", en: "share" },
            Self::Return => model::Text { ja: "返却", en: "return" },
            Self::Identify => model::Text { ja: "利用者の特定", en: "identify" },
            Self::Tell => model::Text { ja: "注意喚起", en: "tell" },
            Self::Answer => model::Text { ja: "回答", en: "answer" },
            Self::Keep => model::Text { ja: "割当記録の保管", en: "keep" },
            Self::Convert => model::Text { ja: "形式変換", en: "convert" },
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What contract terms say about consent (契約約款による同意): each condition apart, so that a lawyer can change one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Users in general would agree.
    pub users_would_agree: bool,
    /// The content is explained to them.
    pub explained: bool,
    /// The other terms stay the same for who refuses.
    pub same_terms_if_refused: bool,
    /// The choice can be changed at any time.
    pub changeable_any_time: bool,
    /// No more data than needed.
    pub minimum_data: bool,
}

/// The party that would receive, as far as the rules ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    /// The party.
    pub party: PartyId,
    /// What it is.
    pub roles: Vec<Role>,
    /// Where it is, ISO 3166-1 alpha-2.
    pub jurisdiction: String,
    /// Whether the records' addresses are in its own care.
    pub holds_address: bool,
    /// Whether the records came from it.
    pub is_reporter: bool,
}

/// A paper that a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What it is: `agreement`, `plan`, `terms`.
    pub kind: String,
    /// Its digest or reference, without personal data.
    pub reference: String,
    /// Who issued it.
    pub issuer: PartyId,
    /// Until when it holds; a decision never outlives its evidence.
    #[serde(default)]
    pub expires: Option<Instant>,
}

/// One question to the gate: one batch, one class of attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Who acts.
    pub actor: Actor,
    /// What the actor's party is.
    pub roles: Vec<Role>,
    /// Where the actor's party is, ISO 3166-1 alpha-2.
    pub jurisdiction: String,
    /// What for.
    pub purpose: Purpose,
    /// What is to be done.
    pub action: Action,
    /// With what kind of data.
    pub class: DataClass,
    /// With whose.
    pub subject: Subject,
    /// With how many records.
    pub count: u64,
    /// A keyed commitment to the records, hexadecimal; empty where they are not read yet.
    pub commitment: String,
    /// The date by whose law the question is judged.
    pub decided_on: Instant,
    /// How the addresses were collected.
    pub collection: Option<Collection>,
    /// Whether the source port is used, and not only address and time.
    pub uses_port: bool,
    /// Whether nobody looks before it goes.
    pub automatic: bool,
    /// Whether the datum is in an operator's handling (取扱中).
    pub in_handling: bool,
    /// Whether the agreement that the deed needs (with the reporter, with the receiver) is in force.
    pub agreement_in_force: bool,
    /// Whether the reporter agreed to the operation's plan.
    pub plan_agreed_by_reporter: bool,
    /// Whether the party that acts or receives agreed to the operation's plan.
    pub plan_agreed_by_partner: bool,
    /// Whether the actor itself assigned the addresses.
    pub holds_assignment: bool,
    /// Whether each subscriber is told individually.
    pub individually: bool,
    /// Whether the subscriber was identified under a clearance.
    pub identified_lawfully: bool,
    /// Who would receive.
    pub receiver: Option<Receiver>,
    /// What is stated about necessity.
    pub necessity: Option<Necessity>,
    /// What is stated about a legitimate business act.
    pub legitimate_act: Option<LegitimateAct>,
    /// What the contract terms say.
    pub terms_consent: Option<Consent>,
    /// The papers.
    pub evidence: Vec<Evidence>,
}

impl Question {
    /// A question in which nothing is asserted but who, what for and what: everything else is false or absent, the most
    /// careful reading.
    #[must_use]
    pub fn new(
        actor: Actor,
        purpose: Purpose,
        action: Action,
        class: DataClass,
        subject: Subject,
        on: Instant,
    ) -> Self {
        Self {
            actor,
            roles: Vec::new(),
            jurisdiction: "JP".to_owned(),
            purpose,
            action,
            class,
            subject,
            count: 0,
            commitment: String::new(),
            decided_on: on,
            collection: None,
            uses_port: false,
            automatic: false,
            in_handling: true,
            agreement_in_force: false,
            plan_agreed_by_reporter: false,
            plan_agreed_by_partner: false,
            holds_assignment: false,
            individually: false,
            identified_lawfully: false,
            receiver: None,
            necessity: None,
            legitimate_act: None,
            terms_consent: None,
            evidence: Vec::new(),
        }
    }
}
