//! The directory: who holds an address or a domain, and how that is known.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
    asns: HashMap<Asn, u32>,
    /// Domains and the places of the parties that look after them.
    domains: HashMap<Domain, u32>,
    v4: PrefixMap<Ipv4Net, u32>,
    v6: PrefixMap<Ipv6Net, u32>,
    /// The different answers; the tries hold indices into it.
    answers: Vec<Answer>,
    /// Names of autonomous systems.
    names: Vec<Box<str>>,
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
    /// That system's name in the table.
    pub as_name: Option<&'d str>,
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

/// An answer for addresses, without the prefix it was found under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Answer {
    /// The party's place in the roster.
    party: Option<u32>,
    /// The roster's prefix, where that decided.
    manual: Option<IpNet>,
    /// What the tables say.
    asn: Option<Asn>,
    /// The place of the system's name.
    name: Option<u32>,
}

/// No domain name is longer (RFC 1035, section 2.3.4), and what is longer would only cost time.
const LONGEST_NAME: usize = 253;

impl Holder<'_> {
    /// Nobody that is known.
    const NOBODY: Self = Holder { party: None, found: None, asn: None, as_name: None };
}

impl<'d> Holder<'d> {
    /// The party's id.
    #[must_use]
    pub fn party_id(&self) -> Option<&'d PartyId> {
        self.party.map(|entry| &entry.party.id)
    }
}

impl Directory {
    /// The directory of this roster and these tables, the tables in the order in which they are believed.
    #[must_use]
    pub fn new(roster: Roster, tables: &[AsnTable]) -> Self {
        let mut directory = Self {
            asns: HashMap::new(),
            domains: HashMap::new(),
            v4: PrefixMap::new(),
            v6: PrefixMap::new(),
            answers: Vec::new(),
            names: Vec::new(),
            roster,
        };
        for (place, entry) in (0_u32..).zip(directory.roster.parties()) {
            directory.asns.extend(entry.asns.iter().map(|asn| (*asn, place)));
            directory.domains.extend(entry.domains.iter().map(|domain| (domain.clone(), place)));
        }
        let mut answers = Answers::default();
        let tables: Vec<(&AsnTable, Vec<u32>)> = tables.iter().map(|table| (table, answers.names_of(table))).collect();
        let v4: Vec<_> = tables.iter().map(|(table, names)| (table.v4.as_slice(), names.as_slice())).collect();
        let v6: Vec<_> = tables.iter().map(|(table, names)| (table.v6.as_slice(), names.as_slice())).collect();
        directory.v4 = directory.trie(&v4, &mut answers);
        directory.v6 = directory.trie(&v6, &mut answers);
        directory.answers = answers.all;
        directory.names = answers.names;
        directory
    }

    /// The trie of one address family: tables first, then the roster's prefixes over them.
    fn trie<F: Family>(&self, tables: &[TableRanges<'_, F::Address>], answers: &mut Answers) -> PrefixMap<F, u32> {
        // A range becomes the few largest prefixes that make it up. The pieces of an inner range lie inside the
        // pieces of the outer one or equal them; entering the widest range first lets the inner one stand.
        let mut ranges: Vec<(u128, usize, &Range<F::Address>)> = Vec::new();
        for (order, (rows, _)) in tables.iter().enumerate() {
            ranges.extend(rows.iter().map(|range| (F::width(range), order, range)));
        }
        ranges.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.cmp(&a.1)));
        let mut trie: PrefixMap<F, u32> = PrefixMap::new();
        for (_, order, range) in ranges {
            let names = tables.get(order).map(|(_, names)| *names).unwrap_or_default();
            // AS 0 is entered as well: it makes a hole in whatever lies around it.
            let answer = if range.asn.is_unrouted() {
                Answer { party: None, manual: None, asn: None, name: None }
            } else {
                let party = self.asns.get(&range.asn).copied();
                let name = range.name_index().and_then(|name| names.get(name)).copied();
                Answer { party, manual: None, asn: Some(range.asn), name }
            };
            let index = answers.index(answer);
            for piece in F::pieces(range) {
                trie.insert(piece, index);
            }
        }

