//! Answers for many addresses at once: the prefixes of a trie as spans that lie one after the other.
//!
//! A trie is asked bit by bit and waits for memory at each step. Here the beginnings of the spans lie sorted in one array,
//! with every sixteenth of them in a smaller array above it, until the smallest stays in the processor's nearest cache; a
//! handful of addresses is searched in step, so that the memory's answers overlap, and nothing branches on an address. A
//! span costs 8 bytes for IPv4 and 12 for IPv6, and a sixteenth more: twenty prefixes take less than a page of memory.
//!
//! The search is as fast as the cache that holds the spans. Where IPv4 has more than [`MANY`] of them, which is the public
//! table of the whole internet and no roster, a table of every /24 is laid over them ([`Blocks`]): 64 MiB, and one look for
//! nearly every address.

/// So many addresses are searched in step.
const ABREAST: usize = 32;
/// One of so many beginnings stands in the level above.
const FAN: usize = 16;
/// The steps within one entry of the level above.
const STEPS: [u32; 4] = [8, 4, 2, 1];
/// The highest level has at most so many beginnings; they stay in the nearest cache.
const HIGHEST_LEVEL: usize = 1_024;

/// Above so many spans of IPv4 the table of blocks is made. So many take half a MiB, which a processor's second cache holds
/// with room to spare; beyond that each step of the search may wait for memory, and 64 MiB are no longer much beside the trie.
pub(crate) const MANY: usize = 65_536;
/// No answer: what lies deeper has to be asked. There are never so many answers, because there are fewer than prefixes.
pub(crate) const DEEPER: u32 = u32::MAX;

/// Spans of addresses, each with its answer; together they cover all addresses of a family.
///
/// INVARIANT: the last level ascends and begins with the lowest address; `answers` is as long; each level above holds every
/// sixteenth of the one below. Places that only fill a level up hold the highest address, and the last answer.
#[derive(Debug, Clone)]
pub(crate) struct Spans<K> {
    levels: Vec<Vec<K>>,
    answers: Vec<u32>,
    count: usize,
}

/// What addresses of one family are searched by.
pub(crate) trait Key: Copy + Ord {
    const LOWEST: Self;
    const HIGHEST: Self;
    /// The next one; none after the highest.
    fn next(self) -> Option<Self>;
}

macro_rules! keys {
    ($($key:ty),+) => {$(
        impl Key for $key {
            const LOWEST: Self = 0;
            const HIGHEST: Self = Self::MAX;

            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
        }
    )+};
}
keys!(u32, u64, u128);

impl<K: Key> Spans<K> {
    /// The spans of prefixes that come in the order of their first addresses, an outer one before those inside it; each
    /// with its first and last address and its answer. What no prefix covers has the answer 0.
    pub(crate) fn of(prefixes: impl IntoIterator<Item = (K, K, u32)>) -> Self {
        let mut making = Making { starts: vec![K::LOWEST], answers: vec![0], around: Vec::new() };
        for (first, last, answer) in prefixes {
            making.leave(Some(first));
            making.begin(first, answer);
            making.around.push((last, answer));
        }
        making.leave(None);
        making.finish()
    }

    /// The answers for many addresses, in their order, behind those that `answers` holds already.
    pub(crate) fn find_all(&self, keys: &[K], answers: &mut Vec<u32>) {
        answers.reserve(keys.len());
        let Some((top, below)) = self.levels.split_first() else { return };
        for keys in keys.chunks(ABREAST) {
            let mut found = [0_u32; ABREAST];
            let mut open = top.len();
            while open > 1 {
                let half = open / 2;
                // INVARIANT: the highest level is short.
                step(top, &mut found, keys, u32::try_from(half).unwrap_or(0));
                open -= half;
            }
            for level in below {
                found.iter_mut().for_each(|at| *at *= 16);
                for half in STEPS {
                    step(level, &mut found, keys, half);
                }
            }
            let answer = |at: &u32| self.answers.get(*at as usize).copied().unwrap_or_default();
            answers.extend(found.iter().take(keys.len()).map(answer));
        }
    }

    /// The answer for one address.
    pub(crate) fn find(&self, key: K) -> u32 {
        let mut answer = Vec::with_capacity(1);
        self.find_all(&[key], &mut answer);
        answer.first().copied().unwrap_or_default()
    }

    /// How many spans there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }
}

