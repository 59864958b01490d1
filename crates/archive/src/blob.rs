//! Blobs: reports as received, reject files and outgoing parcels, each sealed in one piece.

use keys::RetentionClass;
use law::{Clearance, Protected, Subject};
use model::{DataClass, Instant};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Archive;
use crate::file::{Name, Written};
use crate::problem::ArchiveError;
use crate::sightings::may_be_read_as;

/// What a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobKind {
    /// A report as received.
    Kept,
    /// The rows of a report that could not be understood, for its submitter.
    Rejects,
    /// A parcel, ready to be carried.
    Parcel,
    /// Keyed digests of rows and terminals, for comparison only.
    Keys,
    /// At a node: which letter told of which rows.
    Letters,
}

impl BlobKind {
    /// The folder that its files lie in, which is also the manifest's name of the kind.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Rejects => "rejects",
            Self::Parcel => "parcel",
            Self::Keys => "keys",
            Self::Letters => "letters",
        }
    }
}

/// The version of what stands before the bytes, inside the seal: a byte for the class, the subject's length in two bytes, the subject.
const SCHEMA: &str = "blob-1";
/// The class byte of what was never protected.
const UNPROTECTED: u8 = 0xff;

impl Archive {
    /// Seals protected bytes as the file of that id (a UUID version 7 which no file bore before).
    ///
    /// # Errors
    /// [`ArchiveError::Closed`] where the clearance does not open them, or what the keyring or the disk says.
    pub fn write_blob<B: AsRef<[u8]>>(
        &self,
        kind: BlobKind,
        id: Uuid,
        retention: &RetentionClass,
        bytes: &Protected<B>,
        clearance: &Clearance,
        now: Instant,
    ) -> Result<Written, ArchiveError> {
        let heading = heading(bytes.class() as u8, &bytes.subject().to_string());
        bytes.open(clearance, now, |bytes| self.seal(kind, id, retention, heading, bytes.as_ref()))?
    }

    /// Protected bytes, sealed as `subject`: what they were written of, or the round that their report belongs to. They are of the
    /// class under which they were written.
    ///
    /// # Errors
    /// As [`Archive::read_sightings`]; [`ArchiveError::OtherProtection`] where they were written without protection.
    pub fn read_blob(
        &self,
        kind: BlobKind,
        file: &Written,
        subject: &Subject,
    ) -> Result<Protected<Zeroizing<Vec<u8>>>, ArchiveError> {
        let (class, written_of, bytes) = self.unseal(kind, file)?;
        let class =
            DataClass::from_number(class).ok_or_else(|| ArchiveError::OtherProtection { path: file.path.clone() })?;
        if !may_be_read_as(&written_of, subject) {
            return Err(ArchiveError::OtherSubject { path: file.path.clone(), subject: subject.to_string() });
        }
        Ok(Protected::seal(bytes, class, subject.clone()))
    }

    /// Seals bytes in which nothing is protected, such as an acknowledgement.
    ///
    /// # Errors
    /// What the keyring or the disk says.
    pub fn write_plain_blob(
        &self,
        kind: BlobKind,
        id: Uuid,
        retention: &RetentionClass,
        bytes: &[u8],
    ) -> Result<Written, ArchiveError> {
        self.seal(kind, id, retention, heading(UNPROTECTED, ""), bytes)
    }

    /// Bytes in which nothing is protected.
    ///
    /// # Errors
    /// As [`Archive::read_blob`]; [`ArchiveError::OtherProtection`] where they were written under protection.
    pub fn read_plain_blob(&self, kind: BlobKind, file: &Written) -> Result<Zeroizing<Vec<u8>>, ArchiveError> {
        match self.unseal(kind, file)? {
            (UNPROTECTED, _, bytes) => Ok(bytes),
            _ => Err(ArchiveError::OtherProtection { path: file.path.clone() }),
        }
    }

    fn seal(
        &self,
        kind: BlobKind,
        id: Uuid,
        retention: &RetentionClass,
        heading: Vec<u8>,
        bytes: &[u8],
    ) -> Result<Written, ArchiveError> {
        let name = Name::new(kind.name(), id)?;
        let plain = Zeroizing::new([&heading, bytes].concat());
        let sealed = self.key(name, retention)?.seal(&*self.entropy, &name.aad(), &plain)?;
        self.put(name, &sealed, 0, SCHEMA, retention)
    }

    fn unseal(&self, kind: BlobKind, file: &Written) -> Result<(u8, String, Zeroizing<Vec<u8>>), ArchiveError> {
        let (name, sealed) = self.fetch(file, kind.name(), SCHEMA)?;
        let plain = self.key(name, &file.retention)?.open(&name.aad(), &sealed)?;
        let parts = split(&plain);
        let (class, subject, bytes) = parts
            .ok_or_else(|| ArchiveError::Damaged { path: file.path.clone(), what: "it does not say what it is" })?;
        Ok((class, subject.to_owned(), Zeroizing::new(bytes.to_vec())))
    }
}

