//! What may stand in a mail header: one line of text, an address, a mailbox.
//!
//! INVARIANT: no value of these types holds a line break, a control character or a direction mark; they are made by
//! parsing only. Whoever has one need not ask again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::codes::{BAD_MAIL_ADDRESS, HEADER_INJECTION, HEADER_LENGTH, Unfit};

/// The longest [`HeaderText`], in characters: a hundred Japanese words, and far below what a mail server takes.
const LONGEST_TEXT: usize = 300;

/// Whether `c` could end a header, hide in it, or turn it around on the reader's screen.
///
/// Line breaks and controls: RFC 5322, section 2.2. The embeddings, overrides and isolates of the Unicode Standard Annex
/// 9, section 2, make `gpj.exe` read as `exe.jpg`.
pub(crate) fn is_unfit(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// One line of text for a header: a subject, a person's name.
///
/// Spaces at the ends are dropped and runs of spaces become one, because folding (RFC 5322, section 2.2.3) does not
/// keep them on every path. The ideographic space is a letter like any other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HeaderText(String);

impl HeaderText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HeaderText {
    type Err = Unfit;
    /// # Errors
    /// [`HEADER_INJECTION`] or [`HEADER_LENGTH`].
    fn from_str(text: &str) -> Result<Self, Unfit> {
        if text.chars().any(is_unfit) {
            return Err(Unfit::new(&HEADER_INJECTION, text));
        }
        let line = text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        if line.is_empty() || line.chars().count() > LONGEST_TEXT {
            return Err(Unfit::new(&HEADER_LENGTH, text));
        }
        Ok(Self(line))
    }
}

impl TryFrom<String> for HeaderText {
    type Error = Unfit;
    fn try_from(text: String) -> Result<Self, Unfit> {
        text.parse()
    }
}

impl From<HeaderText> for String {
    fn from(text: HeaderText) -> String {
        text.0
    }
}

impl fmt::Debug for HeaderText {
    /// The length only: a subject may name a subscriber.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeaderText({} characters)", self.0.chars().count())
    }
}

/// A mail address: ASCII, a dot-atom or a quoted local part, a domain of at least two labels (RFC 5321, section 4.1.2).
///
/// Some Japanese mobile addresses of the 2000s have consecutive or final full stops (`a..b.@example.ne.jp`), which a
/// dot-atom forbids; they are carried quoted, as the standard provides. A domain is compared without regard to case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailAddress(lettre::Address);

impl MailAddress {
    /// The address as it stands in SMTP and in headers.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// The domain, in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    pub(crate) fn lettre(&self) -> lettre::Address {
        self.0.clone()
    }
}

impl FromStr for MailAddress {
    type Err = Unfit;
    /// # Errors
    /// [`HEADER_INJECTION`] or [`BAD_MAIL_ADDRESS`].
    fn from_str(text: &str) -> Result<Self, Unfit> {
        if text.chars().any(is_unfit) {
            return Err(Unfit::new(&HEADER_INJECTION, text));
        }
        let bad = || Unfit::new(&BAD_MAIL_ADDRESS, text);
        let (local, domain) = text.trim().rsplit_once('@').ok_or_else(bad)?;
        let inner = match local.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"').ok_or_else(bad)?,
            None => local,
        };
        if inner.is_empty() || !inner.split('.').all(|atom| atom.bytes().all(is_atext)) || !is_domain(domain) {
            return Err(bad());
        }
        let is_dot_atom = inner.split('.').all(|atom| !atom.is_empty());
        let local = if is_dot_atom { inner.to_owned() } else { format!("\"{inner}\"") };
        if local.len() > 64 {
            return Err(bad());
        }
        lettre::Address::new(local, domain.to_ascii_lowercase()).map(Self).map_err(|_| bad())
    }
}

/// RFC 5322, section 3.2.3.
fn is_atext(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b)
}

/// Whether `text` is a domain of at least two labels (RFC 1035, section 2.3.1, with digits first as in RFC 1123).
pub(crate) fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(is_label)
}

impl TryFrom<String> for MailAddress {
    type Error = Unfit;
    fn try_from(text: String) -> Result<Self, Unfit> {
        text.parse()
    }
}

impl From<MailAddress> for String {
    fn from(address: MailAddress) -> String {
        address.as_str().to_owned()
    }
}

impl fmt::Debug for MailAddress {
    /// The domain only: an address names a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailAddress(…@{})", self.domain())
    }
}

/// An address with the name that stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mailbox {
    /// The name, such as `狼煙 注意喚起窓口`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<HeaderText>,
    /// The address.
    pub address: MailAddress,
}

