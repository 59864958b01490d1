//! Addresses, ports and transport protocols.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address is its IPv4 address (RFC 4291, section 2.5.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "IpAddr", into = "IpAddr")]
pub struct Address(IpAddr);

impl Address {
    /// The address; a mapped one becomes IPv4.
    #[must_use]
    pub const fn new(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => Self(IpAddr::V4(v4)),
                None => Self(IpAddr::V6(v6)),
            },
            IpAddr::V4(v4) => Self(IpAddr::V4(v4)),
        }
    }

    /// As the standard library has it.
    #[must_use]
    pub const fn ip(self) -> IpAddr {
        self.0
    }

    /// Sixteen bytes in network order, IPv4 mapped into `::ffff:0:0/96`: the form of the column.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        }
    }

    /// From the column's sixteen bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::new(IpAddr::V6(Ipv6Addr::from_octets(bytes)))
    }

    /// Whether it is IPv4.
    #[must_use]
    pub const fn is_v4(self) -> bool {
        self.0.is_ipv4()
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self::new(ip)
    }
}

impl From<Address> for IpAddr {
    fn from(address: Address) -> Self {
        address.0
    }
}

impl From<Ipv4Addr> for Address {
    fn from(v4: Ipv4Addr) -> Self {
        Self(IpAddr::V4(v4))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Address {
    type Err = BadAddress;
    /// Reads one address. Leading zeros in IPv4 are refused: some programs read them as octal.
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        text.parse().map(Self::new).map_err(|_| BadAddress::Address(text.to_owned()))
    }
}

/// A port from 1 to 65535; port 0 cannot have been used and is never kept as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PortNumber(NonZeroU16);

impl PortNumber {
    /// The port, unless it is 0.
    #[must_use]
    pub const fn new(port: u16) -> Option<Self> {
        match NonZeroU16::new(port) {
            Some(port) => Some(Self(port)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for PortNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PortNumber {
    type Err = BadAddress;
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        text.parse().map(Self).map_err(|_| BadAddress::Port(text.to_owned()))
    }
}

/// A transport protocol by its IANA name, lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Protocol {
    /// Transmission Control Protocol, 6.
    Tcp = 6,
    /// User Datagram Protocol, 17.
    Udp = 17,
    /// Internet Control Message Protocol, 1.
    Icmp = 1,
    /// ICMP for IPv6, 58.
    Icmp6 = 58,
    /// Stream Control Transmission Protocol, 132.
    Sctp = 132,
}

impl Protocol {
    /// All that are known.
    pub const ALL: [Self; 5] = [Self::Tcp, Self::Udp, Self::Icmp, Self::Icmp6, Self::Sctp];

    /// Its name in the IntelMQ Data Format (`protocol.transport`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Icmp6 => "ipv6-icmp",
            Self::Sctp => "sctp",
        }
    }

    /// Its number in the IANA registry of protocol numbers.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The protocol with that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.number() == number)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Protocol {
    type Err = BadAddress;
    /// Reads a name in any case, or a number.
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let lower = text.trim().to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|p| p.name() == lower)
            .or_else(|| match lower.as_str() {
                "icmp6" | "icmpv6" => Some(Self::Icmp6),
                _ => lower.parse().ok().and_then(Self::from_number),
            })
            .ok_or_else(|| BadAddress::Protocol(text.to_owned()))
    }
}

/// Something that is not the address, port or protocol it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadAddress {
    /// Not an address.
    #[error("`{0}` is not an IP address")]
    Address(String),
    /// Not a port from 1 to 65535.
    #[error("`{0}` is not a port from 1 to 65535")]
    Port(String),
    /// Not a transport protocol that is known here.
    #[error("`{0}` is not a known transport protocol")]
    Protocol(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_is_v4_and_bytes_round_trip() {
        let mapped: Address = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(mapped.to_string(), "192.0.2.1");
        for text in ["192.0.2.1", "2001:db8::1"] {
            let address: Address = text.parse().unwrap();
            assert_eq!(Address::from_bytes(address.to_bytes()), address);
        }
        assert_eq!(serde_json::from_str::<Address>("\"::ffff:192.0.2.1\"").unwrap(), mapped);
        assert_eq!(serde_json::to_string(&mapped).unwrap(), "\"192.0.2.1\"");
        assert!("192.0.2.01".parse::<Address>().is_err());
        assert!("203.0.113.999".parse::<Address>().is_err());
    }

    #[test]
    fn port_zero_and_65536_are_none() {
        assert!("0".parse::<PortNumber>().is_err());
        assert!("65536".parse::<PortNumber>().is_err());
        assert_eq!("65535".parse::<PortNumber>().unwrap().number(), 65535);
        assert_eq!("6".parse::<Protocol>().unwrap(), Protocol::Tcp);
        assert_eq!("UDP".parse::<Protocol>().unwrap(), Protocol::Udp);
    }
}
