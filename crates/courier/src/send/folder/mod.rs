//! Puts deliveries into the drop folder of a party, whole or not at all, and once.
//!
//! The layout is [`crate::manifest`]'s. The files come first and the manifest last; before anything is written, the
//! manifest is looked for in the folder and among what the reader has taken.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use disk::{Disk, DiskError};
use model::PartyId;
use model::port::Faults;
use model::text::Text;

use super::{AFTER_SEND, BEFORE_SEND, Kind, Refused, Repeat, SendError, Sent, Way, on_disk};
use crate::codes::{DELIVERY_DIFFERS, Unfit};
use crate::manifest::{Manifest, TAKEN};
use crate::parcel::{Envelope, Recipient};

/// What this way is.
pub static KIND: Kind = Kind {
    name: "folder",
    repeat: Repeat::ExactlyOnce,
    about: Text {
        ja: "相手ごとの受け渡しフォルダーに、ファイル一式と目録を置きます",
        en: "puts the files and their manifest into the drop folder of each party",
    },
};

/// Drop folders under one root, each named by its party.
pub struct Folder {
    disk: Arc<dyn Disk>,
    faults: Arc<dyn Faults>,
    root: PathBuf,
    /// Parties whose folder is not named by their id.
    elsewhere: BTreeMap<PartyId, PathBuf>,
}

impl Folder {
    /// Delivers to `<root>/<party>/`, which is made when it is missing. Who may read there is for the folder's owner to
    /// set: the files are as readable as the process's umask lets them be.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, faults: Arc<dyn Faults>, root: PathBuf) -> Self {
        Self { disk, faults, root, elsewhere: BTreeMap::new() }
    }

    /// The same, but that party's folder is `path`; a relative one is below the root.
    #[must_use]
    pub fn with(mut self, party: PartyId, path: &Path) -> Self {
        self.elsewhere.insert(party, self.root.join(path));
        self
    }
}

#[async_trait]
impl Way for Folder {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    async fn send(&self, envelope: &Envelope) -> Result<Sent, SendError> {
        self.faults.reach(BEFORE_SEND)?;
        let mut sent = Sent::default();
        for recipient in envelope.remaining() {
            let Recipient::Folder(party) = recipient else {
                sent.refused.push(Refused::out_of_reach(recipient));
                continue;
            };
            let folder = self.elsewhere.get(party).cloned().unwrap_or_else(|| self.root.join(party.as_str()));
            let disk = Arc::clone(&self.disk);
            let envelope = envelope.clone();
            on_disk(move || put(disk.as_ref(), &folder, &envelope)).await?;
            sent.accepted.push(recipient.clone());
        }
        self.faults.reach(AFTER_SEND)?;
        Ok(sent)
    }
}

