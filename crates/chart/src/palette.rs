//! Colours: what a state looks like, in light, dark and black-and-white.
//!
//! Every colour is a CSS variable with the light one as its fallback. Neighbours differ in lightness and the bad state is
//! hatched, so nothing rests on hue alone; lines differ by their dashes.

/// What a bar or a segment means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Done, good: dark.
    Done,
    /// Under way, waiting: light.
    Open,
    /// Bad, missing, refused: hatched.
    Bad,
    /// Neither: grey.
    Plain,
    /// Not counted here: pale.
    Pale,
}

impl Look {
    /// The fill within the chart whose ids begin with `id`.
    pub(crate) fn fill(self, id: &str) -> String {
        match self {
            Self::Done => DONE.to_owned(),
            Self::Open => OPEN.to_owned(),
            Self::Bad => format!("url(#{id}-hatch)"),
            Self::Plain => PLAIN.to_owned(),
            Self::Pale => PALE.to_owned(),
        }
    }

    /// The colour of letters on it.
    pub(crate) const fn letters(self) -> &'static str {
        match self {
            Self::Done => "var(--chart-on-done,#ffffff)",
            Self::Open => "var(--chart-on-open,#1a1a1a)",
            Self::Bad | Self::Plain | Self::Pale => INK,
        }
    }
}

/// Letters and axes.
pub(crate) const INK: &str = "var(--chart-ink,#1a1a1a)";
/// Less important letters.
pub(crate) const QUIET: &str = "var(--chart-quiet,#4d5358)";
/// Lines of the grid.
pub(crate) const GRID: &str = "var(--chart-grid,#d5d9dc)";
/// What lies behind.
pub(crate) const PAPER: &str = "var(--chart-paper,#ffffff)";
const DONE: &str = "var(--chart-done,#005f8f)";
const OPEN: &str = "var(--chart-open,#f0c75e)";
const PLAIN: &str = "var(--chart-plain,#8b949b)";
const PALE: &str = "var(--chart-pale,#e6eaed)";
pub(crate) const BAD: &str = "var(--chart-bad,#b03a00)";
pub(crate) const BAD_GROUND: &str = "var(--chart-bad-ground,#fdeee6)";

/// Colour and dashes of the lines of a step chart, in order.
pub(crate) const LINES: [(&str, &str); 6] = [
    (DONE, "none"),
    (BAD, "9 4"),
    ("var(--chart-third,#3d3d3d)", "2 3"),
    ("var(--chart-fourth,#7a5c00)", "12 3 2 3"),
    ("var(--chart-fifth,#6b3fa0)", "5 2"),
    ("var(--chart-sixth,#3f6d12)", "1 5"),
];

/// The colours for a page that shows charts: light, dark where the reader wants it, light again on paper. A page with a
/// switch of its own sets the same variables on `.chart`.
pub const STYLE: &str = "\
.chart{max-width:100%;height:auto;--chart-paper:#ffffff;--chart-ink:#1a1a1a;--chart-quiet:#4d5358;--chart-grid:#d5d9dc;\
--chart-done:#005f8f;--chart-on-done:#ffffff;--chart-open:#f0c75e;--chart-on-open:#1a1a1a;--chart-plain:#8b949b;\
--chart-pale:#e6eaed;--chart-bad:#b03a00;--chart-bad-ground:#fdeee6;--chart-third:#3d3d3d;--chart-fourth:#7a5c00;\
--chart-fifth:#6b3fa0;--chart-sixth:#3f6d12}\
@media screen and (prefers-color-scheme:dark){.chart{--chart-paper:#16191c;--chart-ink:#f1f3f4;--chart-quiet:#b8bec4;\
--chart-grid:#3c4348;--chart-done:#7cc4ee;--chart-on-done:#0b1a24;--chart-open:#6b5310;--chart-on-open:#ffffff;\
--chart-plain:#5b646b;--chart-pale:#2b3136;--chart-bad:#ff9d66;--chart-bad-ground:#3a1a08;--chart-third:#e4e4e4;\
--chart-fourth:#e0bd4f;--chart-fifth:#c3a4f2;--chart-sixth:#a5d66f}}\
@media print{.chart{print-color-adjust:exact;-webkit-print-color-adjust:exact;break-inside:avoid}}";

#[cfg(test)]
mod tests {
    use super::*;

    /// The variables of light and of dark, as [`STYLE`] sets them.
    fn themes() -> [Vec<(&'static str, [f64; 3])>; 2] {
        let (light, dark) = STYLE.split_once("@media screen").unwrap();
        let dark = dark.split("@media print").next().unwrap();
        [light, dark].map(|css| {
            let sets = css.split("--chart-").skip(1).filter_map(|set| set.split_once(":#"));
            sets.map(|(name, hex)| (name, [0, 2, 4].map(|at| channel(&hex[at..at + 2])))).collect()
        })
    }

    /// One channel, linear, as WCAG 2.2 has it.
    fn channel(hex: &str) -> f64 {
        let value = f64::from(u8::from_str_radix(hex, 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    }

    fn contrast(theme: &[(&str, [f64; 3])], one: &str, other: &str) -> f64 {
        let lightness = |name: &str| {
            let name = name.trim_start_matches("var(--chart-").split(',').next().unwrap();
            let (_, [r, g, b]) =
                theme.iter().find(|(set, _)| *set == name).unwrap_or_else(|| panic!("`{name}` is not set"));
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (one, other) = (lightness(one), lightness(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn letters_can_be_read_in_both_themes() {
        for theme in themes() {
            for look in [Look::Done, Look::Open, Look::Plain, Look::Pale] {
                let ratio = contrast(&theme, look.letters(), &look.fill("x"));
                assert!(ratio >= 4.5, "{look:?}: {ratio:.2}");
            }
            for letters in [INK, QUIET] {
                assert!(contrast(&theme, letters, PAPER) >= 4.5, "{letters}");
            }
            for (line, _) in LINES {
                assert!(contrast(&theme, line, PAPER) >= 3.0, "{line}");
            }
        }
    }

    #[test]
    fn neighbours_differ_in_lightness_and_lines_in_dashes() {
        for theme in themes() {
            for (one, other) in [(Look::Done, Look::Open), (Look::Open, Look::Plain), (Look::Done, Look::Plain)] {
                let ratio = contrast(&theme, &one.fill("x"), &other.fill("x"));
                assert!(ratio >= 1.15, "{one:?} beside {other:?}: {ratio:.2}");
            }
            assert!(contrast(&theme, BAD, BAD_GROUND) >= 3.0, "the hatch shows");
        }
        let dashes: std::collections::BTreeSet<_> = LINES.iter().map(|(_, dashes)| dashes).collect();
        assert_eq!(dashes.len(), LINES.len());
    }

    #[test]
    fn fallbacks_are_the_light_colours() {
        let [light, _] = themes();
        let all = [INK, QUIET, GRID, PAPER, DONE, OPEN, PLAIN, PALE, BAD, BAD_GROUND];
        for colour in all.into_iter().chain(LINES.map(|(colour, _)| colour)) {
            let (name, hex) = colour.trim_start_matches("var(--chart-").split_once(",#").unwrap();
            let fallback = [0, 2, 4].map(|at| channel(&hex[at..at + 2]));
            assert!(light.iter().any(|(set, value)| *set == name && *value == fallback), "{name}");
        }
    }
}
