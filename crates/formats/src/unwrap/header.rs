//! The header of a mail or of a part: fields (RFC 5322, 2.2), words in other alphabets (RFC 2047), parameters (RFC 2045, RFC 2231).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use encoding_rs::{Encoding, ISO_2022_JP, SHIFT_JIS};

/// More fields than that are not looked at.
const MOST_FIELDS: usize = 1_000;

/// Base64 as senders write it: with padding or without, and with odd bits at its end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The fields of a header, in their order.
#[derive(Debug, Default)]
pub(crate) struct Header(Vec<(String, Vec<u8>)>);

impl Header {
    /// Reads the lines of a header; what is no field is passed over.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
        for line in bytes.split(|b| *b == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.first().is_some_and(|b| matches!(b, b' ' | b'\t')) {
                if let Some((_, value)) = fields.last_mut() {
                    value.extend_from_slice(line);
                }
                continue;
            }
            let Some((name, value)) = field(line) else { continue };
            if fields.len() >= MOST_FIELDS {
                break;
            }
            fields.push((name, value.to_vec()));
        }
        Self(fields)
    }

    /// The first field of that name (in lower case), as written.
    pub(crate) fn raw(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim_ascii())
    }

    /// All fields of that name, as text.
    pub(crate) fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = String> + 'h {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| words(value.trim_ascii()))
    }

    /// The first field of that name, as text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.raw(name).map(words)
    }

    /// The names of all fields, in lower case.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The first field of that name as a word in lower case and its parameters.
    pub(crate) fn parameters(&self, name: &str) -> Option<Parameters> {
        self.raw(name).map(Parameters::of)
    }
}

/// A line as field name, in lower case, and value.
pub(super) fn field(line: &[u8]) -> Option<(String, &[u8])> {
    let colon = line.iter().position(|b| *b == b':')?;
    let (name, value) = (line.get(..colon)?.trim_ascii_end(), line.get(colon + 1..)?);
    let sound = !name.is_empty() && name.len() <= 100 && name.iter().all(u8::is_ascii_graphic);
    sound.then(|| (String::from_utf8_lossy(name).to_ascii_lowercase(), value))
}

/// The encoding that a label names; what mail calls the Japanese ones as well.
pub(crate) fn charset(label: &str) -> Option<&'static Encoding> {
    let label = label.trim().to_ascii_lowercase();
    match label.as_str() {
        "cp932" | "ms932" | "windows-31j" | "x-ms-cp932" => Some(SHIFT_JIS),
        "iso-2022-jp-ms" | "iso-2022-jp-1" | "iso-2022-jp-2" | "iso-2022-jp-3" | "cp50220" | "cp50221" | "cp50222" => {
            Some(ISO_2022_JP)
        }
        label => Encoding::for_label(label.as_bytes()),
    }
}

