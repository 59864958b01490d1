//! Identifying and telling: whose address it was then, and a letter to each of them. Never a guess, at most one mail per
//! subscriber and round, and nobody who declined or was told within the interval.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::OnceLock;

use api::v1::Delivery as Cover;
use archive::{BlobKind, Notice};
use assignment::{Contacts, Finding, Holders, Index, OwnRanges, Seen, SubscriberRef};
use courier::{Envelope, EnvelopeId, Recipient, Ticket};
use formats::letter::contents::{NoticeLetter, notice};
use formats::letter::{Letter, Press, Rendered};
use law::{Action, Clearance, Question, Subject};
use model::party::Role;
use model::tag::DataClass;
use model::{Actor, DeliveryId, Instant, Lang, Outcome};
use store::fact::Kind as FactKind;
use store::outbox::NewJob;

use crate::gate::{Answer, Asking, own};
use crate::hear::{Outcomes, bury_outcomes, tally_of};
use crate::house::House;
use crate::keep::About;
use crate::letters::{desk_of, named_mailbox, written};
use crate::problem::{DeedError, SETTING_MISSING};

/// What identifying and telling for one delivery would do, or did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The delivery.
    pub delivery: Option<DeliveryId>,
    /// Rows by outcome, as they stand now: `identified` are rows whose subscriber's letter is on its way.
    pub outcomes: Vec<(Outcome, u64)>,
    /// Letters put into the outbox.
    pub letters: u64,
    /// Rows without a port whose address is shared.
    pub grounds: Vec<String>,
    /// The rules.
    pub rules: Vec<String>,
    /// Whether ports were used, which the law of 2014 does not allow.
    pub used_ports: bool,
}

/// The operator's own records, opened once for a run.
pub struct Records {
    /// Who held which address.
    pub index: Index,
    /// How subscribers are reached.
    pub contacts: Contacts,
}

/// Which letter told of which rows; kept sealed, so that what became of a letter becomes the outcome of its rows.
pub(crate) type LetterRows = Vec<Vec<u32>>;

/// A subscriber of this delivery.
struct Victim {
    rows: Vec<u32>,
    seen: Vec<notice::Seen>,
    malware: Option<String>,
}

/// What was found for a delivery's rows, before anybody is told.
struct Found {
    outcomes: Outcomes,
    victims: BTreeMap<[u8; 16], Victim>,
    /// To look at the delivery's rows and to keep what is written about them.
    rows: Clearance,
    /// To look at the operator's records.
    records: Clearance,
    used_ports: bool,
}

/// What was done for a delivery in earlier runs.
struct Before {
    outcomes: Outcomes,
    /// The places that have a letter, whatever became of it.
    written: HashSet<u32>,
    letters: u32,
}

