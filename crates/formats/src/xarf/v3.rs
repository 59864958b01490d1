//! Reports of XARF v3: the published schema (`SourceIp`, `Samples`) and the nested form that is about as well (`Source`, `Attachment`,
//! `AdditionalInfo`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::sighting::Flags;
use model::{Classification as C, Tlp};
use serde_json::{Value, json};

use super::XARF_NOT_A_REPORT;
use super::read::{identify, keep_evidence, peer};
use crate::fields::{BAD_TAG, Column};
use crate::gathered::Fault;
use crate::making::Making;
use crate::members::{Members, elements, scalar};

/// What a type of v3 is: its name in lower case, letters only.
const TYPES: [(&str, C); 18] = [
    ("spam", C::Spam),
    ("loginattack", C::BruteForce),
    ("portscan", C::Scanner),
    ("ddos", C::Ddos),
    ("dos", C::Dos),
    ("phishing", C::Phishing),
    ("malware", C::MalwareDistribution),
    ("botnet", C::InfectedSystem),
    ("bot", C::InfectedSystem),
    ("copyright", C::Copyright),
    ("trademark", C::Masquerade),
    ("childabuse", C::Violence),
    ("openservice", C::PotentiallyUnwantedAccessible),
    ("exploit", C::Exploit),
    ("harassment", C::HarmfulSpeech),
    ("webcrawler", C::Other),
    ("rpz", C::Other),
    ("potentiallycompromisedaccount", C::UnprivilegedAccountCompromise),
];

/// Reads a report into the row.
pub(super) fn read(whole: &Members<'_>, making: &mut Making<'_>, line: u64) -> Result<(), Fault> {
    let missing = |name: &str| Fault { code: &XARF_NOT_A_REPORT, field: Some(name.to_owned()), value: None };
    let report = whole.object("Report").ok_or_else(|| missing("Report"))?;
    let none = Members::default();
    let source = report.object("Source").unwrap_or_else(|| none.clone());
    let more = report.object("AdditionalInfo").unwrap_or_else(|| none.clone());
    let kind = report.text("ReportType").ok_or_else(|| missing("Report.ReportType"))?;
    let letters: String = kind.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect();
    let classification = TYPES.iter().find(|(name, _)| *name == letters).map(|(_, classification)| *classification);
    making.sighting.classification = classification.unwrap_or(C::Undetermined);
    if classification.is_none() {
        making.flag(Flags::UNKNOWN_TYPE);
    }
    making.extra.text("extra.xarf.legacy_version", "3");
    making.keep_text("Report.ReportType", "extra.xarf.v3_type", &kind);
    making.time("Report.Date", report.get("Date").ok_or_else(|| missing("Report.Date"))?, None, line)?;
    disclosure(whole, making)?;
    author(whole, making);

    // Which of them it is the report itself says.
    for (members, field, at) in [(&report, "SourceIp", "Report.SourceIp"), (&source, "IP", "Report.Source.IP")] {
        if let Some(json) = members.get(field).filter(|_| making.sighting.source_ip.is_none()) {
            making.column(Column::SourceIp, at, json)?;
        }
    }
    for (members, field, column) in [
        (&report, "SourcePort", Column::SourcePort),
        (&source, "Port", Column::SourcePort),
        (&report, "SourceUrl", Column::SourceUrl),
        (&report, "Url", Column::SourceUrl),
        (&source, "URL", Column::SourceUrl),
        (&report, "ASN", Column::SourceAsn),
        (&report, "DestinationIp", Column::DestinationIp),
        (&more, "DestinationIP", Column::DestinationIp),
        (&report, "BotnetName", Column::Malware),
        (&more, "MalwareFamily", Column::Malware),
        (&report, "ReporterCaseID", Column::Reference),
    ] {
        if let Some(json) = members.get(field) {
            making.column(column, &format!("Report.{field}"), json)?;
        }
    }
    // A list of ports has no column, and stays with the others below.
    for members in [&report, &more] {
        if let Some(json) = members.get("DestinationPort").filter(|json| scalar(json).is_some()) {
            making.column(Column::DestinationPort, "Report.DestinationPort", json)?;
        }
        if let Some(protocol) = members.text("Protocol")
            && Column::Protocol.take(&protocol, &mut making.sighting).is_err()
        {
            making.keep_text("Report.Protocol", "protocol.application", &protocol);
        }
    }
    if let Some(account) = report.object("Account") {
        let account = account.text("AccountEmail").or_else(|| account.text("AccountIdentifier"));
        making.sighting.source_account = account.map(std::borrow::Cow::into_owned);
    }
    let s = &making.sighting;
    let named = source.text("Domain").or_else(|| source.text("Value"));
    if let Some(name) = named.filter(|_| s.source_ip.is_none() && s.source_url.is_none() && s.source_account.is_none())
    {
        identify(making, "Report.Source", &name)?;
    }
    let talked = more.text("C2Server").is_some_and(|server| peer(making, &server));
    if let Some(text) = report.text("AttackDescription").or_else(|| report.text("ReporterNotes")) {
        making.keep_text("Report.AttackDescription", "event_description.text", &text);
    }
    evidence(&report, making);

    let known = |name: &str| {
        matches!(
            name,
            "ReportType"
                | "Date"
                | "Source"
                | "SourceIp"
                | "SourcePort"
                | "SourceUrl"
                | "Url"
                | "ASN"
                | "DestinationIp"
                | "BotnetName"
                | "ReporterCaseID"
                | "Protocol"
                | "AttackDescription"
                | "Account"
                | "Samples"
                | "Attachment"
                | "AdditionalInfo"
        )
    };
    let is_list = report.get("DestinationPort").is_some_and(|json| scalar(json).is_none());
    if let Some(rest) = report.rest(|name| !known(name) && (name != "DestinationPort" || is_list)) {
        making.keep("Report", "extra.xarf.v3_report", &rest);
    }
    let taken = ["MalwareFamily", "DestinationIP", "DestinationPort", "Protocol"];
    if let Some(rest) = more.rest(|name| !(taken.contains(&name) || talked && name == "C2Server")) {
        making.keep("Report.AdditionalInfo", "extra.xarf.v3_additional_info", &rest);
    }
    Ok(())
}

