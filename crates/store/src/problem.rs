//! What can go wrong with the state, and what to do then.

use model::port::Crash;
use model::problem::Code;
use model::text::Text;

/// The state could not be opened, read or changed. Never carries a row's contents or the database's password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The address names no engine that is known here.
    #[error("the database address begins neither with `sqlite:` nor with `postgres:`")]
    UnknownEngine,
    /// The SQLite database is kept in memory, or on a file system without shared memory: it would not survive a crash.
    #[error("the SQLite database cannot keep a write-ahead log")]
    NotDurable,
    /// PostgreSQL would sort or encode text in another way than SQLite does.
    #[error("the PostgreSQL database has collation `{collation}` and encoding `{encoding}`, not `C` and `UTF8`")]
    Collation {
        /// The collation found.
        collation: String,
        /// The encoding found.
        encoding: String,
    },
    /// A later version of the program has changed the schema.
    #[error("the database has schema {found}, this program knows {known}")]
    NewerSchema {
        /// The newest migration found.
        found: i64,
        /// The newest migration known.
        known: i64,
    },
    /// A migration that has run reads otherwise in this program.
    #[error("migration {number} of the database is not the one of this program")]
    OtherSchema {
        /// The migration.
        number: i64,
    },
    /// Another writer held the database for too long; the transaction did nothing.
    #[error("the database is busy (transaction `{name}`)")]
    Busy {
        /// The transaction.
        name: &'static str,
    },
    /// An earlier statement of the transaction had failed; it was rolled back.
    #[error("the transaction `{name}` was rolled back because a statement in it had failed")]
    Broken {
        /// The transaction.
        name: &'static str,
    },
    /// The simulation ended the process here.
    #[error(transparent)]
    Crash(#[from] Crash),
    /// The row is there already.
    #[error("`{statement}`: the row is there already")]
    AlreadyThere {
        /// The statement.
        statement: &'static str,
    },
    /// The row that is to be changed is not there, or not in the state that the change needs.
    #[error("`{statement}`: no row `{id}` that can be changed so")]
    NotThere {
        /// The statement.
        statement: &'static str,
        /// The row.
        id: String,
    },
    /// A lease or claim has passed to another holder; what was done under it must not be recorded.
    #[error("`{statement}`: the claim on `{id}` has passed to another holder")]
    FenceLost {
        /// The statement.
        statement: &'static str,
        /// The lease or job.
        id: String,
    },
    /// Somebody else did something to the same thing between this deed's look and its commit; it did nothing.
    #[error("somebody else worked on {what} `{id}` meanwhile; nothing was changed")]
    Overtaken {
        /// What kind of thing.
        what: &'static str,
        /// Which.
        id: String,
    },
    /// A leaf says that a deed is done or abandoned that nobody decided, or that is closed already.
    #[error("leaf `{leaf}` closes a decision that is not open")]
    NotOpen {
        /// The leaf.
        leaf: String,
    },
    /// Counts that do not add up to their whole.
    #[error("`{what}`: the counts add up to {sum}, the whole is {whole}")]
    OpenTally {
        /// What was counted.
        what: &'static str,
        /// The sum of the parts.
        sum: u64,
        /// The whole.
        whole: u64,
    },
    /// A row that this program could not have written.
    #[error("column `{column}` holds a value that this program does not write (`{statement}`)")]
    Damaged {
        /// The statement that read it.
        statement: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The database failed.
    #[error("`{statement}`: {source}")]
    Sql {
        /// The statement.
        statement: &'static str,
        /// What the database said.
        source: sqlx::Error,
    },
}

impl StoreError {
    pub(crate) fn sql(statement: &'static str, source: sqlx::Error) -> Self {
        if let sqlx::Error::Database(error) = &source {
            if error.is_unique_violation() {
                return Self::AlreadyThere { statement };
            }
            if is_busy(&**error) {
                return Self::Busy { name: statement };
            }
        }
        Self::Sql { statement, source }
    }

    /// Whether the same deed may succeed a little later.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Overtaken { .. })
    }

    /// The code under which the manual explains it; none for what only a simulation or a fault in the program brings about.
    #[must_use]
    pub const fn code(&self) -> Option<&'static Code> {
        match self {
            Self::UnknownEngine => Some(&ENGINE_UNKNOWN),
            Self::NotDurable => Some(&NOT_DURABLE),
            Self::Collation { .. } => Some(&COLLATION),
            Self::NewerSchema { .. } => Some(&SCHEMA_NEWER),
            Self::OtherSchema { .. } => Some(&SCHEMA_OTHER),
            Self::Busy { .. } => Some(&BUSY),
            Self::AlreadyThere { .. } => Some(&ALREADY_THERE),
            Self::NotThere { .. } => Some(&NOT_THERE),
            Self::FenceLost { .. } => Some(&FENCE_LOST),
            Self::Overtaken { .. } => Some(&OVERTAKEN),
            Self::Damaged { .. } => Some(&DAMAGED),
            Self::Sql { .. } => Some(&FAILED),
            Self::Broken { .. } | Self::Crash(_) | Self::NotOpen { .. } | Self::OpenTally { .. } => None,
        }
    }
}

