//! The register of assignments and contacts on disk: planned imports, published whole, and what is made of them.
//!
//! `manifest` names the segments in `segments/`. An import writes its segment, then the manifest: until that file stands
//! the old set counts, afterwards the new one. What a crash left unnamed is removed before the next import.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, DiskError};
use keys::{DataKey, KeyError, Keyring, RetentionClass};
use law::Clearance;
use law::question::Action;
use model::Instant;
use model::port::Entropy;
use model::problem::{Code, Place, Problem};

use crate::Settings;
use crate::codes;
use crate::contact::{Contact, Contacts};
use crate::coverage::Coverage;
use crate::facts::{Facts, Words};
use crate::finding::{NotOpened, for_action};
use crate::index::{Index, seal};
use crate::manifest::{ContactsFile, Import, ImportId, Manifest, SegmentFile, SourceKind, TableName};
use crate::plan::{ContactsPlan, CoversFrom, ImportPlan, Source, Taken};
use crate::read::assignments::About;
use crate::read::contacts::read_contacts;
use crate::read::table::Unreadable;
use crate::segment::{self, BadSegment, Writer};
use crate::settle::{Owner, settle};
use crate::subscriber::Pseudonyms;

/// How far a clock may be ahead of ours before a time counts as lying in the future, in seconds.
const FUTURE_TOLERANCE: i64 = 300;
/// Tables are bits of a number.
const MOST_TABLES: usize = 64;

/// The register: one folder of sealed files.
pub struct Register {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    keyring: Arc<Keyring>,
    entropy: Arc<dyn Entropy>,
    settings: Settings,
}

/// What the register has. Nothing in it is about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// How often it was changed.
    pub generation: u64,
    /// The tables, in order of their first import.
    pub tables: Vec<TableOverview>,
    /// How many contacts there are and since when, if any were imported.
    pub contacts: Option<(u64, Instant)>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableOverview {
    /// Its name.
    pub name: TableName,
    /// What it is.
    pub kind: SourceKind,
    /// The times about which it can speak.
    pub coverage: Coverage,
    /// Its imports, and when they were made.
    pub imports: Vec<(ImportId, Instant)>,
}

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Leases and sessions that had ended by then.
    pub forgotten: u64,
    /// Leases and sessions that are kept.
    pub kept: u64,
}

/// Why the register did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// What was handed in cannot be taken.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// The clearance does not allow it.
    #[error(transparent)]
    NotOpened(#[from] NotOpened),
    /// What was handed in could not be read to its end.
    #[error("cannot read what was handed in: {0}")]
    Read(io::Error),
    /// A file of the register was altered or cut short. Nobody is identified by half a register.
    #[error("`{file}` is damaged or was altered: {cause}")]
    Damaged {
        /// Its name.
        file: String,
        /// What is wrong with it.
        cause: BadSegment,
    },
    /// A key is not to be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The disk said no.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The lock that keeps two imports apart could not be had.
    #[error("cannot lock `{path}`: {source}")]
    Lock {
        /// The lock's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl RegisterError {
    /// The code under which the manual explains it, where this crate has one.
    #[must_use]
    pub const fn code(&self) -> Option<&'static Code> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            Self::Damaged { .. } => Some(&codes::DAMAGED),
            Self::Key(error) => error.code(),
            _ => None,
        }
    }
}

impl From<Unreadable> for RegisterError {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Problem(problem) => Self::Refused(problem),
            Unreadable::Io(error) => Self::Read(error),
        }
    }
}

impl Register {
    /// The register in `folder`; an absent or empty folder is an empty register. Nonces are made of `entropy`:
    /// [`keys::OsEntropy`] wherever anything is to be protected.
    #[must_use]
    pub fn new(
        disk: Arc<dyn Disk>,
        folder: &Path,
        keyring: Arc<Keyring>,
        entropy: Arc<dyn Entropy>,
        settings: Settings,
    ) -> Self {
        Self { disk, folder: folder.to_owned(), keyring, entropy, settings }
    }

