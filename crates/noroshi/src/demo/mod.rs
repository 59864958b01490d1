//! `noroshi demo`: the two published operations, replayed on generated input by the very code that production runs.

mod generate;
mod outcome;
mod published;
mod report;
mod run;
mod world;

use std::path::PathBuf;

use clap::Args;

pub use run::run;

/// Arguments of `demo`.
#[derive(Args)]
pub struct Demo {
    /// Print the tables and end. (Pages to look at come with a later version; until then this is what happens anyway.)
    #[arg(long)]
    pub no_serve: bool,
    /// The folder to leave everything in; it must not exist. Default: a new folder `noroshi-demo-…` where you are.
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Another seed gives another invention with the same totals.
    #[arg(long, default_value_t = generate::SEED)]
    pub seed: u64,
}
