//! UUIDs of version 5: the same name in the same namespace is always the same UUID.

use sha1::{Digest, Sha1};
use uuid::{Builder, Uuid};

/// A UUID of version 5 (RFC 9562, section 5.5).
pub(crate) fn version_5(namespace: Uuid, name: &[u8]) -> Uuid {
    let digest = Sha1::new().chain_update(namespace.as_bytes()).chain_update(name).finalize();
    let mut bytes = [0_u8; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, digested)| *byte = digested);
    Builder::from_sha1_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9562, appendix A.4.
    #[test]
    fn as_the_rfc_makes_it() {
        let dns = uuid::uuid!("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
        assert_eq!(version_5(dns, b"www.example.com").to_string(), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    }
}
