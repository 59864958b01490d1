//! Everything that can be wrong with the operator's files, in both languages, with what to do next.

use model::problem::Code;
use model::text::Text;

/// The file holds nothing.
pub static EMPTY: Code = Code {
    code: "assignment-empty",
    text: Text { ja: "ファイルが空です", en: "the file is empty" },
    help: Text {
        ja: "出力に失敗していないか確かめてください。割当てが一件もない場合も、見出し行は必要です",
        en: "check whether its export failed; a table without any lease still has its headings",
    },
    example: "a file of 0 bytes",
};

/// The file's encoding cannot be read.
pub static ENCODING: Code = Code {
    code: "assignment-encoding",
    text: Text { ja: "文字コードを読み取れません", en: "the encoding of the file cannot be read" },
    help: Text {
        ja: "UTF-8（BOM の有無は問いません）か CP932（Shift_JIS）で保存し直してください。UTF-16 は読めません",
        en: "save it as UTF-8 (with or without BOM) or CP932; UTF-16 is not read",
    },
    example: "a table saved as «Unicode text»",
};

/// A line's bytes are not of the file's encoding.
pub static TEXT: Code = Code {
    code: "assignment-text",
    text: Text {
        ja: "この行に、ファイルの文字コードでは読めない文字があります",
        en: "this line has bytes that are not of the file's encoding",
    },
    help: Text {
        ja: "ファイル全体を一つの文字コード（UTF-8 か CP932）でそろえてください",
        en: "write the whole file in one encoding, UTF-8 or CP932",
    },
    example: "a CP932 line in a UTF-8 file",
};

/// A line is too long.
pub static LINE_TOO_LONG: Code = Code {
    code: "assignment-line-too-long",
    text: Text { ja: "行が長すぎます（64 KiB まで）", en: "this line is longer than 64 KiB" },
    help: Text {
        ja: "改行が失われていないか確かめてください", en: "check whether line ends were lost"
    },
    example: "a file without line ends",
};

/// A quote is left open.
pub static QUOTE: Code = Code {
    code: "assignment-quote",
    text: Text { ja: "引用符（\"）が閉じていません", en: "a quote is left open on this line" },
    help: Text {
        ja: "引用符の数を確かめてください。一つの行を複数行にまたがって書くことはできません",
        en: "check the quotes; a row cannot go over several lines",
    },
    example: "192.0.2.1,,2026-06-01T00:00:00+09:00,,\"K-1",
};

/// A row has not as many cells as the headings.
pub static CELLS: Code = Code {
    code: "assignment-cells",
    text: Text {
        ja: "列の数が見出しと一致しません", en: "this row has not as many cells as there are headings"
    },
    help: Text {
        ja: "区切り文字の過不足を確かめてください。値にコンマを含むときは引用符で囲みます",
        en: "check for missing or extra separators; a value with a comma stands in quotes",
    },
    example: "192.0.2.1,K-1",
};

/// A needed heading is missing.
pub static HEADING_MISSING: Code = Code {
    code: "assignment-heading-missing",
    text: Text { ja: "必要な見出しがありません", en: "a needed heading is missing" },
    help: Text {
        ja: "一行目に見出しを書いてください。使える見出しの一覧は取扱説明書にあります",
        en: "write the headings on the first line; the manual lists those that are understood",
    },
    example: "192.0.2.1,2026-06-01T00:00:00Z,,K-1",
};

/// Two headings mean the same.
pub static HEADING_TWICE: Code = Code {
    code: "assignment-heading-twice",
    text: Text { ja: "同じ意味の見出しが二つあります", en: "two headings mean the same" },
    help: Text {
        ja: "どちらの列を使うのか分かるように、片方を削るか名前を変えてください",
        en: "remove or rename one of them, so that it is clear which column counts",
    },
    example: "address,ip,start,end,subscriber",
};