fn heading(class: u8, subject: &str) -> Vec<u8> {
    // A subject is an id with a word before it: some hundred bytes at most.
    let length = u16::try_from(subject.len()).unwrap_or(u16::MAX);
    [&[class], &length.to_be_bytes()[..], subject.as_bytes()].concat()
}

fn split(plain: &[u8]) -> Option<(u8, &str, &[u8])> {
    let (&[class, high, low], rest) = plain.split_first_chunk()?;
    let (subject, bytes) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    Some((class, std::str::from_utf8(subject).ok()?, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{NOW, Trial, report_subject};

    const KINDS: [BlobKind; 3] = [BlobKind::Kept, BlobKind::Rejects, BlobKind::Parcel];

    fn sealed(bytes: &[u8]) -> Protected<Vec<u8>> {
        Protected::seal(bytes.to_vec(), DataClass::CommunicationTrace, report_subject())
    }

    #[test]
    fn what_goes_in_comes_out_protected_as_before() {
        let trial = Trial::new();
        let clearance = trial.clearance(&report_subject());
        for kind in KINDS {
            for bytes in [&b""[..], b"192.0.2.77,2014-05-13 16:53:20\n", &[0xff; 100_000]] {
                let id = trial.id();
                let written =
                    trial.archive.write_blob(kind, id, &trial.retention, &sealed(bytes), &clearance, NOW).unwrap();
                assert_eq!(written.path, format!("{}/{id}.noroshi", kind.name()));
                let on_disk = std::fs::read(trial.place(&written)).unwrap();
                assert!(!on_disk.windows(10).any(|window| window == b"192.0.2.77"));
                let back = trial.archive.read_blob(kind, &written, &report_subject()).unwrap();
                assert_eq!(back.class(), DataClass::CommunicationTrace);
                assert!(back.open(&clearance, NOW, |back| ***back == *bytes).unwrap());
                let round = Subject::Round("kagaribi-2014/1".parse().unwrap());
                assert!(*trial.archive.read_blob(kind, &written, &round).unwrap().subject() == round);
                let other = Subject::Delivery(model::DeliveryId::from_uuid(id));
                let read = trial.archive.read_blob(kind, &written, &other);
                assert!(matches!(read, Err(ArchiveError::OtherSubject { .. })));
            }
        }
    }

    #[test]
    fn protection_can_be_neither_dropped_nor_made_up() {
        let trial = Trial::new();
        let (kind, class) = (BlobKind::Parcel, &trial.retention);
        let clearance = trial.clearance(&report_subject());
        let protected = trial.archive.write_blob(kind, trial.id(), class, &sealed(b"x"), &clearance, NOW).unwrap();
        let plain = trial.archive.write_plain_blob(kind, trial.id(), class, b"acknowledged").unwrap();
        assert_eq!(trial.archive.read_plain_blob(kind, &plain).unwrap().as_slice(), b"acknowledged");
        let read = trial.archive.read_plain_blob(kind, &protected);
        assert!(matches!(read, Err(ArchiveError::OtherProtection { .. })));
        let read = trial.archive.read_blob(kind, &plain, &report_subject());
        assert!(matches!(read, Err(ArchiveError::OtherProtection { .. })));
        let other = Subject::OwnFile;
        let closed = trial.archive.write_blob(kind, trial.id(), class, &sealed(b"x"), &trial.clearance(&other), NOW);
        assert!(matches!(closed, Err(ArchiveError::Closed(_))));
    }

    #[test]
    fn every_altered_byte_and_every_exchange_is_noticed() {
        let trial = Trial::new();
        let (kind, class) = (BlobKind::Kept, &trial.retention);
        let one = trial.archive.write_plain_blob(kind, trial.id(), class, b"one").unwrap();
        let two = trial.archive.write_plain_blob(kind, trial.id(), class, b"two").unwrap();
        let bytes = std::fs::read(trial.place(&one)).unwrap();
        for at in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[at] ^= 1 << (at % 8);
            std::fs::write(trial.place(&one), bent).unwrap();
            assert!(matches!(trial.archive.read_plain_blob(kind, &one), Err(ArchiveError::Damaged { .. })), "{at}");
        }
        std::fs::write(trial.place(&two), &bytes).unwrap();
        let forged = Written { path: two.path, ..one };
        let read = trial.archive.read_plain_blob(kind, &forged);
        assert!(matches!(read, Err(ArchiveError::Key(keys::KeyError::SealBroken { .. }))));
    }

    #[test]
    fn a_heading_that_is_cut_short_is_no_heading() {
        let whole = [heading(1, "report:x"), b"bytes".to_vec()].concat();
        assert!(split(&whole) == Some((1, "report:x", b"bytes")));
        for length in 0..heading(1, "report:x").len() {
            assert!(split(&whole[..length]).is_none(), "{length}");
        }
    }
}
