//! Answering: a node tells its hub what became of each record, by record id, and nothing about who it was.

use std::collections::HashMap;

use archive::BlobKind;
use formats::answer;
use formats::letter::Letter;
use formats::letter::contents::AnswerLetter;
use formats::writing::Dialect;
use model::id::OutwardId;
use model::{Actor, DeliveryId, Outcome};
use store::delivery::Kind as DeliveryKind;
use store::fact::Kind as FactKind;
use store::outbox::{Kind as JobKind, Standing, State as JobState};

use crate::gate::own;
use crate::hear::{Outcomes, bury_outcomes, tally_of};
use crate::house::House;
use crate::keep::About;
use crate::letters::{desk_of, parcel};
use crate::problem::DeedError;
use crate::tell::LetterRows;

/// What was answered for one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Rows by outcome.
    pub outcomes: Vec<(Outcome, u64)>,
}

impl House {
    /// Turns what became of the letters into outcomes, and puts an answer to the hub into the outbox. None where letters are
    /// still on their way, or nothing is new.
    ///
    /// # Errors
    /// [`DeedError`] where the gate refuses, or a door fails.
    pub async fn answer(&self, actor: &Actor, delivery: DeliveryId) -> Result<Option<Answered>, DeedError> {
        own(self, actor)?;
        let row = store::delivery::find(&self.store, delivery)
            .await?
            .filter(|row| row.kind == DeliveryKind::Inbound)
            .ok_or_else(|| DeedError::NotFound { what: "delivery", id: delivery.to_string() })?;
        let jobs = store::outbox::of_delivery(&self.store, delivery).await?;
        let notices: Vec<_> = jobs.iter().filter(|job| job.job.kind == JobKind::Notice).collect();
        if notices.iter().any(|job| matches!(job.state, JobState::Waiting | JobState::Claimed)) {
            return Ok(None);
        }
        let answers = jobs.iter().filter(|job| job.job.kind == JobKind::Answer).count();
        let turn = store::turn::look(&self.store, "delivery", &delivery).await?;
        let mut outcomes = self.outcomes_so_far(delivery).await?;
        if outcomes.is_empty() {
            return Ok(None);
        }
        let mut changed = answers == 0;
        // Each run of telling left one job and one list of who is told of what, in the same order.
        let lists = self.facts_of_delivery(delivery, FactKind::Letters).await?;
        for (job, list) in notices.iter().zip(&lists) {
            changed |= self.settle_letters(job, list, &mut outcomes).await?;
        }
        if !changed && row.answered_at.is_some() {
            return Ok(None);
        }
        self.put_answer(actor, &row, &turn, outcomes, u32::try_from(answers).unwrap_or(0)).await.map(Some)
    }

    /// As [`House::amend_outcomes`], for those of the rows only that were told.
    ///
    /// # Errors
    /// As [`House::answer`].
    pub async fn amend_told(
        &self,
        actor: &Actor,
        delivery: DeliveryId,
        amended: &[(u32, Outcome)],
    ) -> Result<Answered, DeedError> {
        let outcomes = self.outcomes_so_far(delivery).await?;
        let told = |place: &u32| outcomes.get(place).is_some_and(|(outcome, _)| *outcome == Outcome::Told);
        let amended: Vec<(u32, Outcome)> = amended.iter().filter(|(place, _)| told(place)).copied().collect();
        Ok(self.amend_outcomes(actor, delivery, &amended).await?.0)
    }

    /// Records outcomes that people learned of (a call to the care desk, a second scan) and answers the hub anew. Rows whose
    /// outcome cannot follow are left as they are and counted.
    ///
    /// # Errors
    /// As [`House::answer`].
    pub async fn amend_outcomes(
        &self,
        actor: &Actor,
        delivery: DeliveryId,
        amended: &[(u32, Outcome)],
    ) -> Result<(Answered, u64), DeedError> {
        own(self, actor)?;
        let row = store::delivery::find(&self.store, delivery)
            .await?
            .filter(|row| row.kind == DeliveryKind::Inbound)
            .ok_or_else(|| DeedError::NotFound { what: "delivery", id: delivery.to_string() })?;
        let turn = store::turn::look(&self.store, "delivery", &delivery).await?;
        let mut outcomes = self.outcomes_so_far(delivery).await?;
        let now = self.clock.now();
        let mut left = 0;
        for (place, outcome) in amended {
            match outcomes.get(place) {
                Some((before, _)) if !before.may_become(*outcome) => left += 1,
                _ if u64::from(*place) > row.rows || *place == 0 => left += 1,
                _ => {
                    outcomes.insert(*place, (*outcome, now));
                }
            }
        }
        let jobs = store::outbox::of_delivery(&self.store, delivery).await?;
        let answers = jobs.iter().filter(|job| job.job.kind == JobKind::Answer).count();
        let answered = self.put_answer(actor, &row, &turn, outcomes, u32::try_from(answers).unwrap_or(0)).await?;
        Ok((answered, left))
    }

