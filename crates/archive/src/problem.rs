//! What can go wrong with the archive, and what to do then.

use disk::DiskError;
use keys::KeyError;
use law::Closed;
use model::problem::Code;
use model::text::Text;

/// A file could not be written, read or removed. Never carries what is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The manifest names a file that is not there.
    #[error("`{path}` is missing from the archive")]
    Missing {
        /// The file.
        path: String,
    },
    /// The file is not the one that was written, or does not hold what the manifest says.
    #[error("`{path}` of the archive is damaged: {what}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A later version of the program wrote the file.
    #[error("`{path}` of the archive holds `{schema}`, which this program does not know")]
    UnknownSchema {
        /// The file.
        path: String,
        /// Its schema, as the manifest has it.
        schema: String,
    },
    /// The file is about something else than it is to be read as.
    #[error("`{path}` of the archive is not of {subject}")]
    OtherSubject {
        /// The file.
        path: String,
        /// What it was to be read as.
        subject: String,
    },
    /// The data was never protected, or is and was to be read without protection.
    #[error("`{path}` of the archive was written otherwise: protected or not")]
    OtherProtection {
        /// The file.
        path: String,
    },
    /// A file of that name is there: facts never change.
    #[error("`{path}` is in the archive already")]
    AlreadyThere {
        /// The file.
        path: String,
    },
    /// A name, path or retention class that this archive does not give.
    #[error("`{name}` names nothing in an archive")]
    Name {
        /// The name.
        name: String,
    },
    /// Places that do not rise from 1, each once.
    #[error("the places of a delivery's rows do not rise: row {row}")]
    Disorder {
        /// The row, from 0.
        row: usize,
    },
    /// The columns could not be turned into a file.
    #[error("the columns could not be written")]
    Columns,
    /// The clearance does not open the data.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The key could not be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The disk said no.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl ArchiveError {
    /// The code under which the manual explains it; none for what the disk said and for faults in the program.
    #[must_use]
    pub const fn code(&self) -> Option<&'static Code> {
        match self {
            Self::Missing { .. } => Some(&FILE_MISSING),
            Self::Damaged { .. } => Some(&FILE_DAMAGED),
            Self::UnknownSchema { .. } => Some(&SCHEMA_UNKNOWN),
            Self::OtherSubject { .. } | Self::OtherProtection { .. } => Some(&OTHER_SUBJECT),
            Self::AlreadyThere { .. } => Some(&ALREADY_THERE),
            Self::Key(error) => error.code(),
            Self::Name { .. } | Self::Disorder { .. } | Self::Columns | Self::Closed(_) | Self::Disk(_) => None,
        }
    }
}

/// A file is missing.
pub static FILE_MISSING: Code = Code {
    code: "archive-file-missing",
    text: Text {
        ja: "一覧にあるファイルが保管庫に見つかりません",
        en: "a file that the manifest names is missing from the archive",
    },
    help: Text {
        ja: "バックアップから該当のファイルを戻してください。データベースと保管庫は同じ時点のものを組み合わせる必要があります",
        en: "bring the file back from the backup; the database and the archive must be of the same moment",
    },
    example: "a database restored beside an older archive",
};

/// A file is damaged.
pub static FILE_DAMAGED: Code = Code {
    code: "archive-file-damaged",
    text: Text {
        ja: "保管庫のファイルが、書き込んだときのものと一致しません。読み取りを中止しました",
        en: "a file of the archive is not the one that was written; nothing of it was read",
    },
    help: Text {
        ja: "バックアップから該当のファイルを戻し、保管場所を調べてください。鍵フォルダーだけ入れ替えた場合もこの表示になります",
        en: "bring the file back from the backup and examine the storage; a key folder of another deployment shows the same",
    },
    example: "a sightings file with one flipped bit",
};

/// A later schema.
pub static SCHEMA_UNKNOWN: Code = Code {
    code: "archive-schema-unknown",
    text: Text {
        ja: "保管庫のファイルは、このプログラムより新しい版の形式です",
        en: "a file of the archive was written by a later version of this program",
    },
    help: Text { ja: "新しい版のプログラムを使ってください", en: "use the later version" },
    example: "an older release started on an upgraded archive",
};

/// Read as something else.
pub static OTHER_SUBJECT: Code = Code {
    code: "archive-other-subject",
    text: Text {
        ja: "保管庫のファイルは、指定された対象のものではありません",
        en: "a file of the archive is not about what it was to be read as",
    },
    help: Text {
        ja: "一覧の行が入れ替わっていないか、データベースが手作業で変更されていないか確かめてください",
        en: "check whether the manifest's rows were exchanged or changed by hand",
    },
    example: "a manifest row that names another report's file",
};

/// There already.
pub static ALREADY_THERE: Code = Code {
    code: "archive-already-there",
    text: Text {
        ja: "同じ名前のファイルが保管庫に既にあります。上書きはしません",
        en: "a file of that name is in the archive already; it is never replaced",
    },
    help: Text {
        ja: "同じ処理が途中で止まっていないか確かめてください",
        en: "see whether the same work stopped half-way",
    },
    example: "a deed run again under the id of a file that it had written",
};

/// Every error code that this crate can utter.
pub static CODES: &[&Code] = &[&FILE_MISSING, &FILE_DAMAGED, &SCHEMA_UNKNOWN, &OTHER_SUBJECT, &ALREADY_THERE];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_stable_words_and_said_in_both_languages() {
        let mut seen = BTreeSet::new();
        for code in CODES {
            assert!(code.code.starts_with("archive-") && seen.insert(code.code), "{}", code.code);
            assert!(code.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", code.code);
            for text in [&code.text, &code.help] {
                assert!(!text.ja.is_ascii() && text.en.is_ascii(), "{}", code.code);
            }
            assert!(!code.example.is_empty());
        }
    }
}