/// Not an address or prefix that one subscriber can hold.
pub static ADDRESS: Code = Code {
    code: "assignment-address",
    text: Text {
        ja: "契約者に割り当てられるアドレスまたはプレフィックスではありません",
        en: "this is no address or prefix that one subscriber can hold",
    },
    help: Text {
        ja: "`192.0.2.10`、`2001:db8:1::/56` のように書いてください。プレフィックス長より後ろのビットは 0 にします。IPv4 は /8、IPv6 は /16 より短くできません",
        en: "write it as `192.0.2.10` or `2001:db8:1::/56`, with no bits beyond the prefix length; nothing shorter than /8 (IPv4) or /16 (IPv6)",
    },
    example: "192.0.2.1/24",
};

/// Not a range of ports.
pub static PORTS: Code = Code {
    code: "assignment-ports",
    text: Text { ja: "ポートの範囲として読めません", en: "this is no range of ports" },
    help: Text {
        ja: "`1024-2047` のように、0 から 65535 の範囲で小さい方を先に書いてください。アドレス全体なら空欄にします",
        en: "write it as `1024-2047`, from 0 to 65535, the lower one first; empty means the whole address",
    },
    example: "2047-1024",
};

/// Not a time.
pub static TIME: Code = Code {
    code: "assignment-time",
    text: Text { ja: "日時として読めません", en: "this is not a time" },
    help: Text {
        ja: "`2026-06-01T09:00:00+09:00` のように書いてください",
        en: "write it as `2026-06-01T09:00:00+09:00`",
    },
    example: "2026-06-31T09:00:00+09:00",
};

/// The wall clock never shows this time, or twice.
pub static TIME_TWICE: Code = Code {
    code: "assignment-time-twice",
    text: Text {
        ja: "夏時間の切替えにより、この時刻は存在しないか二度あります",
        en: "a change to or from summer time makes this time happen never or twice",
    },
    help: Text { ja: "オフセットを付けて書いてください", en: "write it with its offset" },
    example: "2026-10-25 02:30:00 in Europe/Berlin",
};

/// A wall clock's time, and no zone was declared.
pub static ZONE_MISSING: Code = Code {
    code: "assignment-zone-missing",
    text: Text {
        ja: "時差（オフセット）のない日時があり、時間帯の指定もありません。ファイル全体を受け付けません",
        en: "a time carries no offset and no zone was declared; the whole file is refused",
    },
    help: Text {
        ja: "`--zone Asia/Tokyo` のように時間帯を指定するか、日時にオフセットを付けてください。9 時間ずれると別の人を特定してしまいます",
        en: "declare the zone, such as `--zone Asia/Tokyo`, or write times with their offset: nine hours off name another person",
    },
    example: "2026-06-01 09:00:00",
};

/// It ends before it begins.
pub static ORDER: Code = Code {
    code: "assignment-order",
    text: Text {
        ja: "終了日時が開始日時より後ではありません", en: "it does not end after it begins"
    },
    help: Text {
        ja: "開始と終了が入れ替わっていないか確かめてください。終了日時は、割当てが終わった最初の瞬間です",
        en: "check whether start and end are exchanged; the end is the first moment at which it is over",
    },
    example: "a lease from 10:00 to 09:00",
};

/// It lies in the future.
pub static FUTURE: Code = Code {
    code: "assignment-future",
    text: Text { ja: "未来の日時です", en: "this time lies in the future" },
    help: Text {
        ja: "機器の時計と、指定した時間帯を確かめてください",
        en: "check the device's clock and the declared zone",
    },
    example: "a start of next year",
};

/// Not a subscriber's reference.
pub static SUBSCRIBER: Code = Code {
    code: "assignment-subscriber",
    text: Text {
        ja: "契約者番号（またはユーザー名）として使えません",
        en: "this cannot be a subscriber's reference or user name",
    },
    help: Text {
        ja: "空欄、制御文字、前後の空白、256 バイトを超える値は受け付けません",
        en: "it is not empty, has no control characters, no blanks around it, and at most 256 bytes",
    },
    example: "an empty cell",
};

/// Not a line's id.
pub static LINE_ID: Code = Code {
    code: "assignment-line-id",
    text: Text { ja: "回線IDとして使えません", en: "this cannot be a line's id" },
    help: Text {
        ja: "制御文字、256 バイトを超える値は受け付けません。分からなければ空欄にします",
        en: "it has no control characters and at most 256 bytes; leave it empty where unknown",
    },
    example: "a cell with a tab in quotes",
};