impl Mailbox {
    /// A mailbox with a name.
    #[must_use]
    pub fn named(name: HeaderText, address: MailAddress) -> Self {
        Self { name: Some(name), address }
    }

    pub(crate) fn lettre(&self) -> lettre::message::Mailbox {
        lettre::message::Mailbox::new(self.name.as_ref().map(|n| n.as_str().to_owned()), self.address.lettre())
    }
}

impl From<MailAddress> for Mailbox {
    fn from(address: MailAddress) -> Self {
        Self { name: None, address }
    }
}

impl FromStr for Mailbox {
    type Err = Unfit;
    /// Reads `address` or `name <address>`; the name is taken as it stands, quotation marks around it dropped.
    ///
    /// # Errors
    /// Those of [`HeaderText`] and [`MailAddress`].
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let text = text.trim();
        match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            None => Ok(Self { name: None, address: text.parse()? }),
            Some((name, address)) => {
                let name = name.trim();
                let name = name.strip_prefix('"').and_then(|n| n.strip_suffix('"')).unwrap_or(name);
                let name = if name.is_empty() { None } else { Some(name.parse()?) };
                Ok(Self { name, address: address.parse()? })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_ends_a_header_gets_in() {
        for bad in ["a\r\nBcc: b@example.org", "a\nb", "a\rb", "a\0b", "a\u{85}b", "a\u{2028}b", "a\u{202E}b", "a\tb"] {
            assert_eq!(bad.parse::<HeaderText>().unwrap_err().code(), &HEADER_INJECTION, "{bad:?}");
            assert_eq!(bad.parse::<MailAddress>().unwrap_err().code(), &HEADER_INJECTION, "{bad:?}");
        }
        for bad in ["", "   ", &"あ".repeat(301)] {
            assert_eq!(bad.parse::<HeaderText>().unwrap_err().code(), &HEADER_LENGTH, "{bad:?}");
        }
        assert_eq!("  a   b ".parse::<HeaderText>().unwrap().as_str(), "a b");
        assert!("あ".repeat(300).parse::<HeaderText>().is_ok());
    }

    #[test]
    fn addresses() {
        for (text, want) in [
            ("hanako@example.org", "hanako@example.org"),
            (" Hanako.Yamada+isp@Mail.EXAMPLE.org ", "Hanako.Yamada+isp@mail.example.org"),
            ("a..b.@example.ne.jp", "\"a..b.\"@example.ne.jp"),
            ("\"a..b.\"@example.ne.jp", "\"a..b.\"@example.ne.jp"),
            ("\"ab\"@example.org", "ab@example.org"),
        ] {
            assert_eq!(text.parse::<MailAddress>().unwrap().as_str(), want);
        }
        for bad in [
            "",
            "hanako",
            "@example.org",
            "hanako@",
            "hanako@localhost",
            "hanako@[192.0.2.1]",
            "花子@example.org",
            "hanako@例え.jp",
            "a b@example.org",
            "\"a b\"@example.org",
            "\"a\\\"b\"@example.org",
            "\"a@example.org",
            "a@b@example.org",
            "a>@example.org",
            "a@-example.org",
            "a@example..org",
            "a,b@example.org",
        ] {
            assert_eq!(bad.parse::<MailAddress>().unwrap_err().code(), &BAD_MAIL_ADDRESS, "{bad}");
        }
        assert!(format!("{}@example.org", "a".repeat(65)).parse::<MailAddress>().is_err());
    }

    #[test]
    fn mailboxes() {
        let mailbox: Mailbox = "狼煙 窓口 <noroshi@example.org>".parse().unwrap();
        assert_eq!(mailbox.name.unwrap().as_str(), "狼煙 窓口");
        let mailbox: Mailbox = "\"Noroshi, desk\" <noroshi@example.org>".parse().unwrap();
        assert_eq!(mailbox.name.unwrap().as_str(), "Noroshi, desk");
        let mailbox: Mailbox = "noroshi@example.org".parse().unwrap();
        assert_eq!(mailbox.name, None);
        assert!("a <b> <c@example.org>".parse::<Mailbox>().is_ok());
        assert!("x <noroshi@example.org".parse::<Mailbox>().is_err());
    }

    #[test]
    fn no_address_in_debug() {
        let mailbox: Mailbox = "Hanako Yamada <hanako@example.org>".parse().unwrap();
        let text = format!("{mailbox:?}");
        assert!(!text.to_lowercase().contains("hanako"), "{text}");
    }
}
