//! Operations: a campaign against one threat, with the plan that its reporter and partners agreed to.

use serde::{Deserialize, Serialize};

use crate::id::{OperationId, PartyId};
use crate::rsit::Classification;
use crate::text::Name;
use crate::time::Instant;

/// How the addresses of an operation's reports were collected, which decides what the law asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Collection {
    /// Logs of a command-and-control server that was taken down.
    TakenDownServer,
    /// Observations at a sinkhole.
    Sinkhole,
    /// Handed over by a trusted third party that does not say how.
    TrustedThirdParty,
    /// The operator's own survey.
    OwnSurvey,
}

impl Collection {
    /// Its name, as plans and rules carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TakenDownServer => "taken-down-server",
            Self::Sinkhole => "sinkhole",
            Self::TrustedThirdParty => "trusted-third-party",
            Self::OwnSurvey => "own-survey",
        }
    }
}

/// The desk that every notice names (相談窓口).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CareDesk {
    /// Its name.
    pub name: Name,
    /// Its telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Its mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// Its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When somebody answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Name>,
}

/// Who does what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The party.
    pub party: PartyId,
    /// What it does.
    pub does: Name,
}

/// A party's agreement to the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreed {
    /// The party.
    pub party: PartyId,
    /// When it agreed.
    pub on: Instant,
    /// The paper it stands in.
    pub reference: String,
}

/// What the plan's authors state about necessity (緊急避難, Penal Code art. 37): each element apart, so that a
/// lawyer can change one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Necessity {
    /// A present danger (現在の危難).
    pub present_danger: bool,
    /// No other way (補充性).
    pub no_alternative: bool,
    /// The harm done does not exceed the harm averted (法益の権衡).
    pub proportionate: bool,
}

/// What the plan's authors state about a legitimate business act (正当業務行為): its three prongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegitimateAct {
    /// The purpose is legitimate (目的の正当性).
    pub legitimate_purpose: bool,
    /// The act is necessary for it (行為の必要性).
    pub necessary: bool,
    /// The means are adequate (手段の相当性).
    pub adequate_means: bool,
}

/// An operation's plan, as its file carries it. Times are RFC 3339 with an offset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The operation.
    pub id: OperationId,
    /// Its title.
    pub title: Name,
    /// The threat's name, such as `gameover-zeus`; becomes `malware.name` where a row has none.
    pub threat: String,
    /// What a row says unless it says otherwise.
    pub classification: Classification,
    /// Who hands the reports over, and gets back what nobody can act on.
    pub reporter: PartyId,
    /// The partners that take part.
    pub partners: Vec<PartyId>,
    /// From when on notices may go out.
    pub notify_from: Instant,
    /// Until when the operation runs.
    pub closes: Instant,
    /// How the addresses were collected.
    pub collection: Collection,
    /// The same in words, for letters and reports.
    pub collected: Name,
    /// Terminals believed infected, if anybody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_infected: Option<u64>,
    /// Days within which a subscriber is not told again for this operation.
    pub repeat_interval_days: u32,
    /// Who does what.
    #[serde(default, rename = "task")]
    pub tasks: Vec<Task>,
    /// The desk that every notice names.
    pub care_desk: CareDesk,
    /// What is stated about necessity.
    #[serde(default)]
    pub necessity: Necessity,
    /// What is stated about a legitimate business act.
    #[serde(default)]
    pub legitimate_act: LegitimateAct,
    /// Who agreed.
    #[serde(default, rename = "agreed")]
    pub agreed: Vec<Agreed>,
}

impl Plan {
    /// The agreement of `party` to this plan, if it had agreed by `instant`.
    #[must_use]
    pub fn agreement_of(&self, party: &PartyId, instant: Instant) -> Option<&Agreed> {
        self.agreed.iter().find(|a| a.party == *party && a.on <= instant)
    }
}