    /// What there is.
    ///
    /// # Errors
    /// [`RegisterError`] where the manifest cannot be read.
    pub fn overview(&self) -> Result<Overview, RegisterError> {
        let manifest = self.manifest()?;
        let table = |name: &TableName| {
            let imports = || manifest.imports.iter().filter(|import| import.table == *name);
            TableOverview {
                name: name.clone(),
                kind: imports().next().map_or(SourceKind::Leases, |import| import.kind),
                coverage: manifest.coverage(name),
                imports: imports().map(|import| (import.id.clone(), import.at)).collect(),
            }
        };
        Ok(Overview {
            generation: manifest.generation,
            tables: manifest.tables().into_iter().map(table).collect(),
            contacts: manifest.contacts.as_ref().map(|contacts| (contacts.contacts, contacts.at)),
        })
    }

    /// Reads a file of records and says what importing it would change. Writes nothing.
    ///
    /// # Errors
    /// [`RegisterError::Refused`] where the file or what is declared about it cannot be taken at all; bad rows are rejects.
    /// [`RegisterError::NotOpened`] unless the clearance is for keeping the operator's assignments.
    pub fn plan_import(
        &self,
        source: &Source<'_>,
        bytes: impl BufRead,
        clearance: &Clearance,
        now: Instant,
    ) -> Result<ImportPlan, RegisterError> {
        admit(clearance, now)?;
        let manifest = self.manifest()?;
        let refuse = |code, field: &str| Problem::new(code, Place::file(source.file).field(field));
        let latest = now.plus_seconds(FUTURE_TOLERANCE);
        if source.as_of > latest {
            return Err(refuse(&codes::AS_OF_FUTURE, "as-of").with_value(&source.as_of.to_string()).into());
        }
        let tables = manifest.tables();
        let known = tables.iter().position(|table| **table == source.table);
        if manifest.imports.iter().any(|import| import.table == source.table && import.kind != source.kind) {
            return Err(refuse(&codes::TABLE_KIND, "table").with_value(source.table.as_str()).into());
        }
        let number = known.unwrap_or(tables.len());
        if number >= MOST_TABLES {
            return Err(refuse(&codes::TOO_MANY_TABLES, "table").with_value(source.table.as_str()).into());
        }
        let table = u8::try_from(number).unwrap_or(u8::MAX);
        let mut coverage: Vec<Coverage> = tables.iter().map(|table| manifest.coverage(table)).collect();
        if known.is_none() {
            coverage.push(Coverage::default());
        }
        let covered_before = manifest.coverage(&source.table);

        let (mut facts, mut words) = self.load(&manifest)?;
        let about = About { file: source.file, table, zone: source.zone.as_ref(), as_of: source.as_of, latest };
        let taken = Taken::read(source.kind, bytes, &about, &mut words)?;

        let last_import = covered_before.times().map(|(_, to)| to).filter(|to| *to <= source.as_of).last();
        let first = taken.first.map(Instant::from_micros).filter(|first| *first < source.as_of);
        let from = match source.from {
            CoversFrom::At(from) if from >= source.as_of => {
                return Err(refuse(&codes::COVERAGE_ORDER, "from").with_value(&from.to_string()).into());
            }
            CoversFrom::At(from) => Some(from),
            CoversFrom::LastImport => last_import.or(first),
            CoversFrom::FirstRecord => first,
        };
        let covers: Vec<(Instant, Instant)> = from.map(|from| (from, source.as_of)).into_iter().collect();
        let covered_after = Coverage::of(covered_before.times().chain(covers.iter().copied()));
        // INVARIANT: `coverage` has an entry for this table, see above.
        coverage[number] = covered_after.clone();

        let lacking = facts.lacking(&taken.facts);
        let mut plan = ImportPlan {
            read: taken.read,
            rejected: taken.rejects.0.len() as u64,
            repeated: taken.repeated,
            beside: taken.beside,
            new: 0,
            extended: 0,
            same: 0,
            contradictions: 0,
            problems: Vec::new(),
            rejects: seal(taken.rejects),
            covered_before,
            covered_after,
            generation: manifest.generation,
            facts: lacking,
            words: Words::default(),
            table: source.table.clone(),
            kind: source.kind,
            covers,
        };
        plan.compare(&facts, &taken.facts);
        facts.unite(&plan.facts);
        let settled = settle(&facts, &coverage, self.settings.silence());
        plan.contradict(source.file, &facts, settled, &taken.lines);
        plan.words = words;
        Ok(plan)
    }

