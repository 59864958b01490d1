//! The letters of a job: which was begun, which was refused or waits by itself, and with which recipients the matter is settled.
//! Their addresses stand in the sealed parcel alone.

use model::Instant;

use super::{Claim, lost};
use crate::engine::{Reading, Tx};
use crate::problem::StoreError;
use crate::row::{OutboxId, names};
use crate::statement::statement;

names! {
    /// Where a letter stands that did not simply go.
    Standing {
        /// Refused for now; its job comes back to it.
        Waiting = "waiting",
        /// Refused for good, or for too long.
        Refused = "refused",
        /// Sent twice without a word of the receiver's server: nobody knows whether it arrived.
        Unknown = "unknown",
    }
}

/// Notes that the sending of a letter begins, which is the next one or one that waits, and says how often it has begun now.
/// What begins and is never ended may have arrived: whoever sends by a way that can repeat counts by this.
///
/// # Errors
/// [`StoreError::FenceLost`] where the job has passed to another worker.
pub async fn begin_letter(tx: &mut Tx, claim: &Claim, letter: u32) -> Result<u32, StoreError> {
    hold(tx, claim).await?;
    let waiting = Reading::from(&mut *tx)
        .optional(
            statement(
                "/* outbox::begin_waiting */ update outbox_letter set begun = begun + 1
                 where outbox = $1 and letter = $2 and standing = 'waiting' returning begun",
            )
            .id(&claim.job.job.id)
            .bind(i64::from(letter)),
        )
        .await?;
    if let Some(row) = waiting {
        return row.small("begun");
    }
    let next = Reading::from(&mut *tx)
        .optional(
            statement(
                "/* outbox::begin_next */ update outbox set
                 begun = case when next_letter = $1 then begun + 1 else 1 end, next_letter = $1
                 where id = $2 and fence = $3 and next_letter <= $1 and letters > $1 returning begun",
            )
            .bind(i64::from(letter))
            .id(&claim.job.job.id)
            .bind(claim.fence),
        )
        .await?;
    match next {
        Some(row) => row.small("begun"),
        None => Err(lost(tx, "outbox::begin_next", claim)),
    }
}

/// Notes that a sending that had begun did certainly not reach anybody.
///
/// # Errors
/// [`StoreError::FenceLost`] where the job has passed to another worker.
pub async fn unbegin_letter(tx: &mut Tx, claim: &Claim, letter: u32) -> Result<(), StoreError> {
    hold(tx, claim).await?;
    tx.run(
        statement(
            "/* outbox::unbegin_waiting */ update outbox_letter set begun = begun - 1
             where outbox = $1 and letter = $2 and begun > 0",
        )
        .id(&claim.job.job.id)
        .bind(i64::from(letter)),
    )
    .await?;
    tx.run(
        statement(
            "/* outbox::unbegin_next */ update outbox set begun = begun - 1 where id = $1 and next_letter = $2 and begun > 0",
        )
        .id(&claim.job.job.id)
        .bind(i64::from(letter)),
    )
    .await
    .map(|_| ())
}

/// A letter that did not simply go; the address stands in the sealed parcel alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letter {
    /// Which letter, from 0.
    pub letter: u32,
    /// Where it stands.
    pub standing: Standing,
    /// The last reply's code (RFC 5321 section 4.2.1), where the way is SMTP.
    pub smtp_code: Option<u16>,
    /// When it was last tried.
    pub at: Instant,
    /// How often it was refused.
    pub times: u32,
}

/// Notes how a letter stands that did not go. The newest word stands, but for one: refused for good stays refused.
///
/// # Errors
/// [`StoreError::FenceLost`] where the job has passed to another worker.
pub async fn set_letter(tx: &mut Tx, claim: &Claim, letter: Letter) -> Result<(), StoreError> {
    hold(tx, claim).await?;
    tx.run(
        statement(
            "/* outbox::set_letter */ insert into outbox_letter (outbox, letter, standing, begun, smtp_code, at, times)
             values ($1, $2, $3, 0, $4, $5, 1) on conflict (outbox, letter) do update set
             standing = case when outbox_letter.standing = 'refused' then 'refused' else excluded.standing end,
             begun = 0, smtp_code = excluded.smtp_code, at = excluded.at, times = outbox_letter.times + 1",
        )
        .id(&claim.job.job.id)
        .bind(i64::from(letter.letter))
        .bind(letter.standing.name())
        .bind(letter.smtp_code.map(i64::from))
        .at(letter.at),
    )
    .await
    .map(|_| ())
}

