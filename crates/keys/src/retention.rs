//! Retention classes: what is kept and forgotten together has one key.

use std::fmt;
use std::str::FromStr;

use crate::problem::KeyError;

/// The longest name of a kind of retention, in bytes.
const LONGEST: usize = 32;
/// The longest scope, in bytes as they stand in the file's name.
const LONGEST_SCOPE: usize = 128;

/// A kind of thing that is kept: `report`, `sighting`, `parcel`, `answer`, `assignment`, `notice`.
///
/// Lower-case ASCII letters, digits and single hyphens, at most 32.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Retention(String);

impl Retention {
    /// The kind as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Retention {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        slug(text)?;
        Ok(Self(text.to_owned()))
    }
}

/// A kind of thing within one scope, such as the sightings of one operation: the unit that is forgotten as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RetentionClass {
    retention: Retention,
    scope: String,
}

impl RetentionClass {
    /// The class of `retention` (see [`Retention`]) within `scope`, such as an operation's or a report's id.
    ///
    /// # Errors
    /// [`KeyError::Name`] where the first is not a slug, or the scope is empty or long (128 bytes, other bytes than
    /// lower-case letters, digits and hyphens counting thrice).
    pub fn new(retention: &str, scope: &str) -> Result<Self, KeyError> {
        let retention = retention.parse()?;
        escaped(scope)?;
        Ok(Self { retention, scope: scope.to_owned() })
    }

    /// What is kept.
    #[must_use]
    pub const fn retention(&self) -> &Retention {
        &self.retention
    }

    /// Within what.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// The key's name. INVARIANT: different classes have different names, since neither part can contain the dot.
    pub(crate) fn key_name(&self) -> Result<String, KeyError> {
        Ok(format!("retention.{}.{}", self.retention, escaped(&self.scope)?))
    }
}

impl fmt::Display for RetentionClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.retention, self.scope)
    }
}

/// Whether `text` can be a label or a kind of retention.
pub(crate) fn slug(text: &str) -> Result<(), KeyError> {
    let good = !text.is_empty()
        && text.len() <= LONGEST
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--");
    if good { Ok(()) } else { Err(KeyError::Name { name: text.to_owned() }) }
}

/// `text` as a part of a file's name: other bytes than lower-case letters, digits and hyphens become `_` and two hexadecimal
/// digits, so that different texts stay different even where the file system ignores case.
pub(crate) fn escaped(text: &str) -> Result<String, KeyError> {
    let mut name = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("_{byte:02x}"));
        }
    }
    if name.is_empty() || name.len() > LONGEST_SCOPE {
        return Err(KeyError::Name { name: text.to_owned() });
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_stay_apart() {
        let scopes = ["a", "A", "a.b", "a_b", "a/b", "_41", "../../x", "作戦", "goz-2014"];
        let names: BTreeSet<String> =
            scopes.iter().map(|scope| RetentionClass::new("report", scope).unwrap().key_name().unwrap()).collect();
        assert_eq!(names.len(), scopes.len());
        for name in names {
            assert!(!name.contains('/') && name.len() < 200 && name.to_lowercase() == name, "{name}");
        }
    }

    #[test]
    fn what_is_no_name() {
        for bad in ["", "Report", "a.b", "a--b", "-a", "a-", "../x", &"a".repeat(33)] {
            assert!(matches!(RetentionClass::new(bad, "x"), Err(KeyError::Name { .. })), "{bad}");
        }
        assert!(RetentionClass::new("report", "").is_err());
        assert!(RetentionClass::new("report", &"a".repeat(128)).is_ok());
        assert!(RetentionClass::new("report", &"a".repeat(129)).is_err());
    }
}
