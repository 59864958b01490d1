//! A rate that always says of what, with its interval.

use model::text::{Lang, Text};

use crate::chance::Z95;
use crate::code::{Fault, PART_OVER_WHOLE};
use crate::count::{Count, Counted, Unit};

/// Two ends between which a share lies with 95 % confidence, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// So many of so many, with the names of both: there is no way to print it without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    part: u64,
    whole: u64,
    part_name: Text,
    whole_name: Text,
    unit: Unit,
}

impl Rate {
    /// `part` of `whole`, which count the same thing.
    ///
    /// # Errors
    /// [`PART_OVER_WHOLE`] where the part is more than the whole.
    pub fn new<U: Counted>(part: (Text, Count<U>), whole: (Text, Count<U>)) -> Result<Self, Fault> {
        if part.1 > whole.1 {
            return Err(Fault::new(&PART_OVER_WHOLE));
        }
        let (part, part_name, whole, whole_name) = (part.1.number(), part.0, whole.1.number(), whole.0);
        Ok(Self { part, whole, part_name, whole_name, unit: U::UNIT })
    }

    /// The numerator and its name.
    #[must_use]
    pub const fn part(&self) -> (u64, Text) {
        (self.part, self.part_name)
    }

    /// The denominator and its name.
    #[must_use]
    pub const fn whole(&self) -> (u64, Text) {
        (self.whole, self.whole_name)
    }

    /// What both count.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// In permille, rounded half up as in the published tables; none of nothing.
    #[must_use]
    pub fn permille(&self) -> Option<u64> {
        model::tally::permille(self.part, self.whole)
    }

    /// The 95 % interval of Wilson (Journal of the American Statistical Association 22, 1927, page 209), which stays
    /// within 0 and 1 and is no point where the part is nothing or all. It holds for independent things, which terminals
    /// of one network are not quite: the true uncertainty is wider.
    #[must_use]
    pub fn wilson(&self) -> Option<Interval> {
        if self.whole == 0 {
            return None;
        }
        let (n, share) = (self.whole as f64, self.part as f64 / self.whole as f64);
        let z2 = Z95 * Z95;
        let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = Z95 * libm::sqrt(share * (1.0 - share) / n + z2 / (4.0 * n * n)) / (1.0 + z2 / n);
        let low = if self.part == 0 { 0.0 } else { (middle - half).max(0.0) };
        let high = if self.part == self.whole { 1.0 } else { (middle + half).min(1.0) };
        Some(Interval { low, high })
    }

    /// The rate as a sentence: percent, interval, both numbers, both names, the unit.
    #[must_use]
    pub fn said(&self, lang: Lang) -> String {
        let (part, whole) = (thousands(self.part), thousands(self.whole));
        let (part_name, whole_name) = (self.part_name.of(lang), self.whole_name.of(lang));
        let unit = self.unit.text().of(lang);
        let numbers = match lang {
            Lang::Ja => format!("{whole_name} {whole} のうち {part_name} {part}、単位: {unit}"),
            Lang::En => format!("{part_name} {part} of {whole_name} {whole}, {unit}"),
        };
        match (self.permille(), self.wilson()) {
            (Some(permille), Some(Interval { low, high })) => {
                let (low, high) = (low * 100.0, high * 100.0);
                let percent = format!("{}.{} %", permille / 10, permille % 10);
                match lang {
                    Lang::Ja => format!("{percent}（95 %信頼区間 {low:.1}〜{high:.1} %、{numbers}）"),
                    Lang::En => format!("{percent} (95 % interval {low:.1} to {high:.1} %; {numbers})"),
                }
            }
            _ => match lang {
                Lang::Ja => format!("割合なし（{numbers}）"),
                Lang::En => format!("no rate ({numbers})"),
            },
        }
    }
}

/// A number with commas between its thousands.
fn thousands(number: u64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::Records;
    use proptest::prelude::*;

    const SENT: Text = Text { ja: "送付", en: "sent" };
    const RECEIVED: Text = Text { ja: "受領", en: "received" };

    fn rate(part: u64, whole: u64) -> Rate {
        Rate::new::<Records>((SENT, Count::new(part)), (RECEIVED, Count::new(whole))).unwrap()
    }

    #[test]
    fn a_rate_says_of_what() {
        let all = rate(104_239, 155_521);
        assert_eq!(
            all.said(Lang::En),
            "67.0 % (95 % interval 66.8 to 67.3 %; sent 104,239 of received 155,521, records (rows))"
        );
        assert_eq!(
            all.said(Lang::Ja),
            "67.0 %（95 %信頼区間 66.8〜67.3 %、受領 155,521 のうち 送付 104,239、単位: 記録（行））"
        );
        assert_eq!(rate(0, 0).said(Lang::En), "no rate (sent 0 of received 0, records (rows))");
        let over = Rate::new::<Records>((SENT, Count::new(2)), (RECEIVED, Count::new(1)));
        assert_eq!(over.unwrap_err().code.code, "effect-part-over-whole");
    }

    /// Newcombe, Statistics in Medicine 17 (1998), page 857, table I, method 3: the four worked examples.
    #[test]
    fn the_interval_is_that_of_the_paper() {
        for (part, whole, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let interval = rate(part, whole).wilson().unwrap();
            assert!((interval.low - low).abs() < 6e-5 && (interval.high - high).abs() < 6e-5, "{part}/{whole}");
        }
        assert_eq!(rate(20, 20).wilson().unwrap().high, 1.0);
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_share(whole in 1_u64..1 << 50, share in 0.0_f64..=1.0) {
            let part = ((whole as f64 * share) as u64).min(whole);
            let Interval { low, high } = rate(part, whole).wilson().unwrap();
            let share = part as f64 / whole as f64;
            prop_assert!(0.0 <= low && low <= share + 1e-12 && share <= high + 1e-12 && high <= 1.0);
        }
    }
}
