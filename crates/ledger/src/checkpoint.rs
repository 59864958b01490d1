//! Checkpoints: how many leaves there are and their root, as a signed note (C2SP tlog-checkpoint, signed-note).
//!
//! The algorithm is a field of the verifier key (`<name>+<id>+<base64 of algorithm and public key>`); Ed25519 is the one
//! known here. Signatures under other keys, such as those of witnesses, are left alone.

use signed_note::{Note, NoteError, Signer, StandardVerifier, VerifierError, VerifierList};

use crate::tile::LARGEST;
use crate::tree::Head;

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name: the first line, and the name of the key that signs.
    pub origin: String,
    /// Its size and root.
    pub head: Head,
}

/// A checkpoint that cannot be relied on, or be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadCheckpoint {
    /// The verifier key is malformed.
    #[error("the verifier key is malformed")]
    Key,
    /// The verifier key is of an algorithm that this version does not know.
    #[error("the verifier key is of an unknown algorithm")]
    Algorithm,
    /// Not a signed note, or its text is not a checkpoint.
    #[error("not a signed checkpoint")]
    Malformed,
    /// Nobody with this verifier key signed it.
    #[error("not signed under this verifier key")]
    Unsigned,
    /// The signature is not that of this text.
    #[error("the signature does not fit the text")]
    Signature,
    /// The first line is another log's name than the key's.
    #[error("the origin is not the name of the key")]
    Origin,
}

impl Checkpoint {
    /// The signed note for `head`, under the signer's name as origin. The same head gives the same bytes.
    ///
    /// # Errors
    /// [`BadCheckpoint::Origin`] where the name cannot be an origin, [`BadCheckpoint::Signature`] where signing failed.
    pub fn sign(head: &Head, signer: &dyn Signer) -> Result<Vec<u8>, BadCheckpoint> {
        let text = tlog_tiles::Checkpoint::new(signer.name(), head.size, tlog_tiles::Hash(head.root), "")
            .map_err(|_| BadCheckpoint::Origin)?;
        let mut note = Note::new(&text.to_bytes(), &[]).map_err(|_| BadCheckpoint::Origin)?;
        note.add_sigs(&[signer]).map_err(|error| match error {
            NoteError::InvalidSigner => BadCheckpoint::Origin,
            _ => BadCheckpoint::Signature,
        })?;
        Ok(note.to_bytes())
    }

    /// The checkpoint in a signed note, after its signature under `vkey` was verified.
    ///
    /// # Errors
    /// [`BadCheckpoint`]: each case but the signing ones.
    pub fn open(note: &[u8], vkey: &str) -> Result<Self, BadCheckpoint> {
        let verifier = StandardVerifier::new(vkey).map_err(|error| match error {
            VerifierError::Alg => BadCheckpoint::Algorithm,
            VerifierError::Format | VerifierError::Id => BadCheckpoint::Key,
        })?;
        let name = signed_note::Verifier::name(&verifier).to_owned();
        let note = Note::from_bytes(note).map_err(|_| BadCheckpoint::Malformed)?;
        note.verify(&VerifierList::new(vec![Box::new(verifier)])).map_err(|error| match error {
            NoteError::UnverifiedNote => BadCheckpoint::Unsigned,
            _ => BadCheckpoint::Signature,
        })?;
        let checkpoint = Self::parse(note.text())?;
        if checkpoint.origin == name { Ok(checkpoint) } else { Err(BadCheckpoint::Origin) }
    }

    /// What a note says, whoever signed it. Good for naming what is wrong, for nothing else.
    #[must_use]
    pub fn claimed(note: &[u8]) -> Option<Self> {
        Self::parse(Note::from_bytes(note).ok()?.text()).ok()
    }

    fn parse(text: &[u8]) -> Result<Self, BadCheckpoint> {
        let text = tlog_tiles::Checkpoint::from_bytes(text).map_err(|_| BadCheckpoint::Malformed)?;
        if text.size() > LARGEST {
            return Err(BadCheckpoint::Malformed);
        }
        Ok(Self { origin: text.origin().to_owned(), head: Head { size: text.size(), root: text.hash().0 } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Known;

    const NAME: &str = "ledger.example.org/test";
    const HEAD: Head = Head { size: 300, root: [7; 32] };

    #[test]
    fn what_was_signed_is_read() {
        let signer = Known::new(NAME, 1);
        let note = Checkpoint::sign(&HEAD, &signer).unwrap();
        assert_eq!(note, Checkpoint::sign(&HEAD, &signer).unwrap());
        assert!(note.starts_with(b"ledger.example.org/test\n300\nBwcH"));
        let checkpoint = Checkpoint::open(&note, &signer.vkey()).unwrap();
        assert_eq!((checkpoint.origin.as_str(), checkpoint.head), (NAME, HEAD));
    }

    #[test]
    fn every_altered_byte_is_seen() {
        let signer = Known::new(NAME, 1);
        let note = Checkpoint::sign(&HEAD, &signer).unwrap();
        for at in 0..note.len() {
            let mut bent = note.clone();
            bent[at] ^= 1 << (at % 8);
            assert!(Checkpoint::open(&bent, &signer.vkey()).is_err(), "byte {at}");
            assert!(Checkpoint::open(&note[..at], &signer.vkey()).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn other_keys_do_not_count() {
        let (signer, other) = (Known::new(NAME, 1), Known::new(NAME, 2));
        let note = Checkpoint::sign(&HEAD, &signer).unwrap();
        assert!(matches!(Checkpoint::open(&note, &other.vkey()), Err(BadCheckpoint::Unsigned)));
        for vkey in [
            "",
            "x+00000000+AQ==",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
        ] {
            assert!(matches!(Checkpoint::open(&note, vkey), Err(BadCheckpoint::Key)), "{vkey}");
        }
        let later = format!("x+{:08x}+/wAA", signed_note::key_id("x", &[0xff, 0, 0]));
        assert!(matches!(Checkpoint::open(&note, &later), Err(BadCheckpoint::Algorithm)));
        // A witness may add its line without spoiling ours.
        let witness = Known::new("witness.example.org", 3);
        let mut cosigned = Note::from_bytes(&note).unwrap();
        cosigned.add_sigs(&[&witness]).unwrap();
        assert!(Checkpoint::open(&cosigned.to_bytes(), &signer.vkey()).is_ok());
        // A checkpoint of one log signed with the key of another is refused.
        let mut foreign =
            Note::new(b"other.example.org\n0\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n", &[]).unwrap();
        foreign.add_sigs(&[&signer]).unwrap();
        assert!(matches!(Checkpoint::open(&foreign.to_bytes(), &signer.vkey()), Err(BadCheckpoint::Origin)));
    }
}
