//! Recording the roster: who the parties are, as a snapshot that a later one replaces.

use directory::Roster;
use ledger::Kind;
use model::problem::Problem;
use model::{Actor, Instant};

use crate::gate::own;
use crate::house::House;
use crate::problem::DeedError;

/// What came of a roster.
#[derive(Debug)]
pub struct Recorded {
    /// How many parties it holds.
    pub parties: usize,
    /// Its own version.
    pub version: String,
    /// What is remarkable about it and allowed.
    pub notes: Vec<Problem>,
    /// Whether it is the same text as the one in force.
    pub unchanged: bool,
}

impl House {
    /// Reads a roster and, unless `dry_run`, records it as the one in force from now on.
    ///
    /// # Errors
    /// [`DeedError::Problems`] with every fault; then nothing changes.
    pub async fn record_roster(
        &self,
        actor: &Actor,
        file: &str,
        text: &str,
        dry_run: bool,
    ) -> Result<Recorded, DeedError> {
        own(self, actor)?;
        let (roster, notes) = Roster::read(file, text).map_err(|e| DeedError::Problems(e.errors))?;
        let now = self.clock.now();
        let digest = document_digest(text);
        let in_force = store::roster::in_force(&self.store, now, now).await?;
        let unchanged = in_force.as_ref().is_some_and(|snapshot| snapshot.digest == digest);
        let recorded =
            Recorded { parties: roster.parties().len(), version: roster.version().to_owned(), notes, unchanged };
        if dry_run || unchanged {
            return Ok(recorded);
        }
        let leaf = self.record_leaf(Kind::Recorded, "roster", actor).with("digest", digest.as_str());
        let leaf = leaf.with("version", roster.version()).with("parties", recorded.parties as u64);
        let mut tx = self.store.begin("roster::record").await?;
        store::leaf::append(&mut tx, &leaf).await?;
        let snapshot = store::roster::Snapshot {
            id: store::RosterId::fresh(&*self.clock, &*self.entropy),
            digest,
            valid_from: valid_from(in_force.is_some(), now),
            recorded_at: now,
            text: text.to_owned(),
            leaf: model::LeafId::from_uuid(leaf.id),
        };
        store::roster::record(&mut tx, &snapshot).await?;
        tx.commit().await?;
        self.reload_directory().await?;
        Ok(recorded)
    }
}

/// The first roster speaks of all time before it as well; a later one from now on.
fn valid_from(replaces: bool, now: Instant) -> Instant {
    if replaces { now } else { Instant::from_micros(0) }
}

/// SHA-256 of a document without personal data, hexadecimal, as leaves name it.
#[must_use]
pub fn document_digest(text: &str) -> String {
    ledger::leaf::leaf_hash(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}
