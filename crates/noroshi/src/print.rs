//! Printing: data on standard output in the form asked for, everything else on standard error.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use formats::writing::spreadsheet_safe;
use model::problem::{Code, Place};
use model::{Lang, Text};
use serde_json::Value;

use crate::command::{Failure, helps};
use crate::words::said;

/// The forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// CSV, UTF-8, safe to open in a spreadsheet.
    Csv,
}

/// The languages, as an argument names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// 日本語.
    Ja,
    /// English.
    En,
}

impl From<Language> for Lang {
    fn from(language: Language) -> Self {
        match language {
            Language::Ja => Self::Ja,
            Language::En => Self::En,
        }
    }
}

/// Japanese where the environment is, English elsewhere.
pub fn language_of_environment() -> Lang {
    let set =
        ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    if set.is_some_and(|value| value.starts_with("ja")) { Lang::Ja } else { Lang::En }
}

/// Rows to print: each column has a name for machines and a heading for people.
pub struct Sheet {
    columns: Vec<(&'static str, Text)>,
    rows: Vec<Vec<Value>>,
}

impl Sheet {
    /// A sheet with these columns.
    pub fn new(columns: &[(&'static str, Text)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Value>) {
        self.rows.push(cells);
    }

    /// This sheet with the columns of another that it has not, row beside row.
    pub fn beside(mut self, other: Self) -> Self {
        let new: Vec<usize> = (0..other.columns.len())
            .filter(|at| !self.columns.iter().any(|(name, _)| other.columns.get(*at).is_some_and(|(o, _)| o == name)))
            .collect();
        self.columns.extend(new.iter().filter_map(|at| other.columns.get(*at).copied()));
        for (row, beside) in self.rows.iter_mut().zip(other.rows) {
            row.extend(new.iter().filter_map(|at| beside.get(*at).cloned()));
        }
        self
    }

    /// The rows as JSON objects.
    pub fn objects(&self) -> Vec<Value> {
        let object = |row: &Vec<Value>| {
            self.columns.iter().zip(row).map(|((name, _), cell)| ((*name).to_owned(), cell.clone())).collect()
        };
        self.rows.iter().map(|row| Value::Object(object(row))).collect()
    }
}

/// Where and how to print.
pub struct Console {
    form: Form,
    lang: Lang,
    home: Option<String>,
}

impl Console {
    /// A console of that form and language.
    pub const fn new(form: Form, lang: Lang) -> Self {
        Self { form, lang, home: None }
    }

    /// The same, where the command line named this home: then the commands that it proposes name it too.
    pub fn at_home(mut self, home: &Path) -> Self {
        let home = home.display().to_string();
        self.home = Some(if home.contains(' ') { format!("'{home}'") } else { home });
        self
    }

    /// Says which command comes next; `rest` is what follows the program's name and home.
    pub fn next(&self, rest: &str) {
        let next = Text { ja: "次に", en: "next" }.of(self.lang);
        let home = self.home.as_ref().map_or_else(String::new, |home| format!(" --home {home}"));
        eprintln!("{next}: noroshi{home} {rest}");
    }

    /// The language.
    pub const fn lang(&self) -> Lang {
        self.lang
    }

    /// The form.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Says something on standard error.
    pub fn say(&self, text: &str) {
        eprintln!("{text}");
    }

    /// Says a constant text on standard error.
    pub fn tell(&self, text: Text) {
        eprintln!("{}", text.of(self.lang));
    }

    /// Says where rows were not taken and why, how many more there are, and what to do, each thing once.
    pub fn rejects(&self, rejects: &[(Place, &'static Code)], all: u64) {
        for (place, code) in rejects {
            self.say(&format!("{place}: {} [{}]", code.text.of(self.lang), code.code));
        }
        let more = all.saturating_sub(rejects.len() as u64);
        if more > 0 {
            self.say(&match self.lang {
                Lang::Ja => format!("…ほか {more} 行"),
                Lang::En => format!("... and {more} more rows"),
            });
        }
        for line in helps(rejects.iter().map(|(_, code)| *code), self.lang) {
            self.say(&line);
        }
    }

    /// Prints a sheet on standard output.
    ///
    /// # Errors
    /// Where standard output is gone.
    pub fn sheet(&self, sheet: &Sheet) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self.form {
            Form::Table => writeln!(out, "{}", self.table(sheet)),
            Form::Json => writeln!(out, "{}", Value::Array(sheet.objects())),
            Form::Ndjson => {
                for object in sheet.objects() {
                    writeln!(out, "{object}")?;
                }
                Ok(())
            }
            Form::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                writer.write_record(sheet.columns.iter().map(|(name, _)| *name)).map_err(io::Error::other)?;
                for row in &sheet.rows {
                    let cells: Vec<String> = row.iter().map(plain).collect();
                    writer
                        .write_record(cells.iter().map(|cell| spreadsheet_safe(cell).into_owned()))
                        .map_err(io::Error::other)?;
                }
                writer.flush()
            }
        }
    }

    /// Begins a sheet whose rows are printed as they come, however many there are.
    ///
    /// # Errors
    /// Where standard output is gone.
    pub fn rolling(&self, columns: &[(&'static str, Text)]) -> io::Result<Rolling<'_>> {
        let mut out = io::BufWriter::new(io::stdout());
        match self.form {
            Form::Csv => csv_row(&mut out, columns.iter().map(|(name, _)| (*name).to_owned()))?,
            Form::Json => write!(out, "[")?,
            Form::Table | Form::Ndjson => {}
        }
        Ok(Rolling { console: self, sheet: Sheet::new(columns), rows: 0, out })
    }

    /// A sheet as a table for people.
    pub fn table(&self, sheet: &Sheet) -> String {
        let mut table = Table::new();
        table.load_preset(UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(sheet.columns.iter().map(|(_, heading)| heading.of(self.lang)));
        for row in &sheet.rows {
            let cell = |((column, _), value): (&(&str, Text), &Value)| {
                value.as_str().and_then(|code| said(column, code, self.lang)).unwrap_or_else(|| shown(value))
            };
            table.add_row(sheet.columns.iter().zip(row).map(cell));
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            if sheet.rows.iter().any(|row| row.get(index).is_some_and(Value::is_number)) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.to_string()
    }

    /// Prints a text on standard output as it stands.
    ///
    /// # Errors
    /// Where standard output is gone.
    pub fn text(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Prints one JSON document on standard output, whatever the form.
    ///
    /// # Errors
    /// Where standard output is gone.
    pub fn json(&self, value: &Value) -> io::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::other)?;
        writeln!(out)
    }

    /// Prints a failure on standard error: what, and what next.
    pub fn fail(&self, failure: &Failure) {
        for line in failure.lines(self.lang) {
            eprintln!("{line}");
        }
    }

    /// Shows on standard error that something goes on, until what is returned is dropped.
    pub fn busy(&self, what: Text) -> Busy {
        Busy::new(what.of(self.lang).to_owned())
    }

    /// A progress bar on standard error, plain lines where that is no terminal.
    pub fn progress(&self, length: u64, what: Text) -> indicatif::ProgressBar {
        if io::stderr().is_terminal() {
            let bar = indicatif::ProgressBar::new(length);
            // The template is constant and tested by being used.
            if let Ok(style) = indicatif::ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {elapsed}") {
                bar.set_style(style);
            }
            bar.set_message(what.of(self.lang));
            bar
        } else {
            indicatif::ProgressBar::hidden()
        }
    }
}

/// A table for people has at most so many rows; machines get all.
const MOST_SHOWN: u64 = 1_000;

/// A sheet whose rows are printed as they come: see [`Console::rolling`].
pub struct Rolling<'c> {
    console: &'c Console,
    /// For people: the rows that are shown. For machines: the columns.
    sheet: Sheet,
    rows: u64,
    out: io::BufWriter<io::Stdout>,
}

/// One row of CSV.
fn csv_row(out: &mut impl Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    csv::Writer::from_writer(out).write_record(cells).map_err(io::Error::other)
}

impl Rolling<'_> {
    /// Prints a row, or keeps it for the table.
    ///
    /// # Errors
    /// Where standard output is gone.
    pub fn row(&mut self, cells: Vec<Value>) -> io::Result<()> {
        self.rows += 1;
        match self.console.form {
            Form::Table if self.rows > MOST_SHOWN => Ok(()),
            Form::Table => {
                self.sheet.row(cells);
                Ok(())
            }
            Form::Csv => csv_row(&mut self.out, cells.iter().map(|cell| spreadsheet_safe(&plain(cell)).into_owned())),
            Form::Json | Form::Ndjson => {
                self.sheet.row(cells);
                let object = self.sheet.objects().pop().unwrap_or_default();
                self.sheet.rows.clear();
                match self.console.form {
                    Form::Json if self.rows > 1 => write!(self.out, ",\n{object}"),
                    Form::Json => write!(self.out, "{object}"),
                    _ => writeln!(self.out, "{object}"),
                }
            }
        }
    }

    /// Ends the sheet; says on standard error how many rows a table leaves out.
    ///
    /// # Errors
    /// Where standard output is gone.
    pub fn end(mut self) -> io::Result<()> {
        match self.console.form {
            Form::Json => writeln!(self.out, "]")?,
            Form::Table if self.rows > 0 => {
                self.console.sheet(&self.sheet)?;
                let more = self.rows.saturating_sub(MOST_SHOWN);
                if more > 0 {
                    self.console.say(&match self.console.lang {
                        Lang::Ja => format!("…ほか {more} 行（`-o csv` または `-o ndjson` ですべて出力できます）"),
                        Lang::En => format!("... and {more} more rows; `-o csv` and `-o ndjson` give them all"),
                    });
                }
            }
            Form::Table | Form::Csv | Form::Ndjson => {}
        }
        self.out.flush()
    }
}

/// After how many seconds a deed first says that it goes on where standard error is no terminal, and after how many more.
const SILENCE: [u64; 2] = [3, 15];

/// A sign that a long deed goes on, for as long as this lives: turning on a terminal; elsewhere a plain line now and then.
pub struct Busy {
    bar: indicatif::ProgressBar,
    plain: Option<(mpsc::Sender<()>, std::thread::JoinHandle<()>)>,
}

impl Busy {
    fn new(what: String) -> Self {
        if io::stderr().is_terminal() {
            let bar = indicatif::ProgressBar::new_spinner().with_message(what);
            bar.enable_steady_tick(Duration::from_millis(120));
            return Self { bar, plain: None };
        }
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let begun = Instant::now();
            let [first, then] = SILENCE.map(Duration::from_secs);
            let mut silence = first;
            while stopped.recv_timeout(silence) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{what} ({} s)", begun.elapsed().as_secs());
                silence = then;
            }
        });
        Self { bar: indicatif::ProgressBar::hidden(), plain: Some((stop, thread)) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        if let Some((stop, thread)) = self.plain.take() {
            drop(stop);
            // A thread that only prints; how it ended is of no interest.
            let _ = thread.join();
        }
    }
}

fn plain(cell: &Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// For people: thousands apart.
fn shown(cell: &Value) -> String {
    match cell {
        Value::Number(number) if number.is_u64() => thousands(number.as_u64().unwrap_or_default()),
        other => plain(other),
    }
}

/// The number with commas between its thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Permille as a percentage with one decimal.
pub fn percent(permille: Option<u64>) -> String {
    permille.map_or_else(|| "-".to_owned(), |p| format!("{}.{} %", p / 10, p % 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_for_people() {
        assert_eq!(thousands(155_521), "155,521");
        assert_eq!(thousands(21), "21");
        assert_eq!(percent(Some(670)), "67.0 %");
        assert_eq!(percent(None), "-");
    }
}
