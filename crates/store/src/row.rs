//! A row's columns as the model's types, and the ids of the rows that only the store knows.

use std::fmt;
use std::str::FromStr;

use model::id::BadId;
use model::port::{Clock, Entropy};
use model::{Instant, LeafId};
use sqlx::any::{Any, AnyRow};
use sqlx::{Decode, Row, Type};
use uuid::Uuid;

use crate::problem::StoreError;

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(LeafId);

        impl $name {
            /// A new id, made of the moment and of randomness (UUID version 7).
            pub fn fresh(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
                Self(LeafId::fresh(clock, entropy))
            }

            /// The id with exactly this UUID.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(LeafId::from_uuid(uuid))
            }

            /// The UUID inside.
            #[must_use]
            pub const fn uuid(&self) -> Uuid {
                self.0.uuid()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                text.parse().map(Self)
            }
        }
    };
}

row_id!(
    /// One import of contacts that others publish.
    ContactImportId
);
row_id!(
    /// One file of the archive, in the manifest.
    FactId
);
row_id!(
    /// One job of the outbox.
    OutboxId
);
row_id!(
    /// One snapshot of the roster.
    RosterId
);

/// A row that a statement returned.
pub(crate) struct Columns {
    pub(crate) row: AnyRow,
    pub(crate) statement: &'static str,
}

impl Columns {
    fn damaged(&self, column: &'static str) -> StoreError {
        StoreError::Damaged { statement: self.statement, column }
    }

    fn raw<'r, T: Decode<'r, Any> + Type<Any>>(&'r self, column: &'static str) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|_| self.damaged(column))
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.raw(column)
    }

    pub(crate) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.raw(column)
    }

    /// An id, a name of a closed list: whatever is kept as text.
    pub(crate) fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.raw::<String>(column)?.parse().map_err(|_| self.damaged(column))
    }

    pub(crate) fn maybe_parsed<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        match self.maybe_text(column)? {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| self.damaged(column)),
        }
    }

    pub(crate) fn number(&self, column: &'static str) -> Result<i64, StoreError> {
        self.raw(column)
    }

    pub(crate) fn maybe_number(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.raw(column)
    }

    pub(crate) fn count(&self, column: &'static str) -> Result<u64, StoreError> {
        u64::try_from(self.number(column)?).map_err(|_| self.damaged(column))
    }

    pub(crate) fn small(&self, column: &'static str) -> Result<u32, StoreError> {
        u32::try_from(self.number(column)?).map_err(|_| self.damaged(column))
    }

    pub(crate) fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        match self.number(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.damaged(column)),
        }
    }

    pub(crate) fn at(&self, column: &'static str) -> Result<Instant, StoreError> {
        self.number(column).map(Instant::from_micros)
    }

    pub(crate) fn maybe_at(&self, column: &'static str) -> Result<Option<Instant>, StoreError> {
        Ok(self.maybe_number(column)?.map(Instant::from_micros))
    }

    pub(crate) fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        self.raw(column)
    }

    pub(crate) fn hash(&self, column: &'static str) -> Result<[u8; 32], StoreError> {
        self.bytes(column)?.try_into().map_err(|_| self.damaged(column))
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|_| self.damaged(column))
    }

    pub(crate) fn round(&self, operation: &'static str, number: &'static str) -> Result<model::RoundId, StoreError> {
        Ok(model::RoundId { operation: self.parsed(operation)?, number: self.small(number)? })
    }
}

/// A closed list of names that a column may hold.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name as the column holds it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::row::NoSuchName;
            fn from_str(text: &str) -> Result<Self, $crate::row::NoSuchName> {
                Self::ALL.iter().copied().find(|known| known.name() == text).ok_or($crate::row::NoSuchName)
            }
        }
    };
}
pub(crate) use names;

/// A text that is none of the names that a column may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name of the list")]
pub struct NoSuchName;
