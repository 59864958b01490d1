//! Reading address prefixes.

use std::net::IpAddr;

use ipnet::IpNet;
use model::address::Address;

/// Why a text is no prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadPrefix {
    /// It is not `address/length`.
    Text,
    /// The address is not the first of its range; this is the range.
    HostBits(IpNet),
}

/// Reads `address/length`. A prefix of IPv4-mapped addresses is the IPv4 prefix it maps (RFC 4291, section 2.5.5.2),
/// as [`Address`] does it for addresses. Leading zeros are refused in both parts.
pub(crate) fn read(text: &str) -> Result<IpNet, BadPrefix> {
    let (address, length) = text.split_once('/').ok_or(BadPrefix::Text)?;
    let is_plain = length.bytes().all(|b| b.is_ascii_digit()) && (length == "0" || !length.starts_with('0'));
    let length: u8 = if is_plain { length.parse().map_err(|_| BadPrefix::Text)? } else { return Err(BadPrefix::Text) };
    let written: IpAddr = address.parse().map_err(|_| BadPrefix::Text)?;
    let plain = Address::new(written).ip();
    let net = match (written, plain) {
        (IpAddr::V6(_), IpAddr::V4(_)) if length >= 96 => IpNet::new(plain, length - 96),
        _ => IpNet::new(written, length),
    };
    let net = net.map_err(|_| BadPrefix::Text)?;
    let range = net.trunc();
    if net == range { Ok(range) } else { Err(BadPrefix::HostBits(range)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes() {
        for (text, net) in [
            ("198.18.0.0/20", "198.18.0.0/20"),
            ("2001:DB8:1::/48", "2001:db8:1::/48"),
            ("::ffff:198.18.0.0/116", "198.18.0.0/20"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("203.0.113.7/32", "203.0.113.7/32"),
        ] {
            assert_eq!(read(text).map(|n| n.to_string()).as_deref(), Ok(net));
        }
        assert_eq!(read("198.18.20.0/20"), Err(BadPrefix::HostBits("198.18.16.0/20".parse().unwrap())));
        for bad in
            ["", "/", "198.18.0.0", "198.18.0.0/", "198.18.0.0/33", "198.18.0.0/+8", "198.18.0.0/08", "198.018.0.0/16"]
        {
            assert_eq!(read(bad), Err(BadPrefix::Text), "{bad}");
        }
        assert_eq!(read("2001:db8::/129"), Err(BadPrefix::Text));
        assert_eq!(read("198.18.0.0 /20"), Err(BadPrefix::Text));
    }
}
