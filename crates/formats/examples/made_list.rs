//! Prints a list of so many invented rows, always the same: `cargo run --example made_list -- 100000 [quoted] > list.csv`.

#[path = "../benches/made/mod.rs"]
mod made;

use std::io::Write;
use std::process::ExitCode;

use made::Cells;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let rows = words.next().and_then(|word| word.parse().ok());
    let cells = match words.next().as_deref() {
        None => Some(Cells::Bare),
        Some("quoted") => Some(Cells::Quoted),
        Some(_) => None,
    };
    let (Some(rows), Some(cells)) = (rows, cells) else {
        eprintln!("usage: made_list ROWS [quoted]");
        return ExitCode::from(2);
    };
    match std::io::stdout().write_all(made::list(rows, cells).as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
