//! `noroshi round`: open, send, show.

use clap::Subcommand;
use exchange::deliver::Sending;
use exchange::figures::Figures;
use model::{Lang, OperationId, RoundId, Text};
use serde_json::{Value, json};

use super::{Done, Failure, Open};
use crate::print::{Console, Form, Sheet, percent};

/// Commands about rounds.
#[derive(Subcommand)]
pub enum Round {
    /// Open a round.
    Open {
        /// `operation/number`.
        round: RoundId,
    },
    /// Send what the round has received: to partners, back to the reporter, or withheld with its reason.
    Send {
        /// `operation/number`.
        round: RoundId,
        /// Only say what would be sent, to whom, on which ground.
        #[arg(long)]
        dry_run: bool,
    },
    /// The table of an operation's rounds, with both tallies and the ladder.
    List {
        /// The operation; without one, all of them.
        operation: Option<OperationId>,
    },
    /// One round, delivery by delivery.
    Show {
        /// `operation/number`.
        round: RoundId,
    },
}

/// Runs one.
pub async fn run(open: &Open, round: Round, console: &Console) -> Result<Done, Failure> {
    match round {
        Round::Open { round } => {
            open.house().open_round(&open.actor, &round).await?;
            open.close().await?;
            let reporter = open.house().plan(&round.operation).await?.plan.reporter;
            console.say(&match console.lang() {
                Lang::Ja => format!("回 {round} を開きました"),
                Lang::En => format!("opened round {round}"),
            });
            let file = Text { ja: "ファイル", en: "FILE" }.of(console.lang());
            console.next(&format!("ingest {file} --round {round} --from {reporter} --dry-run"));
        }
        Round::Send { round, dry_run } => {
            let busy = console.busy(Text { ja: "振り分けています", en: "routing" });
            let sending = if dry_run {
                open.house().send_round_dry(&open.actor, &round).await?
            } else {
                open.house().send_round(&open.actor, &round).await?
            };
            open.close().await?;
            drop(busy);
            console.sheet(&sending_sheet(&sending))?;
            console.say(&match (console.lang(), dry_run) {
                (Lang::Ja, true) => "予行です。何も送付していません。".to_owned(),
                (Lang::En, true) => "dry run: nothing was sent".to_owned(),
                (Lang::Ja, false) => "送付箱に入れました。".to_owned(),
                (Lang::En, false) => "put into the outbox".to_owned(),
            });
            if dry_run {
                console.next(&format!("round send {round}"));
            } else {
                console.next("carry");
            }
        }
        Round::List { operation } => {
            let figures = match operation {
                Some(operation) => open.house().operation_figures(&operation).await?,
                None => {
                    let mut figures = Vec::new();
                    for operation in store::operation::all(&open.house().store).await? {
                        figures.extend(open.house().operation_figures(&operation.id).await?);
                    }
                    figures
                }
            };
            if console.form() == Form::Table {
                console.sheet(&figures_sheet(&figures))?;
                console.sheet(&ladder_sheet(&figures))?;
            } else {
                console.sheet(&figures_sheet(&figures).beside(ladder_sheet(&figures)))?;
            }
        }
        Round::Show { round } => {
            let figures = open.house().round_figures(&round).await?;
            let reasons = open.house().reasons_of(&round).await?;
            if console.form() == Form::Table {
                if figures.refused_reports > 0 {
                    console.say(&match console.lang() {
                        Lang::Ja => format!(
                            "関門が受領を認めなかった提供情報: {} 件（内容は保存していません）",
                            figures.refused_reports
                        ),
                        Lang::En => format!(
                            "reports that the gate did not let in: {} (nothing of them is kept)",
                            figures.refused_reports
                        ),
                    });
                }
                let figures = std::slice::from_ref(&figures);
                console.sheet(&figures_sheet(figures))?;
                console.sheet(&ladder_sheet(figures))?;
                if !reasons.is_empty() {
                    console.sheet(&reasons_sheet(&reasons))?;
                }
            }
            if console.form() == Form::Json {
                let reasons: Vec<serde_json::Value> = reasons
                    .iter()
                    .map(|r| json!({ "door": r.door.name(), "party": r.party, "reason": r.code, "rows": r.rows }))
                    .collect();
                let deliveries = delivery_objects(open, &round).await?;
                console.json(&json!({ "figures": figures, "reasons": reasons, "deliveries": deliveries }))?;
                return Ok(Done::All);
            }
            console.sheet(&deliveries_sheet(open, &round, console.lang()).await?)?;
        }
    }
    Ok(Done::All)
}

fn reasons_sheet(reasons: &[store::reason::Reason]) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("door", Text { ja: "扱い", en: "door" }),
        ("party", Text { ja: "相手先", en: "party" }),
        ("reason", Text { ja: "理由", en: "reason" }),
        ("rows", Text { ja: "件数", en: "rows" }),
    ]);
    for reason in reasons {
        let party = reason.party.as_ref().map(|party| party.as_str());
        sheet.row(vec![json!(reason.door.name()), json!(party), json!(reason.code), json!(reason.rows)]);
    }
    sheet
}

fn sending_sheet(sending: &Sending) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("door", Text { ja: "扱い", en: "door" }),
        ("party", Text { ja: "相手先", en: "party" }),
        ("rows", Text { ja: "件数", en: "rows" }),
        ("way", Text { ja: "送付方法", en: "way" }),
        ("ground", Text { ja: "根拠", en: "ground" }),
        ("reason", Text { ja: "理由", en: "reason" }),
    ]);
    for line in &sending.lines {
        sheet.row(vec![
            json!(line.door),
            json!(line.party.as_ref().map(|p| p.as_str())),
            json!(line.rows),
            json!(line.way),
            json!(line.ground),
            json!(line.reason),
        ]);
    }
    sheet
}

