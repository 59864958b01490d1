//! What can be wrong with keys, and what to do then.

use std::path::PathBuf;

use disk::DiskError;
use model::problem::{Code, Place, Problem};
use model::text::Text;

/// A key could not be had, made, destroyed or used. Never carries key material.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The wrapping key is neither 32 raw bytes nor 32 bytes in base64.
    #[error("the wrapping key is not 32 bytes, raw or in base64")]
    WrappingKeyShape,
    /// The wrapping key is made of text or zeros, not of randomness.
    #[error("the wrapping key is not random")]
    WrappingKeyNotRandom,
    /// The folder's keys are wrapped under another wrapping key (or the file was altered).
    #[error("the wrapping key does not open `{path}`")]
    WrappingKeyWrong {
        /// The file that did not open.
        path: PathBuf,
    },
    /// There is no keyring in the folder.
    #[error("there is no keyring in `{folder}`")]
    KeyringMissing {
        /// The folder.
        folder: PathBuf,
    },
    /// There is a keyring in the folder already.
    #[error("there is a keyring in `{folder}` already")]
    KeyringExists {
        /// The folder.
        folder: PathBuf,
    },
    /// The key was destroyed at its retention's end; what it sealed stays unreadable.
    #[error("the key `{name}` was destroyed")]
    Destroyed {
        /// The key's name.
        name: String,
    },
    /// A key's file is not a wrapped key of a version known here.
    #[error("`{path}` is not a wrapped key of a known version")]
    FileDamaged {
        /// The file.
        path: PathBuf,
    },
    /// What was sealed was altered, truncated, sealed under another key or for another name.
    #[error("the sealed bytes do not open under the key `{name}`")]
    SealBroken {
        /// The key's name.
        name: String,
    },
    /// More bytes than one seal can take.
    #[error("too long to be sealed in one piece")]
    TooLong,
    /// A label, a kind of retention or a scope that cannot name a key.
    #[error("`{name}` cannot name a key")]
    Name {
        /// The name.
        name: String,
    },
    /// The lock that keeps two processes from making the same key could not be had.
    #[error("cannot lock `{path}`: {source}")]
    Lock {
        /// The lock's file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The disk said no.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl KeyError {
    /// The code under which the manual explains it; none for what the disk said.
    #[must_use]
    pub const fn code(&self) -> Option<&'static Code> {
        match self {
            Self::WrappingKeyShape => Some(&WRAPPING_KEY_SHAPE),
            Self::WrappingKeyNotRandom => Some(&WRAPPING_KEY_NOT_RANDOM),
            Self::WrappingKeyWrong { .. } => Some(&WRAPPING_KEY_WRONG),
            Self::KeyringMissing { .. } => Some(&KEYRING_MISSING),
            Self::KeyringExists { .. } => Some(&KEYRING_EXISTS),
            Self::Destroyed { .. } => Some(&KEY_DESTROYED),
            Self::FileDamaged { .. } => Some(&KEY_FILE_DAMAGED),
            Self::SealBroken { .. } => Some(&SEAL_BROKEN),
            Self::TooLong => Some(&SEAL_TOO_LONG),
            Self::Name { .. } => Some(&KEY_NAME),
            Self::Lock { .. } | Self::Disk(_) => None,
        }
    }

    /// The same as a problem at `place`, for whoever handed the wrapping key or the folder in.
    #[must_use]
    pub fn problem(&self, place: Place) -> Option<Problem> {
        self.code().map(|code| Problem::new(code, place))
    }
}

/// The wrapping key was not given.
pub static WRAPPING_KEY_MISSING: Code = Code {
    code: "wrapping-key-missing",
    text: Text {
        ja: "鍵束を開くための鍵（ラッピング鍵）が指定されていないか、そのファイルを開けません",
        en: "no wrapping key was given, or its file cannot be opened",
    },
    help: Text {
        ja: "別に保管した写しを元の場所に戻すか、設定 wrapping_key_file を確認してください。権限 0600 のファイルか systemd のクレデンシャルで渡します。新しい設置の鍵は `noroshi init` が作ります",
        en: "bring it back from the copy kept apart, or check the setting `wrapping_key_file`; it is a file of mode 0600 or a systemd credential. `noroshi init` makes that of a new deployment",
    },
    example: "a home that was brought back from an ordinary backup, without its keys",
};

/// The wrapping key is not 32 bytes.
pub static WRAPPING_KEY_SHAPE: Code = Code {
    code: "wrapping-key-shape",
    text: Text {
        ja: "ラッピング鍵は 32 バイト（そのまま、または base64）でなければなりません",
        en: "a wrapping key is 32 bytes, raw or in base64",
    },
    help: Text {
        ja: "正しいファイルを指しているか確かめてください。新しく作る場合は `openssl rand -base64 32` でも作れます",
        en: "check that the right file is named; `openssl rand -base64 32` makes a new one",
    },
    example: "hunter2",
};

/// The wrapping key is not random.
pub static WRAPPING_KEY_NOT_RANDOM: Code = Code {
    code: "wrapping-key-not-random",
    text: Text {
        ja: "ラッピング鍵が乱数ではありません（文字列またはゼロの並びです）",
        en: "the wrapping key is not random: it is plain text or zeros",
    },
    help: Text {
        ja: "パスワードは使えません。`openssl rand -base64 32` などで乱数から作ってください",
        en: "a password will not do; make one from randomness, for instance with `openssl rand -base64 32`",
    },
    example: "passwordpasswordpasswordpassword",
};

