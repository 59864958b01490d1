//! The independent verifier: whether a copy of a ledger is whole, signed, unaltered, and whether each decision was closed.
//!
//! It reads every file, recomputes every hash from the leaves by [`crate::tree`] and believes nothing else. Faults are named
//! as exactly as can be known: the file, the leaf, the byte.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::checkpoint::{BadCheckpoint, Checkpoint};
use crate::fault::{self, Fault, FaultCode, Place};
use crate::leaf::{BadLeaf, Kind, Leaf, leaf_hash};
use crate::log::find;
use crate::shelf::Shelf;
use crate::tile::{self, CHECKPOINT, Row, Tile, WIDTH};
use crate::tree::{Hash, Head, root};

/// After so many faults the verifier stops looking.
pub const MOST_FAULTS: usize = 1_000;

/// The fact of a `decided` leaf that says until when it may be done, in microseconds since 1970-01-01T00:00:00Z.
pub const EXPIRES: &str = "expires";

/// In a [`Place`]: the list of leaves that are not yet in the log.
pub const UNSEQUENCED: &str = "unsequenced";

/// What a verifier is to hold the log against.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The verifier key, as published.
    pub vkey: &'a str,
    /// The present moment, in microseconds since 1970-01-01T00:00:00Z.
    pub now: i64,
    /// A checkpoint of this log that the overseer kept: the whole signed note.
    pub earlier: Option<&'a [u8]>,
    /// Leaves that are committed but not yet in the log, in any order.
    pub unsequenced: &'a [Vec<u8>],
}

/// What a verifier found.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// The checkpoint, where its signature holds.
    pub checkpoint: Option<Checkpoint>,
    /// How many leaves were read.
    pub leaves: u64,
    /// How many of each kind, sequenced or not.
    pub counts: BTreeMap<Kind, u64>,
    /// All faults; the first is the one that explains most.
    pub faults: Vec<Fault>,
    /// Whether there were more than [`MOST_FAULTS`] and the rest was not looked at.
    pub cut_short: bool,
    /// Decisions that are neither done nor abandoned, and may still be.
    pub open: Vec<Decision>,
    /// Decisions that are neither done nor abandoned though their time is over (`ledger-decision-overdue`).
    pub overdue: Vec<Decision>,
    /// Decisions recorded as done after their time was over (`ledger-decision-late`).
    pub late: Vec<Decision>,
    /// Leaves not yet in the log. Faults in one of the question's list are placed at its number there, from 0, in the file
    /// [`UNSEQUENCED`].
    pub unsequenced: Vec<Uuid>,
    /// Files that do not belong to a log. They harm nothing and prove nothing.
    pub strays: Vec<String>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Its id.
    pub decision: Uuid,
    /// Where its `decided` leaf stands in the log, from 0; none where it is not yet sequenced.
    pub leaf: Option<u64>,
    /// Until when it may be done, in microseconds since 1970-01-01T00:00:00Z.
    pub expires: Option<i64>,
}

impl Verdict {
    /// Whether the log is whole, signed and unaltered and its decisions are in order. Overdue decisions do not count
    /// against it: they say something about the operator, not about the log.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty() && self.checkpoint.is_some()
    }

    /// The first fault.
    #[must_use]
    pub fn first(&self) -> Option<&Fault> {
        self.faults.first()
    }

    fn fault(&mut self, code: &'static FaultCode, place: Place) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(Fault { code, place });
        } else {
            self.cut_short = true;
        }
    }
}

/// Verifies the log on `shelf`.
#[must_use]
pub fn verify(shelf: &dyn Shelf, question: &Question<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    let claimed = checkpoint(shelf, question.vkey, &mut verdict);
    let signed = verdict.checkpoint.as_ref().map(|checkpoint| checkpoint.head);
    let mut log = Log::read(shelf, signed.map(|head| head.size), &mut verdict);
    log.settle(signed.as_ref(), &mut verdict);
    if let (Some(head), Some(known)) = (signed.or(claimed), log.known(log.hashes.len()))
        && (head != Head { size: known.len() as u64, root: root(&known) })
    {
        verdict.fault(&fault::ROOT_DIFFERS, Place::file(CHECKPOINT));
    }
    log.upper(shelf, &mut verdict);
    log.leftovers(shelf, &mut verdict);
    decisions(&log, question, &mut verdict);
    if let Some(note) = question.earlier {
        history(note, question.vkey, &log, &mut verdict);
    }
    verdict
}

/// Reads the checkpoint. Where its signature holds it stands in the verdict; otherwise what it claims is returned.
fn checkpoint(shelf: &dyn Shelf, vkey: &str, verdict: &mut Verdict) -> Option<Head> {
    let place = Place::file(CHECKPOINT);
    let Some(note) = shelf.read(CHECKPOINT) else {
        verdict.fault(&fault::CHECKPOINT_MISSING, place);
        return None;
    };
    match Checkpoint::open(&note, vkey) {
        Ok(checkpoint) => {
            verdict.checkpoint = Some(checkpoint);
            None
        }
        Err(bad) => {
            let (code, place) = match bad {
                BadCheckpoint::Key => (&fault::VERIFIER_KEY, Place::default()),
                BadCheckpoint::Algorithm => (&fault::VERIFIER_ALGORITHM, Place::default()),
                BadCheckpoint::Malformed => (&fault::CHECKPOINT_MALFORMED, place),
                BadCheckpoint::Unsigned => (&fault::CHECKPOINT_UNSIGNED, place),
                BadCheckpoint::Signature => (&fault::CHECKPOINT_SIGNATURE, place),
                BadCheckpoint::Origin => (&fault::CHECKPOINT_ORIGIN, place),
            };
            verdict.fault(code, place);
            Checkpoint::claimed(&note).map(|checkpoint| checkpoint.head)
        }
    }
}

