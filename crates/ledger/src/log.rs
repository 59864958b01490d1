//! The log grows: from the present tree and new leaves to the files to be written.
//!
//! A function of its inputs: the same tree and leaves give the same files, so that whoever crashed in between does it again.

use std::cell::RefCell;
use std::collections::HashMap;

use signed_note::Signer;
use tlog_tiles::{HashReader, stored_hash_index, stored_hashes, tree_hash};

use crate::checkpoint::{BadCheckpoint, Checkpoint};
use crate::shelf::Shelf;
use crate::tile::{self, CHECKPOINT, LARGEST, LONGEST, Row, Tile, WIDTH};
use crate::tree::{EMPTY, Hash, Head, leaf_hash};

/// The height of a tile: 2^8 hashes.
const HEIGHT: u8 = 8;

/// The log cannot be continued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// A file that the present tree needs is not there, or is too short.
    #[error("`{0}` is missing or too short")]
    Missing(String),
    /// The files are not those of the present tree; nothing may be signed over them.
    #[error("the files are not those of the tree of {size} leaves that the checkpoint names")]
    Differs {
        /// How many leaves the tree has.
        size: u64,
    },
    /// The entries are not those whose hashes stand in the tree.
    #[error("the leaf {leaf} in `{path}` is not the one in the tree")]
    Entry {
        /// The file.
        path: String,
        /// The leaf's place in the log, from 0.
        leaf: u64,
    },
    /// A leaf longer than 65,535 bytes.
    #[error("a leaf of {length} bytes is too long")]
    LeafTooLong {
        /// Its length.
        length: usize,
    },
    /// No such leaf or earlier size.
    #[error("the log has {size} leaves, {asked} was asked for")]
    Beyond {
        /// How many leaves the tree has.
        size: u64,
        /// What was asked for.
        asked: u64,
    },
    /// The tree's arithmetic failed.
    #[error("the tree cannot be computed: {0}")]
    Tree(#[from] tlog_tiles::Error),
    /// The checkpoint could not be signed.
    #[error(transparent)]
    Checkpoint(#[from] BadCheckpoint),
}

/// What is to be written for the log to grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    /// Entry bundles and tiles, in the order in which they are to be written: paths and bytes.
    pub files: Vec<(String, Vec<u8>)>,
    /// The tree after that.
    pub head: Head,
    /// Folders of partial tiles that full ones replace; they may be removed once the new checkpoint is on the disk.
    pub superseded: Vec<String>,
}

/// The files that the log of `present` needs so that it holds `leaves` as well, in this order.
///
/// `present` is what the checkpoint says that was written last ([`Head::EMPTY`] before the first). Write `files` in their
/// order and durably, then the checkpoint that [`Growth::signed`] puts last: until it stands, the log is the old one. After
/// a crash do the same again with the same leaves. Only one may do this at a time, and it must know the last head it signed
/// from elsewhere too: a log put back from an old backup and continued would be two logs under one name.
///
/// # Errors
/// [`LogError`], where a file is missing or was altered, or a leaf is too long; nothing is to be written then.
pub fn extend<L: AsRef<[u8]>>(present: &Head, shelf: &dyn Shelf, leaves: &[L]) -> Result<Growth, LogError> {
    let size = present.size + leaves.len() as u64;
    if size > LARGEST {
        return Err(LogError::Beyond { size: present.size, asked: size });
    }
    if let Some(long) = leaves.iter().find(|leaf| leaf.as_ref().len() > LONGEST) {
        return Err(LogError::LeafTooLong { length: long.as_ref().len() });
    }
    let nodes = Nodes::of(present, shelf)?;
    let mut files = entries(present.size, &nodes, leaves)?;
    for (n, leaf) in (present.size..).zip(leaves) {
        let hashes = nodes.said(stored_hashes(n, leaf.as_ref(), &nodes))?;
        nodes.new.borrow_mut().extend((stored_hash_index(0, n)..).zip(hashes));
    }
    let mut superseded = Vec::new();
    for theirs in tlog_tiles::Tile::new_tiles(HEIGHT, present.size, size) {
        let tile = Tile { row: Row::Hashes(theirs.level()), n: theirs.level_index(), width: u64::from(theirs.width()) };
        files.push((tile.to_string(), nodes.said(theirs.read_data(&nodes))?));
    }
    for (path, _) in &files {
        superseded.extend(Tile::parse(path).filter(|tile| tile.is_full()).map(Tile::partial_folder));
    }
    Ok(Growth { files, head: Head { size, root: nodes.root(size)? }, superseded })
}

