//! The wrapping key, which is kept apart from the folder whose files it wraps.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use model::port::Entropy;
use model::problem::{Place, Problem};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Material;
use crate::problem::{KeyError, WRAPPING_KEY_OPEN};

/// The version of a key's file.
const VERSION: u32 = 1;
const NONCE: usize = 24;

/// The key under which every file of a [`crate::Keyring`] is wrapped.
#[derive(Clone)]
pub struct WrappingKey(Material);

impl WrappingKey {
    /// The key in these bytes of a file or credential: 32 bytes as they are, or 32 bytes in base64 with or without
    /// blanks around them.
    ///
    /// # Errors
    /// [`KeyError::WrappingKeyShape`] for anything else, [`KeyError::WrappingKeyNotRandom`] for printable text or zeros.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut key = Material::default();
        if bytes.len() == key.len() {
            key.copy_from_slice(bytes);
        } else {
            let text = Zeroizing::new(STANDARD.decode(bytes.trim_ascii()).map_err(|_| KeyError::WrappingKeyShape)?);
            if text.len() != key.len() {
                return Err(KeyError::WrappingKeyShape);
            }
            key.copy_from_slice(&text);
        }
        // 32 random bytes are all printable once in 10^14 times.
        let text = key.iter().all(|&byte| byte == b' ' || byte.is_ascii_graphic() || byte.is_ascii_whitespace());
        if text || key.iter().all(|&byte| byte == 0) {
            return Err(KeyError::WrappingKeyNotRandom);
        }
        Ok(Self(key))
    }

    /// A new one. With anything but [`crate::OsEntropy`] it protects nothing.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut key = Material::default();
        entropy.fill(&mut *key);
        Self(key)
    }

    /// Its bytes in base64 with a newline, to be written to a file of mode 0600.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_slice()) + "\n")
    }

    /// The bytes of the file in which `material` is kept under `name`.
    pub(crate) fn wrap(&self, name: &str, material: &Material, entropy: &dyn Entropy) -> Vec<u8> {
        let mut nonce = [0_u8; NONCE];
        entropy.fill(&mut nonce);
        let sealed = XChaCha20Poly1305::new((&*self.0).into())
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: &material[..], aad: &aad(name) })
            // INVARIANT: only plain texts above 256 GiB cannot be encrypted.
            .expect("32 bytes can be encrypted");
        let file = KeyFile {
            version: VERSION,
            name: name.to_owned(),
            nonce: STANDARD.encode(nonce),
            wrapped: STANDARD.encode(sealed),
        };
        // INVARIANT: a struct of strings and a number always serialises.
        serde_json::to_vec(&file).expect("a key's file serialises")
    }

    /// The material in the bytes of a key's file.
    pub(crate) fn unwrap(&self, name: &str, bytes: &[u8], path: &Path) -> Result<Material, KeyError> {
        let damaged = || KeyError::FileDamaged { path: path.to_owned() };
        let file: KeyFile = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        let nonce: [u8; NONCE] =
            STANDARD.decode(&file.nonce).ok().and_then(|nonce| nonce.try_into().ok()).ok_or_else(damaged)?;
        let sealed = STANDARD.decode(&file.wrapped).map_err(|_| damaged())?;
        if file.version != VERSION || file.name != name {
            return Err(damaged());
        }
        let plain = XChaCha20Poly1305::new((&*self.0).into())
            .decrypt(XNonce::from_slice(&nonce), Payload { msg: &sealed, aad: &aad(name) })
            .map(Zeroizing::new)
            .map_err(|_| KeyError::WrappingKeyWrong { path: path.to_owned() })?;
        let mut material = Material::default();
        if plain.len() != material.len() {
            return Err(damaged());
        }
        material.copy_from_slice(&plain);
        Ok(material)
    }
}

/// Warns where others than the owner may read or write the wrapping key's file, a key's file or the key folder.
///
/// Looks at the machine's own files; silent where there is none, and on systems without such modes.
#[must_use]
pub fn permissions(path: &Path) -> Option<Problem> {
    let mode = mode(path).filter(|mode| mode & 0o077 != 0)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Some(Problem::new(&WRAPPING_KEY_OPEN, Place::file(name)).with_value(&format!("{:04o}", mode & 0o7777)))
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    Some(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).ok()?.permissions()))
}

