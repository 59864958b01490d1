//! Takes deliveries out of a drop folder that another party's courier filled.
//!
//! List, open, keep what was opened in a place of your own, and only then take: a crash in between shows the delivery
//! again, and a taken one never comes back.

use std::path::PathBuf;
use std::sync::Arc;

use disk::{Disk, DiskError};
use model::problem::{Place, Problem};

use crate::codes::{BAD_MANIFEST, DISK_REFUSED, PARCEL_DIFFERS};
use crate::manifest::{Manifest, TAKEN};
use crate::parcel::{Letter, Parcel};
use crate::send::on_disk;

/// A drop folder from its reader's side.
#[derive(Clone)]
pub struct DropFolder {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

/// What stands in a drop folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Complete deliveries not yet taken, by id.
    pub ready: Vec<Manifest>,
    /// Manifests that cannot be read; the others go on.
    pub problems: Vec<Problem>,
}

/// A delivery with its bytes, each as its manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its manifest.
    pub manifest: Manifest,
    /// The letter.
    pub letter: Letter,
    /// The parcels.
    pub parcels: Vec<Parcel>,
}

/// A delivery could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The disk refused, or the simulation crashed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What stands in the folder is not what the manifest says.
    #[error(transparent)]
    Problem(#[from] Problem),
}

impl FetchError {
    /// The code of what went wrong; none for a crash.
    #[must_use]
    pub fn reason(&self) -> Option<&'static model::Code> {
        match self {
            Self::Disk(DiskError::Crash(_)) => None,
            Self::Disk(_) => Some(&DISK_REFUSED),
            Self::Problem(problem) => Some(problem.code),
        }
    }
}

