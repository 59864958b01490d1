//! Reading a feedback report: the machine-readable part, and of the reported mail its Message-ID.

use std::collections::VecDeque;

use jiff::fmt::rfc2822::DateTimeParser;
use model::problem::{Code, Place, Problem};
use model::report::Provenance;
use model::sighting::Flags;
use model::{Classification, Instant, Sighting, Text};

use crate::civil::{self, Shown};
use crate::extra::Extra;
use crate::fields::{self, ADDRESS_MISSING, BAD_TIME};
use crate::gathered::{Fault, Gathered, RowAt};
use crate::list::TIME_MISSING;
use crate::reading::{Declared, Ending, FUTURE_TOLERANCE_SECONDS, Halt};
use crate::source::{Source, beginning_of, fill};
use crate::stream::{Opening, Reader};
use crate::text::line_ends;
use crate::unwrap::header::Header;
use crate::unwrap::mail::{self, Part};
use crate::unwrap::{Limits, MAIL_CUT_OFF, Stop, beginning_of_part};

/// Of a machine-readable part, and of the header of a mail, so much is read.
const LONGEST: usize = 256 * 1_024;

/// The file is passed on in steps of so many bytes.
const STEP: usize = 1 << 20;

/// So many texts of one field are kept.
const MOST: usize = 50;

/// A report of a mail, found and not yet read.
struct Report {
    part: Part,
    /// The reported mail, or its header.
    original: Option<Part>,
}

/// Reads the reports of a mail: one as a rule.
pub(super) struct ReportReader<'a> {
    file: &'a str,
    source: &'a mut dyn Source,
    declared: &'a Declared<'a>,
    reports: VecDeque<Report>,
    header: Header,
    row: Row,
    /// How far the file was passed on, and on which line that is.
    offset: u64,
    line: u64,
    ended: bool,
    kinds: Vec<String>,
}

impl<'a> ReportReader<'a> {
    pub(super) fn begin(opening: Opening<'a>) -> Result<Self, Halt> {
        let Opening { file, source, declared } = opening;
        let beginning = beginning_of(source, LONGEST)?;
        let header = Header::of(mail::header_of(&beginning));
        let found = mail::read(source, &Limits::default())?;
        let mut reports: VecDeque<Report> = VecDeque::new();
        for part in found.parts {
            match &*part.media {
                "message/feedback-report" => reports.push_back(Report { part, original: None }),
                "message/rfc822" | "message/global" | "text/rfc822-headers" | "message/rfc822-headers" => {
                    if let Some(last) = reports.back_mut().filter(|report| report.original.is_none()) {
                        last.original = Some(part);
                    }
                }
                _ => {}
            }
        }
        if reports.is_empty() {
            return Err(Problem::new(&ARF_NOT_A_REPORT, Place::file(file)).into());
        }
        source.rewind()?;
        Ok(Self {
            file,
            source,
            declared,
            reports,
            header,
            row: Row::default(),
            offset: 0,
            line: 1,
            ended: false,
            kinds: Vec::new(),
        })
    }

    /// Passes the file on up to that byte at least; where `rows` is none nothing of it is kept.
    fn pass(&mut self, rows: &mut Gathered, bytes: u64) -> Result<(), Halt> {
        let wanted = STEP.min(usize::try_from(bytes).unwrap_or(STEP));
        let mut step = vec![0; wanted];
        let read = fill(self.source, &mut step)?;
        let step = step.get(..read).unwrap_or_default();
        rows.was_read_from(self.offset, step);
        self.offset += read as u64;
        self.line += line_ends(step, Some(b'\n'));
        self.ended = read < wanted;
        Ok(())
    }

