//! Delivering a round: per partner one decision, one rendering inside the opening, one sealed parcel, one job in the outbox.
//!
//! Everything a round sends, returns and withholds is committed in one transaction; a crash before it leaves the reports
//! unrouted and decisions that recovery abandons.

use std::collections::{BTreeMap, HashSet};

use api::v1::{Delivery as Cover, File as CoverFile, Kind as CoverKind, RuleCited};
use archive::MapRow;
use courier::{Envelope, EnvelopeId, Ticket};
use directory::RosterEntry;
use directory::roster::Way;
use formats::Rendering;
use law::{Action, Clearance, Protected, Subject, Verdict};
use model::party::AgreementKind;
use model::tag::{DataClass, Tags};
use model::{Actor, DeliveryId, HandlingTally, PartyId, RecordId, ReportId, RoundId, SightingBatch};
use store::fact::{Fact, Kind as FactKind};
use store::outbox::NewJob;
use store::reason::{Door, Reason};
use store::report::State;

use crate::gate::{Answer, Asking, Holds, Source, own};
use crate::house::House;
use crate::keep::About;
use crate::letters::{Back, contact, format_of, ground_names, mailbox, parcel, recipients};
use crate::operation::Planned;
use crate::problem::{DeedError, NOTHING_TO_SEND, SETTING_MISSING};
use crate::route::{Routed, route};
use crate::same::{row_key, terminal_key};

/// One line of what a round would send or has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `sent`, `returned` or `withheld`.
    pub door: &'static str,
    /// To whom, or from whom it is kept.
    pub party: Option<PartyId>,
    /// Why, for what is not sent.
    pub reason: Option<String>,
    /// How many rows.
    pub rows: u64,
    /// The grounds, or the refusal's code.
    pub ground: String,
    /// The rules.
    pub rules: Vec<String>,
    /// By which way.
    pub way: String,
}

/// What a round sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sending {
    /// Line by line.
    pub lines: Vec<Line>,
}

/// The rows of a round that are not routed yet, under a clearance to route them.
struct Waiting {
    /// How the round stood when its rows were read.
    turn: store::turn::Turn,
    planned: Planned,
    batch: Protected<SightingBatch>,
    looking: Clearance,
    /// The reports they stand in.
    reports: Vec<ReportId>,
    /// Per row: its report, and its row there.
    records: Vec<RecordId>,
}

impl Waiting {
    /// Which outward place is which record.
    fn map(&self, rows: &[u32]) -> Vec<MapRow> {
        let records = rows.iter().filter_map(|index| self.records.get(*index as usize));
        (1_u32..).zip(records).map(|(place, record)| MapRow { place, record: *record }).collect()
    }
}

/// One delivery, rendered and sealed, waiting for the transaction.
struct Prepared {
    delivery: store::delivery::Delivery,
    job: NewJob,
    facts: Vec<Fact>,
    leaf: ledger::Leaf,
}

impl House {
    /// What sending the round would do: recipients, counts and grounds. Reads the rows under a decision that is then given up;
    /// sends nothing.
    ///
    /// # Errors
    /// As [`House::send_round`].
    pub async fn send_round_dry(&self, actor: &Actor, round: &RoundId) -> Result<Sending, DeedError> {
        let Waiting { planned, batch, looking: clearance, .. } = self.open_round_rows(actor, round).await?;
        let directory = self.directory()?;
        let now = self.clock.now();
        let routed = batch.open(&clearance, now, |rows| route(rows, &directory, &planned.plan, now));
        self.abandon(clearance.decision(), "dry-run").await?;
        let routed = routed?;
        let mut sending = Sending::default();
        for (party, rows) in &routed.sent {
            let question = self.share_question(actor, &planned, round, party, rows.len() as u64, String::new())?;
            let way = way_name(&self.entry(party)?);
            let (door, ground, rules) = match self.gate.pack().judge(&question) {
                Verdict::Allowed { grounds, rules } => ("sent", ground_names(&grounds), rules),
                Verdict::Refused(refusal) => ("withheld", refusal.code.to_owned(), refusal.rules),
            };
            let party = Some(party.clone());
            sending.lines.push(Line { door, party, reason: None, rows: rows.len() as u64, ground, rules, way });
        }
        let rows = routed.returned.values().map(|list| list.len() as u64).sum();
        let question = self.return_question(actor, &planned, round, rows, String::new())?;
        let back = self.return_line(&planned, self.gate.pack().judge(&question))?;
        sending.add_rest(&routed, &back);
        Ok(sending)
    }

