//! Received bytes as text: which encoding, which lines, and where in the received file each piece of text stands.
//!
//! INVARIANT: offsets that leave this file are bytes of the file as received, whatever it was encoded in; a [`Cursor`] turns
//! places in the text into them.

use std::borrow::Cow;
use std::ops::Range;
use std::str::FromStr;

use encoding_rs::{DecoderResult, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE};
use model::Text;
use model::problem::{Code, Problem};

use crate::survey::{Survey, byte_order_mark, utf16_by_zero_bytes};

/// A character encoding that files are received in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, low byte first: Excel's «Unicode text».
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// Windows-31J, which Japanese Windows calls ANSI and people call Shift_JIS.
    Cp932,
}

impl Encoding {
    /// Its name in a mapping file and in a report's provenance.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Cp932 => "cp932",
        }
    }

    pub(crate) fn decoder(self) -> encoding_rs::Decoder {
        let encoding = match self {
            Self::Utf8 => UTF_8,
            Self::Utf16Le => UTF_16LE,
            Self::Utf16Be => UTF_16BE,
            Self::Cp932 => SHIFT_JIS,
        };
        encoding.new_decoder_without_bom_handling()
    }

    /// How many characters of one unit take so many bytes.
    const fn units(self, bytes: usize) -> usize {
        match self {
            Self::Utf8 | Self::Cp932 => bytes,
            Self::Utf16Le | Self::Utf16Be => bytes.div_ceil(2),
        }
    }

    /// How many bytes the character takes in this encoding.
    const fn width(self, character: char) -> usize {
        match self {
            Self::Utf8 => character.len_utf8(),
            Self::Utf16Le | Self::Utf16Be => character.len_utf16() * 2,
            // One byte: ASCII, 0x80, half-width katakana (WHATWG Encoding Standard, 12.3.1); all else two.
            Self::Cp932 => match character {
                '\0'..='\u{80}' | '\u{FF61}'..='\u{FF9F}' => 1,
                _ => 2,
            },
        }
    }
}

impl FromStr for Encoding {
    type Err = ();
    /// Reads the names that people use, in any case, with `-` or `_`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let name: String = text.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        match name.as_str() {
            "utf8" | "utf8bom" | "utf8sig" => Ok(Self::Utf8),
            "utf16le" | "utf16" => Ok(Self::Utf16Le),
            "utf16be" => Ok(Self::Utf16Be),
            "cp932" | "shiftjis" | "sjis" | "windows31j" | "ms932" | "mskanji" => Ok(Self::Cp932),
            _ => Err(()),
        }
    }
}

/// A file as text, or a piece of one.
pub struct Decoded<'a> {
    /// The text, without a byte order mark.
    pub text: Cow<'a, str>,
    /// What it was encoded in.
    pub encoding: Encoding,
    /// Where the text begins in the file, in bytes: after the byte order mark, if there is one.
    start: u64,
    /// On which line of the file it begins, from 1.
    line: u64,
    /// Whether the file began with a byte order mark.
    marked: bool,
    /// Bytes of the text that stand for bytes that are no text in this encoding.
    broken: Vec<Range<usize>>,
}

impl<'a> Decoded<'a> {
    /// The text of `bytes`, in the encoding that `declared` names or, without it, in the one that the bytes show: a byte order
    /// mark, the zero bytes of UTF-16, valid UTF-8, and CP932 last.
    ///
    /// # Errors
    /// [`EMPTY_FILE`], [`BINARY_FILE`], or [`WRONG_ENCODING`] with the line and byte where it went wrong: never replacement
    /// characters.
    pub fn of(file: &str, bytes: &'a [u8], declared: Option<Encoding>) -> Result<Self, Problem> {
        let survey = Survey::of_bytes(file, bytes, declared)?;
        match survey.first_fault(file) {
            Some(problem) => Err(problem),
            None => Ok(Self::whole(bytes, &survey)),
        }
    }

    /// As [`Decoded::of`], for whoever only wants to know what a file is: places that are no text do not hinder.
    ///
    /// # Errors
    /// As [`Decoded::of`], but [`WRONG_ENCODING`] only where most of it is no text.
    pub fn leniently(file: &str, bytes: &'a [u8]) -> Result<Self, Problem> {
        let survey = Survey::of_bytes(file, bytes, None)?;
        Ok(Self::whole(bytes, &survey))
    }

