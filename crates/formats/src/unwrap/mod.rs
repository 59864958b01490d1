//! A file as handed in, and what stands in it: mails, zips and gzips in one another, opened up to the files that are read.
//!
//! - A plain file is its own only member. A member is unpacked as it is read; what has to be unpacked to find the members of a container
//!   inside a container is held up to [`Limits::held`], and unpacked again each time beyond that. Nothing is written to a disk.
//! - Nothing vanishes: what is inside comes out as a member, as something set aside (a picture, a signature, a greeting), or as a problem
//!   with a code. One damaged member, one bomb, one password costs itself and not the others.
//! - A member whose checksum is wrong or missing, or that unpacks too far, is refused before its first row. A part of a mail that was
//!   cut off has none: it is read to its last whole line, and the notes of its reading say so.
//! - A feedback report (RFC 5965) is a mail and stays one: the format `arf` reads it whole.
//! - HTML is not read: a mail whose list stands in an HTML body alone says so by what is set aside.

mod codes;
mod content;
pub(crate) mod header;
mod inflate;
mod layer;
pub(crate) mod mail;
mod name;
mod transfer;
mod zip;

use std::collections::{HashSet, VecDeque};
use std::io;

use law::Subject;
use model::problem::{Code, Place, Problem};

use self::content::{Container, Content};
use self::inflate::{Inflate, Packed, Packing};
use self::layer::{Budget, Decoded, Decoder, Ground, Held, Layer, Tip, Window};
use self::transfer::{ToUtf8, Transfer, Untransfer};
use crate::reading::{Ending, Halt, Input, WhatWasRead};
use crate::source::{Source, beginning_of};

pub(crate) use self::codes::Stop;
pub use self::codes::{
    ARCHIVE_CUT_OFF, ARCHIVE_DAMAGED, ARCHIVE_KIND_UNKNOWN, BODY_WITHOUT_LIST, CODES, MAIL_CUT_OFF,
    MAIL_PART_ENCRYPTED, MAIL_TRANSFER_UNKNOWN, MEMBER_NOT_READ, NESTED_TOO_DEEP, TOO_MANY_MEMBERS, UNPACKED_TOO_MUCH,
    UNPACKS_TOO_FAR, ZIP_ENCRYPTED, ZIP_METHOD_UNKNOWN, ZIP_NO_DIRECTORY, ZIP_OVERLAP,
};

/// How far a file is opened up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Containers in one another.
    pub depth: usize,
    /// Members of the whole file, and parts of one mail.
    pub members: u64,
    /// Bytes unpacked out of the whole file, each counted once; all work on it together may be eight times as much.
    pub unpacked: u64,
    /// A member may not unpack to more than so many times its packed bytes …
    pub ratio: u64,
    /// … once it is longer than this, in bytes: short lists of one value repeat a lot.
    pub ratio_from: u64,
    /// Bytes of containers inside containers that are held in memory, all together.
    pub held: usize,
}

impl Default for Limits {
    /// Eight containers in one another, 10,000 members, 16 GiB, 200 times beyond 16 MiB, 32 MiB held.
    fn default() -> Self {
        Self { depth: 8, members: 10_000, unpacked: 16 << 30, ratio: 200, ratio_from: 16 << 20, held: 32 << 20 }
    }
}

/// A file to be read.
pub struct Member<'m> {
    /// Its names from the file handed in to itself: `mail.eml/report.zip/2026-01-31-event4.csv`. Harmless to show, unique within the
    /// file, and no path on any disk.
    pub path: String,
    /// Its bytes, from the first one.
    pub source: &'m mut dyn Source,
}

/// What stands in a file.
pub enum Found<'m> {
    /// A file to be read.
    Member(Member<'m>),
    /// What can be no report, with what it is.
    Aside(Problem),
    /// What could not be opened; rows may be in it.
    Refused(Problem),
}

/// The members of a file, one by one.
pub struct Members<'a> {
    /// Always there between two calls.
    tip: Option<Tip<'a>>,
    open: Vec<Container>,
    /// How many layers of the tip are the last member's.
    layers: usize,
    found: u64,
    /// Bytes of containers that are held now.
    held: usize,
    limits: Limits,
    budget: Budget,
    /// The tally of members was full: nothing more is looked at.
    full: bool,
}