    /// Sends what a round has received and not sent yet: to partners, back to the reporter, or withheld with its reason.
    ///
    /// # Errors
    /// [`DeedError`] where there is nothing to send, the gate refuses to look at the rows, or a door fails; then nothing is
    /// sent and the round stands as before.
    pub async fn send_round(&self, actor: &Actor, round: &RoundId) -> Result<Sending, DeedError> {
        let waiting = self.open_round_rows(actor, round).await?;
        let Waiting { planned, batch, looking, reports, .. } = &waiting;
        let directory = self.directory()?;
        let now = self.clock.now();
        let routed = batch.open(looking, now, |rows| route(rows, &directory, &planned.plan, now))?;
        self.faults.reach("deliver.routed")?;

        let mut sending = Sending::default();
        let mut prepared = Vec::new();
        let mut reasons: BTreeMap<(Door, Option<PartyId>, String), u64> = BTreeMap::new();
        for (party, rows) in &routed.sent {
            let commitment = self.commit_rows(batch, looking, rows)?;
            let question = self.share_question(actor, planned, round, party, rows.len() as u64, commitment)?;
            let entry = self.entry(party)?;
            let line = Line {
                door: "sent",
                party: Some(party.clone()),
                reason: None,
                rows: rows.len() as u64,
                ground: String::new(),
                rules: Vec::new(),
                way: way_name(&entry),
            };
            match self.ask(question).await? {
                Answer::Cleared(clearance) => {
                    let part = batch.derive(&clearance, now, |all| all.take(rows))?;
                    let delivery = self.prepare(planned, round, &entry, &part, &waiting.map(rows), &clearance, None)?;
                    sending.lines.push(Line {
                        ground: ground_names(clearance.grounds()),
                        rules: clearance.rules().to_vec(),
                        ..line
                    });
                    prepared.push(delivery);
                }
                Answer::Refused(_, refusal) => {
                    *reasons.entry((Door::Withheld, Some(party.clone()), refusal.code.to_owned())).or_default() +=
                        rows.len() as u64;
                    sending.lines.push(Line {
                        door: "withheld",
                        reason: Some(refusal.code.to_owned()),
                        ground: refusal.code.to_owned(),
                        ..line
                    });
                }
            }
        }
        for ((party, reason), rows) in &routed.withheld {
            *reasons.entry((Door::Withheld, Some(party.clone()), reason.clone())).or_default() += rows.len() as u64;
        }
        let back = self.prepare_return(actor, &waiting, round, &routed, &mut prepared, &mut reasons).await?;
        sending.add_rest(&routed, &back);

        let mut tx = self.store.begin("deliver::commit").await?;
        store::turn::take(&mut tx, &waiting.turn).await?;
        for one in &prepared {
            store::delivery::insert(&mut tx, &one.delivery).await?;
            for fact in &one.facts {
                store::fact::insert(&mut tx, fact).await?;
            }
            store::outbox::put(&mut tx, &one.job).await?;
            store::leaf::append(&mut tx, &one.leaf).await?;
        }
        for ((door, party, code), rows) in reasons {
            store::reason::add(&mut tx, round, &Reason { door, party, code, rows }).await?;
        }
        for report in reports {
            store::report::routed(&mut tx, *report).await?;
        }
        store::round::sent(&mut tx, round, now).await?;
        let leaf = self.done_leaf(looking).with("rows", routed.rows());
        store::leaf::append(&mut tx, &leaf).await?;
        tx.commit().await?;
        Ok(sending)
    }

