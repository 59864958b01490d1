//! What is assigned: a prefix of addresses, and the ports of it.

use std::net::Ipv6Addr;
use std::str::FromStr;

use ipnet::IpNet;
use model::Address;

/// Addresses that begin alike; one address is a prefix of length 128.
///
/// IPv4 lies in `::ffff:0:0/96`, as in the model's columns, so that an IPv4 length is 96 more than written. Ordered by
/// length, then by address: all prefixes of one length that lie within a longer stretch stand side by side.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Prefix {
    length: u8,
    base: u128,
}

/// A text that is not a prefix that could have been assigned to one subscriber.
pub(crate) struct BadPrefix;

/// Where IPv4 begins.
const V4: u128 = 0xffff_0000_0000;
/// What an IPv4 prefix's length is more than written.
const V4_LENGTH: u8 = 96;
/// No subscriber holds more than this; a shorter one is a slip that would name him for everybody.
const SHORTEST_V4: u8 = V4_LENGTH + 8;
const SHORTEST_V6: u8 = 16;

impl Prefix {
    /// Exactly this address.
    pub(crate) const fn of(address: Address) -> Self {
        Self { length: 128, base: u128::from_be_bytes(address.to_bytes()) }
    }

    /// These addresses, or nothing where bits beyond the length are set.
    pub(crate) fn of_net(net: IpNet) -> Option<Self> {
        if net.trunc() != net {
            return None;
        }
        let (length, base) = match net {
            IpNet::V4(v4) => (V4_LENGTH + v4.prefix_len(), v4.network().to_ipv6_mapped().to_bits()),
            IpNet::V6(v6) => (v6.prefix_len(), v6.network().to_bits()),
        };
        Some(Self { length, base })
    }

    /// From a segment's columns; bits beyond the length make it none.
    pub(crate) fn from_parts(length: u8, base: [u8; 16]) -> Option<Self> {
        let base = u128::from_be_bytes(base);
        (length <= 128 && base & !mask(length) == 0).then_some(Self { length, base })
    }

    pub(crate) const fn length(self) -> u8 {
        self.length
    }

    pub(crate) const fn base(self) -> u128 {
        self.base
    }

    /// The last address.
    pub(crate) const fn last(self) -> u128 {
        self.base | !mask(self.length)
    }

    /// The prefix of that length in which this one lies; `length` must not be longer than this one's.
    pub(crate) const fn shortened(self, length: u8) -> Self {
        Self { length, base: self.base & mask(length) }
    }

    /// The first and the last prefix of that (longer) length within this one.
    pub(crate) const fn ends_at_length(self, length: u8) -> (Self, Self) {
        (Self { length, base: self.base }, Self { length, base: self.last() & mask(length) })
    }

    pub(crate) const fn is_v4(self) -> bool {
        self.length >= V4_LENGTH && self.base & mask(V4_LENGTH) == V4
    }
}

const fn mask(length: u8) -> u128 {
    if length == 0 { 0 } else { u128::MAX << (128 - length) }
}

impl FromStr for Prefix {
    type Err = BadPrefix;

    /// Reads `192.0.2.10`, `192.0.2.8/30`, `2001:db8:1::/56`.
    fn from_str(text: &str) -> Result<Self, BadPrefix> {
        let prefix = if text.contains('/') {
            Self::of_net(text.parse().map_err(|_| BadPrefix)?).ok_or(BadPrefix)?
        } else {
            Self::of(text.parse::<Address>().map_err(|_| BadPrefix)?)
        };
        let shortest = if prefix.is_v4() { SHORTEST_V4 } else { SHORTEST_V6 };
        let holds_all_of_v4 = prefix.length < V4_LENGTH && V4 & mask(prefix.length) == prefix.base;
        let nobody = Ipv6Addr::from_bits(prefix.base).is_unspecified() || (prefix.is_v4() && prefix.base == V4);
        if prefix.length < shortest || holds_all_of_v4 || nobody { Err(BadPrefix) } else { Ok(prefix) }
    }
}

/// Ports of an address, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Ports {
    pub(crate) low: u16,
    pub(crate) high: u16,
}

impl Ports {
    /// The whole address.
    pub(crate) const ALL: Self = Self { low: 0, high: u16::MAX };

    pub(crate) const fn meets(self, other: Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

/// The addresses that the operator itself assigns, as its roster entry names them.
#[derive(Clone, Default)]
pub struct OwnRanges(Vec<(u128, u128)>);

impl OwnRanges {
    /// These ranges; bits beyond a prefix's length are ignored. Without a range nothing is one's own.
    #[must_use]
    pub fn of(ranges: impl IntoIterator<Item = IpNet>) -> Self {
        let mut spans: Vec<(u128, u128)> = ranges
            .into_iter()
            .filter_map(|net| Prefix::of_net(net.trunc()))
            .map(|prefix| (prefix.base(), prefix.last()))
            .collect();
        spans.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::with_capacity(spans.len());
        for (first, last) in spans {
            match merged.last_mut() {
                Some(before) if first <= before.1 => before.1 = before.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    /// Whether the operator assigns this address.
    #[must_use]
    pub fn hold(&self, address: Address) -> bool {
        let at = Prefix::of(address).base();
        let after = self.0.partition_point(|&(first, _)| first <= at);
        after.checked_sub(1).and_then(|before| self.0.get(before)).is_some_and(|&(_, last)| at <= last)
    }
}

/// What a text means.
#[cfg(test)]
pub(crate) fn prefix(text: &str) -> Prefix {
    text.parse().unwrap_or_else(|_| panic!("{text} is a prefix"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_assigned() {
        for good in
            ["192.0.2.1", "192.0.2.8/30", "10.0.0.0/8", "2001:db8::1", "2001:db8:0:ff00::/56", "::ffff:192.0.2.1"]
        {
            assert!(good.parse::<Prefix>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "192.0.2.1/24",
            "192.0.2.01",
            "0.0.0.0",
            "0.0.0.0/0",
            "::",
            "::/0",
            "::/16",
            "2000::/3",
            "192.0.2.1-5",
            "192.0.2.1/33",
        ] {
            assert!(bad.parse::<Prefix>().is_err(), "{bad}");
        }
        assert!(prefix("192.0.2.1").is_v4() && !prefix("2001:db8::1").is_v4());
        assert!(prefix("::ffff:192.0.2.1") == prefix("192.0.2.1"));
        assert_eq!(prefix("192.0.2.0/24").last(), prefix("192.0.2.255").base());
        assert!(prefix("2001:db8:0:ff12::1").shortened(56) == prefix("2001:db8:0:ff00::/56"));
        assert!(Prefix::from_parts(56, prefix("2001:db8::1").base().to_be_bytes()).is_none());
    }

    #[test]
    fn own_ranges_end_where_they_end() {
        let own = OwnRanges::of(
            ["198.51.100.0/24", "198.51.100.128/25", "203.0.113.64/26", "2001:db8::/32"]
                .map(|net| net.parse().unwrap()),
        );
        let holds = |text: &str| own.hold(text.parse().unwrap());
        assert!(holds("198.51.100.0") && holds("198.51.100.255") && holds("203.0.113.64") && holds("203.0.113.127"));
        assert!(!holds("198.51.99.255") && !holds("198.51.101.0") && !holds("203.0.113.63") && !holds("203.0.113.128"));
        assert!(holds("2001:db8::1") && !holds("2001:db9::1"));
        assert!(!OwnRanges::default().hold("198.51.100.1".parse().unwrap()));
    }
}
