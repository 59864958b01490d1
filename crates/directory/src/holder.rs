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
use crate::spans::{Blocks, DEEPER, Spans};
use crate::table::{AsnTable, Range};

/// Whose address, AS number or domain something is: a roster and the tables of AS numbers beside it.
///
/// The most specific prefix of the roster decides; only where the roster has none does the most specific range of the
/// tables, through the AS numbers that parties claim. Among equal ranges of several tables the first table's stands;
/// where ranges of two tables overlap in part, the one with the longer prefix there.
///
/// INVARIANT: each prefix of either trie leads to the answer for every address whose longest prefix it is, so that one
/// walk answers both questions (the roster's and the tables'). The spans say for each address the number of what the tries say.
pub struct Directory {
    roster: Roster,
    /// AS numbers and the places of the parties that claim them.
    asns: HashMap<Asn, Place>,
    /// Domains and the places of the parties that look after them.
    domains: HashMap<Domain, Place>,
    v4: PrefixMap<Ipv4Net, Answer>,
    v6: PrefixMap<Ipv6Net, Answer>,
    /// Both tries once more, for batches.
    batch: Batch,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// The number of what a directory knows about an address: equal for addresses about which it knows the same. It belongs to
/// the directory that gave it and to no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HolderId(u32);

impl HolderId {
    /// Nobody that is known.
    pub const NOBODY: Self = Self(0);

    /// The number, from 0, which is nobody; none is as large as [`Directory::holder_count`].
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// What a [`HolderId`] stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding<'d> {
    /// The party of the roster that holds the address.
    pub party: Option<&'d RosterEntry>,
    /// The prefix of the roster that says so; none where a table does.
    pub manual: Option<IpNet>,
    /// The autonomous system that announces the address, if a table says so.
    pub asn: Option<Asn>,
    /// That system's name.
    pub as_name: Option<&'d str>,
    /// The party's place in the roster.
    pub(crate) place: Option<usize>,
}

/// The tries as spans.
struct Batch {
    v4: Spans<u32>,
    /// Over `v4`, where that is long.
    blocks: Option<Blocks>,
    /// By the upper half of the address: no network that is routed is longer than 64 bits.
    v6: Spans<u64>,
    /// The few halves of which the lower half has to be asked as well; they have the answer [`DEEPER`].
    deep: Spans<u128>,
    /// What the numbers stand for.
    answers: Vec<Answer>,
}

/// So many addresses are sorted by family at a time.
const AT_A_TIME: usize = 4_096;

/// Numbers answers, equal ones alike; 0 is [`Answer::NOBODY`].
struct Numbering {
    known: HashMap<Answer, u32>,
    answers: Vec<Answer>,
    last: (Answer, u32),
}

impl Numbering {
    fn number(&mut self, answer: Answer) -> u32 {
        if self.last.0 != answer {
            let next = u32::try_from(self.answers.len()).unwrap_or(DEEPER);
            let number = *self.known.entry(answer).or_insert(next);
            if number == next {
                self.answers.push(answer);
            }
            self.last = (answer, number);
        }
        self.last.1
    }
}

impl Batch {
    fn of(v4: &PrefixMap<Ipv4Net, Answer>, v6: &PrefixMap<Ipv6Net, Answer>) -> Self {
        let nobody = (Answer::NOBODY, 0);
        let mut numbering = Numbering { known: HashMap::from([nobody]), answers: vec![nobody.0], last: nobody };
        // INVARIANT: a trie hands its prefixes out in the order of their addresses, an outer one before those inside it.
        let short = v4
            .iter()
            .map(|(net, answer)| (net.network().to_bits(), net.broadcast().to_bits(), numbering.number(*answer)));
        let short = Spans::of(short);
        let mut deep = Vec::new();
        let mut upper = None;
        let long = v6.iter().map(|(net, answer)| {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            let (half, end) = ((first >> 64) as u64, (last >> 64) as u64);
            if net.prefix_len() <= 64 {
                return (half, end, numbering.number(*answer));
            }
            if upper != Some(half) {
                upper = Some(half);
                // What lies around the longer prefixes of this half.
                let start = u128::from(half) << 64;
                let whole = Ipv6Net::new(Ipv6Addr::from_bits(start), 64).ok();
                let around = whole.and_then(|whole| v6.get_lpm(&whole)).map_or(Answer::NOBODY, |(_, answer)| *answer);
                deep.push((start, start | u128::from(u64::MAX), numbering.number(around)));
            }
            deep.push((first, last, numbering.number(*answer)));
            (half, half, DEEPER)
        });
        let long = Spans::of(long);
        Self { blocks: Blocks::over(&short), v4: short, v6: long, deep: Spans::of(deep), answers: numbering.answers }
    }