impl Growth {
    /// All files, the checkpoint signed by `signer` last. Its name is the log's origin.
    ///
    /// # Errors
    /// [`LogError::Checkpoint`] where signing failed.
    pub fn signed(&self, signer: &dyn Signer) -> Result<Vec<(String, Vec<u8>)>, LogError> {
        let mut files = self.files.clone();
        files.push((CHECKPOINT.to_owned(), Checkpoint::sign(&self.head, signer)?));
        Ok(files)
    }
}

/// The entry bundles that hold the new leaves, from the one that the present log ends in.
fn entries<L: AsRef<[u8]>>(size: u64, nodes: &Nodes<'_>, leaves: &[L]) -> Result<Vec<(String, Vec<u8>)>, LogError> {
    let mut files = Vec::new();
    let mut n = size / WIDTH;
    let old = match Tile::of(Row::Entries, n, size) {
        Some(tile) => nodes.bundle(tile)?,
        None => Vec::new(),
    };
    let mut bundle: Vec<&[u8]> = old.iter().map(Vec::as_slice).collect();
    let mut leaves = leaves.iter().map(AsRef::as_ref).peekable();
    while leaves.peek().is_some() {
        bundle.extend(leaves.by_ref().take(WIDTH as usize - bundle.len()));
        let tile = Tile { row: Row::Entries, n, width: bundle.len() as u64 };
        // INVARIANT: the caller has seen that no leaf is too long.
        files.push((tile.to_string(), tile::pack(bundle.drain(..)).unwrap_or_default()));
        n += 1;
    }
    Ok(files)
}

/// The tree's nodes: those on the shelf, and those that are new.
pub(crate) struct Nodes<'a> {
    size: u64,
    shelf: &'a dyn Shelf,
    tiles: RefCell<HashMap<Tile, Vec<u8>>>,
    new: RefCell<HashMap<u64, tlog_tiles::Hash>>,
    /// Why a hash could not be read; the tree's own errors have no room for it.
    failed: RefCell<Option<LogError>>,
}

impl<'a> Nodes<'a> {
    /// The nodes of `head`. INVARIANT: the root was recomputed from the tiles at the right edge, from which alone new nodes
    /// are made.
    pub(crate) fn of(head: &Head, shelf: &'a dyn Shelf) -> Result<Self, LogError> {
        let (tiles, new, failed) = Default::default();
        let nodes = Self { size: head.size, shelf, tiles, new, failed };
        if nodes.root(head.size)? == head.root { Ok(nodes) } else { Err(LogError::Differs { size: head.size }) }
    }

    /// The root over the first `size` leaves.
    pub(crate) fn root(&self, size: u64) -> Result<Hash, LogError> {
        if size == 0 { Ok(EMPTY) } else { Ok(self.said(tree_hash(size, self))?.0) }
    }

    /// What the tree's arithmetic says, or what kept it from its hashes.
    pub(crate) fn said<T>(&self, result: Result<T, tlog_tiles::Error>) -> Result<T, LogError> {
        result.map_err(|error| self.failed.take().unwrap_or(LogError::Tree(error)))
    }

    /// The first `tile.width` leaves of the bundle, after each was compared with its hash in the tree.
    pub(crate) fn bundle(&self, tile: Tile) -> Result<Vec<Vec<u8>>, LogError> {
        let missing = || LogError::Missing(tile.to_string());
        let bytes = find(self.shelf, tile).ok_or_else(missing)?.1;
        let (ranges, _) = tile::unpack(&bytes);
        let leaves: Vec<Vec<u8>> =
            ranges.into_iter().take(tile.width as usize).map(|range| bytes[range].to_vec()).collect();
        if leaves.len() as u64 != tile.width {
            return Err(missing());
        }
        let first = tile.n * WIDTH;
        let indexes: Vec<u64> = (first..first + tile.width).map(|n| stored_hash_index(0, n)).collect();
        for ((leaf, hash), n) in leaves.iter().zip(self.said(self.read_hashes(&indexes))?).zip(first..) {
            if leaf_hash(leaf) != hash.0 {
                return Err(LogError::Entry { path: tile.to_string(), leaf: n });
            }
        }
        Ok(leaves)
    }

