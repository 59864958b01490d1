//! The directory: who holds an address or a domain, and how that is known.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;

use ipnet::{IpNet, Ipv4Net, Ipv4Subnets, Ipv6Net, Ipv6Subnets};
use model::address::Address;
use model::id::PartyId;
use prefix_trie::{Prefix, PrefixMap};

use crate::asn::Asn;
use crate::domain::{Domain, suffixes};
use crate::roster::{Roster, RosterEntry};
use crate::table::{AsnTable, Range};

/// Whose address, AS number or domain something is: a roster and the tables of AS numbers beside it.
///
/// The most specific prefix of the roster decides; only where the roster has none does the most specific range of the
/// tables, through the AS numbers that parties claim. Among equal ranges of several tables the first table's stands;
/// where ranges of two tables overlap in part, the one with the longer prefix there.
///
/// INVARIANT: each prefix of either trie leads to the answer for every address whose longest prefix it is, so that one
/// walk answers both questions (the roster's and the tables').
pub struct Directory {
    roster: Roster,
    /// AS numbers and the places of the parties that claim them.
    asns: HashMap<Asn, Place>,
    /// Domains and the places of the parties that look after them.
    domains: HashMap<Domain, Place>,
    v4: PrefixMap<Ipv4Net, Answer>,
    v6: PrefixMap<Ipv6Net, Answer>,
    /// The roster's prefixes.
    manual: Vec<IpNet>,
    /// Names of autonomous systems.
    names: Vec<String>,
}

/// Who holds an address or a domain, as far as the directory knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder<'d> {
    /// The party of the roster that holds it.
    pub party: Option<&'d RosterEntry>,
    /// How it was found.
    pub found: Option<Found<'d>>,
    /// The autonomous system that announces the address, if a table says so, even where the roster decided.
    pub asn: Option<Asn>,
    /// That system's name, not yet looked at: among many it is seldom in the processor's cache.
    name: Option<&'d String>,
}

/// What says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'d> {
    /// A prefix of the roster.
    Manual {
        /// The prefix.
        prefix: IpNet,
    },
    /// A table of AS numbers.
    Asn {
        /// The number.
        asn: Asn,
        /// The part of the table's range that the address lies in.
        prefix: IpNet,
    },
    /// A domain of the roster.
    Domain {
        /// The domain, perhaps above the one that was asked for.
        domain: &'d str,
    },
}

/// An answer for addresses, small, because a trie of a million prefixes holds one for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Answer {
    /// The party in the roster.
    party: Option<Place>,
    /// The roster's prefix, where that decided.
    manual: Option<Place>,
    /// What the tables say; AS 0 where they say nothing.
    asn: Asn,
    /// The system's name.
    name: Option<Place>,
}

/// A place in a list, counted from 1 so that its absence costs no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(NonZeroU32);

impl Place {
    /// The place of the item at `index`, from 0; none beyond the four thousand millionth, which no list here has.
    fn of(index: usize) -> Option<Self> {
        u32::try_from(index).ok()?.checked_add(1).and_then(NonZeroU32::new).map(Self)
    }

    fn index(self) -> usize {
        // INVARIANT: made of a `usize` by `of`.
        usize::try_from(self.0.get() - 1).unwrap_or(usize::MAX)
    }
}

impl Answer {
    const NOBODY: Self = Self { party: None, manual: None, asn: Asn::new(0), name: None };
}

/// No domain name is longer (RFC 1035, section 2.3.4), and what is longer would only cost time.
const LONGEST_NAME: usize = 253;

impl Holder<'_> {
    /// Nobody that is known.
    const NOBODY: Self = Holder { party: None, found: None, asn: None, name: None };
}

impl<'d> Holder<'d> {
    /// The party's id.
    #[must_use]
    pub fn party_id(&self) -> Option<&'d PartyId> {
        self.party.map(|entry| &entry.party.id)
    }

    /// The name of the autonomous system in the table that names it.
    #[must_use]
    pub fn as_name(&self) -> Option<&'d str> {
        self.name.map(String::as_str)
    }
}

