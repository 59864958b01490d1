//! Receiving a report: the source's agreement first, then the gate, and only then is anything kept.

use std::collections::HashSet;

use archive::BlobKind;
use formats::{Declared, Input, Reading};
use law::{Action, Clearance, Protected, Subject};
use model::party::AgreementKind;
use model::problem::Code;
use model::problem::Place;
use model::report::Report;
use model::tag::DataClass;
use model::{Actor, DecisionId, Lang, PartyId, Provenance, ReportId, RoundId, SightingBatch, Zone};
use store::fact::Kind as FactKind;
use store::report::{State, Terminals};

use crate::gate::{Answer, Asking, own};
use crate::house::House;
use crate::operation::Planned;
use crate::problem::{DeedError, NO_PROVIDE_AGREEMENT, NOT_THE_REPORTER, PLAN_NOT_AGREED};
use crate::same::{KEY_VERSION, row_key, terminal_key};

/// A file that somebody hands in.
#[derive(Clone)]
pub struct Handed<'a> {
    /// Its name without its folder.
    pub file: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Into which round.
    pub round: RoundId,
    /// Who hands it in.
    pub relay: PartyId,
    /// Who observed what it says, if that is another party.
    pub author: Option<PartyId>,
    /// The format, if it is known.
    pub format: Option<&'a str>,
    /// The zone of times that carry none.
    pub zone: Option<Zone>,
    /// A mapping file: its name and text.
    pub mapping: Option<(&'a str, &'a str)>,
}

