//! Carrying: the outbox's jobs, claimed by lease; the law asked again at the moment of sending; and what became of each letter.
//!
//! Exactly once for ways that repeat nothing, at most one repeat with the same Message-ID for mail: before a mail is handed over,
//! its sending is noted as begun, and what has begun twice without an end is never sent a third time.

use std::collections::HashSet;
use std::sync::Arc;

use courier::Envelope;
use courier::retry::{History, Next, Settings as Retry, next};
use courier::send::folder::{self, Folder};
use courier::send::{Repeat, SendError, Sent, Taken, Way as SendWay};
use directory::roster::Way as RosterWay;
use law::Clearance;
use ledger::Kind as LeafKind;
use model::problem::Code;
use model::{Actor, Instant, PartyId};
use store::Tx;
use store::outbox::{Claim, Kind as JobKind, Letter, NewJob, Settled, Standing};

use crate::errand::{Letters, Stopped};
use crate::house::House;
use crate::problem::{DeedError, SETTING_MISSING};

/// After how many letters of a way that repeats nothing progress is written down.
const PROGRESS_EVERY: u32 = 500;

/// After how many seconds of sending the law is asked again, in the middle of a long job.
const ASK_AGAIN_SECONDS: i64 = 300;

/// How often the sending of one mail may begin without an end: the mail and one repeat.
const MOST_BEGINNINGS: u32 = 2;

/// What was carried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried {
    /// Jobs that are done.
    pub jobs: u64,
    /// Letters that went.
    pub letters: u64,
    /// Letters and recipients refused for good.
    pub refused: u64,
    /// Letters of which nobody knows whether they arrived.
    pub unknown: u64,
    /// Jobs put back for later, with the time of the first of them.
    pub postponed: u64,
    /// When the first of those put back is due.
    pub next_due: Option<Instant>,
    /// Jobs given up.
    pub failed: u64,
    /// Jobs that another process has, or had when it died.
    pub held: u64,
    /// When the first of those is free again.
    pub held_until: Option<Instant>,
    /// What this deployment lacks to carry a job: to which party, what, and which setting.
    pub problems: Vec<(Option<PartyId>, &'static Code, String)>,
}

/// What the sending of one job has come to.
#[derive(Default)]
struct Tally {
    letters: u64,
    refused: u64,
    unknown: u64,
    /// Of the letters, those since the law was last asked.
    since: u64,
}

/// One job while it is carried.
struct Errand<'a> {
    actor: &'a Actor,
    claim: Claim,
    way: Arc<dyn SendWay>,
    letters: Letters,
    clearance: Clearance,
    asked: Instant,
    tally: Tally,
}

/// How a job stands when the worker lets go of it.
enum Ended {
    Done,
    Postponed(Instant),
    Failed,
}

/// What became of one letter.
enum Fate {
    /// It is past: gone, refused for good, or unknown.
    Past,
    /// It waits by itself.
    Waits,
    /// The whole way is out of order.
    WayDown(SendError),
}

