//! How a value is put into a letter: as one plain line, times as a person of that language writes them.

use std::borrow::Cow;

use model::{Instant, Lang, Uncertainty, Zone};

/// The longest value that is put into a letter, in characters; what is longer ends in `…`.
pub const LONGEST_VALUE: usize = 500;

/// Whether a mail reader could take the character for anything but text on the same line: control characters, line and
/// paragraph separators, marks that turn the direction of writing round, characters without width (Unicode categories Cc,
/// Zl, Zp and the format characters of UAX #9), and the byte order mark.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The text as one line: a run of control characters, line ends, invisible characters and spaces becomes one space.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    let plain = text.chars().count() <= LONGEST_VALUE
        && !text.chars().any(is_invisible)
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains("  ");
    if plain {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len().min(4 * LONGEST_VALUE));
    let mut length = 0;
    for word in text.split(|character| character == ' ' || is_invisible(character)).filter(|word| !word.is_empty()) {
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        for character in word.chars() {
            if length >= LONGEST_VALUE - 1 {
                line.push('…');
                return Cow::Owned(line);
            }
            line.push(character);
            length += 1;
        }
    }
    Cow::Owned(line)
}

/// Text for the body, control characters other than line feed and tab left out.
#[must_use]
pub(super) fn plain_text(text: &str) -> String {
    text.chars().filter(|character| matches!(character, '\n' | '\t') || !is_invisible(*character)).collect()
}

/// A name that a report gave (malware, campaign), so that no mail program makes a link of it and nobody can put a sentence
/// there: at most 64 letters, digits, spaces and `-_:/+()`, `//` as `/`, and any other character, the dot too unless a digit
/// follows, as `_`.
#[must_use]
pub fn reported_name(name: &str) -> String {
    let line = one_line(name);
    let mut out = String::with_capacity(line.len());
    let mut characters = line.chars().take(64).peekable();
    while let Some(character) = characters.next() {
        match character {
            '.' if characters.peek().is_some_and(char::is_ascii_digit) => out.push('.'),
            '/' if out.ends_with('/') => {}
            ' ' | '-' | '_' | ':' | '/' | '+' | '(' | ')' => out.push(character),
            _ if character.is_alphanumeric() => out.push(character),
            _ => out.push('_'),
        }
    }
    out
}

/// The instant as a person reads it, to the second, always with its zone:
/// `2014年6月30日(月) 09:00:00（日本時間）`, `Mon 30 June 2014, 09:00:00 (+09:00, Asia/Tokyo)`.
#[must_use]
pub fn time_for_people(instant: Instant, zone: &Zone, lang: Lang) -> String {
    let Some(civil) = instant.civil(zone) else { return instant.to_string() };
    let day = usize::try_from(civil.weekday().to_monday_zero_offset()).unwrap_or(0);
    let clock = format!("{:02}:{:02}:{:02}", civil.hour(), civil.minute(), civil.second());
    let offset = offset_of(instant, zone);
    match lang {
        Lang::Ja => {
            let day = ["月", "火", "水", "木", "金", "土", "日"].get(day).unwrap_or(&"");
            let zone = match zone.as_str() {
                "Asia/Tokyo" | "JST" | "+09:00" => "日本時間".to_owned(),
                "UTC" | "Z" | "GMT" => "協定世界時".to_owned(),
                name if name.starts_with(['+', '-']) => format!("UTC{offset}"),
                name => format!("{name} {offset}"),
            };
            format!("{}年{}月{}日({day}) {clock}（{zone}）", civil.year(), civil.month(), civil.day())
        }
        Lang::En => {
            let day = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].get(day).unwrap_or(&"");
            let month = usize::try_from(civil.month() - 1).ok().and_then(|month| MONTHS.get(month)).unwrap_or(&"");
            let zone = match zone.as_str() {
                "UTC" | "Z" | "GMT" => "UTC".to_owned(),
                name if name.starts_with(['+', '-']) => offset,
                name => format!("{offset}, {name}"),
            };
            format!("{day} {} {month} {}, {clock} ({zone})", civil.day(), civil.year())
        }
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The offset that the zone has then, such as `+09:00`.
fn offset_of(instant: Instant, zone: &Zone) -> String {
    let written = instant.in_zone(zone);
    // RFC 3339: the offset is the last six characters.
    written.get(written.len().saturating_sub(6)..).unwrap_or("").to_owned()
}

/// How far a time may be off, in words; none where it is exact.
#[must_use]
pub fn uncertainty_for_people(uncertainty: Uncertainty, lang: Lang) -> Option<String> {
    let seconds = uncertainty.as_micros().div_ceil(1_000_000);
    if seconds == 0 {
        return None;
    }
    Some(match (lang, seconds % 60) {
        (Lang::Ja, 0) => format!("±{}分", seconds / 60),
        (Lang::Ja, _) => format!("±{seconds}秒"),
        (Lang::En, 0) => format!("±{} min", seconds / 60),
        (Lang::En, _) => format!("±{seconds} s"),
    })
}

/// The number with a comma after each three digits: `155,521`.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_written_as_people_write_them() {
        let instant: Instant = "2014-06-30T00:00:00Z".parse().unwrap();
        let tokyo = Zone::tokyo();
        assert_eq!(time_for_people(instant, &tokyo, Lang::Ja), "2014年6月30日(月) 09:00:00（日本時間）");
        assert_eq!(time_for_people(instant, &tokyo, Lang::En), "Mon 30 June 2014, 09:00:00 (+09:00, Asia/Tokyo)");
        assert_eq!(time_for_people(instant, &Zone::utc(), Lang::En), "Mon 30 June 2014, 00:00:00 (UTC)");
        let berlin = "Europe/Berlin".parse().unwrap();
        assert_eq!(time_for_people(instant, &berlin, Lang::Ja), "2014年6月30日(月) 02:00:00（Europe/Berlin +02:00）");
    }

    #[test]
    fn small_words() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(155_521), "155,521");
        assert_eq!(uncertainty_for_people(Uncertainty::NONE, Lang::Ja), None);
        assert_eq!(uncertainty_for_people(Uncertainty::from_seconds(120), Lang::Ja).as_deref(), Some("±2分"));
        assert_eq!(uncertainty_for_people(Uncertainty::from_micros(1), Lang::En).as_deref(), Some("±1 s"));
    }

    #[test]
    fn a_reported_name_is_neither_link_nor_sentence() {
        assert_eq!(reported_name("gameover-zeus"), "gameover-zeus");
        assert_eq!(reported_name("Trojan:Win32/Zbot.2"), "Trojan:Win32/Zbot.2");
        assert_eq!(reported_name("http://evil.example/x"), "http:/evil_example/x");
        assert_eq!(reported_name("a\r\nBcc: b@example.org"), "a Bcc: b_example_org");
        assert_eq!(reported_name(&"x".repeat(1000)).len(), 64);
    }

    proptest! {
        #[test]
        fn one_line_is_one_line(text in any::<String>()) {
            let line = one_line(&text);
            prop_assert!(!line.chars().any(is_invisible));
            prop_assert!(line.chars().count() <= LONGEST_VALUE);
            prop_assert_eq!(one_line(&line), line.as_ref());
        }
    }
}
