//! Contacts that others publish: read from files, shown as a difference to what was known, applied in a second step.
//!
//! An import replaces what the same source said before and nothing else; the roster is never touched and goes first. Nothing
//! here is a ground to send, so routing does not look at it: whoever is to receive stands in the roster, with an agreement.
//! The state of both sides is walked in the order of the subjects, so that neither is ever in memory whole.

use directory::contact::difference::{self, Change, Kind, Pairing, Step};
use directory::contact::{self, Contradiction, Facts, Gathered, Record, SourceKind, Subject, Tally};
use directory::{Directory, RosterEntry};
use model::Actor;
use model::problem::{Place, Problem};
use store::contact::{Import, Row};
use store::{ContactImportId, Reading, Tx};

use crate::gate::own;
use crate::house::House;
use crate::problem::{CONTACTS_MOVED, DeedError};

/// So many subjects are loaded at a time.
const PAGE: u64 = 2_000;

/// What an import says of a subject, as it is walked.
#[derive(Debug)]
pub enum Told<'a> {
    /// A field that changes; one that is only confirmed is not told.
    Change(&'a Change),
    /// A value that the roster contradicts; the roster's stands.
    Contradiction {
        /// Of which subject.
        subject: &'a Subject,
        /// What the source says.
        automatic: &'a contact::Fact,
        /// What the roster says.
        manual: &'a Contradiction<'a>,
    },
}

/// What an import did, or would do.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// What became of the rows of the files.
    pub tally: Tally,
    /// Subjects of which the source says something now.
    pub subjects: u64,
    /// Fields that are new.
    pub added: u64,
    /// Fields with other values.
    pub changed: u64,
    /// Fields that are gone.
    pub removed: u64,
    /// Fields with the same values that were read elsewhere or later.
    pub confirmed: u64,
    /// Values that the roster contradicts.
    pub contradictions: u64,
    /// The digest of the difference, by which it is applied; hexadecimal.
    pub digest: String,
}

impl Imported {
    /// Whether nothing would change, not even where something was read.
    #[must_use]
    pub const fn is_same(&self) -> bool {
        self.added + self.changed + self.removed + self.confirmed == 0
    }
}

/// What is known of a subject.
#[derive(Debug)]
pub struct Known {
    /// Who says so: the source.
    pub source: String,
    /// Of which subject: the one that was asked for, or one around it.
    pub subject: Subject,
    /// Its fields.
    pub facts: Facts,
}

/// The name under which a source's contacts are kept: its kind, and which of that kind.
#[must_use]
pub fn source_key(kind: SourceKind, name: &str) -> String {
    format!("{}/{name}", kind.name())
}

impl House {
    /// Says what an import of the source would change; `tell` is called in the order of the subjects. Nothing is written.
    ///
    /// # Errors
    /// [`DeedError`] where files, state or `tell` fail.
    pub async fn compare_contacts(
        &self,
        actor: &Actor,
        source: &str,
        gathered: Gathered,
        tell: &mut dyn FnMut(Told<'_>) -> std::io::Result<()>,
    ) -> Result<Imported, DeedError> {
        own(self, actor)?;
        let mut walk = Walk::new(self, source, gathered);
        while let Some((subject, changes, after)) = walk.next((&self.store).into()).await? {
            for change in changes.iter().filter(|change| change.kind() != Kind::Confirmed) {
                tell(Told::Change(change)).map_err(fault)?;
            }
            let record = Record { subject, facts: after };
            let mut contradictions = 0;
            for manual in walk.contradictions(&record) {
                let Some(automatic) = record.facts.get(&manual.field) else { continue };
                contradictions += 1;
                tell(Told::Contradiction { subject: &record.subject, automatic, manual: &manual }).map_err(fault)?;
            }
            walk.imported.contradictions += contradictions;
        }
        Ok(walk.end())
    }

    /// Applies the difference of that digest: what was shown, and only that. One transaction writes it with its leaf.
    ///
    /// # Errors
    /// [`DeedError::Problem`] with [`CONTACTS_MOVED`] where files or state give another difference; then nothing changes.
    pub async fn apply_contacts(
        &self,
        actor: &Actor,
        kind: SourceKind,
        source: &str,
        gathered: Gathered,
        digest: &str,
    ) -> Result<Imported, DeedError> {
        own(self, actor)?;
        let leaf = self.record_leaf(ledger::Kind::Recorded, "contacts", actor);
        let leaf = leaf.with("source", source).with("digest", digest);
        let mut tx = self.store.begin("contacts::apply").await?;
        store::leaf::append(&mut tx, &leaf).await?;
        let import = Import {
            id: ContactImportId::fresh(&*self.clock, &*self.entropy),
            source: source.to_owned(),
            kind: kind.name().to_owned(),
            at: self.clock.now(),
            digest: digest.to_owned(),
            fields: [0; 3],
            leaf: model::LeafId::from_uuid(leaf.id),
        };
        store::contact::record(&mut tx, &import).await?;
        let walked = self.write_contacts(&mut tx, source, gathered, import.id).await;
        let imported = match walked {
            Ok(imported) if imported.digest == digest => imported,
            Ok(imported) => {
                tx.rollback().await?;
                let problem = Problem::new(&CONTACTS_MOVED, Place::file(source));
                return Err(DeedError::Problem(problem.with_value(&format!("{digest} ≠ {}", imported.digest))));
            }
            Err(error) => {
                tx.rollback().await?;
                return Err(error);
            }
        };
        if imported.is_same() {
            tx.rollback().await?;
            return Ok(imported);
        }
        let fields = [imported.added, imported.changed, imported.removed];
        store::contact::settle(&mut tx, import.id, digest, fields).await?;
        tx.commit().await?;
        Ok(imported)
    }

    async fn write_contacts(
        &self,
        tx: &mut Tx,
        source: &str,
        gathered: Gathered,
        import: ContactImportId,
    ) -> Result<Imported, DeedError> {
        let mut walk = Walk::new(self, source, gathered);
        while let Some((subject, changes, after)) = walk.next((&mut *tx).into()).await? {
            if changes.is_empty() {
                continue;
            }
            let key = subject.key();
            if after.is_empty() {
                store::contact::remove(tx, source, &key).await?;
            } else {
                let facts = serde_json::to_string(&after).map_err(fault)?;
                store::contact::put(tx, &Row { source: source.to_owned(), subject: key, facts }, import).await?;
            }
        }
        Ok(walk.end())
    }

    /// What is known of the subject: what the sources say of it and of what lies around it, the nearest first; for an address
    /// also of the system that announces it.
    ///
    /// # Errors
    /// [`DeedError`] where the state fails.
    pub async fn known_contacts(&self, subject: &Subject) -> Result<Vec<Known>, DeedError> {
        let mut keys = subject.ladder();
        if let (Subject::Network(net), Ok(directory)) = (subject, self.directory()) {
            keys.extend(directory.lookup(net.network().into()).asn.map(|asn| Subject::Asn(asn).key()));
        }
        let mut known = Vec::new();
        for key in keys {
            for row in store::contact::of_subject(&self.store, &key).await? {
                let record = record(&row)?;
                known.push(Known { source: row.source, subject: record.subject, facts: record.facts });
            }
        }
        Ok(known)
    }

    /// The party of the roster that holds the subject, whose contacts there go before all others.
    #[must_use]
    pub fn manual_contacts(&self, subject: &Subject) -> Option<RosterEntry> {
        let directory = self.directory().ok()?;
        let holder = match subject {
            Subject::Asn(asn) => directory.party_of_asn(*asn),
            Subject::Domain(domain) => directory.lookup_domain(domain.as_str()).party,
            Subject::Network(net) => directory.lookup(net.network().into()).party,
        };
        holder.cloned()
    }
}

/// Both sides of one source, walked subject by subject.
struct Walk {
    source: String,
    gathered: Gathered,
    pairing: Pairing,
    after: String,
    directory: Option<std::sync::Arc<Directory>>,
    digest: [u8; 32],
    imported: Imported,
}

impl Walk {
    fn new(house: &House, source: &str, gathered: Gathered) -> Self {
        Self {
            source: source.to_owned(),
            gathered,
            pairing: Pairing::default(),
            after: String::new(),
            directory: house.directory().ok(),
            digest: ledger::leaf::leaf_hash(format!("contacts-1 {source}").as_bytes()),
            imported: Imported::default(),
        }
    }

