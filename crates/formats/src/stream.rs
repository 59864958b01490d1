//! A file being read, part by part: what a format opens, and what the deeds take from it.

use std::io::Cursor;
use std::sync::mpsc::sync_channel;

use law::{Protected, Subject};
use model::problem::{Place, Problem};
use model::{DataClass, Provenance, SightingBatch};

use crate::gathered::Gathered;
use crate::pieces::{FILE_CHANGED, PIECE, Pieces, TextReader};
use crate::reading::{Declared, Ending, Halt, Input, Part, Reading, Rejects};
use crate::source::{Source, fill};
use crate::text::{Decoded, Encoding, TOO_LARGE};
use crate::{Format, detect};

/// Reads a file's rows until there are none.
pub trait Reader: Send {
    /// Reads on; false where nothing is left.
    ///
    /// # Errors
    /// A [`Halt`] where the rest of the file cannot be read.
    fn next(&mut self, rows: &mut Gathered) -> Result<bool, Halt>;

    /// How it reads, as far as that is known before the first row.
    fn provenance(&self) -> Provenance;

    /// What is known at the end, of so many rows.
    ///
    /// # Errors
    /// A [`Problem`] that only the end shows: a file without a single row, or without a single time that has a zone.
    fn end(&mut self, rows: u64) -> Result<Ending, Problem>;
}

/// A file that a format is to read.
pub struct Opening<'a> {
    /// Its name without its folder; `-` for standard input.
    pub file: &'a str,
    /// Its bytes.
    pub source: &'a mut dyn Source,
    /// What whoever hands it in declared.
    pub declared: &'a Declared<'a>,
    /// How much of a text is looked at at a time.
    pub(crate) sizes: Sizes,
}

/// How long the pieces of a text are, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// The first one, from which the reader learns what the file is.
    pub(crate) first: usize,
    /// Each further one.
    pub(crate) further: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { first: PIECE, further: PIECE }
    }
}

impl<'a> Opening<'a> {
    /// The pieces of a text; `begin` makes the reader of its rows from the first of them.
    pub(crate) fn text(
        self,
        encoding: Option<Encoding>,
        begin: impl FnOnce(&Decoded<'_>) -> Result<Box<dyn TextReader + 'a>, Problem>,
    ) -> Result<Box<dyn Reader + 'a>, Halt> {
        Pieces::open(self.file, self.source, encoding, self.sizes, begin)
    }
}

/// A file being read.
pub struct Stream<'a> {
    reader: Box<dyn Reader + 'a>,
    gathered: Gathered,
    /// Rows of the report before this file's.
    before: u64,
    subject: Subject,
    format: &'static dyn Format,
}

/// How much of a file is shown to whoever wants to know what it is.
const BEGINNING: usize = 65_536;

impl<'a> Stream<'a> {
    /// Opens a file in the format of that name, or, for `auto` or none, in the one that it most likely is of; with a mapping file, that
    /// is a list, or JSON where it begins like it.
    ///
    /// # Errors
    /// Where no format knows it, nothing of it can be read, or the disk fails.
    pub fn open(
        file: &'a str,
        source: &'a mut dyn Source,
        subject: Subject,
        wanted: Option<&str>,
        declared: &'a Declared<'a>,
    ) -> Result<Self, Halt> {
        source.rewind()?;
        let mut beginning = vec![0; BEGINNING];
        let read = fill(source, &mut beginning)?;
        beginning.truncate(read);
        let input = Input { file, bytes: &beginning, subject: subject.clone() };
        let by_mapping = declared.mapping.is_some() && wanted.is_none_or(|wanted| wanted == "auto");
        let format = if by_mapping { detect::by_mapping(&input) } else { detect::detect(&input, wanted)? };
        Self::of(format, Opening { file, source, declared, sizes: Sizes::default() }, subject)
    }

    /// Opens a file in a format.
    ///
    /// # Errors
    /// As [`Stream::open`].
    pub fn of(format: &'static dyn Format, opening: Opening<'a>, subject: Subject) -> Result<Self, Halt> {
        let class = opening.declared.tags.class;
        opening.source.rewind()?;
        let reader = format.open(opening)?;
        Ok(Self { reader, gathered: Gathered::new(class), before: 0, subject, format })
    }

    /// Its rows follow so many rows of other files of the same report: they are numbered on.
    #[must_use]
    pub fn after(mut self, rows: u64) -> Self {
        self.gathered.begin_at(rows);
        self.before = rows;
        self
    }

    /// From now on each part brings the bytes that it was read from; one after the other they are the file behind its byte order mark.
    #[must_use]
    pub fn with_raw(mut self) -> Self {
        self.gathered.keep_raw();
        self
    }

