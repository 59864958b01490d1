//! The settings of a deployment: one file, joined from what each crate declares. An unknown key stops the start.
//!
//! A variable `NOROSHI_<TABLE>__<KEY>` (such as `NOROSHI_HOUSE__ZONE`, `NOROSHI_COURIER__SMTP__HOST`) goes before the file;
//! `NOROSHI_DATABASE` and `NOROSHI_WRAPPING_KEY_FILE` do so for the two keys that stand in no table.

use std::path::{Path, PathBuf};

use directory::nearest::nearest;
use exchange::problem::{BAD_SETTINGS, NO_HOME, UNKNOWN_SETTING};
use model::Lang;
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

/// The language that the deployment in `home` speaks, where there is one that says so. A file with a mistake in it is no
/// hindrance: the mistake itself is to be told in its language.
pub fn language(home: &Path) -> Option<Lang> {
    let text = std::fs::read_to_string(home.join(FILE)).ok()?;
    let said = |line: &str| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "language").then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    };
    match text.lines().find_map(said).as_deref() {
        Some("en") => Some(Lang::En),
        // What is not said is Japanese, as everywhere in a deployment.
        Some("ja") | None => Some(Lang::Ja),
        Some(_) => None,
    }
}

impl Settings {
    /// Reads the settings of the deployment in `home`, and of the environment.
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
            Err(error) => return Err(Failure::file(&path, &error)),
        };
        Self::of_text(&text)
    }

    /// The settings that a file of this text would give, with those of the environment.
    ///
    /// # Errors
    /// As [`Settings::read`].
    pub fn of_text(text: &str) -> Result<Self, Failure> {
        let settings = Self::parse(text)?;
        // A name or value that is no Unicode cannot be one of ours.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter_map(|(name, value)| Some((path_of(&name)?, name, value)));
        let mut variables: Vec<(Vec<String>, String, String)> = variables.collect();
        if variables.is_empty() {
            return Ok(settings);
        }
        variables.sort();
        let mut table: toml::Table = text.parse().map_err(|error| refusal(text, &error))?;
        let mut settings = settings;
        for (keys, name, value) in variables {
            put(&mut table, &keys, &value);
            // One by one, so that the variable that is wrong is named.
            settings = table.clone().try_into().map_err(|error: toml::de::Error| {
                problem(Place::file(name.as_str()).field(keys.join(".")), error.message()).unwrap_or_else(|| {
                    Problem::new(&BAD_SETTINGS, Place::file(name.as_str()).field(keys.join(".")))
                        .with_value(error.message())
                })
            })?;
        }
        Ok(settings)
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        toml::from_str(text).map_err(|error: toml::de::Error| refusal(text, &error))
    }
}

/// The key that a variable stands for, if it stands for one.
fn path_of(name: &str) -> Option<Vec<String>> {
    let key = name.strip_prefix("NOROSHI_")?;
    let alone = ["DATABASE", "WRAPPING_KEY_FILE"].contains(&key);
    (alone || key.contains("__")).then(|| key.split("__").map(str::to_lowercase).collect())
}

/// Puts a value where a path of keys leads: what reads as a number, a truth value or a list is one, anything else a text.
fn put(table: &mut toml::Table, keys: &[String], value: &str) {
    let Some((first, rest)) = keys.split_first() else { return };
    if rest.is_empty() {
        let read: Option<toml::Table> = format!("value = {value}").parse().ok();
        let plain = read.and_then(|mut table| table.remove("value")).filter(|value| !value.is_datetime());
        table.insert(first.clone(), plain.unwrap_or_else(|| toml::Value::String(value.to_owned())));
        return;
    }
    let below = table.entry(first.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    if !below.is_table() {
        *below = toml::Value::Table(toml::Table::new());
    }
    if let Some(below) = below.as_table_mut() {
        put(below, rest, value);
    }
}

/// Why the file's text is refused: line, key, and the nearest known key.
fn refusal(text: &str, error: &toml::de::Error) -> Failure {
    let mut place = Place::file(FILE);
    if let Some(span) = error.span() {
        let before = text.get(..span.start).unwrap_or_default();
        place = place.line(before.matches('\n').count() as u64 + 1);
        let line = text.lines().nth(before.matches('\n').count()).unwrap_or_default();
        if let Some((key, _)) = line.split_once('=') {
            place = place.field(key.trim());
        }
    }
    problem(place.clone(), error.message())
        .unwrap_or_else(|| Problem::new(&BAD_SETTINGS, place).with_value(error.message()))
        .into()
}

/// An unknown key as a problem of its own. The reader lists every key that it knows; a person wants the one that he meant.
fn problem(place: Place, message: &str) -> Option<Problem> {
    let mut ticks = message.strip_prefix("unknown field")?.split('`').skip(1).step_by(2);
    let unknown = ticks.next()?;
    let said = nearest(unknown, ticks).map_or_else(|| unknown.to_owned(), |known| format!("{unknown} → {known}"));
    Some(Problem::new(&UNKNOWN_SETTING, place).with_value(&said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let text = "[house]\nparty = \"t-isac\"\nlangauge = \"ja\"\n";
        let Err(Failure::Problem(problem)) = Settings::parse(text) else { panic!("accepted") };
        assert_eq!(problem.place.line, Some(3));
        assert_eq!(problem.place.field.as_deref(), Some("langauge"));
        assert_eq!(problem.value_for_submitter(), Some("langauge → language"));
        assert!(Settings::parse("[house]\nparty = \"t-isac\"\n").is_ok());
    }

    #[test]
    fn a_variable_stands_for_a_key() {
        let keys = |name: &str| path_of(name).map(|keys| keys.join("."));
        assert_eq!(keys("NOROSHI_HOUSE__ZONE").as_deref(), Some("house.zone"));
        assert_eq!(keys("NOROSHI_COURIER__SMTP__PORT").as_deref(), Some("courier.smtp.port"));
        assert_eq!(keys("NOROSHI_DATABASE").as_deref(), Some("database"));
        assert_eq!([keys("NOROSHI_LANG"), keys("NOROSHI_HOME"), keys("HOUSE__ZONE")], [None, None, None]);
        let mut table: toml::Table = "[house]\nparty = \"t-isac\"\nzone = \"UTC\"".parse().unwrap();
        put(&mut table, &["house".to_owned(), "zone".to_owned()], "Asia/Tokyo");
        put(&mut table, &["house".to_owned(), "answer_days".to_owned()], "7");
        put(&mut table, &["house".to_owned(), "ordinary_ranges".to_owned()], "[\"documentation\"]");
        let settings: Settings = table.try_into().unwrap();
        assert_eq!(settings.house.zone.to_string(), "Asia/Tokyo");
        assert_eq!((settings.house.answer_days, settings.house.ordinary_ranges.len()), (7, 1));
    }
}
