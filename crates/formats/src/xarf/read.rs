//! Reading XARF reports; those of v4 here, those of v3 in their own file.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::problem::{Place as At, Problem};
use model::report::Provenance;
use model::sighting::Flags;
use model::{Classification, DataClass, Pap, Sighting, Tlp};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::class::{self, CATEGORIES, Place};
use super::{XARF_CATEGORY, XARF_CONTRADICTS, XARF_INTERNAL, XARF_NOT_A_REPORT, XARF_VERSION, v3};
use crate::fields::{self, ADDRESS_MISSING, BAD_ADDRESS, BAD_TAG, Column, RAW, RAW_WITHHELD};
use crate::gathered::{Fault, Gathered};
use crate::idf::Event;
use crate::json::{JSON_SYNTAX, Values};
use crate::making::{Making, with_member};
use crate::members::{Members, elements, scalar};
use crate::outgoing::is_writable;
use crate::pieces::{Cut, More, TextReader};
use crate::reading::{Declared, Ending};
use crate::text::{Decoded, NO_ROWS};

/// Whose types are known here.
const SCHEMA_READ: &str = "xarf-4.2";

/// Reads reports as the pieces of their file come.
pub(super) struct ReportReader<'a> {
    file: &'a str,
    values: Values,
    encoding: &'static str,
    reports: Reports<'a>,
    /// The line of the first report that carries what it must not.
    internal: Option<u64>,
}

impl<'a> ReportReader<'a> {
    pub(super) fn begin(file: &'a str, first: &Decoded<'_>, declared: &'a Declared<'a>) -> Self {
        let reports = Reports { making: Making::new(declared), own: Event::new(declared) };
        Self { file, values: Values::long(first), encoding: first.encoding.name(), reports, internal: None }
    }
}

impl TextReader for ReportReader<'_> {
    fn cut(&self) -> Cut {
        self.values.cut()
    }

    fn piece(&mut self, decoded: &Decoded<'_>, more: More, rows: &mut Gathered) -> Result<usize, Problem> {
        let Self { values, reports, internal, .. } = self;
        Ok(values.read(decoded, more, rows, &mut |object, at, rows| match reports.read(object, at.line) {
            Ok((mut sighting, is_internal)) => {
                if is_internal {
                    internal.get_or_insert(at.line);
                }
                rows.understood(&mut sighting, at);
            }
            Err(fault) => rows.rejected(at.line, fault, object),
        }))
    }

    fn end(&mut self, read: u64) -> Result<Ending, Problem> {
        self.reports.making.check_zones(self.file)?;
        if read == 0 {
            return Err(Problem::new(&NO_ROWS, At::file(self.file)));
        }
        let declared = self.reports.making.declared;
        Ok(Ending {
            provenance: Provenance {
                format: "xarf".to_owned(),
                schema: SCHEMA_READ.to_owned(),
                mapping: "-".to_owned(),
                encoding: self.encoding.to_owned(),
                zone: declared.zone.as_ref().map(|zone| zone.as_str().to_owned()),
            },
            found_by: self.values.form().to_owned(),
            columns: self.reports.making.columns(),
            notes: self.internal.map(|line| (At::file(self.file).line(line), &XARF_INTERNAL)).into_iter().collect(),
        })
    }
}

struct Reports<'a> {
    making: Making<'a>,
    /// Reads the rows that we wrote ourselves.
    own: Event<'a>,
}