/// Two subscribers at once.
pub static TWO_SUBSCRIBERS: Code = Code {
    code: "assignment-two-subscribers",
    text: Text {
        ja: "同じアドレス・ポート・時間帯に二人の契約者が記録されています",
        en: "two subscribers are on record for the same address, port and time",
    },
    help: Text {
        ja: "元の記録を確かめてください。取り込むことはできますが、重なる時間帯は「特定不能」と回答し、どちらにも通知しません",
        en: "check the records it came from; it can be imported, but for the overlap the answer is «ambiguous» and neither is told",
    },
    example: "two rows with the same port block and overlapping times",
};

/// Two ends of one lease.
pub static TWO_ENDS: Code = Code {
    code: "assignment-two-ends",
    text: Text {
        ja: "同じ割当てに異なる終了日時が記録されています",
        en: "different ends are on record for the same lease",
    },
    help: Text {
        ja: "早い方までを確実、遅い方までを不確実として扱います。元の記録を確かめてください",
        en: "it counts as certain until the earlier and as possible until the later; check the records it came from",
    },
    example: "the same lease, ended at 10:00 in one file and at 11:00 in another",
};

/// Not a table's name.
pub static TABLE_NAME: Code = Code {
    code: "assignment-table-name",
    text: Text { ja: "表の名前として使えません", en: "this cannot name a table" },
    help: Text {
        ja: "英小文字・数字・ハイフンで 32 文字以内にしてください",
        en: "use at most 32 lower-case letters, digits and single hyphens",
    },
    example: "RADIUS 東京",
};

/// The table is of another kind.
pub static TABLE_KIND: Code = Code {
    code: "assignment-table-kind",
    text: Text {
        ja: "この表は別の種類の記録として取り込まれています",
        en: "this table was imported as another kind of records",
    },
    help: Text {
        ja: "別の名前の表として取り込んでください", en: "import it under another table's name"
    },
    example: "RADIUS records into a table of leases",
};

/// Too many tables.
pub static TOO_MANY_TABLES: Code = Code {
    code: "assignment-too-many-tables",
    text: Text { ja: "表が多すぎます（64 まで）", en: "there are too many tables: 64 at most" },
    help: Text {
        ja: "同じ情報源の記録は同じ表に取り込んでください",
        en: "import what comes of one source into one table",
    },
    example: "a new table's name for each day",
};

/// The «as of» time lies in the future.
pub static AS_OF_FUTURE: Code = Code {
    code: "assignment-as-of-future",
    text: Text {
        ja: "「いつまでの記録か」が未来です",
        en: "the time up to which the records are complete lies in the future",
    },
    help: Text {
        ja: "記録を出力した時刻か、それより前を指定してください",
        en: "give the time at which the records were exported, or an earlier one",
    },
    example: "`--as-of` tomorrow",
};

/// The records end before they begin.
pub static COVERAGE_ORDER: Code = Code {
    code: "assignment-coverage-order",
    text: Text {
        ja: "記録の範囲の始まりが終わりより後です", en: "the records would end before they begin"
    },
    help: Text {
        ja: "記録が始まる時刻と「いつまでの記録か」を確かめてください",
        en: "check from when on and up to when the records are complete",
    },
    example: "`--from` after `--as-of`",
};

/// Something else was imported meanwhile.
pub static PLAN_STALE: Code = Code {
    code: "assignment-plan-stale",
    text: Text {
        ja: "計画した後に別の取込みが行われました", en: "something else was imported after this was planned"
    },
    help: Text {
        ja: "もう一度、取込みの差分を確かめてから実行してください",
        en: "look at the difference again, then import",
    },
    example: "two imports at once",
};

