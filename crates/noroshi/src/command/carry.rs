//! `noroshi carry`: what waits in the outbox.

use clap::Args;
use model::{Lang, Text};
use serde_json::json;

use super::{Done, Failure, Open};
use crate::print::{Console, Sheet};

/// Arguments of `carry`.
#[derive(Args)]
pub struct Carry {
    /// Only list what waits: recipients, counts.
    #[arg(long)]
    pub dry_run: bool,
}

/// Carries, or lists.
pub async fn run(open: &Open, carry: Carry, console: &Console) -> Result<Done, Failure> {
    if carry.dry_run {
        let mut sheet = Sheet::new(&[
            ("kind", Text { ja: "種別", en: "kind" }),
            ("way", Text { ja: "方法", en: "way" }),
            ("party", Text { ja: "相手先", en: "party" }),
            ("letters", Text { ja: "通数", en: "letters" }),
            ("attempts", Text { ja: "試行", en: "attempts" }),
            ("due", Text { ja: "予定", en: "due" }),
            ("last_error", Text { ja: "前回の失敗", en: "last error" }),
        ]);
        for state in [store::outbox::State::Waiting, store::outbox::State::Failed] {
            for job in store::outbox::in_state(&open.house().store, state).await.map_err(exchange::DeedError::from)? {
                sheet.row(vec![
                    json!(job.job.kind.name()),
                    json!(job.job.way),
                    json!(job.job.recipient.as_ref().map(|p| p.as_str())),
                    json!(job.job.letters - job.next_letter),
                    json!(job.attempts),
                    json!(job.job.due_at.in_zone(&open.house().settings.zone)),
                    json!(job.last_error),
                ]);
            }
        }
        console.sheet(&sheet)?;
        return Ok(Done::All);
    }
    let carried = open.house().carry(&open.actor, &open.started.retry).await?;
    open.close().await?;
    let mut sheet = Sheet::new(&[
        ("jobs", Text { ja: "完了", en: "jobs done" }),
        ("letters", Text { ja: "送付数", en: "letters" }),
        ("refused", Text { ja: "受取拒否", en: "refused" }),
        ("postponed", Text { ja: "再試行待ち", en: "postponed" }),
        ("failed", Text { ja: "断念", en: "given up" }),
    ]);
    sheet.row(vec![
        json!(carried.jobs),
        json!(carried.letters),
        json!(carried.refused),
        json!(carried.postponed),
        json!(carried.failed),
    ]);
    console.sheet(&sheet)?;
    if carried.postponed > 0 {
        console.say(match console.lang() {
            Lang::Ja => "一部は後で再試行します。もう一度 `noroshi carry` を実行してください。",
            Lang::En => "some will be tried again later: run `noroshi carry` again",
        });
    }
    Ok(if carried.failed > 0 || carried.postponed > 0 || carried.refused > 0 { Done::InPart } else { Done::All })
}
