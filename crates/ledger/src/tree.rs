//! The Merkle tree of RFC 6962, section 2.1, in memory and from its definition.
//!
//! Nothing here is shared with the crate that builds the log, so that the one can judge the other. The same functions serve
//! the row-level trees beneath a leaf.

use sha2::{Digest, Sha256};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// The root of the tree without leaves: SHA-256 of nothing (RFC 6962, section 2.1).
pub const EMPTY: Hash = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// How many leaves a tree has, and its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many leaves.
    pub size: u64,
    /// The root.
    pub root: Hash,
}

impl Head {
    /// The tree without leaves.
    pub const EMPTY: Self = Self { size: 0, root: EMPTY };
}

pub use crate::leaf::leaf_hash;

/// The hash of a node: SHA-256 of a one byte and its children.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root over these leaf hashes (`MTH`, RFC 6962, section 2.1).
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// The proof that the leaf at `index` is in the tree over `leaves` (`PATH`, RFC 6962, section 2.1.1); none where there is
/// no such leaf.
#[must_use]
pub fn prove_inclusion(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    if leaves.len() == 1 {
        return Some(Vec::new());
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut path, sibling) = if index < middle {
        (prove_inclusion(left, index)?, root(right))
    } else {
        (prove_inclusion(right, index - middle)?, root(left))
    };
    path.push(sibling);
    Some(path)
}

/// The proof that the tree over `leaves` begins with the one over the first `earlier` of them (`PROOF`, RFC 6962, section
/// 2.1.2); none where there are fewer. Empty for 0 and for all.
#[must_use]
pub fn prove_consistency(leaves: &[Hash], earlier: usize) -> Option<Vec<Hash>> {
    if earlier > leaves.len() {
        return None;
    }
    if earlier == 0 {
        return Some(Vec::new());
    }
    Some(subproof(leaves, earlier, true))
}

/// `SUBPROOF`; `known` where the earlier tree's root is this very subtree's, which the verifier has.
fn subproof(leaves: &[Hash], earlier: usize, known: bool) -> Vec<Hash> {
    if earlier == leaves.len() {
        return if known { Vec::new() } else { vec![root(leaves)] };
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut path, sibling) = if earlier <= middle {
        (subproof(left, earlier, known), root(right))
    } else {
        (subproof(right, earlier - middle, false), root(left))
    };
    path.push(sibling);
    path
}

/// The largest power of two below `n`, for `n` of at least 2.
const fn split(n: usize) -> usize {
    1 << (n - 1).ilog2()
}

/// Whether `path` proves that `leaf` is the hash of the leaf at `index` in the tree of `head` (RFC 9162, section 2.1.3.2).
#[must_use]
pub fn includes(head: &Head, index: u64, leaf: &Hash, path: &[Hash]) -> bool {
    if index >= head.size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, head.size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == head.root
}

/// Whether `path` proves that the tree of `later` begins with the leaves of `earlier` (RFC 9162, section 2.1.4.2).
///
/// Every tree begins with the empty one, and with itself, by the empty path.
#[must_use]
pub fn extends(later: &Head, earlier: &Head, path: &[Hash]) -> bool {
    if earlier.size == 0 {
        return path.is_empty() && earlier.root == EMPTY;
    }
    if earlier.size >= later.size {
        return earlier == later && path.is_empty();
    }
    // A complete earlier tree is a node of the later one, and its hash is known.
    let known = earlier.size.is_power_of_two().then_some(&earlier.root);
    let mut path = known.into_iter().chain(path);
    let Some(first) = path.next() else { return false };
    let (mut at, mut last) = (earlier.size - 1, later.size - 1);
    let shift = at.trailing_ones();
    at >>= shift;
    last >>= shift;
    let (mut old, mut new) = (*first, *first);
    for hash in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old = node_hash(hash, &old);
            new = node_hash(hash, &new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, hash);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old == earlier.root && new == later.root
}

#[cfg(test)]
mod tests {
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::prelude::*;

