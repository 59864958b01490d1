//! A report read part by part: rows understood and not, said before or new, kept encrypted as they come.
//!
//! Memory does not grow with the report: a part is some thousand rows, and what is known of the rows before is [`crate::seen`]'s.

use std::collections::BTreeMap;
use std::io;

use archive::BlobKind;
use formats::reading::{Ending, SentBack};
use formats::source::fill;
use formats::unwrap::{Limits, Members};
use formats::{Declared, Part, Source, Stream};
use law::{Clearance, Protected, Subject};
use model::problem::{Place, Problem};
use model::tag::DataClass;
use model::{Instant, IntakeTally, Lang, Provenance, ReportId, RoundId, SightingBatch};
use store::fact::{Fact, Kind as FactKind};
use store::report::Terminals as Counted;
use store::turn::Turn;

use crate::house::House;
use crate::keep::About;
use crate::operation::Planned;
use crate::problem::DeedError;
use crate::receive::{Handed, Preview};
use crate::same::{row_key, terminal_key};
use crate::seen::{At, FRONT, Look, Pair, Rows, Terminals};

/// Whether what is read is kept.
#[derive(Clone, Copy)]
pub(crate) enum Keep<'a> {
    /// Nothing: only looked at.
    Nothing,
    /// The file with that digest, and what came of it.
    As(&'a str),
}

/// A file read, compared with what the round has, and (where it is kept) written down.
pub(crate) struct Normalised {
    /// How the round stood when its rows were compared.
    pub(crate) turn: Turn,
    /// What was written, for the manifest.
    pub(crate) facts: Vec<Fact>,
    pub(crate) preview: Preview,
    pub(crate) terminals: Counted,
    pub(crate) provenance: Provenance,
}

/// So many bytes of a report as received, of its keys, go into one file.
const PIECE: usize = 8 << 20;

impl House {
    #[allow(clippy::too_many_arguments, reason = "a report, what is known about it, and where its parts go")]
    pub(crate) async fn normalise(
        &self,
        handed: &Handed<'_>,
        planned: &Planned,
        clearance: &Clearance,
        id: ReportId,
        source: &mut dyn Source,
        errors: &mut dyn io::Write,
        keep: Keep<'_>,
    ) -> Result<Normalised, DeedError> {
        let turn = store::turn::look(&self.store, "round", &handed.round).await?;
        let mut before = Vec::new();
        for round in store::round::of_operation(&self.store, &handed.round.operation).await? {
            before.extend(self.facts_of_round(&round.id, FactKind::Keys).await?);
        }
        let mut work = Work {
            house: self,
            round: &handed.round,
            report: id,
            clearance,
            keep: !matches!(keep, Keep::Nothing),
            language: self.entry(&handed.relay)?.language,
            rows: Rows::new(&self.archive, &*self.clock, FRONT),
            terminals: Terminals::new(&self.archive, &*self.clock, FRONT),
            keys: Vec::new(),
            facts: Vec::new(),
            parts: 0,
            figures: Figures::default(),
            first: Vec::new(),
            sent_back: SentBack::default(),
        };
        let done = work.all(handed, planned, &before, source, errors, keep);
        let Work { facts, figures, first, sent_back, .. } = &mut work;
        let (facts, figures) = (std::mem::take(facts), *figures);
        let (first, rejected) = (std::mem::take(first), sent_back.places().to_vec());
        let (ending, terminals) = match done {
            Ok(done) => done,
            Err(error) => {
                if !error.is_crash() {
                    self.discard(&facts);
                }
                return Err(error);
            }
        };
        let tally = IntakeTally::new(figures.read, figures.rejected, figures.repeated, figures.kept())
            .map_err(|e| DeedError::Fault(e.to_string()))?;
        let preview = Preview {
            format: ending.provenance.format.clone(),
            found_by: ending.found_by,
            columns: ending.columns,
            tally,
            terminals: terminals.in_report,
            first,
            rejected,
            notes: ending.notes,
        };
        Ok(Normalised { turn, facts, preview, terminals, provenance: ending.provenance })
    }

