//! `noroshi party contacts`: contacts that others publish, shown as a difference before they are applied.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use directory::Domain;
use directory::contact::{Gathered, Intake, ReadAs, SourceKind, Spill, Subject, Tally};
use exchange::contacts::{Imported, Told, source_key};
use model::{Lang, Text};
use serde_json::json;

use super::{Done, Failure, Open, helps};
use crate::print::{Console, Sheet};

/// So many problems and notes are said.
const MOST_SAID: usize = 20;

/// What a file of contacts is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum From {
    /// A registry's delegated statistics, plain or extended.
    Delegated,
    /// A registry's dump in RPSL (RFC 2622, RFC 4012).
    Rpsl,
    /// RDAP answers (RFC 9083): JSON lines or an array.
    Rdap,
    /// `security.txt` (RFC 9116).
    SecurityTxt,
}

impl From {
    const fn kind(self) -> SourceKind {
        match self {
            Self::Delegated => SourceKind::Delegated,
            Self::Rpsl => SourceKind::Rpsl,
            Self::Rdap => SourceKind::Rdap,
            Self::SecurityTxt => SourceKind::SecurityTxt,
        }
    }
}

/// Commands about contacts that others publish.
#[derive(Subcommand)]
pub enum Contacts {
    /// Import contacts: shows the difference first, `--apply` applies it. The roster is never touched and goes first.
    Import {
        /// The files; with security-txt also folders. `-` is standard input.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// What they are.
        #[arg(long, value_enum)]
        from: From,
        /// Which source they are of, such as `apnic`; an import replaces the one before of that name. Default: the kind's name.
        #[arg(long, value_parser = name_of_source)]
        source: Option<String>,
        /// Whose security.txt it is; in a folder the names say it.
        #[arg(long)]
        domain: Option<Domain>,
        /// The date of what carries none itself, such as 2026-11-01.
        #[arg(long, value_parser = a_date)]
        dated: Option<String>,
        /// Apply the difference that was shown, by its digest.
        #[arg(long, value_name = "DIGEST")]
        apply: Option<String>,
    },
    /// Show the contacts that are known of an address, a network, an AS number or a domain, the roster's first.
    Show {
        /// The address, network, AS number (AS64496) or domain.
        subject: Subject,
    },
    /// List the sources and their last imports.
    Sources,
}

/// Lower-case letters, digits and hyphens.
fn name_of_source(text: &str) -> Result<String, String> {
    let is_name = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_name { Ok(text.to_owned()) } else { Err(format!("`{text}`: a-z, 0-9, -")) }
}

fn a_date(text: &str) -> Result<String, String> {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, b)| b == b'-' && (at == 4 || at == 7) || b.is_ascii_digit());
    if shape { Ok(text.to_owned()) } else { Err(format!("`{text}`: YYYY-MM-DD")) }
}

/// Runs one.
pub async fn run(open: &Open, contacts: Contacts, console: &Console) -> Result<Done, Failure> {
    match contacts {
        Contacts::Import { files, from, source, domain, dated, apply } => {
            let kind = from.kind();
            let again = again(&files, kind, source.as_deref(), domain.as_ref(), dated.as_deref());
            let source = source_key(kind, source.as_deref().unwrap_or(kind.name()));
            let busy = console.busy(Text { ja: "読み込んでいます", en: "reading" });
            let mut scratch = Scratch { folder: open.house().home.clone(), made: 0 };
            let stated = Stated { domain, dated, now: open.house().clock.now() };
            let gathered = read(kind, &files, &stated, &mut scratch)?;
            drop(busy);
            import(open, (kind, &source), gathered, Step { apply, again }, console).await
        }
        Contacts::Show { subject } => {
            let mut sheet = Sheet::new(&[
                ("source", Text { ja: "提供元", en: "source" }),
                ("subject", Text { ja: "対象", en: "subject" }),
                ("field", Text { ja: "項目", en: "field" }),
                ("values", Text { ja: "値", en: "values" }),
                ("origin", Text { ja: "読取元", en: "read from" }),
                ("dated", Text { ja: "日付", en: "dated" }),
            ]);
            if let Some(entry) = open.house().manual_contacts(&subject) {
                let contacts = entry.contacts.iter().map(|contact| (contact.kind.name(), contact.mail.to_string()));
                for (field, mail) in contacts {
                    let party = entry.party.id.as_str();
                    sheet.row(vec![json!("roster"), json!(party), json!(field), json!(mail), json!(null), json!(null)]);
                }
            }
            for known in open.house().known_contacts(&subject).await? {
                for (field, fact) in known.facts {
                    sheet.row(vec![
                        json!(known.source),
                        json!(known.subject.to_string()),
                        json!(field.name()),
                        json!(fact.values.join(", ")),
                        json!(format!("{}:{} {}", fact.origin.file, fact.origin.line, fact.origin.object)),
                        json!(fact.origin.dated),
                    ]);
                }
            }
            console.sheet(&sheet)?;
            Ok(Done::All)
        }
        Contacts::Sources => {
            let mut sheet = Sheet::new(&[
                ("source", Text { ja: "提供元", en: "source" }),
                ("at", Text { ja: "最後の取込み", en: "last import" }),
                ("added", Text { ja: "追加", en: "added" }),
                ("changed", Text { ja: "変更", en: "changed" }),
                ("removed", Text { ja: "削除", en: "removed" }),
                ("digest", Text { ja: "ダイジェスト", en: "digest" }),
            ]);
            for import in store::contact::imports(&open.house().store).await? {
                let [added, changed, removed] = import.fields;
                let at = import.at.in_zone(&open.house().settings.zone);
                sheet.row(vec![
                    json!(import.source),
                    json!(at),
                    json!(added),
                    json!(changed),
                    json!(removed),
                    json!(import.digest),
                ]);
            }
            console.sheet(&sheet)?;
            Ok(Done::All)
        }
    }
}

