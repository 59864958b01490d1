//! The help in Japanese: which language a command line that asks for help or has a mistake in it is answered in, and the
//! tree of commands with its Japanese texts.

mod japanese;
mod mistake;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, Command, CommandFactory, ValueEnum};
use model::Lang;

use crate::print::Language;
use crate::{Arguments, EVERYWHERE, HOME};

/// Answers a command line that asks for help or the version, or that cannot be read, and ends.
pub fn answer(error: &clap::Error) -> ! {
    let line: Vec<OsString> = std::env::args_os().collect();
    if language(&line) == Lang::Ja
        && let Err(error) = japanese().try_get_matches_from(&line)
    {
        if let Some(told) = mistake::told(&error) {
            eprintln!("{told}");
            std::process::exit(error.exit_code());
        }
        error.exit();
    }
    error.exit();
}

/// The language of a line that was not read: the one that it names, the environment's, the deployment's, the system's.
fn language(line: &[OsString]) -> Lang {
    let or_variable = |option, variable| named(line, option).or_else(|| std::env::var_os(variable));
    let lang = or_variable("--lang", "NOROSHI_LANG").and_then(|lang| Language::from_str(lang.to_str()?, false).ok());
    let home = or_variable("--home", "NOROSHI_HOME").unwrap_or_else(|| HOME.into());
    crate::language(lang, Path::new(&home))
}

/// What follows an option in the line.
fn named(line: &[OsString], option: &str) -> Option<OsString> {
    let mut words = line.iter().skip(1).take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        if word == option {
            return words.next().cloned();
        }
        let joined = word.to_str().and_then(|word| word.strip_prefix(option)?.strip_prefix('='));
        if let Some(value) = joined {
            return Some(value.into());
        }
    }
    None
}

/// The commands as they complete: what they are and what they take, in the language.
pub fn completable(lang: Lang) -> Command {
    /// Values with their Japanese. The program could not read them so; a completion only shows them.
    fn shown(command: Command, path: &str) -> Command {
        let values = |arg: Arg| {
            let known = arg.get_possible_values();
            let key = |value: &PossibleValue| format!("{} {}", key(path, &arg), value.get_name());
            let shown = known.into_iter().map(|value| match japanese::text(&key(&value)) {
                Some(text) => value.help(text),
                None => value,
            });
            let shown: Vec<PossibleValue> = shown.collect();
            if takes_one_of(&arg) { arg.value_parser(PossibleValuesParser::new(shown)) } else { arg }
        };
        command.mut_args(values).mut_subcommands(|sub| {
            let path = below(path, sub.get_name());
            shown(sub, &path)
        })
    }
    match lang {
        Lang::Ja => shown(japanese(), ""),
        Lang::En => Arguments::command(),
    }
}

/// The tree of commands with its Japanese texts.
fn japanese() -> Command {
    let mut command = Arguments::command();
    // Now the tree has what clap itself puts into it: `help`, `--help`, `--version`, and what every command takes.
    command.build();
    translated(command, "")
}

fn translated(mut command: Command, path: &str) -> Command {
    let own = if command.get_name() == "help" { "help" } else { path };
    let usage = command.render_usage().ansi().to_string();
    let usage = usage.split_once(' ').map_or(usage.as_str(), |(_, usage)| usage);
    let usage = usage.replace("[OPTIONS]", "[オプション]").replace("<COMMAND>", "<コマンド>");
    let usage = usage.replace("[COMMAND]", "[コマンド]");
    let heading = *command.get_styles().get_usage();
    if let Some(about) = japanese::text(own) {
        command = command.about(about);
    }
    let command = command
        .override_usage(usage)
        .subcommand_help_heading("コマンド")
        .help_template(format!(
            "{{before-help}}{{about-with-newline}}\n{heading}使い方:{heading:#} {{usage}}\n\n{{all-args}}{{after-help}}"
        ))
        // Japanese has no blanks to break a line at; the terminal breaks it.
        .term_width(0);
    command.mut_args(|arg| argument(arg, path)).mut_subcommands(|sub| {
        let path = below(path, sub.get_name());
        translated(sub, &path)
    })
}

