//! Taking: a node takes the deliveries that its hub dropped, checks the cover, passes the gate, keeps the rows, and says that
//! it has them.

use api::v1::{Delivery as Cover, Kind as CoverKind};
use archive::BlobKind;
use courier::fetch::folder::{Delivery as Fetched, DropFolder, FetchError};
use courier::{Envelope, EnvelopeId, Ticket};
use formats::answer::ack::{Ack, write as write_ack};
use formats::writing::Dialect;
use formats::{Declared, Input};
use law::{Action, Clearance, Subject};
use model::party::AgreementKind;
use model::problem::{Code, Place, Problem};
use model::report::Report;
use model::tag::DataClass;
use model::{Actor, DeliveryId, IntakeTally, PartyId, ReportId};
use store::fact::Kind as FactKind;
use store::operation::PlanText;
use store::outbox::NewJob;
use store::report::{State, Terminals};
use store::taken::Taking;

use crate::gate::{Answer, Asking, own};
use crate::house::House;
use crate::keep::About;
use crate::letters::{mailbox, parcel, recipients, written};
use crate::operation::read_plan;
use crate::problem::{BAD_COVER, DELIVERY_NOT_OURS, DeedError};
use crate::roster::document_digest;

/// What a node found in its inbox.
#[derive(Debug, Default)]
pub struct Taken {
    /// Deliveries taken, with their rows.
    pub deliveries: Vec<(DeliveryId, u64)>,
    /// Deliveries that the gate refused, with the refusal's code.
    pub refused: Vec<(DeliveryId, String)>,
    /// What could not be taken, and why; it stays where it is.
    pub problems: Vec<(Place, &'static Code)>,
}

impl House {
    /// Takes every complete delivery in the inbox.
    ///
    /// # Errors
    /// [`DeedError`] where a door of this house fails. A delivery that is wrong is named and left, and the others are taken.
    pub async fn take(&self, actor: &Actor) -> Result<Taken, DeedError> {
        own(self, actor)?;
        let folder = DropFolder::new(self.disk.clone(), self.inbox());
        let listing = folder.list().await.map_err(fetch_error)?;
        let mut taken = Taken::default();
        taken.problems.extend(listing.problems.iter().map(|p| (p.place.clone(), p.code)));
        for manifest in &listing.ready {
            let fetched = match folder.open(manifest).await {
                Ok(fetched) => fetched,
                Err(FetchError::Problem(problem)) => {
                    taken.problems.push((problem.place.clone(), problem.code));
                    continue;
                }
                Err(error) => return Err(fetch_error(error)),
            };
            match self.take_one(actor, &fetched).await {
                Ok(One::Taken(id, rows)) => taken.deliveries.push((id, rows)),
                Ok(One::Before) => {}
                Ok(One::Refused(id, code)) => {
                    taken.refused.push((id, code));
                    continue;
                }
                Err(DeedError::Problem(problem)) => {
                    taken.problems.push((problem.place.clone(), problem.code));
                    continue;
                }
                Err(error) => return Err(error),
            }
            self.faults.reach("take.before-tidy")?;
            folder.take(manifest).await.map_err(fetch_error)?;
        }
        Ok(taken)
    }

