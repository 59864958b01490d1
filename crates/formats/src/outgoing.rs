//! A row as it leaves: its IDF fields, and what only its writer knows: the outward id, the feed, how it was first read, the raw row.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::id::OutwardId;
use model::{Instant, SightingRef, Zone};
use serde_json::{Map, Value};

use crate::fields::{Column, LOCAL_TIME, MAPPING, RAW, RAW_WITHHELD, RECORD, SCHEMA, TAXONOMY};
use crate::writing::Rendering;

/// The fields of the row at `index` in the delivery (from 0), each key once, in the order in which they are written.
///
/// In a delivery the id is the outward one. The reference under which the source knows the row stays here: a number in the
/// source's list would tell a partner about what others got.
pub(crate) fn fields<'a>(row: &SightingRef<'a>, index: usize, rendering: &Rendering<'_>) -> Vec<(Cow<'a, str>, Value)> {
    let mut fields: Vec<(Cow<'a, str>, Value)> = Vec::with_capacity(32);
    if let Some(id) = outward_id(index, rendering) {
        fields.push((Cow::Borrowed(RECORD), Value::from(id.to_string())));
    }
    for column in Column::all() {
        let replaced = column == Column::Reference && rendering.delivery.is_some();
        if let Some(value) = column.value(row).filter(|_| !replaced) {
            fields.push((Cow::Borrowed(column.key()), value));
        }
        if column == Column::Classification {
            fields.push((Cow::Borrowed(TAXONOMY), Value::from(row.classification.taxonomy())));
        }
    }
    match row.extra.map(serde_json::from_str::<Map<String, Value>>) {
        Some(Ok(extra)) => fields.extend(extra.into_iter().filter(|(key, _)| key != LOCAL_TIME).map(|(key, value)| {
            // A reader must not take for a column what never was one.
            let belongs = Column::with_key(&key).is_none() && key != TAXONOMY;
            (Cow::Owned(if belongs { key } else { format!("extra.{key}") }), value)
        })),
        // Not ours to lose: what is no object travels as the text it is.
        Some(Err(_)) => fields.push((Cow::Borrowed("extra.text"), Value::from(row.extra.unwrap_or_default()))),
        None => {}
    }
    let mut add = |key: &'static str, value: &str| {
        if !value.is_empty() && !fields.iter().any(|(known, _)| known == key) {
            fields.push((Cow::Borrowed(key), Value::from(value)));
        }
    };
    add("feed.name", &rendering.feed);
    add("feed.provider", &rendering.reporter.org);
    if let Some(provenance) = rendering.provenance {
        add(SCHEMA, &schema(provenance));
        // Without a mapping file there is nothing to say.
        add(MAPPING, if provenance.mapping == "-" { "" } else { &provenance.mapping });
    }
    if let Some(raw) = raw(row, rendering) {
        add(RAW, &STANDARD.encode(raw));
    }
    fields
}

/// The row's outward id, if it is sent in a delivery.
pub(crate) fn outward_id(index: usize, rendering: &Rendering<'_>) -> Option<OutwardId> {
    let ordinal = u32::try_from(index).ok()?.checked_add(1)?;
    rendering.delivery.map(|delivery| OutwardId { delivery, ordinal })
}

/// The row as it was received, if it is to travel and may.
pub(crate) fn raw<'r>(row: &SightingRef<'_>, rendering: &Rendering<'r>) -> Option<&'r [u8]> {
    if row.extra.is_some_and(|extra| extra.contains(RAW_WITHHELD)) {
        return None;
    }
    let from = usize::try_from(row.raw_offset.checked_sub(rendering.raw_at)?).ok()?;
    let to = from.checked_add(usize::try_from(row.raw_length).ok()?)?;
    rendering.raw?.get(from..to).filter(|raw| !raw.is_empty())
}

/// Whether RFC 3339 can write the time: its year is one of 0 to 9999.
pub(crate) fn is_writable(time: Instant) -> bool {
    time.civil(&Zone::utc()).is_some_and(|civil| civil.year() >= 0)
}

/// The schema, with its format before it where it does not name that itself.
pub(crate) fn schema(provenance: &model::Provenance) -> String {
    if provenance.schema.starts_with(&provenance.format) {
        provenance.schema.clone()
    } else {
        format!("{} {}", provenance.format, provenance.schema)
    }
}
