//! The roster: which parties there are, what each holds and agreed to, how it is reached, and what is not to be sent.
//!
//! A roster is one TOML file, kept by the people of a clearing house. [`SAMPLE`] shows every key with its meaning in
//! Japanese and English. It is read whole or refused whole: a roster with one error routes nothing, because half a
//! roster would send to the wrong party what the other half was to keep from it.
//!
//! Dates: a time with an offset is that instant; a date or time without one is in the roster's `zone`, and refused if
//! none is declared. A date alone stands for the whole day: `from` begins with it, `until` ends with its last moment.

use std::path::PathBuf;

use ipnet::IpNet;
use model::id::PartyId;
use model::party::Party;
use model::problem::Problem;
use model::rsit::Classification;
use model::text::Lang;
use model::time::{Instant, Zone};

use crate::asn::Asn;
use crate::domain::Domain;
use crate::mailbox::MailAddress;

mod claims;
mod reading;
mod sheet;
mod writing;

/// The edition of the roster's form that this program reads and writes (`schema`).
pub const SCHEMA: &str = "roster-1";

/// A roster that shows every key, to begin one's own from.
pub const SAMPLE: &str = include_str!("../samples/roster.toml");

/// A roster without an error in it.
///
/// INVARIANT: made by [`Roster::read`] only. Ids, AS numbers, prefixes and domains are claimed once; the parties stand
/// in the order of their ids; whoever an inhibition names is one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    version: String,
    updated: Instant,
    zone: Option<Zone>,
    parties: Vec<RosterEntry>,
    inhibitions: Vec<Inhibition>,
}

/// One party, with what it holds and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterEntry {
    /// The organisation, its roles and its agreements.
    pub party: Party,
    /// The autonomous systems it runs.
    pub asns: Vec<Asn>,
    /// The addresses it holds; this goes before any table of AS numbers.
    pub prefixes: Vec<IpNet>,
    /// The domains it looks after, with all names below them.
    pub domains: Vec<Domain>,
    /// The language its people read.
    pub language: Lang,
    /// Its contacts, the first of a kind to be tried first.
    pub contacts: Vec<Contact>,
    /// How it gets what concerns it.
    pub delivery: Option<Delivery>,
}

/// A mailbox that a role reads, so that it answers when a person is on leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// What it is for.
    pub kind: ContactKind,
    /// Its address.
    pub mail: MailAddress,
    /// Who reads it.
    pub name: Option<String>,
    /// A telephone, as people write it.
    pub phone: Option<String>,
    /// When it was last proved to answer.
    pub proved: Option<Instant>,
}

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($(#[$variant_doc])* $variant),+ }

        impl $type {
            /// The words of a roster and what they mean.
            pub(crate) const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];

            /// The word that stands in a roster.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

words! {
    /// What a contact is for.
    ContactKind {
        /// Abuse of the network (RFC 2142, section 2).
        Abuse = "abuse",
        /// The network's operation (RFC 2142, section 4).
        Noc = "noc",
        /// Security at large (RFC 2142, section 4).
        Security = "security",
        /// The incident response team.
        Csirt = "csirt",
        /// The response team for the party's own products.
        Psirt = "psirt",
        /// Whoever the exchange talks to about agreements and rounds (連絡窓口).
        Liaison = "liaison",
        /// Questions of law.
        Legal = "legal",
    }
}

words! {
    /// A rendering of the records that a party gets.
    Format {
        /// IntelMQ Data Format, JSON lines.
        Idf = "idf",
        /// CSV, UTF-8.
        Csv = "csv",
        /// CSV that a spreadsheet opens safely: byte order mark, CRLF, no formulas.
        CsvExcel = "csv-excel",
        /// XARF v4.
        Xarf = "xarf",
    }
}

/// How a party gets what concerns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// By which way.
    pub way: Way,
    /// In which formats, all of them in one delivery; at least one, each once.
    pub formats: Vec<Format>,
    /// In which language the letter is written.
    pub language: Lang,
}

/// A way of delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Files in a folder; a relative path begins where the deployment says. It has no `..` in it.
    Folder(PathBuf),
    /// Mail to these addresses, at least one, each once.
    Mail(Vec<MailAddress>),
}

/// What is not to be sent, why, and until when. It holds where all that it names fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inhibition {
    /// To this party only.
    pub party: Option<PartyId>,
    /// About addresses in this prefix only.
    pub prefix: Option<IpNet>,
    /// About this type only.
    pub classification: Option<Classification>,
    /// Why, as people gave it.
    pub reason: String,
    /// In force from; since ever if none.
    pub from: Option<Instant>,
    /// In force before.
    pub until: Instant,
}

impl Inhibition {
    /// Whether it is in force at `instant`.
    #[must_use]
    pub fn in_force(&self, instant: Instant) -> bool {
        self.from.is_none_or(|from| from <= instant) && instant < self.until
    }
}

/// A roster that is refused as a whole, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the roster `{file}` is refused: {} error(s)", errors.len())]
pub struct RosterRefused {
    /// The file's name.
    pub file: String,
    /// Every error, in the order of the lines.
    pub errors: Vec<Problem>,
    /// What would have been remarked had there been no error.
    pub notes: Vec<Problem>,
}

impl Roster {
    /// Reads a roster; `file_name` is what messages call it. Beside the roster stand notes: what is allowed but
    /// perhaps not meant (a prefix inside another party's, an agreement that has ended), in the order of the lines.
    ///
    /// Where the text is no TOML at all, the faults of syntax are listed and the contents are not looked at yet.
    ///
    /// # Errors
    /// [`RosterRefused`] with every error found, each with line and key.
    pub fn read(file_name: &str, text: &str) -> Result<(Self, Vec<Problem>), RosterRefused> {
        reading::read(file_name, text)
    }

    /// The roster as text again: a roster file that [`Roster::read`] reads as an equal roster, the same bytes for
    /// equal rosters. A snapshot keeps it, and its digest is the roster's version in every leaf.
    #[must_use]
    pub fn canonical(&self) -> String {
        writing::write(self)
    }

    /// The version its keepers gave it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// When its keepers last changed it.
    #[must_use]
    pub const fn updated(&self) -> Instant {
        self.updated
    }

    /// The zone of dates that carry none, if one was declared.
    #[must_use]
    pub const fn zone(&self) -> Option<&Zone> {
        self.zone.as_ref()
    }

    /// All parties, in the order of their ids.
    pub fn parties(&self) -> impl ExactSizeIterator<Item = &RosterEntry> + DoubleEndedIterator {
        self.parties.iter()
    }

    /// The party with that id.
    #[must_use]
    pub fn party(&self, id: &PartyId) -> Option<&RosterEntry> {
        let index = self.parties.binary_search_by(|entry| entry.party.id.cmp(id)).ok()?;
        self.parties.get(index)
    }

    /// What is not to be sent, in the order of the file.
    pub fn inhibitions(&self) -> impl ExactSizeIterator<Item = &Inhibition> + DoubleEndedIterator {
        self.inhibitions.iter()
    }

    /// The party at `index` in the order of [`Roster::parties`].
    pub(crate) fn at(&self, index: usize) -> Option<&RosterEntry> {
        self.parties.get(index)
    }
}
