//! Records that do not fit into memory, in partitions by their first bytes, until the deed that made them has looked at each.
//!
//! The files are sealed under a key that is written down nowhere, are not synced, and go when the spill goes; what a crash leaves is
//! a stray of the archive's next sweep that nobody can open.

use keys::DataKey;
use model::id::fresh;
use model::port::Clock;

use crate::Archive;
use crate::file::{Name, SCRATCH};
use crate::problem::ArchiveError;

/// So many partitions: what is looked at in one go is a share of all there is.
const PARTITIONS: usize = 64;

/// A partition is written out when so many bytes of it wait.
const WAITING: usize = 256 * 1_024;

/// Records of `N` bytes. The first bytes of a record are spread evenly (a keyed digest) and decide its partition.
pub struct Spill<'a, const N: usize> {
    archive: &'a Archive,
    key: DataKey,
    waiting: Vec<Vec<u8>>,
    files: Vec<Vec<Name>>,
}

impl<'a, const N: usize> Spill<'a, N> {
    /// An empty spill.
    #[must_use]
    pub fn new(archive: &'a Archive) -> Self {
        Self {
            archive,
            key: DataKey::passing("spill", &*archive.entropy),
            waiting: vec![Vec::new(); PARTITIONS],
            files: vec![Vec::new(); PARTITIONS],
        }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// What the disk says.
    pub fn push(&mut self, record: [u8; N], clock: &dyn Clock) -> Result<(), ArchiveError> {
        let partition = usize::from(record.first().copied().unwrap_or_default()) * PARTITIONS / 256;
        let Some(waiting) = self.waiting.get_mut(partition) else { return Ok(()) };
        waiting.extend_from_slice(&record);
        if waiting.len() + N <= WAITING {
            return Ok(());
        }
        let bytes = std::mem::take(waiting);
        let name = Name::new(SCRATCH, fresh(clock, &*self.archive.entropy))?;
        let sealed = self.key.seal(&*self.archive.entropy, &name.aad(), &bytes)?;
        self.archive.disk.write_passing(&self.archive.place(name), &sealed)?;
        if let Some(files) = self.files.get_mut(partition) {
            files.push(name);
        }
        Ok(())
    }

    /// Gives the records of one partition after the other to `each`, sorted by their bytes, so that those with the same first bytes
    /// stand together.
    ///
    /// # Errors
    /// What the disk says, or `each`.
    pub fn sorted<E: From<ArchiveError>>(mut self, mut each: impl FnMut(&[[u8; N]]) -> Result<(), E>) -> Result<(), E> {
        for partition in 0..PARTITIONS {
            let mut records: Vec<[u8; N]> = Vec::new();
            let mut add = |bytes: &[u8]| records.extend(bytes.as_chunks::<N>().0);
            for name in self.files.get(partition).into_iter().flatten() {
                let sealed = self.archive.disk.read(&self.archive.place(*name)).map_err(ArchiveError::from)?;
                add(&self.key.open(&name.aad(), &sealed).map_err(ArchiveError::from)?);
            }
            add(&self.waiting.get_mut(partition).map(std::mem::take).unwrap_or_default());
            records.sort_unstable();
            each(&records)?;
            self.remove(partition);
        }
        Ok(())
    }

    fn remove(&mut self, partition: usize) {
        for name in self.files.get_mut(partition).map(std::mem::take).unwrap_or_default() {
            // What cannot be removed now is a stray.
            let _ = self.archive.disk.remove(&self.archive.place(name));
        }
    }
}

impl<const N: usize> Drop for Spill<'_, N> {
    fn drop(&mut self) {
        (0..PARTITIONS).for_each(|partition| self.remove(partition));
    }
}

#[cfg(test)]
mod tests {
    use model::port::Entropy;
    use proptest::prelude::*;

    use super::*;
    use crate::trial::Trial;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn all_come_back_sorted_and_nothing_stays(seed in any::<u64>(), count in 0_usize..60_000) {
            let trial = Trial::new();
            let mut spill = Spill::<24>::new(&trial.archive);
            let entropy = model::port::SeededEntropy::new(seed);
            let mut pushed = Vec::new();
            for _ in 0..count {
                let mut record = [0; 24];
                entropy.fill(&mut record);
                // All in a few partitions, so that they are written out.
                record[0] %= 8;
                pushed.push(record);
                spill.push(record, &trial.clock).unwrap();
            }
            prop_assert!(count < 25_000 || !trial.files("scratch").is_empty(), "enough to be written out");
            let mut back = Vec::new();
            spill.sorted(|records| { back.extend_from_slice(records); Ok::<_, ArchiveError>(()) }).unwrap();
            pushed.sort_unstable();
            prop_assert!(back == pushed);
            prop_assert!(trial.files("scratch").is_empty());
        }
    }
}