/// The answer for every /24, or [`DEEPER`] where it has several.
///
/// INVARIANT: made of spans by [`Blocks::over`], and asked together with the same ones.
#[derive(Debug, Clone)]
pub(crate) struct Blocks {
    table: Vec<u32>,
}

impl Blocks {
    /// The table over these spans, where they are so many that it pays.
    pub(crate) fn over(spans: &Spans<u32>) -> Option<Self> {
        (spans.len() > MANY).then(|| Self::of(spans))
    }

    fn of(spans: &Spans<u32>) -> Self {
        let mut table = Vec::with_capacity(1 << 24);
        let starts = spans.levels.last().into_iter().flatten().copied().take(spans.count);
        let ends = starts.skip(1).map(u64::from).chain(std::iter::once(1 << 32));
        for (end, answer) in ends.zip(&spans.answers) {
            let beyond = usize::try_from(end >> 8).unwrap_or(0);
            table.resize(table.len().max(beyond), *answer);
            // The block that it ends in, and the next one begins in, is nobody's alone; perhaps it was marked before.
            if end & 0xff != 0 && table.len() == beyond {
                table.push(DEEPER);
            }
        }
        Self { table }
    }

    /// As [`Spans::find_all`] of the spans that it was made of.
    pub(crate) fn find_all(&self, spans: &Spans<u32>, keys: &[u32], answers: &mut Vec<u32>) {
        let from = answers.len();
        answers.extend(keys.iter().map(|key| self.table.get((key >> 8) as usize).copied().unwrap_or_default()));
        let found = answers.get_mut(from..).unwrap_or_default();
        if !found.contains(&DEEPER) {
            return;
        }
        let deep: Vec<u32> = found.iter().zip(keys).filter(|(at, _)| **at == DEEPER).map(|(_, key)| *key).collect();
        let mut deeper = Vec::new();
        spans.find_all(&deep, &mut deeper);
        found.iter_mut().filter(|at| **at == DEEPER).zip(deeper).for_each(|(at, answer)| *at = answer);
    }
}

/// One step of every search: on by `half` where the span that begins there does not begin behind the address.
#[inline(always)]
fn step<K: Key>(starts: &[K], found: &mut [u32; ABREAST], keys: &[K], half: u32) {
    for (at, key) in found.iter_mut().zip(keys) {
        let further = *at + half;
        let begins = starts.get(further as usize).copied().unwrap_or(K::HIGHEST);
        *at = std::hint::select_unpredictable(begins <= *key, further, *at);
    }
}

/// Spans being made, in the order of the addresses.
struct Making<K> {
    starts: Vec<K>,
    answers: Vec<u32>,
    /// The prefixes around the current place, the innermost last: where each ends, and its answer.
    around: Vec<(K, u32)>,
}

impl<K: Key> Making<K> {
    /// Leaves the prefixes that end before `place`, or all of them.
    fn leave(&mut self, place: Option<K>) {
        while let Some((last, _)) = self.around.pop_if(|(last, _)| place.is_none_or(|place| *last < place)) {
            let outer = self.around.last().map_or(0, |(_, answer)| *answer);
            if let Some(next) = last.next() {
                self.begin(next, outer);
            }
        }
    }

