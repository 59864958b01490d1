//! Every error code of the courier, in one list, and the one shape of "this cannot be carried".

use std::fmt;

use model::problem::{Code, Place, Problem};
use model::text::Text;

/// A value that cannot be carried: which rule it breaks. It becomes a [`Problem`] once its place is known.
///
/// The value itself stands only in the problem made for the submitter, never in [`fmt::Debug`] or [`fmt::Display`].
#[derive(Clone, PartialEq, Eq)]
pub struct Unfit {
    code: &'static Code,
    value: String,
}

impl Unfit {
    pub(crate) fn new(code: &'static Code, value: &str) -> Self {
        Self { code, value: value.to_owned() }
    }

    /// Which rule.
    #[must_use]
    pub fn code(&self) -> &'static Code {
        self.code
    }

    /// The problem at that place.
    #[must_use]
    pub fn at(&self, place: Place) -> Problem {
        let problem = Problem::new(self.code, place);
        if self.value.is_empty() { problem } else { problem.with_value(&self.value) }
    }
}

impl fmt::Debug for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.code.text.en, self.code.code)
    }
}

impl std::error::Error for Unfit {}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, ja: $ja:literal, en: $en:literal,
       help ja: $help_ja:literal, en: $help_en:literal, example: $example:literal;)*) => {
        $(
            $(#[$doc])*
            pub static $name: Code = Code {
                code: $code,
                text: Text { ja: $ja, en: $en },
                help: Text { ja: $help_ja, en: $help_en },
                example: $example,
            };
        )*

        /// Every error code that this crate can utter.
        pub static CODES: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    // What an envelope is made of.

    /// A line break, a control character or a change of the text's direction in a header-bound field.
    HEADER_INJECTION = "header-injection",
        ja: "メールのヘッダーに使えない文字(改行・制御文字・文字方向の指定)が含まれています",
        en: "a line break, a control character or a text-direction mark stands where a mail header cannot carry it",
        help ja: "改行などを取り除き、1 行の文字列にしてください",
        en: "remove it, so that the text is one plain line",
        example: "件名\r\nBcc: someone@example.org";
    /// Empty or longer than a header carries.
    HEADER_LENGTH = "header-length",
        ja: "メールのヘッダーに入る文字列が空か、長すぎます (1〜300 文字)",
        en: "a text for a mail header is empty or longer than 300 characters",
        help ja: "1 文字以上 300 文字以下にしてください",
        en: "give between 1 and 300 characters",
        example: "(empty)";
    /// Not a mail address that can be written on an envelope.
    BAD_MAIL_ADDRESS = "bad-mail-address",
        ja: "メールアドレスとして使えません",
        en: "this is not a mail address that can be sent to",
        help ja: "`名前@ドメイン` の形で書いてください。日本語ドメインは `xn--` で始まる表記に変換してください",
        en: "write `name@domain`; give a domain with non-ASCII letters in its `xn--` form",
        example: "hanako＠example.org";
    /// Not an id that can be a file's name and a Message-ID.
    BAD_ENVELOPE_ID = "bad-envelope-id",
        ja: "封筒の ID として使えません",
        en: "this cannot be the id of an envelope",
        help ja: "英小文字・数字・`-`・`_`・`.` で 80 文字以内にしてください (先頭・末尾・連続のピリオドは不可)",
        en: "use at most 80 lower-case letters, digits, `-`, `_` and single inner `.`",
        example: "../delivery";
    /// Not a ticket.
    BAD_TICKET = "bad-ticket",
        ja: "受付番号として使えません",
        en: "this cannot be a ticket",
        help ja: "英大文字・数字・ハイフンで 40 文字以内にしてください (例: NR-0123456789AB)",
        en: "use at most 40 capital letters, digits and hyphens, such as NR-0123456789AB",
        example: "nr 12";
    /// Not a media type for a parcel.
    BAD_MEDIA_TYPE = "bad-media-type",
        ja: "添付ファイルのメディアタイプとして使えません",
        en: "this cannot be the media type of a parcel",
        help ja: "`text/csv; charset=utf-8` のように書いてください。`multipart/…` と `message/…` は使えません",
        en: "write it as in `text/csv; charset=utf-8`; `multipart/…` and `message/…` are not carried",
        example: "csv";
    /// Not a name for a parcel.
    BAD_PARCEL_NAME = "bad-parcel-name",
        ja: "添付ファイルの名前として使えません",
        en: "this cannot be the name of a parcel",
        help ja: "`/`・`\\`・制御文字を含まず、ピリオドで始まらない、UTF-8 で 120 バイト以内の名前にしてください",
        en: "use at most 120 bytes of UTF-8 without `/`, `\\` or control characters, not beginning with a full stop",
        example: "../round-3.csv";
    /// A control character in the letter's text.
    BAD_BODY_TEXT = "bad-body-text",
        ja: "本文に制御文字が含まれています",
        en: "the text of the letter contains a control character",
        help ja: "タブと改行以外の制御文字を取り除いてください",
        en: "remove every control character but tab and line break",
        example: "text\u{0}more";
    /// Before 1970 or after 9999.
    BAD_DATE = "bad-letter-date",
        ja: "メールの日付が 1970 年から 9999 年の範囲にありません",
        en: "the date of the letter lies outside the years 1970 to 9999",
        help ja: "封筒の日付を確かめてください",
        en: "check the date of the envelope",
        example: "1969-12-31T23:59:59Z";
    /// Nobody to send to.
    NO_RECIPIENT = "no-recipient",
        ja: "この送り方で届けられる宛先がありません",
        en: "no recipient can be reached in this way",
        help ja: "メールにはメールアドレスを、フォルダーには組織の ID を宛先に指定してください",
        en: "give mail addresses for mail, and a party for a folder",
        example: "to = []";

    // Sending.

    /// The same id with other contents.
    DELIVERY_DIFFERS = "delivery-differs",
        ja: "同じ ID で内容の異なる送付がすでにあります",
        en: "something else was already sent under the same id",
        help ja: "内容を変えて送り直すときは、新しい ID を付けてください。先の送付は変更していません",
        en: "give changed contents a new id; what was sent before is untouched",
        example: "the same delivery with another file";
    /// The disk refused.
    DISK_REFUSED = "courier-disk",
        ja: "ファイルの読み書きに失敗しました",
        en: "a file could not be read or written",
        help ja: "フォルダーの存在・権限・空き容量を確かめてください",
        en: "check that the folder exists, its permissions and the free space",
        example: "a full disk";
    /// Larger than allowed here or there.
    MESSAGE_TOO_LARGE = "message-too-large",
        ja: "メールが大きすぎて送れません",
        en: "the mail is larger than it may be",
        help ja: "送付を分けるか、フォルダーなど別の送り方を使ってください。上限は `max_message_bytes` と相手サーバーの SIZE です",
        en: "split the delivery or send it another way, such as a folder; the limits are `max_message_bytes` and the server's SIZE",
        example: "a parcel of 50 MB";
    /// No connection.
    SMTP_UNREACHABLE = "smtp-unreachable",
        ja: "メールサーバーに接続できません",
        en: "the mail server cannot be reached",
        help ja: "ホスト名・ポート・ファイアウォールを確かめてください。あとで自動的に再送します",
        en: "check host, port and firewall; it is tried again later",
        example: "host = \"mail.example.org\" that is down";
    /// The server does not talk to us now.
    SMTP_BUSY = "smtp-busy",
        ja: "メールサーバーが今は受け付けていません",
        en: "the mail server does not accept mail now",
        help ja: "あとで自動的に再送します。続く場合は相手サーバーの管理者に連絡してください",
        en: "it is tried again later; if it lasts, ask the server's postmaster",
        example: "421 4.3.2 closing";
    /// The server offers no STARTTLS.
    SMTP_NO_STARTTLS = "smtp-no-starttls",
        ja: "メールサーバーが STARTTLS に対応していないため、送信していません",
        en: "the mail server offers no STARTTLS, so nothing was sent",
        help ja: "ポート 465 なら `tls = \"implicit\"` を指定してください。平文に切り替えることはしません",
        en: "set `tls = \"implicit\"` for port 465; it never falls back to plain text",
        example: "a server without STARTTLS";
    /// The server's certificate or handshake is not right.
    SMTP_TLS_FAILED = "smtp-tls-failed",
        ja: "メールサーバーとの暗号化通信を確立できません",
        en: "no trusted encrypted connection to the mail server came about",
        help ja: "証明書の発行元・ホスト名・期限を確かめてください。独自の認証局なら `ca_file` を指定してください",
        en: "check the certificate's issuer, name and expiry; for an authority of your own set `ca_file`",
        example: "a self-signed certificate";
    /// The server does not accept user and password.
    SMTP_LOGIN_REFUSED = "smtp-login-refused",
        ja: "メールサーバーが利用者名とパスワードを受け付けません",
        en: "the mail server does not accept the user and password",
        help ja: "`user` と `password_file` の中身を確かめてください。直るまでメールは保留され、失われません",
        en: "check `user` and the contents of `password_file`; mail waits until it is mended",
        example: "535 5.7.8";
    /// The server does not take mail from this sender.
    SMTP_SENDER_REFUSED = "smtp-sender-refused",
        ja: "メールサーバーがこの差出人からのメールを受け付けません",
        en: "the mail server takes no mail from this sender",
        help ja: "`from` のアドレスで送る権限があるか確かめてください",
        en: "check that this server may send for the address in `from`",
        example: "550 5.7.1 on MAIL FROM";
    /// The connection broke or the reply did not come.
    SMTP_INTERRUPTED = "smtp-interrupted",
        ja: "メールサーバーとの通信が途中で切れました",
        en: "the connection to the mail server broke off",
        help ja: "あとで自動的に再送します。同じ Message-ID を使うため、重複しても受信側で判別できます",
        en: "it is tried again later; the Message-ID stays the same, so that the receiver can tell a repeat",
        example: "a connection lost after DATA";
    /// The server said something that SMTP does not allow there.
    SMTP_BROKEN_REPLY = "smtp-broken-reply",
        ja: "メールサーバーの応答が SMTP として正しくありません",
        en: "the mail server's reply is not SMTP",
        help ja: "ポートの先が本当にメールサーバーか、途中に割り込む機器がないか確かめてください",
        en: "check that a mail server answers on that port and that nothing in between rewrites the session",
        example: "an HTTP server on the port";

    // Fetching.

    /// The list of a delivery's files cannot be read.
    BAD_MANIFEST = "bad-manifest",
        ja: "受け取りフォルダーの送付目録 (manifest) を読めません",
        en: "the manifest of a delivery in the drop folder cannot be read",
        help ja: "送り主に再送を依頼してください。ほかの送付はそのまま処理を続けます",
        en: "ask the sender to deliver again; the other deliveries go on",
        example: "{\"noroshi_delivery\": 9}";
    /// A file is not what the manifest says.
    PARCEL_DIFFERS = "parcel-differs",
        ja: "受け取ったファイルが送付目録の記載 (大きさ・SHA-256) と一致しません",
        en: "a file in the drop folder is not what its manifest says (size, SHA-256)",
        help ja: "転送の途中で壊れたか、書き換えられています。送り主に再送を依頼してください",
        en: "it was damaged on the way or changed; ask the sender to deliver again",
        example: "a truncated upload";

    // Bounces.

    /// Not a delivery status notification.
    NOT_A_BOUNCE = "not-a-bounce",
        ja: "配送状況通知 (RFC 3464 の multipart/report) ではありません",
        en: "this is not a delivery status notification (multipart/report of RFC 3464)",
        help ja: "メールの原文 (.eml) 全体を渡してください。返信メールは回答として取り込んでください",
        en: "hand in the whole original mail (.eml); take in a person's reply as an answer instead",
        example: "an out-of-office reply";

    // Settings.

    /// A mail server and nobody to send as.
    NO_SENDER = "courier-no-sender",
        ja: "メールの差出人 (`from`) が設定されていません",
        en: "no sender (`from`) is configured for mail",
        help ja: "`from = \"狼煙 窓口 <noroshi@example.org>\"` のように書いてください",
        en: "write as in `from = \"Noroshi <noroshi@example.org>\"`",
        example: "[courier.smtp] without courier.from";
    /// A host that is no host name.
    BAD_HOST = "courier-bad-host",
        ja: "ホスト名として使えません",
        en: "this is not a host name",
        help ja: "`mail.example.org` のような名前か IP アドレスを書いてください。ポートは `port` に分けて書きます",
        en: "write a name such as `mail.example.org` or an address; the port stands apart in `port`",
        example: "https://mail.example.org";
    /// A number outside its range.
    BAD_NUMBER = "courier-bad-number",
        ja: "数値が範囲の外です",
        en: "the number is out of range",
        help ja: "設定項目の説明にある範囲の値にしてください",
        en: "use a value within the range that the setting's description gives",
        example: "reply_seconds = 0";
    /// A password without encryption.
    PASSWORD_OVER_PLAIN = "password-over-plain",
        ja: "暗号化しない接続でパスワードを送る設定になっています",
        en: "a password is configured for an unencrypted connection",
        help ja: "`tls` を `starttls` か `implicit` にするか、`user` と `password_file` を消してください",
        en: "set `tls` to `starttls` or `implicit`, or remove `user` and `password_file`",
        example: "tls = \"danger_plain\" with user = \"noroshi\"";
    /// One of two settings that belong together is missing.
    HALF_A_LOGIN = "half-a-login",
        ja: "`user` と `password_file` は両方書くか、両方省いてください",
        en: "`user` and `password_file` belong together",
        help ja: "認証が要るなら両方を、要らないならどちらも書かないでください",
        en: "give both for a server that wants a login, neither for one that does not",
        example: "user = \"noroshi\" without password_file";
    /// A file named in the settings cannot be used.
    BAD_SETTINGS_FILE = "courier-bad-file",
        ja: "設定に書かれたファイルを読めないか、中身が正しくありません",
        en: "a file that the settings name cannot be read or holds something else",
        help ja: "パスと権限を確かめてください。`ca_file` は PEM 形式の証明書、`password_file` は 1 行のパスワードです",
        en: "check path and permissions; `ca_file` holds PEM certificates, `password_file` one line with the password",
        example: "ca_file = \"/etc/hostname\"";
    /// A key that cannot sign.
    BAD_DKIM_KEY = "bad-dkim-key",
        ja: "DKIM の秘密鍵として使えません",
        en: "this file holds no key that DKIM can sign with",
        help ja: "PEM 形式の RSA (2048 ビット以上) または Ed25519 の秘密鍵を指定し、`algorithm` を合わせてください",
        en: "give a PEM file with an RSA (2048 bits or more) or Ed25519 private key that fits `algorithm`",
        example: "a public key";
    /// A DKIM domain that cannot vouch for the sender.
    DKIM_NOT_ALIGNED = "dkim-not-aligned",
        ja: "DKIM の `domain` が差出人アドレスのドメインと一致しません",
        en: "the DKIM `domain` is not the domain of the sender's address",
        help ja: "`domain` を `from` のドメインか、その上位ドメインにしてください (DMARC の整合)",
        en: "set `domain` to the domain of `from` or one above it, as DMARC alignment wants",
        example: "domain = \"example.net\" with from = \"noroshi@example.org\"";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_whole() {
        let mut seen = std::collections::BTreeSet::new();
        for code in CODES {
            assert!(seen.insert(code.code), "{} twice", code.code);
            assert!(code.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", code.code);
            for text in [code.text.ja, code.text.en, code.help.ja, code.help.en, code.example] {
                assert!(!text.is_empty(), "{}", code.code);
            }
            assert!(!code.text.ja.is_ascii() && !code.help.ja.is_ascii(), "{}: no Japanese", code.code);
            assert!(code.text.en.is_ascii(), "{}", code.code);
        }
    }

    #[test]
    fn the_value_is_for_the_submitter_only() {
        let unfit = Unfit::new(&BAD_MAIL_ADDRESS, "taro");
        assert!(!format!("{unfit} {unfit:?}").contains("taro"));
        let problem = unfit.at(Place::file("noroshi.toml").field("from"));
        assert!(problem.for_submitter(model::Lang::Ja).contains("taro"));
        assert!(!format!("{problem} {problem:?}").contains("taro"));
    }
}
