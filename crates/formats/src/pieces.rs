//! A text file, piece by piece: some megabytes at a time, cut between rows, so that memory does not grow with the file.

use model::Text;
use model::problem::{Code, Place, Problem};

use crate::gathered::{Fault, Gathered};
use crate::reading::{Ending, Halt};
use crate::source::{Source, fill};
use crate::stream::Reader;
use crate::survey::Survey;
use crate::text::{Decoded, Encoding, line_ends};

/// So many bytes make a piece.
const PIECE: usize = 8 << 20;

/// A record that does not fit into so many bytes is not read.
const LONGEST_RECORD: usize = 4 * PIECE;

/// A line of a file of lines that is longer than this is no row.
const LONGEST_LINE: usize = 1 << 20;

/// Where a text may be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Between lines: a row is one line or a few.
    Lines,
    /// Anywhere: the reader says how far it came.
    Anywhere,
}

/// Whether more of the text comes behind a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum More {
    /// It is the last one, and is read to its end.
    No,
    /// A row that goes on behind it is left for the next.
    Yes,
    /// More would come, but the first row is longer than any may be: it is given up.
    Stuck,
}

/// Reads the rows of a text as its pieces come.
pub(crate) trait TextReader: Send {
    /// Where the text may be cut.
    fn cut(&self) -> Cut {
        Cut::Lines
    }

    /// Reads the rows of a piece and says where in its text the first one begins that may go on behind it.
    ///
    /// # Errors
    /// A [`Problem`] where the file as a whole cannot be read.
    fn piece(&mut self, text: &Decoded<'_>, more: More, rows: &mut Gathered) -> Result<usize, Problem>;

    /// What is known at the end of the file.
    ///
    /// # Errors
    /// As [`TextReader::piece`].
    fn end(&mut self, rows: u64) -> Result<Ending, Problem>;
}

/// The pieces of a text and the reader of their rows.
pub(crate) struct Pieces<'a> {
    file: &'a str,
    source: &'a mut dyn Source,
    survey: Survey,
    cut: Cut,
    reader: Box<dyn TextReader + 'a>,
    /// Bytes that are read and not done with.
    buffer: Vec<u8>,
    /// Where in the file the buffer begins, and on which line.
    offset: u64,
    line: u64,
    /// The file was read to its end.
    ended: bool,
    /// Inside a line that is too long.
    skipping: bool,
    /// The reader came to the end.
    done: bool,
    notes: Vec<(Place, &'static Code)>,
}

impl<'a> Pieces<'a> {
    /// Surveys the source, reads its first piece and lets `begin` make the reader from it.
    ///
    /// # Errors
    /// What the survey, `begin` or the disk says.
    pub(crate) fn open(
        file: &'a str,
        source: &'a mut dyn Source,
        encoding: Option<Encoding>,
        begin: impl FnOnce(&Decoded<'_>) -> Result<Box<dyn TextReader + 'a>, Problem>,
    ) -> Result<Box<dyn Reader + 'a>, Halt> {
        let survey = Survey::of(file, source, encoding)?;
        source.rewind()?;
        let mut mark = vec![0; usize::try_from(survey.start).unwrap_or(0)];
        fill(source, &mut mark)?;
        let offset = survey.start;
        let mut on = On { source, offset, length: survey.length };
        let mut buffer = Vec::new();
        let ended = on.read(file, &mut buffer, PIECE)?;
        let whole = whole_characters(&buffer, survey.encoding, ended);
        let reader = begin(&Decoded::piece(buffer.get(..whole).unwrap_or_default(), &survey, offset, 1))?;
        let On { source, .. } = on;
        Ok(Box::new(Self {
            file,
            source,
            survey,
            cut: reader.cut(),
            reader,
            buffer,
            offset,
            line: 1,
            ended,
            skipping: false,
            done: false,
            notes: Vec::new(),
        }))
    }

    /// Fills the buffer up to so many bytes.
    fn fill(&mut self, up_to: usize) -> Result<(), Halt> {
        if !self.ended {
            let mut on = On { source: &mut *self.source, offset: self.offset, length: self.survey.length };
            self.ended = on.read(self.file, &mut self.buffer, up_to)?;
        }
        Ok(())
    }

    /// How much of the buffer is a piece: to the last line end, or all that there is. None where no line ends in it.
    fn piece_end(&self) -> Option<usize> {
        if self.ended {
            return Some(self.buffer.len());
        }
        let line = last_line_end(&self.buffer, self.survey.encoding);
        match self.cut {
            Cut::Lines => line,
            Cut::Anywhere => line.or(Some(whole_characters(&self.buffer, self.survey.encoding, false))),
        }
    }

