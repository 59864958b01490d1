//! Parties: organisations, their roles and their agreements.

use serde::{Deserialize, Serialize};

use crate::id::PartyId;
use crate::text::Name;
use crate::time::Instant;

/// What an organisation is in this exchange; one may be several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Collects reports and splits them by operator (取りまとめ窓口).
    ClearingHouse,
    /// Hands over reports (提供元): a CERT, the police, a researcher.
    Reporter,
    /// A telecommunications operator that holds addresses for subscribers (電気通信事業者).
    Operator,
    /// An incident response team of an organisation.
    Csirt,
    /// A police organisation.
    Police,
    /// An independent overseer.
    Overseer,
}

impl Role {
    /// The role's name, as rosters and rules carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClearingHouse => "clearing-house",
            Self::Reporter => "reporter",
            Self::Operator => "operator",
            Self::Csirt => "csirt",
            Self::Police => "police",
            Self::Overseer => "overseer",
        }
    }
}

/// What an agreement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgreementKind {
    /// The party may hand over reports here.
    Provide,
    /// The party agreed to receive and act on what concerns it.
    Receive,
}

/// An agreement with a party: the evidence that receiving from it or sending to it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// What it allows.
    pub kind: AgreementKind,
    /// The paper it stands in, as people find it again.
    pub reference: String,
    /// In force from.
    pub from: Instant,
    /// In force before; open-ended if none.
    pub until: Option<Instant>,
}

impl Agreement {
    /// Whether it is in force at `instant`.
    #[must_use]
    pub fn in_force(&self, instant: Instant) -> bool {
        self.from <= instant && self.until.is_none_or(|until| instant < until)
    }
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Its id.
    pub id: PartyId,
    /// Its name.
    pub name: Name,
    /// What it is.
    pub roles: Vec<Role>,
    /// Where it is, ISO 3166-1 alpha-2.
    pub jurisdiction: String,
    /// What it agreed to.
    pub agreements: Vec<Agreement>,
}

impl Party {
    /// The agreement of that kind in force at `instant`, if any.
    #[must_use]
    pub fn agreement(&self, kind: AgreementKind, instant: Instant) -> Option<&Agreement> {
        self.agreements.iter().find(|a| a.kind == kind && a.in_force(instant))
    }

    /// Whether it has the role.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}
