//! Correspondence: from what a deed knows to subject, text, addresses and sealed envelopes.

use api::v1::Delivery as Cover;
use archive::BlobKind;
use courier::{
    Envelope, HeaderText, Letter as LetterText, MailAddress, Mailbox, MediaType, Parcel, ParcelName, Recipient,
};
use directory::RosterEntry;
use directory::roster::{Format as RosterFormat, Way};
use formats::Contact;
use formats::letter::contents::{Contents, DeliveryLetter, GroundNote, ReturnLetter, Returned};
use formats::letter::{Letter, Rendered};
use formats::writing::Dialect;
use law::{Clearance, Ground, Protected};
use model::operation::CareDesk;
use model::problem::Place;
use model::text::Name;
use model::{HandlingTally, Lang};
use store::fact::Fact;

use crate::house::House;
use crate::keep::About;
use crate::problem::{DeedError, SETTING_MISSING};

/// A letter ready for its envelope.
pub(crate) struct Written {
    pub(crate) subject: HeaderText,
    pub(crate) text: LetterText,
    /// The template's hash, for the leaf.
    pub(crate) hash: String,
}

/// What the letter to a reporter tells of the rows that go back.
pub(crate) struct Back {
    pub(crate) tally: HandlingTally,
    /// Reason and count.
    pub(crate) reasons: Vec<(String, u64)>,
}

/// A reason for returning, as a reporter is told it.
fn reason_for_people(code: &str) -> Name {
    let text = crate::reason::text(code);
    text.map_or_else(|| Name::from(code), |text| Name { ja: text.ja.to_owned(), en: Some(text.en.to_owned()) })
}

impl House {
    pub(crate) fn write<C: Contents>(letter: &Letter<C>, contents: &C) -> Result<Written, DeedError> {
        let Rendered { subject, body } = letter.render(contents)?;
        written(&subject, &body, letter.hash())
    }

