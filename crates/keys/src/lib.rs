//! Every key of a deployment: a folder of wrapped files, and what may be done with them.
//!
//! [`Keyring`] is the folder. It holds
//! - a data key per [`RetentionClass`], which seals blobs and encrypts Parquet files; to destroy it is to erase what it
//!   sealed, wherever copies of that lie ([`DataKey`]),
//! - commitment keys, under which rows, files and addresses are digested so that nobody without the key can try them out
//!   ([`Committer`]); tokens and segment names may rest on one as well,
//! - the key of pseudonyms,
//! - the ledger's signing keys ([`LedgerSigner`]).
//!
//! **The folder stays outside ordinary backups.** A backup that carries the keys brings every destroyed key back to life,
//! and with it what the law ordered to be forgotten. Losing the folder means losing everything it sealed: keep the second
//! copy of it apart, and refresh that copy (deleting the older one) whenever a key was destroyed.
//!
//! Each file is wrapped (XChaCha20-Poly1305) under the [`WrappingKey`], which the binary reads from a file of mode 0600
//! or from a credential of the service manager, and which is not kept in the folder. Key material is wiped from memory when
//! it is dropped (what a digest under way has made of it is not). Nothing here can be printed:
//!
//! ```
//! fn printed<T: std::fmt::Debug>() {}
//! printed::<keys::RetentionClass>();
//! ```
//! ```compile_fail,E0277
//! fn printed<T: std::fmt::Debug>() {}
//! printed::<keys::DataKey>();
//! ```
//! ```compile_fail,E0277
//! fn printed<T: std::fmt::Debug>() {}
//! printed::<keys::WrappingKey>();
//! ```
//! ```compile_fail,E0277
//! fn printed<T: std::fmt::Debug>() {}
//! printed::<keys::Keyring>();
//! ```
//! ```compile_fail,E0277
//! fn printed<T: std::fmt::Debug>() {}
//! printed::<keys::Committer>();
//! ```
//! ```compile_fail,E0277
//! fn printed<T: std::fmt::Debug>() {}
//! printed::<keys::LedgerSigner>();
//! ```

pub mod commitment;
pub mod data;
pub mod entropy;
pub mod keyring;
pub mod problem;
pub mod retention;
pub mod signer;
pub mod wrapping;

pub use commitment::{Commitment, Committer};
pub use data::DataKey;
pub use entropy::OsEntropy;
pub use keyring::Keyring;
pub use problem::{CODES, KeyError};
pub use retention::{Retention, RetentionClass};
pub use signer::LedgerSigner;
pub use wrapping::WrappingKey;

/// Key material: 32 random bytes, wiped when dropped.
type Material = zeroize::Zeroizing<[u8; 32]>;
