//! Domain names, and which of them lie below which.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A domain name that a party looks after, with all names below it: lower-case ASCII, at least two labels, no dot at
/// the end. A name in another script is written in its A-label form (`xn--…`, RFC 5890, section 2.3.2.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

impl Domain {
    /// The name, lower-case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domains that `self` lies below, nearest first: `b.example.org` gives `example.org` and `org`.
    pub fn above(&self) -> impl Iterator<Item = &str> {
        suffixes(&self.0).skip(1)
    }
}

/// `name` and what remains of it after each dot, longest first: only label borders are cut, so that
/// `notexample.org` never falls under `example.org`.
pub(crate) fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |rest| rest.split_once('.').map(|(_, below)| below))
}

/// A domain is looked up by its text.
impl std::borrow::Borrow<str> for Domain {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot be a domain of a party.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a domain name of at least two labels in ASCII")]
pub struct BadDomain(String);

/// Whether `label` is made of letters, digits and inner hyphens, 1 to 63 of them (RFC 1123, section 2.1; RFC 1035,
/// section 2.3.4).
pub(crate) fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl FromStr for Domain {
    type Err = BadDomain;

    /// Reads a name in any case; a dot at the end is understood and dropped, `*.` and addresses are not names.
    fn from_str(text: &str) -> Result<Self, BadDomain> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let top_is_numeric = name.rsplit('.').next().is_some_and(|top| top.bytes().all(|b| b.is_ascii_digit()));
        // 253 characters at most: 255 octets on the wire (RFC 1035, section 2.3.4) less the length bytes around it.
        if name.len() <= 253 && name.contains('.') && name.split('.').all(is_label) && !top_is_numeric {
            Ok(Self(name.to_ascii_lowercase()))
        } else {
            Err(BadDomain(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Domain {
    type Error = BadDomain;
    fn try_from(text: String) -> Result<Self, BadDomain> {
        text.parse()
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> String {
        domain.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, name) in [
            ("example.org", "example.org"),
            ("Example.ORG.", "example.org"),
            ("xn--wgv71a119e.example", "xn--wgv71a119e.example"),
        ] {
            assert_eq!(text.parse::<Domain>().map(String::from).as_deref(), Ok(name));
        }
        let long = format!("{}.example.org", "a".repeat(64));
        for bad in
            ["", ".", "org", "*.example.org", "例え.example", "a..b", "-a.example", "192.0.2.1", "a b.example", &long]
        {
            assert!(bad.parse::<Domain>().is_err(), "{bad}");
        }
    }

    #[test]
    fn above_cuts_at_labels_only() {
        let domain: Domain = "a.b.example.org".parse().unwrap();
        assert_eq!(domain.above().collect::<Vec<_>>(), ["b.example.org", "example.org", "org"]);
    }
}
