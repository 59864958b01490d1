//! How the tests of reading open what a reader sealed: by the real gate, with the shipped rules, for one's own file.

use std::sync::OnceLock;

use formats::{Declared, Format, Input, Reading, Rejects};
use law::{Action, Clearance, Gate, Pack, Question, Subject};
use ledger::Receipt;
use model::special::SpecialRanges;
use model::{
    Actor, Classification, DataClass, DecisionId, Instant, LeafId, Problem, Purpose, SightingBatch, Tags, Zone,
};

/// When every file of these tests is received.
pub const RECEIVED: &str = "2026-01-01T00:00:00Z";

pub fn received() -> Instant {
    RECEIVED.parse().unwrap()
}

/// A clearance to convert one's own file; loading the rules takes longer than any of these tests.
pub fn clearance() -> &'static Clearance {
    static CLEARANCE: OnceLock<Clearance> = OnceLock::new();
    CLEARANCE.get_or_init(decide)
}

fn decide() -> Clearance {
    let actor = Actor::local("somebody".parse().unwrap(), 1000);
    let question = Question::new(
        actor,
        Purpose::ConvertOwnFile,
        Action::Convert,
        DataClass::CommunicationTrace,
        Subject::OwnFile,
        received(),
    );
    let id = uuid::Uuid::from_u128(7);
    let gate = Gate::new(Pack::shipped().unwrap());
    let decision = gate.decide(question, DecisionId::from_uuid(id), LeafId::from_uuid(id), received());
    let receipt = Receipt::of_committed(&decision.leaf());
    Clearance::issue(decision, &receipt).unwrap()
}

/// What was declared about a file: nothing but who received it when.
pub struct Given {
    pub special: SpecialRanges,
    pub zone: Option<Zone>,
    pub mapping: Option<(String, String)>,
}

impl Given {
    pub fn nothing() -> Self {
        Self { special: SpecialRanges::iana().without(&["documentation"]), zone: None, mapping: None }
    }

    pub fn tokyo() -> Self {
        Self { zone: Some(Zone::tokyo()), ..Self::nothing() }
    }

    pub fn mapping(text: &str) -> Self {
        Self { mapping: Some(("source.toml".to_owned(), text.to_owned())), ..Self::nothing() }
    }

    pub fn declared(&self) -> Declared<'_> {
        Declared {
            zone: self.zone.clone(),
            classification: Classification::InfectedSystem,
            malware: None,
            tags: Tags::INFECTED_ADDRESS,
            mapping: self.mapping.as_ref().map(|(name, text)| (name.as_str(), text.as_str())),
            schema: None,
            special: &self.special,
            received: received(),
        }
    }
}

pub fn input<'a>(file: &'a str, bytes: &'a [u8]) -> Input<'a> {
    Input { file, bytes, subject: Subject::OwnFile }
}

/// A reading with its seals opened.
pub struct Opened {
    pub sightings: SightingBatch,
    pub rejects: Rejects,
    pub reading: Reading,
}

pub fn open(reading: Reading) -> Opened {
    let clearance = clearance();
    let sightings = reading.sightings.open(clearance, received(), SightingBatch::clone).unwrap();
    let rejects = reading.rejects.open(clearance, received(), Rejects::clone).unwrap();
    assert_eq!(reading.rows, reading.understood + reading.rejected, "the tally of rows closes");
    assert_eq!(reading.understood, sightings.len() as u64);
    assert_eq!(reading.rejected, rejects.0.len() as u64);
    Opened { sightings, rejects, reading }
}

/// Reads a file that can be read.
pub fn read(format: &dyn Format, bytes: &[u8], given: &Given) -> Opened {
    match format.read(&input("test.csv", bytes), &given.declared()) {
        Ok(reading) => open(reading),
        Err(problem) => panic!("{}", problem.for_submitter(model::Lang::En)),
    }
}

/// Reads a file that cannot be read.
pub fn refused(format: &dyn Format, bytes: &[u8], given: &Given) -> Problem {
    match format.read(&input("test.csv", bytes), &given.declared()) {
        Ok(reading) => panic!("read: {} rows, {} rejected", reading.rows, reading.rejected),
        Err(problem) => problem,
    }
}
