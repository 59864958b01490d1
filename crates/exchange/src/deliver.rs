//! Delivering a round: per partner one decision, one rendering inside the opening, one sealed parcel, one job in the outbox.
//!
//! Rows are read part by part and gathered per addressee; a bundle that is full becomes a delivery of its own, so that memory does not
//! grow with the round. Everything a round sends, returns and withholds is committed in one transaction; a crash before it leaves
//! the reports unrouted and decisions that recovery abandons.

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
use model::{Actor, DeliveryId, HandlingTally, Instant, PartyId, RecordId, ReportId, RoundId, SightingBatch};
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

/// What a round has received and not routed yet, and a clearance to route it.
struct Waiting {
    /// How the round stood when it was looked at.
    turn: store::turn::Turn,
    planned: Planned,
    looking: Clearance,
    /// The reports.
    reports: Vec<ReportId>,
    /// Their sightings, part by part.
    parts: Vec<(ReportId, Fact)>,
    /// How many rows there are.
    count: u64,
}

/// Rows by the door through which they leave.
#[derive(Debug, Default)]
struct Doors {
    sent: BTreeMap<PartyId, u64>,
    returned: BTreeMap<&'static str, u64>,
    withheld: BTreeMap<(PartyId, String), u64>,
}

impl Doors {
    fn add(&mut self, routed: &Routed) {
        for (party, rows) in &routed.sent {
            *self.sent.entry(party.clone()).or_default() += rows.len() as u64;
        }
        for (reason, rows) in &routed.returned {
            *self.returned.entry(reason).or_default() += rows.len() as u64;
        }
        for (whose, rows) in &routed.withheld {
            *self.withheld.entry(whose.clone()).or_default() += rows.len() as u64;
        }
    }

    fn returned(&self) -> u64 {
        self.returned.values().sum()
    }

    fn rows(&self) -> u64 {
        self.sent.values().sum::<u64>() + self.returned() + self.withheld.values().sum::<u64>()
    }
}

/// To whom rows are gathered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum To {
    Partner(PartyId),
    Reporter,
}

/// Rows gathered for one addressee.
#[derive(Default)]
struct Bundle {
    parts: Vec<Protected<SightingBatch>>,
    /// Per row: its report, and its row there.
    records: Vec<RecordId>,
    /// Why they go back, where they do.
    reasons: BTreeMap<&'static str, u64>,
    bytes: usize,
}

impl Bundle {
    /// Which outward place is which record.
    fn map(&self) -> Vec<MapRow> {
        (1_u32..).zip(&self.records).map(|(place, record)| MapRow { place, record: *record }).collect()
    }
}

/// All bundles together hold at most so many bytes of columns.
const MOST_BYTES: usize = 48 << 20;

