//! DKIM signatures (RFC 6376; Ed25519: RFC 8463), relaxed/relaxed, dated by the envelope.
//!
//! Only the canonical form stands here; the signing itself is `ring`'s. RSA with PKCS#1 v1.5 and Ed25519 give the same
//! signature for the same bytes, so a repeat is the same mail to the last byte.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Instant;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::codes::{BAD_DKIM_KEY, BAD_HOST, Unfit};
use crate::header::is_domain;

/// The headers that are signed; each is named once more than it stands there, so that nobody can add another one below
/// the signature (RFC 6376, section 8.15).
const SIGNED: [&str; 13] = [
    "from",
    "to",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "auto-submitted",
    "content-language",
    "x-noroshi-ticket",
    "x-noroshi-delivery",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
];

/// The algorithms of RFC 8301 and RFC 8463.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// `rsa-sha256`, a key of 2048 to 4096 bits: what every receiver verifies.
    Rsa,
    /// `ed25519-sha256`: shorter, and not yet verified everywhere.
    Ed25519,
}

/// A key that signs for a domain.
pub struct DkimKey {
    domain: String,
    selector: String,
    signer: Signer,
}

enum Signer {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

impl fmt::Debug for DkimKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DkimKey({}._domainkey.{})", self.selector, self.domain)
    }
}

impl DkimKey {
    /// Reads a private key from PEM: PKCS#8 for both algorithms, PKCS#1 too for RSA. The public key belongs into the
    /// DNS at `<selector>._domainkey.<domain>`.
    ///
    /// # Errors
    /// [`BAD_DKIM_KEY`], [`BAD_HOST`] for a domain or selector that DNS cannot hold.
    pub fn from_pem(domain: &str, selector: &str, algorithm: Algorithm, pem: &[u8]) -> Result<Self, Unfit> {
        if !is_domain(domain) {
            return Err(Unfit::new(&BAD_HOST, domain));
        }
        // RFC 6376, section 3.1: a selector is one or more labels.
        if !is_domain(&format!("{selector}.{domain}")) {
            return Err(Unfit::new(&BAD_HOST, selector));
        }
        // No value in this error: it would be the key.
        let bad = || Unfit::new(&BAD_DKIM_KEY, "");
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| bad())?;
        let signer = match (algorithm, &der) {
            (Algorithm::Rsa, PrivateKeyDer::Pkcs8(der)) => {
                Signer::Rsa(Box::new(RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| bad())?))
            }
            (Algorithm::Rsa, PrivateKeyDer::Pkcs1(der)) => {
                Signer::Rsa(Box::new(RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(|_| bad())?))
            }
            (Algorithm::Ed25519, PrivateKeyDer::Pkcs8(der)) => {
                Signer::Ed25519(Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map_err(|_| bad())?)
            }
            _ => return Err(bad()),
        };
        Ok(Self { domain: domain.to_ascii_lowercase(), selector: selector.to_ascii_lowercase(), signer })
    }

    /// The header, line end included, that goes before `message` (CRLF lines, as [`crate::mail::render`] makes them).
    #[must_use]
    pub fn sign(&self, message: &[u8], date: Instant) -> String {
        let (head, body) = split(message);
        let headers = unfold(head);
        let algorithm = match self.signer {
            Signer::Rsa(_) => "rsa-sha256",
            Signer::Ed25519(_) => "ed25519-sha256",
        };
        let mut signed = String::new();
        let mut names = Vec::new();
        for name in SIGNED {
            // RFC 6376, section 5.4.2: of several, the last one first.
            for (_, value) in headers.iter().rev().filter(|(n, _)| n == name) {
                signed.push_str(&format!("{name}:{value}\r\n"));
                names.push(name);
            }
            names.push(name);
        }
        let unsigned = format!(
            "v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector};\r\n t={seconds};\r\n h={names};\r\n bh={body_hash};\r\n b=",
            domain = self.domain,
            selector = self.selector,
            seconds = date.as_micros().div_euclid(1_000_000),
            names = folded(&names),
            body_hash = STANDARD.encode(Sha256::digest(relaxed_body(body))),
        );
        // RFC 6376, section 3.7: itself last, with an empty `b` and without its line end.
        signed.push_str(&format!("dkim-signature:{}", relaxed_value(&unsigned)));
        let signature = STANDARD.encode(self.signature_of(signed.as_bytes()));
        let lines: Vec<&str> =
            signature.as_bytes().chunks(72).filter_map(|chunk| std::str::from_utf8(chunk).ok()).collect();
        format!("DKIM-Signature: {unsigned}{}\r\n", lines.join("\r\n "))
    }

    fn signature_of(&self, signed: &[u8]) -> Vec<u8> {
        match &self.signer {
            // RFC 8463, section 3: the hash is what is signed.
            Signer::Ed25519(pair) => pair.sign(&Sha256::digest(signed)).as_ref().to_vec(),
            Signer::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                // The randomness only blinds the computation; PKCS#1 v1.5 has one signature. It fails on a buffer of
                // another length, or on a key that does not fit itself, which reading it has excluded.
                let signed = pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed, &mut signature);
                if signed.is_ok() { signature } else { Vec::new() }
            }
        }
    }
}