/// How much of a member is looked at to see what it is.
const BEGINNING: usize = 65_536;

impl<'a> Members<'a> {
    /// The members of a file of that name.
    pub fn of(file: &str, source: &'a mut dyn Source, limits: Limits) -> Self {
        let whole = Container::whole(name::shown(file, "-"));
        Self {
            tip: Some(Box::new(Ground(source))),
            open: vec![whole],
            layers: 0,
            found: 0,
            held: 0,
            limits,
            budget: Budget::of(&limits),
            full: false,
        }
    }

    /// Gives each member to `read`, which says what is known at its end or why nothing of it could be read; what could not costs itself and
    /// stands in the notes of the whole.
    ///
    /// # Errors
    /// The first fault of `read`; where nothing at all could be read, why; or what the disk says.
    pub fn each<E: From<Halt>>(
        mut self,
        mut read: impl FnMut(&str, &mut dyn Source) -> Result<Result<Ending, Problem>, E>,
    ) -> Result<Ending, E> {
        let mut all = WhatWasRead::default();
        while let Some(found) = self.following()? {
            match found {
                Found::Member(Member { path, source }) => match read(&path, source)? {
                    Ok(ending) => all.ended(path, ending),
                    Err(problem) => all.not_read(problem),
                },
                Found::Refused(problem) => all.not_read(problem),
                Found::Aside(problem) => all.set_aside(problem),
            }
        }
        Ok(all.ending()?)
    }