impl House {
    /// Identifies the subscribers of a delivery and puts a letter to each into the outbox.
    ///
    /// With `dry_run` nobody is told and nothing is kept: the decisions are given up.
    ///
    /// # Errors
    /// [`DeedError`] where the delivery is not known, a refusal of identification is no error (its rows are answered
    /// `refused-by-law`), or a door fails.
    pub async fn tell(
        &self,
        actor: &Actor,
        delivery: DeliveryId,
        records: &Records,
        dry_run: bool,
    ) -> Result<Told, DeedError> {
        own(self, actor)?;
        let turn = store::turn::look(&self.store, "delivery", &delivery).await?;
        let cover = self.cover_of(delivery).await?;
        let now = self.clock.now();
        let found = match self.identify(actor, &cover, records).await? {
            Ok(found) => found,
            Err(code) => return self.refused_by_law(actor, &cover, &turn, code, dry_run).await,
        };
        let Found { mut outcomes, mut victims, rows: rows_clearance, records: records_clearance, used_ports } = found;
        let identify = [&rows_clearance, &records_clearance];
        let rules: Vec<String> = identify.iter().flat_map(|c| c.rules().to_vec()).collect();
        let before = self.told_so_far(delivery).await?;
        // What an earlier run came to stands: nobody gets a second letter for the same rows, and no outcome goes back.
        for (place, (outcome, at)) in &mut outcomes {
            if let Some((earlier, earlier_at)) = before.outcomes.get(place)
                && (before.written.contains(place) || !earlier.may_become(*outcome))
            {
                (*outcome, *at) = (*earlier, *earlier_at);
            }
        }
        let open = |place: &u32| {
            !before.written.contains(place) && outcomes.get(place).is_some_and(|(o, _)| *o == Outcome::Identified)
        };
        victims.retain(|_, victim| {
            let kept: Vec<bool> = victim.rows.iter().map(open).collect();
            let mut keep = kept.iter();
            victim.rows.retain(|_| *keep.next().unwrap_or(&false));
            let mut keep = kept.iter();
            victim.seen.retain(|_| *keep.next().unwrap_or(&false));
            !victim.rows.is_empty()
        });

        let tell = self.ask_as_operator(actor, &cover, Action::Tell, used_ports, victims.len() as u64).await?;
        let tell = match tell {
            Ok(clearance) => clearance,
            Err(code) => {
                for clearance in identify {
                    self.abandon(clearance.decision(), &code).await?;
                }
                return self.refused_by_law(actor, &cover, &turn, code, dry_run).await;
            }
        };
        let told_before = self.told_before(&cover).await?;
        let interval = i64::from(cover.plan.repeat_interval_days) * 86_400;
        let mut letters: Vec<Envelope> = Vec::new();
        let mut letter_rows: LetterRows = Vec::new();
        let mut notices: Vec<Notice> = Vec::new();
        let presses = Presses::new()?;
        for (pseudonym, victim) in victims {
            let mut set = |outcome: Outcome| {
                for place in &victim.rows {
                    outcomes.insert(*place, (outcome, now));
                }
            };
            if let Some(last) = told_before.get(&hex(&pseudonym))
                && now < last.plus_seconds(interval)
            {
                set(Outcome::RepeatWithinInterval);
                continue;
            }
            let subscriber = SubscriberRef::from_bytes(pseudonym);
            let contact =
                records.contacts.open(subscriber, &tell, now, |contact| contact.cloned()).map_err(not_opened)?;
            let Some(contact) = contact else {
                // Known, and to be told another way: by post, by telephone. It stays `identified`.
                continue;
            };
            if contact.opted_out {
                set(Outcome::OptedOut);
                continue;
            }
            let Some(mail) = contact.mail.as_ref() else { continue };
            if now < cover.plan.notify_from {
                continue;
            }
            let index = u32::try_from(letters.len()).unwrap_or(u32::MAX).saturating_add(before.letters);
            letters.push(self.notice(&cover, &tell, &victim, mail.as_str(), contact.lang, index, &presses)?);
            letter_rows.push(victim.rows.clone());
            let records = u32::try_from(victim.rows.len()).unwrap_or(u32::MAX);
            notices.push(Notice { subscriber: hex(&pseudonym), told_at: now, records });
        }
        self.faults.reach("tell.rendered")?;
        let tally = tally_of(&outcomes, cover.rows);
        let told = Told {
            delivery: Some(delivery),
            outcomes: tally.iter().filter(|(_, count)| *count > 0).collect(),
            letters: letters.len() as u64,
            grounds: tell.grounds().iter().map(|g| g.name().to_owned()).collect(),
            rules: rules.into_iter().chain(tell.rules().iter().cloned()).collect(),
            used_ports,
        };
        if dry_run {
            for clearance in identify.into_iter().chain(std::iter::once(&tell)) {
                self.abandon(clearance.decision(), "dry-run").await?;
            }
            return Ok(told);
        }
        let about =
            About { round: &cover.round, report: None, delivery: Some(delivery), decision: Some(tell.decision()) };
        let mut facts = vec![self.keep_outcomes(about, delivery, &outcomes)?];
        let mut job = None;
        if !letters.is_empty() {
            let parcel = self.keep_letters(about, &letters, &rows_clearance)?;
            let way = self.settings.notice_from.as_ref().map_or("smtp", |from| from.way.as_str()).to_owned();
            job = Some(NewJob {
                id: store::OutboxId::fresh(&*self.clock, &*self.entropy),
                delivery: Some(delivery),
                fact: Some(parcel.id),
                kind: store::outbox::Kind::Notice,
                way,
                recipient: None,
                letters: u32::try_from(letters.len()).unwrap_or(u32::MAX),
                made_at: now,
                due_at: now,
            });
            let rows = serde_json::to_vec(&letter_rows).map_err(|e| DeedError::Fault(e.to_string()))?;
            facts.push(self.keep_blob(BlobKind::Letters, about, &rows, letter_rows.len() as u64)?);
            facts.push(self.keep_notices(about, delivery, &notices)?);
            facts.push(parcel);
        }
        let mut leaves = Vec::new();
        for clearance in identify {
            leaves.push(self.done_leaf(clearance).with("rows", cover.rows));
        }
        leaves.push(
            self.done_leaf(&tell)
                .with("letters", letters.len() as u64)
                .with("template_ja", presses.ja_hash.as_str())
                .with("template_en", presses.en_hash.as_str()),
        );
        let mut tx = self.store.begin("tell::commit").await?;
        store::turn::take(&mut tx, &turn).await?;
        let buried = bury_outcomes(&mut tx, delivery, now).await?;
        for fact in &facts {
            store::fact::insert(&mut tx, fact).await?;
        }
        if let Some(job) = &job {
            store::outbox::put(&mut tx, job).await?;
        }
        store::delivery::set_outcomes(&mut tx, delivery, tally).await?;
        for leaf in &leaves {
            store::leaf::append(&mut tx, leaf).await?;
        }
        tx.commit().await?;
        self.remove_buried(&buried)?;
        Ok(told)
    }