/// What the files of a log hold.
#[derive(Default)]
struct Log {
    /// The leaves; none where one is missing or is not what was signed.
    leaves: Vec<Option<Found>>,
    /// The leaves' hashes, as far as they are known.
    hashes: Vec<Option<Hash>>,
    /// The leaves whose hash in the tile is another.
    disputes: Vec<Dispute>,
    /// The bundles that have leaves in dispute and are of a wrong length, at its place.
    broken: Vec<Place>,
    /// The hashes of complete subtrees of 256, 65,536 .. leaves, as far as they are known.
    above: Vec<Vec<Option<Hash>>>,
    /// The files that were read for the present size.
    read: BTreeSet<String>,
}

/// A leaf and where it was found.
struct Found {
    bytes: Vec<u8>,
    place: Place,
}

/// A leaf whose hash in the tile is another.
struct Dispute {
    leaf: u64,
    computed: Hash,
    written: Hash,
    /// Where the leaf stands in its bundle.
    entry: Place,
    /// Where its hash stands in the tile.
    hash: Place,
}

/// Whom a dispute is settled for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Right {
    Entry,
    Tile,
}

/// How many disputes are settled one by one; each doubles the work.
const SETTLED_APART: usize = 8;

impl Log {
    /// Reads all bundles and the tiles of leaf hashes: as many as the checkpoint says, or as there are.
    fn read(shelf: &dyn Shelf, size: Option<u64>, verdict: &mut Verdict) -> Self {
        let mut log = Self::default();
        for n in 0.. {
            let tile = match size {
                Some(size) => Tile::of(Row::Entries, n, size),
                None => widest(shelf, n),
            };
            match tile {
                Some(tile) if !verdict.cut_short => log.chunk(shelf, tile, verdict),
                _ => break,
            }
        }
        log
    }

    /// Reads one bundle and its tile of hashes.
    fn chunk(&mut self, shelf: &dyn Shelf, tile: Tile, verdict: &mut Verdict) {
        let first = tile.n * WIDTH;
        let (leaves, broken) = self.bundle(shelf, tile, verdict);
        let (file, written) = self.tile(shelf, Tile { row: Row::Hashes(0), ..tile }, verdict);
        let before = self.disputes.len();
        let mut leaves = leaves.into_iter();
        let mut written = written.into_iter();
        for (i, n) in (0..tile.width).zip(first..) {
            let (leaf, written) = (leaves.next(), written.next());
            let computed = leaf.as_ref().map(|leaf| leaf_hash(&leaf.bytes));
            if let (Some(leaf), Some(computed), Some(written)) = (&leaf, computed, written)
                && computed != written
            {
                let hash = Place::file(file).leaf(n).byte(32 * i);
                self.disputes.push(Dispute { leaf: n, computed, written, entry: leaf.place.clone(), hash });
            }
            verdict.leaves += u64::from(leaf.is_some());
            self.leaves.push(leaf);
            self.hashes.push(computed.or(written));
        }
        match broken {
            // Where a leaf's length was altered the bundle falls apart behind it: the leaf is the fault to name first.
            Some(place) if self.disputes.len() > before => self.broken.push(place),
            Some(place) => verdict.fault(&fault::FILE_LENGTH, place),
            None => {}
        }
    }

    /// A bundle's leaves, as many as there are, and where its length is wrong.
    fn bundle(&mut self, shelf: &dyn Shelf, tile: Tile, verdict: &mut Verdict) -> (Vec<Found>, Option<Place>) {
        let Some((file, bytes)) = find(shelf, tile) else {
            verdict.fault(&fault::FILE_MISSING, Place::file(tile).leaf(tile.n * WIDTH));
            return (Vec::new(), None);
        };
        self.read.insert(file.to_string());
        let (mut leaves, broken) = entries(file, &bytes);
        leaves.truncate(tile.width as usize);
        (leaves, broken)
    }

    /// The file of a tile and its hashes, as many as there are; says what is wrong with its length.
    fn tile(&mut self, shelf: &dyn Shelf, tile: Tile, verdict: &mut Verdict) -> (Tile, Vec<Hash>) {
        let Some((file, bytes)) = find(shelf, tile) else {
            verdict.fault(&fault::FILE_MISSING, Place::file(tile));
            return (tile, Vec::new());
        };
        self.read.insert(file.to_string());
        let (mut hashes, broken) = hashes(file, &bytes);
        if let Some(place) = broken {
            verdict.fault(&fault::FILE_LENGTH, place);
        }
        hashes.truncate(tile.width as usize);
        (file, hashes)
    }

