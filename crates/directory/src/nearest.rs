//! The known word nearest to an unknown one, for messages that help.

/// The member of `known` with the fewest slips of the finger from `word`; the first of several. None where nothing is
/// known.
#[must_use]
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known.into_iter().min_by_key(|candidate| distance(word, candidate))
}

/// Letters to insert, remove, replace or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    // Keys are short; what is longer than 64 letters is no slip, and need not cost a large table.
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut table = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            // INVARIANT: i and j run over the table's own extent; one step back is taken only from 1 on.
            table[i][j] = match (i, j) {
                (0, n) | (n, 0) => n,
                (i, j) => {
                    let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    let best = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                    let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                    if swapped { best.min(table[i - 2][j - 2] + 1) } else { best }
                }
            };
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        for (a, b, slips) in
            [("", "", 0), ("asn", "asns", 1), ("mial", "mail", 1), ("prefx", "prefixes", 3), ("", "ab", 2)]
        {
            assert_eq!(distance(a, b), slips, "{a} {b}");
            assert_eq!(distance(b, a), slips, "{b} {a}");
        }
        assert_eq!(nearest("prefixs", ["asns", "prefixes", "domains"]), Some("prefixes"));
        assert_eq!(nearest("x", []), None);
    }
}
