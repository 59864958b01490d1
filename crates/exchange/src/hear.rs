//! Hearing: a partner's answers come back as a file and move the ladder. Outcomes per record id, and never a name.

use std::collections::BTreeMap;

use formats::answer::{self, Expected, FileKind};
use ledger::Kind as LeafKind;
use model::problem::{Code, Place};
use model::{Actor, DeliveryId, Instant, NodeTally, Outcome, PartyId};
use store::fact::Kind as FactKind;
use store::taken::Taking;

use crate::gate::own;
use crate::house::House;
use crate::keep::About;
use crate::problem::{ANSWER_NOT_THEIRS, DeedError, OUTCOME_CANNOT_FOLLOW};

/// What an answer file changed.
#[derive(Debug, Default)]
pub struct Heard {
    /// The delivery it answers.
    pub delivery: Option<DeliveryId>,
    /// Whether it only says that the delivery arrived.
    pub acknowledgement: bool,
    /// Rows that moved.
    pub moved: u64,
    /// Rows that said again what was known.
    pub unchanged: u64,
    /// Rows that were not taken, with line and reason.
    pub rejected: Vec<(Place, &'static Code)>,
    /// The error file that goes back to the partner, if rows were not taken.
    pub error_file: Option<Vec<u8>>,
    /// Whether this very file was heard before; then nothing changes.
    pub again: bool,
}

/// The outcomes of a delivery's rows so far, by place from 1.
pub(crate) type Outcomes = BTreeMap<u32, (Outcome, Instant)>;

impl House {
    /// Hears an answer file from a party.
    ///
    /// # Errors
    /// [`DeedError`] where the file cannot be read at all, names no delivery, or one that was not made to that party. Bad rows
    /// are no error: they are named, and the others count.
    pub async fn hear(&self, actor: &Actor, from: &PartyId, file: &str, bytes: &[u8]) -> Result<Heard, DeedError> {
        own(self, actor)?;
        self.entry(from)?;
        let named = answer::delivery_named(file, bytes)?;
        let delivery = store::delivery::find(&self.store, named)
            .await?
            .filter(|delivery| delivery.party == *from && delivery.kind == store::delivery::Kind::Sent)
            .ok_or_else(|| DeedError::NotInForce { code: &ANSWER_NOT_THEIRS, about: format!("{file}: {named}") })?;
        let now = self.clock.now();
        let expected = Expected {
            delivery: delivery.id,
            rows: u32::try_from(delivery.rows).unwrap_or(u32::MAX),
            received: now,
            zone: None,
        };
        let digest = self.keyring.commitment("file")?.digest_file(bytes);
        if answer::kind(file, bytes) == Some(FileKind::Ack) {
            let ack = answer::ack::read(file, bytes, &expected)?;
            let leaf = self
                .record_leaf(LeafKind::Recorded, "acknowledgement", actor)
                .with("delivery", delivery.id.to_string())
                .with("from", from.as_str());
            let mut tx = self.store.begin("hear::acknowledge").await?;
            let again = matches!(store::taken::take(&mut tx, "answer", &digest, now).await?, Taking::Again(_));
            if !again {
                store::delivery::acknowledged(&mut tx, delivery.id, ack.at).await?;
                store::leaf::append(&mut tx, &leaf).await?;
            }
            tx.commit().await?;
            return Ok(Heard { delivery: Some(delivery.id), acknowledgement: true, again, ..Heard::default() });
        }
        let answers = answer::read(file, bytes, &expected)?;
        let turn = store::turn::look(&self.store, "delivery", &delivery.id).await?;
        let mut outcomes = self.outcomes_so_far(delivery.id).await?;
        let mut heard = Heard { delivery: Some(delivery.id), ..Heard::default() };
        let mut rejects = answers.rejects;
        for (place, outcome, at) in answers.rows {
            match outcomes.get(&place) {
                Some((before, _)) if *before == outcome => heard.unchanged += 1,
                Some((before, _)) if !before.may_become(outcome) => rejects.0.push(formats::Reject {
                    line: u64::from(place) + 1,
                    code: &OUTCOME_CANNOT_FOLLOW,
                    field: Some("outcome".to_owned()),
                    value: Some(outcome.name().to_owned()),
                    raw: format!("{}:{place},{}", delivery.id, outcome.name()),
                }),
                _ => {
                    outcomes.insert(place, (outcome, at));
                    heard.moved += 1;
                }
            }
        }
        heard.rejected = rejects.places(file).collect();
        heard.error_file = (!rejects.0.is_empty()).then(|| rejects.to_csv(self.settings.language));
        let tally = tally_of(&outcomes, delivery.rows);
        let about = About { round: &delivery.round, report: None, delivery: Some(delivery.id), decision: None };
        let fact = self.keep_outcomes(about, delivery.id, &outcomes)?;
        let leaf = self
            .record_leaf(LeafKind::Recorded, "answer", actor)
            .with("delivery", delivery.id.to_string())
            .with("from", from.as_str())
            .with("moved", heard.moved)
            .with("rejected", heard.rejected.len() as u64);
        let mut tx = self.store.begin("hear::answer").await?;
        if matches!(store::taken::take(&mut tx, "answer", &digest, now).await?, Taking::Again(_)) {
            tx.rollback().await?;
            return Ok(Heard { again: true, moved: 0, ..heard });
        }
        store::turn::take(&mut tx, &turn).await?;
        let buried = bury_outcomes(&mut tx, delivery.id, now).await?;
        store::fact::insert(&mut tx, &fact).await?;
        store::delivery::answered(&mut tx, delivery.id, tally, now).await?;
        store::leaf::append(&mut tx, &leaf).await?;
        tx.commit().await?;
        self.remove_buried(&buried)?;
        Ok(heard)
    }

