//! Mail addresses, held so narrow that none can carry a second header or a second recipient.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::Domain;

/// A mail address: a dot-string before the `@` and a domain after it (RFC 5321, section 4.1.2).
///
/// What the standard allows beyond that (quoted local parts, address literals, comments, names in angle brackets,
/// letters outside ASCII) is refused: it is where injections hide, and no role mailbox needs it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailAddress(String);

impl MailAddress {
    /// As written, its domain in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no plain mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a plain mail address")]
pub struct BadMailAddress(String);

/// `atext` of RFC 5322, section 3.2.3.
const fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'/' | b'=' | b'?')
        || matches!(byte, b'^'..=b'`' | b'{'..=b'~')
}

impl FromStr for MailAddress {
    type Err = BadMailAddress;

    fn from_str(text: &str) -> Result<Self, BadMailAddress> {
        let bad = || BadMailAddress(text.to_owned());
        let (local, domain) = text.split_once('@').ok_or_else(bad)?;
        let atoms_are_plain = local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext));
        // 64 octets before the `@` (RFC 5321, section 4.5.3.1.1), 254 in all (4.5.3.1.3 less the angle brackets).
        if local.len() > 64 || text.len() > 254 || !atoms_are_plain || domain.ends_with('.') {
            return Err(bad());
        }
        let domain: Domain = domain.parse().map_err(|_| bad())?;
        Ok(Self(format!("{local}@{domain}")))
    }
}

impl TryFrom<String> for MailAddress {
    type Error = BadMailAddress;
    fn try_from(text: String) -> Result<Self, BadMailAddress> {
        text.parse()
    }
}

impl From<MailAddress> for String {
    fn from(address: MailAddress) -> String {
        address.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_addresses_only() {
        for (text, read) in [
            ("abuse@example.org", "abuse@example.org"),
            ("a.b+c@Example.ORG", "a.b+c@example.org"),
            ("o'hara_x@mail.example.org", "o'hara_x@mail.example.org"),
        ] {
            assert_eq!(text.parse::<MailAddress>().map(String::from).as_deref(), Ok(read));
        }
        let long = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "",
            "abuse",
            "@example.org",
            "abuse@",
            "abuse@localhost",
            "abuse@[192.0.2.1]",
            "a@b@example.org",
            ".a@example.org",
            "a..b@example.org",
            "a b@example.org",
            "\"a\"@example.org",
            "Abuse <abuse@example.org>",
            "a@example.org,b@example.org",
            "a@example.org;b@example.org",
            "a@example.org\r\nBcc: b@example.org",
            "a\n@example.org",
            "a@example.org.",
            "窓口@example.org",
            "a(x)@example.org",
            &long,
        ] {
            assert!(bad.parse::<MailAddress>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        // The last line of defence against header injection: whatever is accepted is one printable ASCII word.
        #[test]
        fn what_is_accepted_cannot_break_a_header(text in "\\PC{0,12}@?[ -~\\r\\n]{0,12}(@[a-z.\\r\\n,;<> ]{1,16})?") {
            if let Ok(address) = text.parse::<MailAddress>() {
                prop_assert!(address.as_str().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert!(!address.as_str().contains([',', ';', '<', '>', ':', '"', '\\', '(', ')']));
                prop_assert_eq!(address.as_str().matches('@').count(), 1);
            }
        }
    }
}
