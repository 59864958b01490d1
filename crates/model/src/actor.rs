//! Who acts and for what: parameters of every deed, from the first one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{OperationId, PartyId, RoundId};

/// Who does a deed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The party in whose name it is done.
    pub party: PartyId,
    /// The hand that does it. Somebody at the command line is `local:<uid>`: declared, not authenticated.
    pub hand: String,
}

impl Actor {
    /// Somebody at this machine's command line: declared, not authenticated.
    #[must_use]
    pub fn local(party: PartyId, uid: u32) -> Self {
        Self { party, hand: format!("local:{uid}") }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.party, self.hand)
    }
}

/// What a deed is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "purpose", rename_all = "kebab-case")]
pub enum Purpose {
    /// Warning those whose terminals an operation's reports name (注意喚起).
    WarnVictims {
        /// The operation and round.
        round: RoundId,
    },
    /// Preparing or closing an operation.
    ConductOperation {
        /// The operation.
        operation: OperationId,
    },
    /// Changing a file's form for its holder, who shows it to nobody by that.
    ConvertOwnFile,
    /// Keeping the house: rosters, assignments, verification.
    Housekeeping,
}

impl Purpose {
    /// The purpose's name, as rules and leaves carry it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::WarnVictims { .. } => "warn-victims",
            Self::ConductOperation { .. } => "conduct-operation",
            Self::ConvertOwnFile => "convert-own-file",
            Self::Housekeeping => "housekeeping",
        }
    }

    /// What it is about: the round or the operation.
    #[must_use]
    pub fn about(&self) -> Option<String> {
        match self {
            Self::WarnVictims { round } => Some(round.to_string()),
            Self::ConductOperation { operation } => Some(operation.to_string()),
            Self::ConvertOwnFile | Self::Housekeeping => None,
        }
    }
}