    fn whole(bytes: &'a [u8], survey: &Survey) -> Self {
        let start = usize::try_from(survey.start).unwrap_or(0);
        Self::piece(bytes.get(start..).unwrap_or_default(), survey, survey.start, 1)
    }

    /// A piece of a file that was surveyed: whole characters, which begin at that byte and on that line of the file.
    #[must_use]
    pub fn piece(bytes: &'a [u8], survey: &Survey, start: u64, line: u64) -> Self {
        let (text, broken) = decode(bytes, survey.encoding);
        Self { text, encoding: survey.encoding, start, line, marked: survey.start > 0, broken }
    }

    /// Whether the file began with a byte order mark.
    #[must_use]
    pub const fn has_mark(&self) -> bool {
        self.marked
    }

    /// Whether something in that part of the text is no text in this encoding.
    #[must_use]
    pub fn is_broken(&self, from: usize, to: usize) -> bool {
        !self.broken.is_empty() && {
            let next = self.broken.partition_point(|place| place.end <= from);
            self.broken.get(next).is_some_and(|place| place.start < to)
        }
    }

    /// A cursor at the beginning of the text.
    #[must_use]
    pub fn cursor(&self) -> Cursor<'_> {
        let (start, line) = (self.start, self.line);
        Cursor { text: &self.text, encoding: self.encoding, start, first_line: line, at: 0, file_at: start, line }
    }
}

/// The whole lines among the first 16 KiB, for whoever only wants to know what a file is. Where no line ends in them, whole
/// characters.
#[must_use]
pub fn beginning(bytes: &[u8]) -> &[u8] {
    const ENOUGH: usize = 16_384;
    let Some(first) = bytes.get(..ENOUGH) else { return bytes };
    let wide = byte_order_mark(bytes).0.filter(|e| *e != Encoding::Utf8).or_else(|| utf16_by_zero_bytes(first));
    let end = match wide {
        Some(encoding) => {
            let unit = |two: &[u8]| match (encoding, two) {
                (Encoding::Utf16Be, [high, low]) | (_, [low, high]) => u16::from_be_bytes([*high, *low]),
                _ => 0,
            };
            let after_last = |end: &dyn Fn(u16) -> bool| first.chunks_exact(2).rposition(|two| end(unit(two)));
            let line_end = |wanted: u8| after_last(&move |unit| unit == u16::from(wanted));
            // Without a line end: not between the halves of a surrogate pair.
            let last = line_end(b'\n').or_else(|| line_end(b'\r'));
            last.or_else(|| after_last(&|unit| !(0xD800..0xDC00).contains(&unit))).map(|at| (at + 1) * 2)
        }
        None => {
            let line_end = |wanted: u8| first.iter().rposition(|b| *b == wanted);
            // No byte below 0x40 is a part of a longer character, in UTF-8 or in CP932.
            let last = line_end(b'\n').or_else(|| line_end(b'\r'));
            last.or_else(|| first.iter().rposition(|b| *b < 0x40)).map(|at| at + 1)
        }
    };
    bytes.get(..end.unwrap_or(ENOUGH)).unwrap_or(bytes)
}

/// Follows a reader through the text and knows where in the received file it is.
#[derive(Clone)]
pub struct Cursor<'a> {
    text: &'a str,
    encoding: Encoding,
    start: u64,
    first_line: u64,
    at: usize,
    file_at: u64,
    line: u64,
}

impl Cursor<'_> {
    /// Where the text's byte `at` stands in the file, and on which line, from 1. A cursor goes forward only; what lies behind it
    /// is answered from the beginning again.
    pub fn to(&mut self, at: usize) -> (u64, u64) {
        if at < self.at {
            (self.at, self.file_at, self.line) = (0, self.start, self.first_line);
        }
        let passed = self.text.get(self.at..at).unwrap_or_default();
        self.line += line_ends(passed.as_bytes(), self.text.as_bytes().get(at).copied());
        self.file_at += self.width(passed) as u64;
        self.at = at;
        (self.file_at, self.line)
    }

    /// How many bytes of the file a piece of its text takes.
    #[must_use]
    pub fn width(&self, piece: &str) -> usize {
        match self.encoding {
            Encoding::Utf8 => piece.len(),
            other => piece.chars().map(|character| other.width(character)).sum(),
        }
    }
}

/// How many lines end in `bytes`: at LF, at CRLF, and at a CR that `next` does not continue.
pub(crate) fn line_ends(bytes: &[u8], next: Option<u8>) -> u64 {
    let feeds = memchr::memchr_iter(b'\n', bytes).count();
    let lone = |at: &usize| bytes.get(at + 1).copied().or(next) != Some(b'\n');
    (feeds + memchr::memchr_iter(b'\r', bytes).filter(lone).count()) as u64
}