    /// What comes next; none at the end.
    ///
    /// # Errors
    /// Where the disk fails.
    pub fn following(&mut self) -> Result<Option<Found<'_>>, Halt> {
        self.leave_member();
        loop {
            let Some(container) = self.open.last_mut() else { return Ok(None) };
            if let Some(code) = container.faults.pop_front() {
                return Ok(Some(Found::Refused(Problem::new(code, Place::file(container.path.as_str())))));
            }
            let Some(content) = container.contents.pop_front().filter(|_| !self.full) else {
                if let Some(done) = self.open.pop() {
                    self.held -= done.held;
                    self.leave(done.layers);
                }
                continue;
            };
            let path = container.path_of(&content);
            if self.found >= self.limits.members {
                self.full = true;
                return Ok(Some(refused(&TOO_MANY_MEMBERS, &path, None).into()));
            }
            self.found += 1;
            match self.enter(&content, path)? {
                Step::Opened => {}
                Step::Told(told) => return Ok(Some(told.into())),
                Step::Member(path) => {
                    let Some(tip) = self.tip.as_deref_mut() else { return Ok(None) };
                    return Ok(Some(Found::Member(Member { path, source: tip })));
                }
            }
        }
    }

    /// Takes so many layers off.
    fn leave(&mut self, layers: usize) {
        for _ in 0..layers {
            self.tip = self.tip.take().map(Layer::below);
        }
    }

    /// Takes the last member's layers off.
    fn leave_member(&mut self) {
        let layers = std::mem::take(&mut self.layers);
        self.leave(layers);
    }

    /// Opens a member: it is one, or a container whose members come next, or cannot be read.
    fn enter(&mut self, content: &Content, path: String) -> Result<Step, Halt> {
        let code = match self.stack(content, &path) {
            Ok(Ok(())) => None,
            Ok(Err((code, value))) => Some((code, value)),
            Err(error) => return self.stopped(error),
        };
        if let Some((code, value)) = code {
            self.leave_member();
            let found = if code.code == MEMBER_NOT_READ.code { aside } else { refused };
            return Ok(Step::Told(found(code, &path, value.as_deref())));
        }
        let Some(tip) = self.tip.as_deref_mut() else { return Ok(Step::Opened) };
        let beginning = match beginning_of(tip, BEGINNING).and_then(|bytes| tip.rewind().map(|()| bytes)) {
            Ok(beginning) => beginning,
            Err(error) => return self.stopped(error),
        };
        let kind = content::kind(content, &path, &beginning);
        let found = match kind {
            content::Kind::File => None,
            content::Kind::Body => {
                let input = Input { file: &path, bytes: &beginning, subject: Subject::OwnFile };
                crate::detect::detect(&input, None).is_err().then(|| aside(&BODY_WITHOUT_LIST, &path, None))
            }
            content::Kind::Aside(what) => Some(aside(&MEMBER_NOT_READ, &path, Some(what))),
            content::Kind::Refused(code, what) => Some(refused(code, &path, Some(what))),
            content::Kind::Container(_) if self.open.len() > self.limits.depth => {
                Some(refused(&NESTED_TOO_DEEP, &path, None))
            }
            content::Kind::Container(form) => {
                return match self.open(form, path, &beginning) {
                    Ok(()) => Ok(Step::Opened),
                    Err(error) => self.stopped(error),
                };
            }
        };
        match found {
            Some(found) => {
                self.leave_member();
                Ok(Step::Told(found))
            }
            None => Ok(Step::Member(path)),
        }
    }

    /// What stopped a member costs the member, unless it was the disk.
    fn stopped(&mut self, error: io::Error) -> Result<Step, Halt> {
        self.leave_member();
        match Stop::of(error) {
            Ok(problem) => Ok(Step::Told(Told::Refused(problem))),
            Err(disk) => Err(Halt::Disk(disk)),
        }
    }

    /// Puts the layers on the tip that lead to a member's bytes.
    fn stack(&mut self, content: &Content, path: &str) -> io::Result<Result<(), (&'static Code, Option<String>)>> {
        match content {
            Content::Whole(_) => {}
            Content::Gzip(_) => {
                let packed = Packed { packing: Packing::Gzip, start: 0, length: None, whole: None };
                self.decode(Inflate::of(packed, path, &self.budget.clone()))?;
            }
            Content::Mailed { start, end, .. } => self.window(*start, *end, false)?,
            Content::Zipped(entry) => {
                let found = match &entry.content {
                    Ok(found) => *found,
                    Err(code) => return Ok(Err((*code, None))),
                };
                if self.budget.is_spent() {
                    return Ok(Err((&UNPACKED_TOO_MUCH, None)));
                }
                let Some(tip) = self.tip.as_deref_mut() else { return Ok(Ok(())) };
                let Some(local) = zip::Local::read(tip, found.header)? else {
                    return Ok(Err((&ARCHIVE_DAMAGED, None)));
                };
                if local.is_encrypted() {
                    return Ok(Err((&ZIP_ENCRYPTED, None)));
                }
                let (length, whole) = (found.length, found.whole);
                let packed = Packed { packing: found.packing, start: local.start, length, whole };
                self.decode(Inflate::of(packed, path, &self.budget.clone()))?;
            }
            Content::Part(part) => {
                if part.encrypted {
                    return Ok(Err((&MAIL_PART_ENCRYPTED, Some(part.media.clone()))));
                }
                // What is set aside by its kind need not be decoded.
                if let Some(what) = content::is_no_list(part) {
                    return Ok(Err((&MEMBER_NOT_READ, Some(what.to_owned()))));
                }
                let transfer = match &part.transfer {
                    Ok(transfer) => *transfer,
                    Err(name) => return Ok(Err((&MAIL_TRANSFER_UNKNOWN, Some(name.clone())))),
                };
                self.window(part.start, part.end, part.cut)?;
                match transfer {
                    Transfer::AsTheyAre => {}
                    Transfer::Base64 => self.decode(Untransfer::of(true, path, &self.budget.clone()))?,
                    Transfer::QuotedPrintable => self.decode(Untransfer::of(false, path, &self.budget.clone()))?,
                }
                if let Some(charset) = content::foreign_charset(part) {
                    self.decode(ToUtf8::of(charset))?;
                }
            }
        }
        Ok(Ok(()))
    }

    fn window(&mut self, start: u64, end: u64, cut: bool) -> io::Result<()> {
        let Some(tip) = self.tip.take() else { return Ok(()) };
        match Window::of(tip, start, end, cut) {
            Ok(window) => {
                self.tip = Some(Box::new(window));
                self.layers += 1;
                Ok(())
            }
            Err((tip, error)) => {
                self.tip = Some(tip);
                Err(error)
            }
        }
    }

    fn decode<D: Decoder + 'a>(&mut self, decoder: D) -> io::Result<()> {
        let Some(tip) = self.tip.take() else { return Ok(()) };
        match Decoded::of(tip, decoder) {
            Ok(decoded) => {
                self.tip = Some(Box::new(decoded));
                self.layers += 1;
                Ok(())
            }
            Err((tip, error)) => {
                self.tip = Some(tip);
                Err(error)
            }
        }
    }

    /// Looks into a container, which is the tip; its members come next.
    fn open(&mut self, form: content::Form, path: String, beginning: &[u8]) -> io::Result<()> {
        let mut held = 0;
        // A container inside another is unpacked once and held, if it is not too long; a gzip holds one file, which is read through.
        if self.layers > 0
            && form != content::Form::Gzip
            && let Some(tip) = self.tip.take()
        {
            match Held::of(tip, self.limits.held.saturating_sub(self.held)) {
                Ok(layer) => {
                    held = layer.len();
                    self.tip = Some(Box::new(layer));
                    self.layers += 1;
                }
                Err((tip, result)) => {
                    self.tip = Some(tip);
                    result?;
                }
            }
        }
        let Some(tip) = self.tip.as_deref_mut() else { return Ok(()) };
        let mut faults = VecDeque::new();
        let contents: VecDeque<Content> = match form {
            content::Form::Gzip => VecDeque::from([Content::Gzip(content::gzip_name(beginning, &path))]),
            content::Form::Zip => {
                let directory = zip::read(tip, &path, &self.limits, &self.budget)?;
                faults.extend(directory.faults);
                directory.entries.into_iter().map(Content::Zipped).collect()
            }
            content::Form::Mailbox => {
                let (mails, too_many) = mail::mailbox(tip, &self.limits)?;
                faults.extend(too_many.then_some(&TOO_MANY_MEMBERS));
                let numbered = mails.into_iter().zip(1_u64..);
                numbered.map(|((start, end), number)| Content::Mailed { start, end, number }).collect()
            }
            content::Form::Mail => {
                let mail = mail::read(tip, &self.limits)?;
                faults.extend(mail.too_many.then_some(&TOO_MANY_MEMBERS));
                faults.extend(mail.too_deep.then_some(&NESTED_TOO_DEEP));
                mail.parts.into_iter().map(Content::Part).collect()
            }
        };
        self.held += held;
        self.open.push(Container {
            path,
            contents,
            faults,
            layers: std::mem::take(&mut self.layers),
            held,
            names: HashSet::new(),
            given: 0,
        });
        Ok(())
    }
}

