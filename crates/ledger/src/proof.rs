//! Proofs for whoever has no copy of the log: that a leaf is in it, and that it only grew.
//!
//! Each is verified by [`crate::tree`] before it is handed out; whoever gets it verifies it with [`crate::tree::includes`]
//! and [`crate::tree::extends`], or with any other implementation of RFC 6962 or RFC 9162.

use tlog_tiles::{prove_record, prove_tree};

use crate::log::{LogError, Nodes};
use crate::shelf::Shelf;
use crate::tile::{Row, Tile, WIDTH};
use crate::tree::{self, Hash, Head};

/// The leaf at `index`, from 0, after its hash was compared with the tile's.
///
/// # Errors
/// [`LogError`], where there is no such leaf or a file is missing or altered.
pub fn leaf(shelf: &dyn Shelf, head: &Head, index: u64) -> Result<Vec<u8>, LogError> {
    let nodes = Nodes::of(head, shelf)?;
    let beyond = LogError::Beyond { size: head.size, asked: index };
    let tile = Tile::of(Row::Entries, index / WIDTH, head.size).filter(|_| index < head.size).ok_or(beyond)?;
    // INVARIANT: the bundle has `tile.width` leaves, and `index` is one of them.
    Ok(nodes.bundle(tile)?.swap_remove((index % WIDTH) as usize))
}

/// The path that proves the leaf at `index`, from 0, in the tree of `head`.
///
/// # Errors
/// As [`leaf`]; [`LogError::Differs`] where an altered file would have made the proof fail.
pub fn inclusion(shelf: &dyn Shelf, head: &Head, index: u64) -> Result<Vec<Hash>, LogError> {
    let leaf = leaf(shelf, head, index)?;
    let nodes = Nodes::of(head, shelf)?;
    let path = ours(&nodes.said(prove_record(head.size, index, &nodes))?);
    if tree::includes(head, index, &tree::leaf_hash(&leaf), &path) {
        Ok(path)
    } else {
        Err(LogError::Differs { size: head.size })
    }
}

/// The path that proves that the log of `head` begins with its first `earlier` leaves.
///
/// # Errors
/// [`LogError`], as [`inclusion`].
pub fn consistency(shelf: &dyn Shelf, head: &Head, earlier: u64) -> Result<Vec<Hash>, LogError> {
    if earlier > head.size {
        return Err(LogError::Beyond { size: head.size, asked: earlier });
    }
    if earlier == 0 {
        return Ok(Vec::new());
    }
    let nodes = Nodes::of(head, shelf)?;
    let path = ours(&nodes.said(prove_tree(head.size, earlier, &nodes))?);
    let before = Head { size: earlier, root: nodes.root(earlier)? };
    if tree::extends(head, &before, &path) { Ok(path) } else { Err(LogError::Differs { size: head.size }) }
}

fn ours(path: &[tlog_tiles::Hash]) -> Vec<Hash> {
    path.iter().map(|hash| hash.0).collect()
}