    use super::*;

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count as u64).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    fn head(leaves: &[Hash]) -> Head {
        Head { size: leaves.len() as u64, root: root(leaves) }
    }

    /// The other implementations' words for the same.
    fn theirs(path: &[Hash]) -> Vec<tlog_tiles::Hash> {
        path.iter().map(|hash| tlog_tiles::Hash(*hash)).collect()
    }

    #[test]
    fn roots_and_proofs_are_those_of_two_other_implementations() {
        let all = leaves(600);
        let mut tree = MemoryBackedTree::<sha2_11::Sha256, [u8; 8]>::new();
        assert_eq!(root(&[]), tlog_tiles::EMPTY_HASH.0);
        for size in 1..=600 {
            tree.push((size as u64 - 1).to_be_bytes());
            let here = head(&all[..size]);
            assert_eq!(tree.root().as_bytes()[..], here.root, "{size}");
            // Every index and earlier size for small trees, some of others, more of them at the tiles' edges.
            let step = match size {
                ..20 => 1,
                254..260 | 511..515 => 17,
                _ if size % 11 == 0 => 149,
                _ => continue,
            };
            for other in (0..size).step_by(step).chain([size - 1]) {
                let path = prove_inclusion(&all[..size], other).unwrap();
                assert_eq!(tree.prove_inclusion(other).as_bytes(), path.concat(), "{other} of {size}");
                assert!(includes(&here, other as u64, &all[other], &path), "{other} of {size}");
                let hash = tlog_tiles::Hash(all[other]);
                tlog_tiles::check_record(&theirs(&path), size as u64, tlog_tiles::Hash(here.root), other as u64, hash)
                    .unwrap();
                let path = prove_consistency(&all[..size], other).unwrap();
                let earlier = head(&all[..other]);
                assert!(extends(&here, &earlier, &path), "{other} to {size}");
                if other > 0 {
                    assert_eq!(tree.prove_consistency(size - other).as_bytes(), path.concat(), "{other} to {size}");
                    let (new, old) = (tlog_tiles::Hash(here.root), tlog_tiles::Hash(earlier.root));
                    tlog_tiles::check_tree(&theirs(&path), size as u64, new, other as u64, old).unwrap();
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_bent_inclusion_proof_fails(size in 1_usize..700, pick: u64, bend: usize, bit in 0_u8..8, at in 0_usize..32) {
            let all = leaves(size);
            let index = pick as usize % size;
            let here = head(&all);
            let path = prove_inclusion(&all, index).unwrap();
            prop_assert!(includes(&here, index as u64, &all[index], &path));
            let mut leaf = all[index];
            leaf[at] ^= 1 << bit;
            prop_assert!(!includes(&here, index as u64, &leaf, &path));
            let shorter = Head { size: index as u64, ..here };
            prop_assert!(!includes(&shorter, index as u64, &all[index], &path));
            // A root does not say how many leaves are under it: the path's length must.
            let longer = Head { size: size as u64 * 2, ..here };
            prop_assert!(!includes(&longer, index as u64, &all[index], &path));
            let other = (index + 1 + bend % size.max(2)) % size;
            prop_assert!(other == index || !includes(&here, other as u64, &all[index], &path));
            let mut longer = path.clone();
            longer.push(EMPTY);
            prop_assert!(!includes(&here, index as u64, &all[index], &longer));
            if !path.is_empty() {
                prop_assert!(!includes(&here, index as u64, &all[index], &path[1..]));
                let mut bent = path.clone();
                bent[bend % path.len()][at] ^= 1 << bit;
                prop_assert!(!includes(&here, index as u64, &all[index], &bent));
            }
        }

        #[test]
        fn a_bent_consistency_proof_fails(size in 2_usize..700, pick: u64, bend: usize, bit in 0_u8..8, at in 0_usize..32) {
            let all = leaves(size);
            let earlier = 1 + pick as usize % (size - 1);
            let (old, new) = (head(&all[..earlier]), head(&all));
            let path = prove_consistency(&all, earlier).unwrap();
            prop_assert!(extends(&new, &old, &path));
            // A log that altered one of the leaves the overseer has seen.
            let mut rewritten = all.clone();
            rewritten[bend % earlier][at] ^= 1 << bit;
            let proof = prove_consistency(&rewritten, earlier).unwrap();
            prop_assert!(!extends(&head(&rewritten), &old, &proof));
            prop_assert!(!extends(&old, &new, &path));
            let larger = Head { size: size as u64 * 2, ..new };
            prop_assert!(!extends(&larger, &old, &path));
            let mut longer = path.clone();
            longer.push(EMPTY);
            prop_assert!(!extends(&new, &old, &longer));
            prop_assert!(!extends(&new, &old, &path[1..]));
            let mut bent = path.clone();
            bent[bend % path.len()][at] ^= 1 << bit;
            prop_assert!(!extends(&new, &old, &bent));
        }
    }

    #[test]
    fn the_edges() {
        let all = leaves(3);
        assert!(prove_inclusion(&all, 3).is_none() && prove_inclusion(&[], 0).is_none());
        assert!(prove_consistency(&all, 4).is_none());
        let three = head(&all);
        assert!(extends(&three, &three, &[]) && extends(&three, &Head::EMPTY, &[]));
        assert!(!extends(&three, &Head { size: 0, root: all[0] }, &[]));
        assert!(!extends(&three, &Head { size: 3, root: all[0] }, &[]));
        assert!(!includes(&Head::EMPTY, 0, &EMPTY, &[]));
    }
}
