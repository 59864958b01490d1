//! Which format a file is of.

use model::Text;
use model::problem::{Code, Place, Problem};

use crate::reading::{Input, Likelihood};
use crate::text::{Decoded, beginning};
use crate::{FORMATS, Format};

/// The format of that name, or, for `auto` or none, the one that the file most likely is of.
///
/// # Errors
/// [`UNKNOWN_FORMAT_NAME`] for a name that is none, [`UNKNOWN_FORMAT`] where no format knows the file, [`SEVERAL_FORMATS`] where two
/// know it equally well; each lists the names to choose from. Where it can be told why no format knows the file (it is empty, no
/// text, in another encoding, a list of addresses without times), that is said instead.
pub fn detect(input: &Input<'_>, wanted: Option<&str>) -> Result<&'static dyn Format, Problem> {
    choose(input, wanted, FORMATS)
}

/// The format of a file for which there is a mapping: JSON by its first letter, or else a list.
#[must_use]
pub fn by_mapping(input: &Input<'_>) -> &'static dyn Format {
    let json = Decoded::leniently(input.file, beginning(input.bytes)).is_ok_and(|decoded| {
        let text = decoded.text.trim_start();
        text.starts_with('{') || text.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(['{', ']']))
    });
    if json { &crate::list::Json } else { &crate::list::List }
}

fn choose(
    input: &Input<'_>,
    wanted: Option<&str>,
    formats: &[&'static dyn Format],
) -> Result<&'static dyn Format, Problem> {
    let problem = |code, names: String| Err(Problem::new(code, Place::file(input.file)).with_value(&names));
    let all = || names(formats.iter().copied());
    if let Some(name) = wanted.filter(|name| *name != "auto") {
        return match formats.iter().find(|format| format.name() == name) {
            Some(format) => Ok(*format),
            None => problem(&UNKNOWN_FORMAT_NAME, format!("{name}; {}", all())),
        };
    }
    let likely: Vec<(Likelihood, &'static dyn Format)> =
        formats.iter().map(|format| (format.likelihood(input), *format)).collect();
    let best = likely.iter().map(|(likelihood, _)| *likelihood).max().unwrap_or(Likelihood::No);
    if best == Likelihood::No {
        return why_not(input).map_or_else(|| problem(&UNKNOWN_FORMAT, all()), Err);
    }
    let mut top = likely.iter().filter(|(likelihood, _)| *likelihood == best).map(|(_, format)| *format);
    match (top.next(), top.next()) {
        (Some(one), None) => Ok(one),
        _ => problem(
            &SEVERAL_FORMATS,
            names(likely.iter().filter(|(likelihood, _)| *likelihood == best).map(|(_, format)| *format)),
        ),
    }
}

/// What keeps a file that no format knows from being read, if that can be told.
fn why_not(input: &Input<'_>) -> Option<Problem> {
    match Decoded::leniently(input.file, beginning(input.bytes)) {
        Ok(decoded) => crate::list::what_is_missing(input.file, &decoded),
        Err(problem) => Some(problem),
    }
}

fn names(formats: impl Iterator<Item = &'static dyn Format>) -> String {
    formats.map(Format::name).collect::<Vec<_>>().join(", ")
}

/// A name that no format has.
pub static UNKNOWN_FORMAT_NAME: Code = Code {
    code: "unknown-format-name",
    text: Text { ja: "その名前の形式はありません", en: "there is no format of that name" },
    help: Text {
        ja: "示した名前のいずれか、または auto を指定してください（`ingest` では `--format`、`convert` では `--from`）",
        en: "give one of the names shown, or `auto` (`--format` of `ingest`, `--from` of `convert`)",
    },
    example: "--from shadowsever",
};

/// No format knows the file.
pub static UNKNOWN_FORMAT: Code = Code {
    code: "unknown-format",
    text: Text { ja: "ファイルの形式が分かりません", en: "no format was recognised" },
    help: Text {
        ja: "手作業の一覧（list）なら、見出し行に「IPアドレス」と「日時」があるか確認するか、`--mapping` で列の意味を示してください。形式が分かっていれば、示した名前で指定してください（`ingest` では `--format`、`convert` では `--from`）",
        en: "a list made by hand needs a heading such as `ip` and `time`, or a mapping file (`--mapping`) that says what its columns mean; where the format is known, give its name (`--format` of `ingest`, `--from` of `convert`)",
    },
    example: "notes.txt",
};

/// Several formats know the file equally well.
pub static SEVERAL_FORMATS: Code = Code {
    code: "several-formats",
    text: Text {
        ja: "複数の形式として読み取れるため、自動では決められません",
        en: "the file could be of several formats",
    },
    help: Text {
        ja: "示した名前のいずれかを指定してください（`ingest` では `--format`、`convert` では `--from`）",
        en: "give one of the names shown (`--format` of `ingest`, `--from` of `convert`)",
    },
    example: "events.csv",
};

/// What this file can utter.
pub static CODES: &[&Code] = &[&UNKNOWN_FORMAT_NAME, &UNKNOWN_FORMAT, &SEVERAL_FORMATS];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writing::{Rendering, Written};
    use crate::{Halt, Opening, Reader};
    use law::Subject;
    use model::SightingBatch;

    struct Sure(&'static str, Likelihood);

    impl Format for Sure {
        fn name(&self) -> &'static str {
            self.0
        }
        fn specification(&self) -> &'static str {
            "this test"
        }
        fn likelihood(&self, _: &Input<'_>) -> Likelihood {
            self.1
        }
        fn open<'a>(&self, opening: Opening<'a>) -> Result<Box<dyn Reader + 'a>, Halt> {
            Err(Problem::new(&UNKNOWN_FORMAT, Place::file(opening.file)).into())
        }
        fn write(&self, _: &SightingBatch, _: &Rendering<'_>) -> Option<Written> {
            None
        }
    }

    static FORMATS: [&dyn Format; 4] = [
        &Sure("a", Likelihood::Possible),
        &Sure("b", Likelihood::Likely),
        &Sure("c", Likelihood::Likely),
        &Sure("d", Likelihood::No),
    ];

    #[test]
    fn the_likeliest_is_taken_and_a_tie_is_said_to_be_one() {
        let input = Input { file: "f", bytes: b"x", subject: Subject::OwnFile };
        let name = |wanted, formats: &[&'static dyn Format]| choose(&input, wanted, formats).map(Format::name);
        assert_eq!(name(None, &FORMATS[..2]).unwrap(), "b");
        assert_eq!(name(Some("a"), &FORMATS).unwrap(), "a");
        let tie = name(Some("auto"), &FORMATS).unwrap_err();
        assert_eq!((tie.code.code, tie.value_for_submitter()), ("several-formats", Some("b, c")));
        let none = name(None, &FORMATS[3..]).unwrap_err();
        assert_eq!((none.code.code, none.value_for_submitter()), ("unknown-format", Some("d")));
        for (bytes, code) in [
            (&b""[..], "empty-file"),
            (b"PK\x03\x04\x14\0\0\0", "binary-file"),
            (b"\xFF\xFEi\0p\0,", "wrong-encoding"),
            (b"192.0.2.1\n192.0.2.2\n", "no-time-column"),
            (b"ip,start,end\n192.0.2.1,2014/7/1 1:00:00,2014/7/1 2:00:00\n", "two-time-columns"),
            (b"192.0.2.1,192.0.2.2,2014/7/1 1:00:00\n", "two-address-columns"),
            (b"dear all, please see below\n", "unknown-format"),
            (b"{\"a\": \"192.0.2.1\"}", "unknown-format"),
        ] {
            let input = Input { file: "f", bytes, subject: Subject::OwnFile };
            assert_eq!(choose(&input, None, crate::FORMATS).map(Format::name).unwrap_err().code.code, code);
        }
        let odd = name(Some("z"), &FORMATS).unwrap_err();
        assert_eq!((odd.code.code, odd.value_for_submitter()), ("unknown-format-name", Some("z; a, b, c, d")));
    }
}
