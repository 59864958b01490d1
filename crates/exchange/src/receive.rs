//! Receiving a report: the source's agreement first, then the gate, and only then is anything kept.

use std::io;

use formats::Source;
use formats::source::fill;
use law::{Action, Clearance, Subject};
use model::party::AgreementKind;
use model::problem::Code;
use model::problem::Place;
use model::report::Report;
use model::tag::DataClass;
use model::{Actor, DecisionId, PartyId, Provenance, ReportId, RoundId, Zone};
use store::report::State;

use crate::gate::{Answer, Asking, own};
use crate::house::House;
use crate::normalise::{Keep, Normalised};
use crate::operation::Planned;
use crate::problem::{DeedError, NO_PROVIDE_AGREEMENT, NOT_THE_REPORTER, PLAN_NOT_AGREED};
use crate::same::KEY_VERSION;

/// A file that somebody hands in.
#[derive(Clone)]
pub struct Handed<'a> {
    /// Its name without its folder.
    pub file: &'a str,
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

/// What of a file is known before any row of it: its keyed digest and its length.
struct Whole {
    digest: String,
    size: u64,
}

impl House {
    /// Shows what a file would become: reads it under a decision that is then given up, and keeps nothing. The rows that were not
    /// understood go to `errors` as the file that goes back to the sender.
    ///
    /// # Errors
    /// [`DeedError`] where the source may not hand it in, the gate refuses, or the file cannot be read at all.
    pub async fn preview(
        &self,
        actor: &Actor,
        handed: &Handed<'_>,
        source: &mut dyn Source,
        errors: &mut dyn io::Write,
    ) -> Result<Preview, DeedError> {
        let planned = self.may_hand_in(actor, handed).await?;
        let whole = self.whole(source)?;
        let id = ReportId::fresh(&*self.clock, &*self.entropy);
        let clearance = self.ask_to_receive(actor, handed, &planned, id, &whole).await?.or_refuse()?;
        let outcome = self.normalise(handed, &planned, &clearance, id, source, errors, Keep::Nothing).await;
        self.abandon(clearance.decision(), "preview").await?;
        Ok(outcome?.preview)
    }

    /// Receives a report into a round. The rows that were not understood go to `errors` too, as the file that goes back to the
    /// sender.
    ///
    /// # Errors
    /// [`DeedError`] where the source may not hand it in, the gate refuses, the same file was received before, or the file
    /// cannot be read at all. Bad rows are no error: they are counted, and stand in the error file.
    pub async fn receive(
        &self,
        actor: &Actor,
        handed: &Handed<'_>,
        source: &mut dyn Source,
        errors: &mut dyn io::Write,
    ) -> Result<Received, DeedError> {
        let planned = self.may_hand_in(actor, handed).await?;
        let whole = self.whole(source)?;
        let earlier = store::report::same_file(&self.store, &whole.digest).await?;
        if let Some(row) = earlier.iter().find(|row| row.state != State::Refused) {
            return Err(DeedError::SameFile { round: row.report.round.clone(), report: row.report.id });
        }
        let id = ReportId::fresh(&*self.clock, &*self.entropy);
        let clearance = match self.ask_to_receive(actor, handed, &planned, id, &whole).await? {
            Answer::Cleared(clearance) => clearance,
            Answer::Refused(decision, refusal) => {
                self.note_refused(handed, id, whole, decision).await?;
                return Err(DeedError::Refused { decision, refusal });
            }
        };
        let keep = Keep::As(&whole.digest);
        let normalised = match self.normalise(handed, &planned, &clearance, id, source, errors, keep).await {
            Ok(normalised) => normalised,
            Err(error) => {
                if !error.is_crash() {
                    self.abandon(clearance.decision(), error.code()).await?;
                }
                return Err(error);
            }
        };
        if let Err(error) = self.commit_report(handed, &planned, &clearance, id, whole, &normalised).await {
            if !error.is_crash() {
                // Of any other failure it is not known whether it was committed.
                if error.is_overtaken() {
                    self.discard(&normalised.facts);
                }
                self.abandon(clearance.decision(), error.code()).await?;
            }
            return Err(error);
        }
        Ok(Received { report: id, preview: normalised.preview, rules: clearance.rules().to_vec() })
    }

    /// Reads the file once, for its digest.
    fn whole(&self, source: &mut dyn Source) -> Result<Whole, DeedError> {
        let committer = self.keyring.commitment("file")?;
        let mut digest = committer.begin_file();
        let mut bytes = vec![0; 1 << 20];
        source.rewind().map_err(DeedError::Input)?;
        loop {
            let read = fill(source, &mut bytes).map_err(DeedError::Input)?;
            digest.push(bytes.get(..read).unwrap_or_default());
            if read < bytes.len() {
                return Ok(Whole { size: digest.length(), digest: digest.finish() });
            }
        }
    }

    /// What may not be acquired is not kept: its keyed digest, its length and the refusal's leaf are all there is.
    async fn note_refused(
        &self,
        handed: &Handed<'_>,
        id: ReportId,
        whole: Whole,
        decision: DecisionId,
    ) -> Result<(), DeedError> {
        let report = Report {
            id,
            round: handed.round.clone(),
            author: handed.author.clone().unwrap_or_else(|| handed.relay.clone()),
            relay: handed.relay.clone(),
            received: self.clock.now(),
            file: String::new(),
            size: whole.size,
            digest: whole.digest,
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
        whole: &Whole,
    ) -> Result<Answer, DeedError> {
        let mut question = self.question(Asking {
            actor,
            plan: &planned.plan,
            round: handed.round.number,
            action: Action::Receive,
            class: DataClass::CommunicationTrace,
            subject: Subject::Report(id),
            count: 0,
            commitment: whole.digest.clone(),
        });
        let relay = self.entry(&handed.relay)?;
        let now = self.clock.now();
        self.agreement(&mut question, &relay.party, AgreementKind::Provide, now);
        self.ask(question).await
    }

    /// Commits what was read: report, figures, manifest and leaf in one transaction.
    async fn commit_report(
        &self,
        handed: &Handed<'_>,
        planned: &Planned,
        clearance: &Clearance,
        id: ReportId,
        whole: Whole,
        normalised: &Normalised,
    ) -> Result<(), DeedError> {
        let report = Report {
            id,
            round: handed.round.clone(),
            author: handed.author.clone().unwrap_or_else(|| handed.relay.clone()),
            relay: handed.relay.clone(),
            received: self.clock.now(),
            file: handed.file.to_owned(),
            size: whole.size,
            digest: whole.digest,
            provenance: normalised.provenance.clone(),
        };
        let facts = &normalised.facts;
        let tally = normalised.preview.tally;
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
        for fact in facts {
            store::fact::insert(&mut tx, fact).await?;
        }
        store::leaf::append(&mut tx, &leaf).await?;
        Ok(tx.commit().await?)
    }
}