impl Reports<'_> {
    /// The row of a report, and whether the report carries what is never transmitted.
    fn read(&mut self, object: &str, line: u64) -> Result<(Sighting, bool), Fault> {
        if !object.starts_with('{') {
            let is_json = serde_json::from_str::<&RawValue>(object).is_ok();
            return Err(Fault::of(if is_json { &XARF_NOT_A_REPORT } else { &JSON_SYNTAX }));
        }
        let report = Members::once(object)?;
        let is_internal = ["_internal", "InternalProcessing"].iter().any(|name| report.get(name).is_some());
        let mut row = match report.text("xarf_version") {
            Some(version) => {
                if !is_v4(&version) {
                    return Err(Fault::at(&XARF_VERSION, "xarf_version", &version));
                }
                match report.object("noroshi") {
                    Some(noroshi) => self.own(&report, &noroshi)?,
                    None => self.foreign(&report, line)?,
                }
            }
            None if report.get("ReporterInfo").is_some() || report.get("Report").is_some() => {
                let version = report.text("Version").unwrap_or_default();
                if version != "3" && !version.starts_with("3.") {
                    return Err(Fault::at(&XARF_VERSION, "Version", &version));
                }
                self.making.begin();
                v3::read(&report, &mut self.making, line)?;
                self.finish("Report")?
            }
            None => return Err(Fault::of(&XARF_NOT_A_REPORT)),
        };
        if is_internal {
            row.extra = with_member(row.extra.as_deref(), RAW_WITHHELD, Some("xarf _internal".into()));
        }
        Ok((row, is_internal))
    }

    fn finish(&mut self, name: &str) -> Result<Sighting, Fault> {
        self.making.close();
        let mut row = self.making.sighting.clone();
        self.making.mark(&mut row, name)?;
        Ok(row)
    }

    /// A report that carries the row along that it was made of.
    fn own(&mut self, report: &Members<'_>, noroshi: &Members<'_>) -> Result<Sighting, Fault> {
        let against = |name: &str| Fault { code: &XARF_CONTRADICTS, field: Some(name.to_owned()), value: None };
        if let Some(version) = noroshi.text("version").filter(|version| version != "1") {
            return Err(Fault::at(&XARF_VERSION, "noroshi.version", &version));
        }
        self.own.read(noroshi.get("idf").unwrap_or("{}"))?;
        let mut row = self.own.sighting.clone();
        let named = report.text("source_identifier").unwrap_or_default();
        if fields::address(&named).ok() != row.source_ip {
            return Err(against("source_identifier"));
        }
        let port = report.text("source_port").map(|port| fields::port(&port)).transpose();
        if port != Ok(row.source_port) {
            return Err(against("source_port"));
        }
        if let Some(wanted) = row.time.filter(|time| is_writable(*time))
            && report.text("timestamp").is_none_or(|time| time.parse() != Ok(wanted))
        {
            return Err(against("timestamp"));
        }
        // Somebody may have narrowed it on its way.
        let (tags, _) = tags(report)?;
        row.tags.tlp = tags.0.map_or(row.tags.tlp, |tlp| row.tags.tlp.max(tlp));
        row.tags.pap = tags.1.map_or(row.tags.pap, |pap| row.tags.pap.max(pap));
        row.tags.class = tags.2.map_or(row.tags.class, |class| row.tags.class.max(class));
        // The raw row travels as evidence.
        let has_raw = noroshi.object("idf").is_some_and(|idf| idf.get(RAW).is_some());
        let evidence = report.get("evidence").and_then(elements).unwrap_or_default();
        let payload = evidence.iter().find_map(|item| {
            let item: Members<'_> = serde_json::from_str(item.get()).ok()?;
            item.text("payload").filter(|payload| is_payload(payload)).map(Cow::into_owned)
        });
        if let Some(payload) = payload.filter(|_| !has_raw) {
            row.extra = with_member(row.extra.as_deref(), RAW, Some(payload.into()));
        }
        Ok(row)
    }

    /// A report as XARF has them.
    fn foreign(&mut self, report: &Members<'_>, line: u64) -> Result<Sighting, Fault> {
        let missing = |name: &str| Fault { code: &XARF_NOT_A_REPORT, field: Some(name.to_owned()), value: None };
        let category = report.text("category").ok_or_else(|| missing("category"))?;
        let kind = report.text("type").ok_or_else(|| missing("type"))?;
        if !CATEGORIES.contains(&&*category) {
            return Err(Fault::at(&XARF_CATEGORY, "category", &category));
        }
        let making = &mut self.making;
        making.begin();
        let classification = class::of(&category, &kind, |name| report.text(name).map(Cow::into_owned));
        making.sighting.classification = classification.unwrap_or(Classification::Undetermined);
        if classification.is_none() {
            making.flag(Flags::UNKNOWN_TYPE);
        }
        making.keep_text("category", "extra.xarf.category", &category);
        making.keep_text("type", "extra.xarf.type", &kind);
        making.time("timestamp", report.get("timestamp").ok_or_else(|| missing("timestamp"))?, None, line)?;
        let source = report.text("source_identifier").ok_or_else(|| missing("source_identifier"))?;
        identify(making, "source_identifier", &source)?;
        if let Some(port) = report.get("source_port") {
            making.column(Column::SourcePort, "source_port", port)?;
        }
        let ((tlp, pap, class), others) = tags(report)?;
        let kept = &mut making.sighting.tags;
        kept.tlp = tlp.map_or(kept.tlp, |tlp| kept.tlp.max(tlp));
        kept.pap = pap.map_or(kept.pap, |pap| kept.pap.max(pap));
        kept.class = class.map_or(kept.class, |class| kept.class.max(class));
        if !others.is_empty() {
            making.keep("tags", "extra.xarf.tags", &Value::from(others).to_string());
        }
        if let Some(author) = report.object("reporter").and_then(|reporter| Some(reporter.text("org")?.into_owned())) {
            making.extra.text("feed.provider", &author);
        }
        if let Some(confidence) = report.get("confidence") {
            match percent(confidence) {
                Some(percent) => making.keep("confidence", "feed.accuracy", &percent.to_string()),
                None => making.keep_odd("confidence", "extra.xarf.confidence", confidence),
            }
        }
        if let Some(json) = report.get("evidence") {
            let items = elements(json).map(|items| items.into_iter().map(|item| item.get().to_owned()).collect());
            match items {
                Some(items) => keep_evidence(making, "evidence", items),
                None => making.keep_odd("evidence", "extra.xarf.evidence", json),
            }
        }
        for (name, value) in report.0.iter().filter(|(_, value)| value.get() != "null") {
            let (name, json) = (&**name, value.get());
            match name {
                "xarf_version" | "category" | "type" | "timestamp" | "source_identifier" | "source_port" | "tags"
                | "confidence" | "evidence" | "_internal" | "InternalProcessing" => {}
                "report_id" => making.column(Column::Reference, name, json)?,
                "description" => making.keep(name, "event_description.text", json),
                _ => field(making, report, &category, name, json)?,
            }
            if matches!(name, "xarf_version" | "_internal" | "InternalProcessing") {
                making.note(name, "-");
            }
        }
        self.finish("source_identifier")
    }
}