    /// The next subject: what changes about it, and what is known of it then.
    async fn next(&mut self, mut from: Reading<'_>) -> Result<Option<(Subject, Vec<Change>, Facts)>, DeedError> {
        loop {
            match self.pairing.step() {
                Step::Load => {
                    let rows = store::contact::page(again(&mut from), &self.source, &self.after, PAGE).await?;
                    if let Some(last) = rows.last() {
                        self.after.clone_from(&last.subject);
                    }
                    self.pairing.load(rows.iter().map(record).collect::<Result<_, _>>()?);
                }
                Step::Read => self.pairing.offer(self.gathered.next_record().map_err(fault)?),
                Step::Subject(pair) => {
                    let (subject, before, after) = *pair;
                    let changes = difference::of_subject(&subject, &before, &after);
                    self.count(&changes, &after)?;
                    return Ok(Some((subject, changes, after)));
                }
                Step::End => return Ok(None),
            }
        }
    }

    fn count(&mut self, changes: &[Change], after: &Facts) -> Result<(), DeedError> {
        self.imported.subjects += u64::from(!after.is_empty());
        for change in changes {
            let count = match change.kind() {
                Kind::Added => &mut self.imported.added,
                Kind::Changed => &mut self.imported.changed,
                Kind::Removed => &mut self.imported.removed,
                Kind::Confirmed => &mut self.imported.confirmed,
            };
            *count += 1;
            // Each change is bound to all before it.
            let mut bytes = self.digest.to_vec();
            let told = (change.subject.key(), change.field, &change.before, &change.after);
            serde_json::to_writer(&mut bytes, &told).map_err(fault)?;
            self.digest = ledger::leaf::leaf_hash(&bytes);
        }
        Ok(())
    }

    fn contradictions<'d>(&'d self, record: &Record) -> Vec<Contradiction<'d>> {
        self.directory.as_ref().map_or_else(Vec::new, |directory| contact::against_roster(record, directory))
    }

    fn end(self) -> Imported {
        let digest = self.digest.iter().map(|b| format!("{b:02x}")).collect();
        Imported { digest, tally: self.gathered.tally().clone(), ..self.imported }
    }
}

/// The same place to read from, once more.
fn again<'a>(from: &'a mut Reading<'_>) -> Reading<'a> {
    match from {
        Reading::Store(store) => Reading::Store(store),
        Reading::Look(look) => Reading::Look(look),
        Reading::Tx(tx) => Reading::Tx(tx),
    }
}

fn record(row: &Row) -> Result<Record, DeedError> {
    let subject = Subject::of_key(&row.subject);
    let subject = subject.ok_or_else(|| DeedError::Fault(format!("a contact of `{}`", row.subject)))?;
    Ok(Record { subject, facts: serde_json::from_str(&row.facts).map_err(fault)? })
}

fn fault(error: impl std::fmt::Display) -> DeedError {
    DeedError::Fault(error.to_string())
}