    fn old(&self, index: u64) -> Result<tlog_tiles::Hash, LogError> {
        let theirs = tlog_tiles::Tile::from_index(HEIGHT, index);
        let (row, n) = (Row::Hashes(theirs.level()), theirs.level_index());
        let tile = Tile::of(row, n, self.size).ok_or(LogError::Tree(tlog_tiles::Error::IndexesNotInTree))?;
        let mut tiles = self.tiles.borrow_mut();
        let bytes = match tiles.entry(tile) {
            std::collections::hash_map::Entry::Occupied(found) => found.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let missing = || LogError::Missing(tile.to_string());
                let bytes = find(self.shelf, tile).ok_or_else(missing)?.1;
                if !bytes.len().is_multiple_of(32) || (bytes.len() as u64) < tile.width * 32 {
                    return Err(missing());
                }
                place.insert(bytes)
            }
        };
        Ok(theirs.hash_at_index(bytes, index)?)
    }
}

impl HashReader for Nodes<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        indexes
            .iter()
            .map(|index| match self.new.borrow().get(index) {
                Some(hash) => Ok(*hash),
                None => self.old(*index).map_err(|error| {
                    self.failed.replace(Some(error));
                    tlog_tiles::Error::InvalidTile
                }),
            })
            .collect()
    }
}