impl DropFolder {
    /// The drop folder at that path.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, folder: PathBuf) -> Self {
        Self { disk, folder }
    }

    /// What is complete and not yet taken.
    ///
    /// # Errors
    /// [`FetchError::Disk`].
    pub async fn list(&self) -> Result<Listing, FetchError> {
        let this = self.clone();
        on_disk(move || {
            let taken = this.disk.list(&this.folder.join(TAKEN))?;
            let mut listing = Listing::default();
            for name in this.disk.list(&this.folder)? {
                // One that stands in both places was taken by a process that died before it had tidied up.
                if !Manifest::is_name(&name) || taken.contains(&name) {
                    continue;
                }
                match Manifest::read(&name, &this.disk.read(&this.folder.join(&name))?) {
                    Ok(manifest) => listing.ready.push(manifest),
                    Err(unfit) => listing.problems.push(unfit.at(Place::file(name))),
                }
            }
            listing.ready.sort_by(|a, b| a.id.cmp(&b.id));
            Ok(listing)
        })
        .await
    }

    /// The bytes of a delivery, each file checked against the manifest.
    ///
    /// # Errors
    /// [`FetchError::Problem`] with [`PARCEL_DIFFERS`] where a file is missing or not what the manifest says.
    pub async fn open(&self, manifest: &Manifest) -> Result<Delivery, FetchError> {
        let this = self.clone();
        let manifest = manifest.clone();
        on_disk(move || {
            let read = |entry: &crate::manifest::Entry| -> Result<Vec<u8>, FetchError> {
                let differs = || Problem::new(&PARCEL_DIFFERS, Place::file(entry.file.clone()));
                let bytes = this
                    .disk
                    .read(&this.folder.join(&entry.file))
                    .map_err(|error| if error.is_not_found() { differs().into() } else { FetchError::from(error) })?;
                entry.check(&bytes).map_err(|_| differs())?;
                Ok(bytes)
            };
            let place = || Place::file(manifest.letter.file.clone());
            let letter = String::from_utf8(read(&manifest.letter)?)
                .map_err(|_| Problem::new(&PARCEL_DIFFERS, place()))?
                .parse::<Letter>()
                .map_err(|unfit| unfit.at(place()))?;
            let mut parcels = Vec::new();
            for entry in &manifest.parcels {
                parcels.push(Parcel {
                    name: entry.name.clone(),
                    media_type: entry.media_type.clone(),
                    bytes: read(&entry.content)?,
                });
            }
            Ok(Delivery { manifest, letter, parcels })
        })
        .await
    }

    /// Marks a delivery as taken: its manifest moves to `taken/` and stays there as the receipt that the sender looks
    /// for; its files are removed, so that no second copy of protected data stays behind. Taking twice is taking once.
    ///
    /// # Errors
    /// [`FetchError::Disk`]; [`FetchError::Problem`] with [`BAD_MANIFEST`] where another delivery stands under that id.
    pub async fn take(&self, manifest: &Manifest) -> Result<(), FetchError> {
        let this = self.clone();
        let manifest = manifest.clone();
        on_disk(move || {
            let name = Manifest::name_of(&manifest.id);
            let here = this.folder.join(&name);
            let taken = this.folder.join(TAKEN).join(&name);
            for place in [&here, &taken] {
                match this.disk.read(place) {
                    Ok(there) if Manifest::read(&name, &there).ok().as_ref() != Some(&manifest) => {
                        return Err(Problem::new(&BAD_MANIFEST, Place::file(name)).into());
                    }
                    // The sender will compare the receipt with his manifest: the bytes are his, not ours.
                    // INVARIANT: the receipt is there before the manifest goes, so that he always sees one of the two.
                    Ok(there) if place == &here => this.disk.write_durably(&taken, &there)?,
                    Err(error) if !error.is_not_found() => return Err(error.into()),
                    _ => {}
                }
            }
            this.disk.remove(&here)?;
            for entry in manifest.entries() {
                this.disk.remove(&this.folder.join(&entry.file))?;
            }
            Ok(())
        })
        .await
    }

    /// Finishes what a process that died while taking left behind; call it at start.
    ///
    /// # Errors
    /// [`FetchError::Disk`].
    pub async fn tidy(&self) -> Result<(), FetchError> {
        let this = self.clone();
        on_disk(move || {
            let files = this.disk.list(&this.folder)?;
            for name in this.disk.list(&this.folder.join(TAKEN))? {
                // No id holds a `~`, so this prefix is this delivery's alone.
                let Some(id) = name.strip_suffix(crate::manifest::ENDING) else { continue };
                let own = format!("{id}~");
                for file in files.iter().filter(|file| **file == name || file.starts_with(&own)) {
                    this.disk.remove(&this.folder.join(file))?;
                }
            }
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use disk::{Care, RealDisk};
    use model::port::{Crash, Faults, NoFaults};

    use super::*;
    use crate::parcel::Recipient;
    use crate::parcel::tests::envelope;
    use crate::send::Way;
    use crate::send::folder::Folder;

    async fn delivered(root: &std::path::Path, id: &str) -> DropFolder {
        let mut envelope = envelope(id);
        envelope.to = vec![Recipient::Folder("isp-hokuto".parse().unwrap())];
        let disk = Arc::new(RealDisk::default());
        Folder::new(disk.clone(), Arc::new(NoFaults), root.to_owned()).send(&envelope).await.unwrap();
        DropFolder::new(disk, root.join("isp-hokuto"))
    }

    fn names(folder: &DropFolder) -> Vec<String> {
        RealDisk::default().list(&folder.folder).unwrap()
    }

    #[tokio::test]
    async fn opened_and_taken_once() {
        let root = tempfile::tempdir().unwrap();
        let reader = delivered(root.path(), "e.1").await;
        let listing = reader.list().await.unwrap();
        let delivery = reader.open(&listing.ready[0]).await.unwrap();
        assert_eq!(delivery.parcels, envelope("e.1").parcels);
        assert_eq!(delivery.letter, envelope("e.1").text);
        for _ in 0..2 {
            reader.take(&delivery.manifest).await.unwrap();
            assert_eq!(reader.list().await.unwrap(), Listing::default());
            assert!(names(&reader).is_empty());
        }
        assert!(reader.folder.join("taken/e.1.manifest.json").is_file());
        assert_eq!(reader.open(&delivery.manifest).await.unwrap_err().reason(), Some(&PARCEL_DIFFERS));
    }

    #[tokio::test]
    async fn half_a_delivery_is_not_seen_and_a_changed_one_not_believed() {
        let root = tempfile::tempdir().unwrap();
        let reader = delivered(root.path(), "e.1").await;
        std::fs::write(reader.folder.join("e.2~letter.txt"), "half").unwrap();
        std::fs::write(reader.folder.join("e.3.manifest.json"), "{").unwrap();
        let listing = reader.list().await.unwrap();
        assert_eq!(listing.ready.len(), 1);
        assert_eq!(listing.problems[0].code, &BAD_MANIFEST);
        assert_eq!(listing.problems[0].place.file, "e.3.manifest.json");
        let file = reader.folder.join(&listing.ready[0].parcels[0].content.file);
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[3] ^= 1;
        std::fs::write(&file, &bytes).unwrap();
        assert_eq!(reader.open(&listing.ready[0]).await.unwrap_err().reason(), Some(&PARCEL_DIFFERS));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(reader.open(&listing.ready[0]).await.unwrap_err().reason(), Some(&PARCEL_DIFFERS));
    }

    struct CrashAt(std::sync::Mutex<usize>);
    impl Faults for CrashAt {
        fn reach(&self, point: &'static str) -> Result<(), Crash> {
            let mut left = self.0.lock().unwrap();
            if *left == 0 {
                return Err(Crash(point));
            }
            *left -= 1;
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_reader_that_dies_while_taking() {
        let mut crashes = 0;
        for point in 0.. {
            let root = tempfile::tempdir().unwrap();
            let reader = delivered(root.path(), "e.1").await;
            delivered(root.path(), "e.1.1").await;
            let manifest = reader.list().await.unwrap().ready.remove(0);
            let faults = Arc::new(CrashAt(std::sync::Mutex::new(point)));
            let dying = DropFolder::new(Arc::new(RealDisk::new(faults, Care::Skip)), reader.folder.clone());
            if dying.take(&manifest).await.is_ok() {
                break;
            }
            crashes += 1;
            // Either it is offered again, whole, or it was taken.
            reader.tidy().await.unwrap();
            let listing = reader.list().await.unwrap();
            if let Some(again) = listing.ready.iter().find(|m| **m == manifest) {
                reader.open(again).await.unwrap();
                reader.take(again).await.unwrap();
            }
            reader.tidy().await.unwrap();
            let ready = reader.list().await.unwrap().ready;
            assert_eq!(ready.len(), 1, "{point}");
            reader.open(&ready[0]).await.unwrap();
            assert_eq!(names(&reader).len(), 3, "{point}: only the other delivery's files are left");
        }
        assert!(crashes >= 8, "{crashes}");
    }
}