    /// Imports what was planned: all of it or, after a crash, nothing.
    ///
    /// # Errors
    /// [`RegisterError::Refused`] with `assignment-plan-stale` where something was imported since it was planned.
    /// [`RegisterError::NotOpened`] unless the clearance is for keeping the operator's assignments.
    pub fn commit(&self, plan: ImportPlan, clearance: &Clearance, now: Instant) -> Result<ImportId, RegisterError> {
        admit(clearance, now)?;
        let _lock = self.lock()?;
        let mut manifest = self.fresh_manifest(plan.generation)?;
        let id = ImportId::fresh(&*self.entropy);
        let segment = if plan.facts.is_empty() {
            None
        } else {
            Some(self.write_facts(manifest.scope, &plan.facts, &plan.words)?)
        };
        let import =
            Import { id: id.clone(), table: plan.table, kind: plan.kind, covers: plan.covers, at: now, segment };
        manifest.imports.push(import);
        self.publish(manifest)?;
        Ok(id)
    }

    /// Takes an import back: what only it said is gone, and what it covered is covered no more. Rows that later imports
    /// repeated were not stored a second time: import those files again.
    ///
    /// # Errors
    /// [`RegisterError::Refused`] with `assignment-import-unknown` where there is no such import.
    /// [`RegisterError::NotOpened`] unless the clearance is for keeping the operator's assignments.
    pub fn withdraw(&self, import: &ImportId, clearance: &Clearance, now: Instant) -> Result<(), RegisterError> {
        admit(clearance, now)?;
        let _lock = self.lock()?;
        let mut manifest = self.manifest()?;
        let before = manifest.imports.len();
        manifest.imports.retain(|one| one.id != *import);
        if manifest.imports.len() == before {
            let place = Place::default().field("import");
            return Err(Problem::new(&codes::IMPORT_UNKNOWN, place).with_value(import.as_str()).into());
        }
        self.publish(manifest)?;
        self.tidy()
    }

    /// Forgets every lease and session that was over before `cutoff`: the rest is sealed anew under a new key, and the old
    /// key is destroyed, so that copies and backups of the old files stay closed for good.
    ///
    /// # Errors
    /// [`RegisterError::NotOpened`] unless the clearance is for keeping the operator's assignments; what keys and disk say.
    pub fn forget_before(
        &self,
        cutoff: Instant,
        clearance: &Clearance,
        now: Instant,
    ) -> Result<Forgotten, RegisterError> {
        admit(clearance, now)?;
        let _lock = self.lock()?;
        let mut manifest = self.manifest()?;
        let (facts, words) = self.load(&manifest)?;
        let coverage: Vec<Coverage> = manifest.tables().into_iter().map(|table| manifest.coverage(table)).collect();
        let settled = settle(&facts, &coverage, self.settings.silence());
        let mut held: HashSet<Owner> = HashSet::new();
        for span in settled.spans.iter().filter(|span| span.start < span.end && span.end > cutoff.as_micros()) {
            // INVARIANT: a span's owner is an entry of `owners`.
            held.insert(settled.owners[span.owner as usize]);
        }
        let all: HashSet<Owner> = settled.owners.iter().copied().collect();
        let kept = |owner: Owner, last: i64| held.contains(&owner) || last >= cutoff.as_micros();

        manifest.scope += 1;
        let mut imports = Vec::new();
        for (number, table) in (0_u8..).zip(manifest.tables()) {
            let mut rest = Facts::default();
            let of_table = facts.leases.iter().filter(|(key, _)| key.table == number);
            rest.leases =
                of_table.filter(|(key, _)| kept(Owner::Lease(**key), i64::MIN)).map(|(&k, &e)| (k, e)).collect();
            let of_table = facts.signs.iter().filter(|(key, _)| key.table == number);
            rest.signs = of_table
                .filter(|(key, signs)| kept(Owner::Session(key.session), signs.last))
                .map(|(&key, &signs)| (key, signs))
                .collect();
            if number == 0 {
                // An access server's reboot belongs to no table.
                rest.reboots = facts.reboots.iter().filter(|reboot| reboot.at >= cutoff.as_micros()).copied().collect();
            }
            let covers: Vec<(Instant, Instant)> = manifest
                .coverage(table)
                .times()
                .map(|(from, to)| (from.max(cutoff), to))
                .filter(|(from, to)| from < to)
                .collect();
            if rest.is_empty() && covers.is_empty() {
                continue;
            }
            let kind = manifest.imports.iter().find(|import| import.table == *table).map(|import| import.kind);
            imports.push(Import {
                id: ImportId::fresh(&*self.entropy),
                table: table.clone(),
                kind: kind.unwrap_or(SourceKind::Leases),
                covers,
                at: now,
                segment: if rest.is_empty() { None } else { Some(self.write_facts(manifest.scope, &rest, &words)?) },
            });
        }
        manifest.imports = imports;
        self.publish(manifest)?;
        self.tidy()?;
        let kept = held.len() as u64;
        Ok(Forgotten { forgotten: all.len() as u64 - kept, kept })
    }

