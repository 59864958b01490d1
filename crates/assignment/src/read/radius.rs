//! RADIUS accounting records as FreeRADIUS writes them to its `detail` files (RFC 2866, RFC 2869; `man rlm_detail`).
//!
//! A record is a line with the date on which it was written, its attributes on indented lines `Name = value`, and an empty
//! line. `samples/radius-detail` shows it. What counts:
//!
//! | attribute | for |
//! |---|---|
//! | `Acct-Status-Type` | Start, Interim-Update, Stop; Accounting-On, Accounting-Off; anything else is beside the point |
//! | `Acct-Unique-Session-Id`, else the access server and `Acct-Session-Id` | which session |
//! | `User-Name` | the subscriber's reference |
//! | `Framed-IP-Address`, `Framed-IPv6-Prefix`, `Framed-IPv6-Address`, `Delegated-IPv6-Prefix` | what he held |
//! | `NAS-IP-Address`, `NAS-IPv6-Address`, `NAS-Identifier` | which access server |
//! | `ADSL-Agent-Circuit-Id`, else the access server and `NAS-Port-Id` or `NAS-Port` | which line |
//! | `Event-Timestamp`, else `Timestamp` less `Acct-Delay-Time`, else the record's first line less that | when |
//! | `Acct-Session-Time` | since when, where the Start was lost |

use std::collections::HashMap;
use std::io::BufRead;

use formats::{Reject, Rejects};
use jiff::civil::{Date, DateTime};
use model::problem::{Code, Place, Problem};
use model::{Address, Zone};

use crate::codes;
use crate::facts::{Anchor, Facts, Reboot, RebootKind, SignKey, Signs, Words};
use crate::read::assignments::About;
use crate::read::lines::{Line, Lines};
use crate::read::table::Unreadable;
use crate::read::time::{by_wall_clock, digits, read_clock};
use crate::resource::Prefix;
use crate::subscriber::is_reference;

/// How far the access server's clock and the accounting server's may be apart, in microseconds: five minutes. Beyond that one
/// of them is wrong, and with it the person that would be named.
const CLOCKS_APART: i64 = 300 * 1_000_000;
/// The longest record that is kept for the error file, in bytes.
const LONGEST_RAW: usize = 8 * 1024;
/// More attributes than any record has.
const MOST_ATTRIBUTES: usize = 1_024;
/// What a session's word begins with. A subscriber's reference has no control character, so that none can be taken for the
/// other where a session stands for a user that nobody named.
const SESSION: char = '\u{1}';

/// What came of a file of accounting records.
pub(crate) struct Accounting {
    pub(crate) facts: Facts,
    /// The line on which a session's first record of the file began.
    pub(crate) lines: HashMap<u32, u64>,
    pub(crate) records: u64,
    /// Records that are not about sessions: tunnels, failed attempts.
    pub(crate) beside: u64,
    pub(crate) rejects: Rejects,
    /// The earliest record's time.
    pub(crate) first: Option<i64>,
}

/// Reads accounting records; new words are added to `words`.
pub(crate) fn read_accounting(
    source: impl BufRead,
    about: &About<'_>,
    words: &mut Words,
) -> Result<Accounting, Unreadable> {
    let mut lines = Lines::of(source);
    let mut reader = Reader {
        about,
        words,
        it: Accounting {
            facts: Facts::default(),
            lines: HashMap::new(),
            records: 0,
            beside: 0,
            rejects: Rejects::default(),
            first: None,
        },
    };
    let mut record: Option<Record> = None;
    let mut any = false;
    while let Some((number, line)) = lines.next()? {
        let text = match line {
            Line::Text(text) => text,
            Line::Utf16 => {
                return Err(Unreadable::Problem(Problem::new(&codes::ENCODING, Place::file(about.file).line(number))));
            }
            Line::Garbled(raw) => {
                record.get_or_insert_with(|| Record::begin(number, "")).spoil(&codes::TEXT, number, &raw);
                continue;
            }
            Line::TooLong(raw) => {
                record.get_or_insert_with(|| Record::begin(number, "")).spoil(&codes::LINE_TOO_LONG, number, &raw);
                continue;
            }
        };
        if text.trim().is_empty() {
            if let Some(record) = record.take() {
                reader.take(record);
            }
        } else if text.starts_with([' ', '\t']) {
            record.get_or_insert_with(|| Record::begin(number, "")).attribute(number, &text);
        } else {
            if let Some(record) = record.take() {
                reader.take(record);
            }
            record = Some(Record::begin(number, &text));
        }
        any = true;
    }
    if let Some(mut record) = record {
        // The accounting server writes `Timestamp` last: a record at the file's end without it was cut off.
        if record.value("Timestamp").is_none() {
            record.spoil(&codes::RADIUS_CUT_OFF, record.line, "");
        }
        reader.take(record);
    }
    if !any {
        return Err(Unreadable::Problem(Problem::new(&codes::EMPTY, Place::file(about.file))));
    }
    Ok(reader.it)
}