fn argument(arg: Arg, path: &str) -> Arg {
    let key = key(path, &arg);
    let Some(text) = japanese::text(&key) else { return arg };
    let mut notes = Vec::new();
    if let Some(variable) = arg.get_env() {
        notes.push(format!("［環境変数: {}］", variable.to_string_lossy()));
    }
    let defaults = arg.get_default_values();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        let defaults: Vec<_> = defaults.iter().map(|value: &_| OsStr::to_string_lossy(value)).collect();
        notes.push(format!("［既定値: {}］", defaults.join(" ")));
    }
    let mut short = text.to_owned();
    let mut long = text.to_owned();
    if takes_one_of(&arg) {
        let values = arg.get_possible_values();
        let values: Vec<&str> =
            values.iter().filter(|value| !value.is_hide_set()).map(PossibleValue::get_name).collect();
        short += &format!("［値: {}］", values.join(", "));
        long += "\n\n値:";
        for value in values {
            long += &match japanese::text(&format!("{key} {value}")) {
                Some(text) => format!("\n- {value}: {text}"),
                None => format!("\n- {value}"),
            };
        }
    }
    if !notes.is_empty() {
        short += &notes.concat();
        long += &format!("\n\n{}", notes.join("\n"));
    }
    let common = arg.get_help_heading() == Some(EVERYWHERE) || matches!(arg.get_id().as_str(), "help" | "version");
    let heading = match (common, arg.is_positional()) {
        (true, _) => "どのコマンドにも共通のオプション",
        (false, true) => "引数",
        (false, false) => "オプション",
    };
    arg.help(short)
        .long_help(long)
        .help_heading(heading)
        .hide_env(true)
        .hide_default_value(true)
        .hide_possible_values(true)
}

/// Whether it takes one of some values: a flag does not, though clap has `true` and `false` for it.
fn takes_one_of(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !arg.get_possible_values().is_empty()
}

/// The path of a command below another. `help` has all commands below it once more.
fn below(path: &str, name: &str) -> String {
    match (path, name) {
        (_, "help") => path.to_owned(),
        ("", _) => name.to_owned(),
        _ => format!("{path} {name}"),
    }
}

/// An argument's key in the table.
fn key(path: &str, arg: &Arg) -> String {
    let everywhere = arg.is_global_set() || matches!(arg.get_id().as_str(), "help" | "version");
    format!("{} <{}>", if everywhere { "" } else { path }, arg.get_id())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The keys of all that the English help explains, below this command.
    fn keys(command: &Command, path: &str, found: &mut BTreeSet<String>) {
        found.insert(if command.get_name() == "help" { "help".to_owned() } else { path.to_owned() });
        for arg in command.get_arguments() {
            let key = key(path, arg);
            let values = if takes_one_of(arg) { arg.get_possible_values() } else { Vec::new() };
            let explained = values.iter().filter(|value| value.get_help().is_some());
            found.extend(explained.map(|value| format!("{key} {}", value.get_name())));
            found.insert(key);
        }
        for sub in command.get_subcommands() {
            keys(sub, &below(path, sub.get_name()), found);
        }
    }

    #[test]
    fn every_command_argument_and_value_has_its_japanese_and_nothing_else_has() {
        let mut command = Arguments::command();
        command.build();
        let mut known = BTreeSet::new();
        keys(&command, "", &mut known);
        let mut written = BTreeSet::new();
        for (key, text) in japanese::TEXTS {
            assert!(written.insert((*key).to_owned()), "`{key}` stands twice");
            let is_japanese = text.chars().any(|c| matches!(c, '\u{3041}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'));
            // A name is a name.
            assert!(is_japanese || *text == "XARF v4", "`{key}` is not in Japanese: {text}");
        }
        let missing: Vec<_> = known.difference(&written).collect();
        let superfluous: Vec<_> = written.difference(&known).collect();
        assert!(missing.is_empty() && superfluous.is_empty(), "missing: {missing:?}; superfluous: {superfluous:?}");
    }

    #[test]
    fn the_language_is_read_off_the_line() {
        let line = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let lang = |text: &str| named(&line(text), "--lang").map(|lang| lang.into_string().unwrap());
        assert_eq!(lang("noroshi --lang ja --help").as_deref(), Some("ja"));
        assert_eq!(lang("noroshi round send --lang=en").as_deref(), Some("en"));
        assert_eq!(
            [lang("noroshi --lang"), lang("noroshi ingest -- --lang ja"), lang("noroshi --language=ja")],
            [None, None, None]
        );
    }
}