    async fn take_one(&self, actor: &Actor, fetched: &Fetched) -> Result<One, DeedError> {
        let name = fetched.manifest.id.to_string();
        let part = |wanted: &str| fetched.parcels.iter().find(|parcel| parcel.name.as_str() == wanted);
        let bad = |what: &str| Problem::new(&BAD_COVER, Place::file(&name)).with_value(what);
        let cover = part(Cover::FILE_NAME).ok_or_else(|| bad("no delivery.json"))?;
        let cover = Cover::from_bytes(&cover.bytes).map_err(|e| bad(&e.to_string()))?;
        if cover.to != self.settings.party || cover.kind != CoverKind::Sent {
            return Err(Problem::new(&DELIVERY_NOT_OURS, Place::file(&name)).with_value(cover.to.as_str()).into());
        }
        // What a hub writes into a plan becomes headers and letters here, so it is read as strictly as a plan of our own.
        let plan_text = toml::to_string(&cover.plan).map_err(|e| DeedError::Fault(e.to_string()))?;
        read_plan(&name, &plan_text)?;
        let hub = self.entry(&cover.from)?;
        if store::delivery::find(&self.store, cover.delivery).await?.is_some() {
            return Ok(One::Before);
        }
        let now = self.clock.now();
        let subject = Subject::Delivery(cover.delivery);
        let mut question = self.question(Asking {
            actor,
            plan: &cover.plan,
            round: cover.round.number,
            action: Action::Receive,
            class: DataClass::CommunicationTrace,
            subject: subject.clone(),
            count: cover.rows,
            commitment: String::new(),
        });
        self.agreement(&mut question, &hub.party, AgreementKind::Provide, now);
        let clearance = match self.ask(question).await? {
            Answer::Cleared(clearance) => clearance,
            Answer::Refused(_, refusal) => return Ok(One::Refused(cover.delivery, refusal.code.to_owned())),
        };
        // The first file in a format that is read here; all files say the same.
        let file = cover.files.iter().find_map(|file| Some((file, formats::by_name(&file.format)?, part(&file.name)?)));
        let Some((file, format, bytes)) = file else {
            self.abandon(clearance.decision(), BAD_COVER.code).await?;
            return Err(bad("no file in a format that is read here").into());
        };
        let declared = Declared::by_plan(&cover.plan, &self.special, now);
        let input = Input { file: &file.name, bytes: &bytes.bytes, subject };
        let reading = match format.read(&input, &declared) {
            Ok(reading) if reading.understood == cover.rows => reading,
            Ok(reading) => {
                self.abandon(clearance.decision(), BAD_COVER.code).await?;
                let said = format!("{} rows announced, {} understood", cover.rows, reading.understood);
                return Err(bad(&said).into());
            }
            Err(problem) => {
                self.abandon(clearance.decision(), problem.code.code).await?;
                return Err(problem.into());
            }
        };
        let report = ReportId::fresh(&*self.clock, &*self.entropy);
        let about = About {
            round: &cover.round,
            report: Some(report),
            delivery: Some(cover.delivery),
            decision: Some(clearance.decision()),
        };
        let kept = self.keep_blob(BlobKind::Kept, about, &cover.to_bytes(), 1)?;
        let sightings = self.keep_sightings(about, &reading.sightings, &clearance)?;
        let terminals = reading.sightings.open(&clearance, now, |rows| {
            let addresses: std::collections::HashSet<_> = rows.rows().map(|r| (r.source_ip, r.source_port)).collect();
            addresses.len() as u64
        })?;
        let plan_digest = document_digest(&plan_text);
        let (ack_fact, ack_job) = self.acknowledgement(&cover, &hub, about, &clearance)?;
        let tally = IntakeTally::new(cover.rows, 0, 0, cover.rows).map_err(|e| DeedError::Fault(e.to_string()))?;
        let row = Report {
            id: report,
            round: cover.round.clone(),
            author: cover.plan.reporter.clone(),
            relay: cover.from.clone(),
            received: now,
            file: file.name.clone(),
            size: bytes.bytes.len() as u64,
            digest: self.keyring.commitment("file")?.digest_file(&bytes.bytes),
            provenance: reading.provenance.clone(),
        };
        let inbound = store::delivery::Delivery {
            id: cover.delivery,
            round: cover.round.clone(),
            party: cover.from.clone(),
            kind: store::delivery::Kind::Inbound,
            rows: cover.rows,
            terminals,
            made_at: now,
            carried_at: None,
            acknowledged_at: None,
            answered_at: None,
            failed_at: None,
            decision: Some(clearance.decision()),
            ticket: cover.ticket.clone(),
            format: file.format.clone(),
            ground: cover.rules.iter().map(|rule| rule.ground.as_str()).collect::<Vec<_>>().join("+"),
            template: None,
        };
        let leaf = self
            .done_leaf(&clearance)
            .with("delivery", cover.delivery.to_string())
            .with("from", cover.from.as_str())
            .with("received", cover.rows);
        let plan_leaf = self
            .record_leaf(ledger::Kind::Recorded, "plan-heard", actor)
            .with("operation", cover.plan.id.as_str())
            .with("digest", plan_digest.as_str());
        let known = store::operation::find(&self.store, &cover.plan.id).await?.and_then(|operation| operation.plan);
        let mut tx = self.store.begin("take::keep").await?;
        if matches!(store::taken::take(&mut tx, "delivery", &cover.delivery.to_string(), now).await?, Taking::Again(_))
        {
            tx.rollback().await?;
            self.abandon(clearance.decision(), "taken-before").await?;
            return Ok(One::Before);
        }
        if known.as_ref().is_none_or(|plan| plan.digest != plan_digest) {
            let id = model::LeafId::from_uuid(plan_leaf.id);
            let text = PlanText { text: &plan_text, digest: &plan_digest, leaf: id };
            store::leaf::append(&mut tx, &plan_leaf).await?;
            if known.is_none() {
                store::operation::open(&mut tx, &cover.plan.id, text, now).await?;
            } else {
                store::operation::amend(&mut tx, &cover.plan.id, text, now).await?;
            }
        }
        store::round::mention(&mut tx, &cover.round, now).await?;
        store::report::insert(&mut tx, &row, State::Received, Some(clearance.decision())).await?;
        let counted = Terminals { in_report: terminals, new_in_round: terminals, new_in_operation: terminals };
        store::report::normalised(&mut tx, report, &row.provenance, tally, counted).await?;
        store::delivery::insert(&mut tx, &inbound).await?;
        for fact in [&kept, &sightings, &ack_fact] {
            store::fact::insert(&mut tx, fact).await?;
        }
        store::outbox::put(&mut tx, &ack_job).await?;
        store::leaf::append(&mut tx, &leaf).await?;
        tx.commit().await?;
        Ok(One::Taken(cover.delivery, cover.rows))
    }

