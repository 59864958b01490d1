//! Carrying: the outbox's jobs, claimed by lease, evidence asked again at the moment of sending, and what became of them.

use std::sync::Arc;

use courier::retry::{History, Next, next};
use courier::send::folder::{self, Folder};
use courier::send::{Repeat, SendError, Taken, Way as SendWay};
use directory::roster::Way as RosterWay;
use ledger::Kind as LeafKind;
use model::Actor;
use store::outbox::{Claim, Kind as JobKind, Refusal};

use crate::house::House;
use crate::problem::{DeedError, SETTING_MISSING};

/// For how long a worker has a job without a word.
const LEASE_SECONDS: u32 = 300;

/// After how many letters of a way that repeats nothing progress is written down.
const PROGRESS_EVERY: u32 = 500;

/// What a job's last error is called when the receiver may have the letter although sending it failed: then one repeat is
/// allowed, and no second.
const PERHAPS_SENT: &str = "perhaps-sent";

/// What was carried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// Jobs that are done.
    pub jobs: u64,
    /// Letters that went.
    pub letters: u64,
    /// Letters refused for good.
    pub refused: u64,
    /// Jobs put back for later.
    pub postponed: u64,
    /// Jobs given up.
    pub failed: u64,
}

/// What came of one claim.
enum Outcome {
    Done { letters: u64, refused: u64 },
    Postponed { letters: u64 },
    Failed { letters: u64 },
}

impl House {
    /// Carries every job that is due.
    ///
    /// # Errors
    /// [`DeedError`] where a door of this house fails; a recipient's server that fails is no error but counted.
    pub async fn carry(&self, actor: &Actor, retry: &courier::retry::Settings) -> Result<Carried, DeedError> {
        let mut carried = Carried::default();
        let owner = format!("{}:{}", std::process::id(), store::OutboxId::fresh(&*self.clock, &*self.entropy));
        while let Some(claim) = store::outbox::claim(&self.store, self.clock.now(), &owner, LEASE_SECONDS).await? {
            match self.carry_one(actor, &claim, retry).await? {
                Outcome::Done { letters, refused } => {
                    carried.jobs += 1;
                    carried.letters += letters;
                    carried.refused += refused;
                }
                Outcome::Postponed { letters } => {
                    carried.postponed += 1;
                    carried.letters += letters;
                }
                Outcome::Failed { letters } => {
                    carried.failed += 1;
                    carried.letters += letters;
                }
            }
        }
        Ok(carried)
    }