    /// Finds the subscribers, or the refusal's code.
    async fn identify(
        &self,
        actor: &Actor,
        cover: &Cover,
        records: &Records,
    ) -> Result<Result<Found, String>, DeedError> {
        let now = self.clock.now();
        let delivery = Subject::Delivery(cover.delivery);
        let mut used_ports = true;
        // With the port, if the law of the day allows it; else with address and time alone.
        let mut rows_clearance =
            self.ask_subject(actor, cover, Action::Identify, true, cover.rows, delivery.clone()).await?;
        if rows_clearance.is_err() {
            used_ports = false;
            rows_clearance =
                self.ask_subject(actor, cover, Action::Identify, false, cover.rows, delivery.clone()).await?;
        }
        let rows_clearance = match rows_clearance {
            Ok(clearance) => clearance,
            Err(code) => return Ok(Err(code)),
        };
        let asked =
            self.ask_subject(actor, cover, Action::Identify, used_ports, cover.rows, Subject::Assignments).await?;
        let records_clearance = match asked {
            Ok(clearance) => clearance,
            Err(code) => {
                self.abandon(rows_clearance.decision(), &code).await?;
                return Ok(Err(code));
            }
        };
        let mut outcomes = Outcomes::new();
        let mut victims: BTreeMap<[u8; 16], Victim> = BTreeMap::new();
        let own = self.own_ranges()?;
        for fact in self.facts_of_delivery(cover.delivery, FactKind::Sightings).await? {
            let sightings = self.read_sightings(&fact, &delivery)?;
            let step: Result<(), DeedError> = sightings.open(&rows_clearance, now, |rows| {
                let mut places = Vec::with_capacity(rows.len());
                let mut seen = Vec::with_capacity(rows.len());
                for (index, row) in (1_u32..).zip(rows.rows()) {
                    let place = row
                        .reference
                        .and_then(|reference| reference.parse::<model::id::OutwardId>().ok())
                        .map_or(index, |id| id.ordinal);
                    let (Some(address), Some(time)) = (row.source_ip, row.time) else {
                        outcomes.insert(place, (Outcome::NotFound, now));
                        continue;
                    };
                    places.push((place, index - 1));
                    let port = if used_ports { row.source_port } else { None };
                    seen.push(Seen { address, port, time, uncertainty: row.uncertainty });
                }
                let findings = records.index.identify(&seen, &own, &records_clearance, now).map_err(not_opened)?;
                for ((place, index), (finding, seen)) in places.into_iter().zip(findings.into_iter().zip(&seen)) {
                    outcomes.insert(place, (finding.outcome(), now));
                    if let Finding::One(subscriber) = finding {
                        let malware = rows.row(index as usize).malware.map(str::to_owned);
                        let victim = victims.entry(subscriber.to_bytes()).or_insert_with(|| Victim {
                            rows: Vec::new(),
                            seen: Vec::new(),
                            malware,
                        });
                        victim.rows.push(place);
                        victim.seen.push(notice::Seen {
                            time: seen.time,
                            uncertainty: seen.uncertainty,
                            address: seen.address,
                            port: seen.port,
                        });
                    }
                }
                Ok(())
            })?;
            step?;
        }
        Ok(Ok(Found { outcomes, victims, rows: rows_clearance, records: records_clearance, used_ports }))
    }

    /// Asks as the operator that holds the assignments; a refusal's code where it may not.
    async fn ask_subject(
        &self,
        actor: &Actor,
        cover: &Cover,
        action: Action,
        uses_port: bool,
        count: u64,
        subject: Subject,
    ) -> Result<Result<Clearance, String>, DeedError> {
        let question = self.operator_question(actor, cover, action, uses_port, count, subject)?;
        match self.ask(question).await? {
            Answer::Cleared(clearance) => Ok(Ok(clearance)),
            Answer::Refused(_, refusal) => Ok(Err(refusal.code.to_owned())),
        }
    }

