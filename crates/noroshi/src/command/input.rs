//! Files that people hand in, and the error files that go back to them.

use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};

use formats::Source;
use model::Lang;
use model::problem::{Place, Problem};

use super::Failure;
use crate::print::Console;
use exchange::problem::FILE_NOT_UTF8;

/// A file's name without its folder and its bytes; `-` is standard input.
pub fn read_input(path: &Path) -> Result<(String, Vec<u8>), Failure> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes)?;
        return Ok(("-".to_owned(), bytes));
    }
    let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
    Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), bytes))
}

/// As [`read_input`], for a text.
pub fn read_text(path: &Path) -> Result<(String, String), Failure> {
    let (name, bytes) = read_input(path)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        Problem::new(&FILE_NOT_UTF8, Place::file(name.clone()).line(line))
    })?;
    // An editor's byte order mark is no part of the text.
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    Ok((name, text))
}

/// A file's name without its folder, and the file to be read part by part. Standard input is held in memory: it cannot be read
/// twice.
pub fn open_input(path: &Path) -> Result<(String, Box<dyn Source>), Failure> {
    if path.as_os_str() == "-" {
        let (name, bytes) = read_input(path)?;
        return Ok((name, Box::new(Cursor::new(bytes))));
    }
    let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
    Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), Box::new(file)))
}

/// What an error file's name ends in.
pub const ERROR_FILE: &str = ".errors.csv";

/// The error file beside an input, which is there only where something is written to it. Where the input is refused as a whole, nobody
/// says where the file is, and it goes again.
pub struct ErrorFile {
    path: PathBuf,
    file: Option<File>,
    said: bool,
}

impl ErrorFile {
    /// The error file of that input.
    pub fn beside(input: &Path) -> Self {
        let mut name =
            if input.as_os_str() == "-" { "stdin".into() } else { input.file_name().unwrap_or_default().to_owned() };
        name.push(ERROR_FILE);
        Self { path: input.parent().unwrap_or(Path::new("")).join(name), file: None, said: false }
    }

    /// Says where it is, if it is there.
    pub fn say(&mut self, console: &Console) {
        self.said = true;
        if self.file.is_some() {
            console.say(&match console.lang() {
                Lang::Ja => {
                    format!("受け取れなかった行を {} に書き出しました（提供元へ返せます）", self.path.display())
                }
                Lang::En => {
                    format!(
                        "rows that could not be taken are in {} (to be sent back to the source)",
                        self.path.display()
                    )
                }
            });
        }
    }
}

impl Drop for ErrorFile {
    fn drop(&mut self) {
        if self.file.is_some() && !self.said {
            // What cannot be removed is in nobody's way.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Write for ErrorFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.file.is_none() {
            self.file = Some(File::create(&self.path)?);
        }
        match &mut self.file {
            Some(file) => file.write(bytes),
            None => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

/// Writes an error file beside the input, for its submitter.
pub fn write_error_file(input: &Path, bytes: &[u8], console: &Console) -> Result<(), Failure> {
    let mut file = ErrorFile::beside(input);
    file.write_all(bytes).map_err(|error| Failure::file(&file.path, &error))?;
    file.say(console);
    Ok(())
}