/// What a file would become, shown before anything is kept.
pub struct Preview {
    /// The format and how it was found.
    pub format: String,
    /// How the format was found.
    pub found_by: String,
    /// Headings and what they were taken for.
    pub columns: Vec<(String, Option<String>)>,
    /// Rows read, not understood, said before, new.
    pub tally: model::IntakeTally,
    /// Distinct terminals.
    pub terminals: u64,
    /// The first rows, for whoever handed the file in: (line, time, address, port, malware).
    pub first: Vec<[String; 5]>,
    /// The error file's bytes.
    pub error_file: Option<Vec<u8>>,
    /// Where rows were rejected and why, without values.
    pub rejected: Vec<(Place, &'static Code)>,
    /// What is remarkable about the file.
    pub notes: Vec<(Place, &'static Code)>,
}

/// A report that was received.
pub struct Received {
    /// Its id.
    pub report: ReportId,
    /// What became of its rows, and the first of them.
    pub preview: Preview,
    /// The grounds it was received on, by rule.
    pub rules: Vec<String>,
}

/// A file read and compared with what the round has.
struct Normalised {
    /// How the round stood when its rows were compared.
    turn: store::turn::Turn,
    reading: Reading,
    fresh: Protected<SightingBatch>,
    keys: Vec<u8>,
    tally: model::IntakeTally,
    terminals: Terminals,
}

impl House {
    /// Shows what a file would become: reads it under a decision that is then given up, and keeps nothing.
    ///
    /// # Errors
    /// [`DeedError`] where the source may not hand it in, the gate refuses, or the file cannot be read at all.
    pub async fn preview(&self, actor: &Actor, handed: &Handed<'_>) -> Result<Preview, DeedError> {
        let planned = self.may_hand_in(actor, handed).await?;
        let id = ReportId::fresh(&*self.clock, &*self.entropy);
        let clearance = self.ask_to_receive(actor, handed, &planned, id).await?.or_refuse()?;
        let outcome = self.normalise(handed, &planned, &clearance, id).await;
        self.abandon(clearance.decision(), "preview").await?;
        let normalised = outcome?;
        self.show(handed, &normalised, &clearance)
    }

    /// Receives a report into a round.
    ///
    /// # Errors
    /// [`DeedError`] where the source may not hand it in, the gate refuses, the same file was received before, or the file
    /// cannot be read at all. Bad rows are no error: they are counted, and stand in the error file.
    pub async fn receive(&self, actor: &Actor, handed: &Handed<'_>) -> Result<Received, DeedError> {
        let planned = self.may_hand_in(actor, handed).await?;
        let digest = self.keyring.commitment("file")?.digest_file(handed.bytes);
        let earlier = store::report::same_file(&self.store, &digest).await?;
        if let Some(row) = earlier.iter().find(|row| row.state != State::Refused) {
            return Err(DeedError::SameFile { round: row.report.round.clone(), report: row.report.id });
        }
        let id = ReportId::fresh(&*self.clock, &*self.entropy);
        let clearance = match self.ask_to_receive(actor, handed, &planned, id).await? {
            Answer::Cleared(clearance) => clearance,
            Answer::Refused(decision, refusal) => {
                self.note_refused(handed, id, digest, decision).await?;
                return Err(DeedError::Refused { decision, refusal });
            }
        };
        let normalised = match self.normalise(handed, &planned, &clearance, id).await {
            Ok(normalised) => normalised,
            Err(error) => {
                if !error.is_crash() {
                    self.abandon(clearance.decision(), error.code()).await?;
                }
                return Err(error);
            }
        };
        let preview = self.show(handed, &normalised, &clearance)?;
        if let Err(error) = self.keep_report(handed, &planned, &clearance, id, digest, &normalised).await {
            if !error.is_crash() {
                self.abandon(clearance.decision(), error.code()).await?;
            }
            return Err(error);
        }
        Ok(Received { report: id, preview, rules: clearance.rules().to_vec() })
    }

    /// What may not be acquired is not kept: its keyed digest, its length and the refusal's leaf are all there is.
    async fn note_refused(
        &self,
        handed: &Handed<'_>,
        id: ReportId,
        digest: String,
        decision: DecisionId,
    ) -> Result<(), DeedError> {
        let report = Report {
            id,
            round: handed.round.clone(),
            author: handed.author.clone().unwrap_or_else(|| handed.relay.clone()),
            relay: handed.relay.clone(),
            received: self.clock.now(),
            file: String::new(),
            size: handed.bytes.len() as u64,
            digest,
            provenance: Provenance::default(),
        };
        let mut tx = self.store.begin("receive::refused").await?;
        store::report::insert(&mut tx, &report, State::Refused, Some(decision)).await?;
        Ok(tx.commit().await?)
    }

    async fn may_hand_in(&self, actor: &Actor, handed: &Handed<'_>) -> Result<Planned, DeedError> {
        own(self, actor)?;
        let planned = self.open_round_plan(&handed.round).await?;
        let now = self.clock.now();
        let relay = self.entry(&handed.relay)?;
        if relay.party.agreement(AgreementKind::Provide, now).is_none() {
            return Err(DeedError::NotInForce { code: &NO_PROVIDE_AGREEMENT, about: handed.relay.to_string() });
        }
        if handed.relay != planned.plan.reporter {
            return Err(DeedError::NotInForce { code: &NOT_THE_REPORTER, about: handed.relay.to_string() });
        }
        if planned.plan.agreement_of(&planned.plan.reporter, now).is_none() {
            return Err(DeedError::NotInForce { code: &PLAN_NOT_AGREED, about: handed.relay.to_string() });
        }
        if let Some(author) = &handed.author {
            self.entry(author)?;
        }
        Ok(planned)
    }

    async fn ask_to_receive(
        &self,
        actor: &Actor,
        handed: &Handed<'_>,
        planned: &Planned,
        id: ReportId,
    ) -> Result<Answer, DeedError> {
        let commitment = self.keyring.commitment("file")?.digest_file(handed.bytes);
        let mut question = self.question(Asking {
            actor,
            plan: &planned.plan,
            round: handed.round.number,
            action: Action::Receive,
            class: DataClass::CommunicationTrace,
            subject: Subject::Report(id),
            count: 0,
            commitment,
        });
        let relay = self.entry(&handed.relay)?;
        let now = self.clock.now();
        self.agreement(&mut question, &relay.party, AgreementKind::Provide, now);
        self.ask(question).await
    }

    async fn normalise(
        &self,
        handed: &Handed<'_>,
        planned: &Planned,
        clearance: &Clearance,
        id: ReportId,
    ) -> Result<Normalised, DeedError> {
        let now = self.clock.now();
        let schema_text = match &self.settings.shadowserver_schema {
            Some(path) => Some((path.to_string_lossy().into_owned(), self.disk.read(path)?)),
            None => None,
        };
        let schema =
            schema_text.as_ref().and_then(|(name, bytes)| Some((name.as_str(), std::str::from_utf8(bytes).ok()?)));
        let declared = Declared {
            zone: handed.zone.clone(),
            mapping: handed.mapping,
            schema,
            ..Declared::by_plan(&planned.plan, &self.special, now)
        };
        let input = Input { file: handed.file, bytes: handed.bytes, subject: Subject::Report(id) };
        let format = formats::detect::detect(&input, handed.format)?;
        let reading = format.read(&input, &declared)?;

        let turn = store::turn::look(&self.store, "round", &handed.round).await?;
        let rows = self.keyring.commitment("rows")?;
        let mut before = KeySet::default();
        for fact in self.facts_of_round(&handed.round, FactKind::Keys).await? {
            before.read(&self.read_blob(BlobKind::Keys, &fact)?);
        }
        let mut operation_terminals: HashSet<u128> = before.terminals.clone();
        for round in store::round::of_operation(&self.store, &handed.round.operation).await? {
            if round.id != handed.round {
                for fact in self.facts_of_round(&round.id, FactKind::Keys).await? {
                    let mut other = KeySet::default();
                    other.read(&self.read_blob(BlobKind::Keys, &fact)?);
                    operation_terminals.extend(other.terminals);
                }
            }
        }
        let mut keys = Vec::new();
        let mut terminals = Terminals { in_report: 0, new_in_round: 0, new_in_operation: 0 };
        let kept: Vec<u32> = reading.sightings.open(clearance, now, |batch| {
            let mut scratch = Vec::with_capacity(256);
            let mut in_report = HashSet::new();
            let mut kept = Vec::with_capacity(batch.len());
            for (index, row) in (0_u32..).zip(batch.rows()) {
                let key = row_key(&row, &rows, &mut scratch);
                if !before.rows.insert(key) {
                    continue;
                }
                kept.push(index);
                let terminal = terminal_key(&row, &rows, &mut scratch);
                if in_report.insert(terminal) {
                    terminals.in_report += 1;
                    terminals.new_in_round += u64::from(!before.terminals.contains(&terminal));
                    terminals.new_in_operation += u64::from(!operation_terminals.contains(&terminal));
                }
                keys.extend(key.to_be_bytes());
                keys.extend(terminal.to_be_bytes());
            }
            kept
        })?;
        let duplicate = reading.understood - kept.len() as u64;
        let tally = model::IntakeTally::new(reading.rows, reading.rejected, duplicate, kept.len() as u64)
            .map_err(|e| DeedError::Fault(e.to_string()))?;
        let fresh = reading.sightings.derive(clearance, now, |batch| batch.take(&kept))?;
        Ok(Normalised { turn, reading, fresh, keys, tally, terminals })
    }

    fn show(&self, handed: &Handed<'_>, normalised: &Normalised, clearance: &Clearance) -> Result<Preview, DeedError> {
        let now = self.clock.now();
        let reading = &normalised.reading;
        let zone = &self.settings.zone;
        let first = normalised.fresh.open(clearance, now, |batch| {
            batch
                .rows()
                .take(5)
                .map(|row| {
                    [
                        row.line.to_string(),
                        row.time.map(|t| t.in_zone(zone)).unwrap_or_default(),
                        row.source_ip.map(|a| a.to_string()).unwrap_or_default(),
                        row.source_port.map(|p| p.to_string()).unwrap_or_default(),
                        row.malware.unwrap_or_default().to_owned(),
                    ]
                })
                .collect()
        })?;
        // The error file goes back to whoever handed the file in.
        let language: Lang = self.entry(&handed.relay)?.language;
        let (error_file, rejected) = reading.rejects.open(clearance, now, |rejects| {
            let file = (!rejects.0.is_empty()).then(|| rejects.to_csv(language));
            (file, rejects.places(handed.file).take(20).collect::<Vec<_>>())
        })?;
        Ok(Preview {
            format: reading.provenance.format.clone(),
            found_by: reading.found_by.clone(),
            columns: reading.columns.clone(),
            tally: normalised.tally,
            terminals: normalised.terminals.in_report,
            first,
            error_file,
            rejected,
            notes: reading.notes.clone(),
        })
    }

    async fn keep_report(
        &self,
        handed: &Handed<'_>,
        planned: &Planned,
        clearance: &Clearance,
        id: ReportId,
        digest: String,
        normalised: &Normalised,
    ) -> Result<(), DeedError> {
        let now = self.clock.now();
        let about = crate::keep::About {
            round: &handed.round,
            report: Some(id),
            delivery: None,
            decision: Some(clearance.decision()),
        };
        let kept = Protected::seal(handed.bytes.to_vec(), DataClass::CommunicationTrace, Subject::Report(id));
        let mut facts = vec![
            self.keep_protected(BlobKind::Kept, about, &kept, clearance, 1)?,
            self.keep_sightings(about, &normalised.fresh, clearance)?,
            self.keep_blob(BlobKind::Keys, about, &normalised.keys, normalised.tally.received())?,
        ];
        if normalised.tally.rejected() > 0 {
            let language = self.entry(&handed.relay)?.language;
            let file = normalised.reading.rejects.derive(clearance, now, |rejects| rejects.to_csv(language))?;
            facts.push(self.keep_protected(BlobKind::Rejects, about, &file, clearance, normalised.tally.rejected())?);
        }
        let report = Report {
            id,
            round: handed.round.clone(),
            author: handed.author.clone().unwrap_or_else(|| handed.relay.clone()),
            relay: handed.relay.clone(),
            received: now,
            file: handed.file.to_owned(),
            size: handed.bytes.len() as u64,
            digest,
            provenance: normalised.reading.provenance.clone(),
        };
        let tally = normalised.tally;
        let leaf = self
            .done_leaf(clearance)
            .with("read", tally.read())
            .with("rejected", tally.rejected())
            .with("duplicate", tally.duplicate())
            .with("received", tally.received())
            .with("same", KEY_VERSION)
            .with("plan", planned.digest.as_str())
            .with("format", report.provenance.format.as_str());
        let mut tx = self.store.begin("receive::keep").await?;
        store::turn::take(&mut tx, &normalised.turn).await?;
        store::report::insert(&mut tx, &report, State::Received, Some(clearance.decision())).await?;
        store::report::normalised(&mut tx, id, &report.provenance, tally, normalised.terminals).await?;
        for fact in &facts {
            store::fact::insert(&mut tx, fact).await?;
        }
        store::leaf::append(&mut tx, &leaf).await?;
        Ok(tx.commit().await?)
    }
}

/// What a round is known to hold already, as keyed digests.
#[derive(Default)]
struct KeySet {
    rows: HashSet<u128>,
    terminals: HashSet<u128>,
}

impl KeySet {
    /// Adds a file of keys: per row, sixteen bytes of the row's key and sixteen of its terminal's.
    fn read(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(32) {
            let (row, terminal) = pair.split_at(16);
            // INVARIANT: both halves are sixteen bytes.
            if let (Ok(row), Ok(terminal)) = (row.try_into(), terminal.try_into()) {
                self.rows.insert(u128::from_be_bytes(row));
                self.terminals.insert(u128::from_be_bytes(terminal));
            }
        }
    }
}