    async fn carry_one(
        &self,
        actor: &Actor,
        claim: &Claim,
        settings: &courier::retry::Settings,
    ) -> Result<Outcome, DeedError> {
        let job = &claim.job.job;
        let Some(way) = self.way_of(job)? else {
            return Err(DeedError::NotInForce {
                code: &SETTING_MISSING,
                about: format!("[courier] (way `{}`)", job.way),
            });
        };
        if let Err(reason) = self.evidence_still_holds(claim).await? {
            return self.give_up(actor, claim, reason, 0).await;
        }
        let Some(fact_id) = job.fact else { return self.give_up(actor, claim, "parcel-missing", 0).await };
        let Some(fact) = store::fact::find(&self.store, fact_id).await?.filter(|fact| fact.deleted_at.is_none()) else {
            return self.give_up(actor, claim, "parcel-missing", 0).await;
        };
        let envelopes = self.open_letters(&fact)?;
        let mut claim = claim.clone();
        let (mut letters, mut refused) = (0_u64, 0_u64);
        let mut waiting: Option<(&'static str, Option<SendError>)> = None;
        for (index, envelope) in (0_u32..).zip(&envelopes).skip(claim.job.next_letter as usize) {
            match way.send(envelope).await {
                Ok(sent) => {
                    letters += u64::from(!sent.accepted.is_empty());
                    for one in &sent.refused {
                        refused += u64::from(one.permanent);
                        let mut tx = self.store.begin("carry::refuse").await?;
                        let refusal = Refusal {
                            letter: index,
                            permanent: one.permanent,
                            smtp_code: (one.code != 0).then_some(one.code),
                            at: self.clock.now(),
                            times: 1,
                        };
                        store::outbox::refuse(&mut tx, &claim, refusal).await?;
                        tx.commit().await?;
                    }
                    // A letter with recipients refused for now is not past: the whole job waits and comes back to it.
                    if sent.refused.iter().any(|one| !one.permanent) {
                        waiting = Some(("recipient-refused-for-now", None));
                        break;
                    }
                }
                Err(SendError::Crash(crash)) => return Err(crash.into()),
                Err(SendError::Permanent { reason, .. }) if envelopes.len() == 1 => {
                    way.rest().await;
                    return self.give_up(actor, &claim, reason.code, letters).await;
                }
                Err(SendError::Permanent { code, .. }) => {
                    refused += 1;
                    let mut tx = self.store.begin("carry::refuse").await?;
                    let refusal = Refusal {
                        letter: index,
                        permanent: true,
                        smtp_code: (code != 0).then_some(code),
                        at: self.clock.now(),
                        times: 1,
                    };
                    store::outbox::refuse(&mut tx, &claim, refusal).await?;
                    tx.commit().await?;
                }
                Err(error) => {
                    let code = match &error {
                        SendError::Transient { taken: Taken::Perhaps, .. } => PERHAPS_SENT,
                        SendError::Transient { reason, .. } => reason.code,
                        _ => "send-failed",
                    };
                    waiting = Some((code, Some(error)));
                    break;
                }
            }
            let last = index + 1 == u32::try_from(envelopes.len()).unwrap_or(u32::MAX);
            let every = if way.kind().repeat == Repeat::ExactlyOnce { PROGRESS_EVERY } else { 1 };
            if !last && (index + 1).is_multiple_of(every) {
                let mut tx = self.store.begin("carry::progress").await?;
                store::outbox::progress(&mut tx, &claim, index + 1).await?;
                claim = store::outbox::renew(&mut tx, &claim, self.clock.now(), LEASE_SECONDS).await?;
                tx.commit().await?;
            }
        }
        way.rest().await;
        if let Some((code, error)) = waiting {
            let mut history = History::begin(job.made_at);
            history.tries = claim.job.attempts.saturating_sub(1);
            history.perhaps = u32::from(claim.job.last_error.as_deref() == Some(PERHAPS_SENT));
            let history = history.and(error.as_ref());
            return match next(settings, way.kind().repeat, history, self.clock.now(), &*self.entropy) {
                Next::TryAt(due) => {
                    let mut tx = self.store.begin("carry::postpone").await?;
                    store::outbox::postpone(&mut tx, &claim, due, code).await?;
                    tx.commit().await?;
                    Ok(Outcome::Postponed { letters })
                }
                Next::GiveUp(_) => self.give_up(actor, &claim, code, letters).await,
            };
        }
        self.settle(actor, &claim, letters, refused).await?;
        Ok(Outcome::Done { letters, refused })
    }

    /// The way of a job; a party's drop folder is where the roster says.
    fn way_of(&self, job: &store::outbox::NewJob) -> Result<Option<Arc<dyn SendWay>>, DeedError> {
        if job.way != folder::KIND.name {
            return Ok(self.ways.way(&job.way));
        }
        let mut way = Folder::new(self.disk.clone(), self.faults.clone(), self.deliveries());
        if let Some(party) = &job.recipient
            && let Some(RosterWay::Folder(path)) = self.entry(party)?.delivery.map(|delivery| delivery.way)
        {
            way = way.with(party.clone(), &path);
        }
        Ok(Some(Arc::new(way)))
    }

    /// Whether what a job rests on still holds: the receiver's agreement, and the operation's time. A reason if not.
    async fn evidence_still_holds(&self, claim: &Claim) -> Result<Result<(), &'static str>, DeedError> {
        let job = &claim.job.job;
        if job.kind != JobKind::Delivery {
            return Ok(Ok(()));
        }
        let Some(party) = &job.recipient else { return Ok(Ok(())) };
        let now = self.clock.now();
        let entry = self.entry(party)?;
        if entry.party.agreement(model::party::AgreementKind::Receive, now).is_none() {
            return Ok(Err("agreement-ended-before-sending"));
        }
        if let Some(delivery) = job.delivery
            && let Some(row) = store::delivery::find(&self.store, delivery).await?
            && self.plan(&row.round.operation).await?.plan.closes <= now
        {
            return Ok(Err("operation-closed-before-sending"));
        }
        Ok(Ok(()))
    }

    async fn settle(&self, actor: &Actor, claim: &Claim, letters: u64, refused: u64) -> Result<(), DeedError> {
        let now = self.clock.now();
        let job = &claim.job.job;
        let leaf = self.carried_leaf(actor, claim, "carried").with("letters", letters).with("refused", refused);
        let mut tx = self.store.begin("carry::settle").await?;
        store::outbox::finish(&mut tx, claim, now).await?;
        if let (Some(delivery), JobKind::Delivery | JobKind::Return) = (job.delivery, job.kind) {
            store::delivery::carried(&mut tx, delivery, now).await?;
        }
        store::leaf::append(&mut tx, &leaf).await?;
        Ok(tx.commit().await?)
    }

    async fn give_up(
        &self,
        actor: &Actor,
        claim: &Claim,
        reason: &'static str,
        letters: u64,
    ) -> Result<Outcome, DeedError> {
        let now = self.clock.now();
        let job = &claim.job.job;
        let leaf = self.carried_leaf(actor, claim, "given-up").with("reason", reason);
        let mut tx = self.store.begin("carry::give_up").await?;
        store::outbox::fail(&mut tx, claim, now, reason).await?;
        if let (Some(delivery), JobKind::Delivery | JobKind::Return) = (job.delivery, job.kind) {
            store::delivery::failed(&mut tx, delivery, now).await?;
        }
        store::leaf::append(&mut tx, &leaf).await?;
        tx.commit().await?;
        Ok(Outcome::Failed { letters })
    }

    fn carried_leaf(&self, actor: &Actor, claim: &Claim, what: &str) -> ledger::Leaf {
        let job = &claim.job.job;
        let mut leaf = self
            .record_leaf(LeafKind::Carried, what, actor)
            .with("kind", job.kind.name())
            .with("way", job.way.as_str())
            .with("attempts", u64::from(claim.job.attempts));
        if let Some(delivery) = job.delivery {
            leaf = leaf.with("delivery", delivery.to_string());
        }
        if let Some(party) = &job.recipient {
            leaf = leaf.with("receiver", party.as_str());
        }
        leaf
    }
}