    fn report(&mut self, report: &Report, rows: &mut Gathered) -> Result<(), Halt> {
        let length = report.part.end - report.part.start;
        let mut at = RowAt { line: self.line, offset: report.part.start, length };
        let bytes = match beginning_of_part(self.source, &report.part, self.file, LONGEST) {
            Ok(bytes) => bytes,
            Err(error) => {
                let problem = Stop::of(error).map_err(Halt::Disk)?;
                rows.rejected(at.line, Fault::of(problem.code), "");
                return Ok(());
            }
        };
        // Without the empty line behind it, where nothing had to be decoded.
        if bytes.len() as u64 == length {
            at.length = bytes.trim_ascii_end().len() as u64;
        }
        let original = match &report.original {
            Some(part) => match beginning_of_part(self.source, part, self.file, LONGEST) {
                Ok(bytes) => Header::of(mail::header_of(&bytes)),
                // Nothing but its id is wanted of it.
                Err(error) => Stop::of(error).map(|_| Header::default()).map_err(Halt::Disk)?,
            },
            None => Header::default(),
        };
        self.source.go_to(self.offset)?;
        let fields = Header::of(bytes.trim_ascii_start());
        if let Some(kind) = fields.text("feedback-type").map(|kind| kind.to_ascii_lowercase())
            && !self.kinds.contains(&kind)
            && self.kinds.len() < MOST
        {
            self.kinds.push(kind);
        }
        let read = if report.part.cut {
            Err(Fault::of(&MAIL_CUT_OFF))
        } else {
            self.row.read(&fields, &self.header, &original, self.declared)
        };
        match read {
            Ok(()) => rows.understood(&mut self.row.sighting, at),
            Err(fault) => rows.rejected(at.line, fault, &String::from_utf8_lossy(&bytes)),
        }
        Ok(())
    }
}

impl Reader for ReportReader<'_> {
    fn next(&mut self, rows: &mut Gathered) -> Result<bool, Halt> {
        let Some(next) = self.reports.front() else {
            if self.ended {
                return Ok(false);
            }
            self.pass(rows, u64::MAX)?;
            return Ok(true);
        };
        let before = next.part.start.saturating_sub(self.offset);
        if before > 0 && !self.ended {
            self.pass(rows, before)?;
            return Ok(true);
        }
        if let Some(report) = self.reports.pop_front() {
            self.report(&report, rows)?;
        }
        Ok(true)
    }

    fn end(&mut self, _rows: u64) -> Result<Ending, Problem> {
        Ok(Ending {
            provenance: Provenance {
                format: "arf".to_owned(),
                schema: "RFC 5965".to_owned(),
                mapping: "-".to_owned(),
                encoding: "utf-8".to_owned(),
                zone: None,
            },
            found_by: format!("feedback report: {}", self.kinds.join(", ")),
            columns: COLUMNS.iter().map(|(name, key)| ((*name).to_owned(), Some((*key).to_owned()))).collect(),
            notes: Vec::new(),
        })
    }
}

/// What the fields of a report become, for the preview.
const COLUMNS: [(&str, &str); 6] = [
    ("Feedback-Type", "classification.type"),
    ("Source-IP", "source.ip"),
    ("Source-Port", "source.port"),
    ("Arrival-Date", "time.source"),
    ("Reporting-MTA", "extra.arf_reporting_mta"),
    ("Incidents", "extra.arf_incidents"),
];

/// Fields kept as they are, and under which keys: they name machines, domains and programs.
const KEPT: [(&str, &str); 10] = [
    ("feedback-type", "extra.arf_feedback_type"),
    ("user-agent", "extra.arf_user_agent"),
    ("version", "extra.arf_version"),
    ("original-envelope-id", "extra.arf_original_envelope_id"),
    ("auth-failure", "extra.arf_auth_failure"),
    ("delivery-result", "extra.arf_delivery_result"),
    ("identity-alignment", "extra.arf_identity_alignment"),
    ("dkim-domain", "extra.arf_dkim_domain"),
    ("dkim-selector", "extra.arf_dkim_selector"),
    ("incidents", "extra.arf_incidents"),
];

/// A row, used again.
struct Row {
    sighting: Sighting,
    extra: Extra,
}

impl Default for Row {
    fn default() -> Self {
        Self { sighting: Sighting::infected(), extra: Extra::default() }
    }
}

