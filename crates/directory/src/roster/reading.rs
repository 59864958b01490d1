//! Reads a roster file, key by key, and lists all that is wrong with it.

use std::collections::BTreeMap;
use std::path::{Component, PathBuf};

use ipnet::IpNet;
use model::id::PartyId;
use model::party::{Agreement, AgreementKind, Party, Role};
use model::problem::Problem;
use model::rsit::Classification;
use model::text::{Lang, Name};
use model::time::{Instant, Zone};
use toml::de::DeTable;

use super::claims::{Claimant, Claims};
use super::sheet::{End, Item, Section, Sheet, Spot, arrow};
use super::{Contact, ContactKind, Delivery, Format, Inhibition, Roster, RosterEntry, RosterRefused, SCHEMA, Way};
use crate::asn::Asn;
use crate::code;
use crate::domain::Domain;
use crate::mailbox::MailAddress;
use crate::nearest::nearest;
use crate::prefix::{self, BadPrefix};

const TOP: &[&str] = &["schema", "version", "updated", "zone", "party", "inhibition"];
const PARTY: &[&str] = &[
    "id",
    "name",
    "roles",
    "jurisdiction",
    "asns",
    "prefixes",
    "domains",
    "language",
    "contact",
    "agreement",
    "delivery",
];
const NAME: &[&str] = &["ja", "en"];
const CONTACT: &[&str] = &["kind", "mail", "name", "phone", "proved"];
const AGREEMENT: &[&str] = &["kind", "reference", "from", "until"];
const DELIVERY: &[&str] = &["way", "path", "to", "format", "language"];
const INHIBITION: &[&str] = &["party", "prefix", "classification", "reason", "from", "until"];

const ROLES: &[(&str, Role)] = &[
    (Role::ClearingHouse.name(), Role::ClearingHouse),
    (Role::Reporter.name(), Role::Reporter),
    (Role::Operator.name(), Role::Operator),
    (Role::Csirt.name(), Role::Csirt),
    (Role::Police.name(), Role::Police),
    (Role::Overseer.name(), Role::Overseer),
];
pub(super) const LANGUAGES: &[(&str, Lang)] = &[("ja", Lang::Ja), ("en", Lang::En)];
pub(super) const AGREEMENTS: &[(&str, AgreementKind)] =
    &[("provide", AgreementKind::Provide), ("receive", AgreementKind::Receive)];

#[derive(Clone, Copy)]
enum WayWord {
    Folder,
    Mail,
}
const WAYS: &[(&str, WayWord)] = &[("folder", WayWord::Folder), ("mail", WayWord::Mail)];

/// The widest prefix that one party can hold: IANA gives a registry no more than a /8 of IPv4 at once, and a /12 of
/// IPv6 (IANA IPv4 Address Space Registry; IANA IPv6 Global Unicast Address Assignments).
const WIDEST_V4: u8 = 8;
const WIDEST_V6: u8 = 12;

pub(super) fn read(file: &str, text: &str) -> Result<(Roster, Vec<Problem>), RosterRefused> {
    // Editors on Windows put a byte order mark there.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut sheet = Sheet::new(file, text);
    let (table, faults) = DeTable::parse_recoverable(text);
    let roster = if faults.is_empty() {
        let top = sheet.section(table.get_ref(), Spot::top(), TOP);
        read_top(&mut sheet, &top)
    } else {
        faults.iter().for_each(|fault| sheet.syntax(fault));
        None
    };
    let Sheet { mut errors, mut notes, .. } = sheet;
    for list in [&mut errors, &mut notes] {
        list.sort_by_key(|problem| problem.place.line);
    }
    match roster {
        Some(roster) if errors.is_empty() => Ok((roster, notes)),
        _ => Err(RosterRefused { file: file.to_owned(), errors, notes }),
    }
}

