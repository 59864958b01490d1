//! `noroshi node`: an operator takes deliveries, identifies, tells, and answers.

use std::path::PathBuf;

use clap::Subcommand;
use model::{DeliveryId, Lang, Outcome, Text};
use serde_json::json;

use super::{Done, Failure, Open, read_input};
use crate::print::{Console, Sheet};

/// Commands of a node.
#[derive(Subcommand)]
pub enum Node {
    /// Take what the hub dropped in the inbox, and acknowledge it.
    Take,
    /// Identify the subscribers of a delivery and write to each.
    Tell {
        /// The delivery.
        delivery: DeliveryId,
        /// Only say whom that would concern: counts and grounds.
        #[arg(long)]
        dry_run: bool,
    },
    /// Everything in one go: take, identify, tell, carry, answer, carry.
    Run,
    /// Record outcomes that people learned of (a file of record id and outcome) and answer the hub anew.
    Outcome {
        /// The delivery.
        delivery: DeliveryId,
        /// The file, in the form of an answer file.
        file: PathBuf,
    },
}

/// Runs one.
pub async fn run(open: &Open, node: Node, console: &Console) -> Result<Done, Failure> {
    let house = open.house();
    match node {
        Node::Take => {
            let done = take(open, console).await?;
            open.close().await?;
            Ok(done)
        }
        Node::Tell { delivery, dry_run } => {
            let records = house.records(&house.register(open.started.assignment))?;
            let told = house.tell(&open.actor, delivery, &records, dry_run).await?;
            open.close().await?;
            show(&[told], console)?;
            Ok(Done::All)
        }
        Node::Run => {
            let mut done = take(open, console).await?;
            let records = house.records(&house.register(open.started.assignment))?;
            let mut told = Vec::new();
            for delivery in inbound(open).await? {
                if delivery.1 {
                    told.push(house.tell(&open.actor, delivery.0, &records, false).await?);
                }
            }
            let carried = house.carry(&open.actor, &open.started.retry).await?;
            for delivery in inbound(open).await? {
                house.answer(&open.actor, delivery.0).await?;
            }
            let answers = house.carry(&open.actor, &open.started.retry).await?;
            open.close().await?;
            show(&told, console)?;
            for carried in [&carried, &answers] {
                if !super::carry::is_whole(carried) {
                    done = Done::InPart;
                    super::carry::left_over(open, carried, console);
                }
            }
            Ok(done)
        }
        Node::Outcome { delivery, file } => {
            let (name, bytes) = read_input(&file)?;
            let row = store::delivery::find(&house.store, delivery).await.map_err(exchange::DeedError::from)?;
            let rows = row.map_or(0, |row| row.rows);
            let expected = formats::answer::Expected {
                delivery,
                rows: u32::try_from(rows).unwrap_or(u32::MAX),
                received: house.clock.now(),
                zone: Some(house.settings.zone.clone()),
            };
            let answers = formats::answer::read(&name, &bytes, &expected)?;
            for (place, code) in answers.rejects.places(&name) {
                console.say(&format!("{place}: {} [{}]", code.text.of(console.lang()), code.code));
            }
            let amended: Vec<(u32, Outcome)> =
                answers.rows.iter().map(|(place, outcome, _)| (*place, *outcome)).collect();
            let (answered, left) = house.amend_outcomes(&open.actor, delivery, &amended).await?;
            house.carry(&open.actor, &open.started.retry).await?;
            open.close().await?;
            let mut sheet = Sheet::new(&[
                ("outcome", Text { ja: "結果", en: "outcome" }),
                ("rows", Text { ja: "件数", en: "rows" }),
            ]);
            for (outcome, rows) in answered.outcomes {
                sheet.row(vec![json!(outcome.name()), json!(rows)]);
            }
            console.sheet(&sheet)?;
            let rejected = answers.rejects.0.len() as u64 + left;
            Ok(if rejected > 0 { Done::InPart } else { Done::All })
        }
    }
}

/// The inbound deliveries, and whether there is something to tell for them.
async fn inbound(open: &Open) -> Result<Vec<(DeliveryId, bool)>, Failure> {
    let store = &open.house().store;
    let mut found = Vec::new();
    for operation in store::operation::all(store).await.map_err(exchange::DeedError::from)? {
        for round in store::round::of_operation(store, &operation.id).await.map_err(exchange::DeedError::from)? {
            for delivery in store::delivery::of_round(store, &round.id).await.map_err(exchange::DeedError::from)? {
                if delivery.kind != store::delivery::Kind::Inbound {
                    continue;
                }
                found.push((delivery.id, open.house().waits_to_be_told(delivery.id).await?));
            }
        }
    }
    Ok(found)
}

async fn take(open: &Open, console: &Console) -> Result<Done, Failure> {
    let taken = open.house().take(&open.actor).await?;
    for (place, code) in &taken.problems {
        console.say(&format!("{place}: {} [{}]", code.text.of(console.lang()), code.code));
    }
    for (delivery, code) in &taken.refused {
        console.say(&match console.lang() {
            Lang::Ja => format!("送付 {delivery} は関門が認めませんでした [{code}]"),
            Lang::En => format!("delivery {delivery} was refused by the gate [{code}]"),
        });
    }
    for (delivery, rows) in &taken.deliveries {
        console.say(&match console.lang() {
            Lang::Ja => format!("送付 {delivery} を受け取りました（{rows} 件）"),
            Lang::En => format!("took delivery {delivery} ({rows} rows)"),
        });
    }
    Ok(if taken.problems.is_empty() && taken.refused.is_empty() { Done::All } else { Done::InPart })
}

fn show(told: &[exchange::tell::Told], console: &Console) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&[
        ("delivery", Text { ja: "送付ID", en: "delivery" }),
        ("outcome", Text { ja: "結果", en: "outcome" }),
        ("rows", Text { ja: "件数", en: "rows" }),
        ("letters", Text { ja: "通知（通）", en: "letters" }),
        ("grounds", Text { ja: "根拠", en: "grounds" }),
    ]);
    for one in told {
        for (outcome, rows) in &one.outcomes {
            sheet.row(vec![
                json!(one.delivery.map(|id| id.to_string())),
                json!(outcome.text().of(console.lang())),
                json!(rows),
                json!(one.letters),
                json!(one.grounds.join(", ")),
            ]);
        }
    }
    console.sheet(&sheet)?;
    Ok(())
}