    fn find_all(&self, mut addresses: impl Iterator<Item = Option<Address>>, found: &mut Vec<HolderId>) {
        let mut kinds = Vec::with_capacity(AT_A_TIME);
        let (mut v4, mut v6, mut upper) = (Vec::with_capacity(AT_A_TIME), Vec::new(), Vec::new());
        let (mut short, mut long) = (Vec::with_capacity(AT_A_TIME), Vec::new());
        loop {
            for list in [&mut short, &mut long, &mut v4] {
                list.clear();
            }
            kinds.clear();
            v6.clear();
            upper.clear();
            for address in addresses.by_ref().take(AT_A_TIME) {
                match address.map(Address::ip) {
                    None => kinds.push(Kind::None),
                    Some(IpAddr::V4(ip)) => {
                        v4.push(ip.to_bits());
                        kinds.push(Kind::V4);
                    }
                    Some(IpAddr::V6(ip)) => {
                        v6.push(ip.to_bits());
                        upper.push((ip.to_bits() >> 64) as u64);
                        kinds.push(Kind::V6);
                    }
                }
            }
            if kinds.is_empty() {
                return;
            }
            match &self.blocks {
                Some(blocks) => blocks.find_all(&self.v4, &v4, &mut short),
                None => self.v4.find_all(&v4, &mut short),
            }
            if short.len() == kinds.len() {
                found.extend(short.iter().copied().map(HolderId));
                continue;
            }
            self.v6.find_all(&upper, &mut long);
            let mut short = short.iter().copied();
            let mut long = long.iter().copied().zip(&v6);
            found.extend(kinds.iter().map(|kind| match kind {
                Kind::None => HolderId::NOBODY,
                Kind::V4 => HolderId(short.next().unwrap_or_default()),
                Kind::V6 => match long.next() {
                    Some((DEEPER, address)) => HolderId(self.deep.find(*address)),
                    Some((number, _)) => HolderId(number),
                    None => HolderId::NOBODY,
                },
            }));
        }
    }
}

/// Of which family an address of a batch is.
#[derive(Clone, Copy)]
enum Kind {
    None,
    V4,
    V6,
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
        let v4 = trie(&v4, &asns, &manual);
        let v6 = trie(&v6, &asns, &manual);
        Self {
            batch: Batch::of(&v4, &v6),
            v4,
            v6,
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

    /// Who holds each of the addresses, in their order; nobody where there is none. This is [`Directory::lookup`] for a
    /// batch: the same answers, some times faster, by a number that [`Directory::holding`] explains.
    #[must_use]
    pub fn holders(&self, addresses: impl IntoIterator<Item = Option<Address>>) -> Vec<HolderId> {
        let addresses = addresses.into_iter();
        let mut found = Vec::with_capacity(addresses.size_hint().0);
        self.batch.find_all(addresses, &mut found);
        found
    }

    /// What the number stands for; nobody for a number of another directory that this one has not.
    #[must_use]
    pub fn holding(&self, id: HolderId) -> Holding<'_> {
        // INVARIANT: the first answer is nobody's.
        let answer = usize::try_from(id.0).ok().and_then(|at| self.batch.answers.get(at)).unwrap_or(&Answer::NOBODY);
        let place = answer.party.map(Place::index);
        Holding {
            party: place.and_then(|place| self.roster.at(place)),
            manual: answer.manual.and_then(|place| self.manual.get(place.index()).copied()),
            asn: (!answer.asn.is_unrouted()).then_some(answer.asn),
            as_name: answer.name.and_then(|place| self.names.get(place.index())).map(String::as_str),
            place,
        }
    }

    /// How many different answers there are; one more than the largest number of a [`HolderId`].
    #[must_use]
    pub fn holder_count(&self) -> usize {
        self.batch.answers.len()
    }

    /// How many spans of addresses the batches are answered from.
    #[must_use]
    pub fn span_count(&self) -> usize {
        self.batch.v4.len() + self.batch.v6.len() + self.batch.deep.len()
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
