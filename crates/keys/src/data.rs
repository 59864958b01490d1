//! Data keys: they seal blobs and encrypt Parquet files, and what they sealed dies with them.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use model::port::Entropy;
use zeroize::Zeroizing;

use crate::Material;
use crate::commitment::derive;
use crate::problem::KeyError;

/// The version byte of a sealed blob.
const VERSION: u8 = 1;
const NONCE: usize = 24;

/// How many bytes a sealed blob is longer than what it holds: version, nonce, authenticator.
pub const SEAL: usize = 1 + NONCE + 16;

/// A key of one retention class. Hold it only as long as the work at hand lasts: a key destroyed meanwhile lives on here.
#[derive(Clone)]
pub struct DataKey {
    name: String,
    root: Material,
}

impl DataKey {
    pub(crate) const fn new(name: String, root: Material) -> Self {
        Self { name, root }
    }

    /// A key that is written down nowhere: what it seals can be opened by whoever holds it, and by nobody afterwards.
    #[must_use]
    pub fn passing(name: &str, entropy: &dyn Entropy) -> Self {
        let mut root = [0; 32];
        entropy.fill(&mut root);
        Self { name: name.to_owned(), root: Material::new(root) }
    }

    /// The key's name, which is no secret: it may stand in a manifest.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seals `plain` (XChaCha20-Poly1305): a version byte, 24 bytes of nonce from `entropy`, the sealed bytes.
    ///
    /// `aad` says what the blob is (its table, id, ordinal) and must be given again to open it, so that no sealed blob can
    /// be taken for another. **A seeded `entropy` that starts anew repeats nonces and lays the contents bare**: only where
    /// there is nothing to protect.
    ///
    /// # Errors
    /// [`KeyError::TooLong`] above 256 GiB.
    pub fn seal(&self, entropy: &dyn Entropy, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut nonce = [0_u8; NONCE];
        entropy.fill(&mut nonce);
        let body = self
            .cipher()
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad: &versioned(aad) })
            .map_err(|_| KeyError::TooLong)?;
        let mut sealed = Vec::with_capacity(body.len() + 1 + NONCE);
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// What was sealed with the same `aad`; wiped when dropped.
    ///
    /// # Errors
    /// [`KeyError::SealBroken`] where a byte was altered or cut off, or the key or `aad` is another.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let broken = || KeyError::SealBroken { name: self.name.clone() };
        let (&version, rest) = sealed.split_first().ok_or_else(broken)?;
        let (nonce, body) = rest.split_at_checked(NONCE).ok_or_else(broken)?;
        if version != VERSION {
            return Err(broken());
        }
        self.cipher()
            .decrypt(XNonce::from_slice(nonce), Payload { msg: body, aad: &versioned(aad) })
            .map(Zeroizing::new)
            .map_err(|_| broken())
    }

    /// A key for Parquet modular encryption (AES-256-GCM), one per `purpose`, such as `footer` or a column's name.
    ///
    /// Parquet makes its own nonces; use one file name as the AAD prefix so that files cannot be exchanged.
    #[must_use]
    pub fn parquet_key(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        derive(&self.root, &[b"parquet", purpose.as_bytes()])
    }

    /// The key for what is not sealed as one blob (a segment's chunks), one per `purpose`; 256 bits.
    #[must_use]
    pub fn subkey(&self, purpose: &str) -> Self {
        Self { name: format!("{}/{purpose}", self.name), root: derive(&self.root, &[b"subkey", purpose.as_bytes()]) }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*derive(&self.root, &[b"seal"])).into())
    }
}

/// The version is authenticated with the rest.
fn versioned(aad: &[u8]) -> Vec<u8> {
    [&[VERSION], aad].concat()
}

#[cfg(test)]
mod tests {
    use model::port::SeededEntropy;

    use super::*;

    fn key(byte: u8) -> DataKey {
        DataKey::new("retention.report.x".to_owned(), Material::new([byte; 32]))
    }

    #[test]
    fn golden_seal() {
        let sealed = key(7).seal(&SeededEntropy::new(7), b"report/1", b"secret").unwrap();
        assert_eq!(sealed.len(), 6 + SEAL);
        let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, GOLDEN);
    }

    /// Opens with HChaCha20 written in Python over the `cryptography` package's ChaCha20-Poly1305.
    const GOLDEN: &str =
        "01d70d3259e4e1cb631c663cf4d73c4c04022ab1ba804098e6833c171d69d3bbe19398f6cb1f4ecba2678686224c95";

    #[test]
    fn every_altered_byte_and_every_cut_is_seen() {
        let key = key(7);
        let sealed = key.seal(&SeededEntropy::new(3), b"report/1", b"secret").unwrap();
        assert_eq!(&**key.open(b"report/1", &sealed).unwrap(), b"secret");
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut bent = sealed.clone();
                bent[at] ^= 1 << bit;
                assert!(matches!(key.open(b"report/1", &bent), Err(KeyError::SealBroken { .. })), "{at} {bit}");
            }
            assert!(key.open(b"report/1", &sealed[..at]).is_err(), "{at}");
        }
        assert!(key.open(b"report/2", &sealed).is_err());
        assert!(self::key(8).open(b"report/1", &sealed).is_err());
        assert!(key.subkey("a").open(b"report/1", &sealed).is_err());
    }

    #[test]
    fn no_two_uses_share_a_key() {
        let key = key(7);
        let keys = [key.parquet_key("footer"), key.parquet_key("column"), key.subkey("footer").root.clone()];
        assert!(keys[0] != keys[1] && keys[0] != keys[2] && keys[1] != keys[2] && keys[0] != key.root);
        assert_eq!(key.parquet_key("footer"), self::key(7).parquet_key("footer"));
    }
}
