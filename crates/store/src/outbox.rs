//! The outbox: what is to be carried, put there in the deed's transaction, claimed by one worker at a time.
//!
//! A claim is a lease with a fence, a number that grows with each claim. A worker that stalled past its lease finds, when it comes to
//! record what it did, that its fence is no longer the newest, and records nothing.

mod letter;

use model::{DeliveryId, Instant, PartyId};

use crate::engine::{Engine, Reading, Store, Tx};
use crate::problem::StoreError;
use crate::row::{Columns, FactId, OutboxId, names};
use crate::statement::statement;

pub use letter::{
    Letter, Settled, Standing, begin_letter, letter_gone, letters, set_letter, settle, settled, unbegin_letter,
};

names! {
    /// What is carried.
    Kind {
        /// Records to a partner.
        Delivery = "delivery",
        /// Records back to their reporter.
        Return = "return",
        /// Letters to subscribers.
        Notice = "notice",
        /// A node's answer to its hub.
        Answer = "answer",
        /// A node's word that it has a delivery.
        Ack = "ack",
    }
}

names! {
    /// Where a job stands.
    State {
        /// Waits until it is due.
        Waiting = "waiting",
        /// A worker has it, until its lease runs out.
        Claimed = "claimed",
        /// Carried.
        Done = "done",
        /// Given up; somebody must look.
        Failed = "failed",
    }
}

/// A job to be put into the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Its id.
    pub id: OutboxId,
    /// The delivery it belongs to, if any.
    pub delivery: Option<DeliveryId>,
    /// The sealed parcel in the archive, if there is one.
    pub fact: Option<FactId>,
    /// What is carried.
    pub kind: Kind,
    /// The way, as the courier names it, such as `smtp` or `folder`.
    pub way: String,
    /// To which party; none where the recipients stand in the parcel alone.
    pub recipient: Option<PartyId>,
    /// How many letters the parcel holds; 1 for what goes as a whole.
    pub letters: u32,
    /// When it is put there.
    pub made_at: Instant,
    /// When it may go.
    pub due_at: Instant,
}

/// A job as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What is to be done.
    pub job: NewJob,
    /// The first letter that was not come to yet, from 0. Letters before it have gone, but for those that
    /// [`letters`] names.
    pub next_letter: u32,
    /// Where it stands.
    pub state: State,
    /// How often it was claimed.
    pub attempts: u32,
    /// Until when the present worker has it.
    pub lease_until: Option<Instant>,
    /// The code of what last went wrong.
    pub last_error: Option<String>,
    /// When it was carried or given up.
    pub ended_at: Option<Instant>,
}

/// A job that this worker has for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The job as it was claimed.
    pub job: Job,
    /// Before when the worker must have recorded what it did, or renewed the claim.
    pub until: Instant,
    fence: i64,
}

/// Puts a job into the outbox.
///
/// # Errors
/// [`StoreError::AlreadyThere`] where that id is there already.
pub async fn put(tx: &mut Tx, job: &NewJob) -> Result<(), StoreError> {
    tx.run(
        statement(
            "/* outbox::put */ insert into outbox (id, delivery, fact, kind, way, recipient, letters, next_letter, begun, state, made_at,
             due_at, attempts, fence) values ($1, $2, $3, $4, $5, $6, $7, 0, 0, 'waiting', $8, $9, 0, 0)",
        )
        .id(&job.id)
        .maybe_id(job.delivery.as_ref())
        .maybe_id(job.fact.as_ref())
        .bind(job.kind.name())
        .id(&job.way)
        .maybe_id(job.recipient.as_ref())
        .bind(i64::from(job.letters))
        .at(job.made_at)
        .at(job.due_at),
    )
    .await
    .map(|_| ())
}