fn put(disk: &dyn Disk, folder: &Path, envelope: &Envelope) -> Result<(), SendError> {
    let (manifest, files) = Manifest::of(envelope);
    let name = Manifest::name_of(&envelope.id);
    let bytes = manifest.to_bytes();
    // `taken` is asked second: the reader writes there first and removes here afterwards, so at each moment one of the
    // two is there, and asking in this order cannot miss both.
    for place in [folder.join(&name), folder.join(TAKEN).join(&name)] {
        match disk.read(&place) {
            // The manifest names every file by its digest: the same manifest is the same delivery.
            Ok(there) if there == bytes => return Ok(()),
            Ok(_) => return Err(Unfit::new(&DELIVERY_DIFFERS, "").into()),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    for (file, content) in &files {
        disk.write_durably(&folder.join(file), content)?;
    }
    // INVARIANT: the manifest comes last; without it no reader touches the files.
    disk.write_durably(&folder.join(&name), &bytes).map_err(DiskError::into)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use disk::{Care, RealDisk};
    use model::port::{Crash, NoFaults};

    use super::*;
    use crate::fetch::folder::DropFolder;
    use crate::parcel::tests::envelope;

    fn to_hokuto(id: &str) -> Envelope {
        let mut envelope = envelope(id);
        envelope.to = vec![Recipient::Folder("isp-hokuto".parse().unwrap())];
        envelope
    }

    /// Crashes the n-th time that any point is reached, and counts.
    #[derive(Default)]
    struct CrashAfter {
        left: Mutex<Option<usize>>,
        reached: AtomicUsize,
    }

    impl Faults for CrashAfter {
        fn reach(&self, point: &'static str) -> Result<(), Crash> {
            self.reached.fetch_add(1, Ordering::SeqCst);
            let mut left = self.left.lock().unwrap();
            match left.as_mut() {
                Some(0) => Err(Crash(point)),
                Some(n) => {
                    *n -= 1;
                    Ok(())
                }
                None => Ok(()),
            }
        }
    }

    #[tokio::test]
    async fn whole_or_not_at_all_wherever_it_crashes() {
        let envelope = to_hokuto("e.1");
        let faults = Arc::new(CrashAfter::default());
        let way = |faults: &Arc<CrashAfter>, root: &Path| {
            let disk = RealDisk::new(faults.clone(), Care::Skip);
            Folder::new(Arc::new(disk), faults.clone(), root.to_owned())
        };
        let root = tempfile::tempdir().unwrap();
        way(&faults, root.path()).send(&envelope).await.unwrap();
        let points = faults.reached.load(Ordering::SeqCst);
        assert!(points >= 2 + 3 * 5, "{points}");
        for point in 0..points {
            let root = tempfile::tempdir().unwrap();
            let crashing = Arc::new(CrashAfter { left: Mutex::new(Some(point)), ..CrashAfter::default() });
            assert!(matches!(way(&crashing, root.path()).send(&envelope).await, Err(SendError::Crash(_))), "{point}");
            let reader = DropFolder::new(Arc::new(RealDisk::default()), root.path().join("isp-hokuto"));
            // What the reader sees now is nothing or everything.
            let listing = reader.list().await.unwrap();
            assert!(listing.problems.is_empty());
            for manifest in &listing.ready {
                assert_eq!(reader.open(manifest).await.unwrap().parcels, envelope.parcels, "{point}");
                if point % 2 == 0 {
                    reader.take(manifest).await.unwrap();
                }
            }
            let seen = listing.ready.len();
            // After the restart the sender sends again; the reader gets it once in all.
            way(&faults, root.path()).send(&envelope).await.unwrap();
            let listing = reader.list().await.unwrap();
            let taken = usize::from(seen == 1 && point % 2 == 0);
            assert_eq!(listing.ready.len() + taken, 1, "{point}");
        }
    }

    #[tokio::test]
    async fn other_bytes_under_one_id_are_an_error() {
        let root = tempfile::tempdir().unwrap();
        let way = Folder::new(Arc::new(RealDisk::default()), Arc::new(NoFaults), root.path().to_owned());
        let mut envelope = to_hokuto("e.1");
        way.send(&envelope).await.unwrap();
        way.send(&envelope).await.unwrap();
        envelope.parcels[0].bytes.push(b'x');
        assert_eq!(way.send(&envelope).await.unwrap_err().reason(), Some(&DELIVERY_DIFFERS));
        // Nor after the reader has taken the first one.
        let reader = DropFolder::new(Arc::new(RealDisk::default()), root.path().join("isp-hokuto"));
        let listing = reader.list().await.unwrap();
        reader.take(&listing.ready[0]).await.unwrap();
        assert_eq!(way.send(&envelope).await.unwrap_err().reason(), Some(&DELIVERY_DIFFERS));
    }

    #[tokio::test]
    async fn two_parties_and_a_mailbox() {
        let root = tempfile::tempdir().unwrap();
        let way = Folder::new(Arc::new(RealDisk::default()), Arc::new(NoFaults), root.path().to_owned());
        let mut both = envelope("e.1");
        both.to.extend(["isp-hokuto", "isp-nanto"].map(|party| Recipient::Folder(party.parse().unwrap())));
        let sent = way.send(&both).await.unwrap();
        assert_eq!(sent.accepted, both.to[1..]);
        assert_eq!(sent.refused, [Refused::out_of_reach(&both.to[0])]);
        for party in ["isp-hokuto", "isp-nanto"] {
            assert!(root.path().join(party).join("e.1.manifest.json").is_file());
        }
    }

    #[tokio::test]
    async fn parcels_of_one_name_and_ids_that_begin_alike() {
        let root = tempfile::tempdir().unwrap();
        let way = Folder::new(Arc::new(RealDisk::default()), Arc::new(NoFaults), root.path().to_owned());
        let mut first = to_hokuto("e.1");
        first.parcels[0].name = "letter.txt".parse().unwrap();
        first.parcels.push(first.parcels[0].clone());
        first.parcels[1].bytes = b"second".to_vec();
        let second = to_hokuto("e.1.1");
        way.send(&first).await.unwrap();
        way.send(&second).await.unwrap();
        let reader = DropFolder::new(Arc::new(RealDisk::default()), root.path().join("isp-hokuto"));
        let listing = reader.list().await.unwrap();
        assert_eq!(listing.ready.len(), 2);
        assert_eq!(reader.open(&listing.ready[0]).await.unwrap().parcels, first.parcels);
        assert_eq!(reader.open(&listing.ready[1]).await.unwrap().parcels, second.parcels);
        assert_eq!(reader.open(&listing.ready[1]).await.unwrap().letter, second.text);
    }
}
