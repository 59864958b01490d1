//! `noroshi assignments`: who held which address, and how subscribers are reached.

use std::path::PathBuf;

use assignment::{CoversFrom, Source, SourceKind, TableName};
use clap::{Subcommand, ValueEnum};
use exchange::keep_assignments::Imported;
use model::{Instant, Text, Zone};
use serde_json::json;

use super::input::{read_input, write_error_file};
use super::{Done, Failure, Open};
use crate::print::{Console, Sheet};

/// What a file of records is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A list of leases (CSV): address, ports or none, start, end, subscriber.
    Csv,
    /// RADIUS accounting detail.
    Radius,
}

/// Commands about assignments.
#[derive(Subcommand)]
pub enum Assignments {
    /// Import records of who held which address.
    Import {
        /// The file; `-` is standard input.
        file: PathBuf,
        /// What it is.
        #[arg(long, value_enum, default_value_t = Kind::Csv)]
        kind: Kind,
        /// The table it belongs to; imports of one table continue each other.
        #[arg(long, default_value = "leases")]
        table: TableName,
        /// The zone of times that carry none. Never assumed.
        #[arg(long)]
        timezone: Option<Zone>,
        /// Up to when its records are complete (RFC 3339). Default: now.
        #[arg(long)]
        as_of: Option<Instant>,
        /// From when on its records are complete (RFC 3339). Default: where the table's imports end.
        #[arg(long)]
        covers_from: Option<Instant>,
        /// Only show the difference; nothing is kept.
        #[arg(long)]
        dry_run: bool,
    },
    /// Import how subscribers are reached; it replaces the list before.
    Subscribers {
        /// The file (CSV): subscriber, mail address, language, opt-out.
        file: PathBuf,
        /// Only show the difference; nothing is kept.
        #[arg(long)]
        dry_run: bool,
    },
    /// What the register has: tables and what they cover.
    Show,
}

/// Runs one.
pub async fn run(open: &Open, assignments: Assignments, console: &Console) -> Result<Done, Failure> {
    let house = open.house();
    let register = house.register(open.started.assignment);
    match assignments {
        Assignments::Import { file, kind, table, timezone, as_of, covers_from, dry_run } => {
            let (name, bytes) = read_input(&file)?;
            let source = Source {
                file: &name,
                table,
                kind: match kind {
                    Kind::Csv => SourceKind::Leases,
                    Kind::Radius => SourceKind::RadiusDetail,
                },
                zone: timezone,
                from: covers_from.map_or(CoversFrom::LastImport, CoversFrom::At),
                as_of: as_of.unwrap_or_else(|| house.clock.now()),
            };
            let busy = console.busy(Text { ja: "取り込んでいます", en: "importing" });
            let imported = house.import_assignments(&open.actor, &register, &source, &bytes, dry_run).await?;
            open.close().await?;
            drop(busy);
            show(&imported, &file, dry_run, console)
        }
        Assignments::Subscribers { file, dry_run } => {
            let (name, bytes) = read_input(&file)?;
            let imported = house.import_contacts(&open.actor, &register, &name, &bytes, dry_run).await?;
            open.close().await?;
            show(&imported, &file, dry_run, console)
        }
        Assignments::Show => {
            let overview = register.overview().map_err(exchange::DeedError::from)?;
            let mut sheet = Sheet::new(&[
                ("table", Text { ja: "表", en: "table" }),
                ("imports", Text { ja: "取込回数", en: "imports" }),
                ("from", Text { ja: "記録の始まり", en: "covers from" }),
                ("until", Text { ja: "記録の終わり", en: "covers until" }),
            ]);
            for table in overview.tables {
                let zone = &house.settings.zone;
                for (from, to) in table.coverage.times() {
                    sheet.row(vec![
                        json!(table.name.as_str()),
                        json!(table.imports.len()),
                        json!(from.in_zone(zone)),
                        json!(to.in_zone(zone)),
                    ]);
                }
            }
            console.sheet(&sheet)?;
            Ok(Done::All)
        }
    }
}

fn show(imported: &Imported, file: &std::path::Path, dry_run: bool, console: &Console) -> Result<Done, Failure> {
    let mut sheet = Sheet::new(&[
        ("read", Text { ja: "読取", en: "read" }),
        ("rejected", Text { ja: "不受理", en: "rejected" }),
        ("new", Text { ja: "新規", en: "new" }),
        ("changed", Text { ja: "更新", en: "changed" }),
        ("same", Text { ja: "変更なし", en: "same" }),
        ("contradictions", Text { ja: "矛盾", en: "contradictions" }),
    ]);
    sheet.row(vec![
        json!(imported.read),
        json!(imported.rejected),
        json!(imported.new),
        json!(imported.changed),
        json!(imported.same),
        json!(imported.contradictions),
    ]);
    console.rejects(&imported.places, imported.rejected);
    console.sheet(&sheet)?;
    if let Some(bytes) = &imported.error_file {
        write_error_file(file, bytes, console)?;
    }
    if dry_run {
        console.tell(Text {
            ja: "予行です。何も取り込んでいません。", en: "dry run: nothing was imported"
        });
    }
    Ok(if imported.rejected > 0 { Done::InPart } else { Done::All })
}