/// One record as written.
struct Record {
    line: u64,
    heading: String,
    attributes: Vec<(String, String)>,
    raw: String,
    fault: Option<(u64, &'static Code)>,
}

impl Record {
    fn begin(line: u64, heading: &str) -> Self {
        Self { line, heading: heading.to_owned(), attributes: Vec::new(), raw: heading.to_owned(), fault: None }
    }

    fn keep(&mut self, text: &str) {
        if self.raw.len() + text.len() < LONGEST_RAW {
            if !self.raw.is_empty() {
                self.raw.push('\n');
            }
            self.raw.push_str(text);
        }
    }

    fn spoil(&mut self, code: &'static Code, line: u64, raw: &str) {
        self.keep(raw);
        self.fault.get_or_insert((line, code));
    }

    fn attribute(&mut self, number: u64, text: &str) {
        self.keep(text);
        let attribute =
            text.trim().split_once('=').map(|(name, value)| (name.trim_end_matches([' ', ':', '+']), value.trim()));
        match attribute.and_then(|(name, value)| Some((name, unquoted(value)?))) {
            Some((name, value)) if !name.is_empty() && self.attributes.len() < MOST_ATTRIBUTES => {
                self.attributes.push((name.to_owned(), value));
            }
            _ => self.spoil(&codes::RADIUS_LINE, number, ""),
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        let named = self.attributes.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).find(|value| !value.is_empty())
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.attributes.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.value(name)?.parse::<u32>().ok().map(i64::from)
    }
}

/// A value without its quotes; none where a quote is open or an escape is none.
fn unquoted(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else { return Some(value.to_owned()) };
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.bytes();
    loop {
        match bytes.next()? {
            b'"' => break,
            b'\\' => match bytes.next()? {
                b'n' => text.push(b'\n'),
                b'r' => text.push(b'\r'),
                b't' => text.push(b'\t'),
                first @ b'0'..=b'3' => {
                    let mut octal = u32::from(first - b'0');
                    for _ in 0..2 {
                        octal = octal * 8 + u32::from(bytes.next().filter(|byte| (b'0'..=b'7').contains(byte))? - b'0');
                    }
                    text.push(u8::try_from(octal).ok()?);
                }
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
    if bytes.next().is_some() { None } else { String::from_utf8(text).ok() }
}

struct Reader<'a> {
    about: &'a About<'a>,
    words: &'a mut Words,
    it: Accounting,
}

/// What is wrong with a record: the code, with which attribute.
struct Fault(&'static Code, &'static str);

enum Status {
    Start,
    Interim,
    Stop,
    Reboot(RebootKind),
}

impl Reader<'_> {
    fn take(&mut self, record: Record) {
        self.it.records += 1;
        let fault = match record.fault {
            Some((line, code)) => Some((line, code, None)),
            None => self.read(&record).err().map(|Fault(code, field)| (record.line, code, Some(field))),
        };
        if let Some((line, code, field)) = fault {
            let value = field.and_then(|field| record.value(field)).map(str::to_owned);
            self.it.rejects.0.push(Reject { line, code, field: field.map(str::to_owned), value, raw: record.raw });
        }
    }

    fn read(&mut self, record: &Record) -> Result<(), Fault> {
        // RFC 2866, section 5.1; the numbers stand where the server has no dictionary.
        let status = match record.value("Acct-Status-Type").ok_or(Fault(&codes::RADIUS_STATUS, "Acct-Status-Type"))? {
            "Start" | "1" => Status::Start,
            "Stop" | "2" => Status::Stop,
            "Interim-Update" | "Alive" | "3" => Status::Interim,
            "Accounting-On" | "7" => Status::Reboot(RebootKind::On),
            "Accounting-Off" | "8" => Status::Reboot(RebootKind::Off),
            _ => {
                self.it.beside += 1;
                return Ok(());
            }
        };
        let at = self.time(record)?;
        const NAMES: [&str; 3] = ["NAS-IP-Address", "NAS-IPv6-Address", "NAS-Identifier"];
        let nas = NAMES.into_iter().find_map(|name| record.value(name));
        if let Status::Reboot(kind) = status {
            nas.ok_or(Fault(&codes::RADIUS_SERVER, "NAS-IP-Address"))?;
            // Under each of its names: its sessions may have been told under one of them only (RFC 2866, section 5.13).
            for name in NAMES.into_iter().filter_map(|name| record.value(name)) {
                let nas = self.words.number(name);
                self.it.facts.reboots.insert(Reboot { nas, at, kind });
            }
            self.note_first(at);
            return Ok(());
        }
        let session = match (record.value("Acct-Unique-Session-Id"), nas, record.value("Acct-Session-Id")) {
            (Some(unique), ..) => format!("{SESSION}u{unique}"),
            (None, Some(nas), Some(session)) => format!("{SESSION}s{nas}/{session}"),
            _ => return Err(Fault(&codes::RADIUS_SESSION, "Acct-Session-Id")),
        };
        let who = match record.value("User-Name") {
            None => None,
            Some(name) if is_reference(name) => Some(name),
            Some(_) => return Err(Fault(&codes::SUBSCRIBER, "User-Name")),
        };
        let held = held(record)?;

        let session = self.words.number(&session);
        let anchor = match (&status, record.number("Acct-Session-Time")) {
            (Status::Start, _) => Anchor::Started(at),
            // Some servers write 0 into every interim; that says nothing about the start.
            (Status::Interim, Some(0)) | (_, None) => Anchor::Unknown(at),
            (_, Some(seconds)) => Anchor::Started(at.saturating_sub(seconds * 1_000_000)),
        };
        let line = record.value("ADSL-Agent-Circuit-Id").map(str::to_owned).or_else(|| {
            let port = record.value("NAS-Port-Id").or_else(|| record.value("NAS-Port"))?;
            Some(format!("{}/{port}", nas.unwrap_or_default()))
        });
        let key = SignKey {
            table: self.about.table,
            session,
            anchor,
            prefix: None,
            who: who.map(|who| self.words.number(who)),
            line: line.filter(|line| is_reference(line)).map(|line| self.words.number(&line)),
            nas: nas.map(|nas| self.words.number(nas)),
        };
        let signs = Signs {
            first: at,
            last: at,
            start: matches!(status, Status::Start),
            interim: matches!(status, Status::Interim),
            stop: matches!(status, Status::Stop).then_some((at, at)),
        };
        self.it.lines.entry(session).or_insert(record.line);
        self.note_first(at);
        if held.is_empty() {
            self.it.facts.sign(key, signs);
        }
        for prefix in held {
            self.it.facts.sign(SignKey { prefix: Some(prefix), ..key }, signs);
        }
        Ok(())
    }

    fn note_first(&mut self, at: i64) {
        self.it.first = Some(self.it.first.map_or(at, |first| first.min(at)));
    }

    /// When it happened, in microseconds.
    fn time(&self, record: &Record) -> Result<i64, Fault> {
        let delay = record.number("Acct-Delay-Time").unwrap_or(0) * 1_000_000;
        let zone = self.about.zone;
        let written = match record.value("Timestamp") {
            Some(text) => Some(text.parse::<u32>().map_err(|_| Fault(&codes::RADIUS_TIME, "Timestamp"))?),
            None => None,
        };
        let received = written
            .map(|seconds| i64::from(seconds) * 1_000_000)
            .or_else(|| read_heading(&record.heading, zone))
            .map(|at| at.saturating_sub(delay));
        let event = record.value("Event-Timestamp").and_then(|text| read_event(text, zone));
        let at = match (event, received) {
            (Some(event), Some(received)) if event.abs_diff(received) > CLOCKS_APART.unsigned_abs() => {
                return Err(Fault(&codes::RADIUS_CLOCKS, "Event-Timestamp"));
            }
            (Some(event), _) => event,
            (None, Some(received)) => received,
            (None, None) => return Err(Fault(&codes::RADIUS_TIME, "Timestamp")),
        };
        if at > self.about.latest.as_micros() {
            return Err(Fault(&codes::FUTURE, "Event-Timestamp"));
        }
        Ok(at)
    }
}

/// What the record says the session holds.
fn held(record: &Record) -> Result<Vec<Prefix>, Fault> {
    let mut held: Vec<Prefix> = Vec::new();
    for name in ["Framed-IP-Address", "Framed-IPv6-Prefix", "Framed-IPv6-Address", "Delegated-IPv6-Prefix"] {
        for value in record.values(name) {
            // RFC 2865, section 5.8: the server or the user chooses; no address yet.
            if matches!(value, "255.255.255.255" | "255.255.255.254" | "0.0.0.0" | "::" | "::/0" | "::/64" | "::/128") {
                continue;
            }
            let prefix: Prefix = if name.ends_with("Prefix") {
                // A prefix may be written with bits beyond its length (RFC 3162, section 2.3, says they should be zero).
                let net: ipnet::IpNet = value.parse().map_err(|_| Fault(&codes::ADDRESS, name))?;
                net.trunc().to_string().parse().map_err(|_| Fault(&codes::ADDRESS, name))?
            } else {
                let address: Address = value.parse().map_err(|_| Fault(&codes::ADDRESS, name))?;
                address.to_string().parse().map_err(|_| Fault(&codes::ADDRESS, name))?
            };
            if !held.contains(&prefix) {
                held.push(prefix);
            }
        }
    }
    Ok(held)
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn month(name: &str) -> Option<i8> {
    MONTHS.iter().position(|month| *month == name).and_then(|at| i8::try_from(at + 1).ok())
}

/// `Sun Jun  1 09:00:00 2014`, a wall clock's time; none where no zone was declared.
fn read_heading(text: &str, zone: Option<&Zone>) -> Option<i64> {
    let mut words = text.split_ascii_whitespace().skip(1);
    let (month, day, clock, year) = (month(words.next()?)?, digits(words.next()?)?, words.next()?, words.next()?);
    civil(year, month, day, clock).and_then(|civil| by_wall_clock(civil, zone?).ok()).map(model::Instant::as_micros)
}

/// `Jun  1 2014 09:00:00 JST`, RFC 3339, or seconds since 1970. An abbreviation that means several zones counts as none: then
/// the declared zone, and without one nothing.
fn read_event(text: &str, zone: Option<&Zone>) -> Option<i64> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(i64::from(seconds) * 1_000_000);
    }
    if let Ok(instant) = text.parse::<model::Instant>() {
        return Some(instant.as_micros());
    }
    let mut words = text.split_ascii_whitespace();
    let (month, day, year, clock) = (month(words.next()?)?, digits(words.next()?)?, words.next()?, words.next()?);
    let written = words.next().and_then(|name| name.parse::<Zone>().ok());
    let zone = written.as_ref().or(zone)?;
    civil(year, month, day, clock).and_then(|civil| by_wall_clock(civil, zone).ok()).map(model::Instant::as_micros)
}

fn civil(year: &str, month: i8, day: i8, clock: &str) -> Option<DateTime> {
    let date = Date::new(year.parse().ok()?, month, day).ok()?;
    Some(DateTime::from_parts(date, read_clock(clock)?))
}

#[cfg(test)]
mod tests {
    use model::Instant;