/// The first bytes of a part of a mail, as many as that, as they were before they were written into it.
///
/// # Errors
/// What the disk says, or the part about itself.
pub(crate) fn beginning_of_part(
    source: &mut dyn Source,
    part: &mail::Part,
    path: &str,
    most: usize,
) -> io::Result<Vec<u8>> {
    let ground: Tip<'_> = Box::new(Ground(source));
    let mut window = Window::of(ground, part.start, part.end, part.cut).map_err(|(_, error)| error)?;
    let base64 = match part.transfer {
        Ok(Transfer::AsTheyAre) => return beginning_of(&mut window, most),
        Ok(Transfer::Base64) => true,
        Ok(Transfer::QuotedPrintable) => false,
        Err(_) => return Err(Stop::error(&MAIL_TRANSFER_UNKNOWN, path)),
    };
    let decoded = Decoded::of(Box::new(window), Untransfer::of(base64, path, &Budget::of(&Limits::default())));
    beginning_of(&mut decoded.map_err(|(_, error)| error)?, most)
}

/// What became of a member.
enum Step {
    /// Its own members come next.
    Opened,
    /// It is a file to be read.
    Member(String),
    Told(Told),
}

/// What is said of something that is no member.
enum Told {
    Aside(Problem),
    Refused(Problem),
}

impl From<Told> for Found<'_> {
    fn from(told: Told) -> Self {
        match told {
            Told::Aside(problem) => Self::Aside(problem),
            Told::Refused(problem) => Self::Refused(problem),
        }
    }
}

fn aside(code: &'static Code, path: &str, value: Option<&str>) -> Told {
    Told::Aside(problem(code, path, value))
}

fn refused(code: &'static Code, path: &str, value: Option<&str>) -> Told {
    Told::Refused(problem(code, path, value))
}

fn problem(code: &'static Code, path: &str, value: Option<&str>) -> Problem {
    let problem = Problem::new(code, Place::file(path));
    match value {
        Some(value) => problem.with_value(value),
        None => problem,
    }
}