/// Claims the job that has been due longest, or one whose worker's lease ran out; none where nothing is due.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn claim(store: &Store, now: Instant, owner: &str, lease_seconds: u32) -> Result<Option<Claim>, StoreError> {
    let until = now.plus_seconds(i64::from(lease_seconds));
    let mut tx = store.begin_out_of_turn("outbox::claim").await?;
    // One of the few statements in two texts: SQLite lets one writer in at a time anyway and does not know the clause.
    let text = match store.engine() {
        Engine::Sqlite => statement(
            "/* outbox::claim sqlite */ update outbox set state = 'claimed', lease_owner = $1, lease_until = $2,
             fence = fence + 1, attempts = attempts + 1
             where id = (select id from outbox
                         where (state = 'waiting' and due_at <= $3) or (state = 'claimed' and lease_until <= $3)
                         order by due_at, id limit 1)
             returning id, delivery, fact, kind, way, recipient, letters, next_letter, state, made_at, due_at, attempts,
             lease_until, fence, last_error, ended_at",
        ),
        Engine::Postgres => statement(
            "/* outbox::claim postgres */ update outbox set state = 'claimed', lease_owner = $1, lease_until = $2,
             fence = fence + 1, attempts = attempts + 1
             where id = (select id from outbox
                         where (state = 'waiting' and due_at <= $3) or (state = 'claimed' and lease_until <= $3)
                         order by due_at, id limit 1 for update skip locked)
             returning id, delivery, fact, kind, way, recipient, letters, next_letter, state, made_at, due_at, attempts,
             lease_until, fence, last_error, ended_at",
        ),
    };
    let row = Reading::from(&mut tx).optional(text.bind(owner.to_owned()).at(until).at(now)).await?;
    let claim = match row {
        Some(row) => Some(Claim { job: job(&row)?, until, fence: row.number("fence")? }),
        None => None,
    };
    tx.commit().await?;
    Ok(claim)
}

fn lost(tx: &mut Tx, statement: &'static str, claim: &Claim) -> StoreError {
    tx.spoil();
    StoreError::FenceLost { statement, id: claim.job.job.id.to_string() }
}

/// Prolongs a claim.
///
/// # Errors
/// [`StoreError::FenceLost`] where the job has passed to another worker.
pub async fn renew(tx: &mut Tx, claim: &Claim, now: Instant, lease_seconds: u32) -> Result<Claim, StoreError> {
    let until = now.plus_seconds(i64::from(lease_seconds));
    let changed = tx
        .run(
            statement(
                "/* outbox::renew */ update outbox set lease_until = $1 where id = $2 and fence = $3 and state = 'claimed'",
            )
            .at(until)
            .id(&claim.job.job.id)
            .bind(claim.fence),
        )
        .await?;
    match changed {
        1 => Ok(Claim { until, ..claim.clone() }),
        _ => Err(lost(tx, "outbox::renew", claim)),
    }
}

/// Notes that all letters before `next` have gone, so that a later worker does not send them again.
///
/// # Errors
/// [`StoreError::FenceLost`] where the job has passed to another worker.
pub async fn progress(tx: &mut Tx, claim: &Claim, next: u32) -> Result<(), StoreError> {
    let changed = tx
        .run(
            statement(
                "/* outbox::progress */ update outbox set
                 begun = case when next_letter = $1 then begun else 0 end, next_letter = $1
                 where id = $2 and fence = $3 and state = 'claimed' and next_letter <= $1 and letters >= $1",
            )
            .bind(i64::from(next))
            .id(&claim.job.job.id)
            .bind(claim.fence),
        )
        .await?;
    if changed == 1 { Ok(()) } else { Err(lost(tx, "outbox::progress", claim)) }
}