/// The end of the line that begins at `from`, and the beginning of the next: LF, CRLF and CR end lines.
#[must_use]
pub fn line_from(text: &str, from: usize) -> (usize, usize) {
    let bytes = text.as_bytes();
    let rest = bytes.get(from..).unwrap_or_default();
    match memchr::memchr2(b'\n', b'\r', rest) {
        None => (bytes.len(), bytes.len()),
        Some(end) => {
            let end = from + end;
            let crlf = bytes.get(end) == Some(&b'\r') && bytes.get(end + 1) == Some(&b'\n');
            (end, end + if crlf { 2 } else { 1 })
        }
    }
}

/// The text of whole characters, and which of its bytes stand for bytes that are no text: each of those is one `SUB` (U+001A), so that
/// places in the text stay places in the file.
fn decode(body: &[u8], encoding: Encoding) -> (Cow<'_, str>, Vec<Range<usize>>) {
    if encoding == Encoding::Utf8
        && let Ok(text) = std::str::from_utf8(body)
    {
        return (Cow::Borrowed(text), Vec::new());
    }
    let mut decoder = encoding.decoder();
    let mut text = String::with_capacity(decoder.max_utf8_buffer_length_without_replacement(body.len()).unwrap_or(0));
    let (mut at, mut broken) = (0, Vec::new());
    loop {
        let rest = body.get(at..).unwrap_or_default();
        let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut text, true);
        at += read;
        match result {
            DecoderResult::InputEmpty => return (Cow::Owned(text), broken),
            DecoderResult::OutputFull => text.reserve(rest.len().max(64)),
            DecoderResult::Malformed(length, after) => {
                // What was read after the malformed bytes is decoded again, with a decoder that has forgotten it.
                at = at.saturating_sub(usize::from(after));
                decoder = encoding.decoder();
                let begin = text.len();
                let units = encoding.units(usize::from(length));
                text.extend(std::iter::repeat_n('\u{1A}', units));
                broken.push(begin..text.len());
            }
        }
    }
}

/// The cell with full-width letters, digits, punctuation and spaces made ASCII, and trimmed: for addresses, ports, times and
/// headings only, never for text that people wrote.
#[must_use]
pub fn fold(cell: &str) -> Cow<'_, str> {
    if cell.is_ascii() {
        return Cow::Borrowed(cell.trim_ascii());
    }
    let folded: String = cell
        .chars()
        .filter_map(|c| match c {
            // Full-width forms of U+0021 to U+007E (Unicode block Halfwidth and Fullwidth Forms).
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0),
            '\u{3000}' | '\u{A0}' | '\u{2002}'..='\u{200A}' | '\u{202F}' => Some(' '),
            // What input methods put for a hyphen.
            '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
            '。' | '｡' => Some('.'),
            '\u{200B}'..='\u{200F}' | '\u{FEFF}' => None,
            other => Some(other),
        })
        .collect();
    match folded.trim() {
        trimmed if trimmed.len() == folded.len() => Cow::Owned(folded),
        trimmed => Cow::Owned(trimmed.to_owned()),
    }
}

/// Nothing in the file.
pub static EMPTY_FILE: Code = Code {
    code: "empty-file",
    text: Text { ja: "ファイルが空です", en: "the file is empty" },
    help: Text {
        ja: "該当なしの報告であれば取込みは不要です。そうでなければ、送信元に再送を依頼してください",
        en: "nothing to ingest if there is nothing to report; otherwise ask the source to send it again",
    },
    example: "(0 bytes)",
};

/// No text.
pub static BINARY_FILE: Code = Code {
    code: "binary-file",
    text: Text { ja: "テキストファイルではありません", en: "not a text file" },
    help: Text {
        ja: "表計算ソフトで「CSV UTF-8」として保存し直すか、圧縮を解いてから指定してください",
        en: "save the workbook as `CSV UTF-8`, or unpack the archive first",
    },
    example: "list.xlsx",
};

/// The bytes are not what they were taken for.
pub static WRONG_ENCODING: Code = Code {
    code: "wrong-encoding",
    text: Text {
        ja: "文字コードとして読み取れないバイトがあります", en: "bytes that are not text in the encoding"
    },
    help: Text {
        ja: "UTF-8 か CP932（シフトJIS）で保存し直すか、マッピングファイルに encoding = \"cp932\" のように指定してください。途中で切れたファイルの可能性もあります",
        en: "save it as UTF-8 or CP932 (Shift_JIS), or say `encoding = \"cp932\"` in a mapping file; the file may also have been cut off",
    },
    example: "192.0.2.1,2014-06-30 09:00:00,\\xFF",
};