    /// Drops what is done with.
    fn drop_first(&mut self, bytes: usize, line: u64) {
        self.buffer.drain(..bytes.min(self.buffer.len()));
        self.offset += bytes as u64;
        self.line = line;
    }

    /// Passes over a part of a line that is too long; at its end it is one rejected row.
    fn skip(&mut self, rows: &mut Gathered) {
        if !self.skipping {
            self.skipping = true;
            let shown = whole_characters(self.buffer.get(..200).unwrap_or(&self.buffer), self.survey.encoding, false);
            let text =
                Decoded::piece(self.buffer.get(..shown).unwrap_or_default(), &self.survey, self.offset, self.line);
            rows.rejected(self.line, Fault::of(&LINE_TOO_LONG), &format!("{}…", text.text));
        }
        match first_line_end(&self.buffer, self.survey.encoding) {
            Some(end) => {
                self.skipping = false;
                self.drop_first(end, self.line + 1);
            }
            None => {
                let kept = self.buffer.len() % 2;
                let bytes = self.buffer.len() - kept;
                self.drop_first(bytes, self.line);
                if self.ended {
                    self.done = true;
                }
            }
        }
    }
}

impl Reader for Pieces<'_> {
    fn next(&mut self, rows: &mut Gathered) -> Result<bool, Halt> {
        if self.done {
            return Ok(false);
        }
        let mut room = PIECE;
        loop {
            self.fill(room)?;
            let long = self.cut == Cut::Lines && {
                let end = first_line_end(&self.buffer, self.survey.encoding);
                end.unwrap_or(self.buffer.len()) > LONGEST_LINE
            };
            if self.skipping || long {
                self.skip(rows);
                return Ok(!self.done);
            }
            let whole = self.piece_end().unwrap_or(self.buffer.len());
            let last = self.ended && whole == self.buffer.len();
            let more = match (last, room > LONGEST_RECORD) {
                (true, _) => More::No,
                (false, true) => More::Stuck,
                (false, false) => More::Yes,
            };
            let (taken, offset, line) = {
                let bytes = self.buffer.get(..whole).unwrap_or_default();
                let text = Decoded::piece(bytes, &self.survey, self.offset, self.line);
                let taken = self.reader.piece(&text, more, rows)?;
                let (offset, line) = text.cursor().to(taken.min(text.text.len()));
                (taken, offset, line)
            };
            if taken == 0 && more == More::Yes {
                room = room.saturating_mul(2);
                continue;
            }
            let done = usize::try_from(offset - self.offset).unwrap_or(usize::MAX);
            rows.was_read_from(self.offset, self.buffer.get(..done).unwrap_or_default());
            self.drop_first(done, line);
            self.done = more == More::No || taken == 0;
            if self.done && more == More::Stuck {
                self.notes.push((Place::file(self.file).line(line), &RECORD_TOO_LONG));
            }
            return Ok(true);
        }
    }

    fn end(&mut self, rows: u64) -> Result<Ending, Problem> {
        let mut ending = self.reader.end(rows)?;
        ending.notes.append(&mut self.notes);
        Ok(ending)
    }
}

/// A source that is read on to the length that it had when it was surveyed.
struct On<'a> {
    source: &'a mut dyn Source,
    offset: u64,
    length: u64,
}

impl On<'_> {
    /// Reads on until the buffer is so long, and says whether the file has ended.
    fn read(&mut self, file: &str, buffer: &mut Vec<u8>, up_to: usize) -> Result<bool, Halt> {
        let have = buffer.len();
        let left = self.length.saturating_sub(self.offset).saturating_sub(have as u64);
        let wanted = up_to.saturating_sub(have).min(usize::try_from(left).unwrap_or(usize::MAX));
        buffer.resize(have + wanted, 0);
        let read = fill(self.source, buffer.get_mut(have..).unwrap_or_default())?;
        buffer.truncate(have + read);
        if read < wanted {
            return Err(Problem::new(&FILE_CHANGED, Place::file(file)).into());
        }
        Ok(wanted as u64 == left)
    }
}

