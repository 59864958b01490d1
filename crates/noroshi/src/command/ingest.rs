//! `noroshi ingest`: a report into a round, with its preview.

use std::path::PathBuf;

use clap::Args;
use exchange::receive::{Handed, Preview};
use model::{Lang, PartyId, RoundId, Text, Zone};
use serde_json::json;

use super::input::{ErrorFile, open_input, read_text};
use super::{Done, Failure, Open, helps};
use crate::print::{Console, Sheet};
use crate::words::found_by;

/// Arguments of `ingest`.
#[derive(Args)]
pub struct Ingest {
    /// The report; `-` is standard input.
    pub file: PathBuf,
    /// Into which round: `operation/number`.
    #[arg(long)]
    pub round: RoundId,
    /// Who hands it in.
    #[arg(long)]
    pub from: PartyId,
    /// Who observed what it says, if that is another party.
    #[arg(long)]
    pub author: Option<PartyId>,
    /// Its format, if it is not to be detected: list, shadowserver, idf.
    #[arg(long)]
    pub format: Option<String>,
    /// The zone of times that carry none, such as Asia/Tokyo or +09:00. Never assumed.
    #[arg(long)]
    pub timezone: Option<Zone>,
    /// A mapping file (TOML): which column means what.
    #[arg(long)]
    pub mapping: Option<PathBuf>,
    /// Only show what the file would become; nothing is kept.
    #[arg(long)]
    pub dry_run: bool,
}

/// Ingests, or previews.
pub async fn run(open: &Open, ingest: Ingest, console: &Console) -> Result<Done, Failure> {
    let (name, mut source) = open_input(&ingest.file)?;
    let mut errors = ErrorFile::beside(&ingest.file);
    let mapping = ingest.mapping.as_deref().map(read_text).transpose()?;
    let handed = Handed {
        file: &name,
        round: ingest.round.clone(),
        relay: ingest.from,
        author: ingest.author,
        // A mapping file is about a list made by hand.
        format: ingest
            .format
            .as_deref()
            .filter(|format| *format != "auto")
            .or_else(|| mapping.as_ref().map(|_| "list")),
        zone: ingest.timezone,
        mapping: mapping.as_ref().map(|(name, text)| (name.as_str(), text.as_str())),
    };
    let busy = console.busy(Text { ja: "読み取っています", en: "reading" });
    let unreadable = |error| match error {
        exchange::DeedError::Input(error) => Failure::file(&ingest.file, &error),
        other => other.into(),
    };
    let house = open.house();
    let (preview, report) = if ingest.dry_run {
        let preview = house.preview(&open.actor, &handed, &mut *source, &mut errors).await;
        (preview.map_err(unreadable)?, None)
    } else {
        let received = house.receive(&open.actor, &handed, &mut *source, &mut errors).await.map_err(unreadable)?;
        (received.preview, Some(received.report))
    };
    open.close().await?;
    drop(busy);
    show(&preview, console)?;
    errors.say(console);
    console.say(&match (console.lang(), report) {
        (Lang::Ja, None) => "予行です。何も保存していません。".to_owned(),
        (Lang::En, None) => "dry run: nothing was kept".to_owned(),
        (Lang::Ja, Some(report)) => format!("受領しました（報告 {report}）"),
        (Lang::En, Some(report)) => format!("received (report {report})"),
    });
    if report.is_some() {
        console.next(&format!("round send {} --dry-run", ingest.round));
    }
    Ok(if preview.tally.rejected() > 0 { Done::InPart } else { Done::All })
}

fn show(preview: &Preview, console: &Console) -> Result<(), Failure> {
    let lang = console.lang();
    console.say(&match lang {
        Lang::Ja => format!("形式: {}（{}）", preview.format, found_by(&preview.found_by, Lang::Ja)),
        Lang::En => format!("format: {} ({})", preview.format, preview.found_by),
    });
    for (heading, meaning) in &preview.columns {
        let extra = Text { ja: "（意味は読み取らず、そのまま保存）", en: "(kept as it is)" };
        console.say(&format!("  {heading} -> {}", meaning.as_deref().unwrap_or(extra.of(lang))));
    }
    for (place, code) in &preview.notes {
        console.say(&format!("{place}: {} [{}]", code.text.of(lang), code.code));
    }
    for line in helps(preview.notes.iter().map(|(_, code)| *code), lang) {
        console.say(&line);
    }
    console.rejects(&preview.rejected, preview.tally.rejected());
    if console.form() == crate::print::Form::Table {
        let mut first = Sheet::new(&[
            ("line", Text { ja: "行", en: "line" }),
            ("time.source", Text { ja: "日時", en: "time" }),
            ("source.ip", Text { ja: "アドレス", en: "address" }),
            ("source.port", Text { ja: "ポート", en: "port" }),
            ("malware.name", Text { ja: "マルウェア", en: "malware" }),
        ]);
        for row in &preview.first {
            first.row(row.iter().map(|cell| json!(cell)).collect());
        }
        console.say(&console.table(&first));
    }
    let mut sheet = Sheet::new(&[
        ("read", Text { ja: "読取", en: "rows read" }),
        ("rejected", Text { ja: "不受理", en: "rejected" }),
        ("duplicate", Text { ja: "重複", en: "duplicate" }),
        ("received", Text { ja: "受領", en: "received" }),
        ("terminals", Text { ja: "端末数", en: "terminals" }),
    ]);
    let t = &preview.tally;
    sheet.row(vec![
        json!(t.read()),
        json!(t.rejected()),
        json!(t.duplicate()),
        json!(t.received()),
        json!(preview.terminals),
    ]);
    console.sheet(&sheet)?;
    Ok(())
}