    /// The format it is read in.
    #[must_use]
    pub fn format(&self) -> &'static dyn Format {
        self.format
    }

    /// The next part; none at the end. A part may have no rows.
    ///
    /// # Errors
    /// A [`Halt`] where the rest cannot be read.
    pub fn part(&mut self) -> Result<Option<Part>, Halt> {
        if !self.reader.next(&mut self.gathered)? && self.gathered.is_empty() {
            return Ok(None);
        }
        let (sightings, rejects, class, rows) = self.gathered.take();
        let raw = self.gathered.take_raw();
        let (understood, rejected) = (sightings.len() as u64, rejects.0.len() as u64);
        Ok(Some(Part {
            sightings: Protected::seal(sightings, class, self.subject.clone()),
            rejects: Protected::seal(rejects, class, self.subject.clone()),
            rows,
            understood,
            rejected,
            raw: raw.map(|raw| Protected::seal(raw, class, self.subject.clone())),
        }))
    }

    /// Gives part after part to `each`, while a thread of its own reads the next one, and says what is known at the end.
    ///
    /// # Errors
    /// The first of `each`, or a [`Halt`] where the rest cannot be read.
    pub fn each<E: From<Halt>>(mut self, mut each: impl FnMut(Part) -> Result<(), E>) -> Result<Ending, E> {
        let (sender, parts) = sync_channel::<Part>(1);
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || {
                while let Some(part) = self.part()? {
                    // Whoever no longer listens has said why.
                    if sender.send(part).is_err() {
                        break;
                    }
                }
                Ok::<_, Halt>(self)
            });
            for part in parts {
                each(part)?;
            }
            match reader.join() {
                Ok(stream) => Ok(stream?.end().map_err(Halt::from)?),
                // A panic goes on where it can be seen.
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// How the file is read.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        self.reader.provenance()
    }

    /// What is known at the end.
    ///
    /// # Errors
    /// What only the end shows.
    pub fn end(mut self) -> Result<Ending, Problem> {
        self.reader.end(self.gathered.read() - self.before)
    }
}

/// Reads a file that is held in memory, whole.
pub(crate) fn whole(format: &dyn Format, input: &Input<'_>, declared: &Declared<'_>) -> Result<Reading, Problem> {
    let Whole { sightings, rejects, class, ending } = Whole::of(format, input, declared)?;
    let (understood, rejected) = (sightings.len() as u64, rejects.0.len() as u64);
    Ok(Reading {
        sightings: Protected::seal(sightings, class, input.subject.clone()),
        rejects: Protected::seal(rejects, class, input.subject.clone()),
        rows: understood + rejected,
        understood,
        rejected,
        provenance: ending.provenance,
        found_by: ending.found_by,
        columns: ending.columns,
        notes: ending.notes,
    })
}

/// What came of a whole file, before it is sealed.
pub(crate) struct Whole {
    pub(crate) sightings: SightingBatch,
    pub(crate) rejects: Rejects,
    pub(crate) class: DataClass,
    pub(crate) ending: Ending,
}

impl Whole {
    pub(crate) fn of(format: &dyn Format, input: &Input<'_>, declared: &Declared<'_>) -> Result<Self, Problem> {
        Self::in_pieces(format, input, declared, Sizes::default())
    }

    pub(crate) fn in_pieces(
        format: &dyn Format,
        input: &Input<'_>,
        declared: &Declared<'_>,
        sizes: Sizes,
    ) -> Result<Self, Problem> {
        let memory = |halt| match halt {
            Halt::Problem(problem) => problem,
            // Memory can be read.
            Halt::Disk(_) => Problem::new(&FILE_CHANGED, Place::file(input.file)),
        };
        let mut bytes = Cursor::new(input.bytes);
        let opening = Opening { file: input.file, source: &mut bytes, declared, sizes };
        let mut reader = format.open(opening).map_err(memory)?;
        let mut gathered = Gathered::new(declared.tags.class);
        let (mut batches, mut rejects, mut class) = (Vec::new(), Rejects::default(), declared.tags.class);
        while reader.next(&mut gathered).map_err(memory)? || !gathered.is_empty() {
            let (batch, mut rejected, highest, _) = gathered.take();
            batches.push(batch);
            rejects.0.append(&mut rejected.0);
            class = class.max(highest);
        }
        let ending = reader.end(gathered.read())?;
        let sightings = match batches.len() {
            0 => SightingBatch::empty(),
            1 => batches.remove(0),
            _ => SightingBatch::concat(&batches).map_err(|_| Problem::new(&TOO_LARGE, Place::file(input.file)))?,
        };
        Ok(Self { sightings, rejects, class, ending })
    }
}