impl Row {
    fn read(
        &mut self,
        fields: &Header,
        report: &Header,
        original: &Header,
        declared: &Declared<'_>,
    ) -> Result<(), Fault> {
        let latest = declared.received.plus_seconds(FUTURE_TOLERANCE_SECONDS);
        self.extra.clear();
        self.sighting = Sighting { tags: declared.tags, malware: declared.malware.clone(), ..Sighting::infected() };
        let kind = once(fields, "feedback-type")?.map(|kind| kind.to_ascii_lowercase());
        let s = &mut self.sighting;
        s.classification = match kind.as_deref() {
            Some("abuse") => Classification::Spam,
            Some("fraud") => Classification::Phishing,
            Some("virus") => Classification::MalwareDistribution,
            Some("other") => Classification::Other,
            Some("auth-failure") => Classification::Undetermined,
            Some(kind @ ("not-spam" | "opt-out" | "opt-out-list")) => {
                return Err(Fault::at(&ARF_NOT_AN_INCIDENT, "Feedback-Type", kind));
            }
            Some(_) => {
                s.flags = s.flags.and(Flags::UNKNOWN_TYPE);
                Classification::Undetermined
            }
            None => {
                return Err(Fault { code: &ARF_NOT_A_REPORT, field: Some("Feedback-Type".to_owned()), value: None });
            }
        };
        self.who(fields, declared)?;
        self.when(fields, latest)?;
        let s = &mut self.sighting;
        s.reference = report.text("message-id").map(|id| bare(&id));
        let extra = &mut self.extra;
        for (name, key) in KEPT {
            if let Some(text) = once(fields, name)?.filter(|text| !text.is_empty()) {
                match text.parse::<u64>() {
                    Ok(number) if name == "incidents" => extra.json(key, &number.to_string()),
                    _ => extra.text(key, &text),
                }
            }
        }
        if let Some(mta) = once(fields, "reporting-mta")? {
            // `dns; mail.example.com`: the kind of name before it (RFC 3464, 2.2.2).
            extra.text("extra.arf_reporting_mta", mta.split_once(';').map_or(&*mta, |(_, name)| name).trim());
        }
        let domains: Vec<String> = fields.all("reported-domain").take(MOST).collect();
        let uris = uris(fields);
        for (key, texts) in [("extra.arf_reported_domain", domains), ("extra.arf_reported_uri", uris)] {
            if !texts.is_empty() {
                extra.json(key, &serde_json::Value::from(texts).to_string());
            }
        }
        let recipients = fields.all("original-rcpt-to").count();
        if recipients > 0 {
            extra.json("extra.arf_original_recipients", &recipients.to_string());
        }
        let sender = once(fields, "original-mail-from")?;
        if let Some((_, domain)) = sender.as_deref().and_then(|sender| sender.rsplit_once('@')) {
            extra.text("extra.arf_original_sender_domain", domain.trim_end_matches('>').trim());
        }
        if let Some(id) = original.text("message-id") {
            extra.text("extra.arf_original_message_id", &bare(&id));
        }
        if let Some(observed) = report.text("date").and_then(|date| instant(&date)).filter(|time| *time <= latest) {
            extra.text("time.observation", &fields::idf_time(observed));
        }
        s.extra = extra.object().map(str::to_owned);
        Ok(())
    }

    fn who(&mut self, fields: &Header, declared: &Declared<'_>) -> Result<(), Fault> {
        let s = &mut self.sighting;
        if let Some(text) = once(fields, "source-ip")? {
            // As an address literal some reporters write it (RFC 5321, 4.1.3).
            let bare = text.trim_start_matches('[').trim_end_matches(']');
            let bare = bare.strip_prefix("IPv6:").unwrap_or(bare);
            let address = fields::address(bare).map_err(|code| Fault::at(code, "Source-IP", &text))?;
            s.source_ip = Some(address);
            if declared.special.name_of(address).is_some() {
                s.flags = s.flags.and(Flags::SPECIAL_ADDRESS);
            }
            match once(fields, "source-port")? {
                Some(port) => {
                    let read = fields::port(&port);
                    s.source_port = Some(read.map_err(|code| Fault::at(code, "Source-Port", &port))?);
                }
                None => s.flags = s.flags.and(Flags::NO_PORT),
            }
            return Ok(());
        }
        let domains: Vec<String> = fields.all("reported-domain").take(MOST).collect();
        match (&uris(fields)[..], &domains[..]) {
            ([uri], _) => s.source_url = Some(uri.clone()),
            ([], [domain]) => s.source_fqdn = Some(domain.clone()),
            _ => return Err(Fault { code: &ADDRESS_MISSING, field: Some("Source-IP".to_owned()), value: None }),
        }
        Ok(())
    }

