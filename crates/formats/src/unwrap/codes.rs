//! What can be wrong with an archive or a mail, and how it stops the reading of what stands in it.

use std::fmt;
use std::io;

use model::Text;
use model::problem::{Code, Place, Problem};

/// Why no more of a member can be read; travels inside an [`io::Error`].
#[derive(Debug)]
pub(crate) struct Stop(pub(crate) Problem);

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Stop {}

impl Stop {
    /// The error that says so of the member with that path.
    pub(super) fn error(code: &'static Code, path: &str) -> io::Error {
        io::Error::other(Self(Problem::new(code, Place::file(path))))
    }

    /// The problem that an error carries, or the error, if it is the disk's.
    pub(crate) fn of(error: io::Error) -> Result<Problem, io::Error> {
        error.downcast::<Self>().map(|stop| stop.0)
    }
}

/// Packed bytes end before they should.
pub static ARCHIVE_CUT_OFF: Code = Code {
    code: "archive-cut-off",
    text: Text {
        ja: "圧縮ファイルが途中で切れているため、中のファイルを受け付けませんでした",
        en: "the archive was cut off inside this file, and no row of it is taken",
    },
    help: Text {
        ja: "検査値まで届いていないので、途中までの内容も正しいとは限りません。送信元に再送を依頼してください",
        en: "without its checksum what came cannot be told from what was damaged; ask the sender to send it again",
    },
    example: "(the first half of list.csv.gz)",
};

/// A mail ends inside a part.
pub static MAIL_CUT_OFF: Code = Code {
    code: "mail-cut-off",
    text: Text {
        ja: "メールが途中で切れています。最後の改行までを読み取りました",
        en: "the mail was cut off inside this part; it was read up to the last whole line",
    },
    help: Text {
        ja: "残りの件数は不明です。送信元に再送を依頼してください",
        en: "how many rows are missing is not known; ask the sender to send it again",
    },
    example: "(a mail whose last boundary is missing)",
};

/// What is unpacked is not what was packed.
pub static ARCHIVE_DAMAGED: Code = Code {
    code: "archive-damaged",
    text: Text {
        ja: "圧縮ファイルまたはメールの一部が壊れています（展開できないか、検査値が一致しません）",
        en: "the archive or mail part is damaged: it cannot be unpacked, or its checksum differs",
    },
    help: Text {
        ja: "この部分からは1行も受け付けません。送信元に再送を依頼してください",
        en: "no row of it is taken; ask the sender to send it again",
    },
    example: "(a zip whose CRC-32 is wrong)",
};

/// Much out of little.
pub static UNPACKS_TOO_FAR: Code = Code {
    code: "unpacks-too-far",
    text: Text {
        ja: "圧縮率が異常に高いため、展開を中止しました",
        en: "it unpacks to far more than lists do, and was given up",
    },
    help: Text {
        ja: "いわゆるZIP爆弾の可能性があります。正しい一覧であれば、展開してから指定してください",
        en: "it may be a zip bomb; if it is a real list, unpack it and hand in what is inside",
    },
    example: "(1 MB that unpacks to 1 GB of zeros)",
};

/// More than a file may unpack to.
pub static UNPACKED_TOO_MUCH: Code = Code {
    code: "unpacked-too-much",
    text: Text {
        ja: "1つのファイルから展開してよい量を超えたため、展開を中止しました",
        en: "the file unpacks to more than one file may, and unpacking was given up",
    },
    help: Text {
        ja: "これより後の中身は読み取られていません。分割して指定してください",
        en: "what follows in it was not read; hand it in in several files",
    },
    example: "(a zip of very many large lists)",
};

/// Archive in archive in archive.
pub static NESTED_TOO_DEEP: Code = Code {
    code: "nested-too-deep",
    text: Text {
        ja: "圧縮ファイルやメールの入れ子が深すぎるため、その中は読み取りませんでした",
        en: "archives or mails stand too deep in one another; what is inside this one was not read",
    },
    help: Text {
        ja: "中身を取り出して指定してください", en: "take out what is inside and hand that in"
    },
    example: "a.zip/b.zip/c.zip/d.zip/e.zip/f.zip/g.zip/h.zip/i.zip",
};

/// More members than a file may have.
pub static TOO_MANY_MEMBERS: Code = Code {
    code: "too-many-members",
    text: Text {
        ja: "中に含まれるファイルが多すぎます。この先は読み取りませんでした",
        en: "there are too many files inside; from this one on nothing was read",
    },
    help: Text { ja: "分割して指定してください", en: "hand it in in several files" },
    example: "(a mail of 20,000 parts)",
};

/// A password is asked for.
pub static ZIP_ENCRYPTED: Code = Code {
    code: "zip-encrypted",
    text: Text {
        ja: "パスワード付きZIPのため読み取れません", en: "a zip with a password cannot be read"
    },
    help: Text {
        ja: "パスワードで展開してから、中のファイルを指定してください",
        en: "unpack it with its password and hand in what is inside",
    },
    example: "list.zip (AES-256)",
};