/// A file of assignments is damaged.
pub static DAMAGED: Code = Code {
    code: "assignment-damaged",
    text: Text {
        ja: "割当記録のファイルが壊れているか、改変されています",
        en: "a file of the assignments is damaged or was altered",
    },
    help: Text {
        ja: "バックアップから戻すか、元の記録から取り込み直してください。それまで利用者の特定は行いません",
        en: "bring it back from the backup, or import the records again; until then nobody is identified",
    },
    example: "a segment with one flipped bit",
};

/// There is no such import.
pub static IMPORT_UNKNOWN: Code = Code {
    code: "assignment-import-unknown",
    text: Text { ja: "その取込みはありません", en: "there is no such import" },
    help: Text {
        ja: "取込みの一覧で番号を確かめてください", en: "look its id up in the list of imports"
    },
    example: "an import that was withdrawn already",
};

/// Not an attribute's line.
pub static RADIUS_LINE: Code = Code {
    code: "radius-line",
    text: Text {
        ja: "属性の行として読めません（`名前 = 値` の形ではありません）",
        en: "this line is no attribute of the form `Name = value`",
    },
    help: Text {
        ja: "FreeRADIUS の detail ファイルか確かめてください",
        en: "check whether this is a FreeRADIUS detail file",
    },
    example: "\tUser-Name = \"kaede",
};

/// A record without a status.
pub static RADIUS_STATUS: Code = Code {
    code: "radius-status",
    text: Text { ja: "Acct-Status-Type がありません", en: "the record has no Acct-Status-Type" },
    help: Text {
        ja: "課金（Accounting）の記録か確かめてください。認証の記録からは特定できません",
        en: "check whether these are accounting records; authentication records do not say who held what",
    },
    example: "a record of an Access-Request",
};

/// A record without a session.
pub static RADIUS_SESSION: Code = Code {
    code: "radius-session",
    text: Text {
        ja: "どのセッションの記録か分かりません", en: "the record does not say of which session it is"
    },
    help: Text {
        ja: "Acct-Unique-Session-Id、または NAS の識別子と Acct-Session-Id が必要です",
        en: "it needs Acct-Unique-Session-Id, or the access server and Acct-Session-Id",
    },
    example: "a Start without Acct-Session-Id",
};

/// A record of an access server without its name.
pub static RADIUS_SERVER: Code = Code {
    code: "radius-server",
    text: Text {
        ja: "どの NAS の記録か分かりません", en: "the record does not say of which access server it is"
    },
    help: Text {
        ja: "NAS-IP-Address か NAS-Identifier が必要です", en: "it needs NAS-IP-Address or NAS-Identifier"
    },
    example: "an Accounting-On without NAS-IP-Address",
};

/// A record without a time.
pub static RADIUS_TIME: Code = Code {
    code: "radius-time",
    text: Text { ja: "記録の時刻が分かりません", en: "the record does not say when" },
    help: Text {
        ja: "Timestamp か Event-Timestamp が必要です。先頭行の時刻だけなら、時間帯を指定してください",
        en: "it needs Timestamp or Event-Timestamp; where only its first line has a time, declare the zone",
    },
    example: "a record without Timestamp and a file without a declared zone",
};

/// The access server's clock and the accounting server's are apart.
pub static RADIUS_CLOCKS: Code = Code {
    code: "radius-clocks",
    text: Text {
        ja: "NAS の時計とサーバーの時計が 5 分以上ずれています",
        en: "the access server's clock and the accounting server's are more than five minutes apart",
    },
    help: Text {
        ja: "どちらの時刻も信用できないため、この記録は使いません。機器の時刻同期（NTP）を確かめてください",
        en: "neither is believed and the record is not used; check the devices' time synchronisation",
    },
    example: "Event-Timestamp of 1970 from a server that has just started",
};

/// The last record is cut off.
pub static RADIUS_CUT_OFF: Code = Code {
    code: "radius-cut-off",
    text: Text { ja: "最後の記録が途中で切れています", en: "the last record is cut off" },
    help: Text {
        ja: "書込み中のファイルではなく、切替え（ローテーション）済みのファイルを渡してください",
        en: "hand over a file that was rotated, not one that is being written",
    },
    example: "a copy of a file that is being written",
};