    /// The index of all that was imported.
    ///
    /// # Errors
    /// [`RegisterError::Damaged`] where any file was altered: nobody is identified by half a register.
    pub fn index(&self) -> Result<Index, RegisterError> {
        let manifest = self.manifest()?;
        let (facts, words) = self.load(&manifest)?;
        let coverage = manifest.tables().into_iter().map(|table| manifest.coverage(table)).collect();
        let pseudonyms = Pseudonyms::of(&self.keyring)?;
        Ok(Index::of(&facts, words, coverage, &self.settings, &pseudonyms))
    }

    /// Reads a list of contacts and says what importing it would change. Writes nothing. Where the list has no column for it,
    /// who asked not to be told stays untold.
    ///
    /// # Errors
    /// As [`Register::plan_import`].
    pub fn plan_contacts(
        &self,
        file: &str,
        bytes: impl BufRead,
        clearance: &Clearance,
        now: Instant,
    ) -> Result<ContactsPlan, RegisterError> {
        admit(clearance, now)?;
        let manifest = self.manifest()?;
        let before = self.load_contacts(&manifest)?;
        let list = read_contacts(file, bytes)?;
        let mut plan = ContactsPlan {
            read: list.rows,
            rejected: list.rejects.0.len() as u64,
            repeated: list.repeated,
            new: 0,
            changed: 0,
            same: 0,
            gone: before.keys().filter(|reference| !list.contacts.contains_key(*reference)).count() as u64,
            opted_out: 0,
            no_longer_opted_out: 0,
            without_mail: 0,
            rejects: seal(list.rejects),
            generation: manifest.generation,
            contacts: list.contacts,
        };
        for (reference, contact) in &mut plan.contacts {
            let old = before.get(reference);
            let declined = old.is_some_and(|old| old.opted_out);
            if !list.says_opt_out {
                contact.opted_out = declined;
            }
            plan.opted_out += u64::from(contact.opted_out);
            plan.no_longer_opted_out += u64::from(declined && !contact.opted_out);
            plan.without_mail += u64::from(contact.mail.is_none());
            match old {
                None => plan.new += 1,
                Some(old) if old == contact => plan.same += 1,
                Some(_) => plan.changed += 1,
            }
        }
        Ok(plan)
    }