    fn acknowledgement(
        &self,
        cover: &Cover,
        hub: &directory::RosterEntry,
        about: About<'_>,
        clearance: &Clearance,
    ) -> Result<(store::fact::Fact, NewJob), DeedError> {
        let now = self.clock.now();
        let ack = Ack { delivery: cover.delivery, rows: cover.rows, at: now };
        let lang = hub.language;
        let file = write_ack(&ack, Dialect::Plain, &self.settings.zone, lang);
        let name = format!("ack-{}.{}", cover.delivery, file.extension);
        let subject = format!("[{}] ack {}", cover.ticket, cover.round);
        let letter = written(&subject, &format!("{subject}\n"), String::new())?;
        self.answer_job(
            hub,
            about,
            cover.delivery,
            1,
            store::outbox::Kind::Ack,
            letter,
            vec![parcel(&name, file.media_type, file.bytes)?],
            clearance,
        )
    }

    /// Seals a file for the hub and makes the job that carries it.
    #[allow(clippy::too_many_arguments, reason = "the parts of one envelope")]
    pub(crate) fn answer_job(
        &self,
        hub: &directory::RosterEntry,
        about: About<'_>,
        delivery: DeliveryId,
        index: u32,
        kind: store::outbox::Kind,
        letter: crate::letters::Written,
        parcels: Vec<courier::Parcel>,
        clearance: &Clearance,
    ) -> Result<(store::fact::Fact, NewJob), DeedError> {
        let now = self.clock.now();
        let me = self.me()?;
        let (to, way) = recipients(hub)?;
        let envelope = Envelope {
            id: EnvelopeId::of_delivery(delivery, index),
            from: mailbox(&me)?,
            to,
            already: Vec::new(),
            reply_to: None,
            bounces_to: None,
            subject: letter.subject,
            text: letter.text,
            language: hub.language,
            date: now,
            ticket: Some(Ticket::of_delivery(delivery)),
            delivery: Some(delivery),
            parcels,
        };
        let fact = self.keep_letters(about, &[envelope], clearance)?;
        let job = NewJob {
            id: store::OutboxId::fresh(&*self.clock, &*self.entropy),
            delivery: Some(delivery),
            fact: Some(fact.id),
            kind,
            way: way.to_owned(),
            recipient: Some(hub.party.id.clone()),
            letters: 1,
            made_at: now,
            due_at: now,
        };
        Ok((fact, job))
    }