/// A field of the report's type.
fn field(making: &mut Making<'_>, report: &Members<'_>, category: &str, name: &str, json: &str) -> Result<(), Fault> {
    let own = fields::extra_key(name).map(|key| key.replacen("extra.", "extra.xarf.", 1));
    let own = own.filter(|key| *key == format!("extra.xarf.{name}")).unwrap_or_default();
    match class::place(category, name) {
        Some(Place::Column(column)) if is_free(making, column) => making.column(column, name, json),
        Some(Place::Extra(key)) => {
            making.keep(name, key, json);
            Ok(())
        }
        Some(Place::Protocol) => {
            let text = scalar(json).unwrap_or_default();
            if !text.is_empty() && Column::Protocol.take(text.trim(), &mut making.sighting).is_err() {
                making.keep(name, "protocol.application", json);
            }
            Ok(())
        }
        Some(Place::Listening) if making.sighting.source_port.is_none() => {
            making.column(Column::SourcePort, name, json)
        }
        Some(Place::Cves) => {
            // All of them stand in the list where there is one.
            if name == "cve_ids" || report.get("cve_ids").is_none() {
                let listed = elements(json).unwrap_or_default();
                let mut ids: Vec<String> =
                    listed.iter().filter_map(|id| scalar(id.get()).map(Cow::into_owned)).collect();
                ids.extend(scalar(json).map(Cow::into_owned));
                making.keep_text(name, "product.vulnerabilities", &ids.join(";"));
            } else {
                making.keep(name, &own, json);
            }
            Ok(())
        }
        Some(Place::Hashes) => {
            let hashes: Members<'_> = serde_json::from_str(json).unwrap_or_default();
            for name in ["md5", "sha1", "sha256"] {
                if let Some(hash) = hashes.text(name) {
                    making.extra.text(&format!("malware.hash.{name}"), &hash);
                }
            }
            making.keep(name, &own, json);
            Ok(())
        }
        Some(Place::Peer) if peer(making, &scalar(json).unwrap_or_default()) => {
            making.note(name, Column::DestinationIp.key());
            Ok(())
        }
        _ => {
            making.keep(name, &own, json);
            Ok(())
        }
    }
}

/// Whether nothing stands in the column yet: what the core fields said holds, and a type's field that says otherwise is kept beside it.
fn is_free(making: &Making<'_>, column: Column) -> bool {
    let s = &making.sighting;
    match column {
        Column::SourceFqdn => s.source_fqdn.is_none(),
        Column::SourceUrl => s.source_url.is_none(),
        Column::DestinationIp => s.destination_ip.is_none(),
        Column::DestinationPort => s.destination_port.is_none(),
        _ => true,
    }
}

/// `4.x.y`.
fn is_v4(version: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = version.split('.');
    parts.next() == Some("4") && parts.clone().count() == 2 && parts.all(digits)
}

/// The abuse source: an address, a URL, a mail address, a name, or another identifier of an account, told apart by their form.
pub(super) fn identify(making: &mut Making<'_>, name: &str, text: &str) -> Result<(), Fault> {
    let fault = |code| Err(Fault::at(code, name, text));
    let json = Value::from(text).to_string();
    if fields::address(text).is_ok() {
        return making.column(Column::SourceIp, name, &json);
    }
    // `unknown` is what writers put where they have none.
    if text.eq_ignore_ascii_case("unknown") {
        return fault(&ADDRESS_MISSING);
    }
    if text.contains("://") {
        return making.column(Column::SourceUrl, name, &json);
    }
    if text.contains('@') {
        return making.column(Column::SourceAccount, name, &json);
    }
    // Numbers with dots or colons would be an address, and are none, or are a network or a range.
    if text.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':' | b'/' | b'-' | b'[' | b']'))
        && text.contains(['.', ':'])
        && !text.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_alphabetic()))
    {
        return fault(fields::address(text).err().unwrap_or(&BAD_ADDRESS));
    }
    let is_label =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
    if text.contains('.') && text.trim_end_matches('.').split('.').all(is_label) {
        return making.column(Column::SourceFqdn, name, &json);
    }
    making.column(Column::SourceAccount, name, &json)
}