    /// Settles the disputes between bundles and tiles by the signed root, where it can.
    fn settle(&mut self, signed: Option<&Head>, verdict: &mut Verdict) {
        let disputes = std::mem::take(&mut self.disputes);
        let settled = signed.and_then(|head| self.by_root(&disputes, head));
        let (mut named, count) = (BTreeSet::new(), disputes.len());
        for (i, dispute) in disputes.into_iter().enumerate() {
            let right = settled.as_ref().and_then(|settled| settled.get(i)).copied();
            let (code, place, hash) = match right {
                Some(Right::Entry) => (&fault::TILE_ALTERED, dispute.hash, Some(dispute.computed)),
                Some(Right::Tile) => (&fault::ENTRY_ALTERED, dispute.entry, Some(dispute.written)),
                None => (&fault::ENTRY_OR_TILE, dispute.entry, None),
            };
            // One altered length makes nonsense of all leaves behind it: such a file is named once, at the first of them.
            let apart = count <= SETTLED_APART && !self.broken.iter().any(|broken| broken.file == place.file);
            if apart || named.insert(place.file.clone()) {
                verdict.fault(code, place);
            }
            // INVARIANT: both columns have a place for each leaf that was read.
            let at = dispute.leaf as usize;
            self.hashes[at] = hash;
            if right != Some(Right::Entry) {
                self.leaves[at] = None;
            }
        }
        for place in std::mem::take(&mut self.broken) {
            verdict.fault(&fault::FILE_LENGTH, place);
        }
        let mut below = &self.hashes;
        let mut above: Vec<Vec<Option<Hash>>> = Vec::new();
        while below.len() >= WIDTH as usize {
            let complete = |chunk: &[Option<Hash>]| Some(root(&chunk.iter().copied().collect::<Option<Vec<_>>>()?));
            above.push(below.chunks_exact(WIDTH as usize).map(complete).collect());
            below = above.last().unwrap_or(&self.hashes);
        }
        self.above = above;
    }

    /// For each dispute who is right, where one way to settle them gives the signed root.
    fn by_root(&self, disputes: &[Dispute], head: &Head) -> Option<Vec<Right>> {
        let mut hashes = self.known(self.hashes.len())?;
        if disputes.is_empty() || hashes.len() as u64 != head.size {
            return None;
        }
        // Above a full chunk the tree is that of the chunks' roots, of which only the disputed ones change.
        let mut chunks: Vec<Hash> = hashes.chunks(WIDTH as usize).map(root).collect();
        let disputed: BTreeSet<usize> = disputes.iter().map(|dispute| (dispute.leaf / WIDTH) as usize).collect();
        let apart = if disputes.len() <= SETTLED_APART { 1_u32 << disputes.len() } else { 0 };
        let whole = [Right::Tile, Right::Entry].map(|right| vec![right; disputes.len()]);
        let each = (0..apart).map(|bits| {
            let right = |i| if bits >> i & 1 == 1 { Right::Entry } else { Right::Tile };
            (0..disputes.len()).map(right).collect::<Vec<_>>()
        });
        whole.into_iter().chain(each).find(|rights| {
            for (dispute, right) in disputes.iter().zip(rights) {
                hashes[dispute.leaf as usize] = if *right == Right::Entry { dispute.computed } else { dispute.written };
            }
            for &n in &disputed {
                let first = n * WIDTH as usize;
                chunks[n] = root(&hashes[first..hashes.len().min(first + WIDTH as usize)]);
            }
            root(&chunks) == head.root
        })
    }

    /// The hashes of the first `size` leaves, where all are known.
    fn known(&self, size: usize) -> Option<Vec<Hash>> {
        self.hashes.get(..size)?.iter().copied().collect()
    }

    /// The hashes at `level`, as far as they are known.
    fn level(&self, level: u8) -> &[Option<Hash>] {
        match level.checked_sub(1) {
            None => &self.hashes,
            Some(above) => self.above.get(usize::from(above)).map_or(&[], Vec::as_slice),
        }
    }

    /// Holds the tiles above the leaf hashes against those hashes.
    fn upper(&mut self, shelf: &dyn Shelf, verdict: &mut Verdict) {
        for level in 1..=self.above.len() as u8 {
            for n in 0.. {
                let Some(tile) = Tile::of(Row::Hashes(level), n, self.hashes.len() as u64) else { break };
                let (file, written) = self.tile(shelf, tile, verdict);
                altered(file, &written, self.level(level), verdict);
            }
        }
    }

    /// Holds the files that the present size does not need against the tree: partial tiles of earlier sizes, and what a
    /// crash left of a growth that no checkpoint covers yet.
    fn leftovers(&self, shelf: &dyn Shelf, verdict: &mut Verdict) {
        for path in shelf.list().unwrap_or_default() {
            if path == CHECKPOINT || self.read.contains(&path) {
                continue;
            }
            let (Some(file), Some(bytes)) = (Tile::parse(&path), shelf.read(&path)) else {
                verdict.strays.push(path);
                continue;
            };
            let before = verdict.faults.len();
            let broken = match file.row {
                Row::Entries => {
                    let (leaves, broken) = entries(file, &bytes);
                    let known = self.hashes.iter().skip((file.n.saturating_mul(WIDTH)) as usize);
                    let wrong = leaves
                        .into_iter()
                        .zip(known)
                        .find(|(leaf, known)| known.is_some_and(|known| known != leaf_hash(&leaf.bytes)));
                    if let Some((leaf, _)) = wrong {
                        verdict.fault(&fault::ENTRY_ALTERED, leaf.place);
                    }
                    broken
                }
                Row::Hashes(level) => {
                    let (written, broken) = hashes(file, &bytes);
                    altered(file, &written, self.level(level), verdict);
                    broken
                }
            };
            if let (Some(place), true) = (broken, verdict.faults.len() == before) {
                verdict.fault(&fault::FILE_LENGTH, place);
            }
        }
    }
}

/// The widest bundle at `n`.
fn widest(shelf: &dyn Shelf, n: u64) -> Option<Tile> {
    let of = |width| Tile { row: Row::Entries, n, width };
    (1..=WIDTH).rev().map(of).find(|tile| shelf.read(&tile.to_string()).is_some())
}

