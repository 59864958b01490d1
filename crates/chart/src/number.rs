//! Numbers as they are printed: thousands, percent, yen, the ticks of an axis.

use model::text::Lang;

/// With commas between thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut said = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            said.push(',');
        }
        said.push(digit);
    }
    said
}

/// `67.0 %` from 670 permille.
pub(crate) fn permille(permille: u64) -> String {
    format!("{}.{} %", thousands(permille / 10), permille % 10)
}

/// `67.0 %` from 0.67.
pub(crate) fn share(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// `1,544,000,000円`, `1,544,000,000 yen`.
pub(crate) fn yen(yen: u64, lang: Lang) -> String {
    match lang {
        Lang::Ja => format!("{}円", thousands(yen)),
        Lang::En => format!("{} yen", thousands(yen)),
    }
}

/// Yen in a few digits: `15.4億円`, `1.54 bn`; in English the unit stands in the legend.
pub(crate) fn yen_short(yen: u64, lang: Lang) -> String {
    let (units, none) = match lang {
        Lang::Ja => ([(1_000_000_000_000, "兆円"), (100_000_000, "億円"), (10_000, "万円")], "円"),
        Lang::En => ([(1_000_000_000, " bn"), (1_000_000, " m"), (1_000, " k")], ""),
    };
    for (unit, word) in units {
        if yen >= unit {
            let value = yen as f64 / unit as f64;
            let digits = if value >= 100.0 {
                0
            } else if value >= 10.0 {
                1
            } else {
                2
            };
            let said = format!("{value:.digits$}");
            let said = if digits > 0 { said.trim_end_matches('0').trim_end_matches('.') } else { &said };
            return format!("{said}{word}");
        }
    }
    format!("{yen}{none}")
}

/// Days without needless zeros: `23`, `23.5`.
pub(crate) fn days(days: f64) -> String {
    let said = format!("{days:.1}");
    said.strip_suffix(".0").map_or(said.clone(), str::to_owned)
}

/// Ticks from 0 to at least `most`, at most `count` steps apart by 1, 2 or 5 times a power of ten; never less than 1 apart.
pub(crate) fn ticks(most: u64, count: u64) -> Vec<u64> {
    let mut step: u64 = 1;
    'found: loop {
        for factor in [1, 2, 5] {
            let Some(wide) = step.checked_mul(factor) else { break 'found };
            if most.div_ceil(wide) <= count.max(1) {
                step = wide;
                break 'found;
            }
        }
        match step.checked_mul(10) {
            Some(next) => step = next,
            None => break,
        }
    }
    let steps = most.div_ceil(step).clamp(1, count.max(1));
    (0..=steps).map(|at| step.saturating_mul(at)).collect()
}

/// Ticks for days: in weeks where that is a handful, else as [`ticks`].
pub(crate) fn day_ticks(most: u64, count: u64) -> Vec<u64> {
    for step in [1, 2, 7, 14, 28, 91, 182, 364] {
        if most.div_ceil(step) <= count {
            return (0..=most.div_ceil(step).max(1)).map(|at| at * step).collect();
        }
    }
    ticks(most, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_printed_for_people() {
        assert_eq!((thousands(0), thousands(999), thousands(155_521)), ("0".into(), "999".into(), "155,521".into()));
        assert_eq!((permille(670), permille(1_000), permille(3)), ("67.0 %".into(), "100.0 %".into(), "0.3 %".into()));
        assert_eq!(yen_short(1_544_000_000, Lang::Ja), "15.4億円");
        assert_eq!(yen_short(1_544_000_000, Lang::En), "1.54 bn");
        assert_eq!(yen_short(500_000_000, Lang::Ja), "5億円");
        assert_eq!(yen_short(12_000_000_000, Lang::Ja), "120億円");
        assert_eq!((yen_short(9_000, Lang::Ja), yen_short(0, Lang::En)), ("9000円".into(), "0".into()));
        assert_eq!(ticks(155_521, 5), [0, 50_000, 100_000, 150_000, 200_000]);
        assert_eq!((ticks(0, 5), ticks(1, 5)), (vec![0, 1], vec![0, 1]));
        assert_eq!(day_ticks(35, 5), [0, 7, 14, 21, 28, 35]);
    }

    proptest! {
        #[test]
        fn ticks_reach_the_largest(most: u64, count in 1_u64..12) {
            let ticks = ticks(most, count);
            prop_assert!(ticks.len() as u64 <= count + 1 && ticks.windows(2).all(|pair| pair[0] < pair[1] || pair[1] == u64::MAX));
            prop_assert!(*ticks.last().unwrap() >= most || most > u64::MAX / 10);
        }
    }
}
