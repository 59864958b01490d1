//! Address ranges that cannot be a subscriber on the public internet: a table, read as data.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::address::Address;

/// A table of special ranges with their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpecialRanges(Vec<(IpNet, String)>);

/// Name and prefixes of each special range (IANA IPv4 and IPv6 Special-Purpose Address Registries, RFC 6890).
const IANA: &[(&str, &[&str])] = &[
    ("this-network", &["0.0.0.0/8"]),
    ("private-use", &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]),
    ("shared-address-space", &["100.64.0.0/10"]),
    ("loopback", &["127.0.0.0/8", "::1/128"]),
    ("link-local", &["169.254.0.0/16", "fe80::/10"]),
    ("ietf-protocol-assignments", &["192.0.0.0/24"]),
    ("documentation", &["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"]),
    ("benchmarking", &["198.18.0.0/15", "2001:2::/48"]),
    ("multicast", &["224.0.0.0/4", "ff00::/8"]),
    ("reserved", &["240.0.0.0/4"]),
    ("unspecified", &["::/128"]),
    ("unique-local", &["fc00::/7"]),
    ("discard-only", &["100::/64"]),
];

impl SpecialRanges {
    /// The ranges of the IANA registries.
    ///
    /// # Panics
    /// Never: the table above is parsed by a test.
    #[must_use]
    pub fn iana() -> Self {
        let rows = IANA.iter().flat_map(|(name, nets)| {
            nets.iter().map(move |net| (net.parse().expect("the table above is tested"), (*name).to_owned()))
        });
        Self(rows.collect())
    }

    /// The ranges given: a deployment's own table, or a test's.
    #[must_use]
    pub const fn of(ranges: Vec<(IpNet, String)>) -> Self {
        Self(ranges)
    }

    /// The same table without the named ranges: the demo lives in `benchmarking` and `documentation`.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|(_, name)| !names.contains(&name.as_str()));
        self
    }

    /// The name of the special range that `address` lies in.
    #[must_use]
    pub fn name_of(&self, address: Address) -> Option<&str> {
        let ip: IpAddr = address.ip();
        self.0.iter().find(|(net, _)| net.contains(&ip)).map(|(_, name)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registries_are_read() {
        let table = SpecialRanges::iana();
        let name = |text: &str| table.name_of(text.parse().unwrap()).map(str::to_owned);
        assert_eq!(name("127.0.0.1").as_deref(), Some("loopback"));
        assert_eq!(name("100.64.3.4").as_deref(), Some("shared-address-space"));
        assert_eq!(name("2001:db8::5").as_deref(), Some("documentation"));
        assert_eq!(name("8.8.8.8"), None);
        let demo = table.without(&["benchmarking"]);
        assert_eq!(demo.name_of("198.18.0.1".parse().unwrap()), None);
    }
}