    /// The rules that a cover cites, as letters state grounds.
    pub(crate) fn ground_notes(&self, rules: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<GroundNote> {
        let pack = self.gate.pack();
        rules.into_iter().filter_map(|id| GroundNote::of(pack.rule(id.as_ref())?)).collect()
    }

    pub(crate) fn delivery_letter(
        &self,
        cover: &Cover,
        to: &RosterEntry,
        me: &RosterEntry,
        lang: Lang,
    ) -> Result<Written, DeedError> {
        let contents = DeliveryLetter {
            delivery: cover.delivery,
            to: to.party.name.clone(),
            from: desk_of(me),
            operation: cover.plan.title.clone(),
            round: cover.round.clone(),
            threat: cover.plan.threat.clone(),
            collected: cover.plan.collected.clone(),
            rows: cover.rows,
            files: cover.files.iter().map(|file| file.name.clone()).collect(),
            tags: cover.tags,
            grounds: self.ground_notes(cover.rules.iter().map(|rule| &rule.rule)),
            notify_from: cover.plan.notify_from,
            answer_by: cover.answer_by,
            answer_to: first_mail(me).map(|mail| mail.as_str().to_owned()),
            care_desk: cover.plan.care_desk.clone(),
            zone: self.settings.zone.clone(),
        };
        Self::write(&Letter::shipped(lang), &contents)
    }

    pub(crate) fn return_letter(
        &self,
        cover: &Cover,
        to: &RosterEntry,
        me: &RosterEntry,
        lang: Lang,
        back: &Back,
    ) -> Result<Written, DeedError> {
        let contents = ReturnLetter {
            ticket: cover.ticket.clone(),
            to: to.party.name.clone(),
            from: desk_of(me),
            operation: cover.plan.title.clone(),
            round: cover.round.clone(),
            threat: cover.plan.threat.clone(),
            tally: back.tally,
            returned: back
                .reasons
                .iter()
                .map(|(code, rows)| Returned { reason: reason_for_people(code), rows: *rows })
                .collect(),
            files: cover.files.iter().map(|file| file.name.clone()).collect(),
            grounds: self.ground_notes(cover.rules.iter().map(|rule| &rule.rule)),
            at: cover.made,
            zone: self.settings.zone.clone(),
        };
        Self::write(&Letter::shipped(lang), &contents)
    }

    /// Seals envelopes as one parcel of the archive, one after the other, as protected as what `clearance` opens: they open
    /// again only for a clearance of the same subject.
    pub(crate) fn keep_letters(
        &self,
        about: About<'_>,
        envelopes: &[Envelope],
        clearance: &Clearance,
    ) -> Result<Fact, DeedError> {
        let bytes = serde_json::to_vec(envelopes).map_err(|e| DeedError::Fault(e.to_string()))?;
        let sealed = Protected::seal(bytes, clearance.class(), clearance.subject().clone());
        self.keep_protected(BlobKind::Parcel, about, &sealed, clearance, envelopes.len() as u64)
    }
}

/// Subject and body as the courier takes them.
pub(crate) fn written(subject: &str, body: &str, hash: String) -> Result<Written, DeedError> {
    let place = || Place::file("letter");
    Ok(Written {
        subject: subject.parse().map_err(|unfit: courier::Unfit| unfit.at(place().field("subject")))?,
        text: body.parse().map_err(|unfit: courier::Unfit| unfit.at(place().field("body")))?,
        hash,
    })
}

/// A file for an envelope.
pub(crate) fn parcel(name: &str, media_type: &str, bytes: Vec<u8>) -> Result<Parcel, DeedError> {
    let place = || Place::file(name);
    let name: ParcelName = name.parse().map_err(|unfit: courier::Unfit| unfit.at(place()))?;
    let media_type: MediaType = media_type.parse().map_err(|unfit: courier::Unfit| unfit.at(place()))?;
    Ok(Parcel { name, media_type, bytes })
}

fn first_mail(entry: &RosterEntry) -> Option<&directory::mailbox::MailAddress> {
    entry.contacts.first().map(|contact| &contact.mail)
}

/// The mailbox that a party writes from: its first contact, under its name.
pub(crate) fn mailbox(entry: &RosterEntry) -> Result<Mailbox, DeedError> {
    let mail = first_mail(entry).ok_or_else(|| DeedError::NotInForce {
        code: &SETTING_MISSING,
        about: format!("roster: [[party.contact]] of {}", entry.party.id),
    })?;
    named_mailbox(mail.as_str(), entry.party.name.of(entry.language))
}

/// A mailbox of that address and name.
pub(crate) fn named_mailbox(mail: &str, name: &str) -> Result<Mailbox, DeedError> {
    let place = || Place::file("mailbox");
    let address: MailAddress = mail.parse().map_err(|unfit: courier::Unfit| unfit.at(place()))?;
    let name: HeaderText = name.parse().map_err(|unfit: courier::Unfit| unfit.at(place()))?;
    Ok(Mailbox::named(name, address))
}

/// To whom a party's deliveries go, and by which way of the courier.
pub(crate) fn recipients(entry: &RosterEntry) -> Result<(Vec<Recipient>, &'static str), DeedError> {
    match entry.delivery.as_ref().map(|delivery| &delivery.way) {
        Some(Way::Mail(addresses)) => {
            let name = entry.party.name.of(entry.language);
            let to: Result<Vec<Recipient>, DeedError> =
                addresses.iter().map(|a| Ok(Recipient::Mail(named_mailbox(a.as_str(), name)?))).collect();
            Ok((to?, "smtp"))
        }
        Some(Way::Folder(_)) => Ok((vec![Recipient::Folder(entry.party.id.clone())], "folder")),
        None => Err(DeedError::NotInForce {
            code: &SETTING_MISSING,
            about: format!("roster: delivery of {}", entry.party.id),
        }),
    }
}

/// A party as exchange formats name one.
pub(crate) fn contact(entry: &RosterEntry) -> Contact {
    let mail = first_mail(entry).map(|mail| mail.as_str().to_owned()).unwrap_or_default();
    let domain = mail.rsplit_once('@').map(|(_, domain)| domain.to_owned()).unwrap_or_default();
    Contact { org: entry.party.name.of(Lang::En).to_owned(), mail, domain }
}

/// The desk that a party answers from.
pub(crate) fn desk_of(entry: &RosterEntry) -> CareDesk {
    CareDesk {
        name: entry.party.name.clone(),
        phone: entry.contacts.iter().find_map(|contact| contact.phone.clone()),
        mail: first_mail(entry).map(|mail| mail.as_str().to_owned()),
        url: None,
        hours: None,
    }
}

/// The format's name and dialect for what the roster asks for.
pub(crate) const fn format_of(format: RosterFormat) -> (&'static str, Dialect) {
    match format {
        RosterFormat::Idf => ("idf", Dialect::Plain),
        RosterFormat::Csv => ("csv", Dialect::Plain),
        RosterFormat::CsvExcel => ("csv", Dialect::Spreadsheet),
        RosterFormat::Xarf => ("xarf", Dialect::Plain),
    }
}

/// Grounds by name, joined.
pub(crate) fn ground_names(grounds: &[Ground]) -> String {
    grounds.iter().map(|ground| ground.name()).collect::<Vec<_>>().join("+")
}
