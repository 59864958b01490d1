//! The files of a log: where each tile lies and how entries are packed (C2SP tlog-tiles, tiles of height 8).

use std::fmt;
use std::ops::Range;

/// How many hashes or entries a full tile holds.
pub const WIDTH: u64 = 256;
/// The longest leaf, in bytes: its length is written in 16 bits.
pub const LONGEST: usize = 65_535;
/// The checkpoint's path.
pub const CHECKPOINT: &str = "checkpoint";
/// The largest size that a log can be believed to have.
pub const LARGEST: u64 = 1 << 48;

/// One file of the tree: which hashes or entries it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// What it holds.
    pub row: Row,
    /// Its place in that row, from 0.
    pub n: u64,
    /// How many hashes or entries, from 1 to [`WIDTH`].
    pub width: u64,
}

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Row {
    /// The leaves themselves.
    Entries,
    /// Hashes of complete subtrees of 256^level leaves; leaf hashes at level 0.
    Hashes(u8),
}

impl Tile {
    /// The tile of `row` at `n` in a log of `size` leaves; none where the log has none there.
    #[must_use]
    pub fn of(row: Row, n: u64, size: u64) -> Option<Self> {
        let count = match row {
            Row::Entries => size,
            Row::Hashes(level) => size.checked_shr(8 * u32::from(level)).unwrap_or(0),
        };
        let width = count.saturating_sub(n.checked_mul(WIDTH)?).min(WIDTH);
        (width > 0).then_some(Self { row, n, width })
    }

    /// The same tile with all of its 256 places.
    #[must_use]
    pub const fn full(self) -> Self {
        Self { width: WIDTH, ..self }
    }

    /// Whether all of its places are taken, so that it never changes again.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.width == WIDTH
    }

    /// The tile at this path, if it is one written as [`fmt::Display`] writes it.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (row, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let row = if row == "entries" { Row::Entries } else { Row::Hashes(row.parse().ok()?) };
        let (n, width) = match rest.split_once(".p/") {
            Some((n, width)) => (n, width.parse().ok().filter(|width| (1..WIDTH).contains(width))?),
            None => (rest, WIDTH),
        };
        let n = n.split('/').try_fold(0_u64, |n, digits| {
            n.checked_mul(1_000)?.checked_add(digits.trim_start_matches('x').parse().ok()?)
        })?;
        let tile = Self { row, n, width };
        (tile.to_string() == path).then_some(tile)
    }

    /// The folder that holds this tile's partial states, to be removed once the full tile is there.
    #[must_use]
    pub fn partial_folder(self) -> String {
        format!("{}.p", self.full())
    }
}

impl fmt::Display for Tile {
    /// Its path: `tile/0/x001/234`, `tile/entries/000.p/17`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Row::Entries => f.write_str("tile/entries/")?,
            Row::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let mut thousands = Vec::new();
        let mut n = self.n;
        while n >= 1_000 {
            thousands.push(n % 1_000);
            n /= 1_000;
        }
        // The digits stand in groups of three, each but the last behind an `x`.
        let mut groups = std::iter::once(n).chain(thousands.into_iter().rev()).peekable();
        while let Some(group) = groups.next() {
            if groups.peek().is_some() { write!(f, "x{group:03}/")? } else { write!(f, "{group:03}")? }
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// The bytes of an entry bundle: each leaf behind its length in 16 bits; none where one is longer than [`LONGEST`].
#[must_use]
pub fn pack<'a>(leaves: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for leaf in leaves {
        bytes.extend_from_slice(&u16::try_from(leaf.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(leaf);
    }
    Some(bytes)
}

/// Where the leaves lie in the bytes of an entry bundle, and where the bytes stop making sense, if they do.
#[must_use]
pub fn unpack(bytes: &[u8]) -> (Vec<Range<usize>>, Option<usize>) {
    let (mut leaves, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let Some(&[high, low]) = bytes.get(at..at + 2) else { return (leaves, Some(at)) };
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        if end > bytes.len() {
            return (leaves, Some(at));
        }
        leaves.push(at + 2..end);
        at = end;
    }
    (leaves, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        for (tile, path) in [
            (Tile { row: Row::Hashes(0), n: 0, width: 256 }, "tile/0/000"),
            (Tile { row: Row::Hashes(1), n: 0, width: 1 }, "tile/1/000.p/1"),
            (Tile { row: Row::Hashes(0), n: 1_234_067, width: 256 }, "tile/0/x001/x234/067"),
            (Tile { row: Row::Entries, n: 1_000, width: 17 }, "tile/entries/x001/000.p/17"),
        ] {
            assert_eq!(tile.to_string(), path);
            assert_eq!(Tile::parse(path), Some(tile));
        }
        for bad in
            ["tile/0/0", "tile/0/000.p/256", "tile/0/000.p/0", "tile/0/000.p/01", "tile/00/000", "tile/0/x000/000"]
        {
            assert_eq!(Tile::parse(bad), None, "{bad}");
        }
        for bad in ["", "checkpoint", "tile/data/000", "tile/0/../000", "tile/0/", "tile/-1/000", "tile/0/000/"] {
            assert_eq!(Tile::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn paths_are_those_of_the_other_implementation() {
        for n in [0, 1, 255, 999, 1_000, 999_999, 1_000_000, 123_456_789] {
            for width in [1, 255, 256] {
                for level in 0..4 {
                    let theirs = tlog_tiles::Tile::new(8, level, n, width, false).path();
                    let ours = Tile { row: Row::Hashes(level), n, width: u64::from(width) }.to_string();
                    assert_eq!(ours, theirs.replacen("tile/8/", "tile/", 1));
                }
            }
        }
    }

    #[test]
    fn bundles() {
        let leaves = [&b"one"[..], b"", b"three"];
        let bytes = pack(leaves).unwrap();
        let (ranges, fault) = unpack(&bytes);
        assert_eq!(fault, None);
        assert_eq!(ranges.iter().map(|range| &bytes[range.clone()]).collect::<Vec<_>>(), leaves);
        assert_eq!(unpack(&bytes[..bytes.len() - 1]), (ranges[..2].to_vec(), Some(7)));
        assert_eq!(unpack(&[0]), (Vec::new(), Some(0)));
        assert!(pack([&[0; LONGEST][..]]).is_some() && pack([&[0; LONGEST + 1][..]]).is_none());
    }

    #[test]
    fn tiles_of_a_size() {
        let of = |row, n, size| Tile::of(row, n, size).map(|tile| tile.width);
        assert_eq!(of(Row::Entries, 0, 0), None);
        assert_eq!(of(Row::Entries, 0, 300), Some(256));
        assert_eq!(of(Row::Hashes(0), 1, 300), Some(44));
        assert_eq!(of(Row::Hashes(1), 0, 300), Some(1));
        assert_eq!(of(Row::Hashes(2), 0, 300), None);
        assert_eq!(of(Row::Hashes(255), 0, u64::MAX), None);
        assert_eq!(of(Row::Entries, u64::MAX, 5), None);
    }
}
