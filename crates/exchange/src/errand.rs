//! The law at the moment of sending: what was decided when a parcel was sealed is asked again when it goes.
//!
//! Between the two lies the time in which an agreement ends, an operation closes, a consent is taken back. The answer of the
//! moment opens the parcel; without it no byte of it is read.

use courier::Envelope;
use law::{Action, Clearance, Evidence, Protected, Question, Refusal, Subject};
use model::Actor;
use model::party::AgreementKind;
use model::tag::DataClass;
use store::fact::Fact;
use store::outbox::{Kind, NewJob};

use crate::gate::{Answer, Asking, Holds, Source};
use crate::house::House;
use crate::problem::DeedError;

/// The letters of a job, closed until the gate has answered.
pub(crate) type Letters = Protected<Vec<Envelope>>;

/// Why a job does not go.
pub(crate) enum Stopped {
    /// The gate refused; its refusal stands in the ledger.
    ByLaw(Box<Refusal>),
    /// What the job belongs to is not there any more.
    Missing(&'static str),
}

impl House {
    /// Asks whether the job may go now. The clearance opens the parcel.
    pub(crate) async fn ask_to_send(
        &self,
        actor: &Actor,
        job: &NewJob,
    ) -> Result<Result<Clearance, Stopped>, DeedError> {
        let question = match self.sending_question(actor, job).await {
            Ok(Some(question)) => question,
            Ok(None) => return Ok(Err(Stopped::Missing("delivery-missing"))),
            Err(DeedError::NotFound { what: "party", .. }) => return Ok(Err(Stopped::Missing("party-not-in-roster"))),
            Err(error) => return Err(error),
        };
        Ok(match self.ask(question).await? {
            Answer::Cleared(clearance) => Ok(clearance),
            Answer::Refused(_, refusal) => Err(Stopped::ByLaw(refusal)),
        })
    }

    /// What the gate would be asked for that job, now.
    ///
    /// # Errors
    /// [`DeedError`] where the roster lacks a party of the job, or the state fails.
    pub async fn sending_question(&self, actor: &Actor, job: &NewJob) -> Result<Option<Question>, DeedError> {
        let Some(id) = job.delivery else { return Ok(None) };
        let Some(row) = store::delivery::find(&self.store, id).await? else { return Ok(None) };
        let mut question = match (job.kind, &job.recipient) {
            (Kind::Delivery, Some(party)) => {
                let planned = self.plan(&row.round.operation).await?;
                self.share_question(actor, &planned, &row.round, party, row.rows, String::new())?
            }
            (Kind::Return, _) => {
                let planned = self.plan(&row.round.operation).await?;
                self.return_question(actor, &planned, &row.round, row.rows, String::new())?
            }
            (Kind::Notice, _) => {
                let cover = self.cover_of(id).await?;
                let count = u64::from(job.letters);
                self.operator_question(actor, &cover, Action::Tell, false, count, Subject::Delivery(id))?
            }
            (Kind::Answer | Kind::Ack, _) => self.answer_question(actor, &self.cover_of(id).await?, row.rows)?,
            (Kind::Delivery, None) => return Ok(None),
        };
        if let Some(decision) = row.decision {
            question.evidence.push(Evidence {
                kind: "decision".to_owned(),
                reference: decision.to_string(),
                issuer: self.settings.party.clone(),
                expires: None,
            });
        }
        Ok(Some(question))
    }

    /// The letters of a job as they were sealed, for the clearance of the moment.
    pub(crate) fn sealed_letters(&self, fact: &Fact, clearance: &Clearance) -> Result<Letters, DeedError> {
        self.read_protected(archive::BlobKind::Parcel, fact, clearance, |bytes| {
            serde_json::from_slice(bytes).map_err(|e| DeedError::Fault(e.to_string()))
        })
    }

    /// Why a refusal came between sealing and sending, where the paper that ended can be named.
    pub(crate) async fn what_ended(&self, job: &NewJob) -> Result<Option<&'static str>, DeedError> {
        let Some(id) = job.delivery else { return Ok(None) };
        let Some(row) = store::delivery::find(&self.store, id).await? else { return Ok(None) };
        let kind = if job.kind == Kind::Return { AgreementKind::Provide } else { AgreementKind::Receive };
        if let Some(party) = &job.recipient
            && self.entry(party)?.party.agreement(kind, self.clock.now()).is_none()
        {
            return Ok(Some("agreement-ended-before-sending"));
        }
        let closes = self.plan(&row.round.operation).await?.plan.closes;
        Ok((closes <= self.clock.now()).then_some("operation-closed-before-sending"))
    }

    /// What is asked before rows go back to who supplied them.
    pub(crate) fn return_question(
        &self,
        actor: &Actor,
        planned: &crate::operation::Planned,
        round: &model::RoundId,
        count: u64,
        commitment: String,
    ) -> Result<Question, DeedError> {
        let entry = self.entry(&planned.plan.reporter)?;
        let mut question = self.question(Asking {
            actor,
            plan: &planned.plan,
            round: round.number,
            action: Action::Return,
            class: DataClass::CommunicationTrace,
            subject: Subject::Round(round.clone()),
            count,
            commitment,
        });
        self.receiver(&mut question, &entry.party, AgreementKind::Provide, Holds::No, Source::Theirs);
        Ok(question)
    }

    /// What is asked before a node tells its hub what became of a delivery, or that it has it.
    pub(crate) fn answer_question(
        &self,
        actor: &Actor,
        cover: &api::v1::Delivery,
        count: u64,
    ) -> Result<Question, DeedError> {
        let hub = self.entry(&cover.from)?;
        let mut question = self.question(Asking {
            actor,
            plan: &cover.plan,
            round: cover.round.number,
            action: Action::Answer,
            class: DataClass::CommunicationTrace,
            subject: Subject::Delivery(cover.delivery),
            count,
            commitment: String::new(),
        });
        self.receiver(&mut question, &hub.party, AgreementKind::Receive, Holds::No, Source::Theirs);
        Ok(question)
    }
}