    async fn open_round_rows(&self, actor: &Actor, round: &RoundId) -> Result<Waiting, DeedError> {
        own(self, actor)?;
        let planned = self.open_round_plan(round).await?;
        let turn = store::turn::look(&self.store, "round", round).await?;
        let rows = store::report::of_round(&self.store, round).await?;
        let waiting: Vec<_> = rows.iter().filter(|row| row.state == State::Normalised).collect();
        let count: u64 = waiting.iter().map(|row| row.tally.received()).sum();
        if waiting.is_empty() {
            return Err(DeedError::NotInForce { code: &NOTHING_TO_SEND, about: round.to_string() });
        }
        let mut question = self.question(Asking {
            actor,
            plan: &planned.plan,
            round: round.number,
            action: Action::Route,
            class: DataClass::CommunicationTrace,
            subject: Subject::Round(round.clone()),
            count,
            commitment: String::new(),
        });
        let reporter = self.entry(&planned.plan.reporter)?;
        let now = self.clock.now();
        self.agreement(&mut question, &reporter.party, AgreementKind::Provide, now);
        let clearance = self.ask(question).await?.or_refuse()?;
        let ids: Vec<_> = waiting.iter().map(|row| row.report.id).collect();
        let mut parts = Vec::new();
        for fact in self.facts_of_round(round, FactKind::Sightings).await? {
            if let Some(report) = fact.report.filter(|report| ids.contains(report)) {
                parts.push((report, self.read_sightings(&fact, &Subject::Round(round.clone()))?));
            }
        }
        let mut batches = Vec::new();
        let mut records = Vec::new();
        for (report, part) in &parts {
            part.open(&clearance, now, |rows| {
                records.extend(rows.rows().map(|row| RecordId { report: *report, ordinal: row.ordinal }));
                batches.push(rows.clone());
            })?;
        }
        let all = SightingBatch::concat(&batches).map_err(|e| DeedError::Fault(e.to_string()))?;
        let batch = Protected::seal(all, DataClass::CommunicationTrace, Subject::Round(round.clone()));
        Ok(Waiting { turn, planned, batch, looking: clearance, reports: ids, records })
    }

    /// What is asked before rows are disclosed to a partner.
    pub(crate) fn share_question(
        &self,
        actor: &Actor,
        planned: &Planned,
        round: &RoundId,
        party: &PartyId,
        count: u64,
        commitment: String,
    ) -> Result<law::Question, DeedError> {
        let entry = self.entry(party)?;
        let mut question = self.question(Asking {
            actor,
            plan: &planned.plan,
            round: round.number,
            action: Action::Share,
            class: DataClass::CommunicationTrace,
            subject: Subject::Round(round.clone()),
            count,
            commitment,
        });
        question.plan_agreed_by_partner = planned.plan.agreement_of(party, question.decided_on).is_some();
        self.receiver(&mut question, &entry.party, AgreementKind::Receive, Holds::Yes, Source::Others);
        Ok(question)
    }

    fn commit_rows(
        &self,
        batch: &Protected<SightingBatch>,
        clearance: &Clearance,
        rows: &[u32],
    ) -> Result<String, DeedError> {
        let committer = self.keyring.commitment("rows")?;
        let now = self.clock.now();
        Ok(batch.open(clearance, now, |all| {
            let mut scratch = Vec::new();
            let keys: Vec<[u8; 16]> = rows
                .iter()
                .map(|index| row_key(&all.row(*index as usize), &committer, &mut scratch).to_be_bytes())
                .collect();
            committer.commit(keys.iter().map(<[u8; 16]>::as_slice))
        })?)
    }

    async fn prepare_return(
        &self,
        actor: &Actor,
        waiting: &Waiting,
        round: &RoundId,
        routed: &Routed,
        prepared: &mut Vec<Prepared>,
        reasons: &mut BTreeMap<(Door, Option<PartyId>, String), u64>,
    ) -> Result<Line, DeedError> {
        let Waiting { planned, batch, looking, .. } = waiting;
        let mut rows: Vec<u32> = routed.returned.values().flatten().copied().collect();
        if rows.is_empty() {
            return self.return_line(planned, Verdict::Allowed { grounds: Vec::new(), rules: Vec::new() });
        }
        rows.sort_unstable();
        let entry = self.entry(&planned.plan.reporter)?;
        let commitment = self.commit_rows(batch, looking, &rows)?;
        let question = self.return_question(actor, planned, round, rows.len() as u64, commitment)?;
        match self.ask(question).await? {
            Answer::Cleared(clearance) => {
                let now = self.clock.now();
                let part = batch.derive(&clearance, now, |all| all.take(&rows))?;
                let withheld: u64 = reasons.values().sum();
                let (received, returned) = (routed.rows(), rows.len() as u64);
                let tally = HandlingTally::new(received, received - returned - withheld, returned, withheld)
                    .map_err(|e| DeedError::Fault(e.to_string()))?;
                let mut back = Back { tally, reasons: Vec::new() };
                for (reason, list) in &routed.returned {
                    let count = list.len() as u64;
                    back.reasons.push(((*reason).to_owned(), count));
                    *reasons.entry((Door::Returned, None, (*reason).to_owned())).or_default() += count;
                }
                prepared.push(self.prepare(
                    planned,
                    round,
                    &entry,
                    &part,
                    &waiting.map(&rows),
                    &clearance,
                    Some(&back),
                )?);
                let (grounds, rules) = (clearance.grounds().to_vec(), clearance.rules().to_vec());
                self.return_line(planned, Verdict::Allowed { grounds, rules })
            }
            Answer::Refused(_, refusal) => {
                let door = (Door::Withheld, Some(planned.plan.reporter.clone()), refusal.code.to_owned());
                *reasons.entry(door).or_default() += rows.len() as u64;
                self.return_line(planned, Verdict::Refused(*refusal))
            }
        }
    }