impl Directory {
    /// The directory of this roster and these tables, the tables in the order in which they are believed.
    #[must_use]
    pub fn new(roster: Roster, tables: &[AsnTable]) -> Self {
        let mut asns = HashMap::new();
        let mut domains = HashMap::new();
        let mut manual = Vec::new();
        for (index, entry) in roster.parties().enumerate() {
            let Some(place) = Place::of(index) else { break };
            asns.extend(entry.asns.iter().map(|asn| (*asn, place)));
            domains.extend(entry.domains.iter().map(|domain| (domain.clone(), place)));
            manual.extend(entry.prefixes.iter().map(|net| (*net, place)));
        }
        // Longest last: they take over what lies inside them from the wider ones.
        manual.sort_by_key(|(net, _)| net.prefix_len());
        let mut names = Vec::new();
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for table in tables {
            v4.push((table.v4.as_slice(), names.len()));
            v6.push((table.v6.as_slice(), names.len()));
            names.extend(table.names().iter().map(|name| name.to_string()));
        }
        Self {
            v4: trie(&v4, &asns, &manual),
            v6: trie(&v6, &asns, &manual),
            manual: manual.into_iter().map(|(net, _)| net).collect(),
            roster,
            asns,
            domains,
            names,
        }
    }

    /// Who holds the address.
    #[must_use]
    pub fn lookup(&self, address: Address) -> Holder<'_> {
        let hit = match address.ip() {
            IpAddr::V4(ip) => self.v4.get_lpm(&Ipv4Net::from(ip)).map(|(net, answer)| (IpNet::V4(net), *answer)),
            IpAddr::V6(ip) => self.v6.get_lpm(&Ipv6Net::from(ip)).map(|(net, answer)| (IpNet::V6(net), *answer)),
        };
        let Some((prefix, answer)) = hit else { return Holder::NOBODY };
        let asn = (!answer.asn.is_unrouted()).then_some(answer.asn);
        let manual = answer.manual.and_then(|place| self.manual.get(place.index()).copied());
        let found = match (manual, asn) {
            (Some(prefix), _) => Some(Found::Manual { prefix }),
            (None, Some(asn)) => Some(Found::Asn { asn, prefix }),
            (None, None) => None,
        };
        Holder {
            party: answer.party.and_then(|place| self.roster.at(place.index())),
            found,
            asn,
            name: answer.name.and_then(|place| self.names.get(place.index())),
        }
    }

    /// Who holds each of the addresses, in their order; one that follows its equal is not looked up again.
    pub fn lookup_all(&self, addresses: impl IntoIterator<Item = Option<Address>>) -> impl Iterator<Item = Holder<'_>> {
        let mut last = (None, Holder::NOBODY);
        addresses.into_iter().map(move |address| {
            if address != last.0 {
                last = (address, address.map_or(Holder::NOBODY, |address| self.lookup(address)));
            }
            last.1
        })
    }

    /// Who looks after the domain: the party with the longest domain that is this one or lies above it. Any case and a
    /// dot at the end are understood; names in other scripts only in their A-label form.
    #[must_use]
    pub fn lookup_domain(&self, name: &str) -> Holder<'_> {
        let name = name.trim().trim_end_matches('.');
        if name.len() > LONGEST_NAME {
            return Holder::NOBODY;
        }
        let name = name.to_ascii_lowercase();
        let hit = suffixes(&name).find_map(|suffix| self.domains.get_key_value(suffix));
        match hit {
            Some((domain, place)) => Holder {
                party: self.roster.at(place.index()),
                found: Some(Found::Domain { domain: domain.as_str() }),
                ..Holder::NOBODY
            },
            None => Holder::NOBODY,
        }
    }

    /// The party that claims the AS number.
    #[must_use]
    pub fn party_of_asn(&self, asn: Asn) -> Option<&RosterEntry> {
        self.asns.get(&asn).and_then(|place| self.roster.at(place.index()))
    }

    /// The roster that it was made of.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }
}

