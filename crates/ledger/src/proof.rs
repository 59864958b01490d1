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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{head, leaves, log};

    #[test]
    fn proofs_from_tiles_are_those_from_the_leaves() {
        for size in [1_u64, 2, 7, 255, 256, 257, 300, 513] {
            let files = log(&[size]);
            let all = leaves(size);
            let here = head(&all);
            let hashes: Vec<Hash> = all.iter().map(|leaf| tree::leaf_hash(leaf)).collect();
            for n in [0, 1, size / 2, 255, 256, size - 1] {
                if n < size {
                    assert_eq!(leaf(&files, &here, n).unwrap(), all[n as usize]);
                    let path = inclusion(&files, &here, n).unwrap();
                    assert_eq!(Some(&path), tree::prove_inclusion(&hashes, n as usize).as_ref(), "{n} of {size}");
                    let path = consistency(&files, &here, n).unwrap();
                    assert_eq!(Some(&path), tree::prove_consistency(&hashes, n as usize).as_ref(), "{n} to {size}");
                }
            }
            assert!(consistency(&files, &here, size).unwrap().is_empty());
            assert!(matches!(inclusion(&files, &here, size), Err(LogError::Beyond { .. })));
            assert!(matches!(leaf(&files, &here, u64::MAX), Err(LogError::Beyond { .. })));
            assert!(matches!(consistency(&files, &here, size + 1), Err(LogError::Beyond { .. })));
        }
        assert!(matches!(leaf(&log(&[0]), &Head::EMPTY, 0), Err(LogError::Beyond { .. })));
    }

    #[test]
    fn no_proof_comes_from_an_altered_file() {
        let files = log(&[600]);
        let here = head(&leaves(600));
        for (path, at) in
            [("tile/0/000", 32 * 9), ("tile/0/000", 32 * 10), ("tile/1/000.p/2", 32), ("tile/entries/000", 2_500)]
        {
            let mut bent = files.clone();
            bent.get_mut(path).unwrap()[at] ^= 1;
            assert!(inclusion(&bent, &here, 9).is_err(), "{path} {at}");
        }
        let mut bent = files.clone();
        bent.get_mut("tile/0/000").unwrap()[0] ^= 1;
        assert!(matches!(consistency(&bent, &here, 9), Err(LogError::Differs { size: 600 })));
    }
}