    use super::*;

    fn read(text: &str, zone: Option<&Zone>) -> Accounting {
        let as_of: Instant = "2026-06-08T00:00:00+09:00".parse().unwrap();
        let about = About { file: "detail", table: 0, zone, as_of, latest: as_of.plus_seconds(300) };
        read_accounting(text.as_bytes(), &about, &mut Words::default()).ok().unwrap()
    }

    fn instant(text: &str) -> i64 {
        text.parse::<Instant>().unwrap().as_micros()
    }

    /// 2026-06-01T09:00:00+09:00.
    const NINE: i64 = 1_780_272_000;

    fn record(attributes: &[&str]) -> String {
        format!("Mon Jun  1 09:00:00 2026\n\t{}\n\n", attributes.join("\n\t"))
    }

    #[test]
    fn a_start_is_read() {
        let text = record(&[
            "Acct-Status-Type = Start",
            "Acct-Unique-Session-Id = \"0f3a\"",
            "User-Name = \"kaede\\\\x@example.net\"",
            "Framed-IP-Address = 192.0.2.10",
            "Delegated-IPv6-Prefix = 2001:db8:1:100::/56",
            "NAS-IP-Address = 198.51.100.1",
            "NAS-Port-Id = \"ge-0/0/1:100\"",
            "Event-Timestamp = \"Jun  1 2026 08:59:58 JST\"",
            &format!("Timestamp = {NINE}"),
        ]);
        let read = read(&text, None);
        assert_eq!((read.records, read.rejects.0.len(), read.facts.signs.len()), (1, 0, 2));
        let at = instant("2026-06-01T08:59:58+09:00");
        assert_eq!(read.first, Some(at));
        assert!(
            read.facts
                .signs
                .iter()
                .all(|(key, signs)| key.anchor == Anchor::Started(at) && signs.start && key.line.is_some())
        );
    }