/// The leaves of a bundle, and where its length is wrong. It has as many as its name says, whether or not the present size
/// needs them all.
fn entries(file: Tile, bytes: &[u8]) -> (Vec<Found>, Option<Place>) {
    let first = file.n.saturating_mul(WIDTH);
    let (mut ranges, mut broken) = tile::unpack(bytes);
    let width = file.width as usize;
    if let Some(extra) = ranges.get(width) {
        broken = Some(extra.start - 2);
        ranges.truncate(width);
    } else if ranges.len() < width && broken.is_none() {
        broken = Some(bytes.len());
    }
    let place = |at: usize, n: u64| Place::file(file).leaf(first + n).byte(at as u64);
    let broken = broken.map(|at| place(at, ranges.len() as u64));
    // INVARIANT: `unpack` gives ranges within the bytes.
    let found = |(n, range): (u64, std::ops::Range<usize>)| {
        let place = place(range.start, n);
        Found { bytes: bytes[range].to_vec(), place }
    };
    ((0..).zip(ranges).map(found).collect(), broken)
}

/// The hashes of a tile, and where its length is wrong.
fn hashes(file: Tile, bytes: &[u8]) -> (Vec<Hash>, Option<Place>) {
    let (length, due) = (bytes.len() as u64, file.width * 32);
    let broken = (length != due).then(|| Place::file(file).byte(length.min(due)));
    (bytes.chunks_exact(32).filter_map(|hash| hash.try_into().ok()).take(file.width as usize).collect(), broken)
}

/// Names the first hash of a tile that is not the one computed.
fn altered(file: Tile, written: &[Hash], computed: &[Option<Hash>], verdict: &mut Verdict) {
    let computed = computed.iter().skip((file.n.saturating_mul(WIDTH)) as usize);
    let wrong = written.iter().zip(computed).position(|(written, computed)| computed.is_some_and(|it| it != *written));
    if let Some(i) = wrong {
        verdict.fault(&fault::TILE_ALTERED, Place::file(file).byte(32 * i as u64));
    }
}

/// A decision as far as it is known.
struct Course {
    leaf: Option<u64>,
    expires: Option<i64>,
    closed: bool,
}

/// What the leaves say, one after the other.
#[derive(Default)]
struct Reading {
    ids: BTreeMap<Uuid, Hash>,
    courses: BTreeMap<Uuid, Course>,
    /// Decisions that were closed before they were made.
    early: BTreeSet<Uuid>,
    /// Whether a leaf so far could not be read: what is not found may have stood there.
    gap: bool,
}

/// Reads the leaves and follows the decisions.
fn decisions(log: &Log, question: &Question<'_>, verdict: &mut Verdict) {
    let mut reading = Reading::default();
    for (n, found) in (0..).zip(&log.leaves) {
        let leaf = found.as_ref().and_then(|found| parse(&found.bytes, &found.place, verdict).zip(Some(found)));
        match leaf {
            Some((leaf, found)) => {
                if reading.ids.insert(leaf.id, leaf_hash(&found.bytes)).is_some() {
                    verdict.fault(&fault::LEAF_REPEATED, found.place.clone());
                }
                reading.follow(&leaf, Some(n), &found.place, verdict);
            }
            None => reading.gap = true,
        }
    }
    unsequenced(question.unsequenced, &mut reading, verdict);
    for (decision, course) in reading.courses.into_iter().filter(|(_, course)| !course.closed) {
        let due = course.expires.is_some_and(|expires| expires < question.now);
        let list = if due { &mut verdict.overdue } else { &mut verdict.open };
        list.push(Decision { decision, leaf: course.leaf, expires: course.expires });
    }
    for list in [&mut verdict.open, &mut verdict.overdue] {
        list.sort_by_key(|decision| (decision.leaf.is_none(), decision.leaf));
    }
}

/// Reads the leaves that are not yet in the log. Their order is not settled: decisions are read first.
fn unsequenced(leaves: &[Vec<u8>], reading: &mut Reading, verdict: &mut Verdict) {
    let mut waiting = Vec::new();
    for (n, bytes) in (0..).zip(leaves) {
        let place = Place::file(UNSEQUENCED).leaf(n);
        let Some(leaf) = parse(bytes, &place, verdict) else {
            reading.gap = true;
            continue;
        };
        let hash = leaf_hash(bytes);
        match reading.ids.insert(leaf.id, hash) {
            // It was sequenced while the caller was listing.
            Some(known) if known == hash => continue,
            Some(_) => verdict.fault(&fault::LEAF_REPEATED, place.clone()),
            None => {}
        }
        verdict.unsequenced.push(leaf.id);
        waiting.push((leaf, place));
    }
    waiting.sort_by_key(|(leaf, _)| leaf.kind != Kind::Decided);
    for (leaf, place) in &waiting {
        reading.follow(leaf, None, place, verdict);
    }
}

/// The leaf in these bytes; says what is wrong with them.
fn parse(bytes: &[u8], place: &Place, verdict: &mut Verdict) -> Option<Leaf> {
    Leaf::from_bytes(bytes)
        .map_err(|bad| {
            let code = match bad {
                BadLeaf::Json(_) => &fault::LEAF_MALFORMED,
                BadLeaf::NotCanonical => &fault::LEAF_NOT_CANONICAL,
                BadLeaf::Version(_) => &fault::LEAF_VERSION,
            };
            verdict.fault(code, place.clone());
        })
        .ok()
}

