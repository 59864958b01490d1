//! Who can act on a sighting; what nobody here can act on goes back to its reporter and is never dropped.

use model::batch::SightingBatch;
use model::id::PartyId;
use model::party::AgreementKind;
use model::sighting::SightingRef;
use model::text::Text;
use model::time::Instant;

use crate::asn::Asn;
use crate::holder::{Directory, Holder};
use crate::roster::{Inhibition, RosterEntry};

/// Where a sighting goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Addressee<'d> {
    /// To this party: it holds the address or domain, agreed to receive, and can be reached.
    Party(&'d PartyId),
    /// To nobody here: back to its reporter.
    Nobody(Reason<'d>),
    /// Kept from the party that could act, until the inhibition ends.
    Inhibited {
        /// The party.
        party: &'d PartyId,
        /// Why, as the roster says it.
        reason: &'d str,
        /// Until when.
        until: Instant,
    },
}

/// Why nobody here can act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason<'d> {
    /// The sighting names neither an address nor, instead of one, a domain.
    NoAddress,
    /// Neither the roster nor a table knows who holds it.
    NoPartner,
    /// It is known which autonomous system holds it, but no party of the roster runs that.
    NotPartner {
        /// The system.
        asn: Asn,
    },
    /// A party holds it, but had no agreement to receive in force.
    NoAgreement {
        /// The party.
        party: &'d PartyId,
    },
    /// A party holds it and agreed to receive, but the roster has no way of delivery for it.
    NoDelivery {
        /// The party.
        party: &'d PartyId,
    },
}

impl Reason<'_> {
    /// The reason's name, stable for machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoAddress => "no-address",
            Self::NoPartner => "no-partner",
            Self::NotPartner { .. } => "not-partner",
            Self::NoAgreement { .. } => "no-agreement",
            Self::NoDelivery { .. } => "no-delivery",
        }
    }

    /// The reason for people, as it may be told to the reporter.
    #[must_use]
    pub const fn text(self) -> &'static Text {
        match self {
            Self::NoAddress => &Text {
                ja: "アドレスもドメインも書かれていないため、送付先を決められません",
                en: "it names neither an address nor a domain, so nobody can be found for it",
            },
            Self::NoPartner => &Text {
                ja: "このアドレスまたはドメインの保有者が、名簿にもAS番号表にもありません",
                en: "neither the roster nor a table of AS numbers knows who holds it",
            },
            Self::NotPartner { .. } => &Text {
                ja: "このアドレスのASは分かりますが、協力先ではありません",
                en: "its autonomous system is known but runs under no partner here",
            },
            Self::NoAgreement { .. } => &Text {
                ja: "保有する組織はありますが、受領の協定が有効ではありません",
                en: "the party that holds it had no agreement to receive in force",
            },
            Self::NoDelivery { .. } => &Text {
                ja: "保有する組織はありますが、送付方法が登録されていません",
                en: "no way of delivery is registered for the party that holds it",
            },
        }
    }
}

/// Whether a party can act at all.
#[derive(Debug, Clone, Copy)]
enum Standing<'d> {
    /// It cannot.
    Cannot(Reason<'d>),
    /// It can; `watched` where an inhibition may keep some rows from it.
    Can { watched: bool },
}

/// Nobody here, although a table may name the system.
fn nobody<'d>(asn: Option<Asn>) -> Addressee<'d> {
    Addressee::Nobody(asn.map_or(Reason::NoPartner, |asn| Reason::NotPartner { asn }))
}