/// `Disclosure`: whether the event may be disclosed. What is not to be stays with whoever received it.
fn disclosure(whole: &Members<'_>, making: &mut Making<'_>) -> Result<(), Fault> {
    making.note("Disclosure", Column::Tlp.key());
    match whole.get("Disclosure") {
        None | Some("true") => {}
        Some("false") => making.sighting.tags.tlp = making.sighting.tags.tlp.max(Tlp::AmberStrict),
        Some(other) => return Err(Fault::at(&BAD_TAG, "Disclosure", other)),
    }
    Ok(())
}

/// Who reports, and on whose behalf: the complainant is the author then, and the reporter who passes it on. The people's names and
/// telephones stay in the report as received: whoever gets a row has no use for them.
fn author(whole: &Members<'_>, making: &mut Making<'_>) {
    let contact = |members: &Members<'_>, who: &str| {
        let text = |name: &str| members.text(&format!("{who}{name}")).map(std::borrow::Cow::into_owned);
        let mail = text("OrgEmail").or_else(|| text("ContactEmail"));
        json!({ "org": text("Org"), "contact": mail, "domain": text("OrgDomain") })
    };
    let reporter = whole.object("ReporterInfo").unwrap_or_default();
    let sender = contact(&reporter, "Reporter");
    let behalf = whole.object("OnBehalfOf").map(|complainant| contact(&complainant, "Complainant"));
    let author = behalf.unwrap_or_else(|| sender.clone());
    if let Some(org) = author.get("org").and_then(Value::as_str) {
        making.extra.text("feed.provider", org);
    }
    making.keep("ReporterInfo", "extra.xarf.reporter", &author.to_string());
    making.keep("ReporterInfo", "extra.xarf.sender", &sender.to_string());
}

/// Samples and attachments as v4 has evidence. A payload that is not said to be base64 and is none is text.
fn evidence(report: &Members<'_>, making: &mut Making<'_>) {
    let mut items = Vec::new();
    for list in ["Samples", "Attachment"] {
        for item in report.get(list).and_then(elements).unwrap_or_default() {
            let Ok(item) = serde_json::from_str::<Members<'_>>(item.get()) else {
                items.push(item.get().to_owned());
                continue;
            };
            let payload = item.text("Payload").or_else(|| item.text("Data")).unwrap_or_default();
            let is_base64 = item.get("Base64Encoded") != Some("false") && STANDARD.decode(&*payload).is_ok();
            let payload = if is_base64 { payload.into_owned() } else { STANDARD.encode(payload.as_bytes()) };
            let mut shown = serde_json::Map::new();
            let kind = item
                .text("ContentType")
                .map_or_else(|| "application/octet-stream".to_owned(), |kind| kind.into_owned());
            shown.insert("content_type".to_owned(), kind.into());
            if let Some(text) = item.text("Description") {
                shown.insert("description".to_owned(), super::write::first(&text, 500).into());
            }
            shown.insert("payload".to_owned(), payload.into());
            items.push(Value::Object(shown).to_string());
        }
    }
    if !items.is_empty() {
        keep_evidence(making, "Report.Samples", items);
    }
}
