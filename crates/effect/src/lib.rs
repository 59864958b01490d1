//! What changed afterwards, with its uncertainty: life tables, survival curves, comparisons, rates, outside series.
//!
//! A node counts, per day since its subscribers were told, how many were seen again and how many were watched no longer:
//! a [`LifeTable`]. Before it leaves the node, [`small`] groups neighbouring days until no cell is small. A hub adds the
//! tables of many nodes ([`LifeTable::add`], exact integers) and draws from them a [`Curve`] (Kaplan-Meier) with its
//! confidence interval, and a [`LogRank`] test. Told against not told is a [`Comparison`], which never comes without the
//! sentence that it is observational. [`Rate`] says of what, [`Count`] keeps terminals and rows apart, and [`Series`] is a
//! figure from outside (damage by half-year) with what happened meanwhile, and no claim of a cause.
//!
//! Everything is a pure function of what comes in: no clock, no files, and logarithms from `libm`, so that the same table
//! gives the same digits on every machine. Start reading with [`life`].
//!
//! ```
//! use effect::{About, Curve, Ending, Event, LifeTable, Since, SmallCells, Subscribers};
//! use model::Instant;
//!
//! let told = Instant::from_micros(0);
//! let after = |days: i64| told.plus_seconds(days * 86_400);
//! let seen_again = (0..6).map(|day| (told, after(3 + day % 2), Ending::Event));
//! let quiet = (0..14).map(|_| (told, after(30), Ending::Censored));
//!
//! let about = About { since: Since::Told, event: Event::SeenAgain };
//! let table = LifeTable::<Subscribers>::of(about, seen_again.chain(quiet))?;
//! let sent = table.published(SmallCells::default());
//! assert_eq!(sent.entered(), table.entered());
//! let curve = Curve::of_table(&sent);
//! assert_eq!(curve.at(30.0).map(|at| at.survival), Some(0.7));
//! # Ok::<(), effect::Fault>(())
//! ```

mod chance;
pub mod code;
pub mod compare;
pub mod count;
pub mod life;
pub mod logrank;
pub mod rate;
pub mod series;
pub mod small;
pub mod survival;

pub use code::{CODES, Fault};
pub use compare::{Comparison, Stratum};
pub use count::{Count, Counted, Records, Subscribers, Terminals, Unit};
pub use life::{About, Ending, Event, LifeTable, Parts, Since, Span};
pub use logrank::LogRank;
pub use rate::{Interval, Rate};
pub use series::{HalfYear, Relapse, Series};
pub use small::SmallCells;
pub use survival::Curve;
