//! A subscriber as the rest of the program may know him: a keyed pseudonym.

use std::fmt;

use keys::{Committer, KeyError, Keyring};

/// A subscriber, without saying who.
///
/// It is a keyed digest of his reference (128 bits), so that the same subscriber is the same in every import and on every
/// day, and nobody without the operator's key can try references out. His reference and mail address open with a clearance
/// only: [`crate::Index::reveal`], [`crate::Contacts::open`].
///
/// It cannot be printed or serialised:
///
/// ```compile_fail
/// fn show(subscriber: assignment::SubscriberRef) -> String { subscriber.to_string() }
/// ```
/// ```compile_fail
/// fn write(subscriber: assignment::SubscriberRef) -> String { serde_json::to_string(&subscriber).unwrap() }
/// ```
/// ```
/// fn same(one: assignment::SubscriberRef, other: assignment::SubscriberRef) -> bool { one == other }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriberRef(u128);

impl SubscriberRef {
    pub(crate) const fn new(id: u128) -> Self {
        Self(id)
    }

    /// The pseudonym's bytes, for what must remember a subscriber without knowing him (when he was last told). They link
    /// records of one person: keep them sealed, as long as needed and no longer, and never let them leave the operator.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// From the bytes that [`SubscriberRef::to_bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Debug for SubscriberRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubscriberRef(..)")
    }
}

/// Makes pseudonyms of references.
#[derive(Clone)]
pub(crate) struct Pseudonyms(Committer);

impl Pseudonyms {
    pub(crate) fn of(keyring: &Keyring) -> Result<Self, KeyError> {
        keyring.commitment("subscriber").map(Self)
    }

    pub(crate) fn make(&self, reference: &str) -> SubscriberRef {
        SubscriberRef::new(self.0.dedup_key(reference.as_bytes()))
    }
}

/// The longest subscriber reference or line id, in bytes.
const LONGEST: usize = 256;

/// Whether a text can be a subscriber's reference, an account or a line's id: something printable that is not endless.
pub(crate) fn is_reference(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control) && text.trim() == text
}
