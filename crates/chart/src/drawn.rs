//! What every chart takes and gives: head, size, and the finished picture with its tables.

use model::text::{Lang, Name};

use crate::palette::STYLE;
use crate::table::Table;

/// What stands over and under a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Begins every id within the SVG, so that two charts may stand on one page. Letters, digits and hyphens; what else is
    /// in it becomes a hyphen.
    pub id: String,
    /// The title, which is printed too.
    pub title: Name,
    /// Sentences that must stand under the chart, such as that a comparison is observational.
    pub notes: Vec<Name>,
}

/// How wide a chart is laid out, in CSS pixels. It scales, but its letters scale with it: a narrow one is for telephones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 960 wide: pages and paper.
    Wide,
    /// 360 wide: telephones.
    Narrow,
}

impl Size {
    pub(crate) const fn width(self) -> f64 {
        match self {
            Self::Wide => 960.0,
            Self::Narrow => 360.0,
        }
    }
}

/// A finished chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The `svg` element, to be put into a page as it is.
    pub svg: String,
    /// The same numbers as tables, the main one first.
    pub tables: Vec<Table>,
    /// The language it is drawn in.
    pub lang: Lang,
}

impl Drawn {
    /// A file of its own: with declaration and colours for light, dark and print inside.
    #[must_use]
    pub fn file(&self) -> String {
        let open = self.svg.find('>').map_or(0, |at| at + 1);
        let (head, rest) = self.svg.split_at(open);
        let paper = r#"<rect width="100%" height="100%" fill="var(--chart-paper,#ffffff)"/>"#;
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{head}<style>{STYLE}</style>{paper}{rest}\n")
    }
}