/// None only where an error was noted.
fn read_top(sheet: &mut Sheet<'_>, top: &Section<'_>) -> Option<Roster> {
    if let Some(item) = top.optional("schema") {
        match sheet.text(&item) {
            Some(schema) if schema != SCHEMA => sheet.error(&code::UNKNOWN_EDITION, &item.spot, Some(schema)),
            _ => {}
        }
    }
    // A zone that cannot be read is one error; any other stands in for it, lest every date be called one more.
    sheet.zone = top.optional("zone").map(|item| sheet.parsed(&item, &code::BAD_ZONE).unwrap_or_else(Zone::utc));
    let version = sheet.required(top, "version").and_then(|item| sheet.text(&item)).map(str::to_owned);
    let updated = sheet.required(top, "updated").and_then(|item| sheet.instant(&item, End::From));

    let mut claims = Claims::default();
    let mut parties = Vec::new();
    let mut ids: BTreeMap<PartyId, Spot> = BTreeMap::new();
    for (place, section) in sheet.tables(top, "party", PARTY).iter().enumerate() {
        let id = read_id(sheet, section, &mut ids);
        let claimant = claims.of(place, id.as_ref().map(PartyId::as_str));
        parties.extend(read_party(sheet, section, id, claimant, updated));
    }
    claims.check(sheet);

    let inhibitions = sheet.tables(top, "inhibition", INHIBITION);
    let inhibitions = inhibitions.iter().filter_map(|section| read_inhibition(sheet, section, &ids, updated)).collect();

    parties.sort_by(|a, b| a.party.id.cmp(&b.party.id));
    Some(Roster { version: version?, updated: updated?, zone: sheet.zone.clone(), parties, inhibitions })
}

fn read_id(sheet: &mut Sheet<'_>, section: &Section<'_>, ids: &mut BTreeMap<PartyId, Spot>) -> Option<PartyId> {
    let item = sheet.required(section, "id")?;
    let id: PartyId = sheet.parsed(&item, &code::BAD_PARTY_ID)?;
    if let Some(earlier) = ids.get(&id) {
        let told = format!("{id} = {id} ({})", sheet.line_of(earlier));
        sheet.error(&code::PARTY_TWICE, &item.spot, Some(&told));
    } else {
        ids.insert(id.clone(), item.spot);
    }
    Some(id)
}

/// None only where an error was noted.
fn read_party(
    sheet: &mut Sheet<'_>,
    section: &Section<'_>,
    id: Option<PartyId>,
    mut claimant: Claimant<'_>,
    updated: Option<Instant>,
) -> Option<RosterEntry> {
    let name = sheet.required(section, "name").and_then(|item| read_name(sheet, &item));
    let roles = sheet.required(section, "roles").map(|item| words_once(sheet, &item, ROLES)).unwrap_or_default();
    let jurisdiction = match section.optional("jurisdiction") {
        Some(item) => read_jurisdiction(sheet, &item),
        None => Some("JP".to_owned()),
    };
    let language = read_language(sheet, section).unwrap_or_default();

    let asns = each(sheet, section, "asns", read_asn, |asn, spot| claimant.asn(asn, spot));
    let prefixes = each(sheet, section, "prefixes", read_claimed_prefix, |net, spot| claimant.prefix(net, spot));
    let domains = each(sheet, section, "domains", read_domain, |domain, spot| claimant.domain(domain, spot));

    let contacts = sheet.tables(section, "contact", CONTACT);
    let contacts = contacts.iter().filter_map(|section| read_contact(sheet, section)).collect();
    let agreements = sheet.tables(section, "agreement", AGREEMENT);
    let agreements: Vec<(Agreement, Spot)> =
        agreements.iter().filter_map(|section| read_agreement(sheet, section)).collect();
    let delivery = section.optional("delivery");
    let reads_delivery = delivery.is_some();
    let delivery = delivery.and_then(|item| read_delivery(sheet, &item, language));

    remark_ended(sheet, &agreements, updated);
    let holds = !(asns.is_empty() && prefixes.is_empty() && domains.is_empty());
    let receives = agreements.iter().any(|(agreement, _)| agreement.kind == AgreementKind::Receive);
    let remark = match (holds, receives, reads_delivery) {
        (true, false, _) => Some(&code::NO_RECEIVE_AGREEMENT),
        // A clearing house receives answers, and need hold nothing for that.
        (false, true, _) if !roles.contains(&Role::ClearingHouse) => Some(&code::HOLDS_NOTHING),
        (true, true, false) => Some(&code::NO_DELIVERY),
        _ => None,
    };
    if let Some(code) = remark {
        sheet.note(code, &section.spot, id.as_ref().map(PartyId::as_str));
    }
    let agreements = agreements.into_iter().map(|(agreement, _)| agreement).collect();
    let party = Party { id: id?, name: name?, roles, jurisdiction: jurisdiction?, agreements };
    Some(RosterEntry { party, asns, prefixes, domains, language, contacts, delivery })
}