    /// Rows whose letter went become `told`, those whose letter was refused for good `bounced`. Whether any changed.
    async fn settle_letters(
        &self,
        job: &store::outbox::Job,
        list: &store::fact::Fact,
        outcomes: &mut Outcomes,
    ) -> Result<bool, DeedError> {
        let letters: LetterRows = serde_json::from_slice(&self.read_blob(BlobKind::Letters, list)?)
            .map_err(|e| DeedError::Fault(e.to_string()))?;
        let standing: HashMap<u32, Standing> = store::outbox::letters(&self.store, job.job.id)
            .await?
            .into_iter()
            .map(|letter| (letter.letter, letter.standing))
            .collect();
        let gone = if job.state == JobState::Done { job.job.letters } else { job.next_letter };
        let at = job.ended_at.unwrap_or_else(|| self.clock.now());
        let mut changed = false;
        for (letter, rows) in (0_u32..).zip(&letters) {
            let outcome = match (standing.get(&letter), letter < gone) {
                (Some(Standing::Refused), _) => Outcome::Bounced,
                (None, true) => Outcome::Told,
                // Nobody knows that it arrived, so nobody is said to have been told.
                (Some(Standing::Waiting | Standing::Unknown), _) | (None, false) => continue,
            };
            for place in rows {
                if let Some(entry) = outcomes.get_mut(place)
                    && entry.0 == Outcome::Identified
                {
                    *entry = (outcome, at);
                    changed = true;
                }
            }
        }
        Ok(changed)
    }

    async fn put_answer(
        &self,
        actor: &Actor,
        row: &store::delivery::Delivery,
        turn: &store::turn::Turn,
        outcomes: Outcomes,
        answers: u32,
    ) -> Result<Answered, DeedError> {
        let cover = self.cover_of(row.id).await?;
        let hub = self.entry(&row.party)?;
        let now = self.clock.now();
        let clearance = self.ask(self.answer_question(actor, &cover, row.rows)?).await?.or_refuse()?;
        let rows: Vec<(OutwardId, Outcome, model::Instant)> = outcomes
            .iter()
            .map(|(place, (outcome, at))| (OutwardId { delivery: row.id, ordinal: *place }, *outcome, *at))
            .collect();
        let lang = hub.language;
        let file = answer::write(&rows, Dialect::Plain, &self.settings.zone, lang);
        let name = format!("answers-{}-{}.{}", row.id, answers + 1, file.extension);
        let tally = tally_of(&outcomes, row.rows);
        let contents = AnswerLetter {
            delivery: row.id,
            to: hub.party.name.clone(),
            from: desk_of(&self.me()?),
            round: row.round.clone(),
            tally,
            files: vec![name.clone()],
            at: now,
            zone: self.settings.zone.clone(),
        };
        let letter = Self::write(&Letter::shipped(lang), &contents)?;
        let about =
            About { round: &row.round, report: None, delivery: Some(row.id), decision: Some(clearance.decision()) };
        let parcels = vec![parcel(&name, file.media_type, file.bytes)?];
        let (parcel_fact, job) =
            self.answer_job(&hub, about, row.id, answers + 2, JobKind::Answer, letter, parcels, &clearance)?;
        let kept = self.keep_outcomes(about, row.id, &outcomes)?;
        let leaf = self.done_leaf(&clearance).with("delivery", row.id.to_string()).with("rows", row.rows);
        let mut tx = self.store.begin("answer::put").await?;
        store::turn::take(&mut tx, turn).await?;
        let buried = bury_outcomes(&mut tx, row.id, now).await?;
        store::fact::insert(&mut tx, &kept).await?;
        store::fact::insert(&mut tx, &parcel_fact).await?;
        store::outbox::put(&mut tx, &job).await?;
        store::delivery::answered(&mut tx, row.id, tally, now).await?;
        store::leaf::append(&mut tx, &leaf).await?;
        tx.commit().await?;
        self.remove_buried(&buried)?;
        Ok(Answered { delivery: row.id, outcomes: tally.iter().filter(|(_, count)| *count > 0).collect() })
    }
}