/// Bytes that nobody declared: UTF-8 where they are, else what Japanese mail programs leave bare.
fn undeclared(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.contains(&0x1B) => ISO_2022_JP.decode_without_bom_handling(text.as_bytes()).0.into_owned(),
        Ok(text) => text.to_owned(),
        Err(_) => SHIFT_JIS.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// A text with its encoded words (RFC 2047) read. Words side by side in one charset are one text: many programs cut characters in two.
pub(crate) fn words(bytes: &[u8]) -> String {
    let text = undeclared(bytes);
    let mut out = String::with_capacity(text.len());
    let mut pending: Option<(&'static Encoding, Vec<u8>)> = None;
    let mut rest = text.as_str();
    let flush = |pending: &mut Option<(&'static Encoding, Vec<u8>)>, out: &mut String| {
        if let Some((charset, bytes)) = pending.take() {
            out.push_str(&charset.decode_without_bom_handling(&bytes).0);
        }
    };
    while let Some(at) = rest.find("=?") {
        let (before, word) = rest.split_at(at);
        let Some((charset, bytes, length)) = encoded_word(word) else {
            flush(&mut pending, &mut out);
            out.push_str(before);
            out.push_str("=?");
            rest = word.get(2..).unwrap_or_default();
            continue;
        };
        // Space between two words is no text.
        if pending.is_none() || !before.trim().is_empty() {
            flush(&mut pending, &mut out);
            out.push_str(before);
        }
        match &mut pending {
            Some((same, all)) if *same == charset => all.extend(bytes),
            _ => {
                flush(&mut pending, &mut out);
                pending = Some((charset, bytes));
            }
        }
        rest = word.get(length..).unwrap_or_default();
    }
    flush(&mut pending, &mut out);
    out.push_str(rest);
    out
}

/// The encoded word that a text begins with: its charset, its bytes, and how long it is.
fn encoded_word(text: &str) -> Option<(&'static Encoding, Vec<u8>, usize)> {
    let inside = text.strip_prefix("=?")?;
    let (label, rest) = inside.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (word, _) = rest.split_once("?=")?;
    let length = 2 + label.len() + 1 + encoding.len() + 1 + word.len() + 2;
    // A language may stand behind the charset (RFC 2231, 5).
    let charset = charset(label.split('*').next().unwrap_or_default())?;
    let bytes = match encoding {
        "B" | "b" => BASE64.decode(word.trim()).ok()?,
        "Q" | "q" => {
            let spaced = word.replace('_', " ");
            percent(spaced.as_bytes(), b'=')
        }
        _ => return None,
    };
    Some((charset, bytes, length))
}

/// Bytes in which `mark` and two hexadecimal digits stand for one.
pub(super) fn percent(text: &[u8], mark: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, further)) = rest.split_first() {
        match further.get(..2).filter(|_| *first == mark).and_then(hexadecimal) {
            Some(byte) => {
                bytes.push(byte);
                rest = further.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = further;
            }
        }
    }
    bytes
}

/// The byte that two hexadecimal digits name.
pub(super) fn hexadecimal(pair: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// A field's word and its parameters: `text/csv; charset=utf-8; name="a.csv"`.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    /// The word, in lower case.
    pub(crate) value: String,
    parameters: Vec<(String, String)>,
}

impl Parameters {
    /// Reads the value of a field.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let text = undeclared(bytes);
        let mut pieces = pieces(&text).into_iter();
        let value = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
        let mut plain: Vec<(String, String)> = Vec::new();
        // Parts of a long parameter: name, number, whether percent-encoded, text (RFC 2231, 3 and 4).
        let mut parts: Vec<(String, u32, bool, String)> = Vec::new();
        for piece in pieces.take(200) {
            let Some((name, text)) = piece.split_once('=') else { continue };
            let (name, text) = (name.trim().to_ascii_lowercase(), unquoted(text.trim()));
            match name.split_once('*') {
                None => plain.push((name, text)),
                Some((base, "")) => parts.push((base.to_owned(), 0, true, text)),
                Some((base, number)) => {
                    let (number, encoded) = number.strip_suffix('*').map_or((number, false), |number| (number, true));
                    if let Ok(number) = number.parse() {
                        parts.push((base.to_owned(), number, encoded, text));
                    }
                }
            }
        }
        parts.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let mut parameters: Vec<(String, String)> = Vec::new();
        for run in parts.chunk_by(|a, b| a.0 == b.0) {
            let mut label = String::new();
            let mut bytes = Vec::new();
            for (at, (_, _, encoded, text)) in run.iter().enumerate() {
                let mut text = text.as_str();
                if at == 0 && *encoded {
                    let mut thirds = text.splitn(3, '\'');
                    if let (Some(first), Some(_), Some(rest)) = (thirds.next(), thirds.next(), thirds.next()) {
                        first.clone_into(&mut label);
                        text = rest;
                    }
                }
                if *encoded { bytes.extend(percent(text.as_bytes(), b'%')) } else { bytes.extend(text.as_bytes()) }
            }
            let text = match charset(&label) {
                Some(charset) => charset.decode_without_bom_handling(&bytes).0.into_owned(),
                None => undeclared(&bytes),
            };
            if let Some((name, ..)) = run.first() {
                parameters.push((name.clone(), text));
            }
        }
        // Not by the book, but what most programs write: encoded words inside a parameter.
        let plain = plain.into_iter().map(|(name, text)| (name, words(text.as_bytes())));
        parameters.extend(plain);
        Self { value, parameters }
    }

    /// The parameter of that name, in lower case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }
}