    /// Replaces the contacts by those that were planned.
    ///
    /// # Errors
    /// As [`Register::commit`].
    pub fn commit_contacts(
        &self,
        plan: ContactsPlan,
        clearance: &Clearance,
        now: Instant,
    ) -> Result<(), RegisterError> {
        admit(clearance, now)?;
        let _lock = self.lock()?;
        let mut manifest = self.fresh_manifest(plan.generation)?;
        let mut contacts: Vec<(&str, &Contact)> =
            plan.contacts.iter().map(|(who, contact)| (who.as_str(), contact)).collect();
        contacts.sort_unstable_by_key(|&(who, _)| who);
        let segment = self.write_segment(&self.contacts_key()?, |writer| writer.contacts(&contacts))?;
        manifest.contacts = Some(ContactsFile { segment, contacts: contacts.len() as u64, at: now });
        self.publish(manifest)?;
        self.tidy()
    }

    /// The contacts.
    ///
    /// # Errors
    /// [`RegisterError::Damaged`] where the file was altered.
    pub fn contacts(&self) -> Result<Contacts, RegisterError> {
        let contacts = self.load_contacts(&self.manifest()?)?;
        let pseudonyms = Pseudonyms::of(&self.keyring)?;
        Ok(Contacts::of(contacts.into_iter().map(|(who, contact)| (pseudonyms.make(&who), contact)).collect()))
    }

    fn load(&self, manifest: &Manifest) -> Result<(Facts, Words), RegisterError> {
        let (mut facts, mut words) = (Facts::default(), Words::default());
        let tables = manifest.tables();
        let segments = manifest.imports.iter().filter_map(|import| Some((import, import.segment.as_ref()?)));
        for (import, file) in segments {
            let number = tables.iter().position(|table| **table == import.table).unwrap_or_default();
            let table = u8::try_from(number).unwrap_or(u8::MAX);
            let key = self.facts_key(manifest.scope)?;
            let bytes = self.read_segment(&file.name)?;
            segment::read_facts(&file.name, &bytes, file.chunks, &key, table, &mut words, &mut facts)
                .map_err(|cause| RegisterError::Damaged { file: file.name.clone(), cause })?;
        }
        Ok((facts, words))
    }

    fn load_contacts(&self, manifest: &Manifest) -> Result<HashMap<String, Contact>, RegisterError> {
        let mut contacts = HashMap::new();
        if let Some(ContactsFile { segment: file, .. }) = &manifest.contacts {
            let bytes = self.read_segment(&file.name)?;
            segment::read_contacts(&file.name, &bytes, file.chunks, &self.contacts_key()?, |who, contact| {
                contacts.insert(who.to_owned(), contact);
            })
            .map_err(|cause| RegisterError::Damaged { file: file.name.clone(), cause })?;
        }
        Ok(contacts)
    }

    fn manifest(&self) -> Result<Manifest, RegisterError> {
        let damaged = |cause| RegisterError::Damaged { file: MANIFEST.to_owned(), cause };
        let bytes = match self.disk.read(&self.folder.join(MANIFEST)) {
            Ok(bytes) => bytes,
            // The first manifest is written before any segment: segments without one mean that it was lost.
            Err(error) if error.is_not_found() && self.disk.list(&self.folder.join(SEGMENTS))?.is_empty() => {
                return Ok(Manifest::default());
            }
            Err(error) if error.is_not_found() => return Err(damaged(BadSegment::Missing)),
            Err(error) => return Err(error.into()),
        };
        Manifest::open(&self.manifest_key()?, &bytes)
            .map_err(|error| damaged(error.into()))?
            .ok_or_else(|| damaged(BadSegment::Shape))
    }

    /// The manifest, if it is still that of this generation, with the folder tidied. INVARIANT: after this a manifest is on disk.
    fn fresh_manifest(&self, generation: u64) -> Result<Manifest, RegisterError> {
        self.tidy()?;
        let manifest = self.manifest()?;
        if manifest.generation == 0 {
            self.write_manifest(&manifest)?;
        }
        if manifest.generation == generation {
            Ok(manifest)
        } else {
            Err(Problem::new(&codes::PLAN_STALE, Place::default()).into())
        }
    }

    fn write_facts(&self, scope: u64, facts: &Facts, words: &Words) -> Result<SegmentFile, RegisterError> {
        self.write_segment(&self.facts_key(scope)?, |writer| writer.facts(facts, words))
    }