/// Notes that the job is done: every letter has gone or was refused for good.
///
/// # Errors
/// [`StoreError::FenceLost`] where the job has passed to another worker.
pub async fn finish(tx: &mut Tx, claim: &Claim, at: Instant) -> Result<(), StoreError> {
    let changed = tx
        .run(
            statement(
                "/* outbox::finish */ update outbox set state = 'done', next_letter = letters, ended_at = $1, last_error = null,
                 lease_owner = null, lease_until = null where id = $2 and fence = $3 and state = 'claimed'",
            )
            .at(at)
            .id(&claim.job.job.id)
            .bind(claim.fence),
        )
        .await?;
    if changed == 1 { Ok(()) } else { Err(lost(tx, "outbox::finish", claim)) }
}

/// Puts the job back until `due`, because of `error` (a stable code).
///
/// # Errors
/// [`StoreError::FenceLost`] where the job has passed to another worker.
pub async fn postpone(tx: &mut Tx, claim: &Claim, due: Instant, error: &str) -> Result<(), StoreError> {
    let changed = tx
        .run(
            statement(
                "/* outbox::postpone */ update outbox set state = 'waiting', due_at = $1, last_error = $2,
                 lease_owner = null, lease_until = null where id = $3 and fence = $4 and state = 'claimed'",
            )
            .at(due)
            .bind(error.to_owned())
            .id(&claim.job.job.id)
            .bind(claim.fence),
        )
        .await?;
    if changed == 1 { Ok(()) } else { Err(lost(tx, "outbox::postpone", claim)) }
}

/// Gives the job up, because of `error` (a stable code).
///
/// # Errors
/// [`StoreError::FenceLost`] where the job has passed to another worker.
pub async fn fail(tx: &mut Tx, claim: &Claim, at: Instant, error: &str) -> Result<(), StoreError> {
    let changed = tx
        .run(
            statement(
                "/* outbox::fail */ update outbox set state = 'failed', ended_at = $1, last_error = $2,
                 lease_owner = null, lease_until = null where id = $3 and fence = $4 and state = 'claimed'",
            )
            .at(at)
            .bind(error.to_owned())
            .id(&claim.job.job.id)
            .bind(claim.fence),
        )
        .await?;
    if changed == 1 { Ok(()) } else { Err(lost(tx, "outbox::fail", claim)) }
}

/// Lets a job that was given up wait again, from its first unsent letter on; who was refused or may have it is tried as if for the
/// first time, because somebody has looked and says so.
///
/// # Errors
/// [`StoreError::NotThere`] where no such job was given up.
pub async fn revive(tx: &mut Tx, id: OutboxId, due: Instant) -> Result<(), StoreError> {
    tx.change(
        statement(
            "/* outbox::revive */ update outbox set state = 'waiting', due_at = $1, ended_at = null, begun = 0,
             attempts = 0 where id = $2 and state = 'failed'",
        )
        .at(due)
        .id(&id),
        &id,
    )
    .await?;
    tx.run(
        statement("/* outbox::revive_settled */ delete from outbox_settled where outbox = $1 and accepted = 0").id(&id),
    )
    .await?;
    tx.run(statement("/* outbox::revive_letters */ delete from outbox_letter where outbox = $1").id(&id))
        .await
        .map(|_| ())
}

/// The job of that id.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn find(from: impl Into<Reading<'_>>, id: OutboxId) -> Result<Option<Job>, StoreError> {
    from.into()
        .optional(
            statement(
                "/* outbox::find */ select id, delivery, fact, kind, way, recipient, letters, next_letter, state, made_at, due_at,
                 attempts, lease_until, last_error, ended_at from outbox where id = $1",
            )
            .id(&id),
        )
        .await?
        .map(|row| job(&row))
        .transpose()
}

/// The jobs of a delivery, in the order in which they were made.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn of_delivery(from: impl Into<Reading<'_>>, delivery: DeliveryId) -> Result<Vec<Job>, StoreError> {
    from.into()
        .all(
            statement(
                "/* outbox::of_delivery */ select id, delivery, fact, kind, way, recipient, letters, next_letter, state, made_at,
                 due_at, attempts, lease_until, last_error, ended_at from outbox where delivery = $1 order by made_at, id",
            )
            .id(&delivery),
        )
        .await?
        .iter()
        .map(job)
        .collect()
}

