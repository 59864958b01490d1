//! Keyed digests: the same thing is recognised again, and nobody without the key can try things out.
//!
//! An address, a port and a minute can be enumerated; a bare hash of them is no secret. All digests here are HMAC-SHA-256
//! (RFC 2104, FIPS 180-4) over parts that each stand behind their length, so that parts cannot run together.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::Material;

/// Makes keyed digests under one label's key.
#[derive(Clone)]
pub struct Committer {
    key: Material,
}

impl Committer {
    pub(crate) const fn new(key: Material) -> Self {
        Self { key }
    }

    /// The digest of a whole file, in 64 hexadecimal digits: the same file is recognised when it comes twice.
    #[must_use]
    pub fn digest_file(&self, bytes: &[u8]) -> String {
        let mut digest = self.begin_file();
        digest.push(bytes);
        digest.finish()
    }

    /// Starts the digest of a file that is read piece by piece.
    pub fn begin_file(&self) -> FileDigest {
        FileDigest { mac: keyed(&self.key, b"file"), length: 0 }
    }

    /// Starts a commitment over parts that are still to come, such as the rows of a batch.
    pub fn begin(&self) -> Commitment {
        Commitment { mac: keyed(&self.key, b"parts"), parts: 0 }
    }

    /// The commitment over these parts, in 64 hexadecimal digits.
    #[must_use]
    pub fn commit<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> String {
        parts.into_iter().fold(self.begin(), Commitment::update).finish()
    }

    /// 128 bits that stand for `bytes` where duplicates are looked for: among 10^12 different ones the chance that any two
    /// meet is below 10^-14.
    #[must_use]
    pub fn dedup_key(&self, bytes: &[u8]) -> u128 {
        let digest = mac(&self.key, &[b"dedup", bytes]);
        digest.iter().take(16).fold(0, |key, &byte| key << 8 | u128::from(byte))
    }

    /// Whether `digest` is the commitment over these parts, compared in constant time.
    #[must_use]
    pub fn holds<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>, digest: &str) -> bool {
        let digest: Option<Vec<u8>> = (0..digest.len())
            .step_by(2)
            .map(|at| digest.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .collect();
        digest.is_some_and(|digest| {
            parts.into_iter().fold(self.begin(), Commitment::update).end().verify_slice(&digest).is_ok()
        })
    }
}

/// The digest of a file in the making: pieces run together, and the file's length is the last thing digested.
#[must_use]
pub struct FileDigest {
    mac: Hmac<Sha256>,
    length: u64,
}

impl FileDigest {
    /// The next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        self.mac.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// How many bytes there were so far.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The digest, in 64 hexadecimal digits.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.mac.update(&self.length.to_be_bytes());
        hex(&self.mac.finalize().into_bytes().into())
    }
}

/// A commitment in the making.
#[must_use]
pub struct Commitment {
    mac: Hmac<Sha256>,
    parts: u64,
}

impl Commitment {
    /// One more part.
    pub fn update(mut self, part: &[u8]) -> Self {
        self.push(part);
        self
    }

    /// As [`Commitment::update`], in place.
    pub fn push(&mut self, part: &[u8]) {
        absorb(&mut self.mac, part);
        self.parts += 1;
    }

    /// The commitment, in 64 hexadecimal digits.
    #[must_use]
    pub fn finish(self) -> String {
        hex(&self.end().finalize().into_bytes().into())
    }

    /// How many parts there are is the last thing digested.
    fn end(mut self) -> Hmac<Sha256> {
        self.mac.update(&self.parts.to_be_bytes());
        self.mac
    }
}

/// HMAC-SHA-256 under `key` over `parts`, the first of which names the use.
pub(crate) fn mac(key: &Material, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = new(key);
    for part in parts {
        absorb(&mut mac, part);
    }
    mac.finalize().into_bytes().into()
}

/// A key of its own for one use, from a key that is never used otherwise.
pub(crate) fn derive(key: &Material, parts: &[&[u8]]) -> Material {
    Material::new(mac(key, parts))
}

pub(crate) fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn keyed(key: &Material, use_: &[u8]) -> Hmac<Sha256> {
    let mut mac = new(key);
    absorb(&mut mac, use_);
    mac
}

fn new(key: &Material) -> Hmac<Sha256> {
    // INVARIANT: RFC 2104, section 2.
    Hmac::new_from_slice(&key[..]).expect("HMAC takes keys of every length")
}

/// A part behind its length in 8 bytes.
fn absorb(mac: &mut Hmac<Sha256>, part: &[u8]) {
    mac.update(&(part.len() as u64).to_be_bytes());
    mac.update(part);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn committer(byte: u8) -> Committer {
        Committer::new(Material::new([byte; 32]))
    }

    #[test]
    fn parts_do_not_run_together() {
        let c = committer(1);
        let splits: [&[&[u8]]; 6] = [&[b"ab", b"c"], &[b"a", b"bc"], &[b"abc"], &[b"abc", b""], &[b"", b"abc"], &[]];
        let digests: BTreeSet<String> = splits.iter().map(|parts| c.commit(parts.iter().copied())).collect();
        assert_eq!(digests.len(), splits.len());
        assert_eq!(c.begin().update(b"ab").update(b"c").finish(), c.commit([&b"ab"[..], b"c"]));
        assert!(c.holds([&b"ab"[..], b"c"], &c.commit([&b"ab"[..], b"c"])));
        assert!(!c.holds([&b"a"[..], b"bc"], &c.commit([&b"ab"[..], b"c"])));
        for bad in ["", "0", "zz", &"0".repeat(64), "日本"] {
            assert!(!c.holds([], bad), "{bad}");
        }
    }

    #[test]
    fn another_key_and_another_use_give_another_digest() {
        let (a, b) = (committer(1), committer(2));
        assert_ne!(a.digest_file(b"x"), b.digest_file(b"x"));
        assert_ne!(a.dedup_key(b"x"), b.dedup_key(b"x"));
        assert_ne!(a.digest_file(b"x"), a.commit([&b"x"[..]]));
        assert_ne!(a.dedup_key(b"x"), u128::from_str_radix(&a.digest_file(b"x")[..32], 16).unwrap());
    }

    /// Computed independently with Python's `hmac`.
    #[test]
    fn golden_digests() {
        let c = committer(1);
        assert_eq!(c.digest_file(b"file"), "d8be2acf9f394f97675dbe2877956dd25a3f0e15d2bfe783b91ec7bc8647fee1");
        let mut pieces = c.begin_file();
        [&b"f"[..], b"", b"ile"].into_iter().for_each(|piece| pieces.push(piece));
        assert_eq!((pieces.length(), pieces.finish()), (4, c.digest_file(b"file")));
        assert_eq!(
            c.commit([&b"row 1"[..], b"row 2"]),
            "0c7e8f26f57fc726c78a9b58b734f0a33cde66fee1969465ee0b82ceb4ead525"
        );
        assert_eq!(format!("{:032x}", c.dedup_key(b"192.0.2.1")), "03c7162a759edd007b311076384cabf2");
    }
}