    fn write_segment(
        &self,
        key: &DataKey,
        fill: impl FnOnce(&mut Writer<'_>) -> Result<(), BadSegment>,
    ) -> Result<SegmentFile, RegisterError> {
        let name = ImportId::fresh(&*self.entropy).as_str().to_owned();
        let mut writer = Writer::begin(&name, key, &*self.entropy);
        fill(&mut writer).map_err(|cause| RegisterError::Damaged { file: name.clone(), cause })?;
        let (bytes, chunks) = writer.end();
        self.disk.write_durably(&self.segment(&name), &bytes)?;
        Ok(SegmentFile { name, chunks })
    }

    /// INVARIANT: every segment that the manifest names is on disk before this.
    fn publish(&self, mut manifest: Manifest) -> Result<(), RegisterError> {
        manifest.generation += 1;
        self.write_manifest(&manifest)
    }

    fn write_manifest(&self, manifest: &Manifest) -> Result<(), RegisterError> {
        let sealed = manifest.seal(&self.manifest_key()?, &*self.entropy)?;
        self.disk.write_durably(&self.folder.join(MANIFEST), &sealed)?;
        Ok(())
    }

    /// Removes the segments that the manifest does not name and destroys the key before its own, if a crash left them.
    fn tidy(&self) -> Result<(), RegisterError> {
        let manifest = self.manifest()?;
        let named: HashSet<&str> = manifest.files().collect();
        for name in self.disk.list(&self.folder.join(SEGMENTS))? {
            if !named.contains(name.as_str()) {
                self.disk.remove(&self.segment(&name))?;
            }
        }
        if let Some(before) = manifest.scope.checked_sub(1) {
            let class = facts_class(before)?;
            if !self.keyring.is_destroyed(&class)? {
                self.keyring.destroy(&class)?;
            }
        }
        Ok(())
    }

    fn read_segment(&self, name: &str) -> Result<Vec<u8>, RegisterError> {
        self.disk.read(&self.segment(name)).map_err(|error| {
            if error.is_not_found() {
                RegisterError::Damaged { file: name.to_owned(), cause: BadSegment::Missing }
            } else {
                error.into()
            }
        })
    }

    fn segment(&self, name: &str) -> PathBuf {
        self.folder.join(SEGMENTS).join(name)
    }

    fn facts_key(&self, scope: u64) -> Result<DataKey, KeyError> {
        self.keyring.retention_key(&facts_class(scope)?)
    }

    fn manifest_key(&self) -> Result<DataKey, KeyError> {
        self.keyring.retention_key(&RetentionClass::new(RETENTION, "manifest")?)
    }

    fn contacts_key(&self) -> Result<DataKey, KeyError> {
        self.keyring.retention_key(&RetentionClass::new(RETENTION, "contacts")?)
    }

    /// Held while something is changed; the system gives it back when the process dies. None where the folder is not on the
    /// machine's own disk: a simulated disk has one process only.
    fn lock(&self) -> Result<Option<File>, RegisterError> {
        let path = self.folder.join(LOCK);
        let failed = |source| RegisterError::Lock { path: path.clone(), source };
        match File::options().create(true).truncate(false).write(true).open(&path) {
            Ok(file) => {
                file.lock().map_err(failed)?;
                Ok(Some(file))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

const MANIFEST: &str = "manifest";
const SEGMENTS: &str = "segments";
const LOCK: &str = "lock";
/// The kind of retention under which assignments are kept.
const RETENTION: &str = "assignment";

fn facts_class(scope: u64) -> Result<RetentionClass, KeyError> {
    RetentionClass::new(RETENTION, &format!("facts-{scope}"))
}

/// Whether the clearance is for keeping the operator's assignments, now.
fn admit(clearance: &Clearance, now: Instant) -> Result<(), NotOpened> {
    for_action(clearance, &[Action::Keep])?;
    Ok(seal(()).open(clearance, now, |()| ())?)
}