/// The jobs that stand so, the one due first first.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn in_state(from: impl Into<Reading<'_>>, state: State) -> Result<Vec<Job>, StoreError> {
    from.into()
        .all(
            statement(
                "/* outbox::in_state */ select id, delivery, fact, kind, way, recipient, letters, next_letter, state, made_at,
                 due_at, attempts, lease_until, last_error, ended_at from outbox where state = $1 order by due_at, id",
            )
            .bind(state.name()),
        )
        .await?
        .iter()
        .map(job)
        .collect()
}

/// When a worker that found nothing should look again: the next due time or end of a lease.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn next_due(from: impl Into<Reading<'_>>) -> Result<Option<Instant>, StoreError> {
    let row = from
        .into()
        .one(statement(
            "/* outbox::next_due */ select (select min(due_at) from outbox where state = 'waiting') as due,
             (select min(lease_until) from outbox where state = 'claimed') as lease",
        ))
        .await?;
    let (due, lease) = (row.maybe_at("due")?, row.maybe_at("lease")?);
    Ok(match (due, lease) {
        (Some(due), Some(lease)) => Some(due.min(lease)),
        (one, other) => one.or(other),
    })
}

fn job(row: &Columns) -> Result<Job, StoreError> {
    Ok(Job {
        job: NewJob {
            id: row.parsed("id")?,
            delivery: row.maybe_parsed("delivery")?,
            fact: row.maybe_parsed("fact")?,
            kind: row.parsed("kind")?,
            way: row.text("way")?,
            recipient: row.maybe_parsed("recipient")?,
            letters: row.small("letters")?,
            made_at: row.at("made_at")?,
            due_at: row.at("due_at")?,
        },
        next_letter: row.small("next_letter")?,
        state: row.parsed("state")?,
        attempts: row.small("attempts")?,
        lease_until: row.maybe_at("lease_until")?,
        last_error: row.maybe_text("last_error")?,
        ended_at: row.maybe_at("ended_at")?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::trial::{NOW, Trial, on_both};

    fn new_job(trial: &Trial, due_at: Instant) -> NewJob {
        NewJob {
            id: OutboxId::fresh(&trial.clock, &trial.entropy),
            delivery: None,
            fact: None,
            kind: Kind::Notice,
            way: "smtp".to_owned(),
            recipient: Some("isp-hokuto".parse().unwrap()),
            letters: 3,
            made_at: NOW,
            due_at,
        }
    }

    async fn put_all(trial: &Trial, jobs: &[NewJob]) {
        let mut tx = trial.store.begin("put").await.unwrap();
        for job in jobs {
            put(&mut tx, job).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn the_one_due_longest_comes_first_and_nothing_before_its_time() {
        on_both(async |trial| {
            let later = new_job(trial, NOW.plus_seconds(10));
            let first = new_job(trial, NOW);
            let second = new_job(trial, NOW.plus_seconds(5));
            put_all(trial, &[later.clone(), first.clone(), second.clone()]).await;
            assert_eq!(next_due(&trial.store).await.unwrap(), Some(NOW));
            let now = NOW.plus_seconds(5);
            let one = claim(&trial.store, now, "w", 30).await.unwrap().unwrap();
            assert_eq!((&one.job.job, one.job.state, one.job.attempts), (&first, State::Claimed, 1));
            assert_eq!(one.until, NOW.plus_seconds(35));
            assert_eq!(claim(&trial.store, now, "w", 30).await.unwrap().unwrap().job.job, second);
            assert_eq!(claim(&trial.store, now, "w", 30).await.unwrap(), None);
            assert_eq!(next_due(&trial.store).await.unwrap(), Some(later.due_at));
            assert_eq!(in_state(&trial.store, State::Waiting).await.unwrap().len(), 1);
            assert_eq!(find(&trial.store, first.id).await.unwrap(), Some(one.job));
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_job_goes_to_two_workers() {
        on_both(async |trial| {
            let jobs: Vec<NewJob> = (0..80).map(|_| new_job(trial, NOW)).collect();
            put_all(trial, &jobs).await;
            let workers: Vec<_> = (0..4)
                .map(|n| {
                    let store = trial.store.clone();
                    tokio::spawn(async move {
                        let mut got = Vec::new();
                        while let Some(claim) = claim(&store, NOW, &format!("w{n}"), 60).await.unwrap() {
                            let mut tx = store.begin("finish").await.unwrap();
                            finish(&mut tx, &claim, NOW).await.unwrap();
                            tx.commit().await.unwrap();
                            got.push(claim.job.job.id);
                        }
                        got
                    })
                })
                .collect();
            let mut got = Vec::new();
            for worker in workers {
                got.extend(worker.await.unwrap());
            }
            assert_eq!(got.len(), 80);
            assert_eq!(got.iter().collect::<BTreeSet<_>>().len(), 80);
            assert_eq!(in_state(&trial.store, State::Done).await.unwrap().len(), 80);
        })
        .await;
    }

    #[tokio::test]
    async fn a_worker_that_stalled_records_nothing() {
        on_both(async |trial| {
            put_all(trial, &[new_job(trial, NOW)]).await;
            let stalled = claim(&trial.store, NOW, "stalled", 30).await.unwrap().unwrap();
            let mut tx = trial.store.begin("progress").await.unwrap();
            progress(&mut tx, &stalled, 1).await.unwrap();
            tx.commit().await.unwrap();
            assert!(claim(&trial.store, NOW.plus_seconds(29), "next", 30).await.unwrap().is_none());
            let next = claim(&trial.store, NOW.plus_seconds(30), "next", 30).await.unwrap().unwrap();
            assert_eq!((next.job.next_letter, next.job.attempts), (1, 2), "it goes on where the other stopped");
            let refused = Letter { letter: 0, standing: Standing::Refused, smtp_code: Some(550), at: NOW, times: 0 };
            for deed in 0..10 {
                let mut tx = trial.store.begin("late").await.unwrap();
                let late = match deed {
                    0 => progress(&mut tx, &stalled, 2).await,
                    1 => finish(&mut tx, &stalled, NOW).await,
                    2 => postpone(&mut tx, &stalled, NOW, "busy").await,
                    3 => fail(&mut tx, &stalled, NOW, "gone").await,
                    4 => set_letter(&mut tx, &stalled, refused).await,
                    5 => begin_letter(&mut tx, &stalled, 1).await.map(|_| ()),
                    6 => unbegin_letter(&mut tx, &stalled, 1).await,
                    7 => letter_gone(&mut tx, &stalled, 0).await,
                    8 => settle(&mut tx, &stalled, Settled { letter: 0, recipient: 0, accepted: true }).await,
                    _ => renew(&mut tx, &stalled, NOW, 30).await.map(|_| ()),
                };
                assert!(matches!(late, Err(StoreError::FenceLost { .. })), "{deed}");
                assert!(matches!(tx.commit().await, Err(StoreError::Broken { .. })), "{deed}");
            }
            assert_eq!(find(&trial.store, next.job.job.id).await.unwrap(), Some(next.job.clone()));
            let mut tx = trial.store.begin("finish").await.unwrap();
            finish(&mut tx, &next, NOW).await.unwrap();
            tx.commit().await.unwrap();
            let done = find(&trial.store, next.job.job.id).await.unwrap().unwrap();
            assert_eq!((done.state, done.next_letter, done.ended_at), (State::Done, 3, Some(NOW)));
            let mut tx = trial.store.begin("finish again").await.unwrap();
            assert!(matches!(finish(&mut tx, &next, NOW).await, Err(StoreError::FenceLost { .. })));
        })
        .await;
    }

    #[tokio::test]
    async fn letters_only_go_forward() {
        on_both(async |trial| {
            put_all(trial, &[new_job(trial, NOW)]).await;
            let claim = claim(&trial.store, NOW, "w", 30).await.unwrap().unwrap();
            for (next, goes) in [(2, true), (2, true), (1, false), (4, false), (3, true)] {
                let mut tx = trial.store.begin("progress").await.unwrap();
                assert_eq!(progress(&mut tx, &claim, next).await.is_ok(), goes, "{next}");
                assert_eq!(tx.commit().await.is_ok(), goes, "{next}");
            }
        })
        .await;
    }

    #[tokio::test]
    async fn a_sending_that_began_is_counted_until_it_ends() {
        on_both(async |trial| {
            put_all(trial, &[new_job(trial, NOW)]).await;
            let mut claims = claim(&trial.store, NOW, "w", 30).await.unwrap().unwrap();
            let mut begun = Vec::new();
            for letter in [0, 0, 1] {
                let mut tx = trial.store.begin("begin").await.unwrap();
                begun.push(begin_letter(&mut tx, &claims, letter).await.unwrap());
                tx.commit().await.unwrap();
                // The worker dies each time; the next one takes over.
                let later = claims.until;
                claims = claim(&trial.store, later, "w", 30).await.unwrap().unwrap();
            }
            assert_eq!(begun, [1, 2, 1]);
            let mut tx = trial.store.begin("unbegin").await.unwrap();
            unbegin_letter(&mut tx, &claims, 1).await.unwrap();
            assert_eq!(begin_letter(&mut tx, &claims, 1).await.unwrap(), 1);
            let waits = Letter { letter: 1, standing: Standing::Waiting, smtp_code: Some(451), at: NOW, times: 1 };
            set_letter(&mut tx, &claims, waits).await.unwrap();
            progress(&mut tx, &claims, 2).await.unwrap();
            assert_eq!(begin_letter(&mut tx, &claims, 2).await.unwrap(), 1);
            assert_eq!(begin_letter(&mut tx, &claims, 1).await.unwrap(), 1, "it waits by itself");
            assert_eq!(begin_letter(&mut tx, &claims, 1).await.unwrap(), 2);
            tx.commit().await.unwrap();
            let mut tx = trial.store.begin("back").await.unwrap();
            assert!(matches!(begin_letter(&mut tx, &claims, 0).await, Err(StoreError::FenceLost { .. })));
        })
        .await;
    }

    #[tokio::test]
    async fn recipients_are_settled_one_by_one() {
        on_both(async |trial| {
            let job = new_job(trial, NOW);
            put_all(trial, std::slice::from_ref(&job)).await;
            let claim = claim(&trial.store, NOW, "w", 30).await.unwrap().unwrap();
            let one = |letter, recipient, accepted| Settled { letter, recipient, accepted };
            let mut tx = trial.store.begin("settle").await.unwrap();
            for this in [one(1, 1, false), one(0, 2, true), one(1, 1, true)] {
                settle(&mut tx, &claim, this).await.unwrap();
            }
            tx.commit().await.unwrap();
            assert_eq!(settled(&trial.store, job.id).await.unwrap(), [one(0, 2, true), one(1, 1, true)]);
        })
        .await;
    }

    #[tokio::test]
    async fn a_job_waits_again_is_given_up_and_revived() {
        on_both(async |trial| {
            let job = new_job(trial, NOW);
            put_all(trial, std::slice::from_ref(&job)).await;
            let first = claim(&trial.store, NOW, "w", 30).await.unwrap().unwrap();
            let mut tx = trial.store.begin("postpone").await.unwrap();
            let first = renew(&mut tx, &first, NOW.plus_seconds(20), 30).await.unwrap();
            assert_eq!(first.until, NOW.plus_seconds(50));
            progress(&mut tx, &first, 1).await.unwrap();
            postpone(&mut tx, &first, NOW.plus_seconds(100), "smtp-busy").await.unwrap();
            tx.commit().await.unwrap();
            let waiting = find(&trial.store, job.id).await.unwrap().unwrap();
            assert_eq!((waiting.state, waiting.last_error.as_deref()), (State::Waiting, Some("smtp-busy")));
            assert_eq!(waiting.lease_until, None);
            assert!(claim(&trial.store, NOW.plus_seconds(99), "w", 30).await.unwrap().is_none());
            let second = claim(&trial.store, NOW.plus_seconds(100), "w", 30).await.unwrap().unwrap();
            assert_eq!(second.job.next_letter, 1);
            let mut tx = trial.store.begin("give up").await.unwrap();
            fail(&mut tx, &second, NOW.plus_seconds(101), "smtp-refused").await.unwrap();
            tx.commit().await.unwrap();
            assert!(claim(&trial.store, NOW.plus_seconds(999), "w", 30).await.unwrap().is_none());
            assert_eq!(in_state(&trial.store, State::Failed).await.unwrap().len(), 1);
            let mut tx = trial.store.begin("revive").await.unwrap();
            revive(&mut tx, job.id, NOW.plus_seconds(200)).await.unwrap();
            tx.commit().await.unwrap();
            let third = claim(&trial.store, NOW.plus_seconds(200), "w", 30).await.unwrap().unwrap();
            assert_eq!((third.job.next_letter, third.job.attempts, third.job.ended_at), (1, 1, None));
            let mut tx = trial.store.begin("revive what runs").await.unwrap();
            assert!(matches!(revive(&mut tx, job.id, NOW).await, Err(StoreError::NotThere { .. })));
        })
        .await;
    }

    #[tokio::test]
    async fn refusals_are_counted_without_an_address() {
        on_both(async |trial| {
            let round = trial.round().await;
            let delivery = trial.delivery(&round, crate::delivery::Kind::Sent, 3);
            let mut job = new_job(trial, NOW);
            job.delivery = Some(delivery.id);
            let mut tx = trial.store.begin("deliver").await.unwrap();
            crate::delivery::insert(&mut tx, &delivery).await.unwrap();
            put(&mut tx, &job).await.unwrap();
            tx.commit().await.unwrap();
            let claim = claim(&trial.store, NOW, "w", 30).await.unwrap().unwrap();
            let letter = |letter, standing, smtp_code, times| Letter { letter, standing, smtp_code, at: NOW, times };
            let mut tx = trial.store.begin("letters").await.unwrap();
            for one in [
                letter(2, Standing::Waiting, Some(451), 0),
                letter(2, Standing::Refused, Some(550), 0),
                letter(2, Standing::Waiting, None, 0),
                letter(0, Standing::Waiting, Some(421), 0),
                letter(1, Standing::Waiting, Some(451), 0),
                letter(1, Standing::Unknown, None, 0),
            ] {
                set_letter(&mut tx, &claim, one).await.unwrap();
            }
            tx.commit().await.unwrap();
            assert_eq!(
                letters(&trial.store, job.id).await.unwrap(),
                [
                    letter(0, Standing::Waiting, Some(421), 1),
                    letter(1, Standing::Unknown, None, 2),
                    letter(2, Standing::Refused, None, 3)
                ]
            );
            let mut tx = trial.store.begin("gone").await.unwrap();
            for gone in 0..3 {
                letter_gone(&mut tx, &claim, gone).await.unwrap();
            }
            tx.commit().await.unwrap();
            let left = letters(&trial.store, job.id).await.unwrap();
            assert_eq!(left.iter().map(|l| l.letter).collect::<Vec<_>>(), [1, 2], "only what waited can go");
            let jobs = of_delivery(&trial.store, delivery.id).await.unwrap();
            assert_eq!(jobs.iter().map(|j| &j.job).collect::<Vec<_>>(), [&job]);
        })
        .await;
    }
}