/// Notes that a letter that waited has gone.
///
/// # Errors
/// [`StoreError::FenceLost`] where the job has passed to another worker.
pub async fn letter_gone(tx: &mut Tx, claim: &Claim, letter: u32) -> Result<(), StoreError> {
    hold(tx, claim).await?;
    tx.run(
        statement(
            "/* outbox::letter_gone */ delete from outbox_letter where outbox = $1 and letter = $2 and standing = 'waiting'",
        )
        .id(&claim.job.job.id)
        .bind(i64::from(letter)),
    )
    .await
    .map(|_| ())
}

/// The letters of a job that did not simply go, in their order.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn letters(from: impl Into<Reading<'_>>, id: OutboxId) -> Result<Vec<Letter>, StoreError> {
    from.into()
        .all(
            statement(
                "/* outbox::letters */ select letter, standing, smtp_code, at, times from outbox_letter
                 where outbox = $1 order by letter",
            )
            .id(&id),
        )
        .await?
        .iter()
        .map(|row| {
            let smtp_code = row.maybe_number("smtp_code")?.map(u16::try_from).transpose();
            Ok(Letter {
                letter: row.small("letter")?,
                standing: row.parsed("standing")?,
                smtp_code: smtp_code
                    .map_err(|_| StoreError::Damaged { statement: row.statement, column: "smtp_code" })?,
                at: row.at("at")?,
                times: row.small("times")?,
            })
        })
        .collect()
}

/// One recipient of a letter to several, with whom the matter is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Settled {
    /// Which letter, from 0.
    pub letter: u32,
    /// Which of its recipients, from 0.
    pub recipient: u32,
    /// Whether he has it; else he was refused for good.
    pub accepted: bool,
}

/// Notes that the matter is settled with a recipient, so that a later try leaves him out.
///
/// # Errors
/// [`StoreError::FenceLost`] where the job has passed to another worker.
pub async fn settle(tx: &mut Tx, claim: &Claim, settled: Settled) -> Result<(), StoreError> {
    hold(tx, claim).await?;
    tx.run(
        statement(
            "/* outbox::settle */ insert into outbox_settled (outbox, letter, recipient, accepted) values ($1, $2, $3, $4)
             on conflict (outbox, letter, recipient) do update set accepted = excluded.accepted",
        )
        .id(&claim.job.job.id)
        .bind(i64::from(settled.letter))
        .bind(i64::from(settled.recipient))
        .flag(settled.accepted),
    )
    .await
    .map(|_| ())
}

/// With whom the matter is settled, letter by letter.
///
/// # Errors
/// [`StoreError`] where the database fails.
pub async fn settled(from: impl Into<Reading<'_>>, id: OutboxId) -> Result<Vec<Settled>, StoreError> {
    from.into()
        .all(
            statement(
                "/* outbox::settled */ select letter, recipient, accepted from outbox_settled where outbox = $1
                 order by letter, recipient",
            )
            .id(&id),
        )
        .await?
        .iter()
        .map(|row| {
            Ok(Settled {
                letter: row.small("letter")?,
                recipient: row.small("recipient")?,
                accepted: row.flag("accepted")?,
            })
        })
        .collect()
}

/// INVARIANT: what is written about a letter is written by who holds its job.
async fn hold(tx: &mut Tx, claim: &Claim) -> Result<(), StoreError> {
    let row = Reading::from(&mut *tx)
        .optional(
            statement("/* outbox::hold */ select fence from outbox where id = $1 and fence = $2 and state = 'claimed'")
                .id(&claim.job.job.id)
                .bind(claim.fence),
        )
        .await?;
    if row.is_none() { Err(lost(tx, "outbox::hold", claim)) } else { Ok(()) }
}