/// How many bytes of the buffer are whole characters.
fn whole_characters(buffer: &[u8], encoding: Encoding, ended: bool) -> usize {
    if ended {
        return buffer.len();
    }
    let before = |is_start: &dyn Fn(u8) -> bool| {
        let tail = buffer.len().saturating_sub(4);
        let start = buffer.get(tail..).unwrap_or_default().iter().rposition(|b| is_start(*b));
        start.map_or(buffer.len(), |at| tail + at)
    };
    match encoding {
        // The last character begins there; it may be whole, and is left for the next piece all the same.
        Encoding::Utf8 => before(&|b| !(0x80..0xC0).contains(&b)),
        // No byte below 0x40 is a part of a longer character.
        Encoding::Cp932 => buffer.iter().rposition(|b| *b < 0x40).map_or(buffer.len(), |at| at + 1),
        // One pair less: the last may be the first half of a surrogate pair.
        Encoding::Utf16Le | Encoding::Utf16Be => (buffer.len() & !1).saturating_sub(2),
    }
}

fn unit(pair: &[u8], encoding: Encoding) -> u16 {
    match (encoding, pair) {
        (Encoding::Utf16Be, [high, low]) | (_, [low, high]) => u16::from_be_bytes([*high, *low]),
        _ => 0,
    }
}

/// The byte behind the last line end of the buffer; a CR at its very end may be half of one.
fn last_line_end(buffer: &[u8], encoding: Encoding) -> Option<usize> {
    match encoding {
        Encoding::Utf8 | Encoding::Cp932 => {
            let before_last = buffer.get(..buffer.len().saturating_sub(1)).unwrap_or_default();
            memchr::memrchr(b'\n', buffer).or_else(|| memchr::memrchr(b'\r', before_last)).map(|at| at + 1)
        }
        Encoding::Utf16Le | Encoding::Utf16Be => {
            let mut pairs = buffer.chunks_exact(2);
            let last = |pairs: &mut std::slice::ChunksExact<'_, u8>, end: u8| {
                pairs.rposition(|pair| unit(pair, encoding) == u16::from(end))
            };
            last(&mut pairs, b'\n').or_else(|| last(&mut buffer.chunks_exact(2), b'\r')).map(|at| (at + 1) * 2)
        }
    }
}

/// The byte behind the first line end of the buffer.
fn first_line_end(buffer: &[u8], encoding: Encoding) -> Option<usize> {
    let end = match encoding {
        Encoding::Utf8 | Encoding::Cp932 => memchr::memchr2(b'\n', b'\r', buffer)? + 1,
        Encoding::Utf16Le | Encoding::Utf16Be => {
            let is_end = |pair: &[u8]| matches!(unit(pair, encoding), 0x0A | 0x0D);
            (buffer.chunks_exact(2).position(is_end)? + 1) * 2
        }
    };
    // CRLF is one.
    let ended = |bytes: &[u8]| line_ends(bytes, None);
    let wide = if matches!(encoding, Encoding::Utf8 | Encoding::Cp932) { 1 } else { 2 };
    let both =
        buffer.get(..end + wide).filter(|_| wide == 1).is_some_and(|both| ended(both) == 1 && both.ends_with(b"\r\n"));
    Some(if both { end + 1 } else { end })
}

/// A line longer than any row.
pub static LINE_TOO_LONG: Code = Code {
    code: "line-too-long",
    text: Text {
        ja: "1行が1メガバイトを超えるため、読み取りませんでした",
        en: "a line longer than one megabyte was not read",
    },
    help: Text {
        ja: "改行が失われていないか、出力元に確認してください。ほかの行は読み取られています",
        en: "ask the source whether line ends were lost; the other lines were read",
    },
    example: "(a line of 1 GB)",
};

/// A record longer than is read.
pub static RECORD_TOO_LONG: Code = Code {
    code: "record-too-long",
    text: Text {
        ja: "1件の記録が32メガバイトを超えるため、そこから先は読み取りませんでした",
        en: "a record is longer than 32 megabytes; from there on nothing was read",
    },
    help: Text {
        ja: "閉じられていない括弧や引用符がないか、出力元に確認してください",
        en: "look for a bracket or a quote that is not closed",
    },
    example: "[{\"source.ip\": \"192.0.2.1\", \"raw\": \"…",
};

/// A file that changed while it was read.
pub static FILE_CHANGED: Code = Code {
    code: "file-changed",
    text: Text {
        ja: "読み取り中にファイルが短くなりました", en: "the file became shorter while it was read"
    },
    help: Text {
        ja: "書き込みが終わってから、もう一度指定してください",
        en: "hand it in again when it is no longer being written",
    },
    example: "(a file that another program rewrites)",
};

/// What this file can utter.
pub static CODES: &[&Code] = &[&LINE_TOO_LONG, &RECORD_TOO_LONG, &FILE_CHANGED];