impl Reading {
    /// Takes note of one leaf.
    fn follow(&mut self, leaf: &Leaf, n: Option<u64>, place: &Place, verdict: &mut Verdict) {
        *verdict.counts.entry(leaf.kind).or_default() += 1;
        if !matches!(leaf.kind, Kind::Decided | Kind::Done | Kind::Abandoned) {
            return;
        }
        let Some(decision) = leaf.decision else {
            verdict.fault(&fault::DECISION_UNNAMED, place.clone());
            return;
        };
        let known = self.courses.get_mut(&decision);
        match (leaf.kind, known) {
            (Kind::Decided, Some(_)) => verdict.fault(&fault::DECISION_REPEATED, place.clone()),
            (Kind::Decided, None) => {
                let closed = self.early.contains(&decision);
                self.courses.insert(decision, Course { leaf: n, expires: leaf.number(EXPIRES), closed });
            }
            (_, None) => {
                if !self.gap {
                    verdict.fault(&fault::CLOSED_UNDECIDED, place.clone());
                }
                self.early.insert(decision);
            }
            (_, Some(course)) if course.closed => verdict.fault(&fault::CLOSED_TWICE, place.clone()),
            (kind, Some(course)) => {
                course.closed = true;
                let late = course.expires.is_some_and(|expires| leaf.at > expires);
                if kind == Kind::Done && late {
                    verdict.late.push(Decision { decision, leaf: course.leaf, expires: course.expires });
                }
            }
        }
    }
}