/// Whether the difference is to be applied, and the command line that was given, without that.
struct Step {
    apply: Option<String>,
    again: String,
}

/// The command line as it was given, for whoever types it once more.
fn again(
    files: &[PathBuf],
    kind: SourceKind,
    source: Option<&str>,
    domain: Option<&Domain>,
    dated: Option<&str>,
) -> String {
    let mut line = format!("party contacts import --from {}", kind.name());
    let domain = domain.map(Domain::as_str);
    for (name, value) in [("source", source), ("domain", domain), ("dated", dated)] {
        if let Some(value) = value {
            line.push_str(&format!(" --{name} {value}"));
        }
    }
    for file in files {
        let file = file.display().to_string();
        let is_plain = file.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c));
        line.push_str(&if is_plain { format!(" {file}") } else { format!(" '{}'", file.replace('\'', "'\\''")) });
    }
    line
}

async fn import(
    open: &Open,
    (kind, source): (SourceKind, &str),
    gathered: Gathered,
    Step { apply, again }: Step,
    console: &Console,
) -> Result<Done, Failure> {
    let house = open.house();
    let lang = console.lang();
    let imported = match &apply {
        Some(digest) => {
            let imported = house.apply_contacts(&open.actor, kind, source, gathered, digest).await?;
            open.close().await?;
            imported
        }
        None => {
            let mut rolling = console.rolling(&[
                ("change", Text { ja: "差分", en: "change" }),
                ("subject", Text { ja: "対象", en: "subject" }),
                ("field", Text { ja: "項目", en: "field" }),
                ("before", Text { ja: "これまで", en: "before" }),
                ("after", Text { ja: "これから", en: "after" }),
                ("origin", Text { ja: "読取元", en: "read from" }),
                ("dated", Text { ja: "日付", en: "dated" }),
            ])?;
            let mut tell = |told: Told<'_>| {
                let (change, subject, field, before, after, fact) = match told {
                    Told::Change(change) => {
                        let values =
                            |fact: &Option<directory::contact::Fact>| fact.as_ref().map(|f| f.values.join(", "));
                        let (before, after) = (values(&change.before), values(&change.after));
                        let fact = change.after.as_ref().or(change.before.as_ref());
                        (change.kind().name(), &change.subject, change.field, before, after, fact)
                    }
                    Told::Contradiction { subject, automatic, manual } => {
                        let roster = format!("{}: {}", manual.party.party.id, manual.manual.join(", "));
                        let after = Some(automatic.values.join(", "));
                        ("roster-differs", subject, manual.field, Some(roster), after, Some(automatic))
                    }
                };
                let origin = fact.map(|f| format!("{}:{} {}", f.origin.file, f.origin.line, f.origin.object));
                rolling.row(vec![
                    json!(change),
                    json!(subject.to_string()),
                    json!(field.name()),
                    json!(before),
                    json!(after),
                    json!(origin),
                    json!(fact.and_then(|fact| fact.origin.dated.as_ref())),
                ])
            };
            let imported = house.compare_contacts(&open.actor, source, gathered, &mut tell).await?;
            rolling.end()?;
            imported
        }
    };
    say(&imported.tally, console);
    let Imported { subjects, added, changed, removed, confirmed, contradictions, .. } = imported;
    console.say(&match lang {
        Lang::Ja => format!(
            "{source}: {subjects} 件の対象。追加 {added}、変更 {changed}、削除 {removed}、確認のみ {confirmed}、名簿と相違 {contradictions}"
        ),
        Lang::En => format!(
            "{source}: {subjects} subjects; {added} fields added, {changed} changed, {removed} removed, {confirmed} confirmed, {contradictions} differ from the roster"
        ),
    });
    match (apply, imported.is_same()) {
        (_, true) => console.tell(Text { ja: "変わるものはありません。", en: "nothing changes" }),
        (Some(_), _) => console.tell(Text { ja: "適用しました。", en: "applied" }),
        (None, _) => {
            console.tell(Text { ja: "まだ適用していません。", en: "not applied yet" });
            console.next(&format!("{again} --apply {}", imported.digest));
        }
    }
    Ok(if imported.tally.refused > 0 { Done::InPart } else { Done::All })
}