/// The published columns, and what is ours beside them.
pub fn figures_sheet(figures: &[Figures]) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("round", Text { ja: "回", en: "round" }),
        ("read", Text { ja: "読取", en: "read" }),
        ("rejected", Text { ja: "不受理", en: "rejected" }),
        ("duplicate", Text { ja: "重複", en: "duplicate" }),
        ("received", Text { ja: "受領", en: "received 受領" }),
        ("sent", Text { ja: "送付", en: "sent 送付" }),
        ("returned", Text { ja: "返却", en: "returned 返却" }),
        ("withheld", Text { ja: "保留", en: "withheld 保留" }),
        ("rate", Text { ja: "対応率（送付/受領）", en: "routing rate 対応率 (sent/received)" }),
    ]);
    for f in figures {
        sheet.row(vec![
            round_name(f),
            json!(f.intake.read()),
            json!(f.intake.rejected()),
            json!(f.intake.duplicate()),
            json!(f.intake.received()),
            json!(f.handling.sent()),
            json!(f.handling.returned()),
            json!(f.handling.withheld()),
            json!(percent(f.routing_permille)),
        ]);
    }
    sheet
}

/// The ladder, each rung apart.
pub fn ladder_sheet(figures: &[Figures]) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("round", Text { ja: "回", en: "round" }),
        ("estimated", Text { ja: "推定感染", en: "estimated infected" }),
        ("received", Text { ja: "受領（件）", en: "received (rows)" }),
        ("terminals", Text { ja: "受領（端末）", en: "received (terminals)" }),
        ("sent", Text { ja: "送付", en: "sent" }),
        ("acknowledged", Text { ja: "受領確認", en: "acknowledged" }),
        ("identified", Text { ja: "利用者特定", en: "identified" }),
        ("told", Text { ja: "通知", en: "told" }),
        ("cleaned", Text { ja: "解消", en: "cleaned" }),
    ]);
    for f in figures {
        let l = &f.ladder;
        sheet.row(vec![
            round_name(f),
            json!(l.estimated),
            json!(l.received),
            json!(l.terminals),
            json!(l.sent),
            json!(l.acknowledged),
            json!(l.identified),
            json!(l.told),
            json!(l.cleaned),
        ]);
    }
    sheet
}

fn round_name(figures: &Figures) -> Value {
    figures.round.as_ref().map_or_else(|| json!("合計 all"), |round| json!(round.to_string()))
}

/// The deliveries of a round for machines: names instead of words, outcomes as counts.
async fn delivery_objects(open: &Open, round: &RoundId) -> Result<Vec<Value>, Failure> {
    use store::delivery::Stage;
    let lines = open.house().deliveries_of(round).await?;
    let object = |line: &exchange::figures::DeliveryLine| {
        let delivery = &line.delivery;
        let stage = match delivery.stage() {
            Stage::Made => "made",
            Stage::Failed => "failed",
            Stage::Carried => "carried",
            Stage::Acknowledged => "acknowledged",
            Stage::Answered => "answered",
        };
        let counted = line.outcomes.iter().filter(|(_, count)| *count > 0);
        let outcomes: serde_json::Map<String, Value> =
            counted.map(|(outcome, count)| (outcome.name().to_owned(), json!(count))).collect();
        json!({
            "delivery": delivery.id.to_string(),
            "party": delivery.party.as_str(),
            "kind": delivery.kind.name(),
            "rows": delivery.rows,
            "terminals": delivery.terminals,
            "stage": stage,
            "ground": delivery.ground,
            "ticket": delivery.ticket,
            "outcomes": outcomes,
        })
    };
    Ok(lines.iter().map(object).collect())
}

async fn deliveries_sheet(open: &Open, round: &RoundId, lang: Lang) -> Result<Sheet, Failure> {
    let mut sheet = Sheet::new(&[
        ("delivery", Text { ja: "送付ID", en: "delivery" }),
        ("party", Text { ja: "相手先", en: "party" }),
        ("kind", Text { ja: "種別", en: "kind" }),
        ("rows", Text { ja: "件数", en: "rows" }),
        ("terminals", Text { ja: "端末", en: "terminals" }),
        ("stage", Text { ja: "状態", en: "stage" }),
        ("ground", Text { ja: "根拠", en: "ground" }),
        ("outcomes", Text { ja: "結果", en: "outcomes" }),
    ]);
    for line in open.house().deliveries_of(round).await? {
        let outcomes: Vec<String> = line
            .outcomes
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(outcome, count)| format!("{} {count}", outcome.text().of(lang)))
            .collect();
        let delivery = &line.delivery;
        sheet.row(vec![
            json!(delivery.id.to_string()),
            json!(delivery.party.as_str()),
            json!(delivery.kind.name()),
            json!(delivery.rows),
            json!(delivery.terminals),
            json!(stage(delivery.stage(), lang)),
            json!(delivery.ground),
            json!(outcomes.join(", ")),
        ]);
    }
    Ok(sheet)
}

const fn stage(stage: store::delivery::Stage, lang: Lang) -> &'static str {
    use store::delivery::Stage;
    let text = match stage {
        Stage::Made => Text { ja: "送付待ち", en: "waiting" },
        Stage::Failed => Text { ja: "送付失敗（要確認）", en: "failed, look at it" },
        Stage::Carried => Text { ja: "送付済み", en: "carried" },
        Stage::Acknowledged => Text { ja: "受領確認済み", en: "acknowledged" },
        Stage::Answered => Text { ja: "回答あり", en: "answered" },
    };
    text.of(lang)
}
