//! Which rows of a report were said before, in it or in its round, and how many terminals they tell of: exactly, in bounded memory.
//!
//! The first [`FRONT`] keys stay in memory and are answered at once. What comes beyond is written out by the first bits of its key and
//! settled at the end, partition by partition: until then such a row counts as new.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use archive::{Archive, ArchiveError, Spill};
use model::port::Clock;

/// How many keys are held in memory.
pub(crate) const FRONT: usize = 1 << 20;

/// Keys are keyed digests: any eight bytes of one are as good as a hash of it.
#[derive(Default)]
pub(crate) struct First(u64);

impl Hasher for First {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        let eight = bytes.iter().take(8).fold(0, |n, byte| n << 8 | u64::from(*byte));
        self.0 ^= eight;
    }
    #[allow(clippy::cast_possible_truncation, reason = "the low half is a digest too")]
    fn write_u128(&mut self, key: u128) {
        self.0 ^= (key as u64) ^ (key >> 64) as u64;
    }
}

type Keys<V> = HashMap<u128, V, BuildHasherDefault<First>>;

/// A row's key and its terminal's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) row: u128,
    pub(crate) terminal: u128,
}

/// Where a row stands in what is being kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    /// The part of the report, from 0.
    pub(crate) part: u32,
    /// The row in it, from 0.
    pub(crate) index: u32,
}

/// What is known of a row when it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// It was said before.
    Repeat,
    /// It is said for the first time.
    New,
    /// It is not among the first; the end will tell.
    Open,
}

/// The rows of a round so far.
pub(crate) struct Rows<'a> {
    archive: &'a Archive,
    clock: &'a dyn Clock,
    front: Keys<()>,
    limit: usize,
    /// Row, place (0 for what was there before the report, else one more), terminal.
    beyond: Option<Spill<'a, 40>>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(archive: &'a Archive, clock: &'a dyn Clock, limit: usize) -> Self {
        Self { archive, clock, front: Keys::default(), limit, beyond: None }
    }

    /// A row that an earlier report of the round said. All of them come before the first look.
    pub(crate) fn before(&mut self, row: u128) -> Result<(), ArchiveError> {
        if self.front.len() < self.limit {
            self.front.insert(row, ());
            return Ok(());
        }
        self.spill(Pair { row, terminal: 0 }, 0)
    }

    /// A row of the report.
    pub(crate) fn look(&mut self, pair: Pair, at: At) -> Result<Look, ArchiveError> {
        if self.front.contains_key(&pair.row) {
            return Ok(Look::Repeat);
        }
        if self.front.len() < self.limit {
            self.front.insert(pair.row, ());
            return Ok(Look::New);
        }
        self.spill(pair, (u64::from(at.part) << 32 | u64::from(at.index)) + 1)?;
        Ok(Look::Open)
    }

    fn spill(&mut self, pair: Pair, place: u64) -> Result<(), ArchiveError> {
        let mut record = [0; 40];
        let parts = pair.row.to_be_bytes().into_iter().chain(place.to_be_bytes()).chain(pair.terminal.to_be_bytes());
        record.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
        let archive = self.archive;
        self.beyond.get_or_insert_with(|| Spill::new(archive)).push(record, self.clock)
    }

    /// Tells of each row that was left open whether it repeats another one or is new.
    pub(crate) fn settle<E: From<ArchiveError>>(
        self,
        mut tell: impl FnMut(Pair, At, Look) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(beyond) = self.beyond else { return Ok(()) };
        beyond.sorted(|records| {
            let mut last = None;
            for record in records {
                let (row, place, terminal) = apart(record);
                let repeats = last == Some(row);
                last = Some(row);
                if let Some(place) = place.checked_sub(1) {
                    let at = At {
                        part: u32::try_from(place >> 32).unwrap_or(u32::MAX),
                        index: u32::try_from(place & 0xFFFF_FFFF).unwrap_or(u32::MAX),
                    };
                    tell(Pair { row, terminal }, at, if repeats { Look::Repeat } else { Look::New })?;
                }
            }
            Ok(())
        })
    }
}

fn apart(record: &[u8; 40]) -> (u128, u64, u128) {
    let number = |bytes: &[u8]| bytes.iter().fold(0_u128, |n, byte| n << 8 | u128::from(*byte));
    let (row, rest) = record.split_at(16);
    let (place, terminal) = rest.split_at(8);
    // INVARIANT: eight bytes are a number of 64 bits.
    (number(row), u64::try_from(number(place)).unwrap_or(u64::MAX), number(terminal))
}

/// Among whose rows a terminal stands.
const IN_REPORT: u8 = 1;
const IN_ROUND: u8 = 2;
const IN_OPERATION: u8 = 4;

/// The terminals of a report, of its round before it, and of the operation's other rounds.
pub(crate) struct Terminals<'a> {
    archive: &'a Archive,
    clock: &'a dyn Clock,
    front: Keys<u8>,
    limit: usize,
    /// Terminal, where it stands.
    beyond: Option<Spill<'a, 17>>,
}

impl<'a> Terminals<'a> {
    pub(crate) fn new(archive: &'a Archive, clock: &'a dyn Clock, limit: usize) -> Self {
        Self { archive, clock, front: Keys::default(), limit, beyond: None }
    }