    /// From `start` on the answer is this one.
    fn begin(&mut self, start: K, answer: u32) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.answers.pop();
        }
        if self.answers.last() != Some(&answer) {
            self.starts.push(start);
            self.answers.push(answer);
        }
    }

    fn finish(self) -> Spans<K> {
        let count = self.starts.len();
        let mut answers = self.answers;
        let mut levels = Vec::new();
        let mut level = self.starts;
        while level.len() > HIGHEST_LEVEL {
            let above: Vec<K> = level.iter().step_by(FAN).copied().collect();
            level.resize(above.len() * FAN, K::HIGHEST);
            levels.push(level);
            level = above;
        }
        levels.push(level);
        levels.reverse();
        if let (Some(level), Some(last)) = (levels.last(), answers.last().copied()) {
            answers.resize(level.len(), last);
        }
        Spans { levels, answers, count }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The prefix of that length around that address, and its last address.
    fn prefix(address: u32, length: u8) -> (u32, u32) {
        let mask = u32::MAX.checked_shr(u32::from(length)).unwrap_or(0);
        (address & !mask, address | mask)
    }

    fn spans(prefixes: &mut Vec<(u32, u8, u32)>) -> Spans<u32> {
        prefixes.iter_mut().for_each(|(address, length, _)| *address = prefix(*address, *length).0);
        prefixes.sort_unstable();
        prefixes.dedup_by_key(|(address, length, _)| (*address, *length));
        Spans::of(prefixes.iter().map(|(address, length, answer)| {
            let (first, last) = prefix(*address, *length);
            (first, last, *answer)
        }))
    }

    fn by_hand(prefixes: &[(u32, u8, u32)], key: u32) -> u32 {
        let inside = |(address, length, _): &&(u32, u8, u32)| prefix(key, *length).0 == *address;
        prefixes.iter().filter(inside).max_by_key(|(_, length, _)| *length).map_or(0, |(_, _, answer)| *answer)
    }

    #[test]
    fn nothing_answers_nothing_and_everything_is_covered() {
        let none = Spans::<u32>::of([]);
        assert_eq!((none.find(0), none.find(u32::MAX), none.len()), (0, 0, 1));
        let all = Spans::<u128>::of([(0, u128::MAX, 7)]);
        assert_eq!((all.find(0), all.find(u128::MAX), all.len()), (7, 7, 1));
        let ends = Spans::<u64>::of([(0, 0, 1), (u64::MAX, u64::MAX, 2)]);
        assert_eq!([0, 1, u64::MAX - 1, u64::MAX].map(|key| ends.find(key)), [1, 0, 0, 2]);
    }

    #[test]
    fn many_levels_answer_as_one() {
        // 300,000 spans: four levels, the lower ones filled up.
        let all: Vec<(u32, u32, u32)> = (0..150_001_u32).map(|n| (n * 28_000, n * 28_000 + 9, n + 1)).collect();
        let spans = Spans::of(all.iter().copied());
        assert_eq!(spans.levels.len(), 4);
        let keys: Vec<u32> =
            all.iter().flat_map(|(first, last, _)| [*first, *last, last + 1, first.wrapping_sub(1)]).collect();
        let mut found = vec![99];
        spans.find_all(&keys, &mut found);
        for (index, four) in found[1..].chunks(4).enumerate() {
            let answer = u32::try_from(index).unwrap() + 1;
            assert_eq!(four, [answer, answer, 0, 0], "{index}");
        }
        assert_eq!(spans.find(u32::MAX), 0);
    }

    proptest! {
        // A table of 64 MiB for each case.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn blocks_answer_as_their_spans_do(
            mut prefixes in proptest::collection::vec((prop_oneof![any::<u32>(), 0_u32..2_048, u32::MAX - 2_048..], 0_u8..=32, 1_u32..5), 0..30),
            more in proptest::collection::vec(any::<u32>(), 40),
        ) {
            let spans = spans(&mut prefixes);
            prop_assert!(Blocks::over(&spans).is_none(), "a roster's few prefixes have no table");
            let blocks = Blocks::of(&spans);
            prop_assert_eq!(blocks.table.len(), 1 << 24);
            let edges = prefixes.iter().flat_map(|(address, length, _)| {
                let (first, last) = prefix(*address, *length);
                [first, first.wrapping_sub(1), last, last.wrapping_add(1), first & !0xff, last | 0xff]
            });
            let keys: Vec<u32> = edges.chain(more).chain(0..600).collect();
            let (mut found, mut want) = (vec![7], vec![7]);
            blocks.find_all(&spans, &keys, &mut found);
            spans.find_all(&keys, &mut want);
            prop_assert_eq!(found, want);
        }
    }

    proptest! {
        #[test]
        fn spans_answer_as_the_longest_prefix_does(
            mut prefixes in proptest::collection::vec((prop_oneof![any::<u32>(), 0_u32..512], 0_u8..=32, 1_u32..5), 0..40),
            more in proptest::collection::vec(any::<u32>(), 40),
        ) {
            let spans = spans(&mut prefixes);
            let edges = prefixes.iter().flat_map(|(address, length, _)| {
                let (first, last) = prefix(*address, *length);
                [first, first.wrapping_sub(1), last, last.wrapping_add(1)]
            });
            let keys: Vec<u32> = edges.chain(more).chain(0..64).collect();
            let mut found = Vec::new();
            spans.find_all(&keys, &mut found);
            for (key, answer) in keys.iter().zip(&found) {
                prop_assert_eq!(*answer, by_hand(&prefixes, *key), "{}", key);
                prop_assert_eq!(*answer, spans.find(*key));
            }
        }
    }
}
