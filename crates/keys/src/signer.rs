//! The ledger's signing key, as a signer of notes (C2SP signed-note).

use ed25519_dalek::{Signer as _, SigningKey};
use signed_note::{is_key_name_valid, key_id, new_ed25519_verifier_key};

use crate::Material;
use crate::problem::KeyError;

/// The algorithm's number in keys of signed notes: Ed25519.
const ED25519: u8 = 1;

/// Signs checkpoints under an origin such as `hub.example.org/ledger`.
pub struct LedgerSigner {
    origin: String,
    id: u32,
    key: SigningKey,
}

impl LedgerSigner {
    pub(crate) fn new(origin: &str, seed: &Material) -> Result<Self, KeyError> {
        check_origin(origin)?;
        let key = SigningKey::from_bytes(seed);
        let public = [&[ED25519], key.verifying_key().to_bytes().as_slice()].concat();
        Ok(Self { origin: origin.to_owned(), id: key_id(origin, &public), key })
    }

    /// The origin, which is the first line of each checkpoint and the name of the key.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The verifier key, to be published: `<origin>+<id>+<base64 of algorithm and public key>`.
    #[must_use]
    pub fn vkey(&self) -> String {
        new_ed25519_verifier_key(&self.origin, &self.key.verifying_key())
    }
}

/// Whether `origin` can name a signed note's key: no blank, no `+`, no control character.
pub(crate) fn check_origin(origin: &str) -> Result<(), KeyError> {
    if is_key_name_valid(origin) && !origin.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(KeyError::Name { name: origin.to_owned() })
    }
}

impl signed_note::Signer for LedgerSigner {
    fn name(&self) -> &str {
        &self.origin
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ed25519_dalek::SignatureError> {
        Ok(self.key.try_sign(message)?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use signed_note::{Note, Signer as _, StandardVerifier, Verifier as _, VerifierList};

    use super::*;

    #[test]
    fn a_signed_note_verifies_under_the_published_key() {
        let signer = LedgerSigner::new("hub.example.org/ledger", &Material::new([7; 32])).unwrap();
        let verifier = StandardVerifier::new(&signer.vkey()).unwrap();
        assert_eq!(verifier.key_id(), signer.key_id());
        let mut note = Note::new(b"hub.example.org/ledger\n0\nx\n", &[]).unwrap();
        note.add_sigs(&[&signer]).unwrap();
        let note = Note::from_bytes(&note.to_bytes()).unwrap();
        assert_eq!(note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap().0.len(), 1);
    }

    #[test]
    fn what_is_no_origin() {
        for bad in ["", "a b", "a+b", "a\nb", "a\u{7f}b"] {
            assert!(LedgerSigner::new(bad, &Material::new([7; 32])).is_err(), "{bad:?}");
        }
    }
}
