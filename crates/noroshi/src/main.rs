//! The binary: commands, printing, settings joined, start. A command reads its arguments, calls one deed, prints what came
//! of it, and says how it went by its exit code.

mod command;
mod demo;
mod help;
mod print;
mod settings;
mod start;
mod words;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use model::Lang;

use command::{Command, Failure};
use print::Console;

/// Under which heading the help shows what every command takes.
const EVERYWHERE: &str = "Options of every command";

/// The folder of a deployment where none is named.
const HOME: &str = "noroshi-home";

/// Noroshi 狼煙: a coordination exchange for cyber defence.
#[derive(Parser)]
#[command(name = "noroshi", version, about, long_about = None, propagate_version = true, max_term_width = 110)]
struct Arguments {
    /// The folder of this deployment: settings, state, archive, ledger, keys.
    #[arg(long, global = true, env = "NOROSHI_HOME", default_value = HOME, value_name = "FOLDER")]
    #[arg(help_heading = EVERYWHERE)]
    home: std::path::PathBuf,
    /// How to print what was asked for: table, json, ndjson, csv.
    #[arg(short, long, global = true, env = "NOROSHI_OUTPUT", value_enum, default_value_t = print::Form::Table)]
    #[arg(help_heading = EVERYWHERE)]
    output: print::Form,
    /// The language of messages: ja or en. Default: the deployment's, else that of LANG.
    #[arg(long, global = true, env = "NOROSHI_LANG", value_enum, help_heading = EVERYWHERE)]
    lang: Option<print::Language>,
    /// Say on standard error what is being done.
    #[arg(short, long, global = true, help_heading = EVERYWHERE)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

/// The language that was named, else the deployment's, else the environment's.
fn language(named: Option<print::Language>, home: &Path) -> Lang {
    let named = named.map(print::Language::into);
    named.or_else(|| settings::language(home)).unwrap_or_else(print::language_of_environment)
}

fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| help::answer(&error));
    let filter = if arguments.verbose { "info" } else { "warn" };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .without_time()
        .init();
    let lang = language(arguments.lang, &arguments.home);
    let mut console = Console::new(arguments.output, lang);
    if std::env::args_os().any(|argument| argument.to_string_lossy().starts_with("--home")) {
        console = console.at_home(&arguments.home);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("noroshi: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(command::run(&arguments.home, arguments.command, &console)) {
        Ok(code) => code.into(),
        Err(failure) => {
            // A reader that has gone away (a pipe into `head`) is no failure.
            if let Failure::Io(error) = &failure
                && error.kind() == std::io::ErrorKind::BrokenPipe
            {
                return ExitCode::SUCCESS;
            }
            console.fail(&failure);
            ExitCode::from(failure.exit())
        }
    }
}