/// Holds the log against a checkpoint that the overseer kept.
fn history(note: &[u8], vkey: &str, log: &Log, verdict: &mut Verdict) {
    let Ok(earlier) = Checkpoint::open(note, vkey) else {
        verdict.fault(&fault::EARLIER_UNREADABLE, Place::default());
        return;
    };
    let size = verdict.checkpoint.as_ref().map_or(log.hashes.len() as u64, |checkpoint| checkpoint.head.size);
    if earlier.head.size > size {
        verdict.fault(&fault::HISTORY_SHRUNK, Place::file(CHECKPOINT));
    } else if let Some(hashes) = usize::try_from(earlier.head.size).ok().and_then(|size| log.known(size))
        && root(&hashes) != earlier.head.root
    {
        verdict.fault(&fault::HISTORY_REWRITTEN, Place::file(CHECKPOINT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Files, Known, NOW, ORIGIN, START, grow, id, judge, leaf, leaves, log, log_of, signer};
    use crate::tile::pack;

    fn codes(verdict: &Verdict) -> Vec<&'static str> {
        verdict.faults.iter().map(|fault| fault.code.code).collect()
    }

    /// The file that the first fault names.
    fn named(verdict: &Verdict) -> Option<&str> {
        verdict.first().and_then(|fault| fault.place.file.as_deref())
    }

    #[test]
    fn whole_logs_are_sound() {
        for sizes in [&[0][..], &[1], &[0, 1, 2], &[7], &[255], &[256], &[100, 257], &[300, 600]] {
            let files = log(sizes);
            let verdict = judge(&files);
            assert!(verdict.is_sound(), "{sizes:?}: {:?}", verdict.faults);
            let size = *sizes.last().unwrap();
            assert_eq!((verdict.leaves, verdict.counts.values().sum::<u64>()), (size, size));
            // Without a list of files the same, but for the leftovers.
            assert!(judge(&|path: &str| files.get(path).cloned()).is_sound());
        }
        let verdict = judge(&log(&[12]));
        let counts: Vec<u64> = verdict.counts.into_values().collect();
        assert_eq!(counts, [2, 2, 1, 1, 2, 4]);
    }

    #[test]
    fn every_altered_byte_is_named_with_its_file() {
        let files = log(&[1, 3]);
        let mut tried = BTreeSet::new();
        for (path, bytes) in &files {
            for at in 0..bytes.len() {
                let mut bent = files.clone();
                bent.get_mut(path).unwrap()[at] ^= 1 << (at % 8);
                let verdict = judge(&bent);
                assert!(!verdict.is_sound(), "{path}, byte {at}");
                assert_eq!(named(&verdict), Some(path.as_str()), "byte {at}: {:?}", verdict.faults);
                // Nothing else is accused.
                let others = verdict.faults.iter().filter(|fault| {
                    fault.place.file.as_deref() != Some(path) && fault.place.file.as_deref() != Some(CHECKPOINT)
                });
                assert_eq!(others.count(), 0, "{path}, byte {at}: {:?}", verdict.faults);
                tried.insert(path);
            }
        }
        assert_eq!(tried.len(), 5);
    }

    /// Where each leaf's bytes begin and end in a bundle.
    fn spans(bundle: &[u8]) -> Vec<std::ops::Range<usize>> {
        tile::unpack(bundle).0
    }

    #[test]
    fn altered_bytes_of_a_larger_log_are_named_with_leaf_and_byte() {
        let files = log(&[200, 300]);
        let mut seed = 0x9E37_79B9_u64;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        assert_eq!(files.len(), 8, "{:?}", files.keys());
        for (path, bytes) in files.iter().filter(|(path, _)| *path != CHECKPOINT) {
            for at in [0, bytes.len() - 1].into_iter().chain((0..12).map(|_| next(bytes.len()))) {
                let mut bent = files.clone();
                bent.get_mut(path).unwrap()[at] ^= 1 << (at % 8);
                let verdict = judge(&bent);
                let first = verdict.first().unwrap();
                assert_eq!(first.place.file.as_ref(), Some(path), "byte {at}: {:?}", verdict.faults);
                if path.starts_with("tile/entries/") {
                    assert_eq!(first.code.code, "ledger-entry-altered");
                    let n = spans(bytes).iter().position(|span| at < span.end).unwrap() as u64;
                    let start = spans(bytes)[n as usize].start as u64;
                    let tile = Tile::parse(path).unwrap();
                    assert_eq!((first.place.leaf, first.place.byte), (Some(tile.n * WIDTH + n), Some(start)));
                } else {
                    assert_eq!(first.code.code, "ledger-tile-altered");
                    assert_eq!(first.place.byte, Some(at as u64 / 32 * 32));
                }
            }
        }
    }

    #[test]
    fn a_cut_or_lengthened_file_is_named() {
        let files = log(&[3, 7]);
        for (path, bytes) in &files {
            for end in (0..bytes.len()).step_by(13).chain([bytes.len() - 1]) {
                let mut bent = files.clone();
                bent.insert(path.clone(), bytes[..end].to_vec());
                let verdict = judge(&bent);
                assert_eq!(named(&verdict), Some(path.as_str()), "cut at {end}: {:?}", verdict.faults);
            }
            for more in [&[0][..], &[0, 0], &[0; 32], b"\n"] {
                let mut bent = files.clone();
                bent.get_mut(path).unwrap().extend(more);
                let verdict = judge(&bent);
                assert_eq!(named(&verdict), Some(path.as_str()), "{more:?}: {:?}", verdict.faults);
                if path != CHECKPOINT {
                    let place = &verdict.first().unwrap().place;
                    assert_eq!(
                        (verdict.first().unwrap().code.code, place.byte),
                        ("ledger-file-length", Some(bytes.len() as u64))
                    );
                }
            }
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let files = log(&[300]);
        for path in files.keys() {
            let mut less = files.clone();
            less.remove(path);
            let verdict = judge(&less);
            assert_eq!(named(&verdict), Some(path.as_str()));
            let want = if path == CHECKPOINT { "ledger-checkpoint-missing" } else { "ledger-file-missing" };
            assert_eq!(codes(&verdict), [want], "{path}");
        }
        assert_eq!(codes(&judge(&Files::new())), ["ledger-checkpoint-missing"]);
    }

    #[test]
    fn a_dropped_leaf_is_named() {
        let files = log(&[7]);
        let mut less = leaves(7);
        less.remove(3);
        // From the bundle alone.
        let mut bent = files.clone();
        bent.insert("tile/entries/000.p/7".to_owned(), pack(less.iter().map(Vec::as_slice)).unwrap());
        let verdict = judge(&bent);
        let first = verdict.first().unwrap();
        assert_eq!((first.code.code, first.place.leaf), ("ledger-entry-altered", Some(3)));
        assert_eq!(named(&verdict), Some("tile/entries/000.p/7"));
        assert!(codes(&verdict).contains(&"ledger-file-length"));
        // With the tiles computed anew, under the old checkpoint.
        let mut rebuilt = log_of(&less, &[6]);
        rebuilt.insert(CHECKPOINT.to_owned(), files[CHECKPOINT].clone());
        assert_eq!(named(&judge(&rebuilt)), Some("tile/entries/000.p/7"));
        // And under a checkpoint that somebody else signed.
        let growth = crate::log::extend(&Head::EMPTY, &Files::new(), &less).unwrap();
        let forged: Files = growth.signed(&Known::new(ORIGIN, 1)).unwrap().into_iter().collect();
        assert_eq!(codes(&judge(&forged)), ["ledger-checkpoint-unsigned"]);
    }

    #[test]
    fn swapped_leaves_are_named() {
        let files = log(&[7]);
        let mut swapped = leaves(7);
        swapped.swap(2, 5);
        let mut bent = files.clone();
        bent.insert("tile/entries/000.p/7".to_owned(), pack(swapped.iter().map(Vec::as_slice)).unwrap());
        let verdict = judge(&bent);
        assert_eq!(codes(&verdict), ["ledger-entry-altered"; 2]);
        assert_eq!(verdict.faults.iter().map(|fault| fault.place.leaf).collect::<Vec<_>>(), [Some(2), Some(5)]);
        // The whole log computed anew: only the signed root still knows.
        let mut rebuilt = log_of(&swapped, &[7]);
        rebuilt.insert(CHECKPOINT.to_owned(), files[CHECKPOINT].clone());
        assert_eq!(judge(&rebuilt).first().unwrap().code.code, "ledger-root-differs");
    }

    #[test]
    fn two_faults_are_both_named() {
        let files = log(&[300]);
        let mut bent = files.clone();
        bent.get_mut("tile/entries/000").unwrap()[500] ^= 1;
        bent.get_mut("tile/0/000").unwrap()[32 * 200] ^= 1;
        bent.get_mut("tile/1/000.p/1").unwrap()[0] ^= 1;
        bent.remove("tile/0/001.p/44");
        let verdict = judge(&bent);
        let mut places: Vec<_> =
            verdict.faults.iter().map(|fault| (fault.code.code, fault.place.file.as_deref().unwrap())).collect();
        places.sort_unstable();
        assert_eq!(
            places,
            [
                ("ledger-entry-altered", "tile/entries/000"),
                ("ledger-file-missing", "tile/0/001.p/44"),
                ("ledger-tile-altered", "tile/0/000"),
                ("ledger-tile-altered", "tile/1/000.p/1"),
            ]
        );
        // Leaf and hash of the same leaf: nothing decides between them.
        let mut bent = files;
        bent.get_mut("tile/entries/000").unwrap()[5] ^= 1;
        bent.get_mut("tile/0/000").unwrap()[0] ^= 1;
        let verdict = judge(&bent);
        assert_eq!(codes(&verdict), ["ledger-entry-or-tile-altered"]);
        assert_eq!(verdict.first().unwrap().place.leaf, Some(0));
    }

    #[test]
    fn a_long_altered_bundle_is_named_once() {
        let mut files = log(&[300]);
        // The first leaf's length: all leaves behind it fall apart.
        files.get_mut("tile/entries/000").unwrap()[1] ^= 4;
        let verdict = judge(&files);
        assert_eq!(named(&verdict), Some("tile/entries/000"));
        assert_eq!(verdict.first().unwrap().place.leaf, Some(0));
        assert!(verdict.faults.len() <= 2, "{:?}", verdict.faults);
    }

    #[test]
    fn checkpoints_that_do_not_count() {
        let files = log(&[7]);
        let ask = |files: &Files, vkey: &str| {
            let verdict = verify(files, &Question { vkey, now: NOW, earlier: None, unsequenced: &[] });
            assert!(!verdict.is_sound());
            verdict.first().unwrap().code.code
        };
        assert_eq!(ask(&files, "nonsense"), "ledger-verifier-key");
        assert_eq!(ask(&files, &Known::new(ORIGIN, 1).vkey()), "ledger-checkpoint-unsigned");
        let mut other = files.clone();
        other.insert(CHECKPOINT.to_owned(), b"7\n".to_vec());
        assert_eq!(ask(&other, &signer().vkey()), "ledger-checkpoint-malformed");
        let text = String::from_utf8(files[CHECKPOINT].clone()).unwrap().replace("\n7\n", "\n6\n");
        other.insert(CHECKPOINT.to_owned(), text.into_bytes());
        assert_eq!(ask(&other, &signer().vkey()), "ledger-checkpoint-signature");
        // Without a signature the other files are still held against each other.
        other.get_mut("tile/0/000.p/7").unwrap()[40] ^= 1;
        assert!(codes(&judge(&other)).contains(&"ledger-entry-or-tile-altered"));
        // A signed size that no disk could hold ends soon.
        let absurd = Checkpoint::sign(&Head { size: 1 << 47, root: [0; 32] }, &signer()).unwrap();
        other.insert(CHECKPOINT.to_owned(), absurd);
        let verdict = judge(&other);
        assert!(verdict.cut_short && verdict.faults.len() == MOST_FAULTS);
    }

    #[test]
    fn the_past_cannot_be_rewritten_unseen() {
        let kept = log(&[5]);
        let held = |files: &Files, note: &[u8]| {
            let vkey = signer().vkey();
            codes(&verify(files, &Question { vkey: &vkey, now: NOW, earlier: Some(note), unsequenced: &[] }))
        };
        let note = kept[CHECKPOINT].as_slice();
        assert!(held(&log(&[5]), note).is_empty() && held(&log(&[5, 9]), note).is_empty());
        assert!(held(&log(&[9]), log(&[0])[CHECKPOINT].as_slice()).is_empty());
        // The operator rewrites with his own key.
        let mut rewritten = leaves(9);
        rewritten[4] = leaf(4).with("way", "fax").to_bytes();
        assert_eq!(held(&log_of(&rewritten, &[9]), note), ["ledger-history-rewritten"]);
        assert_eq!(held(&log(&[4]), note), ["ledger-history-shrunk"]);
        assert_eq!(held(&log(&[5]), b"5\n"), ["ledger-earlier-unreadable"]);
        let forged = Checkpoint::sign(&Head { size: 5, root: [0; 32] }, &Known::new(ORIGIN, 1)).unwrap();
        assert_eq!(held(&log(&[5]), &forged), ["ledger-earlier-unreadable"]);
    }

    fn decided(n: u64, decision: u64) -> Leaf {
        Leaf::new(id(n), Kind::Decided, START, Some(id(decision))).with(EXPIRES, START + 100)
    }

    fn end(n: u64, kind: Kind, decision: u64) -> Leaf {
        Leaf::new(id(n), kind, START + 50, Some(id(decision)))
    }

    fn of(leaves: &[Leaf]) -> Verdict {
        let leaves: Vec<_> = leaves.iter().map(Leaf::to_bytes).collect();
        judge(&log_of(&leaves, &[leaves.len() as u64]))
    }

    #[test]
    fn each_decision_is_closed_once_and_only_after_it_was_made() {
        use Kind::{Abandoned, Done};
        assert!(of(&[decided(1, 91), end(2, Done, 91), decided(3, 92), end(4, Abandoned, 92)]).is_sound());
        for (leaves, want, at) in [
            (vec![end(1, Done, 91), decided(2, 91)], "ledger-closed-undecided", 0),
            (vec![decided(1, 91), end(2, Abandoned, 92)], "ledger-closed-undecided", 1),
            (vec![decided(1, 91), end(2, Done, 91), end(3, Done, 91)], "ledger-closed-twice", 2),
            (vec![decided(1, 91), end(2, Abandoned, 91), end(3, Done, 91)], "ledger-closed-twice", 2),
            (vec![decided(1, 91), decided(2, 91)], "ledger-decision-repeated", 1),
            (vec![decided(1, 91), end(1, Done, 91)], "ledger-leaf-repeated", 1),
            (vec![Leaf::new(id(1), Done, START, None)], "ledger-decision-unnamed", 0),
            (vec![Leaf::new(id(1), Kind::Decided, START, None)], "ledger-decision-unnamed", 0),
        ] {
            let verdict = of(&leaves);
            assert_eq!(codes(&verdict), [want]);
            assert_eq!(verdict.first().unwrap().place.leaf, Some(at), "{want}");
        }
    }

    #[test]
    fn open_overdue_and_late_decisions_are_listed() {
        let leaves = [decided(1, 91), decided(2, 92).with(EXPIRES, NOW), end(3, Kind::Carried, 91)];
        let verdict = of(&leaves);
        assert!(verdict.is_sound());
        let only = |decision, leaf, expires| vec![Decision { decision: id(decision), leaf: Some(leaf), expires }];
        assert_eq!(verdict.overdue, only(91, 0, Some(START + 100)));
        assert_eq!(verdict.open, only(92, 1, Some(NOW)));
        let mut late = end(2, Kind::Done, 91);
        late.at = START + 101;
        assert_eq!(of(&[decided(1, 91), late]).late, only(91, 0, Some(START + 100)));
        assert!(of(&[decided(1, 91), end(2, Kind::Done, 91)]).late.is_empty());
    }

    #[test]
    fn leaves_must_be_canonical() {
        let good = leaf(0).to_bytes();
        let text = String::from_utf8(good.clone()).unwrap();
        for (bad, want) in [
            (text.replace(":{", ": {"), "ledger-leaf-not-canonical"),
            (text.replace("\"v\":1", "\"v\":2"), "ledger-leaf-version"),
            (text.replace("\"v\":1", "\"v\":1,\"x\":1"), "ledger-leaf-malformed"),
            (text.replace("839", "839.0"), "ledger-leaf-malformed"),
            (text.replace("\"at\"", "\"at\":1,\"at\""), "ledger-leaf-malformed"),
            (text.replace("\"count\":839", "\"count\":1,\"count\":839"), "ledger-leaf-not-canonical"),
            (text.replace("share", "sh\\u0061re"), "ledger-leaf-not-canonical"),
            (String::new(), "ledger-leaf-malformed"),
        ] {
            assert_ne!(bad, text, "{want}");
            let verdict = judge(&log_of(&[leaf(1).to_bytes(), bad.clone().into_bytes()], &[2]));
            assert_eq!(codes(&verdict), [want], "{bad}");
            assert_eq!(verdict.first().unwrap().place.leaf, Some(1));
        }
    }

    #[test]
    fn leaves_not_yet_sequenced_are_read_and_named() {
        let files = log_of(&[decided(1, 91).to_bytes(), decided(2, 92).to_bytes()], &[2]);
        let ask = |leaves: &[Leaf]| {
            let waiting: Vec<_> = leaves.iter().map(Leaf::to_bytes).collect();
            verify(&files, &Question { vkey: &signer().vkey(), now: START, earlier: None, unsequenced: &waiting })
        };
        let verdict = ask(&[end(4, Kind::Done, 93), decided(3, 93), end(5, Kind::Done, 91), decided(2, 92)]);
        assert!(verdict.is_sound(), "{:?}", verdict.faults);
        assert_eq!(verdict.unsequenced, [id(4), id(3), id(5)]);
        assert_eq!(verdict.open.iter().map(|open| open.decision).collect::<Vec<_>>(), [id(92)]);
        assert_eq!((verdict.leaves, verdict.counts[&Kind::Decided]), (2, 3));
        let verdict = ask(&[end(4, Kind::Done, 94), decided(1, 95)]);
        assert_eq!(codes(&verdict), ["ledger-leaf-repeated", "ledger-closed-undecided"]);
        assert_eq!(verdict.first().unwrap().place, Place::file(UNSEQUENCED).leaf(1));
        assert_eq!(
            codes(&verify(
                &files,
                &Question { vkey: &signer().vkey(), now: START, earlier: None, unsequenced: &[b"{}".to_vec()] }
            )),
            ["ledger-leaf-malformed"]
        );
    }

    #[test]
    fn leftovers_are_held_against_the_tree_and_strays_are_listed() {
        let mut files = log(&[3, 7]);
        files.insert("index.html".to_owned(), Vec::new());
        files.insert("tile/9/000".to_owned(), vec![0; 32 * 256]);
        let verdict = judge(&files);
        assert!(verdict.is_sound());
        assert_eq!(verdict.strays, ["index.html"]);
        // A growth that no checkpoint covers yet proves nothing, but its older part must be the signed one.
        let old = files[CHECKPOINT].clone();
        grow(&mut files, &[leaf(7).to_bytes()]);
        files.insert(CHECKPOINT.to_owned(), old);
        assert!(judge(&files).is_sound());
        files.get_mut("tile/0/000.p/8").unwrap()[32] ^= 1;
        assert_eq!(named(&judge(&files)), Some("tile/0/000.p/8"));
    }

    #[test]
    fn a_folder_is_read_like_memory() {
        let files = log(&[3, 7]);
        let folder = tempfile::tempdir().unwrap();
        for (path, bytes) in &files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let shelf = crate::shelf::Folder(folder.path().to_owned());
        assert_eq!(shelf.list(), files.list());
        assert!(judge(&shelf).is_sound());
        assert!(!judge(&crate::shelf::Folder(folder.path().join("none"))).is_sound());
    }
}