    #[test]
    fn times_however_written() {
        let nine = NINE * 1_000_000;
        let tokyo = Zone::tokyo();
        let with = |attributes: &[&str], zone: Option<&Zone>| {
            let base = ["Acct-Status-Type = Start", "Acct-Unique-Session-Id = \"a\""];
            read(&record(&[&base[..], attributes].concat()), zone).first
        };
        let stamp = format!("Timestamp = {NINE}");
        assert_eq!(with(&[&stamp], None), Some(nine));
        assert_eq!(with(&[&stamp, "Acct-Delay-Time = 7"], None), Some(nine - 7_000_000));
        assert_eq!(with(&[], Some(&tokyo)), Some(nine), "by the record's first line");
        assert_eq!(with(&[], None), None, "a wall clock that stands nowhere");
        assert_eq!(with(&["Event-Timestamp = \"2026-06-01T00:00:00Z\""], None), Some(nine));
        assert_eq!(with(&[&format!("Event-Timestamp = {NINE}")], None), Some(nine));
        assert_eq!(
            with(&["Event-Timestamp = \"Jun  1 2026 09:00:00 IST\"", &stamp], None),
            Some(nine),
            "IST is three zones"
        );
        // A server that has not heard the time yet: neither clock is believed.
        assert_eq!(with(&["Event-Timestamp = \"Jan  1 1970 00:00:07 UTC\"", &stamp], None), None);
        let event = format!("Event-Timestamp = {}", NINE - 3_600);
        assert_eq!(with(&[&event, &stamp, "Acct-Delay-Time = 3600"], None), Some(nine - 3_600_000_000));
        assert_eq!(with(&[&event, &stamp], None), None, "an hour apart and nobody says why");
    }

