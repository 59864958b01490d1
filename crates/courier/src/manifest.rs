//! The list of a delivery's files in a drop folder: what both its writer and its reader keep to.
//!
//! A delivery in a folder is the files `<id>~letter.txt` and `<id>~<n>~<name>` and, last of all, `<id>.manifest.json`,
//! which names each file with its length and SHA-256. A reader looks for manifests only, and so never sees half a
//! delivery. When he has it, the manifest stands in `taken/` and the files are gone; the sender looks in both places
//! before he sends again. No id holds a `~`, so no file of one delivery can be taken for a file of another.

use model::{Instant, Lang};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::codes::{BAD_MANIFEST, PARCEL_DIFFERS, Unfit};
use crate::header::{HeaderText, Mailbox};
use crate::parcel::{Envelope, EnvelopeId, MediaType, ParcelName, Ticket};

/// How a manifest's name ends.
pub const ENDING: &str = ".manifest.json";

/// The folder of what was taken, inside the drop folder.
pub const TAKEN: &str = "taken";

/// The version of this layout.
const VERSION: u32 = 1;

/// What a delivery consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the layout: 1.
    pub noroshi_delivery: u32,
    /// The envelope's id.
    pub id: EnvelopeId,
    /// The Message-ID that the same envelope has as a mail.
    pub message_id: String,
    /// Who sends.
    pub from: Mailbox,
    /// Where answers go, if not to `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Mailbox>,
    /// The subject.
    pub subject: HeaderText,
    /// The letter's language.
    pub language: Lang,
    /// The date that the letter bears.
    pub date: Instant,
    /// The ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
    /// The delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<model::DeliveryId>,
    /// The letter's text, UTF-8 with LF.
    pub letter: Entry,
    /// What is enclosed.
    pub parcels: Vec<ParcelEntry>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name in the drop folder.
    pub file: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// One parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParcelEntry {
    /// The parcel's own name.
    pub name: ParcelName,
    /// The media type.
    pub media_type: MediaType,
    /// The file.
    pub content: Entry,
}

impl Manifest {
    /// The manifest of an envelope, and the files it lists, with their bytes.
    #[must_use]
    pub fn of(envelope: &Envelope) -> (Self, Vec<(String, Vec<u8>)>) {
        let id = &envelope.id;
        let letter = (format!("{id}~letter.txt"), envelope.text.as_str().as_bytes().to_vec());
        let mut files = vec![letter];
        let mut parcels = Vec::new();
        for (place, parcel) in envelope.parcels.iter().enumerate() {
            // Numbered, because two parcels may have one name.
            let file = (format!("{id}~{}~{}", place + 1, parcel.name.as_str()), parcel.bytes.clone());
            parcels.push(ParcelEntry {
                name: parcel.name.clone(),
                media_type: parcel.media_type.clone(),
                content: Entry::of(&file.0, &file.1),
            });
            files.push(file);
        }
        let manifest = Self {
            noroshi_delivery: VERSION,
            id: id.clone(),
            message_id: envelope.message_id(),
            from: envelope.from.clone(),
            reply_to: envelope.reply_to.clone(),
            subject: envelope.subject.clone(),
            language: envelope.language,
            date: envelope.date,
            ticket: envelope.ticket.clone(),
            delivery: envelope.delivery,
            letter: Entry::of(&files[0].0, &files[0].1),
            parcels,
        };
        (manifest, files)
    }

    /// The name of the manifest of `id`.
    #[must_use]
    pub fn name_of(id: &EnvelopeId) -> String {
        format!("{id}{ENDING}")
    }

    /// Whether a file of that name is a manifest; a parcel's file has a `~`, whatever its name ends in.
    #[must_use]
    pub fn is_name(file: &str) -> bool {
        file.ends_with(ENDING) && !file.contains('~')
    }

    /// The manifest as it is written: JSON with one field per line.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings, numbers and lists only: that always serialises.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads the manifest that stands under `name`.
    ///
    /// # Errors
    /// [`BAD_MANIFEST`] for another layout, another id than its name has, or a file that is not this delivery's own.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, Unfit> {
        let bad = || Unfit::new(&BAD_MANIFEST, name);
        let manifest: Self = serde_json::from_slice(bytes).map_err(|_| bad())?;
        let own = format!("{}~", manifest.id);
        let plain = |file: &str| {
            // INVARIANT: a file of a delivery lies in the drop folder itself and is none of another delivery.
            file.strip_prefix(&own).is_some_and(|rest| !rest.is_empty() && !rest.contains(['/', '\\', '\0']))
        };
        if manifest.noroshi_delivery != VERSION
            || Self::name_of(&manifest.id) != name
            || !manifest.entries().all(|entry| plain(&entry.file) && entry.sha256.len() == 64)
        {
            return Err(bad());
        }
        Ok(manifest)
    }

    /// All files, the letter first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        std::iter::once(&self.letter).chain(self.parcels.iter().map(|parcel| &parcel.content))
    }
}

impl Entry {
    fn of(file: &str, bytes: &[u8]) -> Self {
        Self { file: file.to_owned(), bytes: bytes.len() as u64, sha256: sha256(bytes) }
    }

    /// Whether `bytes` are what the manifest says.
    ///
    /// # Errors
    /// [`PARCEL_DIFFERS`].
    pub fn check(&self, bytes: &[u8]) -> Result<(), Unfit> {
        if self.bytes == bytes.len() as u64 && self.sha256 == sha256(bytes) {
            Ok(())
        } else {
            Err(Unfit::new(&PARCEL_DIFFERS, &self.file))
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parcel::tests::envelope;

    #[test]
    fn written_and_read() {
        let (manifest, files) = Manifest::of(&envelope("e.1"));
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["e.1~letter.txt", "e.1~1~対象一覧.csv"]);
        assert_eq!(Manifest::read("e.1.manifest.json", &manifest.to_bytes()).unwrap(), manifest);
        for (entry, (_, bytes)) in manifest.entries().zip(&files) {
            assert!(entry.check(bytes).is_ok());
            assert_eq!(entry.check(b"other").unwrap_err().code(), &PARCEL_DIFFERS);
        }
    }

    #[test]
    fn a_manifest_cannot_point_elsewhere() {
        let (manifest, _) = Manifest::of(&envelope("e.1"));
        let text = String::from_utf8(manifest.to_bytes()).unwrap();
        let bad = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            let changed = text.replace(from, to);
            assert_eq!(
                Manifest::read("e.1.manifest.json", changed.as_bytes()).unwrap_err().code(),
                &BAD_MANIFEST,
                "{to}"
            );
        };
        bad("e.1~letter.txt", "../../etc/passwd");
        bad("e.1~letter.txt", "e.1~x/../../passwd");
        bad("e.1~letter.txt", "e.2~letter.txt");
        bad("e.1~letter.txt", "e.1.manifest.json");
        bad("\"noroshi_delivery\": 1", "\"noroshi_delivery\": 2");
        bad("\"language\"", "\"tongue\"");
        assert!(Manifest::read("e.2.manifest.json", text.as_bytes()).is_err());
        assert!(Manifest::read("e.1.manifest.json", &text.as_bytes()[..40]).is_err());
    }
}