    /// The cover of an inbound delivery, as it was taken.
    pub(crate) async fn cover_of(&self, delivery: DeliveryId) -> Result<Cover, DeedError> {
        let facts = self.facts_of_delivery(delivery, FactKind::Kept).await?;
        let fact = facts.first().ok_or_else(|| DeedError::NotFound { what: "delivery", id: delivery.to_string() })?;
        Cover::from_bytes(&self.read_blob(BlobKind::Kept, fact)?).map_err(|e| DeedError::Fault(e.to_string()))
    }

    /// Hears every answer that partners dropped in the inbox of a hub.
    ///
    /// # Errors
    /// [`DeedError`] where a door of this house fails. A file that is wrong is named and left.
    pub async fn hear_inbox(&self, actor: &Actor) -> Result<HeardInbox, DeedError> {
        own(self, actor)?;
        let folder = DropFolder::new(self.disk.clone(), self.inbox());
        let listing = folder.list().await.map_err(fetch_error)?;
        let mut inbox = HeardInbox::default();
        inbox.problems.extend(listing.problems.iter().map(|p| (p.place.clone(), p.code)));
        for manifest in &listing.ready {
            let fetched = match folder.open(manifest).await {
                Ok(fetched) => fetched,
                Err(FetchError::Problem(problem)) => {
                    inbox.problems.push((problem.place.clone(), problem.code));
                    continue;
                }
                Err(error) => return Err(fetch_error(error)),
            };
            let mut whole = true;
            for parcel in &fetched.parcels {
                let from = self.answers_from(&parcel.bytes, parcel.name.as_str()).await?;
                let Some(from) = from else {
                    whole = false;
                    inbox.problems.push((Place::file(parcel.name.as_str()), &crate::problem::ANSWER_NOT_THEIRS));
                    continue;
                };
                match self.hear(actor, &from, parcel.name.as_str(), &parcel.bytes).await {
                    Ok(heard) => {
                        inbox.files += 1;
                        inbox.moved += heard.moved;
                        inbox.rejected += heard.rejected.len() as u64;
                    }
                    Err(DeedError::Problem(problem)) => {
                        whole = false;
                        inbox.problems.push((problem.place.clone(), problem.code));
                    }
                    Err(error) => return Err(error),
                }
            }
            if whole {
                folder.take(manifest).await.map_err(fetch_error)?;
            }
        }
        Ok(inbox)
    }

    /// To which party the delivery was made that an answer file names. A folder knows no sender; a record id of a delivery is
    /// known to its receiver alone, so the file is taken as his word.
    async fn answers_from(&self, bytes: &[u8], file: &str) -> Result<Option<PartyId>, DeedError> {
        let Ok(named) = formats::answer::delivery_named(file, bytes) else { return Ok(None) };
        Ok(store::delivery::find(&self.store, named).await?.map(|delivery| delivery.party))
    }
}

/// What a hub found in its inbox.
#[derive(Debug, Default)]
pub struct HeardInbox {
    /// Files heard.
    pub files: u64,
    /// Rows that moved.
    pub moved: u64,
    /// Rows that were not taken.
    pub rejected: u64,
    /// What could not be heard, and why; it stays where it is.
    pub problems: Vec<(Place, &'static Code)>,
}

enum One {
    Taken(DeliveryId, u64),
    Before,
    Refused(DeliveryId, String),
}

fn fetch_error(error: FetchError) -> DeedError {
    match error {
        FetchError::Disk(error) => error.into(),
        FetchError::Problem(problem) => problem.into(),
        other => DeedError::Fault(other.to_string()),
    }
}