    /// The outcomes of a delivery so far; what is not named is pending.
    pub(crate) async fn outcomes_so_far(&self, delivery: DeliveryId) -> Result<Outcomes, DeedError> {
        let mut outcomes = Outcomes::new();
        for fact in self.facts_of_delivery(delivery, FactKind::Answers).await? {
            let answers = self.read_answers(&fact, delivery)?;
            outcomes.extend(answers.into_iter().map(|answer| (answer.place, (answer.outcome, answer.at))));
        }
        Ok(outcomes)
    }

    /// Writes the outcomes of a delivery as a fact.
    pub(crate) fn keep_outcomes(
        &self,
        about: About<'_>,
        delivery: DeliveryId,
        outcomes: &Outcomes,
    ) -> Result<store::fact::Fact, DeedError> {
        let rows: Vec<archive::Answer> = outcomes
            .iter()
            .map(|(place, (outcome, at))| archive::Answer { place: *place, outcome: *outcome, at: *at })
            .collect();
        self.keep_answers(about, delivery, &rows)
    }
}

/// Buries the outcomes of a delivery that newer ones replace in the same transaction; their files, for
/// [`House::remove_buried`].
pub(crate) async fn bury_outcomes(
    tx: &mut store::Tx,
    delivery: DeliveryId,
    now: Instant,
) -> Result<Vec<String>, DeedError> {
    let wanted = store::fact::Wanted {
        kind: Some(FactKind::Answers),
        delivery: Some(delivery),
        ..store::fact::Wanted::default()
    };
    let mut paths = Vec::new();
    for old in store::fact::living(&mut *tx, &wanted).await? {
        store::fact::bury(tx, old.id, now).await?;
        paths.push(old.path);
    }
    Ok(paths)
}

/// The tally over all rows of a delivery; what is not named is pending.
pub(crate) fn tally_of(outcomes: &Outcomes, rows: u64) -> NodeTally {
    let pending = rows.saturating_sub(outcomes.len() as u64);
    NodeTally::of(outcomes.values().map(|(outcome, _)| *outcome))
        + NodeTally::from_counts([(Outcome::Pending, pending)])
}