    /// The line of what goes back to the reporter, without its reason and rows.
    fn return_line(&self, planned: &Planned, verdict: Verdict) -> Result<Line, DeedError> {
        let entry = self.entry(&planned.plan.reporter)?;
        let (door, ground, rules) = match verdict {
            Verdict::Allowed { grounds, rules } => ("returned", ground_names(&grounds), rules),
            Verdict::Refused(refusal) => ("withheld", refusal.code.to_owned(), refusal.rules),
        };
        let way = way_name(&entry);
        Ok(Line { door, party: Some(entry.party.id), reason: None, rows: 0, ground, rules, way })
    }

    /// Renders, writes the letter, and seals one delivery.
    #[allow(clippy::too_many_arguments, reason = "the parts of one delivery")]
    fn prepare(
        &self,
        planned: &Planned,
        round: &RoundId,
        entry: &RosterEntry,
        part: &Protected<SightingBatch>,
        map: &[MapRow],
        clearance: &Clearance,
        back: Option<&Back>,
    ) -> Result<Prepared, DeedError> {
        let kind = if back.is_some() { CoverKind::Returned } else { CoverKind::Sent };
        let now = self.clock.now();
        let id = DeliveryId::fresh(&*self.clock, &*self.entropy);
        let me = self.me()?;
        let way = entry.delivery.as_ref().ok_or_else(|| DeedError::NotInForce {
            code: &SETTING_MISSING,
            about: format!("{}.delivery", entry.party.id),
        })?;
        let committer = self.keyring.commitment("rows")?;
        let reporter = contact(&self.entry(&planned.plan.reporter)?);
        let sender = contact(&me);
        let feed = planned.plan.title.of(way.language).to_owned();
        let (rows, terminals, files) = part.open(clearance, now, |rows| {
            let mut scratch = Vec::new();
            let terminals: HashSet<u128> =
                rows.rows().map(|row| terminal_key(&row, &committer, &mut scratch)).collect();
            let mut files = Vec::new();
            for format in &way.formats {
                let (name, dialect) = format_of(*format);
                let rendering = Rendering {
                    delivery: Some(id),
                    reporter: reporter.clone(),
                    sender: sender.clone(),
                    feed: feed.clone(),
                    at: now,
                    zone: self.settings.zone.clone(),
                    lang: way.language,
                    dialect,
                    raw: None,
                    provenance: None,
                };
                if let Some(written) = formats::by_name(name).and_then(|format| format.write(rows, &rendering)) {
                    files.push((*format, written));
                }
            }
            (rows.len() as u64, terminals.len() as u64, files)
        })?;
        let rules: Vec<RuleCited> = clearance
            .rules()
            .iter()
            .filter_map(|id| self.gate.pack().rule(id))
            .map(|rule| RuleCited {
                rule: rule.id.clone(),
                ground: rule.ground.map_or("", |g| g.name()).to_owned(),
                source: rule.source.clone(),
            })
            .collect();
        let ticket = Ticket::of_delivery(id);
        let answer_by = now.plus_seconds(i64::from(self.settings.answer_days) * 86_400);
        let mut parcels = Vec::new();
        let mut cover_files = Vec::new();
        for (format, written) in files {
            let name =
                format!("sightings-{}-{}-{}.{}", round.operation, round.number, format.name(), written.extension);
            cover_files.push(CoverFile {
                name: name.clone(),
                media_type: written.media_type.to_owned(),
                format: format_of(format).0.to_owned(),
            });
            parcels.push(parcel(&name, written.media_type, written.bytes)?);
        }
        let cover = Cover {
            version: api::v1::VERSION,
            delivery: id,
            kind,
            from: me.party.id.clone(),
            to: entry.party.id.clone(),
            round: round.clone(),
            made: now,
            decided_on: now,
            rows,
            tags: Tags::INFECTED_ADDRESS,
            rules,
            pack: self.gate.pack().digest().to_owned(),
            ticket: ticket.as_str().to_owned(),
            answer_by,
            plan: planned.plan.clone(),
            files: cover_files,
        };
        parcels.insert(0, parcel(Cover::FILE_NAME, "application/json", cover.to_bytes())?);
        let letter = match back {
            None => self.delivery_letter(&cover, entry, &me, way.language)?,
            Some(back) => self.return_letter(&cover, entry, &me, way.language, back)?,
        };
        let (to, way_called) = recipients(entry)?;
        let envelope = Envelope {
            id: EnvelopeId::of_delivery(id, 0),
            from: mailbox(&me)?,
            to,
            already: Vec::new(),
            reply_to: None,
            bounces_to: None,
            subject: letter.subject,
            text: letter.text,
            language: way.language,
            date: now,
            ticket: Some(ticket.clone()),
            delivery: Some(id),
            parcels,
        };
        let about = About { round, report: None, delivery: Some(id), decision: Some(clearance.decision()) };
        let fact = self.keep_letters(about, &[envelope], clearance)?;
        let map = self.keep_map(about, id, map)?;
        let kind_kept = match kind {
            CoverKind::Sent => (store::delivery::Kind::Sent, store::outbox::Kind::Delivery),
            CoverKind::Returned => (store::delivery::Kind::Returned, store::outbox::Kind::Return),
        };
        let job = NewJob {
            id: store::OutboxId::fresh(&*self.clock, &*self.entropy),
            delivery: Some(id),
            fact: Some(fact.id),
            kind: kind_kept.1,
            way: way_called.to_owned(),
            recipient: Some(entry.party.id.clone()),
            letters: 1,
            made_at: now,
            due_at: now,
        };
        let leaf = self
            .done_leaf(clearance)
            .with("delivery", id.to_string())
            .with("receiver", entry.party.id.as_str())
            .with("rows", rows)
            .with("template", letter.hash.as_str());
        let delivery = store::delivery::Delivery {
            id,
            round: round.clone(),
            party: entry.party.id.clone(),
            kind: kind_kept.0,
            rows,
            terminals,
            made_at: now,
            carried_at: None,
            acknowledged_at: None,
            answered_at: None,
            failed_at: None,
            decision: Some(clearance.decision()),
            ticket: ticket.as_str().to_owned(),
            format: way.formats.iter().map(|f| f.name()).collect::<Vec<_>>().join("+"),
            ground: ground_names(clearance.grounds()),
            template: Some(letter.hash),
        };
        Ok(Prepared { delivery, job, facts: vec![fact, map], leaf })
    }
}

fn way_name(entry: &RosterEntry) -> String {
    match entry.delivery.as_ref().map(|delivery| &delivery.way) {
        None => String::new(),
        Some(Way::Folder(path)) => format!("folder {}", path.display()),
        Some(Way::Mail(addresses)) => {
            format!("mail {}", addresses.iter().map(|a| a.as_str()).collect::<Vec<_>>().join(", "))
        }
    }
}

impl Sending {
    fn add_rest(&mut self, routed: &Routed, back: &Line) {
        for (reason, rows) in &routed.returned {
            let reason = Some((*reason).to_owned());
            self.lines.push(Line { reason, rows: rows.len() as u64, ..back.clone() });
        }
        for ((party, reason), rows) in &routed.withheld {
            self.lines.push(Line {
                door: "withheld",
                party: Some(party.clone()),
                reason: Some(reason.clone()),
                rows: rows.len() as u64,
                ground: String::new(),
                rules: Vec::new(),
                way: String::new(),
            });
        }
    }

    /// Rows that left by that door.
    #[must_use]
    pub fn rows(&self, door: &str) -> u64 {
        self.lines.iter().filter(|line| line.door == door).map(|line| line.rows).sum()
    }
}
