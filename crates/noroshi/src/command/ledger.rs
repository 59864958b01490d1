//! `noroshi ledger`: number leaves, verify.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use ledger::verify::Verdict;
use model::{Lang, Text};
use serde_json::json;

use super::input::read_input;
use super::{Done, Failure, open};
use crate::print::{Console, Form, Sheet};
use crate::start::SystemClock;

/// Commands about the ledger.
#[derive(Subcommand)]
pub enum Ledger {
    /// Verify the ledger: every leaf, every tile, the root, the signature, and that every decision is closed.
    Verify {
        /// A folder with a copy of a ledger, instead of this deployment's own; needs --vkey.
        #[arg(long, requires = "vkey")]
        folder: Option<PathBuf>,
        /// The verifier key, as published: a file with it, or the key itself.
        #[arg(long)]
        vkey: Option<String>,
        /// A checkpoint of this log that was kept from an earlier visit: the log must be an extension of it.
        #[arg(long)]
        earlier: Option<PathBuf>,
    },
    /// Number leaves that wait and write them to the log's files.
    Sequence,
    /// Print the verifier key of this deployment's ledger, to be published.
    Vkey,
}

/// Runs one.
pub async fn run(home: &Path, ledger: Ledger, console: &Console) -> Result<Done, Failure> {
    match ledger {
        Ledger::Verify { folder, vkey, earlier } => {
            let earlier = earlier.as_deref().map(read_input).transpose()?.map(|(_, bytes)| bytes);
            let busy = console.busy(Text { ja: "検証しています", en: "verifying" });
            let verdict = match (folder, vkey) {
                (Some(folder), Some(vkey)) => {
                    let vkey = std::fs::read_to_string(&vkey).unwrap_or(vkey);
                    let question = ledger::verify::Question {
                        vkey: vkey.trim(),
                        now: model::port::Clock::now(&SystemClock).as_micros(),
                        earlier: earlier.as_deref(),
                        unsequenced: &[],
                    };
                    ledger::verify::verify(&ledger::shelf::Folder(folder), &question)
                }
                _ => open(home, console).await?.house().verify_ledger(earlier.as_deref()).await?,
            };
            drop(busy);
            show(&verdict, console)
        }
        Ledger::Sequence => {
            let sequenced = open(home, console).await?.house().sequence().await?;
            let mut sheet = Sheet::new(&[
                ("added", Text { ja: "追加", en: "added" }),
                ("size", Text { ja: "台帳の葉", en: "leaves" }),
            ]);
            sheet.row(vec![json!(sequenced.added), json!(sequenced.size)]);
            console.sheet(&sheet)?;
            Ok(Done::All)
        }
        Ledger::Vkey => {
            console.text(&format!("{}\n", open(home, console).await?.house().ledger_vkey()?))?;
            Ok(Done::All)
        }
    }
}

fn show(verdict: &Verdict, console: &Console) -> Result<Done, Failure> {
    let lang = console.lang();
    let sound = verdict.is_sound();
    if console.form() == Form::Table {
        for fault in &verdict.faults {
            let text = if lang == Lang::Ja { fault.code.ja } else { fault.code.en };
            console.say(&format!("{}: {text} [{}]", fault.place, fault.code.code));
        }
        let mut said: Vec<&str> = Vec::new();
        for fault in &verdict.faults {
            if !said.contains(&fault.code.code) {
                said.push(fault.code.code);
                let (head, help) =
                    if lang == Lang::Ja { ("対処", fault.code.help_ja) } else { ("help", fault.code.help_en) };
                console.say(&format!("{head}: {help} [{}]", fault.code.code));
            }
        }
        if verdict.cut_short {
            console.tell(Text { ja: "…ほかにもあります", en: "... and more" });
        }
    }
    let mut sheet = Sheet::new(&[
        ("verified", Text { ja: "検証", en: "verified" }),
        ("leaves", Text { ja: "葉", en: "leaves" }),
        ("faults", Text { ja: "不整合", en: "faults" }),
        ("open", Text { ja: "未完了の決定", en: "open decisions" }),
        ("overdue", Text { ja: "期限切れの決定", en: "overdue decisions" }),
        ("unsequenced", Text { ja: "番号待ち", en: "not yet numbered" }),
        ("first_fault", Text { ja: "最初の不整合", en: "first fault" }),
    ]);
    sheet.row(vec![
        json!(if sound { "ok" } else { "FAILED" }),
        json!(verdict.leaves),
        json!(verdict.faults.len()),
        json!(verdict.open.len()),
        json!(verdict.overdue.len()),
        json!(verdict.unsequenced.len()),
        json!(verdict.first().map(|fault| format!("{} {}", fault.place, fault.code.code))),
    ]);
    console.sheet(&sheet)?;
    Ok(if sound { Done::All } else { Done::NotVerified })
}
