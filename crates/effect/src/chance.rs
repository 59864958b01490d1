//! The two distributions that the rest needs: the normal quantile of 95 %, and the tail of chi-square.

/// The 97.5 % quantile of the standard normal distribution, for two-sided 95 % intervals.
pub(crate) const Z95: f64 = 1.959_963_984_540_054;

/// The chance that chi-square with `df` degrees of freedom is `x` or more.
///
/// Closed forms for whole degrees of freedom (Abramowitz and Stegun, Handbook of Mathematical Functions, 26.4.4 and
/// 26.4.5): a finite sum of positive terms, so nothing cancels. Each term is taken through its logarithm, so that none
/// overflows; a tail below about 1e-308 is 0.
pub(crate) fn chi_square_tail(x: f64, df: u32) -> f64 {
    if x.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 || df == 0 {
        return if x > 0.0 { 0.0 } else { 1.0 };
    }
    if x.is_infinite() {
        return 0.0;
    }
    let half = x / 2.0;
    let odd = df % 2 == 1;
    let mut tail = if odd { libm::erfc(libm::sqrt(half)) } else { 0.0 };
    let mut power = if odd { 0.5 } else { 0.0 };
    while power < f64::from(df) / 2.0 {
        tail += libm::exp(power * libm::log(half) - half - libm::lgamma(power + 1.0));
        power += 1.0;
    }
    tail.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Quantiles of chi-square as printed tables give them (Abramowitz and Stegun, table 26.8): df, chance, quantile.
    const TABLE: [(u32, f64, f64); 15] = [
        (1, 0.05, 3.84146),
        (1, 0.01, 6.63490),
        (1, 0.001, 10.828),
        (2, 0.05, 5.99147),
        (2, 0.001, 13.816),
        (3, 0.05, 7.81473),
        (3, 0.9, 0.584375),
        (4, 0.05, 9.48773),
        (5, 0.01, 15.0863),
        (5, 0.5, 4.35146),
        (10, 0.05, 18.3070),
        (11, 0.05, 19.6751),
        (30, 0.05, 43.7729),
        (30, 0.99, 14.9535),
        (100, 0.05, 124.342),
    ];

    #[test]
    fn tails_are_those_of_the_printed_table() {
        for (df, chance, quantile) in TABLE {
            let tail = chi_square_tail(quantile, df);
            assert!((tail - chance).abs() < 3e-5 * chance.max(0.02), "df {df}, {quantile}: {tail} and not {chance}");
        }
        assert!((chi_square_tail(Z95 * Z95, 1) - 0.05).abs() < 1e-15, "one degree of freedom is the normal squared");
    }

    #[test]
    fn the_ends_are_the_ends() {
        for df in [1, 2, 3, 50] {
            assert_eq!(chi_square_tail(0.0, df), 1.0);
            assert_eq!(chi_square_tail(-1.0, df), 1.0);
            assert_eq!(chi_square_tail(1e6, df), 0.0);
            assert_eq!(chi_square_tail(f64::INFINITY, df), 0.0);
            assert!(chi_square_tail(f64::NAN, df).is_nan());
        }
        let far = chi_square_tail(1_200.0, 1_000);
        assert!((1e-6..1e-4).contains(&far), "{far}: many degrees of freedom neither overflow nor vanish");
    }

    proptest! {
        #[test]
        fn a_tail_is_a_chance_and_falls(x in 0.0_f64..2_000.0, more in 0.0_f64..50.0, df in 1_u32..200) {
            let (near, far) = (chi_square_tail(x, df), chi_square_tail(x + more, df));
            prop_assert!((0.0..=1.0).contains(&near) && (0.0..=1.0).contains(&far));
            prop_assert!(far <= near + 1e-12);
            prop_assert!(chi_square_tail(x, df + 1) + 1e-12 >= near, "more degrees, more tail");
        }
    }
}
