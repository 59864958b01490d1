//! How a subscriber is reached.

use std::collections::HashMap;
use std::str::FromStr;

use law::question::Action;
use law::{Clearance, Protected};
use model::{Instant, Lang};

use crate::finding::{NotOpened, for_action};
use crate::subscriber::SubscriberRef;

/// How one subscriber is reached. It cannot be printed or serialised, and is only seen inside [`Contacts::open`].
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    /// His mail address; none where he must be told another way.
    pub mail: Option<MailAddress>,
    /// In which language he is told.
    pub lang: Lang,
    /// How the letter calls him.
    pub name: Option<String>,
    /// Whether he asked not to be told (通知停止).
    pub opted_out: bool,
}

/// A mail address, held so narrow that none can carry a second header or a second recipient.
///
/// A dot-string before the `@` and a domain after it (RFC 5321, section 4.1.2). What the standard allows beyond that
/// (quoted local parts, address literals, comments, names in angle brackets, letters outside ASCII) is refused: it is where
/// injections hide. A subscriber with such an address is told another way.
#[derive(Clone, PartialEq, Eq)]
pub struct MailAddress(String);

/// A text that is no plain mail address. It does not carry the text: that is somebody's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a plain mail address")]
pub struct BadMailAddress;

impl MailAddress {
    /// As written, its domain in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MailAddress {
    type Err = BadMailAddress;

    fn from_str(text: &str) -> Result<Self, BadMailAddress> {
        let (local, domain) = text.split_once('@').ok_or(BadMailAddress)?;
        let atoms = local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext));
        let labels: Vec<&str> = domain.split('.').collect();
        let hosts = labels.len() >= 2 && labels.iter().all(|label| is_label(label));
        let top = labels.last().is_some_and(|top| !top.bytes().all(|byte| byte.is_ascii_digit()));
        // 64 octets before the `@` (RFC 5321, section 4.5.3.1.1), 254 in all (4.5.3.1.3 less the angle brackets).
        if atoms && hosts && top && local.len() <= 64 && text.len() <= 254 {
            Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
        } else {
            Err(BadMailAddress)
        }
    }
}

/// `atext` of RFC 5322, section 3.2.3.
const fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~')
}

/// A label of a host's name (RFC 1123, section 2.1).
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// The subscribers' contacts, closed without a clearance to tell.
pub struct Contacts(Protected<HashMap<SubscriberRef, Contact>>);

impl Contacts {
    pub(crate) fn of(contacts: HashMap<SubscriberRef, Contact>) -> Self {
        Self(crate::index::seal(contacts))
    }

    /// Shows a subscriber's contact to `look`; none where the operator gave none.
    ///
    /// # Errors
    /// [`NotOpened`] unless the clearance is for telling, of the operator's assignments, and still holds at `now`.
    pub fn open<R>(
        &self,
        subscriber: SubscriberRef,
        clearance: &Clearance,
        now: Instant,
        look: impl FnOnce(Option<&Contact>) -> R,
    ) -> Result<R, NotOpened> {
        for_action(clearance, &[Action::Tell])?;
        Ok(self.0.open(clearance, now, |contacts| look(contacts.get(&subscriber)))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_only() {
        for (text, read) in
            [("hana@example.org", "hana@example.org"), ("a.b+c@Mail.Example.ORG", "a.b+c@mail.example.org")]
        {
            assert_eq!(text.parse::<MailAddress>().ok().unwrap().as_str(), read);
        }
        let long = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "",
            "hana",
            "@example.org",
            "hana@",
            "hana@localhost",
            "hana@192.0.2.1",
            "hana@example.org.",
            "hana..b@example.org",
            ".hana@example.org",
            "hana@-example.org",
            "hana@example.org,tom@example.org",
            "Hana <hana@example.org>",
            "hana@example.org\r\nBcc: tom@example.org",
            "hana\u{0}@example.org",
            "\"hana\"@example.org",
            "花@example.org",
            "hana@例え.jp",
            &long,
        ] {
            assert!(bad.parse::<MailAddress>().is_err(), "{bad:?}");
        }
    }
}