    /// What an operator is asked before it looks up or tells its own subscribers.
    pub(crate) fn operator_question(
        &self,
        actor: &Actor,
        cover: &Cover,
        action: Action,
        uses_port: bool,
        count: u64,
        subject: Subject,
    ) -> Result<Question, DeedError> {
        let mut question = self.question(Asking {
            actor,
            plan: &cover.plan,
            round: cover.round.number,
            action,
            class: DataClass::SubscriberIdentity,
            subject,
            count,
            commitment: String::new(),
        });
        question.uses_port = uses_port;
        question.holds_assignment = self.me()?.party.is(Role::Operator);
        question.plan_agreed_by_partner = cover.plan.agreement_of(&self.settings.party, question.decided_on).is_some();
        question.individually = action == Action::Tell;
        question.identified_lawfully = action == Action::Tell;
        if let Some(terms) = &self.settings.terms_consent {
            question.terms_consent = Some(terms.conditions);
            question.evidence.push(law::Evidence {
                kind: "terms".to_owned(),
                reference: terms.reference.clone(),
                issuer: self.settings.party.clone(),
                expires: None,
            });
        }
        Ok(question)
    }

    async fn ask_as_operator(
        &self,
        actor: &Actor,
        cover: &Cover,
        action: Action,
        uses_port: bool,
        count: u64,
    ) -> Result<Result<Clearance, String>, DeedError> {
        self.ask_subject(actor, cover, action, uses_port, count, Subject::Assignments).await
    }

    /// Every row is answered `refused-by-law`; the refusals stand in the ledger.
    async fn refused_by_law(
        &self,
        actor: &Actor,
        cover: &Cover,
        turn: &store::turn::Turn,
        code: String,
        dry_run: bool,
    ) -> Result<Told, DeedError> {
        let now = self.clock.now();
        let rows = u32::try_from(cover.rows).unwrap_or(u32::MAX);
        let outcomes: Outcomes = (1..=rows).map(|place| (place, (Outcome::RefusedByLaw, now))).collect();
        let tally = tally_of(&outcomes, cover.rows);
        let told = Told {
            delivery: Some(cover.delivery),
            outcomes: vec![(Outcome::RefusedByLaw, cover.rows)],
            grounds: vec![code.clone()],
            ..Told::default()
        };
        if dry_run {
            return Ok(told);
        }
        let about = About { round: &cover.round, report: None, delivery: Some(cover.delivery), decision: None };
        let fact = self.keep_outcomes(about, cover.delivery, &outcomes)?;
        let leaf = self
            .record_leaf(ledger::Kind::Recorded, "refused-by-law", actor)
            .with("delivery", cover.delivery.to_string())
            .with("code", code);
        let mut tx = self.store.begin("tell::refused").await?;
        store::turn::take(&mut tx, turn).await?;
        let buried = bury_outcomes(&mut tx, cover.delivery, now).await?;
        store::fact::insert(&mut tx, &fact).await?;
        store::delivery::set_outcomes(&mut tx, cover.delivery, tally).await?;
        store::leaf::append(&mut tx, &leaf).await?;
        tx.commit().await?;
        self.remove_buried(&buried)?;
        Ok(told)
    }

    /// The address ranges that this operator assigns, by the roster.
    pub fn own_ranges(&self) -> Result<OwnRanges, DeedError> {
        Ok(OwnRanges::of(self.me()?.prefixes))
    }

    /// Whether there is something to tell for a delivery that was taken: nobody has looked at it yet, or it was looked at before
    /// its plan allowed telling, and now it does.
    ///
    /// # Errors
    /// [`DeedError`] where the delivery is not known or the state fails.
    pub async fn waits_to_be_told(&self, delivery: DeliveryId) -> Result<bool, DeedError> {
        let looked = self.facts_of_delivery(delivery, FactKind::Answers).await?;
        let Some(last) = looked.iter().map(|fact| fact.created_at).max() else { return Ok(true) };
        let from = self.cover_of(delivery).await?.plan.notify_from;
        Ok(last < from && from <= self.clock.now())
    }

    /// What earlier runs did for a delivery.
    async fn told_so_far(&self, delivery: DeliveryId) -> Result<Before, DeedError> {
        let mut written = HashSet::new();
        let mut letters = 0;
        for fact in self.facts_of_delivery(delivery, FactKind::Letters).await? {
            let rows: LetterRows = serde_json::from_slice(&self.read_blob(BlobKind::Letters, &fact)?)
                .map_err(|e| DeedError::Fault(e.to_string()))?;
            letters += u32::try_from(rows.len()).unwrap_or(u32::MAX);
            written.extend(rows.into_iter().flatten());
        }
        Ok(Before { outcomes: self.outcomes_so_far(delivery).await?, written, letters })
    }

