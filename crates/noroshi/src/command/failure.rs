//! Why a command failed: said in the reader's language, with a code for machines, a next step for people, and an exit code.

use exchange::DeedError;
use exchange::problem::{FILE_UNREADABLE, NOT_FOUND, NOT_OUR_ACTOR, SAME_FILE};
use model::problem::{Code, Place, Problem};
use model::{Lang, Text};

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// A deed was not done.
    Deed(DeedError),
    /// An input is wrong.
    Problem(Problem),
    /// An input is wrong in several places.
    Problems(Vec<Problem>),
    /// The keys.
    Keys(keys::KeyError),
    /// The disk.
    Disk(disk::DiskError),
    /// The system.
    Io(std::io::Error),
    /// A fault of this program.
    Other(String),
}

impl From<DeedError> for Failure {
    fn from(error: DeedError) -> Self {
        match error {
            DeedError::Problem(problem) => Self::Problem(problem),
            DeedError::Problems(problems) => Self::Problems(problems),
            DeedError::Keys(error) => Self::Keys(error),
            DeedError::Disk(error) => Self::Disk(error),
            other => Self::Deed(other),
        }
    }
}

impl From<store::StoreError> for Failure {
    fn from(error: store::StoreError) -> Self {
        DeedError::from(error).into()
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<keys::KeyError> for Failure {
    fn from(error: keys::KeyError) -> Self {
        Self::Keys(error)
    }
}

impl From<disk::DiskError> for Failure {
    fn from(error: disk::DiskError) -> Self {
        Self::Disk(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl Failure {
    /// A file that the command line names and that cannot be read or written.
    pub fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        let place = Place::file(path.display().to_string());
        Self::Problem(Problem::new(&FILE_UNREADABLE, place).with_value(&error.to_string()))
    }

    /// The exit code.
    pub fn exit(&self) -> u8 {
        match self {
            Self::Deed(DeedError::Refused { .. }) => 3,
            Self::Deed(DeedError::NotFound { .. }) => 6,
            Self::Deed(DeedError::Store(error)) if error.is_busy() => 75,
            _ => 1,
        }
    }

    /// What to say: what is wrong, and what next.
    pub fn lines(&self, lang: Lang) -> Vec<String> {
        match self {
            Self::Problem(problem) => vec![problem.for_submitter(lang), help(problem.code, lang)],
            Self::Problems(problems) => {
                let mut lines: Vec<String> = problems.iter().map(|p| p.for_submitter(lang)).collect();
                lines.extend(helps(problems.iter().map(|problem| problem.code), lang));
                lines
            }
            Self::Deed(DeedError::Refused { decision, refusal }) => {
                let mut lines = vec![match lang {
                    Lang::Ja => format!("関門が認めませんでした: {} [{}]", refusal.reason_ja, refusal.code),
                    Lang::En => format!("refused by the gate: {} [{}]", refusal.reason_en, refusal.code),
                }];
                for rule in &refusal.rules {
                    lines.push(format!("  {rule}"));
                }
                for (rule, ja, en) in &refusal.would_need {
                    let needs = if lang == Lang::Ja { ja } else { en };
                    lines.push(match lang {
                        Lang::Ja => format!("  {rule} に必要なもの: {needs}"),
                        Lang::En => format!("  {rule} would need: {needs}"),
                    });
                }
                lines.push(match lang {
                    Lang::Ja => {
                        format!("台帳の決定: {decision}。規則の出典は `noroshi law show 規則` で表示できます。")
                    }
                    Lang::En => {
                        format!("decision in the ledger: {decision}; `noroshi law show RULE` gives a rule's source")
                    }
                });
                lines
            }
            Self::Deed(error) => match about(error, lang) {
                Some((code, about)) => {
                    vec![format!("noroshi: {}: {about} [{}]", code.text.of(lang), code.code), help(code, lang)]
                }
                None => vec![format!("noroshi: {error} [{}]", error.code())],
            },
            Self::Keys(error) => match error.code() {
                Some(code) => {
                    let about = key_about(error).map_or_else(String::new, |about| format!(": `{about}`"));
                    vec![format!("noroshi: {}{about} [{}]", code.text.of(lang), code.code), help(code, lang)]
                }
                None => vec![format!("noroshi: {error}")],
            },
            Self::Disk(error) => vec![format!("noroshi: {error}")],
            Self::Io(error) => vec![format!("noroshi: {error}")],
            Self::Other(text) => vec![format!("noroshi: {text}")],
        }
    }
}

/// The code of a deed's failure, and about what it is; none where only the cause can be said.
fn about(error: &DeedError, lang: Lang) -> Option<(&'static Code, String)> {
    match error {
        DeedError::NotFound { what, id } => Some((&NOT_FOUND, format!("{} `{id}`", noun(what, lang)))),
        DeedError::SameFile { round, report } => Some((
            &SAME_FILE,
            match lang {
                Lang::Ja => format!("回 {round}、報告 {report}"),
                Lang::En => format!("into {round}, as report {report}"),
            },
        )),
        DeedError::NotOurActor { actor, house } => Some((&NOT_OUR_ACTOR, format!("`{actor}` / `{house}`"))),
        DeedError::NotInForce { code, about } => Some((code, format!("`{about}`"))),
        DeedError::Store(error @ store::StoreError::Overtaken { what, id }) => {
            Some((error.code()?, format!("{} `{id}`", noun(what, lang))))
        }
        DeedError::Store(error) => Some((error.code()?, error.to_string())),
        DeedError::Assignment(error) => Some((error.code()?, error.to_string())),
        _ => None,
    }
}

/// Which file, folder or key it is about.
fn key_about(error: &keys::KeyError) -> Option<String> {
    use keys::KeyError;
    match error {
        KeyError::WrappingKeyWrong { path } | KeyError::FileDamaged { path } => Some(path.display().to_string()),
        KeyError::KeyringMissing { folder } | KeyError::KeyringExists { folder } => Some(folder.display().to_string()),
        KeyError::Destroyed { name } | KeyError::SealBroken { name } | KeyError::Name { name } => Some(name.clone()),
        _ => None,
    }
}

/// What kind of thing is not there, in the reader's language.
fn noun(what: &str, lang: Lang) -> &str {
    match (lang, what) {
        (Lang::Ja, "party") => "組織",
        (Lang::Ja, "operation") => "作戦",
        (Lang::Ja, "round") => "回",
        (Lang::Ja, "delivery") => "送付",
        (Lang::Ja, "rule") => "規則",
        _ => what,
    }
}

/// The next step for a code.
pub fn help(code: &Code, lang: Lang) -> String {
    const HELP: Text = Text { ja: "対処", en: "help" };
    format!("{}: {}", HELP.of(lang), code.help.of(lang))
}

/// The next steps for several, each once, with the code where there is more than one.
pub fn helps<'c>(codes: impl IntoIterator<Item = &'c Code>, lang: Lang) -> Vec<String> {
    let mut distinct: Vec<&Code> = Vec::new();
    for code in codes {
        if !distinct.iter().any(|seen| seen.code == code.code) {
            distinct.push(code);
        }
    }
    let several = distinct.len() > 1;
    let mut lines = Vec::new();
    for code in distinct {
        let line = help(code, lang);
        lines.push(if several { format!("{line} [{}]", code.code) } else { line });
    }
    lines
}