/// Packed in another way than deflate.
pub static ZIP_METHOD_UNKNOWN: Code = Code {
    code: "zip-method-unknown",
    text: Text {
        ja: "ZIPの圧縮方式に対応していません", en: "the zip packs this file in a way that is not read"
    },
    help: Text {
        ja: "通常の方式（Deflate）で圧縮し直すか、展開してから指定してください",
        en: "pack it the usual way (deflate), or hand it in unpacked",
    },
    example: "method 14 (LZMA)",
};

/// Two members in the same bytes.
pub static ZIP_OVERLAP: Code = Code {
    code: "zip-overlap",
    text: Text {
        ja: "ZIPの中のファイル同士が重なっているため、読み取りませんでした",
        en: "two files of the zip stand in the same bytes; this one was not read",
    },
    help: Text {
        ja: "通常の圧縮ソフトでは起きません。送信元に確認してください",
        en: "no usual program writes that; ask the sender",
    },
    example: "(two entries with one local header)",
};

/// No list of members.
pub static ZIP_NO_DIRECTORY: Code = Code {
    code: "zip-no-directory",
    text: Text {
        ja: "ZIPの末尾（目録）がありません。先頭から見つかったファイルだけを読み取りました",
        en: "the zip's end, where its directory stands, is missing; only the files found from its beginning on were read",
    },
    help: Text {
        ja: "ほかに何が入っていたかは不明です。送信元に再送を依頼してください",
        en: "what else was in it is not known; ask the sender to send it again",
    },
    example: "(the first half of lists.zip)",
};

/// An archive of another kind.
pub static ARCHIVE_KIND_UNKNOWN: Code = Code {
    code: "archive-kind-unknown",
    text: Text {
        ja: "この種類の圧縮ファイルには対応していません", en: "archives of this kind are not read"
    },
    help: Text {
        ja: "zip または gzip にするか、展開してから指定してください",
        en: "use zip or gzip, or hand in what is inside",
    },
    example: "list.7z",
};

/// Mail that only its addressee can read.
pub static MAIL_PART_ENCRYPTED: Code = Code {
    code: "mail-part-encrypted",
    text: Text {
        ja: "メールの一部が暗号化（または包んで署名）されているため読み取れません（S/MIME・PGP）",
        en: "a part of the mail is encrypted, or wrapped in its signature, and cannot be read (S/MIME, PGP)",
    },
    help: Text {
        ja: "メールソフトで復号し、添付ファイルを保存してから指定してください",
        en: "decrypt it in a mail program, save the attachment and hand that in",
    },
    example: "Content-Type: application/pkcs7-mime; smime-type=enveloped-data",
};

/// A transfer encoding that is none.
pub static MAIL_TRANSFER_UNKNOWN: Code = Code {
    code: "mail-transfer-unknown",
    text: Text {
        ja: "メールの符号化方式（Content-Transfer-Encoding）に対応していません",
        en: "the mail part's Content-Transfer-Encoding is not known",
    },
    help: Text {
        ja: "添付ファイルを保存してから指定してください", en: "save the attachment and hand that in"
    },
    example: "Content-Transfer-Encoding: x-uuencode",
};

/// What can be no report.
pub static MEMBER_NOT_READ: Code = Code {
    code: "member-not-read",
    text: Text {
        ja: "一覧ではない種類のファイルのため、読み取りませんでした",
        en: "not read: files of this kind are no lists",
    },
    help: Text {
        ja: "一覧であれば、CSVなどで保存し直して指定してください",
        en: "if it is a list, save it as CSV or the like and hand that in",
    },
    example: "signature.asc, logo.png, text/html",
};

/// What somebody wrote beside the attachment.
pub static BODY_WITHOUT_LIST: Code = Code {
    code: "body-without-list",
    text: Text {
        ja: "メール本文に一覧は見つかりませんでした", en: "no list was found in the text of the mail"
    },
    help: Text {
        ja: "本文に一覧がある場合は、その部分をファイルに保存して指定してください",
        en: "if there is one, save it as a file and hand that in",
    },
    example: "Dear colleagues, please see the list attached.",
};

/// What archives and mails can utter.
pub static CODES: &[&Code] = &[
    &ARCHIVE_CUT_OFF,
    &MAIL_CUT_OFF,
    &ARCHIVE_DAMAGED,
    &UNPACKS_TOO_FAR,
    &UNPACKED_TOO_MUCH,
    &NESTED_TOO_DEEP,
    &TOO_MANY_MEMBERS,
    &ZIP_ENCRYPTED,
    &ZIP_METHOD_UNKNOWN,
    &ZIP_OVERLAP,
    &ZIP_NO_DIRECTORY,
    &ARCHIVE_KIND_UNKNOWN,
    &MAIL_PART_ENCRYPTED,
    &MAIL_TRANSFER_UNKNOWN,
    &MEMBER_NOT_READ,
    &BODY_WITHOUT_LIST,
];