impl House {
    /// Carries every job that is due.
    ///
    /// # Errors
    /// [`DeedError`] where a door of this house fails; a recipient's server that fails is no error but counted.
    pub async fn carry(&self, actor: &Actor, retry: &Retry) -> Result<Carried, DeedError> {
        crate::gate::own(self, actor)?;
        let mut carried = Carried::default();
        let owner = format!("{}:{}", std::process::id(), store::OutboxId::fresh(&*self.clock, &*self.entropy));
        let lease = self.settings.lease_seconds;
        while let Some(claim) = store::outbox::claim(&self.store, self.clock.now(), &owner, lease).await? {
            let mut tally = Tally::default();
            let ended = self.carry_one(actor, claim, retry, &mut tally, &mut carried).await?;
            carried.letters += tally.letters;
            carried.refused += tally.refused;
            carried.unknown += tally.unknown;
            match ended {
                Ended::Done => carried.jobs += 1,
                Ended::Failed => carried.failed += 1,
                Ended::Postponed(due) => {
                    carried.postponed += 1;
                    carried.next_due = Some(carried.next_due.map_or(due, |earlier| earlier.min(due)));
                }
            }
        }
        for job in store::outbox::in_state(&self.store, store::outbox::State::Claimed).await? {
            carried.held += 1;
            carried.held_until = match (carried.held_until, job.lease_until) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        Ok(carried)
    }

    /// Lets the jobs that were given up go once more, to all parties or to one; somebody has looked. What the law keeps back stays
    /// where it is. How many there are.
    ///
    /// # Errors
    /// [`DeedError`] where the state fails.
    pub async fn carry_again(&self, actor: &Actor, party: Option<&PartyId>) -> Result<u64, DeedError> {
        crate::gate::own(self, actor)?;
        let mut revived = 0;
        for failed in store::outbox::in_state(&self.store, store::outbox::State::Failed).await? {
            let job = &failed.job;
            let theirs = party.is_none() || job.recipient.as_ref() == party;
            let kept_back = match job.delivery {
                Some(id) => store::delivery::find(&self.store, id)
                    .await?
                    .is_none_or(|row| row.kind == store::delivery::Kind::Withheld),
                None => true,
            };
            if !theirs || kept_back {
                continue;
            }
            let mut leaf = self.record_leaf(LeafKind::Recorded, "carried-again", actor).with("kind", job.kind.name());
            if let Some(party) = &job.recipient {
                leaf = leaf.with("receiver", party.as_str());
            }
            let mut tx = self.store.begin("carry::again").await?;
            store::outbox::revive(&mut tx, job.id, self.clock.now()).await?;
            store::leaf::append(&mut tx, &leaf).await?;
            tx.commit().await?;
            revived += 1;
        }
        Ok(revived)
    }

    async fn carry_one(
        &self,
        actor: &Actor,
        claim: Claim,
        retry: &Retry,
        tally: &mut Tally,
        carried: &mut Carried,
    ) -> Result<Ended, DeedError> {
        let job = claim.job.job.clone();
        let Some(way) = self.way_of(&job)? else {
            let about = format!("[courier] (way `{}`)", job.way);
            carried.problems.push((job.recipient.clone(), &SETTING_MISSING, about));
            let due = self.clock.now().plus_seconds(i64::from(retry.first_seconds));
            return self.postpone(&claim, due, SETTING_MISSING.code).await;
        };
        let fact = match job.fact {
            Some(id) => store::fact::find(&self.store, id).await?.filter(|fact| fact.deleted_at.is_none()),
            None => None,
        };
        let Some(fact) = fact else { return self.give_up(actor, &claim, None, tally, "parcel-missing").await };
        let asked = self.clock.now();
        let clearance = match self.ask_to_send(actor, &job).await? {
            Ok(clearance) => clearance,
            Err(Stopped::Missing(reason)) => return self.give_up(actor, &claim, None, tally, reason).await,
            Err(Stopped::ByLaw(refusal)) => return self.withhold(actor, &claim, tally, refusal.code).await,
        };
        let letters = match self.sealed_letters(&fact, &clearance) {
            Ok(letters) => letters,
            // One parcel that was altered, or whose key is gone, stops no other.
            Err(DeedError::Archive(_) | DeedError::Keys(_)) => {
                return self.give_up(actor, &claim, Some(&clearance), tally, "parcel-unreadable").await;
            }
            Err(error) => return Err(error),
        };
        let mut errand = Errand { actor, claim, way, letters, clearance, asked, tally: Tally::default() };
        let ended = self.run_errand(&mut errand, retry).await;
        errand.way.rest().await;
        *tally = errand.tally;
        ended
    }

    /// Sends what of the job is to be sent: first the letters that waited by themselves, then the others in their order.
    async fn run_errand(&self, errand: &mut Errand<'_>, retry: &Retry) -> Result<Ended, DeedError> {
        let job = errand.claim.job.job.clone();
        let standing = store::outbox::letters(&self.store, job.id).await?;
        let named: HashSet<u32> = standing.iter().map(|letter| letter.letter).collect();
        let waiting: Vec<Letter> = standing.into_iter().filter(|l| l.standing == Standing::Waiting).collect();
        let settled: HashSet<(u32, u32)> = store::outbox::settled(&self.store, job.id)
            .await?
            .iter()
            .map(|settled| (settled.letter, settled.recipient))
            .collect();
        let count = errand.letters.open(&errand.clearance, errand.asked, Vec::len)?;
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let once = errand.way.kind().repeat == Repeat::ExactlyOnce;
        let mut left_waiting = false;
        let again = waiting.iter().map(|letter| (letter.letter, letter.times));
        // A crash may have come between a letter's standing and the step to the next one.
        let fresh =
            (errand.claim.job.next_letter..count).filter(|index| !named.contains(index)).map(|index| (index, 0));
        for (index, times) in again.chain(fresh) {
            let now = self.clock.now();
            if errand.asked.plus_seconds(ASK_AGAIN_SECONDS) <= now
                && let Some(ended) = self.ask_again(errand).await?
            {
                return Ok(ended);
            }
            let mut envelope = errand.letters.open(&errand.clearance, now, |all| all.get(index as usize).cloned())?;
            let Some(envelope) = envelope.as_mut() else { continue };
            for (recipient, to) in (0_u32..).zip(&envelope.to) {
                if settled.contains(&(index, recipient)) {
                    envelope.already.push(to.clone());
                }
            }
            let fate = self.send_letter(errand, envelope, index, times, once, retry).await?;
            match fate {
                Fate::Past => {}
                Fate::Waits => left_waiting = true,
                Fate::WayDown(SendError::Permanent { reason, .. }) => {
                    let tally = std::mem::take(&mut errand.tally);
                    let ended = self.give_up(errand.actor, &errand.claim, Some(&errand.clearance), &tally, reason.code);
                    let ended = ended.await;
                    errand.tally = tally;
                    return ended;
                }
                Fate::WayDown(error) => return self.put_back(errand, retry, &error).await,
            }
            if once && (index + 1).is_multiple_of(PROGRESS_EVERY) && index >= errand.claim.job.next_letter {
                let mut tx = self.store.begin("carry::progress").await?;
                store::outbox::progress(&mut tx, &errand.claim, index + 1).await?;
                self.renew(errand, &mut tx).await?;
                tx.commit().await?;
            }
        }
        if left_waiting {
            let due = self.when_again(errand, retry, None);
            return match due {
                Next::TryAt(due) => self.put_back_until(errand, due, "recipient-refused-for-now", Some(count)).await,
                Next::GiveUp(_) => {
                    for letter in store::outbox::letters(&self.store, job.id).await? {
                        if letter.standing == Standing::Waiting {
                            errand.tally.refused += 1;
                            self.stand(errand, letter.letter, Standing::Refused, letter.smtp_code).await?;
                        }
                    }
                    self.settle(errand).await
                }
            };
        }
        self.settle(errand).await
    }

    /// Sends one letter and writes down what became of it.
    async fn send_letter(
        &self,
        errand: &mut Errand<'_>,
        envelope: &Envelope,
        index: u32,
        times: u32,
        once: bool,
        retry: &Retry,
    ) -> Result<Fate, DeedError> {
        if !once {
            let mut tx = self.store.begin("carry::begin").await?;
            let begun = store::outbox::begin_letter(&mut tx, &errand.claim, index).await?;
            self.renew(errand, &mut tx).await?;
            tx.commit().await?;
            if begun > MOST_BEGINNINGS {
                errand.tally.unknown += 1;
                self.stand(errand, index, Standing::Unknown, None).await?;
                return Ok(Fate::Past);
            }
        }
        match errand.way.send(envelope).await {
            Ok(sent) => self.sent(errand, envelope, index, times, &sent, retry).await,
            Err(SendError::Crash(crash)) => Err(crash.into()),
            Err(SendError::Permanent { .. }) if errand.claim.job.job.letters > 1 => {
                // Of a thousand letters, one that can never be sent stops no other.
                errand.tally.refused += 1;
                self.stand(errand, index, Standing::Refused, None).await?;
                Ok(Fate::Past)
            }
            Err(error) => {
                if !once && !matches!(&error, SendError::Transient { taken: Taken::Perhaps, .. }) {
                    let mut tx = self.store.begin("carry::unbegin").await?;
                    store::outbox::unbegin_letter(&mut tx, &errand.claim, index).await?;
                    tx.commit().await?;
                }
                Ok(Fate::WayDown(error))
            }
        }
    }

    /// Writes down which recipients of a letter have it and which do not.
    async fn sent(
        &self,
        errand: &mut Errand<'_>,
        envelope: &Envelope,
        index: u32,
        times: u32,
        sent: &Sent,
        retry: &Retry,
    ) -> Result<Fate, DeedError> {
        errand.tally.letters += u64::from(!sent.accepted.is_empty());
        errand.tally.since += u64::from(!sent.accepted.is_empty());
        let for_good = sent.refused.iter().filter(|one| one.permanent).count() as u64;
        let for_now = sent.refused.iter().find(|one| !one.permanent);
        if sent.refused.is_empty() {
            if times > 0 {
                let mut tx = self.store.begin("carry::gone").await?;
                store::outbox::letter_gone(&mut tx, &errand.claim, index).await?;
                tx.commit().await?;
            }
            return Ok(Fate::Past);
        }
        // A letter that has been refused for now for too long is refused for good.
        let history = History { tries: times + 1, ..History::begin(errand.claim.job.job.made_at) };
        let over =
            matches!(next(retry, errand.way.kind().repeat, history, self.clock.now(), &*self.entropy), Next::GiveUp(_));
        let standing = match for_now {
            Some(_) if !over => Standing::Waiting,
            _ => Standing::Refused,
        };
        errand.tally.refused += for_good + u64::from(for_now.is_some() && over);
        let code = for_now.or(sent.refused.first()).map(|one| one.code).filter(|code| *code != 0);
        let mut tx = self.store.begin("carry::refused").await?;
        for (recipient, to) in (0_u32..).zip(&envelope.to) {
            let accepted = sent.accepted.contains(to);
            if accepted || sent.refused.iter().any(|one| one.permanent && one.recipient == *to) {
                let settled = Settled { letter: index, recipient, accepted };
                store::outbox::settle(&mut tx, &errand.claim, settled).await?;
            }
        }
        let letter = Letter { letter: index, standing, smtp_code: code, at: self.clock.now(), times: 1 };
        store::outbox::set_letter(&mut tx, &errand.claim, letter).await?;
        tx.commit().await?;
        Ok(if standing == Standing::Waiting { Fate::Waits } else { Fate::Past })
    }

    async fn stand(
        &self,
        errand: &Errand<'_>,
        letter: u32,
        standing: Standing,
        smtp_code: Option<u16>,
    ) -> Result<(), DeedError> {
        let mut tx = self.store.begin("carry::stand").await?;
        let letter = Letter { letter, standing, smtp_code, at: self.clock.now(), times: 1 };
        store::outbox::set_letter(&mut tx, &errand.claim, letter).await?;
        Ok(tx.commit().await?)
    }

    async fn renew(&self, errand: &mut Errand<'_>, tx: &mut Tx) -> Result<(), DeedError> {
        let lease = self.settings.lease_seconds;
        errand.claim = store::outbox::renew(tx, &errand.claim, self.clock.now(), lease).await?;
        Ok(())
    }

    /// Closes the decision under which a long job went so far and asks anew; how the job ends where the law has changed.
    async fn ask_again(&self, errand: &mut Errand<'_>) -> Result<Option<Ended>, DeedError> {
        let leaf = self.done_leaf(&errand.clearance).with("letters", errand.tally.since);
        let mut tx = self.store.begin("carry::portion").await?;
        store::leaf::append(&mut tx, &leaf).await?;
        tx.commit().await?;
        errand.tally.since = 0;
        errand.asked = self.clock.now();
        match self.ask_to_send(errand.actor, &errand.claim.job.job).await? {
            Ok(clearance) => {
                errand.clearance = clearance;
                Ok(None)
            }
            Err(stopped) => {
                let reason = match &stopped {
                    Stopped::ByLaw(refusal) => refusal.code,
                    Stopped::Missing(reason) => reason,
                };
                self.give_up(errand.actor, &errand.claim, None, &errand.tally, reason).await.map(Some)
            }
        }
    }

    /// When to come back to a job that was not finished.
    fn when_again(&self, errand: &Errand<'_>, retry: &Retry, error: Option<&SendError>) -> Next {
        let job = &errand.claim.job;
        let history = History { tries: job.attempts.saturating_sub(1), ..History::begin(job.job.made_at) };
        next(retry, errand.way.kind().repeat, history.and(error), self.clock.now(), &*self.entropy)
    }

    async fn put_back(&self, errand: &Errand<'_>, retry: &Retry, error: &SendError) -> Result<Ended, DeedError> {
        let code = error.reason().map_or("send-failed", |reason| reason.code);
        match self.when_again(errand, retry, Some(error)) {
            Next::TryAt(due) => self.put_back_until(errand, due, code, None).await,
            Next::GiveUp(_) => {
                self.give_up(errand.actor, &errand.claim, Some(&errand.clearance), &errand.tally, code).await
            }
        }
    }

    /// Puts the job back; `next` is the first letter that was not come to.
    async fn put_back_until(
        &self,
        errand: &Errand<'_>,
        due: Instant,
        code: &str,
        next: Option<u32>,
    ) -> Result<Ended, DeedError> {
        let leaf = self.done_leaf(&errand.clearance).with("letters", errand.tally.since).with("postponed", code);
        let mut tx = self.store.begin("carry::postpone").await?;
        if let Some(next) = next {
            store::outbox::progress(&mut tx, &errand.claim, next).await?;
        }
        store::outbox::postpone(&mut tx, &errand.claim, due, code).await?;
        store::leaf::append(&mut tx, &leaf).await?;
        tx.commit().await?;
        Ok(Ended::Postponed(due))
    }

    /// Puts a job back whose sending was never decided.
    async fn postpone(&self, claim: &Claim, due: Instant, code: &str) -> Result<Ended, DeedError> {
        let mut tx = self.store.begin("carry::postpone").await?;
        store::outbox::postpone(&mut tx, claim, due, code).await?;
        tx.commit().await?;
        Ok(Ended::Postponed(due))
    }

    /// The way of a job; a party's drop folder is where the roster says.
    fn way_of(&self, job: &NewJob) -> Result<Option<Arc<dyn SendWay>>, DeedError> {
        if job.way != folder::KIND.name {
            return Ok(self.ways.way(&job.way));
        }
        let mut way = Folder::new(self.disk.clone(), self.faults.clone(), self.deliveries());
        if let Some(party) = &job.recipient
            && let Ok(entry) = self.entry(party)
            && let Some(RosterWay::Folder(path)) = entry.delivery.map(|delivery| delivery.way)
        {
            way = way.with(party.clone(), &path);
        }
        Ok(Some(Arc::new(way)))
    }

    async fn settle(&self, errand: &Errand<'_>) -> Result<Ended, DeedError> {
        let job = &errand.claim.job.job;
        let settled = store::outbox::settled(&self.store, job.id).await?;
        if job.letters == 1
            && errand.tally.refused > 0
            && errand.tally.letters == 0
            && !settled.iter().any(|one| one.accepted)
        {
            // Nobody has it.
            let clearance = Some(&errand.clearance);
            return self.give_up(errand.actor, &errand.claim, clearance, &errand.tally, "recipient-refused").await;
        }
        if job.letters == 1 && errand.tally.unknown > 0 {
            let clearance = Some(&errand.clearance);
            return self.give_up(errand.actor, &errand.claim, clearance, &errand.tally, "perhaps-sent-twice").await;
        }
        let now = self.clock.now();
        let leaf = self
            .carried_leaf(errand.actor, &errand.claim, "carried")
            .with("letters", errand.tally.letters)
            .with("refused", errand.tally.refused)
            .with("unknown", errand.tally.unknown);
        let done = self.done_leaf(&errand.clearance).with("letters", errand.tally.since);
        let mut tx = self.store.begin("carry::settle").await?;
        store::outbox::finish(&mut tx, &errand.claim, now).await?;
        if let (Some(delivery), JobKind::Delivery | JobKind::Return) = (job.delivery, job.kind) {
            store::delivery::carried(&mut tx, delivery, now).await?;
        }
        store::leaf::append(&mut tx, &done).await?;
        store::leaf::append(&mut tx, &leaf).await?;
        tx.commit().await?;
        Ok(Ended::Done)
    }

    /// Gives a job up; somebody must look. Under a clearance, what went before is closed as done.
    async fn give_up(
        &self,
        actor: &Actor,
        claim: &Claim,
        clearance: Option<&Clearance>,
        tally: &Tally,
        reason: &'static str,
    ) -> Result<Ended, DeedError> {
        let now = self.clock.now();
        let job = &claim.job.job;
        let leaf = self.carried_leaf(actor, claim, "given-up").with("reason", reason).with("letters", tally.letters);
        let mut tx = self.store.begin("carry::give_up").await?;
        store::outbox::fail(&mut tx, claim, now, reason).await?;
        if let (Some(delivery), JobKind::Delivery | JobKind::Return) = (job.delivery, job.kind) {
            store::delivery::failed(&mut tx, delivery, now).await?;
        }
        if let Some(clearance) = clearance {
            let done = self.done_leaf(clearance).with("letters", tally.since).with("given_up", reason);
            store::leaf::append(&mut tx, &done).await?;
        }
        store::leaf::append(&mut tx, &leaf).await?;
        tx.commit().await?;
        Ok(Ended::Failed)
    }

    /// The law of the moment keeps a parcel back: a delivery's rows leave the tally by the door `withheld`.
    async fn withhold(
        &self,
        actor: &Actor,
        claim: &Claim,
        tally: &Tally,
        code: &'static str,
    ) -> Result<Ended, DeedError> {
        let job = &claim.job.job;
        let reason = self.what_ended(job).await?.unwrap_or(code);
        let row = match job.delivery {
            Some(id) => store::delivery::find(&self.store, id).await?,
            None => None,
        };
        let (Some(row), JobKind::Delivery) = (row, job.kind) else {
            return self.give_up(actor, claim, None, tally, reason).await;
        };
        let now = self.clock.now();
        let leaf = self.carried_leaf(actor, claim, "withheld").with("reason", reason).with("rows", row.rows);
        let withheld = store::reason::Reason {
            door: store::reason::Door::Withheld,
            party: job.recipient.clone(),
            code: reason.to_owned(),
            rows: row.rows,
        };
        let mut tx = self.store.begin("carry::withhold").await?;
        store::outbox::fail(&mut tx, claim, now, reason).await?;
        store::delivery::withheld(&mut tx, row.id, now).await?;
        store::reason::add(&mut tx, &row.round, &withheld).await?;
        store::leaf::append(&mut tx, &leaf).await?;
        tx.commit().await?;
        Ok(Ended::Failed)
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