/// SQLITE_BUSY and its extended codes (low byte 5) and SQLITE_LOCKED (6); PostgreSQL's lock_not_available, serialization_failure and
/// deadlock_detected.
fn is_busy(error: &dyn sqlx::error::DatabaseError) -> bool {
    match error.code().as_deref() {
        Some("55P03" | "40001" | "40P01") => true,
        // SQLSTATEs have five characters, SQLite's codes at most four.
        Some(code) if code.len() < 5 => code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6)),
        _ => false,
    }
}

/// The address names no known engine.
pub static ENGINE_UNKNOWN: Code = Code {
    code: "store-engine-unknown",
    text: Text {
        ja: "データベースの指定が `sqlite:` でも `postgres:` でも始まっていません",
        en: "the database address begins neither with `sqlite:` nor with `postgres:`",
    },
    help: Text {
        ja: "`sqlite:///var/lib/noroshi/state.db?mode=rwc` または `postgres://user@host/noroshi` の形で指定してください",
        en: "write it as `sqlite:///var/lib/noroshi/state.db?mode=rwc` or `postgres://user@host/noroshi`",
    },
    example: "mysql://localhost/noroshi",
};

/// SQLite in memory.
pub static NOT_DURABLE: Code = Code {
    code: "store-not-durable",
    text: Text {
        ja: "この SQLite データベースは停電に耐えられません（メモリー上か、WAL を使えないファイルシステム上にあります）",
        en: "this SQLite database would not survive a power cut: it is in memory, or its file system cannot keep a write-ahead log",
    },
    help: Text {
        ja: "ローカルディスク上のファイルを指定してください。ネットワーク共有は使えません",
        en: "name a file on a local disk; a network share will not do",
    },
    example: "sqlite::memory:",
};

/// Wrong collation or encoding.
pub static COLLATION: Code = Code {
    code: "store-collation",
    text: Text {
        ja: "PostgreSQL データベースの照合順序が C でないか、文字コードが UTF8 ではありません",
        en: "the PostgreSQL database does not have collation C and encoding UTF8",
    },
    help: Text {
        ja: "`createdb --template=template0 --locale=C --encoding=UTF8 noroshi` で作り直してください。並び順がどのエンジンでも同じになります",
        en: "make it with `createdb --template=template0 --locale=C --encoding=UTF8 noroshi`, so that every engine sorts alike",
    },
    example: "a database made with the locale ja_JP.UTF-8",
};

/// The schema is newer.
pub static SCHEMA_NEWER: Code = Code {
    code: "store-schema-newer",
    text: Text {
        ja: "データベースは、このプログラムより新しい版で更新されています",
        en: "the database was brought up to date by a later version of this program",
    },
    help: Text {
        ja: "新しい版のプログラムを使うか、更新前のバックアップから復元してください",
        en: "use the later version, or restore a backup from before the upgrade",
    },
    example: "an older release started on an upgraded database",
};

/// The schema differs.
pub static SCHEMA_OTHER: Code = Code {
    code: "store-schema-other",
    text: Text {
        ja: "データベースに適用済みの移行が、このプログラムのものと一致しません",
        en: "a migration that has run on the database is not the one that this program carries",
    },
    help: Text {
        ja: "配布物が改変されていないか、別のプログラムのデータベースを指していないか確かめてください",
        en: "check that the release is unaltered and that the address does not name another program's database",
    },
    example: "a program built from an altered migration",
};

