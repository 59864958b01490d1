//! The manifest: which segments there are and what they cover. Written last, it is what makes an import exist.
//!
//! It is sealed like the segments, so that nobody can take an import away unseen by altering it. An older whole manifest put
//! back in its place still opens: the generation, which the deed writes into the ledger, shows that.

use std::fmt;
use std::str::FromStr;

use keys::{DataKey, KeyError};
use model::Instant;
use model::port::Entropy;
use model::problem::{Place, Problem};
use serde::{Deserialize, Serialize};

use crate::codes;
use crate::coverage::Coverage;

/// The version of the manifest's shape.
const VERSION: u32 = 1;
const AAD: &[u8] = b"noroshi assignment manifest 1";

/// One source of records, such as `radius-tokyo` or `cgn`: a slug of at most 32 characters. What a table covers is reckoned by
/// table, so that records of one source that stopped are not taken as complete because others go on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableName(String);

impl TableName {
    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TableName {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let good = !text.is_empty()
            && text.len() <= 32
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
            && !text.contains("--");
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(Problem::new(&codes::TABLE_NAME, Place::default().field("table")).with_value(text))
        }
    }
}

impl TryFrom<String> for TableName {
    type Error = Problem;
    fn try_from(text: String) -> Result<Self, Problem> {
        text.parse()
    }
}

impl From<TableName> for String {
    fn from(name: TableName) -> String {
        name.0
    }
}

/// What kind of records a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A list of leases as CSV; it says of each open lease that it is still running.
    Leases,
    /// RADIUS accounting as FreeRADIUS `detail` files: what happened, so that silence about a session says that it goes on.
    RadiusDetail,
}

/// One import, by 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImportId(String);

impl ImportId {
    pub(crate) fn fresh(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The import of this id, whether or not there is one: for what a user typed.
    #[must_use]
    pub fn written(text: &str) -> Self {
        Self(text.trim().to_ascii_lowercase())
    }
}

impl fmt::Display for ImportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    version: u32,
    /// How many manifests there were before this one.
    pub(crate) generation: u64,
    /// Under which key the segments are sealed; forgetting begins the next.
    pub(crate) scope: u64,
    pub(crate) imports: Vec<Import>,
    pub(crate) contacts: Option<ContactsFile>,
}

/// What one import left.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Import {
    pub(crate) id: ImportId,
    pub(crate) table: TableName,
    pub(crate) kind: SourceKind,
    /// The times about which its records are complete, the ends excluded.
    pub(crate) covers: Vec<(Instant, Instant)>,
    pub(crate) at: Instant,
    /// None where it brought nothing but coverage.
    pub(crate) segment: Option<SegmentFile>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SegmentFile {
    pub(crate) name: String,
    pub(crate) chunks: u32,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContactsFile {
    pub(crate) segment: SegmentFile,
    pub(crate) contacts: u64,
    pub(crate) at: Instant,
}

impl Default for Manifest {
    fn default() -> Self {
        Self { version: VERSION, generation: 0, scope: 0, imports: Vec::new(), contacts: None }
    }
}

impl Manifest {
    pub(crate) fn seal(&self, key: &DataKey, entropy: &dyn Entropy) -> Result<Vec<u8>, KeyError> {
        // A struct of strings, numbers and lists always serialises.
        let plain = serde_json::to_vec(self).unwrap_or_default();
        key.seal(entropy, AAD, &plain)
    }

    /// None where the bytes open and are no manifest of a known version.
    pub(crate) fn open(key: &DataKey, sealed: &[u8]) -> Result<Option<Self>, KeyError> {
        let plain = key.open(AAD, sealed)?;
        Ok(serde_json::from_slice(&plain).ok().filter(|manifest: &Self| manifest.version == VERSION))
    }

    /// The tables in order of their first import. INVARIANT: at most 64.
    pub(crate) fn tables(&self) -> Vec<&TableName> {
        let mut tables: Vec<&TableName> = Vec::new();
        for import in &self.imports {
            if !tables.contains(&&import.table) {
                tables.push(&import.table);
            }
        }
        tables
    }

    /// The times about which a table can speak.
    pub(crate) fn coverage(&self, table: &TableName) -> Coverage {
        let imports = self.imports.iter().filter(|import| import.table == *table);
        Coverage::of(imports.flat_map(|import| import.covers.iter().copied()))
    }

    /// Every segment's file name.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        let contacts = self.contacts.iter().map(|contacts| contacts.segment.name.as_str());
        self.imports
            .iter()
            .filter_map(|import| import.segment.as_ref())
            .map(|segment| segment.name.as_str())
            .chain(contacts)
    }
}