impl Directory {
    /// Who can act on the sighting, by what was in force at `at`.
    ///
    /// The source address decides wherever there is one, and alone: a domain beside it is the reporter's remark, and
    /// whom the address belongs to must not depend on that. Only a sighting without a source address goes by
    /// `source.fqdn`. The AS number that a report carries is not believed either; the tables are.
    #[must_use]
    pub fn who_can_act(&self, row: &SightingRef<'_>, at: Instant) -> Addressee<'_> {
        match (row.source_ip, row.source_fqdn) {
            (Some(address), _) => self.decide(self.lookup(address), row, at),
            (None, Some(name)) => self.decide(self.lookup_domain(name), row, at),
            (None, None) => Addressee::Nobody(Reason::NoAddress),
        }
    }

    /// [`Directory::who_can_act`] for each row of the batch, in its order. Every row has exactly one addressee. The
    /// addresses are looked up as one batch, and what does not depend on the row is decided once for each party.
    pub fn route<'d>(&'d self, batch: &'d SightingBatch, at: Instant) -> impl ExactSizeIterator<Item = Addressee<'d>> {
        let holders = self.holders(batch.source_ips());
        let mut standings: Vec<Option<Standing<'d>>> = vec![None; self.roster().parties().len()];
        let rows = holders.into_iter().enumerate().zip(batch.source_ips());
        rows.map(move |((index, holder), address)| {
            if address.is_none() {
                return self.who_can_act(&batch.row(index), at);
            }
            let holding = self.holding(holder);
            let (Some(entry), Some(place)) = (holding.party, holding.place) else { return nobody(holding.asn) };
            // INVARIANT: a party's place is one of the roster's.
            let known = standings.get(place).copied().flatten();
            let standing = known.unwrap_or_else(|| self.standing(entry, at));
            if let (None, Some(slot)) = (known, standings.get_mut(place)) {
                *slot = Some(standing);
            }
            match standing {
                Standing::Cannot(reason) => Addressee::Nobody(reason),
                Standing::Can { watched: false } => Addressee::Party(&entry.party.id),
                Standing::Can { watched: true } => self.unless_inhibited(entry, &batch.row(index), at),
            }
        })
    }

    fn decide<'d>(&'d self, holder: Holder<'d>, row: &SightingRef<'_>, at: Instant) -> Addressee<'d> {
        let Some(entry) = holder.party else { return nobody(holder.asn) };
        match self.standing(entry, at) {
            Standing::Cannot(reason) => Addressee::Nobody(reason),
            Standing::Can { .. } => self.unless_inhibited(entry, row, at),
        }
    }

    /// What of the decision depends on the party alone.
    fn standing<'d>(&'d self, entry: &'d RosterEntry, at: Instant) -> Standing<'d> {
        let party = &entry.party.id;
        if entry.party.agreement(AgreementKind::Receive, at).is_none() {
            return Standing::Cannot(Reason::NoAgreement { party });
        }
        if entry.delivery.is_none() {
            return Standing::Cannot(Reason::NoDelivery { party });
        }
        let concerns = |inhibition: &Inhibition| {
            inhibition.in_force(at) && inhibition.party.as_ref().is_none_or(|inhibited| inhibited == party)
        };
        Standing::Can { watched: self.roster().inhibitions().any(concerns) }
    }

    fn unless_inhibited<'d>(&'d self, entry: &'d RosterEntry, row: &SightingRef<'_>, at: Instant) -> Addressee<'d> {
        let party = &entry.party.id;
        match self.inhibition(entry, row, at) {
            Some(inhibition) => Addressee::Inhibited { party, reason: &inhibition.reason, until: inhibition.until },
            None => Addressee::Party(party),
        }
    }

    /// The inhibition that keeps the sighting from the party; of several the one that lasts longest, because the
    /// sighting is kept until then.
    fn inhibition(&self, entry: &RosterEntry, row: &SightingRef<'_>, at: Instant) -> Option<&Inhibition> {
        let fits = |inhibition: &&Inhibition| {
            inhibition.in_force(at)
                && inhibition.party.as_ref().is_none_or(|party| *party == entry.party.id)
                && inhibition.classification.is_none_or(|kind| kind == row.classification)
                && inhibition.prefix.is_none_or(|net| row.source_ip.is_some_and(|address| net.contains(&address.ip())))
        };
        // `max_by_key` takes the last of equals: going backwards, that is the first of the file.
        self.roster().inhibitions().filter(fits).rev().max_by_key(|inhibition| inhibition.until)
    }
}
