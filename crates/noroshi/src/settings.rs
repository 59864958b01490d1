//! The settings of a deployment: one file, joined from what each crate declares. An unknown key stops the start.

use std::path::{Path, PathBuf};

use exchange::problem::{BAD_SETTINGS, NO_HOME};
use model::problem::{Place, Problem};
use serde::Deserialize;

use crate::command::Failure;

/// The settings file's name in the home.
pub const FILE: &str = "noroshi.toml";

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the state is: `sqlite://state.db` (below the home) or `postgres://user@host/database`.
    #[serde(default = "sqlite")]
    pub database: String,
    /// A file with the key that wraps the keys, instead of `wrapping.key` in the home. A systemd credential named
    /// `noroshi-wrapping-key` goes before both.
    #[serde(default)]
    pub wrapping_key_file: Option<PathBuf>,
    /// This deployment and its deeds.
    pub house: exchange::Settings,
    /// Mail.
    #[serde(default)]
    pub courier: courier::settings::Settings,
    /// At an operator: how assignment records are read.
    #[serde(default)]
    pub assignment: assignment::Settings,
}

fn sqlite() -> String {
    "sqlite://state.db".to_owned()
}

impl Settings {
    /// Reads the settings of the deployment in `home`.
    ///
    /// # Errors
    /// [`Failure`] with line and key, naming the nearest known key.
    pub fn read(home: &Path) -> Result<Self, Failure> {
        let path = home.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Problem::new(&NO_HOME, Place::file(home.display().to_string())).into());
            }
            Err(error) => return Err(error.into()),
        };
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let mut place = Place::file(FILE);
            if let Some(span) = error.span() {
                place = place.line(text.get(..span.start).unwrap_or_default().matches('\n').count() as u64 + 1);
            }
            Problem::new(&BAD_SETTINGS, place).with_value(&with_nearest(error.message())).into()
        })
    }
}

/// Serde lists every known key; a person wants the one he meant.
fn with_nearest(message: &str) -> String {
    let mut ticks = message.split('`').skip(1).step_by(2);
    let Some(unknown) = ticks.next().filter(|_| message.starts_with("unknown field")) else {
        return message.to_owned();
    };
    let nearest = ticks.min_by_key(|known| distance(unknown, known));
    match nearest {
        Some(known) => format!("unknown key {unknown}; did you mean {known}?"),
        None => message.to_owned(),
    }
}

/// Levenshtein's distance.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let text = "[house]\nparty = \"t-isac\"\nlangauge = \"ja\"\n";
        let Err(Failure::Problem(problem)) = Settings::parse(text) else { panic!("accepted") };
        assert_eq!(problem.place.line, Some(3));
        assert_eq!(problem.value_for_submitter(), Some("unknown key langauge; did you mean language?"));
        assert!(Settings::parse("[house]\nparty = \"t-isac\"\n").is_ok());
    }
}
