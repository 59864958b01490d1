//! What is wrong with a command line, in Japanese: one sentence that names it, the nearest known word, the usage, and where
//! help is.

use std::error::Error;
use std::num::ParseIntError;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use model::address::BadAddress;
use model::id::BadId;
use model::problem::Problem;
use model::rsit::BadClassification;
use model::time::BadTime;

/// The lines that tell a mistake; none where help or the version was asked for, or stands for an answer.
pub fn told(error: &clap::Error) -> Option<String> {
    let sentence = sentence(error)?;
    let mut lines = vec![format!("noroshi: {sentence}")];
    if let Some(known) = list(error, ContextKind::ValidValue).or_else(|| list(error, ContextKind::ValidSubcommand)) {
        lines.push(format!("使えるもの: {}", known.join(", ")));
    }
    if let Some(nearest) = nearest(error) {
        lines.push(format!("もしかして: {nearest}"));
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        let usage = usage.to_string();
        lines.push(format!("使い方: {}", usage.strip_prefix("Usage: ").unwrap_or(&usage)));
    }
    lines.push("詳しい使い方は、コマンドに `--help` を付けると表示されます。".to_owned());
    Some(lines.join("\n"))
}

fn sentence(error: &clap::Error) -> Option<String> {
    let named = |kind| word(error, kind).unwrap_or_default();
    let arg = named(ContextKind::InvalidArg);
    let value = named(ContextKind::InvalidValue);
    Some(match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::DisplayVersion
        | ErrorKind::Io
        | ErrorKind::Format => return None,
        ErrorKind::UnknownArgument if arg.starts_with('-') => format!("`{arg}` というオプションはありません。"),
        ErrorKind::UnknownArgument => format!("`{arg}` は余分な引数です。"),
        ErrorKind::InvalidSubcommand => {
            format!("`{}` というコマンドはありません。", named(ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingSubcommand => {
            format!("`{}` に続くコマンドがありません。", named(ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = list(error, ContextKind::InvalidArg).unwrap_or_default();
            let missing: Vec<String> = missing.iter().map(|arg| format!("`{arg}`")).collect();
            format!("必要な指定がありません: {}", missing.join("、"))
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("`{arg}` に値がありません。"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let why = error.source().and_then(why).unwrap_or_default();
            format!("`{arg}` に `{value}` は使えません。{why}")
        }
        ErrorKind::TooManyValues => format!("`{arg}` に対して `{value}` は余分な値です。"),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => format!("`{arg}` の値の数が違います。"),
        ErrorKind::NoEquals => format!("`{arg}` の値は `=` で続けて書いてください。"),
        ErrorKind::ArgumentConflict => match word(error, ContextKind::PriorArg) {
            Some(prior) if prior != arg => format!("`{arg}` は `{prior}` と一緒には使えません。"),
            _ => format!("`{arg}` を二度以上指定しています。"),
        },
        ErrorKind::InvalidUtf8 => "UTF-8 でない引数があります。".to_owned(),
        _ => "コマンドの書き方に誤りがあります。".to_owned(),
    })
}

/// What a value should have been.
fn why(source: &(dyn Error + 'static)) -> Option<String> {
    if let Some(id) = source.downcast_ref::<BadId>() {
        return Some(format!("{}を書いてください。", id.wanted().ja));
    }
    if let Some(problem) = source.downcast_ref::<Problem>() {
        return Some(format!("{}。{} [{}]", problem.code.text.ja, problem.code.help.ja, problem.code.code));
    }
    if let Some(time) = source.downcast_ref::<BadTime>() {
        let wanted = match time {
            BadTime::Zone(_) => {
                "タイムゾーンは、`Asia/Tokyo` のようなIANAの名前か `+09:00` のような時差で書いてください。"
            }
            _ => "時刻は、`2026-05-13T09:00:00+09:00` のように時差を付けて書いてください（RFC 3339）。",
        };
        return Some(wanted.to_owned());
    }
    let plain = if source.is::<BadAddress>() {
        "IPアドレスを一つ書いてください。"
    } else if source.is::<BadClassification>() {
        "分類は、`infected-system` のような RSIT（Reference Security Incident Taxonomy）の種類で書いてください。"
    } else if source.is::<ParseIntError>() {
        "0以上の整数を書いてください。"
    } else {
        return None;
    };
    Some(plain.to_owned())
}

/// The nearest that is known.
fn nearest(error: &clap::Error) -> Option<String> {
    let plain = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let plain = plain.into_iter().find_map(|kind| match error.get(kind)? {
        ContextValue::String(word) => Some(format!("`{word}`")),
        ContextValue::Strings(words) => {
            Some(words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join("、"))
        }
        _ => None,
    });
    // Of an option that another command has, clap writes `'command --option' exists`.
    let elsewhere = || match error.get(ContextKind::Suggested)? {
        ContextValue::StyledStrs(texts) => texts.iter().find_map(|text| {
            let text = text.to_string();
            Some(format!("`{}`", text.strip_prefix('\'')?.strip_suffix("' exists")?))
        }),
        _ => None,
    };
    plain.or_else(elsewhere)
}

/// A word of the error's context; what controls a terminal is written out.
fn word(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(word) => Some(word.escape_debug().to_string()),
        ContextValue::Strings(words) => Some(words.join(" ").escape_debug().to_string()),
        _ => None,
    }
}

fn list(error: &clap::Error, kind: ContextKind) -> Option<Vec<String>> {
    match error.get(kind)? {
        ContextValue::Strings(words) if !words.is_empty() => Some(words.clone()),
        _ => None,
    }
}
