//! `noroshi convert`: a file changes its form, for its holder.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use formats::writing::Dialect;
use formats::{Contact, Declared, Input, Rendering};
use law::{Action, Clearance, Gate, Pack, Question, Subject};
use ledger::Receipt;
use model::special::SpecialRanges;
use model::tag::DataClass;
use model::{Actor, Classification, DecisionId, Lang, LeafId, PartyId, Purpose, Tags, Zone};

use super::{Done, Failure, read_input, read_text, write_error_file};
use crate::print::Console;
use crate::start::{SystemClock, World};
use crate::words::found_by;

/// The forms that a file can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum To {
    /// IntelMQ Data Format, JSON lines.
    Idf,
    /// CSV for programs.
    Csv,
    /// CSV for spreadsheets: byte order mark, CRLF, no formulas.
    CsvExcel,
    /// XARF v4.
    Xarf,
    /// A STIX 2.1 bundle.
    Stix,
    /// A MISP event.
    Misp,
}

/// Arguments of `convert`.
#[derive(Args)]
pub struct Convert {
    /// The file; `-` is standard input.
    pub file: PathBuf,
    /// Its format: auto, list, shadowserver, idf, stix, misp.
    #[arg(long, default_value = "auto")]
    pub from: String,
    /// The form it is to have.
    #[arg(long, value_enum)]
    pub to: To,
    /// Where to write it. Default: standard output.
    #[arg(long = "out")]
    pub out: Option<PathBuf>,
    /// The zone of times that carry none, such as Asia/Tokyo. Never assumed.
    #[arg(long)]
    pub timezone: Option<Zone>,
    /// A mapping file (TOML).
    #[arg(long)]
    pub mapping: Option<PathBuf>,
    /// Shadowserver's report schema (`intelmq.json`), your own copy.
    #[arg(long)]
    pub schema: Option<PathBuf>,
    /// What a row says that does not say what happened.
    #[arg(long, default_value = "infected-system")]
    pub classification: Classification,
    /// The malware of a row that names none.
    #[arg(long)]
    pub malware: Option<String>,
    /// Who sends, for formats that ask: a mail address.
    #[arg(long, default_value = "noreply@example.org")]
    pub sender: String,
}