    /// A terminal of the report.
    pub(crate) fn in_report(&mut self, terminal: u128) -> Result<(), ArchiveError> {
        self.add(terminal, IN_REPORT)
    }

    /// A terminal of the round before the report.
    pub(crate) fn in_round(&mut self, terminal: u128) -> Result<(), ArchiveError> {
        self.add(terminal, IN_ROUND)
    }

    /// A terminal of another round of the operation.
    pub(crate) fn in_operation(&mut self, terminal: u128) -> Result<(), ArchiveError> {
        self.add(terminal, IN_OPERATION)
    }

    fn add(&mut self, terminal: u128, place: u8) -> Result<(), ArchiveError> {
        if let Some(places) = self.front.get_mut(&terminal) {
            *places |= place;
            return Ok(());
        }
        if self.front.len() < self.limit {
            self.front.insert(terminal, place);
            return Ok(());
        }
        let mut record = [place; 17];
        record.iter_mut().zip(terminal.to_be_bytes()).for_each(|(byte, part)| *byte = part);
        let archive = self.archive;
        self.beyond.get_or_insert_with(|| Spill::new(archive)).push(record, self.clock)
    }

    /// How many there are in the report, new in the round, and new in the operation.
    pub(crate) fn count(self) -> Result<store::report::Terminals, ArchiveError> {
        let mut counted = store::report::Terminals { in_report: 0, new_in_round: 0, new_in_operation: 0 };
        let mut count = |places: u8| {
            if places & IN_REPORT != 0 {
                counted.in_report += 1;
                counted.new_in_round += u64::from(places & IN_ROUND == 0);
                counted.new_in_operation += u64::from(places & (IN_ROUND | IN_OPERATION) == 0);
            }
        };
        self.front.values().for_each(|places| count(*places));
        if let Some(beyond) = self.beyond {
            beyond.sorted(|records| {
                let terminal = |record: &[u8; 17]| record.first_chunk::<16>().copied();
                for same in records.chunk_by(|a, b| terminal(a) == terminal(b)) {
                    count(same.iter().filter_map(|record| record.last()).fold(0, |places, place| places | place));
                }
                Ok::<_, ArchiveError>(())
            })?;
        }
        Ok(counted)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};
    use std::sync::Arc;

    use disk::{Care, Disk, RealDisk};
    use keys::{Keyring, WrappingKey};
    use model::Instant;
    use model::port::{FixedClock, NoFaults, SeededEntropy};
    use proptest::prelude::*;

    use super::*;

    fn archive(folder: &std::path::Path) -> Archive {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(Arc::new(NoFaults), Care::Skip));
        let entropy = Arc::new(SeededEntropy::new(1));
        let wrapping = WrappingKey::generate(&SeededEntropy::new(2));
        let keyring = Keyring::create(disk.clone(), &folder.join("keys"), wrapping, entropy.clone()).unwrap();
        Archive::new(disk, folder.join("archive"), Arc::new(keyring), entropy)
    }

    /// A key that looks like a digest, of a small number.
    fn key(n: u8) -> u128 {
        u128::from(n).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        /// However few keys are held in memory, what is found is what a set of all of them finds.
        #[test]
        fn what_is_said_again_is_found(
            before in proptest::collection::vec(any::<u8>(), 0..60), rows in proptest::collection::vec(any::<u8>(), 0..300),
            limit in 0_usize..300, elsewhere in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let (archive, clock) = (archive(folder.path()), FixedClock::at(Instant::from_micros(1_500_000_000_000_000)));
            let mut seen = Rows::new(&archive, &clock, limit);
            let mut terminals = Terminals::new(&archive, &clock, limit);
            // Two rows in three share a terminal.
            let terminal = |n: u8| key(n / 3);
            for n in &before {
                seen.before(key(*n)).unwrap();
                terminals.in_round(terminal(*n)).unwrap();
            }
            elsewhere.iter().for_each(|n| terminals.in_operation(terminal(*n)).unwrap());
            let mut found = BTreeMap::new();
            for (index, n) in (0_u32..).zip(&rows) {
                let at = At { part: index / 50, index: index % 50 };
                found.insert(at, seen.look(Pair { row: key(*n), terminal: terminal(*n) }, at).unwrap());
            }
            seen.settle(|pair, at, look| {
                assert!(found.insert(at, look) == Some(Look::Open) && look != Look::Open && pair.terminal != 0);
                Ok::<_, ArchiveError>(())
            }).unwrap();
            let mut known: HashSet<u8> = before.iter().copied().collect();
            let mut told = HashSet::new();
            for (look, n) in found.values().zip(&rows) {
                prop_assert_eq!(*look, if known.insert(*n) { Look::New } else { Look::Repeat });
                if *look == Look::New {
                    terminals.in_report(terminal(*n)).unwrap();
                    told.insert(n / 3);
                }
            }
            let among = |others: &[&[u8]]| told.iter().filter(|t| others.iter().all(|o| o.iter().all(|n| n / 3 != **t))).count();
            let want = store::report::Terminals {
                in_report: told.len() as u64,
                new_in_round: among(&[&before]) as u64,
                new_in_operation: among(&[&before, &elsewhere]) as u64,
            };
            prop_assert_eq!(format!("{:?}", terminals.count().unwrap()), format!("{want:?}"));
        }
    }
}