/// A field's value at its semicolons, not those inside quotes, without comments.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let (mut quoted, mut comment, mut escaped) = (false, 0_u32, false);
    for c in text.chars() {
        if comment > 0 {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '(' => comment += 1,
                ')' => comment -= 1,
                _ => {}
            }
            continue;
        }
        match c {
            '"' if !escaped => quoted = !quoted,
            '(' if !quoted => {
                comment = 1;
                continue;
            }
            ';' if !quoted => {
                pieces.push(String::new());
                continue;
            }
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
        if let Some(last) = pieces.last_mut() {
            last.push(c);
        }
    }
    pieces
}

/// A text without the quotes around it; a quote or backslash behind a backslash is itself. A backslash before anything else is one: file
/// names from Windows have them.
fn unquoted(text: &str) -> String {
    let Some(inside) = text.strip_prefix('"') else { return text.to_owned() };
    let inside = inside.strip_suffix('"').unwrap_or(inside);
    let mut out = String::with_capacity(inside.len());
    let mut rest = inside.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('\\', Some('"' | '\\')) => out.extend(rest.next()),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_every_charset_that_japanese_mail_has() {
        for (written, wanted) in [
            ("=?ISO-2022-JP?B?GyRCNDZAdxsoQi5jc3Y=?=", "感染.csv"),
            ("=?UTF-8?B?5oSf5p+TLmNzdg==?=", "感染.csv"),
            ("=?utf-8?Q?=E6=84=9F=E6=9F=93=2Ecsv?=", "感染.csv"),
            ("=?Shift_JIS?B?irSQ9S5jc3Y=?=", "感染.csv"),
            ("=?cp932?b?irSQ9S5jc3Y?=", "感染.csv"),
            // A character cut in two, and space between words.
            ("=?UTF-8?B?5oSf5p8=?=\r\n =?UTF-8?B?ky5jc3Y=?= x", "感染.csv x"),
            ("a =?utf-8?q?b_c?= d", "a b c d"),
            ("=?no-such?B?AAAA?= =?x", "=?no-such?B?AAAA?= =?x"),
            ("plain", "plain"),
        ] {
            assert_eq!(words(written.replace("\r\n", "").as_bytes()), wanted, "{written}");
        }
        assert_eq!(words(b"\x8a\xb4\x90\xf5.csv"), "感染.csv");
        assert_eq!(words(b"\x1b$B46@w\x1b(B.csv"), "感染.csv");
    }

    #[test]
    fn parameters_long_quoted_and_encoded() {
        let header = Header::of(
            b"Content-Type: Text/CSV (a list; really);\r\n name=\"a;b \\\"c\\\".csv\"; charset=ISO-2022-JP\r\n\
              Content-Disposition: attachment;\r\n\tfilename*0*=utf-8'ja'%E6%84%9F;\r\n\tfilename*1*=%E6%9F%93;\r\n filename*2=\".csv\"\r\n\
              X-Other: attachment; filename*=Shift_JIS''%8a%b4%90%f5.csv; filename=\"=?UTF-8?B?5oSf?=\"\r\n",
        );
        let kind = header.parameters("content-type").unwrap();
        assert_eq!((kind.value.as_str(), kind.get("name")), ("text/csv", Some("a;b \"c\".csv")));
        assert_eq!(kind.get("charset"), Some("ISO-2022-JP"));
        assert_eq!(header.parameters("content-disposition").unwrap().get("filename"), Some("感染.csv"));
        assert_eq!(header.parameters("x-other").unwrap().get("filename"), Some("感染.csv"));
        assert_eq!(Parameters::of(b"attachment; filename=\"=?UTF-8?B?5oSf?=\"").get("filename"), Some("感"));
    }
}
