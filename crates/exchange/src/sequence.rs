//! Sequencing: leaves get their numbers, and the log's files grow by them. One process at a time, by lease and fence.

use ledger::checkpoint::Checkpoint;
use ledger::shelf::Folder;
use ledger::tree::Head;
use ledger::verify::{Question, Verdict, verify};

use crate::house::House;
use crate::problem::DeedError;

/// How many leaves are numbered and written at a time.
const AT_A_TIME: u32 = 4_096;

/// The file of the verifier key beside the log, for whoever copies the folder. It is published elsewhere too: a key that
/// comes with the log alone proves nothing.
pub const VKEY_FILE: &str = "vkey";

/// How far the log has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequenced {
    /// Leaves that were added to the files.
    pub added: u64,
    /// Leaves in the log.
    pub size: u64,
}

impl House {
    /// The name of the ledger: its origin line.
    #[must_use]
    pub fn ledger_origin(&self) -> String {
        format!("noroshi/{}", self.settings.party)
    }

    /// The verifier key of this deployment's ledger.
    ///
    /// # Errors
    /// [`DeedError::Keys`].
    pub fn ledger_vkey(&self) -> Result<String, DeedError> {
        Ok(self.keyring.ledger_signer(&self.ledger_origin())?.vkey())
    }

    /// Numbers the leaves that have no number, and writes entries, tiles and last the checkpoint. A crash in between is
    /// mended by the next run: the numbers stand in the state, and the same leaves give the same files.
    ///
    /// # Errors
    /// [`DeedError`] where another process holds the lease for too long, or state or disk fail.
    pub async fn sequence(&self) -> Result<Sequenced, DeedError> {
        let now = self.clock.now();
        let owner = format!("{}:{}", std::process::id(), store::OutboxId::fresh(&*self.clock, &*self.entropy));
        let Some(held) =
            store::lease::take(&self.store, store::leaf::SEQUENCER, &owner, now, self.settings.lease_seconds).await?
        else {
            return Ok(Sequenced { added: 0, size: store::leaf::progress(&self.store).await?.sequenced });
        };
        let outcome = self.sequence_held(&held).await;
        if !matches!(&outcome, Err(error) if error.is_crash()) {
            store::lease::release(&self.store, held).await?;
        }
        outcome
    }

    async fn sequence_held(&self, held: &store::lease::Held) -> Result<Sequenced, DeedError> {
        loop {
            let mut tx = self.store.begin("sequence::number").await?;
            let numbered = store::leaf::sequence(&mut tx, held, AT_A_TIME).await?;
            tx.commit().await?;
            if numbered.is_empty() {
                break;
            }
        }
        let signer = self.keyring.ledger_signer(&self.ledger_origin())?;
        let folder = self.ledger();
        let shelf = Folder(folder.clone());
        let fault = |e: &dyn std::fmt::Display| DeedError::Fault(format!("ledger: {e}"));
        let present = match self.disk.read(&folder.join("checkpoint")) {
            Ok(note) => Checkpoint::open(&note, &signer.vkey()).map_err(|e| fault(&e))?.head,
            Err(error) if error.is_not_found() => Head::EMPTY,
            Err(error) => return Err(error.into()),
        };
        let before = present.size;
        let mut head = present;
        loop {
            let leaves = store::leaf::from_seq(&self.store, head.size, AT_A_TIME).await?;
            if leaves.is_empty() && head.size > 0 {
                break;
            }
            let growth = ledger::log::extend(&head, &shelf, &leaves).map_err(|e| fault(&e))?;
            for (path, bytes) in growth.signed(&signer).map_err(|e| fault(&e))? {
                self.faults.reach("sequence.file")?;
                self.disk.write_durably(&folder.join(path), &bytes)?;
            }
            head = growth.head;
            if leaves.is_empty() {
                break;
            }
        }
        let vkey = folder.join(VKEY_FILE);
        if self.disk.read(&vkey).is_err() {
            self.disk.write_durably(&vkey, signer.vkey().as_bytes())?;
        }
        Ok(Sequenced { added: head.size - before, size: head.size })
    }

    /// Verifies this deployment's own log: its plain files against its key, and the leaves that wait for a number.
    ///
    /// # Errors
    /// [`DeedError`] where the state fails; what is wrong with the log stands in the verdict.
    pub async fn verify_ledger(&self, earlier: Option<&[u8]>) -> Result<Verdict, DeedError> {
        let waiting = store::leaf::unsequenced(&self.store, u32::MAX).await?;
        let unsequenced: Vec<Vec<u8>> = waiting.into_iter().map(|kept| kept.bytes).collect();
        let vkey = self.ledger_vkey()?;
        let question = Question { vkey: &vkey, now: self.clock.now().as_micros(), earlier, unsequenced: &unsequenced };
        Ok(verify(&Folder(self.ledger()), &question))
    }
}
