//! The commands: one file per noun, each a way to call a deed.

pub mod answer;
pub mod assignments;
pub mod carry;
pub mod contacts;
pub mod convert;
mod failure;
pub mod ingest;
pub mod init;
mod input;
pub mod law;
pub mod ledger;
pub mod node;
pub mod operation;
mod output;
pub mod party;
pub mod round;

use std::path::Path;

use clap::Subcommand;
use model::{Actor, Text};

pub use failure::{Failure, helps};

use crate::print::Console;
use crate::settings::Settings;
use crate::start::{Started, World, local_actor, start};

/// What can be done.
#[derive(Subcommand)]
pub enum Command {
    /// Replay the two published operations of 2014 and 2015 on generated input: no network, no service, no set-up.
    Demo(crate::demo::Demo),
    /// Make a new deployment in the home folder: settings, keys, state.
    Init(init::Init),
    /// The parties: import a roster, show it, ask who holds an address; contacts that others publish.
    #[command(subcommand)]
    Party(party::Party),
    /// The operations: open one with its plan.
    #[command(subcommand)]
    Operation(operation::Operation),
    /// The rounds: open, send, show.
    #[command(subcommand)]
    Round(round::Round),
    /// Receive a report into a round; shows a preview first.
    Ingest(ingest::Ingest),
    /// Change a file's form: list, Shadowserver, IntelMQ JSON in; IDF, CSV, XARF out.
    Convert(convert::Convert),
    /// Carry what waits in the outbox: deliveries, returns, letters, answers.
    Carry(carry::Carry),
    /// Hear partners' answers: a file, or all that lies in the inbox.
    Answer(answer::Answer),
    /// At an operator: take deliveries, identify, tell, answer.
    #[command(subcommand)]
    Node(node::Node),
    /// At an operator: who held which address; how subscribers are reached.
    #[command(subcommand)]
    Assignments(assignments::Assignments),
    /// The ledger: number its leaves, verify it.
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// The law: the rules, their sources, and what a lawyer must confirm.
    #[command(subcommand)]
    Law(law::Law),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// How a command ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Everything.
    All,
    /// Done, but some rows or recipients were left out; they are named.
    InPart,
    /// The ledger did not verify.
    NotVerified,
}

impl From<Done> for std::process::ExitCode {
    fn from(done: Done) -> Self {
        Self::from(match done {
            Done::All => 0_u8,
            Done::InPart => 1,
            Done::NotVerified => 5,
        })
    }
}

/// Runs a command.
///
/// # Errors
/// [`Failure`], whose exit code says of what kind.
pub async fn run(home: &Path, command: Command, console: &Console) -> Result<Done, Failure> {
    match command {
        Command::Demo(demo) => crate::demo::run(demo, console).await,
        Command::Init(init) => init::run(home, init, console).await,
        Command::Convert(convert) => convert::run(home, convert, console).await,
        Command::Law(law) => law::run(law, console),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut crate::help::completable(console.lang()), "noroshi", &mut script);
            console.text(&String::from_utf8_lossy(&script))?;
            Ok(Done::All)
        }
        Command::Ledger(ledger) => ledger::run(home, ledger, console).await,
        Command::Party(party::Party::Example { full }) => {
            console.text(if full { directory::roster::SAMPLE } else { party::FIRST })?;
            Ok(Done::All)
        }
        Command::Operation(operation::Operation::Example) => {
            console.text(operation::SAMPLE)?;
            Ok(Done::All)
        }
        Command::Party(party) => party::run(&open(home, console).await?, party, console).await,
        Command::Operation(operation) => operation::run(&open(home, console).await?, operation, console).await,
        Command::Round(round) => round::run(&open(home, console).await?, round, console).await,
        Command::Ingest(ingest) => ingest::run(&open(home, console).await?, ingest, console).await,
        Command::Carry(carry) => carry::run(&open(home, console).await?, carry, console).await,
        Command::Answer(answer) => answer::run(&open(home, console).await?, answer, console).await,
        Command::Node(node) => node::run(&open(home, console).await?, node, console).await,
        Command::Assignments(assignments) => assignments::run(&open(home, console).await?, assignments, console).await,
    }
}

/// A deployment that is open, and whoever acts in it.
pub struct Open {
    /// The deployment.
    pub started: Started,
    /// Whoever is at the command line.
    pub actor: Actor,
}

impl Open {
    /// The deeds.
    pub const fn house(&self) -> &exchange::House {
        &self.started.house
    }

    /// After a deed: numbers the leaves and lets the log's files grow.
    ///
    /// # Errors
    /// Where state or disk fail; the deed is done all the same.
    pub async fn close(&self) -> Result<(), Failure> {
        self.house().sequence().await?;
        Ok(())
    }
}

/// Opens the deployment and closes what a crash may have left.
async fn open(home: &Path, console: &Console) -> Result<Open, Failure> {
    let _busy = console.busy(Text { ja: "設置を開いています", en: "opening the deployment" });
    let settings = Settings::read(home)?;
    let started = start(home, settings, World::real()).await?;
    let recovered = started.house.recover_stale().await?;
    if recovered.abandoned > 0 {
        tracing::warn!(recovered.abandoned, "decisions of a process that is gone were given up");
    }
    let actor = local_actor(&started.house);
    Ok(Open { started, actor })
}