        // The roster goes over it: its prefixes, longest last, take over every prefix inside them.
        let mut manual: Vec<(F, IpNet, u32)> = Vec::new();
        for (place, entry) in (0_u32..).zip(self.roster.parties()) {
            manual.extend(entry.prefixes.iter().filter_map(|net| Some((F::of(*net)?, *net, place))));
        }
        manual.sort_by_key(|(prefix, _, _)| prefix.prefix_len());
        // What the tables say under each prefix is asked before anything is overwritten.
        let under: Vec<Option<u32>> =
            manual.iter().map(|(prefix, _, _)| trie.get_lpm(prefix).map(|(_, index)| *index)).collect();
        for ((prefix, net, place), index) in manual.into_iter().zip(under) {
            let mine = |below: Option<Answer>| Answer {
                party: Some(place),
                manual: Some(net),
                asn: below.and_then(|answer| answer.asn),
                name: below.and_then(|answer| answer.name),
            };
            for (_, inner) in trie.children_mut(&prefix) {
                *inner = answers.index(mine(answers.get(*inner)));
            }
            let below = index.and_then(|index| answers.get(index));
            let index = answers.index(mine(below));
            trie.insert(prefix, index);
        }
        trie
    }

    /// Who holds the address.
    #[must_use]
    pub fn lookup(&self, address: Address) -> Holder<'_> {
        let hit = match address.ip() {
            IpAddr::V4(ip) => self.v4.get_lpm(&Ipv4Net::from(ip)).map(|(net, index)| (IpNet::V4(net), *index)),
            IpAddr::V6(ip) => self.v6.get_lpm(&Ipv6Net::from(ip)).map(|(net, index)| (IpNet::V6(net), *index)),
        };
        let Some((prefix, index)) = hit else { return Holder::NOBODY };
        let Some(answer) = at(&self.answers, index) else { return Holder::NOBODY };
        let found = match (answer.manual, answer.asn) {
            (Some(prefix), _) => Some(Found::Manual { prefix }),
            (None, Some(asn)) => Some(Found::Asn { asn, prefix }),
            (None, None) => None,
        };
        Holder {
            party: answer.party.and_then(|place| self.roster.at(place)),
            found,
            asn: answer.asn,
            as_name: answer.name.and_then(|name| at(&self.names, name)).map(AsRef::as_ref),
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
                party: self.roster.at(*place),
                found: Some(Found::Domain { domain: domain.as_str() }),
                ..Holder::NOBODY
            },
            None => Holder::NOBODY,
        }
    }

    /// The party that claims the AS number.
    #[must_use]
    pub fn party_of_asn(&self, asn: Asn) -> Option<&RosterEntry> {
        self.asns.get(&asn).and_then(|place| self.roster.at(*place))
    }

    /// The roster that it was made of.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }
}

/// A table's ranges of one family, and where its names went.
type TableRanges<'t, A> = (&'t [Range<A>], &'t [u32]);

fn at<T>(list: &[T], index: u32) -> Option<&T> {
    list.get(usize::try_from(index).ok()?)
}

/// The different answers while a directory is made.
#[derive(Default)]
struct Answers {
    all: Vec<Answer>,
    indices: HashMap<Answer, u32>,
    names: Vec<Box<str>>,
}

impl Answers {
    /// The answer's index; equal answers have one.
    fn index(&mut self, answer: Answer) -> u32 {
        *self.indices.entry(answer).or_insert_with(|| {
            self.all.push(answer);
            // INVARIANT: fewer than 2^32 answers, since each stands for a row of a table that counts its lines in
            // 32 bits, once for each prefix of a roster around it.
            u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
        })
    }

    fn get(&self, index: u32) -> Option<Answer> {
        at(&self.all, index).copied()
    }

    /// Takes the table's names in and says where each went.
    fn names_of(&mut self, table: &AsnTable) -> Vec<u32> {
        let start = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.extend(table.names().iter().cloned());
        (start..).take(table.names().len()).collect()
    }
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
