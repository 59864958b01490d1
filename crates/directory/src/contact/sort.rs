//! Sorting more than fits in memory: records are gathered, sorted and put aside in runs, and merged when all are there.
//!
//! Where a run is put aside is the caller's ([`Spill`]); nothing is opened here. Memory is bounded by [`ROOM`] and one block
//! of each run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read};

/// So many bytes of records are sorted at a time.
pub(crate) const ROOM: usize = 24 << 20;
/// No key and no value is longer; what is longer is a fault of the caller.
const LONGEST: usize = 1 << 24;

/// Where runs are put aside until they are merged.
pub trait Spill {
    /// Keeps the bytes and gives back a reader of them from their beginning. They are not needed any more when the reader
    /// is dropped.
    ///
    /// # Errors
    /// What the system says.
    fn put_aside(&mut self, bytes: &[u8]) -> io::Result<Box<dyn Read + Send>>;
}

/// Runs in memory: for tests and small inputs.
#[derive(Debug, Default)]
pub struct InMemory;

impl Spill for InMemory {
    fn put_aside(&mut self, bytes: &[u8]) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::Cursor::new(bytes.to_vec())))
    }
}

/// Records being gathered: a key, by whose bytes they are sorted, and a value. Equal keys keep the order in which they came.
pub(crate) struct Sorter {
    room: usize,
    bytes: Vec<u8>,
    /// Where each record begins, how long its key and its value are.
    places: Vec<(usize, u32, u32)>,
    runs: Vec<Box<dyn Read + Send>>,
}

impl Sorter {
    pub(crate) fn new() -> Self {
        Self::with_room(ROOM)
    }

    pub(crate) fn with_room(room: usize) -> Self {
        Self { room, bytes: Vec::new(), places: Vec::new(), runs: Vec::new() }
    }

    pub(crate) fn push(&mut self, key: &[u8], value: &[u8], spill: &mut dyn Spill) -> io::Result<()> {
        let (Ok(key_length), Ok(value_length)) = (u32::try_from(key.len()), u32::try_from(value.len())) else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        };
        if key.len() > LONGEST || value.len() > LONGEST {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        self.places.push((self.bytes.len(), key_length, value_length));
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        if self.bytes.len() + self.places.len() * size_of::<(usize, u32, u32)>() > self.room {
            self.put_aside(spill)?;
        }
        Ok(())
    }

    fn put_aside(&mut self, spill: &mut dyn Spill) -> io::Result<()> {
        let bytes = &self.bytes;
        let key = |(start, key, _): &(usize, u32, u32)| bytes.get(*start..start + *key as usize).unwrap_or_default();
        // Stable: equal keys stay in order.
        self.places.sort_by(|a, b| key(a).cmp(key(b)));
        let mut run = Vec::with_capacity(bytes.len() + self.places.len() * 8);
        for (start, key, value) in &self.places {
            run.extend_from_slice(&key.to_le_bytes());
            run.extend_from_slice(&value.to_le_bytes());
            run.extend_from_slice(bytes.get(*start..start + (*key + *value) as usize).unwrap_or_default());
        }
        self.runs.push(spill.put_aside(&run)?);
        self.bytes.clear();
        self.places.clear();
        Ok(())
    }

    /// All records in the order of their keys.
    pub(crate) fn finish(mut self, spill: &mut dyn Spill) -> io::Result<Sorted> {
        if !self.places.is_empty() {
            self.put_aside(spill)?;
        }
        let mut sorted = Sorted { runs: Vec::new(), heads: BinaryHeap::new() };
        for (index, run) in self.runs.into_iter().enumerate() {
            sorted.runs.push(io::BufReader::with_capacity(64 << 10, run));
            sorted.refill(index)?;
        }
        Ok(sorted)
    }
}

/// A record: its key and its value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// The next record of a run: its key, the run, its value.
type Head = (Vec<u8>, usize, Vec<u8>);

/// Sorted records, read from the runs as they are asked for.
pub(crate) struct Sorted {
    runs: Vec<io::BufReader<Box<dyn Read + Send>>>,
    /// The next record of each run: key, run (an earlier run holds what came earlier), value.
    heads: BinaryHeap<Reverse<Head>>,
}

impl Sorted {
    fn refill(&mut self, index: usize) -> io::Result<()> {
        let Some(run) = self.runs.get_mut(index) else { return Ok(()) };
        let mut lengths = [0_u8; 8];
        match run.read_exact(&mut lengths) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
        let [a, b, c, d, e, f, g, h] = lengths;
        let length = |bytes| u32::from_le_bytes(bytes) as usize;
        let (key, value) = (length([a, b, c, d]), length([e, f, g, h]));
        if key > LONGEST || value > LONGEST {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        let (mut key, mut value) = (vec![0; key], vec![0; value]);
        run.read_exact(&mut key)?;
        run.read_exact(&mut value)?;
        self.heads.push(Reverse((key, index, value)));
        Ok(())
    }

    /// The next record.
    pub(crate) fn next(&mut self) -> io::Result<Option<Pair>> {
        let Some(Reverse((key, index, value))) = self.heads.pop() else { return Ok(None) };
        self.refill(index)?;
        Ok(Some((key, value)))
    }

    /// The key of the next record.
    pub(crate) fn peek(&self) -> Option<&[u8]> {
        self.heads.peek().map(|Reverse((key, _, _))| key.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_come_back_as_one_sorted_list(
            records in proptest::collection::vec((proptest::collection::vec(0_u8..3, 0..4), any::<u16>()), 0..200),
            room in 1_usize..2_000,
        ) {
            let mut sorter = Sorter::with_room(room);
            for (key, value) in &records {
                sorter.push(key, &value.to_le_bytes(), &mut InMemory).unwrap();
            }
            let mut sorted = sorter.finish(&mut InMemory).unwrap();
            let mut want = records;
            want.sort_by(|a, b| a.0.cmp(&b.0));
            for (key, value) in want {
                prop_assert_eq!(sorted.peek(), Some(key.as_slice()));
                prop_assert_eq!(sorted.next().unwrap(), Some((key, value.to_le_bytes().to_vec())));
            }
            prop_assert_eq!(sorted.next().unwrap(), None);
        }
    }
}