/// A table's ranges of one family, and where its names begin among all.
type TableRanges<'t, A> = (&'t [Range<A>], usize);

/// The trie of one address family: the tables first, then the roster's prefixes over them, the widest first.
fn trie<F: Family>(
    tables: &[TableRanges<'_, F::Address>],
    asns: &HashMap<Asn, Place>,
    manual: &[(IpNet, Place)],
) -> PrefixMap<F, Answer> {
    // A range becomes the few largest prefixes that make it up. The pieces of an inner range lie inside the pieces of
    // the outer one or equal them; entering the widest range first lets the inner one stand.
    let mut ranges: Vec<(u128, usize, &Range<F::Address>, usize)> = Vec::new();
    for (order, (rows, names)) in tables.iter().enumerate() {
        ranges.extend(rows.iter().map(|range| (F::width(range), order, range, *names)));
    }
    ranges.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.cmp(&a.1)));
    let mut trie: PrefixMap<F, Answer> = PrefixMap::new();
    for (_, _, range, names) in ranges {
        // AS 0 is entered as well: it makes a hole in whatever lies around it.
        let name = range.name_index().and_then(|name| Place::of(names + name));
        let name = if range.asn.is_unrouted() { None } else { name };
        let answer = Answer { party: asns.get(&range.asn).copied(), manual: None, asn: range.asn, name };
        for piece in F::pieces(range) {
            trie.insert(piece, answer);
        }
    }

    // What the tables say under each prefix of the roster is asked before anything is overwritten.
    let mine: Vec<(F, Answer)> = manual
        .iter()
        .enumerate()
        .filter_map(|(index, (net, party))| {
            let prefix = F::of(*net)?;
            let below = trie.get_lpm(&prefix).map_or(Answer::NOBODY, |(_, answer)| *answer);
            Some((prefix, Answer { party: Some(*party), manual: Place::of(index), ..below }))
        })
        .collect();
    for (prefix, answer) in mine {
        for (_, inner) in trie.children_mut(&prefix) {
            (inner.party, inner.manual) = (answer.party, answer.manual);
        }
        trie.insert(prefix, answer);
    }
    trie
}

/// What IPv4 and IPv6 do alike.
trait Family: Prefix + Copy {
    type Address: Copy;
    /// The prefix, if it is of this family.
    fn of(net: IpNet) -> Option<Self>;
    /// How many addresses the range holds, less one.
    fn width(range: &Range<Self::Address>) -> u128;
    /// The fewest prefixes that make up the range.
    fn pieces(range: &Range<Self::Address>) -> impl Iterator<Item = Self>;
}

impl Family for Ipv4Net {
    type Address = Ipv4Addr;

    fn of(net: IpNet) -> Option<Self> {
        if let IpNet::V4(net) = net { Some(net) } else { None }
    }

    fn width(range: &Range<Ipv4Addr>) -> u128 {
        u128::from(range.last.to_bits() - range.first.to_bits())
    }

    fn pieces(range: &Range<Ipv4Addr>) -> impl Iterator<Item = Self> {
        Ipv4Subnets::new(range.first, range.last, 0)
    }
}

impl Family for Ipv6Net {
    type Address = Ipv6Addr;

    fn of(net: IpNet) -> Option<Self> {
        if let IpNet::V6(net) = net { Some(net) } else { None }
    }

    fn width(range: &Range<Ipv6Addr>) -> u128 {
        range.last.to_bits() - range.first.to_bits()
    }

    fn pieces(range: &Range<Ipv6Addr>) -> impl Iterator<Item = Self> {
        Ipv6Subnets::new(range.first, range.last, 0)
    }
}