    /// Removes the files of facts that no manifest will name. What cannot be removed now is a stray of the next recovery.
    pub(crate) fn discard(&self, facts: &[Fact]) {
        for fact in facts {
            let _ = self.archive.remove(&fact.path);
        }
    }
}

/// Rows so far.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    read: u64,
    rejected: u64,
    repeated: u64,
}

impl Figures {
    const fn kept(self) -> u64 {
        self.read - self.rejected - self.repeated
    }
}

/// One report being read.
struct Work<'a> {
    house: &'a House,
    round: &'a RoundId,
    report: ReportId,
    clearance: &'a Clearance,
    keep: bool,
    /// Whoever handed the file in reads its error file.
    language: Lang,
    rows: Rows<'a>,
    terminals: Terminals<'a>,
    /// Keys of new rows that are not written yet: per row, sixteen bytes of its key and sixteen of its terminal's.
    keys: Vec<u8>,
    facts: Vec<Fact>,
    parts: u32,
    figures: Figures,
    first: Vec<[String; 5]>,
    sent_back: SentBack,
}

impl Work<'_> {
    fn all(
        &mut self,
        handed: &Handed<'_>,
        planned: &Planned,
        before: &[Fact],
        source: &mut dyn Source,
        errors: &mut dyn io::Write,
        keep: Keep<'_>,
    ) -> Result<(Ending, Counted), DeedError> {
        for fact in before {
            self.said_before(fact)?;
        }
        if let Keep::As(digest) = keep {
            self.keep_as_received(handed, source, digest)?;
        }
        let house = self.house;
        let schema = match &house.settings.shadowserver_schema {
            Some(path) => Some((path.to_string_lossy().into_owned(), house.disk.read(path)?)),
            None => None,
        };
        let schema = schema.as_ref().and_then(|(name, bytes)| Some((name.as_str(), std::str::from_utf8(bytes).ok()?)));
        let declared = Declared {
            zone: handed.zone.clone(),
            mapping: handed.mapping,
            schema,
            ..Declared::by_plan(&planned.plan, &house.special, self.now())
        };
        let members = Members::of(handed.file, source, Limits::default());
        let ending = members.each(|path, source| self.member(handed, path, source, &declared, errors))?;
        errors.flush().map_err(DeedError::Input)?;
        self.settle()?;
        self.write_keys(0)?;
        let terminals = std::mem::replace(&mut self.terminals, Terminals::new(&house.archive, &*house.clock, 0));
        Ok((ending, terminals.count()?))
    }

    fn now(&self) -> Instant {
        self.house.clock.now()
    }

    /// Reads one file of what was handed in; says why none of its rows could be read.
    fn member(
        &mut self,
        handed: &Handed<'_>,
        path: &str,
        source: &mut dyn Source,
        declared: &Declared<'_>,
        errors: &mut dyn io::Write,
    ) -> Result<Result<Ending, Problem>, DeedError> {
        let before = self.figures.read;
        let subject = Subject::Report(self.report);
        let ended = Stream::open(path, source, subject, handed.format, declared)
            .map_err(DeedError::from)
            .and_then(|stream| stream.after(before).each(|part| self.part(path, part, errors)));
        match ended {
            Ok(ending) => Ok(Ok(ending)),
            Err(DeedError::Problem(problem)) if self.figures.read == before => Ok(Err(problem)),
            Err(error) => Err(error),
        }
    }

    /// Keeps a fact of the report.
    fn keep(
        &mut self,
        part: u32,
        write: impl FnOnce(&House, About<'_>) -> Result<Fact, DeedError>,
    ) -> Result<(), DeedError> {
        let about = About {
            round: self.round,
            report: Some(self.report),
            delivery: None,
            decision: Some(self.clearance.decision()),
        };
        let fact = write(self.house, about)?;
        self.facts.push(Fact { part, ..fact });
        Ok(())
    }

    /// Adds what an earlier report of the operation said.
    fn said_before(&mut self, fact: &Fact) -> Result<(), DeedError> {
        let bytes = self.house.read_blob(BlobKind::Keys, fact)?;
        for pair in bytes.chunks_exact(32) {
            let number = |bytes: &[u8]| bytes.iter().fold(0_u128, |n, byte| n << 8 | u128::from(*byte));
            let (row, terminal) = pair.split_at(16);
            let here = fact.round == *self.round;
            if here {
                self.rows.before(number(row))?;
            }
            match (number(terminal), here) {
                (0, _) => {}
                (terminal, true) => self.terminals.in_round(terminal)?,
                (terminal, false) => self.terminals.in_operation(terminal)?,
            }
        }
        Ok(())
    }

    /// Keeps the file as it was received, piece by piece: in their order they are the file.
    fn keep_as_received(
        &mut self,
        handed: &Handed<'_>,
        source: &mut dyn Source,
        digest: &str,
    ) -> Result<(), DeedError> {
        let committer = self.house.keyring.commitment("file")?;
        let mut again = committer.begin_file();
        source.rewind().map_err(DeedError::Input)?;
        for part in 0.. {
            let mut bytes = vec![0; PIECE];
            let read = fill(source, &mut bytes).map_err(DeedError::Input)?;
            bytes.truncate(read);
            again.push(&bytes);
            if read > 0 || part == 0 {
                let kept = Protected::seal(bytes, DataClass::CommunicationTrace, Subject::Report(self.report));
                let clearance = self.clearance;
                self.keep(part, |house, about| house.keep_protected(BlobKind::Kept, about, &kept, clearance, 1))?;
            }
            if read < PIECE {
                break;
            }
        }
        if again.finish() == digest {
            Ok(())
        } else {
            Err(Problem::new(&formats::pieces::FILE_CHANGED, Place::file(handed.file)).into())
        }
    }

    /// Looks at the rows of a part and keeps what is new.
    fn part(&mut self, file: &str, part: Part, errors: &mut dyn io::Write) -> Result<(), DeedError> {
        self.figures.read += part.rows;
        self.figures.rejected += part.rejected;
        self.rejects(file, &part, errors)?;
        if part.understood == 0 {
            return Ok(());
        }
        let (clearance, now, number) = (self.clearance, self.now(), self.parts);
        let committer = self.house.keyring.commitment("rows")?;
        let pairs: Vec<Pair> = part.sightings.open(clearance, now, |batch| {
            let mut scratch = Vec::with_capacity(256);
            let pair = |row: model::SightingRef<'_>| Pair {
                row: row_key(&row, &committer, &mut scratch),
                terminal: terminal_key(&row, &committer, &mut scratch),
            };
            batch.rows().map(pair).collect()
        })?;
        let mut kept: Vec<u32> = Vec::with_capacity(pairs.len());
        for (index, pair) in (0_u32..).zip(&pairs) {
            let at = At { part: number, index: u32::try_from(kept.len()).unwrap_or(u32::MAX) };
            match self.rows.look(*pair, at)? {
                Look::Repeat => {
                    self.figures.repeated += 1;
                    continue;
                }
                Look::New => self.remember(*pair)?,
                Look::Open => {}
            }
            kept.push(index);
        }
        if kept.is_empty() {
            return Ok(());
        }
        let fresh = if kept.len() == pairs.len() {
            part.sightings
        } else {
            part.sightings.derive(clearance, now, |batch| batch.take(&kept))?
        };
        self.show_first(&fresh)?;
        if self.keep {
            self.keep(number, |house, about| house.keep_sightings(about, &fresh, clearance))?;
        }
        self.parts += 1;
        Ok(())
    }

    /// A row that was not said before.
    fn remember(&mut self, pair: Pair) -> Result<(), DeedError> {
        if pair.terminal != 0 {
            self.terminals.in_report(pair.terminal)?;
        }
        if self.keep {
            self.keys.extend(pair.row.to_be_bytes());
            self.keys.extend(pair.terminal.to_be_bytes());
            self.write_keys(PIECE)?;
        }
        Ok(())
    }

    /// Writes the keys of new rows, if there are more bytes of them than that.
    fn write_keys(&mut self, more_than: usize) -> Result<(), DeedError> {
        if self.keys.len() <= more_than {
            return Ok(());
        }
        let keys = std::mem::take(&mut self.keys);
        let part = self.facts.iter().filter(|fact| fact.kind == FactKind::Keys).count();
        let part = u32::try_from(part).unwrap_or(u32::MAX);
        self.keep(part, |house, about| house.keep_blob(BlobKind::Keys, about, &keys, keys.len() as u64 / 32))
    }

    /// The rows of a part that were not understood go back to the sender, and are kept.
    fn rejects(&mut self, file: &str, part: &Part, errors: &mut dyn io::Write) -> Result<(), DeedError> {
        if part.rejected == 0 {
            return Ok(());
        }
        let (clearance, now, language) = (self.clearance, self.now(), self.language);
        let csv = part.rejects.open(clearance, now, |rejects| self.sent_back.add(file, rejects, language))?;
        errors.write_all(&csv).map_err(DeedError::Input)?;
        if !self.keep {
            return Ok(());
        }
        let sealed = Protected::seal(csv, part.rejects.class(), part.rejects.subject().clone());
        let rows = part.rejected;
        let number = self.facts.iter().filter(|fact| fact.kind == FactKind::Rejects).count();
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.keep(number, |house, about| house.keep_protected(BlobKind::Rejects, about, &sealed, clearance, rows))
    }

    /// The first rows, for whoever handed the file in.
    fn show_first(&mut self, fresh: &Protected<SightingBatch>) -> Result<(), DeedError> {
        const MOST_SHOWN: usize = 5;
        let wanted = MOST_SHOWN - self.first.len().min(MOST_SHOWN);
        if wanted == 0 {
            return Ok(());
        }
        let zone = &self.house.settings.zone;
        let first: Vec<[String; 5]> = fresh.open(self.clearance, self.now(), |batch| {
            let shown = |row: model::SightingRef<'_>| {
                [
                    row.line.to_string(),
                    row.time.map(|t| t.in_zone(zone)).unwrap_or_default(),
                    row.source_ip.map(|a| a.to_string()).unwrap_or_default(),
                    row.source_port.map(|p| p.to_string()).unwrap_or_default(),
                    row.malware.unwrap_or_default().to_owned(),
                ]
            };
            batch.rows().take(wanted).map(shown).collect()
        })?;
        self.first.extend(first);
        Ok(())
    }

    /// Of the rows that were left open, those that repeat another one leave what was kept.
    fn settle(&mut self) -> Result<(), DeedError> {
        let house = self.house;
        let rows = std::mem::replace(&mut self.rows, Rows::new(&house.archive, &*house.clock, 0));
        let mut repeats: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        rows.settle(|pair, at, look| {
            if look == Look::Repeat {
                repeats.entry(at.part).or_default().push(at.index);
                return Ok(());
            }
            self.remember(pair)
        })?;
        for (part, mut indices) in repeats {
            indices.sort_unstable();
            self.figures.repeated += indices.len() as u64;
            if self.keep {
                self.without(part, &indices)?;
            }
        }
        Ok(())
    }

    /// Writes a part anew, without those rows.
    fn without(&mut self, part: u32, repeats: &[u32]) -> Result<(), DeedError> {
        let at = self.facts.iter().position(|fact| fact.kind == FactKind::Sightings && fact.part == part);
        let Some(at) = at else { return Err(DeedError::Fault("a part that was not kept".to_owned())) };
        let old = self.facts.remove(at);
        let (clearance, now) = (self.clearance, self.now());
        let read = self.house.read_sightings(&old, &Subject::Report(self.report));
        let left = read.and_then(|read| {
            Ok(read.derive(clearance, now, |batch| {
                let rows = u32::try_from(batch.len()).unwrap_or(u32::MAX);
                let kept: Vec<u32> = (0..rows).filter(|index| repeats.binary_search(index).is_err()).collect();
                batch.take(&kept)
            })?)
        });
        self.house.discard(std::slice::from_ref(&old));
        let left = left?;
        if left.open(clearance, now, SightingBatch::is_empty)? {
            return Ok(());
        }
        self.keep(part, |house, about| house.keep_sightings(about, &left, clearance))
    }
}
