//! `noroshi ingest`: a report into a round, with its preview.

use std::path::{Path, PathBuf};

use clap::Args;
use exchange::problem::FOLDER_EMPTY;
use exchange::receive::{Handed, Preview};
use model::problem::{Place, Problem};
use model::{Lang, PartyId, ReportId, RoundId, Text, Zone};
use serde_json::json;

use super::input::{ERROR_FILE, ErrorFile, open_input, read_text};
use super::{Done, Failure, Open, helps};
use crate::print::{Console, Sheet};
use crate::words::found_by;

/// Arguments of `ingest`.
#[derive(Args)]
pub struct Ingest {
    /// The reports; a folder stands for the files in it, `-` for standard input.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
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

/// Ingests, or previews: one file with all that is known of it, several in a table.
pub async fn run(open: &Open, ingest: Ingest, console: &Console) -> Result<Done, Failure> {
    let files = all_files(&ingest.files)?;
    let mapping = ingest.mapping.as_deref().map(read_text).transpose()?;
    let outcome = match &files[..] {
        [one] => alone(open, &ingest, one, mapping.as_ref(), console).await,
        all => together(open, &ingest, all, mapping.as_ref(), console).await,
    };
    open.close().await?;
    let done = outcome?;
    if ingest.dry_run {
        console.tell(Text { ja: "予行です。何も保存していません。", en: "dry run: nothing was kept" });
    } else {
        console.next(&format!("round send {} --dry-run", ingest.round));
    }
    Ok(done)
}

/// The files that are named, and those in the folders that are named, by name; error files of earlier runs are left out.
fn all_files(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            in_folder(path, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    if files.is_empty() {
        let place = Place::file(named.first().map(|path| path.display().to_string()).unwrap_or_default());
        return Err(Problem::new(&FOLDER_EMPTY, place).into());
    }
    Ok(files)
}

fn in_folder(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| Failure::file(folder, &error);
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name.ends_with(ERROR_FILE) {
            continue;
        }
        if path.is_dir() { in_folder(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// Reads one file into the round.
async fn one(
    open: &Open,
    ingest: &Ingest,
    path: &Path,
    mapping: Option<&(String, String)>,
    errors: &mut ErrorFile,
) -> Result<(Preview, Option<ReportId>), Failure> {
    let (name, mut source) = open_input(path)?;
    let handed = Handed {
        file: &name,
        round: ingest.round.clone(),
        relay: ingest.from.clone(),
        author: ingest.author.clone(),
        format: ingest.format.as_deref(),
        zone: ingest.timezone.clone(),
        mapping: mapping.map(|(name, text)| (name.as_str(), text.as_str())),
    };
    let unreadable = |error| match error {
        exchange::DeedError::Input(error) => Failure::file(path, &error),
        other => other.into(),
    };
    let house = open.house();
    if ingest.dry_run {
        let preview = house.preview(&open.actor, &handed, &mut *source, errors).await.map_err(unreadable)?;
        return Ok((preview, None));
    }
    let received = house.receive(&open.actor, &handed, &mut *source, errors).await.map_err(unreadable)?;
    Ok((received.preview, Some(received.report)))
}

async fn alone(
    open: &Open,
    ingest: &Ingest,
    path: &Path,
    mapping: Option<&(String, String)>,
    console: &Console,
) -> Result<Done, Failure> {
    let busy = console.busy(Text { ja: "読み取っています", en: "reading" });
    let mut errors = ErrorFile::beside(path);
    let (preview, report) = one(open, ingest, path, mapping, &mut errors).await?;
    drop(busy);
    show(&preview, console)?;
    errors.say(console);
    if let Some(report) = report {
        console.say(&match console.lang() {
            Lang::Ja => format!("受領しました（報告 {report}）"),
            Lang::En => format!("received (report {report})"),
        });
    }
    Ok(if preview.tally.rejected() > 0 { Done::InPart } else { Done::All })
}

/// Several files: one that cannot be taken keeps no other from being.
async fn together(
    open: &Open,
    ingest: &Ingest,
    files: &[PathBuf],
    mapping: Option<&(String, String)>,
    console: &Console,
) -> Result<Done, Failure> {
    let mut sheet = Sheet::new(&[
        ("file", Text { ja: "ファイル", en: "file" }),
        ("format", Text { ja: "形式", en: "format" }),
        ("read", Text { ja: "読取", en: "rows read" }),
        ("rejected", Text { ja: "不受理", en: "rejected" }),
        ("duplicate", Text { ja: "重複", en: "duplicate" }),
        ("received", Text { ja: "受領", en: "received" }),
        ("outcome", Text { ja: "結果", en: "outcome" }),
    ]);
    let bar = console.progress(files.len() as u64, Text { ja: "読み取っています", en: "reading" });
    let (mut all, mut whole) = ([0_u64; 4], true);
    for path in files {
        let mut errors = ErrorFile::beside(path);
        let shown = path.display().to_string();
        match one(open, ingest, path, mapping, &mut errors).await {
            Ok((preview, report)) => {
                let t = &preview.tally;
                let counts = [t.read(), t.rejected(), t.duplicate(), t.received()];
                all.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
                whole &= t.rejected() == 0;
                let outcome = report.map_or_else(|| "-".to_owned(), |report| report.to_string());
                let [read, rejected, duplicate, received] = counts.map(|count| json!(count));
                sheet.row(vec![
                    json!(shown),
                    json!(preview.format),
                    read,
                    rejected,
                    duplicate,
                    received,
                    json!(outcome),
                ]);
                for (place, code) in &preview.notes {
                    console.say(&format!("{place}: {} [{}]", code.text.of(console.lang()), code.code));
                }
                console.rejects(&preview.rejected, t.rejected());
                errors.say(console);
            }
            // What concerns every file alike is not said once for each.
            Err(failure @ (Failure::Io(_) | Failure::Keys(_) | Failure::Disk(_))) => return Err(failure),
            Err(failure) => {
                whole = false;
                let lines = failure.lines(console.lang());
                let outcome = lines.first().cloned().unwrap_or_default();
                lines.iter().for_each(|line| console.say(line));
                let none = || json!(null);
                sheet.row(vec![json!(shown), none(), none(), none(), none(), none(), json!(outcome)]);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let [read, rejected, duplicate, received] = all.map(|count| json!(count));
    let total = Text { ja: "合計", en: "all" }.of(console.lang());
    sheet.row(vec![json!(total), json!(null), read, rejected, duplicate, received, json!(null)]);
    console.sheet(&sheet)?;
    Ok(if whole { Done::All } else { Done::InPart })
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
