//! A file's name, what the manifest says about it, and the way of its bytes to the disk and back.

use std::fmt;
use std::path::PathBuf;

use keys::{DataKey, RetentionClass};
use uuid::Uuid;

use crate::Archive;
use crate::problem::ArchiveError;

/// What the manifest must say about a file that was written, and is given back to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it lies, below the archive's folder, with `/` between the parts.
    pub path: String,
    /// How many bytes.
    pub bytes: u64,
    /// How many rows; 0 for a blob.
    pub rows: u64,
    /// HMAC-SHA-256 of the bytes as they lie there, under the keyring's commitment key `archive`: whoever can change the file and the
    /// manifest still cannot make them agree.
    pub digest: [u8; 32],
    /// The schema of its contents, with its version.
    pub schema: String,
    /// Under whose key it is sealed.
    pub retention: RetentionClass,
}

/// The retention class that the manifest names as `kind/scope`.
///
/// # Errors
/// [`ArchiveError::Name`] where it is none.
pub fn retention(text: &str) -> Result<RetentionClass, ArchiveError> {
    let none = || ArchiveError::Name { name: text.to_owned() };
    let (kind, scope) = text.split_once('/').ok_or_else(none)?;
    RetentionClass::new(kind, scope).map_err(|_| none())
}

/// The folders of the archive: one per kind of file.
pub(crate) const FOLDERS: [&str; 10] =
    ["kept", "rejects", "sightings", "map", "answers", "parcel", "notices", "keys", "letters", SCRATCH];

/// The folder of what is needed only while a deed runs; no manifest row names it, so that the sweep takes what a crash leaves.
pub(crate) const SCRATCH: &str = "scratch";

/// What a file is called: its folder and its id. INVARIANT: the id is a UUID version 7, whose time the sweep goes by, and no name
/// leads out of the archive's folder.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    folder: &'static str,
    pub(crate) id: Uuid,
}

const ENDING: &str = ".noroshi";

impl Name {
    pub(crate) fn new(folder: &'static str, id: Uuid) -> Result<Self, ArchiveError> {
        if id.get_version_num() == 7 {
            Ok(Self { folder, id })
        } else {
            Err(ArchiveError::Name { name: format!("{folder}/{id}") })
        }
    }

    /// The name in a path of the manifest.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let (folder, file) = path.split_once('/')?;
        let folder = FOLDERS.into_iter().find(|known| *known == folder)?;
        let id = Uuid::try_parse(file.strip_suffix(ENDING)?).ok()?;
        Self::new(folder, id).ok().filter(|name| name.path() == path)
    }

    pub(crate) fn path(&self) -> String {
        format!("{self}{ENDING}")
    }

    /// What every part of the file is bound to.
    pub(crate) fn aad(&self) -> Vec<u8> {
        format!("noroshi archive {self}").into_bytes()
    }

    /// When the id was made, in milliseconds since 1970-01-01T00:00:00Z (RFC 9562, section 5.7).
    pub(crate) fn millis(&self) -> i64 {
        // Forty-eight bits always fit.
        i64::try_from(self.id.as_u128() >> 80).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.folder, self.id)
    }
}

/// The label of the commitment key under which files are digested.
const LABEL: &str = "archive";

impl Archive {
    pub(crate) fn place(&self, name: Name) -> PathBuf {
        self.root.join(name.path())
    }

    /// The key of one file.
    pub(crate) fn key(&self, name: Name, class: &RetentionClass) -> Result<DataKey, ArchiveError> {
        Ok(self.keyring.retention_key(class)?.subkey(&name.to_string()))
    }

