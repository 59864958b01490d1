//! Told against not told: two curves, a test stratified by partner, and always the sentence that nobody drew lots.

use model::text::{Lang, Text};

use crate::code::{Fault, NO_COMMON_START, NOT_THE_SAME};
use crate::count::Counted;
use crate::life::{LifeTable, Since};
use crate::logrank::LogRank;
use crate::survival::Curve;

/// What every comparison of told with not told carries.
pub const OBSERVATIONAL: Text = Text {
    ja: "これは観察に基づく比較であり、無作為に割り付けた試験ではありません。差があっても、注意喚起が原因とは言い切れません。\
         通知できたのは契約者を特定できた端末で、特定できなかった端末とは回線や使い方が違うことがあります。\
         再び観測されないのは、駆除のほか、アドレスの変更、電源を切ったこと、観測の範囲の変化、同じ時期のテイクダウンのためかもしれません。\
         通知までに観測されなくなった端末は通知されにくく、その分だけ両群に差が出ることもあります。",
    en: "This comparison is observational: nobody was told or left untold by lot, so a difference is not proof that the notice \
         caused it. Those told are those whose operator could identify the subscriber, and may differ from the rest in line \
         and use. Not to be seen again may mean cleaned, but also a changed address, a machine switched off, a \
         sinkhole that sees less, or a take-down at the same time. Terminals that vanished early had less time to be \
         told, which alone makes the groups differ.",
};

/// Those of one partner (or another stratum), told and not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stratum<U> {
    /// Who was told.
    pub told: LifeTable<U>,
    /// Who was not.
    pub not_told: LifeTable<U>,
}

/// Told against not told. It is made by [`Comparison::of`] only, and so never without its caution.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    told: Curve,
    not_told: Curve,
    test: Option<LogRank>,
}

impl Comparison {
    /// The comparison over these strata. The curves are those of the sums; the test compares within each stratum.
    ///
    /// # Errors
    /// [`NO_COMMON_START`] for tables that count from the notice, [`NOT_THE_SAME`] for tables about different things or
    /// for no stratum at all.
    pub fn of<U: Counted>(strata: &[Stratum<U>]) -> Result<Self, Fault> {
        if strata
            .iter()
            .any(|stratum| [&stratum.told, &stratum.not_told].iter().any(|t| t.about().since == Since::Told))
        {
            return Err(Fault::new(&NO_COMMON_START));
        }
        let nothing = Fault::new(&NOT_THE_SAME);
        let told = LifeTable::sum(strata.iter().map(|stratum| &stratum.told))?.ok_or(nothing)?;
        let not_told = LifeTable::sum(strata.iter().map(|stratum| &stratum.not_told))?.ok_or(nothing)?;
        let groups: Vec<_> =
            strata.iter().map(|stratum| vec![stratum.told.clone(), stratum.not_told.clone()]).collect();
        let test = LogRank::of_tables(&groups)?;
        Ok(Self { told: Curve::of_table(&told), not_told: Curve::of_table(&not_told), test })
    }

    /// The curve of those told.
    #[must_use]
    pub const fn told(&self) -> &Curve {
        &self.told
    }

    /// The curve of those not told.
    #[must_use]
    pub const fn not_told(&self) -> &Curve {
        &self.not_told
    }

    /// The test; none where no time has both groups at risk and an event.
    #[must_use]
    pub const fn test(&self) -> Option<&LogRank> {
        self.test.as_ref()
    }

    /// What must stand beside every showing of it.
    #[must_use]
    pub const fn caution(&self) -> Text {
        OBSERVATIONAL
    }

    /// The result in words, with the caution.
    #[must_use]
    pub fn said(&self, lang: Lang) -> String {
        let about = self.told.about();
        let (event, since, unit) =
            (about.event.text().of(lang), about.since.text().of(lang), self.told.unit().text().of(lang));
        let (told, not_told) = (&self.told, &self.not_told);
        let counts = match lang {
            Lang::Ja => format!(
                "{since}数えて、通知した{}件（単位: {unit}）のうち{event}は{}件、通知していない{}件のうち{event}は{}件でした。",
                told.subjects(),
                told.events(),
                not_told.subjects(),
                not_told.events()
            ),
            Lang::En => format!(
                "Of {} told ({unit}) {} were {event}, of {} not told {} were, {since}.",
                told.subjects(),
                told.events(),
                not_told.subjects(),
                not_told.events()
            ),
        };
        let test = match (&self.test, lang) {
            (Some(test), Lang::Ja) => format!(
                "ログランク検定（層{}個、日の刻み最大{}日）: カイ二乗 {:.2}、自由度 {}、{}。",
                test.strata,
                test.resolution_days,
                test.chi_square,
                test.degrees,
                chance(test.p)
            ),
            (Some(test), Lang::En) => format!(
                "Log-rank test ({} strata, spans of at most {} days): chi-square {:.2}, {} degree(s) of freedom, {}.",
                test.strata,
                test.resolution_days,
                test.chi_square,
                test.degrees,
                chance(test.p)
            ),
            (None, Lang::Ja) => "両群を同じ時点で比べられる出来事がなく、検定はできません。".to_owned(),
            (None, Lang::En) => "No event can be compared between the groups, so there is no test.".to_owned(),
        };
        let withheld = match (told.withheld() + not_told.withheld(), lang) {
            (0, _) => String::new(),
            (n, Lang::Ja) => format!("件数が小さく秘匿された{n}件は含みません。"),
            (n, Lang::En) => format!("{n} in tables too small to be shown are not counted. "),
        };
        match lang {
            Lang::Ja => format!("{counts}{test}{withheld}{}", OBSERVATIONAL.ja),
            Lang::En => format!("{counts} {test} {withheld}{}", OBSERVATIONAL.en),
        }
    }
}

/// A chance as it is printed: never as 0.
#[must_use]
pub fn chance(p: f64) -> String {
    if p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p = {p:.4}") }
}