/// A heading and nothing below it.
pub static NO_ROWS: Code = Code {
    code: "no-rows",
    text: Text { ja: "データ行がありません", en: "there are no rows" },
    help: Text {
        ja: "見出しだけのファイルです。該当なしの報告でなければ、送信元に確認してください",
        en: "the file has a heading only; unless there is nothing to report, ask the source",
    },
    example: "IPアドレス,日時",
};

/// A zero byte.
pub static NUL_BYTE: Code = Code {
    code: "nul-byte",
    text: Text { ja: "行にNUL文字（0x00）が含まれています", en: "the row holds a NUL byte" },
    help: Text {
        ja: "出力元の不具合か、転送中の破損の可能性があります。元の記録から出力し直してください",
        en: "the source's export or the transfer is broken; export the row again",
    },
    example: "192.0.2.1,2014-06-30\\0 09:00:00",
};

/// More text than a column holds.
pub static TOO_LARGE: Code = Code {
    code: "file-too-large",
    text: Text {
        ja: "1つの項目の合計が2ギガバイトを超えるため、1つの報告として読み取れません",
        en: "one column of it is longer than 2 GiB, which is more than one report holds",
    },
    help: Text {
        ja: "示した行の手前でファイルを分け、見出しを付けて、別々の報告として取り込んでください",
        en: "split the file before the line named, give each part the heading, and hand them in as reports of their own",
    },
    example: "a list of 40 million rows with long remarks",
};