/// Not a plain mail address.
pub static CONTACT_MAIL: Code = Code {
    code: "contact-mail",
    text: Text { ja: "メールアドレスとして使えません", en: "this is no plain mail address" },
    help: Text {
        ja: "`name@example.org` の形で一つだけ書いてください。引用符を使うもの、ピリオドが続くもの、日本語のものには送れません。メールがなければ空欄にし、別の方法で通知します",
        en: "write one address as `name@example.org`; quoted names, doubled dots and letters outside ASCII are not written to; leave it empty where the subscriber is told another way",
    },
    example: "hana@example.org, tom@example.org",
};

/// Not one of the languages.
pub static CONTACT_LANGUAGE: Code = Code {
    code: "contact-language",
    text: Text { ja: "言語として読めません", en: "this is not one of the languages" },
    help: Text {
        ja: "`ja` か `en` を書いてください。空欄は日本語です", en: "write `ja` or `en`; empty is Japanese"
    },
    example: "fr",
};

/// Not a name.
pub static CONTACT_NAME: Code = Code {
    code: "contact-name",
    text: Text { ja: "氏名として使えません", en: "this cannot be a name" },
    help: Text {
        ja: "改行や制御文字のない 100 文字以内にしてください",
        en: "it has no line breaks or control characters and at most 100 characters",
    },
    example: "a name with a line break",
};

/// Neither opted out nor not.
pub static CONTACT_OPT_OUT: Code = Code {
    code: "contact-opt-out",
    text: Text {
        ja: "通知停止の値として読めません", en: "this says neither that he opted out nor that he did not"
    },
    help: Text {
        ja: "停止なら `1`、そうでなければ `0` か空欄にしてください。読めない間、この契約者には通知しません",
        en: "write `1` where he opted out, `0` or nothing where not; until then this subscriber is not written to",
    },
    example: "maybe",
};

/// Two contacts of one subscriber.
pub static CONTACT_TWICE: Code = Code {
    code: "contact-twice",
    text: Text {
        ja: "同じ契約者に異なる連絡先があります", en: "two rows give this subscriber different contacts"
    },
    help: Text {
        ja: "一つにしてください。推測で送ることはしないため、どちらの行も使いません",
        en: "keep one; neither is used, because nobody is written to at a guess",
    },
    example: "two rows of K-1 with different mail addresses",
};

/// Every error code that this crate can utter.
pub static CODES: &[&Code] = &[
    &EMPTY,
    &ENCODING,
    &TEXT,
    &LINE_TOO_LONG,
    &QUOTE,
    &CELLS,
    &HEADING_MISSING,
    &HEADING_TWICE,
    &ADDRESS,
    &PORTS,
    &TIME,
    &TIME_TWICE,
    &ZONE_MISSING,
    &ORDER,
    &FUTURE,
    &SUBSCRIBER,
    &LINE_ID,
    &TWO_SUBSCRIBERS,
    &TWO_ENDS,
    &TABLE_NAME,
    &TABLE_KIND,
    &TOO_MANY_TABLES,
    &AS_OF_FUTURE,
    &COVERAGE_ORDER,
    &PLAN_STALE,
    &DAMAGED,
    &IMPORT_UNKNOWN,
    &RADIUS_LINE,
    &RADIUS_STATUS,
    &RADIUS_SESSION,
    &RADIUS_SERVER,
    &RADIUS_TIME,
    &RADIUS_CLOCKS,
    &RADIUS_CUT_OFF,
    &CONTACT_MAIL,
    &CONTACT_LANGUAGE,
    &CONTACT_NAME,
    &CONTACT_OPT_OUT,
    &CONTACT_TWICE,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_unique_and_whole() {
        let names: BTreeSet<&str> = CODES.iter().map(|code| code.code).collect();
        assert_eq!(names.len(), CODES.len());
        for code in CODES {
            for text in [code.text.ja, code.text.en, code.help.ja, code.help.en, code.example] {
                assert!(!text.is_empty(), "{}", code.code);
            }
            assert!(code.code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", code.code);
            assert!(!code.text.ja.is_ascii() && code.text.en != code.help.en, "{}", code.code);
        }
    }
}