#[cfg(not(unix))]
fn mode(_path: &Path) -> Option<u32> {
    None
}

/// A key's file. Nothing in it is secret without the wrapping key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    version: u32,
    name: String,
    nonce: String,
    wrapped: String,
}

/// Binds the file to its name and to this use, so that two files cannot be exchanged.
fn aad(name: &str) -> Vec<u8> {
    [b"noroshi wrapped key 1\0", name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use model::port::SeededEntropy;

    use super::*;

    #[test]
    fn raw_and_base64_are_the_same_key() {
        let key = WrappingKey::generate(&SeededEntropy::new(1));
        let text = key.to_base64();
        assert_eq!(*WrappingKey::from_bytes(text.as_bytes()).unwrap().0, *key.0);
        assert_eq!(*WrappingKey::from_bytes(format!("\n {} \n", text.trim()).as_bytes()).unwrap().0, *key.0);
        assert_eq!(*WrappingKey::from_bytes(&key.0[..]).unwrap().0, *key.0);
    }

    #[test]
    fn what_is_no_wrapping_key() {
        for bad in [&b""[..], b"hunter2", &[200; 31], &[200; 33], b"AAAA"] {
            assert!(matches!(WrappingKey::from_bytes(bad), Err(KeyError::WrappingKeyShape)), "{bad:?}");
        }
        for weak in [&b"passwordpasswordpasswordpassword"[..], &[0; 32]] {
            assert!(matches!(WrappingKey::from_bytes(weak), Err(KeyError::WrappingKeyNotRandom)), "{weak:?}");
        }
    }

    #[test]
    fn a_wrapped_key_opens_under_its_name_and_key_only() {
        let entropy = SeededEntropy::new(2);
        let key = WrappingKey::generate(&entropy);
        let material = Material::new([7; 32]);
        let file = key.wrap("one", &material, &entropy);
        let path = Path::new("one.key");
        assert_eq!(*key.unwrap("one", &file, path).unwrap(), *material);
        let other = WrappingKey::generate(&entropy);
        assert!(matches!(other.unwrap("one", &file, path), Err(KeyError::WrappingKeyWrong { .. })));
        let renamed = String::from_utf8(file.clone()).unwrap().replace("\"one\"", "\"two\"");
        assert!(matches!(key.unwrap("two", renamed.as_bytes(), path), Err(KeyError::WrappingKeyWrong { .. })));
        assert!(matches!(key.unwrap("two", &file, path), Err(KeyError::FileDamaged { .. })));
        for end in 0..file.len() {
            assert!(key.unwrap("one", &file[..end], path).is_err(), "{end}");
        }
        for at in 0..file.len() {
            let mut bent = file.clone();
            bent[at] ^= 1;
            assert!(key.unwrap("one", &bent, path).is_err(), "{at}");
        }
    }

    #[test]
    fn a_file_written_earlier_still_opens() {
        let entropy = SeededEntropy::new(2);
        let key = WrappingKey::generate(&entropy);
        assert_eq!(key.wrap("one", &Material::new([7; 32]), &entropy), GOLDEN.as_bytes());
        assert_eq!(*key.unwrap("one", GOLDEN.as_bytes(), Path::new("one.key")).unwrap(), [7; 32]);
    }

    /// Opens with HChaCha20 written in Python over the `cryptography` package's ChaCha20-Poly1305.
    const GOLDEN: &str = r#"{"version":1,"name":"one","nonce":"KfsXP7VGxE+zssd7szy8WIZlSq57T/K5","wrapped":"Z5/H/lga72PjMFp00VWAsGgod7xujYwCNIpZXqk0TTi8ISbb0UZDezdOwSBVhDer"}"#;

    #[cfg(unix)]
    #[test]
    fn an_open_file_is_warned_about() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wrapping");
        std::fs::write(&path, "x").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(permissions(&path).is_none());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let problem = permissions(&path).unwrap();
        assert_eq!(problem.code.code, "wrapping-key-permissions");
        assert_eq!(problem.value_for_submitter(), Some("0640"));
    }
}