    #[test]
    fn every_fault_is_a_reject_and_the_others_go_on() {
        let stamp = format!("Timestamp = {NINE}");
        let unique = "Acct-Unique-Session-Id = \"a\"";
        let text = [
            record(&["User-Name = \"a\"", &stamp]),
            record(&["Acct-Status-Type = Start", &stamp]),
            record(&["Acct-Status-Type = Start", unique, "User-Name = \"a\\nb\"", &stamp]),
            record(&["Acct-Status-Type = Start", unique, "Framed-IP-Address = 192.0.2.999", &stamp]),
            record(&["Acct-Status-Type = Start", unique, "User-Name = \"open", &stamp]),
            record(&["Acct-Status-Type = Start", unique, &format!("Timestamp = {}", NINE + 1_000_000)]),
            record(&["Acct-Status-Type = Accounting-On", &stamp]),
            record(&["Acct-Status-Type = Start", unique]),
            record(&["Acct-Status-Type = Tunnel-Start", &stamp]),
            record(&[
                "Acct-Status-Type = Stop",
                "Acct-Session-Id = \"7\"",
                "NAS-Identifier = \"bras1\"",
                "Acct-Session-Time = 60",
                &stamp,
            ]),
            "Mon Jun  1 09:00:00 2026\n\tAcct-Status-Type = Stop\n\tAcct-Uni".to_owned(),
        ]
        .concat();
        let read = read(&text, None);
        let codes: Vec<&str> = read.rejects.0.iter().map(|reject| reject.code.code).collect();
        assert_eq!(
            codes,
            [
                "radius-status",
                "radius-session",
                "assignment-subscriber",
                "assignment-address",
                "radius-line",
                "assignment-future",
                "radius-server",
                "radius-time",
                "radius-line",
            ]
        );
        assert_eq!((read.records, read.beside, read.facts.signs.len()), (11, 1, 1));
        let (key, signs) = read.facts.signs.iter().next().unwrap();
        assert!(key.anchor == Anchor::Started((NINE - 60) * 1_000_000) && signs.stop.is_some() && key.who.is_none());
        let cut = "Mon Jun  1 09:00:00 2026\n\tAcct-Status-Type = Stop\n";
        assert_eq!(self::read(cut, None).rejects.0[0].code.code, "radius-cut-off");
    }

    #[test]
    fn escapes() {
        assert_eq!(unquoted("\"a\\\"b\\\\\\343\\201\\202\"").as_deref(), Some("a\"b\\あ"));
        assert_eq!(unquoted("plain").as_deref(), Some("plain"));
        for bad in ["\"open", "\"a\"b", "\"\\377\"", "\"\\18\"", "\"\\"] {
            assert!(unquoted(bad).is_none(), "{bad}");
        }
    }
}
