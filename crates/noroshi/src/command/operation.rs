//! `noroshi operation`: opened with a plan that its reporter and partners agreed to.

use std::path::PathBuf;

use clap::Subcommand;
use model::{Lang, OperationId, Text};
use serde_json::json;

use super::input::read_text;
use super::{Done, Failure, Open};
use crate::print::{Console, Sheet};

/// A sample plan, every key explained.
pub const SAMPLE: &str = include_str!("../../samples/plan.toml");

/// Commands about operations.
#[derive(Subcommand)]
pub enum Operation {
    /// Open an operation with its plan.
    Open {
        /// The plan (TOML).
        plan: PathBuf,
        /// Only check it.
        #[arg(long)]
        dry_run: bool,
    },
    /// Record a changed plan; the older versions stay.
    Amend {
        /// The plan (TOML).
        plan: PathBuf,
        /// Only check it.
        #[arg(long)]
        dry_run: bool,
    },
    /// List the operations.
    List,
    /// Show an operation's plan.
    Show {
        /// The operation.
        operation: OperationId,
    },
    /// Print a sample plan with every key explained.
    Example,
}

/// Runs one.
pub async fn run(open: &Open, operation: Operation, console: &Console) -> Result<Done, Failure> {
    match operation {
        Operation::Open { plan, dry_run } => {
            let (name, text) = read_text(&plan)?;
            let planned = open.house().open_operation(&open.actor, &name, &text, dry_run).await?;
            open.close().await?;
            let agreed =
                planned.plan.partners.iter().filter(|p| planned.plan.agreed.iter().any(|a| a.party == **p)).count();
            console.say(&match (console.lang(), dry_run) {
                (Lang::Ja, true) => format!("計画に誤りはありません: {}（開いていません）", planned.plan.id),
                (Lang::En, true) => format!("no fault in the plan of {}; not opened", planned.plan.id),
                (Lang::Ja, false) => format!(
                    "作戦 {} を開きました。協力先 {} 組織のうち {} 組織が合意しています。",
                    planned.plan.id,
                    planned.plan.partners.len(),
                    agreed
                ),
                (Lang::En, false) => format!(
                    "opened operation {}; {} of {} partners have agreed",
                    planned.plan.id,
                    agreed,
                    planned.plan.partners.len()
                ),
            });
            if !dry_run {
                console.next(&format!("round open {}/1", planned.plan.id));
            }
        }
        Operation::Amend { plan, dry_run } => {
            let (name, text) = read_text(&plan)?;
            let planned = open.house().amend_operation(&open.actor, &name, &text, dry_run).await?;
            open.close().await?;
            console.say(&match (console.lang(), dry_run) {
                (Lang::Ja, true) => format!("計画に誤りはありません: {}（改めていません）", planned.plan.id),
                (Lang::En, true) => format!("no fault in the plan of {}; not amended", planned.plan.id),
                (Lang::Ja, false) => format!("作戦 {} の計画を改めました（{}）", planned.plan.id, planned.digest),
                (Lang::En, false) => format!("amended the plan of {} ({})", planned.plan.id, planned.digest),
            });
        }
        Operation::List => {
            let mut sheet = Sheet::new(&[
                ("operation", Text { ja: "作戦", en: "operation" }),
                ("title", Text { ja: "名称", en: "title" }),
                ("reporter", Text { ja: "提供元", en: "reporter" }),
                ("partners", Text { ja: "協力先", en: "partners" }),
                ("closes", Text { ja: "終了予定", en: "closes" }),
            ]);
            for operation in store::operation::all(&open.house().store).await.map_err(exchange::DeedError::from)? {
                if operation.plan.is_none() {
                    continue;
                }
                let planned = open.house().plan(&operation.id).await?;
                sheet.row(vec![
                    json!(operation.id.as_str()),
                    json!(planned.plan.title.of(console.lang())),
                    json!(planned.plan.reporter.as_str()),
                    json!(planned.plan.partners.len()),
                    json!(planned.plan.closes.in_zone(&open.house().settings.zone)),
                ]);
            }
            console.sheet(&sheet)?;
        }
        Operation::Show { operation } => {
            let planned = open.house().plan(&operation).await?;
            console.json(&json!({ "digest": planned.digest, "plan": planned.plan }))?;
        }
        // Needs no deployment: printed before one is opened.
        Operation::Example => {}
    }
    Ok(Done::All)
}