/// Says what became of the rows: the first problems and notes, each with its help once.
fn say(tally: &Tally, console: &Console) {
    let lang = console.lang();
    for (told, all) in [(&tally.problems, tally.refused), (&tally.notes, tally.remarks)] {
        let said = told.iter().take(MOST_SAID);
        said.clone().for_each(|problem| console.say(&problem.for_submitter(lang)));
        let more = all.saturating_sub(said.len() as u64);
        if more > 0 {
            console.say(&match lang {
                Lang::Ja => format!("…ほか {more} 件"),
                Lang::En => format!("... and {more} more"),
            });
        }
        helps(said.map(|problem| problem.code), lang).iter().for_each(|line| console.say(line));
    }
    let Tally { rows, passed_over, refused, .. } = tally;
    console.say(&match lang {
        Lang::Ja => format!("読取 {rows} 件（対象外 {passed_over}、不受理 {refused}）"),
        Lang::En => format!("read {rows} rows or objects ({passed_over} passed over, {refused} refused)"),
    });
}

/// What the command line states for all files.
struct Stated {
    domain: Option<Domain>,
    dated: Option<String>,
    now: model::Instant,
}

fn read(kind: SourceKind, files: &[PathBuf], stated: &Stated, scratch: &mut Scratch) -> Result<Gathered, Failure> {
    let mut intake = Intake::new(kind, scratch);
    for path in files {
        if kind == SourceKind::SecurityTxt && path.is_dir() {
            for (file, domain) in files_of(path).map_err(|error| Failure::file(path, &error))? {
                read_one(&mut intake, &file, Some(&domain), stated)?;
            }
        } else {
            read_one(&mut intake, path, stated.domain.as_ref(), stated)?;
        }
    }
    Ok(intake.finish()?)
}

fn read_one(intake: &mut Intake<'_>, path: &Path, domain: Option<&Domain>, stated: &Stated) -> Result<(), Failure> {
    let failure = |error: io::Error| Failure::file(path, &error);
    let (name, source): (String, Box<dyn BufRead>) = if path.as_os_str() == "-" {
        ("-".to_owned(), Box::new(BufReader::new(io::stdin())))
    } else {
        let file = File::open(path).map_err(failure)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (name, Box::new(BufReader::with_capacity(1 << 16, file)))
    };
    let how = ReadAs { file: &name, dated: stated.dated.as_deref(), domain, now: stated.now };
    intake.read(how, source).map_err(failure)
}

/// The `security.txt` files of a folder by the domains that their names say: `example.org.txt`, `example.org/security.txt`,
/// `example.org/.well-known/security.txt` (RFC 9116, section 3). What else lies there is passed over.
fn files_of(folder: &Path) -> io::Result<Vec<(PathBuf, Domain)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let name = if path.is_dir() { Some(name) } else { name.strip_suffix(".txt") };
        let Some(domain) = name.and_then(|name| name.parse::<Domain>().ok()) else { continue };
        let inside = [path.join(".well-known/security.txt"), path.join("security.txt")];
        let file = if path.is_dir() { inside.into_iter().find(|path| path.is_file()) } else { Some(path) };
        found.extend(file.map(|file| (file, domain)));
    }
    found.sort();
    Ok(found)
}

/// Runs of a sort in files that nobody else can open and that are gone when they are closed.
struct Scratch {
    folder: PathBuf,
    made: u32,
}

impl Spill for Scratch {
    fn put_aside(&mut self, bytes: &[u8]) -> io::Result<Box<dyn Read + Send>> {
        self.made += 1;
        let path = self.folder.join(format!(".sorting-{}-{}", std::process::id(), self.made));
        let mut options = File::options();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        // Its name goes at once: what a crash leaves behind has none and is freed by the system.
        std::fs::remove_file(&path)?;
        file.write_all(bytes)?;
        file.rewind()?;
        Ok(Box::new(file))
    }
}