/// What has been prepared so far.
#[derive(Default)]
struct Wave {
    bundles: BTreeMap<To, Bundle>,
    prepared: Vec<Prepared>,
    reasons: BTreeMap<(Door, Option<PartyId>, String), u64>,
    sending: Sending,
    /// The line of what goes back to the reporter, without its reason and rows.
    back: Option<Line>,
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
        let waiting = self.open_round_rows(actor, round).await?;
        let Waiting { planned, looking, .. } = &waiting;
        let doors = self.doors(round, &waiting);
        self.abandon(looking.decision(), "dry-run").await?;
        let doors = doors?;
        let mut sending = Sending::default();
        for (party, rows) in &doors.sent {
            let question = self.share_question(actor, planned, round, party, *rows, String::new())?;
            let way = way_name(&self.entry(party)?);
            let (door, ground, rules) = match self.gate.pack().judge(&question) {
                Verdict::Allowed { grounds, rules } => ("sent", ground_names(&grounds), rules),
                Verdict::Refused(refusal) => ("withheld", refusal.code.to_owned(), refusal.rules),
            };
            let party = Some(party.clone());
            sending.add(Line { door, party, reason: None, rows: *rows, ground, rules, way });
        }
        let question = self.return_question(actor, planned, round, doors.returned(), String::new())?;
        let back = self.return_line(planned, self.gate.pack().judge(&question))?;
        sending.add_rest(&doors, &back);
        Ok(sending)
    }

    /// Sends what a round has received and not sent yet: to partners, back to the reporter, or withheld with its reason.
    ///
    /// # Errors
    /// [`DeedError`] where there is nothing to send, the gate refuses to look at the rows, or a door fails; then nothing is
    /// sent and the round stands as before.
    pub async fn send_round(&self, actor: &Actor, round: &RoundId) -> Result<Sending, DeedError> {
        let waiting = self.open_round_rows(actor, round).await?;
        let Waiting { planned, looking, reports, .. } = &waiting;
        let mut wave = Wave::default();
        let doors = self.gather(actor, round, &waiting, &mut wave).await;
        let doors = match doors {
            Ok(doors) => doors,
            Err(error) => {
                if !error.is_crash() {
                    self.discard_wave(&wave);
                }
                return Err(error);
            }
        };
        let now = self.clock.now();
        for ((party, reason), rows) in &doors.withheld {
            *wave.reasons.entry((Door::Withheld, Some(party.clone()), reason.clone())).or_default() += rows;
        }
        let back = match wave.back.take() {
            Some(back) => back,
            None => self.return_line(planned, Verdict::Allowed { grounds: Vec::new(), rules: Vec::new() })?,
        };
        wave.sending.add_rest(&doors, &back);

        let mut tx = self.store.begin("deliver::commit").await?;
        if let Err(error) = store::turn::take(&mut tx, &waiting.turn).await {
            self.discard_wave(&wave);
            return Err(error.into());
        }
        for one in &wave.prepared {
            store::delivery::insert(&mut tx, &one.delivery).await?;
            for fact in &one.facts {
                store::fact::insert(&mut tx, fact).await?;
            }
            store::outbox::put(&mut tx, &one.job).await?;
            store::leaf::append(&mut tx, &one.leaf).await?;
        }
        for ((door, party, code), rows) in wave.reasons {
            store::reason::add(&mut tx, round, &Reason { door, party, code, rows }).await?;
        }
        for report in reports {
            store::report::routed(&mut tx, *report).await?;
        }
        store::round::sent(&mut tx, round, now).await?;
        let leaf = self.done_leaf(looking).with("rows", doors.rows());
        store::leaf::append(&mut tx, &leaf).await?;
        tx.commit().await?;
        Ok(wave.sending)
    }

    fn discard_wave(&self, wave: &Wave) {
        wave.prepared.iter().for_each(|one| self.discard(&one.facts));
    }

    /// The rows that wait, counted by the door through which they would leave.
    fn doors(&self, round: &RoundId, waiting: &Waiting) -> Result<Doors, DeedError> {
        let directory = self.directory()?;
        let now = self.clock.now();
        let mut doors = Doors::default();
        for (_, fact) in &waiting.parts {
            let part = self.read_sightings(fact, &Subject::Round(round.clone()))?;
            let plan = &waiting.planned.plan;
            doors.add(&part.open(&waiting.looking, now, |rows| route(rows, &directory, plan, now))?);
        }
        Ok(doors)
    }

    /// Routes all parts, and prepares a delivery for each bundle as it fills and for what is left at the end.
    async fn gather(
        &self,
        actor: &Actor,
        round: &RoundId,
        waiting: &Waiting,
        wave: &mut Wave,
    ) -> Result<Doors, DeedError> {
        let full = self.settings.delivery_rows.max(1) as usize;
        let directory = self.directory()?;
        let (plan, looking) = (&waiting.planned.plan, &waiting.looking);
        // A letter to the reporter tells the figures of the whole round: where several go out they are counted first.
        let counted = if waiting.count > full as u64 { Some(self.doors(round, waiting)?) } else { None };
        let mut doors = Doors::default();
        for (report, fact) in &waiting.parts {
            let now = self.clock.now();
            let part = self.read_sightings(fact, &Subject::Round(round.clone()))?;
            let (routed, ordinals) = part.open(looking, now, |rows| {
                let ordinals: Vec<u32> = rows.rows().map(|row| row.ordinal).collect();
                (route(rows, &directory, plan, now), ordinals)
            })?;
            if doors.rows() == 0 {
                self.faults.reach("deliver.routed")?;
            }
            doors.add(&routed);
            for (to, rows) in by_addressee(routed) {
                for rows in rows.chunks(full) {
                    let waiting_rows = wave.bundles.get(&to).map_or(0, |bundle| bundle.records.len());
                    if waiting_rows + rows.len() > full {
                        self.deliver(actor, round, waiting, &to, counted.as_ref().unwrap_or(&doors), wave).await?;
                    }
                    let indices: Vec<u32> = rows.iter().map(|(index, _)| *index).collect();
                    let taken = part.derive(looking, now, |all| all.take(&indices))?;
                    let bundle = wave.bundles.entry(to.clone()).or_default();
                    bundle.bytes += taken.open(looking, now, |rows| rows.columns().get_array_memory_size())?;
                    let ordinals = indices.iter().filter_map(|index| ordinals.get(*index as usize));
                    bundle.records.extend(ordinals.map(|ordinal| RecordId { report: *report, ordinal: *ordinal }));
                    for reason in rows.iter().filter_map(|(_, reason)| *reason) {
                        *bundle.reasons.entry(reason).or_default() += 1;
                    }
                    bundle.parts.push(taken);
                }
            }
            while wave.bundles.values().map(|bundle| bundle.bytes).sum::<usize>() > MOST_BYTES {
                let fullest = wave.bundles.iter().max_by_key(|(_, bundle)| bundle.bytes).map(|(to, _)| to.clone());
                let Some(to) = fullest else { break };
                self.deliver(actor, round, waiting, &to, counted.as_ref().unwrap_or(&doors), wave).await?;
            }
        }
        let left: Vec<To> = wave.bundles.keys().cloned().collect();
        for to in left {
            self.deliver(actor, round, waiting, &to, &doors, wave).await?;
        }
        Ok(doors)
    }

    /// Asks whether a bundle may go where it is to go, and prepares its delivery or withholds it.
    async fn deliver(
        &self,
        actor: &Actor,
        round: &RoundId,
        waiting: &Waiting,
        to: &To,
        doors: &Doors,
        wave: &mut Wave,
    ) -> Result<(), DeedError> {
        let Some(bundle) = wave.bundles.remove(to).filter(|bundle| !bundle.records.is_empty()) else { return Ok(()) };
        let Waiting { planned, looking, .. } = waiting;
        let now = self.clock.now();
        let (map, reasons) = (bundle.map(), bundle.reasons.clone());
        let count = map.len() as u64;
        let batch = joined(bundle.parts, looking, now)?;
        let commitment = self.commit_rows(&batch, looking)?;
        let (question, entry) = match to {
            To::Partner(party) => {
                let question = self.share_question(actor, planned, round, party, count, commitment)?;
                (question, self.entry(party)?)
            }
            To::Reporter => {
                let question = self.return_question(actor, planned, round, count, commitment)?;
                (question, self.entry(&planned.plan.reporter)?)
            }
        };
        let line = Line {
            door: "sent",
            party: Some(entry.party.id.clone()),
            reason: None,
            rows: count,
            ground: String::new(),
            rules: Vec::new(),
            way: way_name(&entry),
        };
        match (self.ask(question).await?, to) {
            (Answer::Cleared(clearance), To::Partner(_)) => {
                let part = batch.derive(&clearance, now, SightingBatch::clone)?;
                let prepared = self.prepare(planned, round, &entry, &part, &map, &clearance, None)?;
                let (ground, rules) = (ground_names(clearance.grounds()), clearance.rules().to_vec());
                wave.sending.add(Line { ground, rules, ..line });
                wave.prepared.push(prepared);
            }
            (Answer::Refused(_, refusal), To::Partner(party)) => {
                let door = (Door::Withheld, Some(party.clone()), refusal.code.to_owned());
                *wave.reasons.entry(door).or_default() += count;
                let (reason, ground) = (Some(refusal.code.to_owned()), refusal.code.to_owned());
                wave.sending.add(Line { door: "withheld", reason, ground, ..line });
            }
            (Answer::Cleared(clearance), To::Reporter) => {
                let part = batch.derive(&clearance, now, SightingBatch::clone)?;
                let refused = self.refused(actor, planned, round, doors)?;
                let withheld = refused + doors.withheld.values().sum::<u64>();
                let (received, returned) = (doors.rows(), doors.returned());
                let tally = HandlingTally::new(received, received - returned - withheld, returned, withheld)
                    .map_err(|e| DeedError::Fault(e.to_string()))?;
                let told = doors.returned.iter().map(|(reason, rows)| ((*reason).to_owned(), *rows)).collect();
                let back = Back { tally, reasons: told };
                wave.prepared.push(self.prepare(planned, round, &entry, &part, &map, &clearance, Some(&back))?);
                for (reason, rows) in reasons {
                    *wave.reasons.entry((Door::Returned, None, reason.to_owned())).or_default() += rows;
                }
                let (grounds, rules) = (clearance.grounds().to_vec(), clearance.rules().to_vec());
                wave.back = Some(self.return_line(planned, Verdict::Allowed { grounds, rules })?);
            }
            (Answer::Refused(_, refusal), To::Reporter) => {
                let door = (Door::Withheld, Some(planned.plan.reporter.clone()), refusal.code.to_owned());
                *wave.reasons.entry(door).or_default() += count;
                wave.back = Some(self.return_line(planned, Verdict::Refused(*refusal))?);
            }
        }
        Ok(())
    }

    /// How many of the rows that have an addressee the law would keep from him.
    fn refused(&self, actor: &Actor, planned: &Planned, round: &RoundId, doors: &Doors) -> Result<u64, DeedError> {
        let mut refused = 0;
        for (party, rows) in &doors.sent {
            let question = self.share_question(actor, planned, round, party, *rows, String::new())?;
            if matches!(self.gate.pack().judge(&question), Verdict::Refused(_)) {
                refused += rows;
            }
        }
        Ok(refused)
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
        let reports: Vec<_> = waiting.iter().map(|row| row.report.id).collect();
        let facts = self.facts_of_round(round, FactKind::Sightings).await?;
        let parts = facts.into_iter().filter_map(|fact| Some((fact.report.filter(|id| reports.contains(id))?, fact)));
        let parts = parts.collect();
        Ok(Waiting { turn, planned, looking: clearance, reports, parts, count })
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

    fn commit_rows(&self, batch: &Protected<SightingBatch>, clearance: &Clearance) -> Result<String, DeedError> {
        let committer = self.keyring.commitment("rows")?;
        Ok(batch.open(clearance, self.clock.now(), |rows| {
            let (mut scratch, mut commitment) = (Vec::new(), committer.begin());
            rows.rows().for_each(|row| commitment.push(&row_key(&row, &committer, &mut scratch).to_be_bytes()));
            commitment.finish()
        })?)
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
                rows.rows().map(|row| terminal_key(&row, &committer, &mut scratch)).filter(|key| *key != 0).collect();
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
                    raw_at: 0,
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

/// A row of a part, and why it goes back where it does.
type Leaving = (u32, Option<&'static str>);

/// The rows of a part by addressee, in the part's order.
fn by_addressee(routed: Routed) -> Vec<(To, Vec<Leaving>)> {
    let mut back: Vec<Leaving> = Vec::new();
    for (reason, rows) in routed.returned {
        back.extend(rows.into_iter().map(|row| (row, Some(reason))));
    }
    back.sort_unstable_by_key(|(row, _)| *row);
    let sent = routed.sent.into_iter();
    let sent = sent.map(|(party, rows)| (To::Partner(party), rows.into_iter().map(|row| (row, None)).collect()));
    sent.chain(std::iter::once((To::Reporter, back))).collect()
}

/// The rows of several parts as one batch, as protected as the most protected of them.
fn joined(
    mut parts: Vec<Protected<SightingBatch>>,
    clearance: &Clearance,
    now: Instant,
) -> Result<Protected<SightingBatch>, DeedError> {
    if parts.len() == 1 {
        return Ok(parts.remove(0));
    }
    let mut batches = Vec::with_capacity(parts.len());
    let mut class = DataClass::CommunicationTrace;
    for part in &parts {
        class = class.max(part.class());
        batches.push(part.open(clearance, now, SightingBatch::clone)?);
    }
    let all = SightingBatch::concat(&batches).map_err(|e| DeedError::Fault(e.to_string()))?;
    Ok(Protected::seal(all, class, clearance.subject().clone()))
}

impl Sending {
    /// Adds a line, to the one that says the same of other rows if there is one.
    fn add(&mut self, line: Line) {
        let same = self.lines.iter_mut().find(|known| Line { rows: line.rows, ..(*known).clone() } == line);
        match same {
            Some(known) => known.rows += line.rows,
            None => self.lines.push(line),
        }
    }

    fn add_rest(&mut self, doors: &Doors, back: &Line) {
        for (reason, rows) in &doors.returned {
            let reason = Some((*reason).to_owned());
            self.lines.push(Line { reason, rows: *rows, ..back.clone() });
        }
        for ((party, reason), rows) in &doors.withheld {
            self.lines.push(Line {
                door: "withheld",
                party: Some(party.clone()),
                reason: Some(reason.clone()),
                rows: *rows,
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