/// The values of a list that can be read, each once, in the order of the file; `claim` hears of every one.
fn each<T: PartialEq + Clone>(
    sheet: &mut Sheet<'_>,
    section: &Section<'_>,
    key: &str,
    read: fn(&mut Sheet<'_>, &Item<'_>) -> Option<T>,
    mut claim: impl FnMut(T, Spot),
) -> Vec<T> {
    let mut values = Vec::new();
    let items = section.optional(key).map(|item| sheet.list(&item)).unwrap_or_default();
    for item in items {
        if let Some(value) = read(sheet, &item) {
            claim(value.clone(), item.spot);
            if !values.contains(&value) {
                values.push(value);
            }
        }
    }
    values
}

/// The words of a list that is not empty; a word that stands there twice is remarked.
fn words_once<T: Copy + PartialEq>(sheet: &mut Sheet<'_>, list: &Item<'_>, words: &[(&'static str, T)]) -> Vec<T> {
    let items = sheet.one_or_list(list);
    if items.is_empty() {
        sheet.error(&code::EMPTY_TEXT, &list.spot, None);
    }
    let mut meant = Vec::new();
    for item in items {
        match sheet.word(&item, words) {
            Some(meaning) if meant.contains(&meaning) => {
                let word = words.iter().find(|(_, known)| *known == meaning).map(|(word, _)| *word);
                sheet.note(&code::SAID_TWICE, &item.spot, word);
            }
            Some(meaning) => meant.push(meaning),
            None => {}
        }
    }
    meant
}

fn read_name(sheet: &mut Sheet<'_>, item: &Item<'_>) -> Option<Name> {
    let section = sheet.table(item, NAME)?;
    let ja = sheet.required(&section, "ja").and_then(|item| sheet.text(&item));
    let en = section.optional("en").and_then(|item| sheet.text(&item));
    Some(Name { ja: ja?.to_owned(), en: en.map(str::to_owned) })
}

fn read_jurisdiction(sheet: &mut Sheet<'_>, item: &Item<'_>) -> Option<String> {
    let text = sheet.text(item)?;
    if text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        return Some(text.to_owned());
    }
    sheet.error(&code::BAD_JURISDICTION, &item.spot, Some(text));
    None
}

fn read_language(sheet: &mut Sheet<'_>, section: &Section<'_>) -> Option<Lang> {
    section.optional("language").and_then(|item| sheet.word(&item, LANGUAGES))
}

fn read_asn(sheet: &mut Sheet<'_>, item: &Item<'_>) -> Option<Asn> {
    let asn = match Sheet::whole_number(item) {
        Some(number) => number.map(Asn::new),
        None => {
            let text = sheet.text(item)?;
            text.parse().map_err(|_| text.to_owned())
        }
    };
    let told = match asn {
        Ok(asn) if asn.can_be_held() => return Some(asn),
        Ok(asn) => asn.to_string(),
        Err(written) => written,
    };
    sheet.error(&code::BAD_ASN, &item.spot, Some(&told));
    None
}

fn read_prefix(sheet: &mut Sheet<'_>, item: &Item<'_>) -> Option<IpNet> {
    let text = sheet.text(item)?;
    match prefix::read(text) {
        Ok(net) => return Some(net),
        Err(BadPrefix::Text) => sheet.error(&code::BAD_PREFIX, &item.spot, Some(text)),
        Err(BadPrefix::HostBits(range)) => {
            sheet.error(&code::HOST_BITS, &item.spot, Some(&arrow(text, &range.to_string())));
        }
    }
    None
}

fn read_claimed_prefix(sheet: &mut Sheet<'_>, item: &Item<'_>) -> Option<IpNet> {
    let net = read_prefix(sheet, item)?;
    let widest = if matches!(net, IpNet::V4(_)) { WIDEST_V4 } else { WIDEST_V6 };
    if net.prefix_len() >= widest {
        return Some(net);
    }
    sheet.error(&code::PREFIX_TOO_WIDE, &item.spot, Some(&net.to_string()));
    None
}

fn read_domain(sheet: &mut Sheet<'_>, item: &Item<'_>) -> Option<Domain> {
    sheet.parsed(item, &code::BAD_DOMAIN)
}

/// None only where an error was noted.
fn read_contact(sheet: &mut Sheet<'_>, section: &Section<'_>) -> Option<Contact> {
    let kind = sheet.required(section, "kind").and_then(|item| sheet.word(&item, ContactKind::WORDS));
    let mail = sheet.required(section, "mail").and_then(|item| sheet.parsed(&item, &code::BAD_MAIL));
    let name = section.optional("name").and_then(|item| sheet.text(&item)).map(str::to_owned);
    let phone = section.optional("phone").and_then(|item| sheet.text(&item)).map(str::to_owned);
    let proved = section.optional("proved").and_then(|item| sheet.instant(&item, End::From));
    Some(Contact { kind: kind?, mail: mail?, name, phone, proved })
}

/// None only where an error was noted.
fn read_agreement(sheet: &mut Sheet<'_>, section: &Section<'_>) -> Option<(Agreement, Spot)> {
    let kind = sheet.required(section, "kind").and_then(|item| sheet.word(&item, AGREEMENTS));
    let reference = sheet.required(section, "reference").and_then(|item| sheet.text(&item)).map(str::to_owned);
    let from = sheet.required(section, "from").and_then(|item| sheet.instant(&item, End::From));
    let until = read_until(sheet, section, from);
    Some((Agreement { kind: kind?, reference: reference?, from: from?, until }, section.spot.clone()))
}

/// The end of a period, which lies after its beginning.
fn read_until(sheet: &mut Sheet<'_>, section: &Section<'_>, from: Option<Instant>) -> Option<Instant> {
    let item = section.optional("until")?;
    let until = sheet.instant(&item, End::Until)?;
    if from.is_some_and(|from| until <= from) {
        sheet.error(&code::EMPTY_PERIOD, &item.spot, Some(&until.to_string()));
        return None;
    }
    Some(until)
}

/// Remarks an agreement that had ended when the roster was updated, unless another of its kind goes on.
fn remark_ended(sheet: &mut Sheet<'_>, agreements: &[(Agreement, Spot)], updated: Option<Instant>) {
    let Some(updated) = updated else { return };
    let goes_on = |agreement: &Agreement| agreement.until.is_none_or(|until| updated < until);
    for (agreement, spot) in agreements {
        if !agreements.iter().any(|(other, _)| other.kind == agreement.kind && goes_on(other)) {
            sheet.note(&code::AGREEMENT_EXPIRED, spot, Some(&agreement.reference));
        }
    }
}

/// None only where an error was noted.
fn read_delivery(sheet: &mut Sheet<'_>, item: &Item<'_>, language: Lang) -> Option<Delivery> {
    let section = sheet.table(item, DELIVERY)?;
    let way = sheet.required(&section, "way").and_then(|item| sheet.word(&item, WAYS));
    let formats = sheet.required(&section, "format").map(|item| words_once(sheet, &item, Format::WORDS));
    let language = read_language(sheet, &section).unwrap_or(language);
    let other = match way? {
        WayWord::Folder => "to",
        WayWord::Mail => "path",
    };
    if let Some(item) = section.optional(other) {
        sheet.error(&code::KEY_OF_OTHER_WAY, &item.spot, None);
    }
    let way = match way? {
        WayWord::Folder => Way::Folder(sheet.required(&section, "path").and_then(|item| read_path(sheet, &item))?),
        WayWord::Mail => {
            let item = sheet.required(&section, "to")?;
            Way::Mail(read_recipients(sheet, &item))
        }
    };
    Some(Delivery { way, formats: formats?, language })
}

fn read_path(sheet: &mut Sheet<'_>, item: &Item<'_>) -> Option<PathBuf> {
    let text = sheet.text(item)?;
    let path = PathBuf::from(text);
    if path.components().any(|part| part == Component::ParentDir) {
        sheet.error(&code::BAD_PATH, &item.spot, Some(text));
        return None;
    }
    Some(path)
}

fn read_recipients(sheet: &mut Sheet<'_>, list: &Item<'_>) -> Vec<MailAddress> {
    let items = sheet.one_or_list(list);
    if items.is_empty() {
        sheet.error(&code::EMPTY_TEXT, &list.spot, None);
    }
    let mut recipients: Vec<MailAddress> = Vec::new();
    for item in items {
        match sheet.parsed(&item, &code::BAD_MAIL) {
            Some(address) if recipients.contains(&address) => {
                sheet.note(&code::SAID_TWICE, &item.spot, Some(address.as_str()));
            }
            Some(address) => recipients.push(address),
            None => {}
        }
    }
    recipients
}

/// None only where an error was noted.
fn read_inhibition(
    sheet: &mut Sheet<'_>,
    section: &Section<'_>,
    ids: &BTreeMap<PartyId, Spot>,
    updated: Option<Instant>,
) -> Option<Inhibition> {
    let named = ["party", "prefix", "classification"];
    if named.iter().all(|key| section.optional(key).is_none()) {
        sheet.error(&code::INHIBITS_ALL, &section.spot, None);
    }
    let party = section.optional("party").and_then(|item| read_known_party(sheet, &item, ids));
    let prefix = section.optional("prefix").and_then(|item| read_prefix(sheet, &item));
    let classification = section.optional("classification").and_then(|item| read_classification(sheet, &item));
    let reason = sheet.required(section, "reason").and_then(|item| sheet.text(&item)).map(str::to_owned);
    let from = section.optional("from").and_then(|item| sheet.instant(&item, End::From));
    let until = sheet.required(section, "until").and_then(|_| read_until(sheet, section, from))?;
    if updated.is_some_and(|updated| until <= updated) {
        sheet.note(&code::INHIBITION_EXPIRED, &section.spot, reason.as_deref());
    }
    Some(Inhibition { party, prefix, classification, reason: reason?, from, until })
}

fn read_known_party(sheet: &mut Sheet<'_>, item: &Item<'_>, ids: &BTreeMap<PartyId, Spot>) -> Option<PartyId> {
    let text = sheet.text(item)?;
    let id = text.parse().ok().filter(|id| ids.contains_key(id));
    if id.is_none() {
        let near = nearest(text, ids.keys().map(PartyId::as_str)).unwrap_or_default();
        sheet.error(&code::UNKNOWN_PARTY, &item.spot, Some(&arrow(text, near)));
    }
    id
}

fn read_classification(sheet: &mut Sheet<'_>, item: &Item<'_>) -> Option<Classification> {
    let text = sheet.text(item)?;
    let kind = text.parse().ok();
    if kind.is_none() {
        let near = nearest(text, Classification::ALL.iter().map(|kind| kind.name())).unwrap_or_default();
        sheet.error(&code::UNKNOWN_WORD, &item.spot, Some(&arrow(text, near)));
    }
    kind
}
