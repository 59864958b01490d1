//! `noroshi party`: the roster.

use std::path::PathBuf;

use clap::Subcommand;
use model::{Address, Lang, Text};
use serde_json::json;

use super::input::read_text;
use super::{Done, Failure, Open};
use crate::print::{Console, Sheet};

/// A roster to begin with; it fits the sample plan, and the other samples beside it.
pub const FIRST: &str = include_str!("../../../../samples/quickstart/roster.toml");

/// Commands about parties.
#[derive(Subcommand)]
pub enum Party {
    /// Import a roster; it replaces the one in force from now on.
    Import {
        /// The roster (TOML).
        file: PathBuf,
        /// Only check it.
        #[arg(long)]
        dry_run: bool,
    },
    /// List the parties.
    List,
    /// Say who holds an address and could act.
    Whois {
        /// The address.
        address: Address,
    },
    /// Contacts that others publish: import them, ask for them. They are no ground to send.
    #[command(subcommand)]
    Contacts(super::contacts::Contacts),
    /// Print a sample roster to begin with: a hub, a reporter, two operators.
    Example {
        /// The one that shows every key with its meaning.
        #[arg(long)]
        full: bool,
    },
}

/// Runs one.
pub async fn run(open: &Open, party: Party, console: &Console) -> Result<Done, Failure> {
    match party {
        Party::Import { file, dry_run } => {
            let (name, text) = read_text(&file)?;
            let recorded = open.house().record_roster(&open.actor, &name, &text, dry_run).await?;
            for note in &recorded.notes {
                console.say(&note.for_submitter(console.lang()));
            }
            open.close().await?;
            console.say(&match (console.lang(), recorded.unchanged, dry_run) {
                (Lang::Ja, true, _) => "同じ名簿が既に有効です。何も変わりません。".to_owned(),
                (Lang::En, true, _) => "the same roster is in force already; nothing changes".to_owned(),
                (Lang::Ja, _, true) => format!(
                    "誤りはありません（{} 組織、版 {}）。取り込んでいません。",
                    recorded.parties, recorded.version
                ),
                (Lang::En, _, true) => {
                    format!("no fault ({} parties, version {}); not imported", recorded.parties, recorded.version)
                }
                (Lang::Ja, ..) => format!("名簿を取り込みました: {} 組織、版 {}", recorded.parties, recorded.version),
                (Lang::En, ..) => {
                    format!("imported the roster: {} parties, version {}", recorded.parties, recorded.version)
                }
            });
        }
        Party::List => {
            let directory = open.house().directory()?;
            let now = open.house().clock.now();
            let mut sheet = Sheet::new(&[
                ("party", Text { ja: "組織", en: "party" }),
                ("name", Text { ja: "名称", en: "name" }),
                ("roles", Text { ja: "役割", en: "roles" }),
                ("prefixes", Text { ja: "アドレス範囲", en: "prefixes" }),
                ("agreements", Text { ja: "有効な取決め", en: "agreements in force" }),
                ("contact", Text { ja: "窓口", en: "contact" }),
            ]);
            for entry in directory.roster().parties() {
                let agreements: Vec<_> =
                    entry.party.agreements.iter().filter(|a| a.in_force(now)).map(|a| a.reference.as_str()).collect();
                sheet.row(vec![
                    json!(entry.party.id.as_str()),
                    json!(entry.party.name.of(console.lang())),
                    json!(entry.party.roles.iter().map(|r| r.name()).collect::<Vec<_>>().join(", ")),
                    json!(entry.prefixes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
                    json!(agreements.join("; ")),
                    json!(entry.contacts.first().map(|c| c.mail.as_str())),
                ]);
            }
            console.sheet(&sheet)?;
        }
        Party::Whois { address } => {
            let directory = open.house().directory()?;
            let holder = directory.lookup(address);
            let mut sheet = Sheet::new(&[
                ("address", Text { ja: "アドレス", en: "address" }),
                ("party", Text { ja: "組織", en: "party" }),
                ("name", Text { ja: "名称", en: "name" }),
            ]);
            sheet.row(vec![
                json!(address.to_string()),
                json!(holder.party.map(|entry| entry.party.id.as_str())),
                json!(holder.party.map(|entry| entry.party.name.of(console.lang()))),
            ]);
            console.sheet(&sheet)?;
        }
        Party::Contacts(contacts) => return super::contacts::run(open, contacts, console).await,
        // Needs no deployment: printed before one is opened.
        Party::Example { .. } => {}
    }
    Ok(Done::All)
}
