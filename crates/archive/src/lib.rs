//! The facts: files that never change. Sightings, maps, answers and notices as encrypted Parquet, reports and parcels as sealed
//! blobs.
//!
//! [`Archive`] writes a file so that it is there whole or not at all, under the key of its retention class, and gives back what the
//! manifest must say about it ([`Written`]). The deed puts that into the state's manifest in the transaction of its other effects;
//! a file that the manifest does not name does not exist, and [`Archive::strays`] finds it. To read, the manifest's word is given
//! back: the length, a keyed digest of the bytes and the number of rows must be those, or nothing is read.
//!
//! Sightings, reports and parcels go in and come out as [`law::Protected`]: writing asks for a clearance, and what was read opens
//! for one. Start with [`sightings`]; [`columns`] is the encrypted Parquet below it.
//!
//! - **Keys.** Each file has its own key, derived from its retention class's data key and its name; the name is authenticated with
//!   every part of it, so that no file can be taken for another. Where the class's key is destroyed nobody reads it again.
//! - **Memory.** A file is read whole, encrypted as it is, and decrypted row group by row group ([`ROW_GROUP`] rows): a scan holds
//!   one file's bytes and one batch.

pub mod answers;
pub mod blob;
pub mod columns;
pub mod file;
pub mod map;
pub mod notices;
pub mod problem;
pub mod sightings;
pub mod spill;
pub mod sweep;
mod table;
#[cfg(test)]
mod trial;

use std::path::PathBuf;
use std::sync::Arc;

use disk::Disk;
use keys::Keyring;
use model::port::Entropy;

pub use answers::Answer;
pub use blob::BlobKind;
pub use columns::ROW_GROUP;
pub use file::{Written, retention};
pub use map::MapRow;
pub use notices::Notice;
pub use problem::{ArchiveError, CODES};
pub use sightings::{Scan, Wanted};
pub use spill::Spill;
pub use sweep::Stray;

/// The archive of one deployment.
pub struct Archive {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    keyring: Arc<Keyring>,
    entropy: Arc<dyn Entropy>,
    /// Rows per row group of what is written: [`ROW_GROUP`], but for tests that look at many groups.
    row_group: usize,
}

impl Archive {
    /// The archive in the folder `root`, under the keys of `keyring`.
    ///
    /// `entropy` makes the nonces of blobs: [`keys::OsEntropy`] wherever anything is to be protected. (Parquet files take theirs from
    /// the operating system in any case, so that not even a simulation repeats their bytes.)
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, root: PathBuf, keyring: Arc<Keyring>, entropy: Arc<dyn Entropy>) -> Self {
        Self { disk, root, keyring, entropy, row_group: ROW_GROUP }
    }
}