    fn digest(&self, bytes: &[u8]) -> Result<[u8; 32], ArchiveError> {
        let hex = self.keyring.commitment(LABEL)?.digest_file(bytes);
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks(2)) {
            // INVARIANT: the keyring gives 64 hexadecimal digits.
            *byte = std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok()).unwrap_or_default();
        }
        Ok(digest)
    }

    /// Puts encrypted bytes on the disk; after return they are there whole.
    pub(crate) fn put(
        &self,
        name: Name,
        bytes: &[u8],
        rows: u64,
        schema: &str,
        retention: &RetentionClass,
    ) -> Result<Written, ArchiveError> {
        let place = self.place(name);
        match self.disk.read(&place) {
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Err(ArchiveError::AlreadyThere { path: name.path() }),
        }
        let digest = self.digest(bytes)?;
        self.disk.write_durably(&place, bytes)?;
        Ok(Written {
            path: name.path(),
            bytes: bytes.len() as u64,
            rows,
            digest,
            schema: schema.to_owned(),
            retention: retention.clone(),
        })
    }

    /// The encrypted bytes, once they are known to be those that were written under this name's folder and schema.
    pub(crate) fn fetch(
        &self,
        file: &Written,
        folder: &'static str,
        schema: &str,
    ) -> Result<(Name, Vec<u8>), ArchiveError> {
        let name = Name::parse(&file.path)
            .filter(|name| name.folder == folder)
            .ok_or_else(|| ArchiveError::Name { name: file.path.clone() })?;
        if file.schema != schema {
            return Err(ArchiveError::UnknownSchema { path: file.path.clone(), schema: file.schema.clone() });
        }
        Ok((name, self.checked(name, file)?))
    }

    fn checked(&self, name: Name, file: &Written) -> Result<Vec<u8>, ArchiveError> {
        let path = || file.path.clone();
        let bytes = match self.disk.read(&self.place(name)) {
            Err(error) if error.is_not_found() => return Err(ArchiveError::Missing { path: path() }),
            other => other?,
        };
        if bytes.len() as u64 != file.bytes {
            return Err(ArchiveError::Damaged { path: path(), what: "its length is another" });
        }
        // Before anything parses a byte of it.
        if self.digest(&bytes)? != file.digest {
            return Err(ArchiveError::Damaged { path: path(), what: "its digest is another" });
        }
        Ok(bytes)
    }

    /// What the manifest would have said of a sightings file with these bytes: for tests of what a crash leaves.
    #[cfg(test)]
    pub(crate) fn put_back(&self, id: Uuid, bytes: &[u8], rows: u64, retention: &RetentionClass) -> Written {
        Written {
            path: Name::new("sightings", id).unwrap().path(),
            bytes: bytes.len() as u64,
            rows,
            digest: self.digest(bytes).unwrap(),
            schema: model::batch::SCHEMA_VERSION.to_owned(),
            retention: retention.clone(),
        }
    }

    /// Sees whether a file is there and is the one that was written, without opening it: works where its key is destroyed.
    ///
    /// # Errors
    /// [`ArchiveError::Missing`], [`ArchiveError::Damaged`], or what the disk says.
    pub fn examine(&self, file: &Written) -> Result<(), ArchiveError> {
        let name = Name::parse(&file.path).ok_or_else(|| ArchiveError::Name { name: file.path.clone() })?;
        self.checked(name, file).map(|_| ())
    }

    /// Removes a file whose manifest row is buried, or a stray. One that is gone is gone.
    ///
    /// # Errors
    /// [`ArchiveError::Name`] for a path that is none of this archive's, or what the disk says.
    pub fn remove(&self, path: &str) -> Result<(), ArchiveError> {
        let name = Name::parse(path).ok_or_else(|| ArchiveError::Name { name: path.to_owned() })?;
        Ok(self.disk.remove(&self.place(name))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_the_archive() {
        let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
        let name = Name::new("map", id).unwrap();
        assert_eq!(name.path(), "map/01900000-0000-7000-8000-000000000001.noroshi");
        assert!(Name::parse(&name.path()) == Some(name));
        for bad in [
            "",
            "map",
            "map/",
            "../map/01900000-0000-7000-8000-000000000001.noroshi",
            "map/../01900000-0000-7000-8000-000000000001.noroshi",
            "nowhere/01900000-0000-7000-8000-000000000001.noroshi",
            "map/01900000-0000-7000-8000-000000000001",
            "map/01900000000070008000000000000001.noroshi",
            "map/01900000-0000-7000-8000-00000000000A.noroshi",
            "map/01900000-0000-4000-8000-000000000001.noroshi",
        ] {
            assert!(Name::parse(bad).is_none(), "{bad}");
        }
        assert!(Name::new("map", Uuid::nil()).is_err());
    }

    #[test]
    fn retention_classes_are_read_back() {
        for class in ["sighting/kagaribi-2014", "report/作戦", "parcel/a/b"] {
            assert_eq!(retention(class).unwrap().to_string(), class);
        }
        for bad in ["", "sighting", "Sighting/x", "sighting/", "/x"] {
            assert!(retention(bad).is_err(), "{bad}");
        }
    }
}
