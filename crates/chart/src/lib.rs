//! Numbers in; an accessible SVG and tables with equal numbers out.
//!
//! Each chart is one file: a struct of plain numbers and names, and `draw`, which gives a [`Drawn`]: the SVG to put into a
//! page ([`Drawn::svg`]) or into a file of its own ([`Drawn::file`]), and the [`Table`]s that belong under it, which also
//! know how to be CSV. Every number of a table stands in the SVG too, as text, as the title of a shape, or in its
//! description; a test reads both and compares.
//!
//! * [`step`]: the share without an event over time, with confidence bands and the numbers at risk
//! * [`ladder`]: how many reached each rung, each rung apart, every percentage with what it is of
//! * [`stacked`]: what became of each partner's records; [`decisions`]: what the gate decided, by ground
//! * [`half_years`]: a series by half-years, gross and actual, with the events meanwhile
//!
//! What all of them keep: text that comes in is cleaned and escaped ([`lettering`]), colours are CSS variables with light
//! fallbacks ([`palette`]; a page includes [`STYLE`]), the bad state is hatched and lines differ by their dashes, so that
//! the picture survives print without colour. No script, no font, no style attribute: the strictest content policy
//! shows them. The same numbers give the same bytes. Start reading with [`ladder`], the shortest.

pub mod decisions;
pub mod drawn;
pub mod half_years;
pub mod ladder;
pub mod lettering;
mod number;
pub mod palette;
pub mod stacked;
pub mod step;
mod svg;
pub mod table;

pub use decisions::Decisions;
pub use drawn::{Drawn, Head, Size};
pub use half_years::HalfYears;
pub use ladder::Ladder;
pub use palette::{Look, STYLE};
pub use stacked::Stacked;
pub use step::Step;
pub use table::{Cell, Table};