/// The tile's file, or the full or a wider one that has replaced it: its path and bytes.
pub(crate) fn find(shelf: &dyn Shelf, tile: Tile) -> Option<(Tile, Vec<u8>)> {
    let wider = (tile.width + 1..WIDTH).map(|width| Tile { width, ..tile });
    [tile, tile.full()].into_iter().chain(wider).find_map(|tile| Some((tile, shelf.read(&tile.to_string())?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Files, grow, head, judge, leaves, log, log_of, signer};

    #[test]
    fn however_it_grew_the_tree_is_the_same() {
        let all = leaves(600);
        let mut files = Files::new();
        // Leaf by leaf at the tiles' edges, in bunches elsewhere.
        let sizes = [0, 1, 2, 3, 7, 100, 254, 255, 256, 257, 258, 400, 511, 512, 513, 600];
        for pair in sizes.windows(2) {
            let growth = grow(&mut files, &all[pair[0]..pair[1]]);
            assert_eq!(growth.head, head(&all[..pair[1]]), "{pair:?}");
            let at_once = log(&[pair[1] as u64]);
            for (path, bytes) in &at_once {
                assert!(files.get(path) == Some(bytes), "{path} after {pair:?}");
            }
            let verdict = judge(&files);
            assert!(verdict.is_sound() && verdict.strays.is_empty(), "{pair:?}: {:?}", verdict.first());
            assert_eq!(verdict.leaves, pair[1] as u64);
        }
    }

    #[test]
    fn a_third_level() {
        let tiny: Vec<[u8; 4]> = (0..65_793_u32).map(u32::to_be_bytes).collect();
        let growth = extend(&Head::EMPTY, &Files::new(), &tiny[..65_535]).unwrap();
        let mut files: Files = growth.files.into_iter().collect();
        assert!(!files.contains_key("tile/2/000.p/1") && files.contains_key("tile/1/000.p/255"));
        let growth = extend(&growth.head, &files, &tiny[65_535..]).unwrap();
        files.extend(growth.files);
        assert!(files.contains_key("tile/2/000.p/1") && files.contains_key("tile/0/256"));
        assert_eq!(
            growth.superseded,
            ["tile/entries/255.p", "tile/entries/256.p", "tile/0/255.p", "tile/0/256.p", "tile/1/000.p",]
        );
        let hashes: Vec<Hash> = tiny.iter().map(|leaf| leaf_hash(leaf)).collect();
        assert_eq!(growth.head.root, crate::tree::root(&hashes));
    }

    #[test]
    fn a_crash_after_any_file_is_made_good_by_doing_it_again() {
        let all = leaves(300);
        for (from, to) in [(0, 3), (3, 7), (250, 256), (250, 257), (256, 300)] {
            let old = log_of(&all, &[from as u64]);
            let present = head(&all[..from]);
            let growth = extend(&present, &old, &all[from..to]).unwrap();
            let writes = growth.signed(&signer()).unwrap();
            assert_eq!(writes.last().unwrap().0, CHECKPOINT);
            for done in 0..writes.len() {
                let mut files = old.clone();
                files.extend(writes[..done].iter().cloned());
                if from > 0 {
                    let verdict = judge(&files);
                    assert!(verdict.is_sound(), "{from} to {to}, {done} written: {:?}", verdict.first());
                    assert_eq!(verdict.leaves, from as u64);
                }
                assert_eq!(extend(&present, &files, &all[from..to]).unwrap(), growth, "{from} to {to}, {done} written");
            }
        }
    }

    #[test]
    fn partial_tiles_may_go_once_the_full_one_is_there() {
        let all = leaves(300);
        let mut files = log_of(&all, &[100, 200]);
        let present = head(&all[..200]);
        let growth = grow(&mut files, &all[200..300]);
        assert_eq!(growth.superseded, ["tile/entries/000.p", "tile/0/000.p"]);
        files.retain(|path, _| !growth.superseded.iter().any(|folder| path.starts_with(folder)));
        assert!(judge(&files).is_sound());
        // The earlier tree is still to be had from the wider files.
        assert_eq!(extend(&present, &files, &all[200..300]).unwrap(), growth);
        // So it is where a wider partial one has replaced it.
        let mut files = log_of(&all, &[100, 200]);
        files.retain(|path, _| !path.ends_with(".p/100"));
        assert_eq!(extend(&head(&all[..100]), &files, &all[100..200]).unwrap().head, present);
        files.insert(CHECKPOINT.to_owned(), log_of(&all, &[100]).remove(CHECKPOINT).unwrap());
        assert!(judge(&files).is_sound());
    }

    #[test]
    fn nothing_is_built_on_altered_files() {
        let all = leaves(12);
        let files = log_of(&all, &[10]);
        let present = head(&all[..10]);
        for (path, bytes) in &files {
            for at in (0..bytes.len()).filter(|_| path != CHECKPOINT) {
                let mut bent = files.clone();
                bent.get_mut(path).unwrap()[at] ^= 1;
                let error = extend(&present, &bent, &all[10..]).unwrap_err();
                let expected = match error {
                    LogError::Differs { size } => path.starts_with("tile/0/") && size == 10,
                    LogError::Entry { path: named, .. } | LogError::Missing(named) => named == *path,
                    _ => false,
                };
                assert!(expected, "{path}, byte {at}");
            }
        }
        for path in files.keys().filter(|path| *path != CHECKPOINT) {
            let mut less = files.clone();
            less.remove(path);
            assert!(matches!(extend(&present, &less, &all[10..]), Err(LogError::Missing(named)) if named == *path));
        }
        let other = Head { root: EMPTY, ..present };
        assert!(matches!(extend(&other, &files, &all[10..]), Err(LogError::Differs { size: 10 })));
    }

    #[test]
    fn nothing_new_changes_nothing_but_the_signature_stands() {
        let files = log(&[7]);
        let present = head(&leaves(7));
        let growth = extend::<Vec<u8>>(&present, &files, &[]).unwrap();
        assert!(growth.files.is_empty() && growth.head == present);
        assert_eq!(growth.signed(&signer()).unwrap(), [(CHECKPOINT.to_owned(), files[CHECKPOINT].clone())]);
    }

    #[test]
    fn a_leaf_too_long_is_refused() {
        let long = vec![vec![0; LONGEST + 1]];
        assert!(matches!(extend(&Head::EMPTY, &Files::new(), &long), Err(LogError::LeafTooLong { length: 65_536 })));
        assert!(extend(&Head::EMPTY, &Files::new(), &[vec![0; LONGEST]]).is_ok());
    }
}