/// Names joined by colons, a few on each line.
fn folded(names: &[&str]) -> String {
    names.chunks(4).map(|line| line.join(":")).collect::<Vec<_>>().join(":\r\n  ")
}

/// The header block and the body, without the empty line between them.
fn split(message: &[u8]) -> (&[u8], &[u8]) {
    match message.windows(4).position(|window| window == b"\r\n\r\n") {
        // INVARIANT: `at` and the four bytes after it lie inside the message.
        Some(at) => (&message[..at], &message[at + 4..]),
        None => (message, b""),
    }
}

/// The headers in canonical form (RFC 6376, section 3.4.2): lower-case name, unfolded value.
fn unfold(head: &[u8]) -> Vec<(String, String)> {
    let head = String::from_utf8_lossy(head);
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        match (headers.last_mut(), line.starts_with([' ', '\t'])) {
            (Some((_, value)), true) => value.push_str(line),
            _ => {
                let (name, value) = line.split_once(':').unwrap_or((line, ""));
                headers.push((name.trim_end().to_ascii_lowercase(), value.to_owned()));
            }
        }
    }
    for (_, value) in &mut headers {
        *value = relaxed_value(value);
    }
    headers
}

/// A header's value, white space reduced to single spaces and none at the ends.
fn relaxed_value(value: &str) -> String {
    value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The body in canonical form (RFC 6376, section 3.4.4): inner white space single, none before a line end, no empty
/// lines at the end.
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut canonical = Vec::with_capacity(body.len());
    let mut text_ends = 0;
    for line in body.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line_begins = canonical.len();
        let mut space = false;
        for byte in line {
            if matches!(byte, b' ' | b'\t') {
                space = true;
                continue;
            }
            if space {
                canonical.push(b' ');
                space = false;
            }
            canonical.push(*byte);
        }
        let has_text = canonical.len() > line_begins;
        canonical.extend_from_slice(b"\r\n");
        if has_text {
            text_ends = canonical.len();
        }
    }
    canonical.truncate(text_ends);
    canonical
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::render;
    use crate::parcel::tests::envelope;

    /// The example of RFC 6376, section 3.4.5.
    #[test]
    fn the_standards_example() {
        let message = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
        let (head, body) = split(message);
        assert_eq!(unfold(head), [("a".to_owned(), "X".to_owned()), ("b".to_owned(), "Y Z".to_owned())]);
        assert_eq!(relaxed_body(body), b" C\r\nD E\r\n");
    }

    #[test]
    fn an_empty_body_is_nothing_at_all() {
        for body in [&b""[..], b"\r\n", b"\r\n\r\n", b" \t\r\n"] {
            assert_eq!(relaxed_body(body), b"", "{body:?}");
        }
        assert_eq!(relaxed_body(b"a"), b"a\r\n");
    }

    /// The key of RFC 8463, appendix A.2, in PKCS#8.
    pub(crate) fn ed25519_pem() -> Vec<u8> {
        let seed = STANDARD.decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").unwrap();
        let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        der.extend_from_slice(&seed);
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der)).into_bytes()
    }

    #[test]
    fn a_repeat_has_the_same_signature() {
        let key = DkimKey::from_pem("example.org", "n2014", Algorithm::Ed25519, &ed25519_pem()).unwrap();
        let first = render(&envelope("e.1"), Some(&key)).unwrap();
        assert_eq!(first, render(&envelope("e.1"), Some(&key)).unwrap());
        let text = String::from_utf8(first).unwrap();
        assert!(text.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=n2014;\r\n t=1405643400;\r\n"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 100));
        assert_ne!(render(&envelope("e.2"), Some(&key)).unwrap(), text.into_bytes());
    }

    #[test]
    fn keys_that_do_not_fit() {
        let refused = |domain, selector, algorithm, pem: &[u8]| {
            DkimKey::from_pem(domain, selector, algorithm, pem).unwrap_err().code()
        };
        assert_eq!(refused("example.org", "s", Algorithm::Rsa, &ed25519_pem()), &BAD_DKIM_KEY);
        assert_eq!(refused("example.org", "s", Algorithm::Ed25519, b"not a key"), &BAD_DKIM_KEY);
        assert_eq!(refused("example.org;", "s", Algorithm::Ed25519, &ed25519_pem()), &BAD_HOST);
        for selector in ["", "a b", "a;b=", "-a"] {
            assert_eq!(refused("example.org", selector, Algorithm::Ed25519, &ed25519_pem()), &BAD_HOST, "{selector}");
        }
        assert!(DkimKey::from_pem("example.org", "n.2014", Algorithm::Ed25519, &ed25519_pem()).is_ok());
    }
}