/// Busy for too long.
pub static BUSY: Code = Code {
    code: "store-busy",
    text: Text {
        ja: "他の書込みが続いているため、データベースを使えませんでした。何も変更していません",
        en: "another writer held the database for too long; nothing was changed",
    },
    help: Text {
        ja: "少し待ってもう一度実行してください。続くときは、開いたままの noroshi のプロセスがないか調べてください",
        en: "try again a little later; if it goes on, look for a noroshi process that stays open",
    },
    example: "two large ingests at once on a slow disk",
};

/// There already.
pub static ALREADY_THERE: Code = Code {
    code: "store-already-there",
    text: Text { ja: "同じものが既に登録されています", en: "the same is recorded already" },
    help: Text {
        ja: "一覧で既存の登録を確かめてください。二重には登録しません",
        en: "look at what is recorded; nothing is recorded twice",
    },
    example: "the same report handed in twice for one round",
};

/// Not there.
pub static NOT_THERE: Code = Code {
    code: "store-not-there",
    text: Text {
        ja: "対象が見つからないか、その操作ができる状態ではありません",
        en: "it is not there, or not in a state that allows this",
    },
    help: Text {
        ja: "識別子と現在の状態を一覧で確かめてください",
        en: "check its id and its present state in the list",
    },
    example: "closing an operation that was never opened",
};

/// Fence lost.
pub static FENCE_LOST: Code = Code {
    code: "store-fence-lost",
    text: Text {
        ja: "この作業の担当は、期限切れにより別のプロセスへ移っています。結果は記録していません",
        en: "this work has passed to another process because its lease ran out; the result was not recorded",
    },
    help: Text {
        ja: "通常は何もする必要がありません。頻発するときは、時計のずれと停止しがちなプロセスを調べてください",
        en: "usually there is nothing to do; if it is frequent, look for clocks that differ and processes that stall",
    },
    example: "a mail worker that was suspended for ten minutes",
};

/// Overtaken.
pub static OVERTAKEN: Code = Code {
    code: "store-overtaken",
    text: Text {
        ja: "同じ対象を別の処理が先に更新しました。こちらでは何も変更していません",
        en: "another process worked on the same thing meanwhile; nothing was changed here",
    },
    help: Text {
        ja: "もう一度実行してください。最新の状態から続けます",
        en: "run it again: it goes on from how things stand now",
    },
    example: "two lists handed in for the same round at the same moment",
};

/// Damaged row.
pub static DAMAGED: Code = Code {
    code: "store-row-damaged",
    text: Text {
        ja: "データベースに、このプログラムが書くはずのない値があります",
        en: "the database holds a value that this program does not write",
    },
    help: Text {
        ja: "手作業で変更していないか確かめ、バックアップから復元してください",
        en: "check whether somebody changed it by hand, and restore it from a backup",
    },
    example: "a state edited with an SQL client",
};

/// The database failed.
pub static FAILED: Code = Code {
    code: "store-failed",
    text: Text { ja: "データベースの処理に失敗しました", en: "the database failed" },
    help: Text {
        ja: "接続先、ディスクの空き、権限を確かめてください",
        en: "check the address, the free disk space and the permissions",
    },
    example: "a PostgreSQL server that is not running",
};

/// Every error code that this crate can utter.
pub static CODES: &[&Code] = &[
    &ENGINE_UNKNOWN,
    &NOT_DURABLE,
    &COLLATION,
    &SCHEMA_NEWER,
    &SCHEMA_OTHER,
    &BUSY,
    &ALREADY_THERE,
    &NOT_THERE,
    &FENCE_LOST,
    &OVERTAKEN,
    &DAMAGED,
    &FAILED,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_stable_words_and_said_in_both_languages() {
        let mut seen = BTreeSet::new();
        for code in CODES {
            assert!(code.code.starts_with("store-") && seen.insert(code.code), "{}", code.code);
            assert!(code.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", code.code);
            for text in [&code.text, &code.help] {
                assert!(!text.ja.is_ascii() && text.en.is_ascii(), "{}", code.code);
            }
            assert!(!code.example.is_empty());
        }
    }
}