/// The wrapping key is another one.
pub static WRAPPING_KEY_WRONG: Code = Code {
    code: "wrapping-key-wrong",
    text: Text {
        ja: "このラッピング鍵では鍵ファイルを開けません（別の鍵で包まれているか、ファイルが改変されています）",
        en: "the wrapping key does not open this key file: it was wrapped under another one, or altered",
    },
    help: Text {
        ja: "この鍵束を作ったときのラッピング鍵を指定してください。鍵の交換が途中で止まった場合は、同じ新旧の鍵でもう一度交換を実行すると続きから終わります",
        en: "give the wrapping key that this keyring was made with; where a change of wrapping keys was cut short, run it again with the same two keys and it will finish",
    },
    example: "a keyring opened with the wrapping key of another deployment",
};

/// The wrapping key's file or the key folder may be read by others.
pub static WRAPPING_KEY_OPEN: Code = Code {
    code: "wrapping-key-permissions",
    text: Text {
        ja: "鍵のファイルまたはフォルダーを、所有者以外が読み書きできます",
        en: "others than the owner may read or write this key file or folder",
    },
    help: Text {
        ja: "ファイルは `chmod 600`、フォルダーは `chmod 700` にしてください。既に読まれたおそれがあるなら鍵を交換してください",
        en: "use `chmod 600` for a file and `chmod 700` for a folder, and change the key if it may have been read",
    },
    example: "a wrapping key with mode 0644",
};

/// No keyring there.
pub static KEYRING_MISSING: Code = Code {
    code: "keyring-missing",
    text: Text { ja: "このフォルダーに鍵束がありません", en: "there is no keyring in this folder" },
    help: Text {
        ja: "フォルダーの指定を確かめてください。初めてなら `noroshi init` で作ります。鍵束は通常のバックアップに入らないため、復元時は別に保管した写しを戻してください",
        en: "check the folder; `noroshi init` makes a new keyring; ordinary backups do not carry it, so after a restore bring back the copy that is kept apart",
    },
    example: "a start after a restore without the key folder",
};

/// A keyring there already.
pub static KEYRING_EXISTS: Code = Code {
    code: "keyring-exists",
    text: Text {
        ja: "このフォルダーには既に鍵束があります", en: "there is a keyring in this folder already"
    },
    help: Text {
        ja: "上書きはしません。既存の鍵束を使うか、別のフォルダーを指定してください",
        en: "it is never overwritten: use it as it is, or name another folder",
    },
    example: "`noroshi init` run twice",
};

/// The key was destroyed.
pub static KEY_DESTROYED: Code = Code {
    code: "key-destroyed",
    text: Text {
        ja: "この保存区分の鍵は保存期間の終了により破棄されました",
        en: "the key of this retention class was destroyed at its retention's end",
    },
    help: Text {
        ja: "封じられていた内容は二度と読めません。台帳の証明は引き続き検証できます",
        en: "what it sealed can no longer be read by anybody; the ledger's proofs still verify",
    },
    example: "a page that asks for a report after its retention's end",
};

/// A key file is damaged.
pub static KEY_FILE_DAMAGED: Code = Code {
    code: "key-file-damaged",
    text: Text {
        ja: "鍵ファイルの形式が正しくないか、未知の版です",
        en: "this key file is malformed or of an unknown version",
    },
    help: Text {
        ja: "別に保管した鍵束の写しから、このファイルだけを戻してください",
        en: "bring this one file back from the copy of the keyring that is kept apart",
    },
    example: "a key file cut short by a full disk",
};

/// Sealed bytes do not open.
pub static SEAL_BROKEN: Code = Code {
    code: "seal-broken",
    text: Text {
        ja: "封が開きません。改変、欠損、取り違えのいずれかです",
        en: "the seal does not open: the bytes were altered, cut short or belong to another name",
    },
    help: Text {
        ja: "バックアップから該当のファイルを戻し、保管場所を調べてください",
        en: "bring the file back from the backup and examine the storage",
    },
    example: "a parcel with one flipped bit",
};

/// Too long for one seal.
pub static SEAL_TOO_LONG: Code = Code {
    code: "seal-too-long",
    text: Text { ja: "一度に封じるには大きすぎます", en: "too long to be sealed in one piece" },
    help: Text { ja: "分割して渡してください", en: "hand it over in parts" },
    example: "a file of 300 gigabytes",
};

/// Not a key's name.
pub static KEY_NAME: Code = Code {
    code: "key-name",
    text: Text { ja: "鍵の名前として使えません", en: "this cannot name a key" },
    help: Text {
        ja: "種別は英小文字・数字・ハイフンで 32 文字以内、範囲は空でない 128 バイト以内にしてください",
        en: "a kind has at most 32 lower-case letters, digits and single hyphens; a scope is not empty and has at most 128 bytes",
    },
    example: "Report/2014",
};

/// Every error code that this crate can utter.
pub static CODES: &[&Code] = &[
    &WRAPPING_KEY_MISSING,
    &WRAPPING_KEY_SHAPE,
    &WRAPPING_KEY_NOT_RANDOM,
    &WRAPPING_KEY_WRONG,
    &WRAPPING_KEY_OPEN,
    &KEYRING_MISSING,
    &KEYRING_EXISTS,
    &KEY_DESTROYED,
    &KEY_FILE_DAMAGED,
    &SEAL_BROKEN,
    &SEAL_TOO_LONG,
    &KEY_NAME,
];
