//! `noroshi convert`: a file changes its form, for its holder.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use formats::reading::{Raw, SentBack};
use formats::unwrap::{Limits, Members};
use formats::writing::Dialect;
use formats::{Contact, Declared, Ending, Halt, Loss, Part, Rendering, Source, Stream, Writer};
use law::{Action, Clearance, Closed, Gate, Pack, Question, Subject};
use ledger::Receipt;
use model::problem::Problem;
use model::special::SpecialRanges;
use model::tag::DataClass;
use model::{Actor, Classification, DecisionId, Instant, Lang, LeafId, PartyId, Provenance, Purpose, Tags, Zone};

use super::input::{ErrorFile, open_input, read_text};
use super::output::Output;
use super::{Done, Failure};
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
    /// n6 events, JSON lines.
    N6,
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
    /// Its format: auto, list, shadowserver, idf, n6, xarf, arf, json, stix, misp.
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
    let (name, mut source) = open_input(&convert.file)?;
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
    let wanted = Some(convert.from.as_str());
    let domain = convert.sender.rsplit_once('@').map_or("example.org", |(_, domain)| domain).to_owned();
    let contact = Contact { org: domain.clone(), mail: convert.sender.clone(), domain };
    let (to, dialect) = match convert.to {
        To::Idf => ("idf", Dialect::Plain),
        To::Csv => ("csv", Dialect::Plain),
        To::CsvExcel => ("csv", Dialect::Spreadsheet),
        To::Xarf => ("xarf", Dialect::Plain),
        To::N6 => ("n6", Dialect::Plain),
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
        raw: None,
        raw_at: 0,
        provenance: None,
    };
    let format = formats::by_name(to).ok_or_else(|| Failure::Other(format!("`{to}` is for reading only")))?;
    let mut out = Output::to(convert.out.as_deref())?;
    let mut work = Work {
        name: &name,
        clearance: &clearance,
        now,
        lang: console.lang(),
        rendering,
        writer: formats::writer(format),
        errors: ErrorFile::beside(&convert.file),
        read: 0,
        sent_back: SentBack::default(),
    };
    let ended = work.all(&mut *source, wanted, &declared, &mut out).map_err(|failure| match failure {
        Halted::Read(Halt::Disk(error)) => Failure::file(&convert.file, &error),
        Halted::Read(Halt::Problem(problem)) => problem.into(),
        Halted::Read(other) => Failure::Other(other.to_string()),
        Halted::Other(failure) => failure,
    })?;
    out.whole()?;
    let (ending, lost) = ended;
    let lang = console.lang();
    console.say(&match lang {
        Lang::Ja => {
            format!(
                "{name}: 読取 {} 行、不受理 {} 行（{}）",
                work.read,
                work.sent_back.rows(),
                found_by(&ending.found_by, Lang::Ja)
            )
        }
        Lang::En => {
            format!("{name}: {} rows read, {} rejected ({})", work.read, work.sent_back.rows(), ending.found_by)
        }
    });
    for loss in &lost {
        console.say(&match lang {
            Lang::Ja => format!("{} は {to} では表せません（{} 行）", loss.field, loss.rows),
            Lang::En => format!("{} cannot be carried by {to} ({} rows)", loss.field, loss.rows),
        });
    }
    for (place, code) in &ending.notes {
        console.say(&format!("{place}: {} [{}]", code.text.of(lang), code.code));
    }
    if work.sent_back.rows() == 0 {
        return Ok(Done::All);
    }
    console.rejects(work.sent_back.places(), work.sent_back.rows());
    work.errors.say(console);
    Ok(Done::InPart)
}

/// Why a conversion came to an end.
enum Halted {
    Read(Halt),
    Other(Failure),
}

impl Halted {
    /// A file in what was handed in that could not be read costs itself, as long as no row of it was taken (`said_nothing`).
    fn of_member(ended: Result<Ending, Self>, said_nothing: bool) -> Result<Result<Ending, Problem>, Self> {
        match ended {
            Err(Self::Read(Halt::Problem(problem))) if said_nothing => Ok(Err(problem)),
            other => other.map(Ok),
        }
    }
}

impl From<Halt> for Halted {
    fn from(halt: Halt) -> Self {
        Self::Read(halt)
    }
}

impl From<Closed> for Halted {
    fn from(closed: Closed) -> Self {
        Self::Other(Failure::Other(closed.to_string()))
    }
}

impl From<std::io::Error> for Halted {
    fn from(error: std::io::Error) -> Self {
        Self::Other(error.into())
    }
}

/// A file on its way from one form to another.
struct Work<'a> {
    name: &'a str,
    clearance: &'a Clearance,
    now: Instant,
    lang: Lang,
    rendering: Rendering<'a>,
    writer: Box<dyn Writer>,
    errors: ErrorFile,
    read: u64,
    sent_back: SentBack,
}

impl Work<'_> {
    /// File by file of what was handed in and part by part; where the writer needs a look at all rows first, everything is read twice.
    /// What cannot be read in a mail or an archive costs itself, and is told of in the notes.
    fn all(
        &mut self,
        source: &mut dyn Source,
        wanted: Option<&str>,
        declared: &Declared<'_>,
        out: &mut dyn Write,
    ) -> Result<(Ending, Vec<Loss>), Halted> {
        if self.writer.needs_look() {
            Members::of(self.name, source, Limits::default()).each(|path, source| {
                let read = Stream::open(path, source, Subject::OwnFile, wanted, declared).map_err(Halted::from);
                let ended = read.and_then(|stream| {
                    stream.each(|part| {
                        let Self { writer, rendering, clearance, now, .. } = self;
                        Ok(part.sightings.open(clearance, *now, |rows| writer.look(rows, rendering))?)
                    })
                });
                Halted::of_member(ended, true)
            })?;
        }
        let mut file = Vec::new();
        let ending = Members::of(self.name, source, Limits::default()).each(|path, source| {
            let before = self.read;
            let read = Stream::open(path, source, Subject::OwnFile, wanted, declared).map_err(Halted::from);
            let ended = read.and_then(|stream| {
                let stream = stream.after(before).with_raw();
                let provenance = stream.provenance();
                stream.each(|part| {
                    self.part(&part, path, &provenance, &mut file)?;
                    out.write_all(&file)?;
                    file.clear();
                    Ok::<_, Halted>(())
                })
            });
            Halted::of_member(ended, self.read == before)
        })?;
        let rendering = Rendering { provenance: Some(&ending.provenance), ..self.rendering.clone() };
        let lost = self.writer.end(&rendering, &mut file);
        out.write_all(&file)?;
        out.flush()?;
        Ok((ending, lost))
    }

    fn part(&mut self, part: &Part, path: &str, provenance: &Provenance, file: &mut Vec<u8>) -> Result<(), Halted> {
        let (clearance, now, lang) = (self.clearance, self.now, self.lang);
        self.read += part.rows;
        if part.rejected > 0 {
            let csv = part.rejects.open(clearance, now, |rejects| self.sent_back.add(path, rejects, lang))?;
            self.errors.write_all(&csv)?;
        }
        let Self { writer, rendering, .. } = self;
        let mut write = |raw: &Raw| {
            let rendering = Rendering {
                raw: Some(&raw.bytes),
                raw_at: raw.offset,
                provenance: Some(provenance),
                ..rendering.clone()
            };
            part.sightings.open(clearance, now, |rows| writer.rows(rows, &rendering, file))
        };
        match &part.raw {
            Some(raw) => raw.open(clearance, now, write)??,
            None => write(&Raw::default())?,
        }
        Ok(())
    }
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
