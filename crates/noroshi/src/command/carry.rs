//! `noroshi carry`: what waits in the outbox.

use clap::Args;
use exchange::carry::Carried;
use model::{Lang, PartyId, Text};
use serde_json::json;

use super::{Done, Failure, Open};
use crate::print::{Console, Sheet};

/// Arguments of `carry`.
#[derive(Args)]
pub struct Carry {
    /// Only list what waits: to whom, how many, on which ground. Nothing goes.
    #[arg(long)]
    pub dry_run: bool,
    /// Let what was given up go once more, after somebody has looked why; with --party, to that party only.
    #[arg(long)]
    pub again: bool,
    /// With --again: to which party.
    #[arg(long, requires = "again")]
    pub party: Option<PartyId>,
}

/// Carries, or lists.
pub async fn run(open: &Open, carry: Carry, console: &Console) -> Result<Done, Failure> {
    if carry.dry_run {
        let mut sheet = Sheet::new(&[
            ("kind", Text { ja: "種別", en: "kind" }),
            ("way", Text { ja: "方法", en: "way" }),
            ("party", Text { ja: "相手先", en: "party" }),
            ("letters", Text { ja: "通数", en: "letters" }),
            ("rows", Text { ja: "件数", en: "rows" }),
            ("ground", Text { ja: "根拠", en: "ground" }),
            ("state", Text { ja: "状態", en: "state" }),
            ("attempts", Text { ja: "試行", en: "attempts" }),
            ("due", Text { ja: "予定", en: "due" }),
            ("last_error", Text { ja: "前回の失敗", en: "last error" }),
        ]);
        use store::outbox::State;
        for (state, name) in [(State::Waiting, "waiting"), (State::Claimed, "claimed"), (State::Failed, "failed")] {
            for job in store::outbox::in_state(&open.house().store, state).await? {
                let ground = ground_of(open, &job.job).await?;
                sheet.row(vec![
                    json!(job.job.kind.name()),
                    json!(job.job.way),
                    json!(job.job.recipient.as_ref().map(|p| p.as_str())),
                    json!(job.job.letters.saturating_sub(job.next_letter)),
                    json!(rows_of(open, &job.job).await?),
                    json!(ground),
                    json!(name),
                    json!(job.attempts),
                    json!(job.job.due_at.in_zone(&open.house().settings.zone)),
                    json!(job.last_error),
                ]);
            }
        }
        console.sheet(&sheet)?;
        return Ok(Done::All);
    }
    if carry.again {
        let revived = open.house().carry_again(&open.actor, carry.party.as_ref()).await?;
        console.say(&match console.lang() {
            Lang::Ja => format!("断念していた {revived} 件をもう一度送ります。"),
            Lang::En => format!("trying again what was given up: {revived}"),
        });
    }
    let busy = console.busy(Text { ja: "送付しています", en: "carrying" });
    let carried = open.house().carry(&open.actor, &open.started.retry).await?;
    open.close().await?;
    drop(busy);
    if carried.jobs + carried.postponed + carried.failed == 0 {
        say_what_waits(open, console).await?;
    }
    let mut sheet = Sheet::new(&[
        ("jobs", Text { ja: "完了", en: "jobs done" }),
        ("letters", Text { ja: "送付数", en: "letters" }),
        ("refused", Text { ja: "受取拒否", en: "refused" }),
        ("unknown", Text { ja: "到達不明", en: "unknown" }),
        ("postponed", Text { ja: "再試行待ち", en: "postponed" }),
        ("failed", Text { ja: "断念", en: "given up" }),
    ]);
    sheet.row(vec![
        json!(carried.jobs),
        json!(carried.letters),
        json!(carried.refused),
        json!(carried.unknown),
        json!(carried.postponed),
        json!(carried.failed),
    ]);
    console.sheet(&sheet)?;
    left_over(open, &carried, console);
    Ok(if is_whole(&carried) { Done::All } else { Done::InPart })
}

/// Whether nothing was refused, put back, given up or held by another.
pub fn is_whole(carried: &Carried) -> bool {
    carried.failed + carried.postponed + carried.refused + carried.unknown + carried.held == 0
}

/// Says what did not go, why, and when to come back.
pub fn left_over(open: &Open, carried: &Carried, console: &Console) {
    let zone = &open.house().settings.zone;
    let lang = console.lang();
    for (party, code, about) in &carried.problems {
        let party = party.as_ref().map_or("-", |party| party.as_str());
        console.say(&format!("{party}: {}: {about} [{}]\n{}", code.text.of(lang), code.code, code.help.of(lang)));
    }
    if let Some(due) = carried.next_due {
        let due = due.in_zone(zone);
        console.say(&match lang {
            Lang::Ja => format!(
                "{} 件は {due} 以降に再試行します。もう一度 `noroshi carry` を実行してください。",
                carried.postponed
            ),
            Lang::En => format!("{} will be tried again from {due}: run `noroshi carry` again then", carried.postponed),
        });
    }
    if let Some(until) = carried.held_until {
        let until = until.in_zone(zone);
        console.say(&match lang {
            Lang::Ja => {
                format!("{} 件は別の処理が送付中です。応答がなければ {until} 以降に引き継ぎます。", carried.held)
            }
            Lang::En => format!(
                "{} are being carried by another process; if it has died they are free from {until}",
                carried.held
            ),
        });
    }
    if carried.failed > 0 {
        console.say(match lang {
            Lang::Ja => "断念した送付があります。`noroshi carry --dry-run` で理由を確かめ、解消したら `noroshi carry --again` で送り直してください。",
            Lang::En => "some were given up: `noroshi carry --dry-run` says why; once that is mended, `noroshi carry --again` sends them",
        });
    }
}

/// How many records a delivery or return in the outbox bears.
async fn rows_of(open: &Open, job: &store::outbox::NewJob) -> Result<Option<u64>, Failure> {
    use store::outbox::Kind;
    let (Some(id), Kind::Delivery | Kind::Return) = (job.delivery, job.kind) else { return Ok(None) };
    Ok(store::delivery::find(&open.house().store, id).await?.map(|delivery| delivery.rows))
}

/// On which grounds a parcel was sealed, as the ledger has its decision.
async fn ground_of(open: &Open, job: &store::outbox::NewJob) -> Result<Option<String>, Failure> {
    let store = &open.house().store;
    let Some(id) = job.fact else { return Ok(None) };
    let Some(decision) = store::fact::find(store, id).await?.and_then(|fact| fact.decision) else { return Ok(None) };
    let leaves = store::leaf::of_decision(store, decision).await?;
    Ok(leaves.iter().find_map(|kept| match kept.leaf.facts.get("grounds")? {
        ledger::Fact::List(grounds) => Some(grounds.join(", ")),
        _ => None,
    }))
}

/// Says when the next of what waits in the outbox is due, if anything does.
pub async fn say_what_waits(open: &Open, console: &Console) -> Result<(), Failure> {
    let Some(due) = store::outbox::next_due(&open.house().store).await? else { return Ok(()) };
    let due = due.in_zone(&open.house().settings.zone);
    console.say(&match console.lang() {
        Lang::Ja => format!(
            "送付箱に待っているものがあります。次は {due} 以降に送付します（`noroshi carry --dry-run` で表示できます）。"
        ),
        Lang::En => {
            format!("something waits in the outbox and goes from {due} on (`noroshi carry --dry-run` shows it)")
        }
    });
    Ok(())
}
