//! `noroshi law`: the rules, their sources, and what a lawyer must confirm.

use clap::Subcommand;
use law::Pack;
use model::{Lang, Text};
use serde_json::json;

use super::{Done, Failure};
use crate::print::{Console, Sheet};

/// Commands about the law.
#[derive(Subcommand)]
pub enum Law {
    /// List the rules.
    List {
        /// Only those that a lawyer must confirm.
        #[arg(long)]
        to_confirm: bool,
    },
    /// Show a rule: its text, why, and what a lawyer must confirm.
    Show {
        /// The rule's id.
        rule: String,
    },
    /// Check every case of every rule.
    Check,
}

/// Runs one.
pub fn run(law: Law, console: &Console) -> Result<Done, Failure> {
    let pack = Pack::shipped().map_err(|error| Failure::Other(error.to_string()))?;
    let lang = console.lang();
    match law {
        Law::List { to_confirm } => {
            let mut sheet = Sheet::new(&[
                ("rule", Text { ja: "規則", en: "rule" }),
                ("effect", Text { ja: "効果", en: "effect" }),
                ("ground", Text { ja: "根拠", en: "ground" }),
                ("actions", Text { ja: "行為", en: "actions" }),
                ("valid", Text { ja: "期間", en: "in force" }),
                ("confidence", Text { ja: "確度", en: "confidence" }),
                ("lawyer", Text { ja: "弁護士の確認が必要な点", en: "a lawyer must confirm" }),
            ]);
            for rule in pack.rules().filter(|rule| !to_confirm || rule.lawyer.is_some()) {
                let valid = match (&rule.valid_from, &rule.valid_until) {
                    (None, None) => String::new(),
                    (from, until) => format!("{}..{}", from.as_deref().unwrap_or(""), until.as_deref().unwrap_or("")),
                };
                sheet.row(vec![
                    json!(rule.id),
                    json!(if rule.effect == law::pack::Effect::Permit { "permit" } else { "forbid" }),
                    json!(rule.ground.map(|g| g.text().of(lang))),
                    json!(rule.actions.iter().map(|a| a.name()).collect::<Vec<_>>().join(" ")),
                    json!(valid),
                    json!(rule.confidence),
                    json!(if to_confirm {
                        rule.lawyer.clone()
                    } else {
                        rule.lawyer.as_ref().map(|_| "yes".to_owned())
                    }),
                ]);
            }
            console.sheet(&sheet)?;
        }
        Law::Show { rule } => {
            let Some(rule) = pack.rule(&rule) else {
                return Err(exchange::DeedError::NotFound { what: "rule", id: rule }.into());
            };
            let reason = if lang == Lang::Ja { &rule.reason_ja } else { &rule.reason_en };
            console.text(&format!("{}\n{reason}\n\n{}\n{}\n", rule.id, rule.why, rule.text))?;
        }
        Law::Check => {
            let failures = law::case::check_all(&pack);
            for failure in &failures {
                console.say(failure);
            }
            console.text(&format!("{} {}\n", pack.digest(), if failures.is_empty() { "ok" } else { "FAILED" }))?;
            if !failures.is_empty() {
                return Ok(Done::InPart);
            }
        }
    }
    Ok(Done::All)
}