    /// When subscribers were last told for this operation, by pseudonym.
    async fn told_before(&self, cover: &Cover) -> Result<HashMap<String, Instant>, DeedError> {
        let wanted = store::fact::Wanted {
            kind: Some(FactKind::Notices),
            operation: Some(cover.plan.id.clone()),
            ..store::fact::Wanted::default()
        };
        let mut last: HashMap<String, Instant> = HashMap::new();
        for fact in store::fact::living(&self.store, &wanted).await? {
            let Some(delivery) = fact.delivery else { continue };
            for notice in self.read_notices(&fact, delivery)? {
                let entry = last.entry(notice.subscriber).or_insert(notice.told_at);
                *entry = (*entry).max(notice.told_at);
            }
        }
        Ok(last)
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one letter")]
    fn notice(
        &self,
        cover: &Cover,
        tell: &Clearance,
        victim: &Victim,
        mail: &str,
        lang: Lang,
        index: u32,
        presses: &Presses,
    ) -> Result<Envelope, DeedError> {
        let me = self.me()?;
        let from = self
            .settings
            .notice_from
            .as_ref()
            .ok_or_else(|| DeedError::NotInForce { code: &SETTING_MISSING, about: "[notice_from]".to_owned() })?;
        let reporter = self
            .entry(&cover.plan.reporter)
            .map_or_else(|_| model::text::Name::from(cover.plan.reporter.as_str()), |entry| entry.party.name);
        let ticket = Ticket::of_letter(cover.delivery, index);
        let contents = NoticeLetter {
            ticket: ticket.as_str().to_owned(),
            isp: desk_of(&me),
            writer: model::text::Name::from(from.name.as_str()),
            seen: victim.seen.clone(),
            malware: victim.malware.clone(),
            reporter,
            collected: cover.plan.collected.clone(),
            grounds: self.ground_notes(tell.rules()),
            steps: Vec::new(),
            care_desk: cover.plan.care_desk.clone(),
            opt_out: Some(from.mail.clone()),
            zone: self.settings.zone.clone(),
        };
        let rendered = presses.render(lang, &contents)?;
        let letter = written(&rendered.subject, &rendered.body, String::new())?;
        let place = || model::problem::Place::file("subscriber contact").field("mail");
        let address: courier::MailAddress = mail.parse().map_err(|unfit: courier::Unfit| unfit.at(place()))?;
        Ok(Envelope {
            // The acknowledgement and the answers of the delivery have the low numbers.
            id: EnvelopeId::of_delivery(cover.delivery, 1_000 + index),
            from: named_mailbox(&from.mail, &from.name)?,
            to: vec![Recipient::Mail(courier::Mailbox::from(address))],
            already: Vec::new(),
            reply_to: None,
            bounces_to: None,
            subject: letter.subject,
            text: letter.text,
            language: lang,
            date: self.clock.now(),
            ticket: Some(ticket),
            delivery: Some(cover.delivery),
            parcels: Vec::new(),
        })
    }
}

/// The notice in both languages, compiled once for a run.
struct Presses {
    ja: Press<'static, NoticeLetter>,
    en: Press<'static, NoticeLetter>,
    ja_hash: String,
    en_hash: String,
}

impl Presses {
    fn new() -> Result<Self, DeedError> {
        static JA: OnceLock<Letter<NoticeLetter>> = OnceLock::new();
        static EN: OnceLock<Letter<NoticeLetter>> = OnceLock::new();
        let ja = JA.get_or_init(|| Letter::shipped(Lang::Ja));
        let en = EN.get_or_init(|| Letter::shipped(Lang::En));
        Ok(Self { ja: ja.press()?, en: en.press()?, ja_hash: ja.hash(), en_hash: en.hash() })
    }

    fn render(&self, lang: Lang, contents: &NoticeLetter) -> Result<Rendered, DeedError> {
        let press = match lang {
            Lang::Ja => &self.ja,
            Lang::En => &self.en,
        };
        Ok(press.render(contents)?)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn not_opened(error: assignment::NotOpened) -> DeedError {
    match error {
        assignment::NotOpened::Closed(closed) => DeedError::Closed(closed),
        other => DeedError::Fault(other.to_string()),
    }
}
