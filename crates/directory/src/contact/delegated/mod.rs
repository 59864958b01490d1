//! Delegated statistics of the registries, plain and extended: which addresses and AS numbers were given to which country.
//!
//! The form is the RIR statistics exchange format that the NRO publishes: lines of columns that bars part,
//! `registry|cc|type|start|value|date|status[|opaque-id]`, a version line with the number of records before them, and
//! summary lines. Of IPv4 `value` counts addresses, which need not be a power of two; of IPv6 it is the prefix length; of AS
//! numbers it counts them. Space that is `available` or `reserved` (extended form) is nobody's and passed over. The country is
//! where the registry says that its account holder is, which need not be where the addresses are used.

use std::io::{self, BufRead};
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Subnets, Ipv6Net};

use super::intake::{At, Intake, LONGEST_LINE, ReadAs};
use super::{Field, Origin, Subject, code, country, date};
use crate::asn::Asn;
use crate::lines::Lines;

/// So many AS numbers are given at once at most: what IANA gives a whole registry (IANA AS Number Registry).
const MOST_NUMBERS: u32 = 1_024;

pub(super) fn read(intake: &mut Intake<'_>, how: ReadAs<'_>, source: impl BufRead) -> io::Result<()> {
    let mut lines = Lines::new(source, LONGEST_LINE);
    let mut heading: Option<Heading> = None;
    let mut records = 0_u64;
    while let Some((line, bytes)) = lines.next_line()? {
        let at = |field, value| At { file: how.file, line, field, value };
        let text = match bytes.map(std::str::from_utf8) {
            None => {
                intake.row();
                intake.refuse(&code::TOO_LONG, at(None, None));
                continue;
            }
            Some(Ok(text)) if !text.contains('\0') => text.trim(),
            Some(_) => {
                intake.row();
                intake.refuse(&code::BYTES, at(None, None));
                continue;
            }
        };
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let columns: Vec<&str> = text.splitn(9, '|').map(str::trim).collect();
        if let (None, true) = (&heading, text.starts_with(|c: char| c.is_ascii_digit())) {
            heading = Some(Heading::of(&columns, line));
            continue;
        }
        if columns.last() == Some(&"summary") {
            continue;
        }
        intake.row();
        records += 1;
        let [registry, cc, kind, start, value, given, status, ..] = columns.as_slice() else {
            intake.refuse(&code::COLUMNS, at(None, Some(text)));
            continue;
        };
        match *status {
            "allocated" | "assigned" => {}
            "available" | "reserved" => {
                intake.pass_over();
                continue;
            }
            other => {
                intake.refuse(&code::VALUE, at(Some("status"), Some(other)));
                continue;
            }
        }
        let subjects = match subjects(kind, start, value) {
            Ok(subjects) => subjects,
            Err(field) => {
                let bad = match field {
                    "type" => kind,
                    "start" => start,
                    _ => value,
                };
                intake.refuse(&code::VALUE, at(Some(field), Some(bad)));
                continue;
            }
        };
        let Some(cc) = country(cc) else {
            intake.pass_over();
            continue;
        };
        let stated = heading.as_ref().and_then(|heading| heading.dated.clone()).or(how.dated.map(str::to_owned));
        let origin = Origin {
            file: how.file.to_owned(),
            object: format!("{registry} {kind} {start}"),
            line,
            dated: date(given).or(stated),
        };
        for subject in subjects {
            intake.fact(&subject, Field::Country, 0, &cc, &origin)?;
        }
    }
    if let Some(Heading { records: Some(told), line, .. }) = heading
        && told != records
    {
        let value = format!("{told} ≠ {records}");
        let at = At { file: how.file, line, field: Some("records"), value: Some(&value) };
        // The heading then counts as a row itself, so that the tally closes.
        intake.row();
        intake.refuse(&code::COUNT, at);
    }
    Ok(())
}

/// The version line: `version|registry|serial|records|startdate|enddate|UTCoffset`.
struct Heading {
    records: Option<u64>,
    dated: Option<String>,
    line: u64,
}

impl Heading {
    fn of(columns: &[&str], line: u64) -> Self {
        let records = columns.get(3).and_then(|records| records.parse().ok());
        Self { records, dated: columns.get(5).and_then(|end| date(end)), line }
    }
}

/// What a row is about; the name of the column that cannot be read otherwise.
fn subjects(kind: &str, start: &str, value: &str) -> Result<Vec<Subject>, &'static str> {
    match kind {
        "asn" => {
            let first: Asn = start.parse().map_err(|_| "start")?;
            let count: u32 = value.parse().map_err(|_| "value")?;
            let more = count.checked_sub(1).filter(|_| count <= MOST_NUMBERS);
            let last = more.and_then(|more| first.number().checked_add(more)).ok_or("value")?;
            Ok((first.number()..=last).map(|number| Subject::Asn(Asn::new(number))).collect())
        }
        "ipv4" => {
            let first: Ipv4Addr = start.parse().map_err(|_| "start")?;
            let count: u32 = value.parse().map_err(|_| "value")?;
            let last = count.checked_sub(1).and_then(|more| first.to_bits().checked_add(more)).ok_or("value")?;
            let nets = Ipv4Subnets::new(first, Ipv4Addr::from_bits(last), 0);
            Ok(nets.map(|net| Subject::Network(net.into())).collect())
        }
        "ipv6" => {
            let first: Ipv6Addr = start.parse().map_err(|_| "start")?;
            let length: u8 = value.parse().map_err(|_| "value")?;
            let net =
                Ipv6Net::new(first, length).ok().filter(|net| net.trunc() == *net && length > 0).ok_or("value")?;
            Ok(vec![Subject::Network(IpNet::V6(net))])
        }
        _ => Err("type"),
    }
}