    fn when(&mut self, fields: &Header, latest: Instant) -> Result<(), Fault> {
        let (name, text) = match (once(fields, "arrival-date")?, once(fields, "received-date")?) {
            (Some(text), _) => ("Arrival-Date", text),
            (None, Some(text)) => ("Received-Date", text),
            (None, None) => {
                return Err(Fault { code: &TIME_MISSING, field: Some("Arrival-Date".to_owned()), value: None });
            }
        };
        let fault = |code| Fault::at(code, name, &text);
        let time = instant(&text).ok_or_else(|| fault(&BAD_TIME))?;
        self.sighting.time = Some(civil::place(Shown::Instant(time), None, latest).map_err(fault)?);
        Ok(())
    }
}

/// The text of a field that may stand only once (RFC 5965, 3.1 and 3.2).
fn once(fields: &Header, name: &str) -> Result<Option<String>, Fault> {
    let mut texts = fields.all(name);
    let first = texts.next();
    match (first, texts.next()) {
        (Some(one), Some(other)) if one != other => Err(Fault::at(&ARF_FIELD_TWICE, name, &format!("{one} / {other}"))),
        (first, _) => Ok(first),
    }
}

/// The reported URIs, without those that are people.
fn uris(fields: &Header) -> Vec<String> {
    let is_person = |uri: &String| uri.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
    fields.all("reported-uri").filter(|uri| !is_person(uri)).take(MOST).collect()
}

/// An id without its angle brackets.
fn bare(id: &str) -> String {
    id.trim().trim_start_matches('<').trim_end_matches('>').to_owned()
}

/// A date of mail (RFC 5322, 3.3). A weekday that is not the date's is passed over: RFC 5965's own examples have one.
fn instant(text: &str) -> Option<Instant> {
    let parser = DateTimeParser::new().relaxed_weekday(true);
    parser.parse_timestamp(text.trim()).ok().map(|time| Instant::from_micros(time.as_microsecond()))
}

/// A mail that is no feedback report.
pub static ARF_NOT_A_REPORT: Code = Code {
    code: "arf-not-a-report",
    text: Text {
        ja: "フィードバックレポート（ARF）の機械可読部分がないか、種別（Feedback-Type）がありません",
        en: "there is no machine-readable part of a feedback report (ARF), or it has no Feedback-Type",
    },
    help: Text {
        ja: "message/feedback-report の部分を含むメールを、転送で加工せずそのまま指定してください（RFC 5965）",
        en: "hand in the mail as it came, with its part message/feedback-report (RFC 5965)",
    },
    example: "a forwarded complaint in plain text",
};

/// A complaint taken back.
pub static ARF_NOT_AN_INCIDENT: Code = Code {
    code: "arf-not-an-incident",
    text: Text {
        ja: "苦情の取り消し、または配信停止の依頼であり、事案の報告ではありません",
        en: "this takes a complaint back, or asks for an end of mailings; it reports no incident",
    },
    help: Text {
        ja: "対処は不要です。この行からは誰にも通知しません",
        en: "nothing to do; nobody is told because of this row",
    },
    example: "Feedback-Type: not-spam",
};

/// A field that may stand once, twice.
pub static ARF_FIELD_TWICE: Code = Code {
    code: "arf-field-twice",
    text: Text {
        ja: "1度しか書けない項目が、異なる値で2回あります",
        en: "a field that may stand once stands twice, with different values",
    },
    help: Text {
        ja: "どちらが正しいか、報告元に確認してください", en: "ask the reporter which of them is right"
    },
    example: "Source-IP: 192.0.2.1\nSource-IP: 192.0.2.2",
};

pub(super) static CODES: &[&Code] = &[&ARF_NOT_A_REPORT, &ARF_NOT_AN_INCIDENT, &ARF_FIELD_TWICE];
