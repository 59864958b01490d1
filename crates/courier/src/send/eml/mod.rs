//! Writes each mail as one `.eml` file into a folder, where a mail gateway or a person picks it up.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use disk::Disk;
use model::port::Faults;
use model::text::Text;

use super::{AFTER_SEND, BEFORE_SEND, Kind, Refused, Repeat, SendError, Sent, Way, on_disk};
use crate::codes::{DELIVERY_DIFFERS, Unfit};
use crate::dkim::DkimKey;
use crate::mail::render;
use crate::parcel::{Envelope, Recipient};

/// What this way is.
pub static KIND: Kind = Kind {
    name: "eml",
    repeat: Repeat::ExactlyOnce,
    about: Text {
        ja: "メールを 1 通ずつ .eml ファイルとしてフォルダーに書き出します",
        en: "writes each mail as one .eml file into a folder",
    },
};

/// A folder of `.eml` files, named by the envelope's id: a repeat finds its file there already. Whoever takes files out
/// of the folder leaves the promise to himself.
pub struct Eml {
    disk: Arc<dyn Disk>,
    faults: Arc<dyn Faults>,
    folder: PathBuf,
    dkim: Option<Arc<DkimKey>>,
}

impl Eml {
    /// Writes into `folder`, which is made when it is missing.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, faults: Arc<dyn Faults>, folder: PathBuf, dkim: Option<Arc<DkimKey>>) -> Self {
        Self { disk, faults, folder, dkim }
    }
}

#[async_trait]
impl Way for Eml {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    async fn send(&self, envelope: &Envelope) -> Result<Sent, SendError> {
        self.faults.reach(BEFORE_SEND)?;
        let mut sent = Sent::default();
        for recipient in envelope.remaining() {
            match recipient {
                Recipient::Mail(_) => sent.accepted.push(recipient.clone()),
                Recipient::Folder(_) => sent.refused.push(Refused::out_of_reach(recipient)),
            }
        }
        if !sent.accepted.is_empty() {
            let bytes = render(envelope, self.dkim.as_deref())?;
            let path = self.folder.join(format!("{}.eml", envelope.id));
            let disk = Arc::clone(&self.disk);
            on_disk(move || match disk.read(&path) {
                Ok(there) if there == bytes => Ok(()),
                Ok(_) => Err(SendError::from(Unfit::new(&DELIVERY_DIFFERS, ""))),
                Err(error) if error.is_not_found() => Ok(disk.write_durably(&path, &bytes)?),
                Err(error) => Err(error.into()),
            })
            .await?;
        }
        self.faults.reach(AFTER_SEND)?;
        Ok(sent)
    }
}

#[cfg(test)]
mod tests {
    use disk::RealDisk;
    use model::port::NoFaults;

    use super::*;
    use crate::parcel::tests::envelope;

    #[tokio::test]
    async fn once_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let way = Eml::new(Arc::new(RealDisk::default()), Arc::new(NoFaults), folder.path().join("out"), None);
        let mut envelope = envelope("e.1");
        let folder_recipient = Recipient::Folder("isp-hokuto".parse().unwrap());
        envelope.to.push(folder_recipient.clone());
        for _ in 0..2 {
            let sent = way.send(&envelope).await.unwrap();
            assert_eq!(sent.accepted, envelope.to[..1]);
            assert_eq!(sent.refused, [Refused::out_of_reach(&folder_recipient)]);
        }
        let written = std::fs::read(folder.path().join("out/e.1.eml")).unwrap();
        assert_eq!(written, render(&envelope, None).unwrap());

        envelope.subject = "別の件名".parse().unwrap();
        let error = way.send(&envelope).await.unwrap_err();
        assert_eq!(error.reason(), Some(&DELIVERY_DIFFERS));
        assert!(matches!(error, SendError::Permanent { .. }));
        assert_eq!(std::fs::read(folder.path().join("out/e.1.eml")).unwrap(), written);
    }
}
