//! The facts that never change: files, sealed, that exist whole or not at all.
//!
//! Sightings are Parquet, everything else is bytes; both are sealed under the key of their retention class, with the
//! file's own name bound into the seal, so that none can stand in another's place.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use disk::{Disk, DiskError};
use keys::{KeyError, Keyring, RetentionClass};
use law::{Clearance, Closed, Protected, Subject};
use model::batch::SCHEMA_VERSION;
use model::port::Entropy;
use model::{Instant, SightingBatch};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

/// A file that has been written, as the manifest names it.
#[derive(Debug, Clone)]
pub struct Written {
    /// Where it lies below the archive's folder.
    pub path: String,
    /// How many bytes.
    pub bytes: u64,
    /// How many rows; 0 for bytes.
    pub rows: u64,
    /// A keyed digest of the sealed bytes.
    pub digest: [u8; 32],
    /// The schema of its contents.
    pub schema: String,
}

/// What the manifest says about a file that is to be read.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// Where it lies.
    pub path: String,
    /// How many bytes.
    pub bytes: u64,
    /// How many rows.
    pub rows: u64,
    /// The digest.
    pub digest: [u8; 32],
}

/// A fact could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A key.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The clearance does not fit.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The file is not what the manifest says.
    #[error("`{0}` is not what the manifest says")]
    Altered(String),
    /// The columns cannot be written or read.
    #[error("`{path}`: {message}")]
    Columns {
        /// Which file.
        path: String,
        /// What is wrong.
        message: String,
    },
}

/// The archive of one deployment.
pub struct Archive {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    keyring: Arc<Keyring>,
    entropy: Arc<dyn Entropy>,
}

impl Archive {
    /// The archive below `root`.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, root: PathBuf, keyring: Arc<Keyring>, entropy: Arc<dyn Entropy>) -> Self {
        Self { disk, root, keyring, entropy }
    }

    /// Writes bytes, sealed.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn write_blob(
        &self,
        class: &RetentionClass,
        kind: &str,
        id: &str,
        bytes: &[u8],
    ) -> Result<Written, ArchiveError> {
        let path = format!("{kind}/{id}");
        let sealed = self.keyring.retention_key(class)?.seal(&*self.entropy, path.as_bytes(), bytes)?;
        self.disk.write_durably(&self.root.join(&path), &sealed)?;
        Ok(Written {
            bytes: sealed.len() as u64,
            rows: 0,
            digest: ledger_digest(&sealed),
            schema: format!("{kind}-1"),
            path,
        })
    }

    /// Reads bytes again.
    ///
    /// # Errors
    /// [`ArchiveError`] where the key is destroyed, the file is gone, or a byte of it has changed.
    pub fn read_blob(&self, class: &RetentionClass, sealed: &Sealed) -> Result<Vec<u8>, ArchiveError> {
        let bytes = self.disk.read(&self.root.join(&sealed.path))?;
        if bytes.len() as u64 != sealed.bytes || ledger_digest(&bytes) != sealed.digest {
            return Err(ArchiveError::Altered(sealed.path.clone()));
        }
        Ok(self.keyring.retention_key(class)?.open(sealed.path.as_bytes(), &bytes)?.to_vec())
    }

    /// Writes sightings.
    ///
    /// # Errors
    /// [`ArchiveError`] where the clearance does not fit, a key or the disk fails.
    pub fn write_sightings(
        &self,
        class: &RetentionClass,
        id: &str,
        sightings: &Protected<SightingBatch>,
        clearance: &Clearance,
        now: Instant,
    ) -> Result<Written, ArchiveError> {
        let columns = |message: String| ArchiveError::Columns { path: id.to_owned(), message };
        let (bytes, rows) = sightings
            .open(clearance, now, |batch| {
                let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
                let mut bytes = Vec::new();
                let mut writer = ArrowWriter::try_new(&mut bytes, batch.columns().schema(), Some(properties))?;
                writer.write(batch.columns())?;
                writer.close()?;
                Ok::<_, parquet::errors::ParquetError>((bytes, batch.len() as u64))
            })?
            .map_err(|e| columns(e.to_string()))?;
        let written = self.write_blob(class, "sightings", id, &bytes)?;
        Ok(Written { rows, schema: SCHEMA_VERSION.to_owned(), ..written })
    }

    /// Reads sightings; what comes back is protected and about `subject`.
    ///
    /// # Errors
    /// [`ArchiveError`] where the key is destroyed, the file is gone, or a byte of it has changed.
    pub fn read_sightings(
        &self,
        class: &RetentionClass,
        sealed: &Sealed,
        subject: Subject,
    ) -> Result<Protected<SightingBatch>, ArchiveError> {
        let columns = |message: String| ArchiveError::Columns { path: sealed.path.clone(), message };
        let bytes = self.read_blob(class, sealed)?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(parquet_bytes(bytes))
            .and_then(|builder| builder.with_batch_size(65_536).build())
            .map_err(|e| columns(e.to_string()))?;
        let mut batches = Vec::new();
        for batch in reader {
            let batch = batch.map_err(|e| columns(e.to_string()))?;
            batches.push(SightingBatch::from_columns(batch).map_err(|e| columns(e.to_string()))?);
        }
        let all = SightingBatch::concat(&batches).map_err(|e| columns(e.to_string()))?;
        if all.len() as u64 != sealed.rows {
            return Err(ArchiveError::Altered(sealed.path.clone()));
        }
        let class = all.rows().map(|row| row.tags.class).max().unwrap_or(model::DataClass::CommunicationTrace);
        Ok(Protected::seal(all, class, subject))
    }

    /// Removes files that `named` does not name: what a crash left behind. How many.
    ///
    /// # Errors
    /// [`ArchiveError::Disk`].
    pub fn sweep(&self, named: &HashSet<String>) -> Result<u64, ArchiveError> {
        let mut swept = 0;
        for kind in ["kept", "rejects", "sightings", "map", "answers", "parcel", "notices", "keys"] {
            for name in self.disk.list(&self.root.join(kind))? {
                let path = format!("{kind}/{name}");
                if !named.contains(&path) {
                    self.disk.remove(&self.root.join(&path))?;
                    swept += 1;
                }
            }
        }
        Ok(swept)
    }
}

fn parquet_bytes(bytes: Vec<u8>) -> bytes::Bytes {
    bytes::Bytes::from(bytes)
}

/// SHA-256 of the sealed bytes.
fn ledger_digest(bytes: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).into()
}