/// Converts.
///
/// The deed passes the gate like any other. Where there is no deployment there is no ledger to write to, and the decision
/// stands in none; the holder changes the form of his own file and shows it to nobody by that.
pub async fn run(home: &Path, convert: Convert, console: &Console) -> Result<Done, Failure> {
    let (name, bytes) = read_input(&convert.file)?;
    let mapping = convert.mapping.as_deref().map(read_text).transpose()?;
    let schema = convert.schema.as_deref().map(read_text).transpose()?;
    let (clearance, now) = clearance(home, console).await?;
    let special = SpecialRanges::iana();
    let declared = Declared {
        zone: convert.timezone,
        classification: convert.classification,
        malware: convert.malware,
        tags: Tags::INFECTED_ADDRESS,
        mapping: mapping.as_ref().map(|(name, text)| (name.as_str(), text.as_str())),
        schema: schema.as_ref().map(|(name, text)| (name.as_str(), text.as_str())),
        special: &special,
        received: now,
    };
    let input = Input { file: &name, bytes: &bytes, subject: Subject::OwnFile };
    // A mapping file is about a list made by hand.
    let wanted = Some(convert.from.as_str()).filter(|from| *from != "auto").or(mapping.as_ref().map(|_| "list"));
    let format = formats::detect::detect(&input, wanted)?;
    let reading = format.read(&input, &declared)?;
    let domain = convert.sender.rsplit_once('@').map_or("example.org", |(_, domain)| domain).to_owned();
    let contact = Contact { org: domain.clone(), mail: convert.sender.clone(), domain };
    let (format, dialect) = match convert.to {
        To::Idf => ("idf", Dialect::Plain),
        To::Csv => ("csv", Dialect::Plain),
        To::CsvExcel => ("csv", Dialect::Spreadsheet),
        To::Xarf => ("xarf", Dialect::Plain),
        To::Stix => ("stix", Dialect::Plain),
        To::Misp => ("misp", Dialect::Plain),
    };
    let rendering = Rendering {
        delivery: None,
        reporter: contact.clone(),
        sender: contact,
        feed: name.clone(),
        at: now,
        zone: Zone::tokyo(),
        lang: console.lang(),
        dialect,
        raw: Some(&bytes),
        provenance: Some(&reading.provenance),
    };
    let written = reading
        .sightings
        .open(&clearance, now, |rows| formats::by_name(format).and_then(|format| format.write(rows, &rendering)))
        .map_err(|closed| Failure::Other(closed.to_string()))?
        .ok_or_else(|| Failure::Other(format!("`{format}` is for reading only")))?;
    match &convert.out {
        Some(path) => std::fs::write(path, &written.bytes).map_err(|error| Failure::file(path, &error))?,
        None => std::io::stdout().lock().write_all(&written.bytes)?,
    }
    let lang = console.lang();
    console.say(&match lang {
        Lang::Ja => {
            format!(
                "{}: 読取 {} 行、不受理 {} 行（{}）",
                name,
                reading.rows,
                reading.rejected,
                found_by(&reading.found_by, Lang::Ja)
            )
        }
        Lang::En => {
            format!("{}: {} rows read, {} rejected ({})", name, reading.rows, reading.rejected, reading.found_by)
        }
    });
    for loss in &written.lost {
        console.say(&match lang {
            Lang::Ja => format!("{} は {format} では表せません（{} 行）", loss.field, loss.rows),
            Lang::En => format!("{} cannot be carried by {format} ({} rows)", loss.field, loss.rows),
        });
    }
    for (place, code) in &reading.notes {
        console.say(&format!("{place}: {} [{}]", code.text.of(lang), code.code));
    }
    if reading.rejected == 0 {
        return Ok(Done::All);
    }
    let (file, places) = reading
        .rejects
        .open(&clearance, now, |rejects| (rejects.to_csv(lang), rejects.places(&name).take(20).collect::<Vec<_>>()))
        .map_err(|closed| Failure::Other(closed.to_string()))?;
    console.rejects(&places, reading.rejected);
    write_error_file(&convert.file, &file, console)?;
    Ok(Done::InPart)
}

/// The clearance to convert, recorded in the deployment's ledger where there is one.
async fn clearance(home: &Path, console: &Console) -> Result<(Clearance, model::Instant), Failure> {
    let subject = Subject::OwnFile;
    if home.join(crate::settings::FILE).exists() {
        let open = super::open(home, console).await?;
        let house = open.house();
        let now = house.clock.now();
        let class = DataClass::CommunicationTrace;
        let question = Question::new(open.actor.clone(), Purpose::ConvertOwnFile, Action::Convert, class, subject, now);
        let clearance = house.ask(question).await?.or_refuse()?;
        let leaf = house.done_leaf(&clearance);
        house.store.commit_leaf(&leaf).await.map_err(|e| Failure::Deed(e.into()))?;
        open.close().await?;
        return Ok((clearance, now));
    }
    let world = World::real();
    let now = model::port::Clock::now(&SystemClock);
    let party: PartyId = "local".parse().map_err(|_| Failure::Other("party".to_owned()))?;
    let actor = Actor { party, hand: "local".to_owned() };
    let gate = Gate::new(Pack::shipped().map_err(|error| Failure::Other(error.to_string()))?);
    let class = DataClass::CommunicationTrace;
    let question = Question::new(actor, Purpose::ConvertOwnFile, Action::Convert, class, subject, now);
    let decision_id = DecisionId::fresh(&SystemClock, &*world.entropy);
    let leaf_id = LeafId::fresh(&SystemClock, &*world.entropy);
    let decision = gate.decide(question, decision_id, leaf_id, now);
    // There is no deployment, hence no ledger: the decision lives as long as this process.
    let receipt = Receipt::of_committed(&decision.leaf());
    let clearance = Clearance::issue(decision, &receipt).map_err(|error| Failure::Other(error.to_string()))?;
    if console.lang() == Lang::Ja {
        tracing::info!("設置がないため、この変換は台帳に記録されません");
    } else {
        tracing::info!("no deployment here: this conversion stands in no ledger");
    }
    Ok((clearance, now))
}