/// What this file can utter.
pub static CODES: &[&Code] = &[&EMPTY_FILE, &BINARY_FILE, &WRONG_ENCODING, &NO_ROWS, &NUL_BYTE, &TOO_LARGE];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SAMPLE_TEXT: &str = "送信元IP,日時\r\n192.0.2.1,2014/06/30 09:00:00\nｶﾅ,表\\～㈱①\r最後";

    fn utf16(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    fn cp932(text: &str) -> Vec<u8> {
        let (bytes, _, lossy) = SHIFT_JIS.encode(text);
        assert!(!lossy);
        bytes.into_owned()
    }

    fn encoded() -> Vec<(Vec<u8>, Encoding)> {
        let with = |mark: &[u8], body: Vec<u8>| [mark, &body].concat();
        vec![
            (SAMPLE_TEXT.as_bytes().to_vec(), Encoding::Utf8),
            (with(b"\xEF\xBB\xBF", SAMPLE_TEXT.as_bytes().to_vec()), Encoding::Utf8),
            (with(b"\xFF\xFE", utf16(SAMPLE_TEXT, false)), Encoding::Utf16Le),
            (with(b"\xFE\xFF", utf16(SAMPLE_TEXT, true)), Encoding::Utf16Be),
            (utf16(SAMPLE_TEXT, false), Encoding::Utf16Le),
            (utf16(SAMPLE_TEXT, true), Encoding::Utf16Be),
            (cp932(SAMPLE_TEXT), Encoding::Cp932),
        ]
    }

    #[test]
    fn each_encoding_is_found_and_offsets_are_those_of_the_received_bytes() {
        for (bytes, encoding) in encoded() {
            let decoded = Decoded::of("f", &bytes, None).unwrap();
            assert_eq!(decoded.encoding, encoding);
            assert_eq!(decoded.text, SAMPLE_TEXT);
            let mut cursor = decoded.cursor();
            let (mut at, mut line) = (0, 1);
            while at < decoded.text.len() {
                let (end, next) = line_from(&decoded.text, at);
                let piece = &decoded.text[at..end];
                let (offset, cursor_line) = cursor.to(at);
                let from = usize::try_from(offset).unwrap();
                let raw = &bytes[from..from + cursor.width(piece)];
                assert_eq!(decode(raw, encoding), (Cow::Borrowed(piece), Vec::new()));
                assert_eq!(cursor_line, line);
                (at, line) = (next, line + 1);
            }
            assert_eq!(line, 5);
        }
    }

    /// WHATWG Encoding Standard, 12.3.1: every pair of bytes that decodes to one character is two bytes wide here too.
    #[test]
    fn every_character_of_cp932_is_as_wide_as_it_was() {
        for lead in 0..=255_u8 {
            for bytes in [vec![lead], vec![lead, b'@'], vec![lead, 0x80], vec![lead, 0xFC]] {
                if let (text, broken) = decode(&bytes, Encoding::Cp932)
                    && broken.is_empty()
                {
                    let width: usize = text.chars().map(|c| Encoding::Cp932.width(c)).sum();
                    assert_eq!(width, bytes.len(), "{bytes:02X?}");
                }
            }
        }
    }

    #[test]
    fn wrong_bytes_are_named_by_line_and_byte() {
        let problem = Decoded::of("f.csv", b"ip,time\n192.0.2.1,\xFF\xFD\n", None).err().unwrap();
        assert_eq!((problem.code.code, problem.place.line), ("wrong-encoding", Some(2)));
        assert!(problem.value_for_submitter().unwrap().starts_with("byte 18 (FF FD"));
        let declared = Decoded::of("f.csv", &cp932("送信元IP\n"), Some(Encoding::Utf8)).err().unwrap();
        assert_eq!((declared.code.code, declared.place.line), ("wrong-encoding", Some(1)));
        // Cut off in the middle of a character: not taken for CP932.
        let cut = "送信元IP,日時,備考\n192.0.2.1,2014/06/30 09:00,東京".as_bytes();
        let problem = Decoded::of("f.csv", &cut[..cut.len() - 1], None).err().unwrap();
        assert_eq!((problem.code.code, problem.place.line), ("wrong-encoding", Some(2)));
        // Every byte of it is ASCII.
        let mail = b"\x1b$BF|;~\x1b(B,IP\n2014/06/30 09:00:00,192.0.2.1\n";
        let problem = Decoded::of("f.csv", mail, None).err().unwrap();
        assert_eq!((problem.code.code, problem.place.line), ("wrong-encoding", Some(1)));
        assert!(problem.value_for_submitter().unwrap().contains("ISO-2022-JP"));
        let odd = &utf16("ip,time\r\n", false)[..17];
        assert_eq!(Decoded::of("f.csv", odd, None).err().unwrap().code.code, "wrong-encoding");
    }

    #[test]
    fn what_is_no_text_is_said_to_be_none() {
        for (bytes, code) in [
            (&b""[..], "empty-file"),
            (b" \r\n\n", "empty-file"),
            (b"\xEF\xBB\xBF", "empty-file"),
            (b"PK\x03\x04\x14\0\0\0", "binary-file"),
            (b"\x7FELF\x01\x02\x03\x04\x05\x06\x07\x08\x0E\x0F", "binary-file"),
        ] {
            assert_eq!(Decoded::of("f", bytes, None).err().unwrap().code.code, code);
        }
    }

    /// What a file is must not depend on where the first 16 KiB happen to end.
    #[test]
    fn the_beginning_of_a_long_file_is_text_in_every_encoding() {
        for shift in 0..4 {
            for end in ["\r\n", "\n", "\r", ""] {
                let text = format!("{}{}", "x".repeat(shift), format!("192.0.2.1,東京😁,ｶﾅ{end}").repeat(1_500));
                let plain = text.replace('😁', "");
                for bytes in [utf16(&text, false), utf16(&text, true), cp932(&plain), text.clone().into_bytes()] {
                    for marked in [bytes.clone(), utf16(&format!("\u{FEFF}{text}"), true)] {
                        let start = beginning(&marked);
                        assert!(start.len() > 16_000 && start.len() <= 16_384);
                        let whole = Decoded::of("f", &marked, None).unwrap();
                        let part = Decoded::of("f", start, None).unwrap_or_else(|p| panic!("{shift} {end:?} {p}"));
                        assert_eq!(part.encoding, whole.encoding);
                        assert!(whole.text.starts_with(&*part.text), "{shift} {end:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn full_width_is_folded() {
        assert_eq!(fold("１９２．０．２．１：８０"), "192.0.2.1:80");
        assert_eq!(fold("　２０１４／０６／３０　０９：００ "), "2014/06/30 09:00");
        assert_eq!(fold("−１"), "-1");
        assert_eq!(fold("192。0。2。1"), "192.0.2.1");
        assert!(matches!(fold("192.0.2.1"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_offsets_stay_inside(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(decoded) = Decoded::of("f", &bytes, None) {
                let (end, _) = decoded.cursor().to(decoded.text.len());
                prop_assert_eq!(usize::try_from(end).unwrap(), bytes.len());
            }
        }
    }
}