/// Puts what a source talked to where it belongs; false where that is taken by something else.
pub(super) fn peer(making: &mut Making<'_>, text: &str) -> bool {
    let text = text.trim();
    let s = &mut making.sighting;
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.contains("://") && !host.trim_matches(['[', ']']).is_empty() => {
            match port.parse() {
                Ok(port)
                    if host.starts_with('[') == host.ends_with(']')
                        && (host.starts_with('[') || !host.contains(':')) =>
                {
                    (host.trim_matches(['[', ']']), Some(port))
                }
                _ => (text, None),
            }
        }
        _ => (text, None),
    };
    let same_port = port.is_none() || s.destination_port.is_none() || s.destination_port == port;
    if text.is_empty() || !same_port {
        return false;
    }
    if let Ok(address) = fields::address(host) {
        if s.destination_ip.is_some_and(|known| known != address) {
            return false;
        }
        s.destination_ip = Some(address);
    } else if text.contains("://") {
        if s.destination_url.is_some() {
            return false;
        }
        s.destination_url = Some(text.to_owned());
        return true;
    } else if s.destination_fqdn.is_some() || host.contains(char::is_whitespace) {
        return false;
    } else {
        s.destination_fqdn = Some(host.to_owned());
    }
    s.destination_port = s.destination_port.or(port);
    true
}

fn is_payload(payload: &str) -> bool {
    STANDARD.decode(payload).is_ok_and(|bytes| !bytes.is_empty())
}

/// The first piece of evidence is the raw row; all of them are kept, without that one's payload.
pub(super) fn keep_evidence(making: &mut Making<'_>, name: &str, items: Vec<String>) {
    let mut has_raw = false;
    let mut kept = String::from("[");
    for item in items {
        let mut shown = item.clone();
        if !has_raw
            && let Ok(mut members) = serde_json::from_str::<Map<String, Value>>(&item)
            && let Some(payload) = members.get("payload").and_then(Value::as_str)
            && is_payload(payload)
        {
            making.extra.text(RAW, payload);
            members.remove("payload");
            shown = Value::Object(members).to_string();
            has_raw = true;
        }
        if kept.len() > 1 {
            kept.push(',');
        }
        kept.push_str(&shown);
    }
    kept.push(']');
    making.note(name, RAW);
    making.extra.json("extra.xarf.evidence", &kept);
}

/// A share as percent, without the noise of binary fractions; none where it is no share.
fn percent(json: &str) -> Option<Value> {
    let share: f64 = scalar(json)?.trim().parse().ok()?;
    let percent = (0.0..=1.0).contains(&share).then(|| (share * 1e9).round() / 1e7)?;
    // A whole number is written as one.
    let whole = (0..=100_u8).find(|whole| f64::from(*whole) == percent);
    Some(whole.map_or_else(|| Value::from(percent), Value::from))
}

type Marks = (Option<Tlp>, Option<Pap>, Option<DataClass>);

/// What the tags mark, and the other ones.
fn tags(report: &Members<'_>) -> Result<(Marks, Vec<Value>), Fault> {
    let (mut marks, mut others): (Marks, Vec<Value>) = ((None, None, None), Vec::new());
    let Some(json) = report.get("tags") else { return Ok((marks, others)) };
    let Some(tags) = elements(json) else { return Err(Fault::at(&BAD_TAG, "tags", json)) };
    for tag in tags {
        let text = scalar(tag.get()).unwrap_or_default();
        let namespace = text.split_once(':').map(|(namespace, _)| namespace.trim().to_ascii_lowercase());
        let bad = || Fault::at(&BAD_TAG, "tags", &text);
        match namespace.as_deref() {
            Some("tlp") => marks.0 = marks.0.max(Some(text.parse().map_err(|_| bad())?)),
            Some("pap") => marks.1 = marks.1.max(Some(text.parse().map_err(|_| bad())?)),
            Some("class") => {
                let class = text.split_once(':').and_then(|(_, class)| class.parse().ok());
                marks.2 = marks.2.max(class);
                if class.is_none() {
                    others.push(Value::from(&*text));
                }
            }
            _ => others.push(Value::from(&*text)),
        }
    }
    Ok((marks, others))
}
