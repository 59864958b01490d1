//! What the gate decided, by ground: allowed, waiting for approval, refused.

use model::text::{Lang, Name};

use crate::drawn::{Drawn, Head, Size};
use crate::palette::Look;
use crate::stacked::{Bar, First, Length, Stacked, State};
use crate::table::both;

/// The decisions on one ground; refusals for want of any ground have a row of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// The ground's name.
    pub name: Name,
    /// Decisions that allowed.
    pub allowed: u64,
    /// Decisions that wait for a second approval.
    pub waiting: u64,
    /// Decisions that refused.
    pub refused: u64,
}

/// Gate decisions by ground.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decisions {
    /// Title and notes.
    pub head: Head,
    /// The grounds, in any order.
    pub grounds: Vec<Ground>,
}

impl Decisions {
    /// The chart in that language and size.
    #[must_use]
    pub fn draw(&self, lang: Lang, size: Size) -> Drawn {
        let state = |ja: &str, en: &str, look| State { name: both(ja, en), look };
        let bar = |ground: &Ground| Bar {
            name: ground.name.clone(),
            counts: vec![ground.allowed, ground.waiting, ground.refused],
        };
        Stacked {
            head: self.head.clone(),
            of: both("根拠", "ground"),
            states: vec![
                state("認めた", "allowed", Look::Done),
                state("承認待ち", "waiting for approval", Look::Open),
                state("認めない", "refused", Look::Bad),
            ],
            bars: self.grounds.iter().map(bar).collect(),
            length: Length::Count,
            first: First::Largest,
        }
        .draw(lang, size)
    }
}
