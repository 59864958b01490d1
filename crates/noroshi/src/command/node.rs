//! `noroshi node`: an operator takes deliveries, identifies, tells, and answers.

use std::path::PathBuf;

use api::v1::Delivery as Cover;
use clap::Subcommand;
use courier::fetch::folder::{DropFolder, FetchError};
use model::problem::Place;
use model::{DeliveryId, Lang, NodeTally, Outcome, Text};
use serde_json::json;

use super::input::{read_input, write_error_file};
use super::{Done, Failure, Open};
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
    Run {
        /// Only say what lies in the inbox, and whom that would concern: counts and grounds. Nothing is taken or sent.
        #[arg(long)]
        dry_run: bool,
    },
    /// Record outcomes that people learned of (a file of record id and outcome) and answer the hub anew.
    Outcome {
        /// The delivery.
        delivery: DeliveryId,
        /// The file, in the form of an answer file.
        file: PathBuf,
        /// Only say what would be answered; nothing is recorded or sent.
        #[arg(long)]
        dry_run: bool,
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
        Node::Run { dry_run: true } => foresee(open, console).await,
        Node::Run { dry_run: false } => {
            let mut done = take(open, console).await?;
            let busy =
                console.busy(Text { ja: "特定・通知しています", en: "identifying, telling, answering" });
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
            drop(busy);
            if carried.postponed + answers.postponed == 0 {
                super::carry::say_what_waits(open, console).await?;
            }
            show(&told, console)?;
            for carried in [&carried, &answers] {
                if !super::carry::is_whole(carried) {
                    done = Done::InPart;
                    super::carry::left_over(open, carried, console);
                }
            }
            Ok(done)
        }
        Node::Outcome { delivery, file, dry_run } => {
            let (name, bytes) = read_input(&file)?;
            let row = store::delivery::find(&house.store, delivery).await?;
            let row = row.filter(|row| row.kind == store::delivery::Kind::Inbound);
            let missing = || exchange::DeedError::NotFound { what: "delivery", id: delivery.to_string() };
            let rows = row.ok_or_else(missing)?.rows;
            let expected = formats::answer::Expected {
                delivery,
                rows: u32::try_from(rows).unwrap_or(u32::MAX),
                received: house.clock.now(),
                zone: Some(house.settings.zone.clone()),
            };
            let answers = formats::answer::read(&name, &bytes, &expected)?;
            let places: Vec<_> = answers.rejects.places(&name).collect();
            console.rejects(&places, places.len() as u64);
            if !places.is_empty() {
                write_error_file(&file, &answers.rejects.to_csv(console.lang()), console)?;
            }
            let amended: Vec<(u32, Outcome)> =
                answers.rows.iter().map(|(place, outcome, _)| (*place, *outcome)).collect();
            if dry_run {
                let said: NodeTally = NodeTally::of(amended.iter().map(|(_, outcome)| *outcome));
                console.sheet(&outcome_sheet(said.iter().filter(|(_, count)| *count > 0)))?;
                console.tell(Text {
                    ja: "予行です。何も記録していません。", en: "dry run: nothing was recorded"
                });
                return Ok(if places.is_empty() { Done::All } else { Done::InPart });
            }
            let (answered, left) = house.amend_outcomes(&open.actor, delivery, &amended).await?;
            house.carry(&open.actor, &open.started.retry).await?;
            open.close().await?;
            console.sheet(&outcome_sheet(answered.outcomes))?;
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

fn outcome_sheet(outcomes: impl IntoIterator<Item = (Outcome, u64)>) -> Sheet {
    let mut sheet =
        Sheet::new(&[("outcome", Text { ja: "結果", en: "outcome" }), ("rows", Text { ja: "件数", en: "rows" })]);
    for (outcome, rows) in outcomes {
        sheet.row(vec![json!(outcome.name()), json!(rows)]);
    }
    sheet
}

/// What a run would do: deliveries that lie in the inbox, and whom those that were taken would concern.
async fn foresee(open: &Open, console: &Console) -> Result<Done, Failure> {
    let house = open.house();
    let mut sheet = told_sheet();
    let folder = DropFolder::new(house.disk.clone(), house.inbox());
    let listing = folder.list().await.map_err(unfetched)?;
    let mut problems: Vec<_> = listing.problems.iter().map(|p| (p.place.clone(), p.code)).collect();
    for manifest in &listing.ready {
        let fetched = match folder.open(manifest).await {
            Ok(fetched) => fetched,
            Err(FetchError::Problem(problem)) => {
                problems.push((problem.place.clone(), problem.code));
                continue;
            }
            Err(error) => return Err(unfetched(error)),
        };
        let cover = fetched.parcels.iter().find(|parcel| parcel.name.as_str() == Cover::FILE_NAME);
        let Some(cover) = cover.and_then(|cover| Cover::from_bytes(&cover.bytes).ok()) else {
            problems.push((Place::file(fetched.manifest.id.to_string()), &exchange::problem::BAD_COVER));
            continue;
        };
        let grounds: Vec<_> = cover.rules.iter().map(|rule| rule.ground.as_str()).collect();
        let inbox = Text { ja: "受取箱にある（未受領）", en: "in the inbox, not taken" }.of(console.lang());
        sheet.row(vec![
            json!(cover.delivery.to_string()),
            json!(inbox),
            json!(cover.rows),
            json!(null),
            json!(grounds.join(", ")),
        ]);
    }
    let records = house.records(&house.register(open.started.assignment))?;
    for (delivery, untold) in inbound(open).await? {
        if untold {
            add(&mut sheet, &house.tell(&open.actor, delivery, &records, true).await?, console);
        }
    }
    open.close().await?;
    console.rejects(&problems, problems.len() as u64);
    console.sheet(&sheet)?;
    console
        .tell(Text {
            ja: "予行です。何も受領・通知していません。", en: "dry run: nothing was taken, nobody was told"
        });
    Ok(if problems.is_empty() { Done::All } else { Done::InPart })
}

fn unfetched(error: FetchError) -> Failure {
    match error {
        FetchError::Disk(error) => error.into(),
        FetchError::Problem(problem) => problem.into(),
        other => Failure::Other(other.to_string()),
    }
}

async fn take(open: &Open, console: &Console) -> Result<Done, Failure> {
    let taken = open.house().take(&open.actor).await?;
    console.rejects(&taken.problems, taken.problems.len() as u64);
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

fn told_sheet() -> Sheet {
    Sheet::new(&[
        ("delivery", Text { ja: "送付ID", en: "delivery" }),
        ("outcome", Text { ja: "結果", en: "outcome" }),
        ("rows", Text { ja: "件数", en: "rows" }),
        ("letters", Text { ja: "通知（通）", en: "letters" }),
        ("grounds", Text { ja: "根拠", en: "grounds" }),
    ])
}

fn add(sheet: &mut Sheet, told: &exchange::tell::Told, console: &Console) {
    for (outcome, rows) in &told.outcomes {
        sheet.row(vec![
            json!(told.delivery.map(|id| id.to_string())),
            json!(outcome.text().of(console.lang())),
            json!(rows),
            json!(told.letters),
            json!(told.grounds.join(", ")),
        ]);
    }
}

fn show(told: &[exchange::tell::Told], console: &Console) -> Result<(), Failure> {
    let mut sheet = told_sheet();
    for one in told {
        add(&mut sheet, one, console);
    }
    console.sheet(&sheet)?;
    Ok(())
}
