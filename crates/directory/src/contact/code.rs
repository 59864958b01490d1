//! What can be wrong with a file of contacts.

use model::problem::Code;
use model::text::Text;

macro_rules! code {
    ($name:ident = $code:literal, ja $ja:literal, en $en:literal, help ja $help_ja:literal, en $help_en:literal, example $example:literal $(,)?) => {
        #[doc = $en]
        pub static $name: Code = Code {
            code: $code,
            text: Text { ja: $ja, en: $en },
            help: Text { ja: $help_ja, en: $help_en },
            example: $example,
        };
    };
}

code!(
    TOO_LONG = "contacts-too-long",
    ja "行またはオブジェクトが長すぎます",
    en "a line or an object is too long",
    help ja "行は64 KiB、RPSLのオブジェクトは256 KiB、RDAPのオブジェクトは4 MiBまでです。ファイルの種類（--from）が正しいか確認してください。ほかの行は読み込まれています。",
    en "lines have at most 64 KiB, RPSL objects 256 KiB, RDAP objects 4 MiB; check that `--from` says what the file is. The others were read.",
    example "(a line of more than 65536 bytes)"
);
code!(
    BYTES = "contacts-bytes",
    ja "文字として読めないバイト（NUL、または不正なUTF-8）があります",
    en "bytes that are no text: NUL, or broken UTF-8",
    help ja "壊れたファイルか、別の種類のファイルです。提供元から取得し直してください。",
    en "the file is damaged or of another kind; fetch it again from its source.",
    example "apnic|JP|ipv4|203.0.113.0|2(a NUL byte)56|20110412|assigned\n"
);
code!(
    COMPRESSED = "contacts-compressed",
    ja "圧縮されたファイルです",
    en "the file is compressed",
    help ja "先に展開してください（例: `gunzip -k FILE.gz`）。",
    en "unpack it first, such as with `gunzip -k FILE.gz`.",
    example "(a file that begins with the bytes 1f 8b)"
);
code!(
    COLUMNS = "contacts-columns",
    ja "割当統計の行の列数が違います",
    en "a row of the delegated statistics has too few columns",
    help ja "registry|cc|type|start|value|date|status の7列以上が必要です（NROの交換形式）。",
    en "seven columns are needed: registry|cc|type|start|value|date|status (the NRO's exchange format).",
    example "apnic|JP|ipv4|203.0.113.0\n"
);
code!(
    VALUE = "contacts-value",
    ja "値を読めません",
    en "the value cannot be read",
    help ja "示された項目の値を確認してください。この行は使われず、ほかの行は読み込まれています。",
    en "look at the named field; the row is not used, the others were read.",
    example "apnic|JP|ipv4|203.0.113.999|256|20110412|assigned\n"
);
code!(
    COUNT = "contacts-count",
    ja "ファイルの見出しが示す件数と、実際の件数が違います。途中で切れたファイルかもしれません",
    en "the file has another number of records than its heading says; it may be cut short",
    help ja "取得し直してください。このまま適用すると、欠けた分が「削除」になります。",
    en "fetch it again; if this is applied, what is missing counts as removed.",
    example "2|apnic|20261101|5|19830613|20261031|+1000\napnic|JP|ipv4|203.0.113.0|256|20110412|assigned\n"
);
code!(
    SYNTAX = "contacts-syntax",
    ja "オブジェクトとして読めません",
    en "this cannot be read as an object",
    help ja "RPSLは「属性: 値」の行、RDAPはJSONのオブジェクトです。`--from` の指定が正しいか確認してください。JPNIC Whoisの「a. [IPネットワークアドレス]」の形は読み込めません。",
    en "RPSL has lines `attribute: value`, RDAP has JSON objects; check `--from`. The form of JPNIC's whois (`a. [Network Number]`) is not read.",
    example "inetnum: 203.0.113.0 - 203.0.113.255\nno colon here\n"
);
code!(
    KEY = "contacts-key",
    ja "オブジェクトが何についてのものか読み取れません",
    en "what the object is about cannot be read",
    help ja "アドレスの範囲、AS番号、またはドメインが必要です。",
    en "a range of addresses, an AS number or a domain is needed.",
    example "inetnum: 203.0.113.255 - 203.0.113.0\ncountry: JP\n"
);
code!(
    MAIL = "contacts-mail",
    ja "メールアドレスとして使えない値です。その値だけを除きました",
    en "a value that is no plain mail address; it alone was left out",
    help ja "連絡先が必要なら、名簿に手で書いてください。手で書いたものが優先されます。",
    en "write the contact into the roster by hand if it is needed; what is written there goes first.",
    example "role: Abuse\nnic-hdl: AB1-EXAMPLE\nabuse-mailbox: abuse at example.org\n"
);
code!(
    DANGLING = "contacts-dangling",
    ja "参照されているオブジェクトがファイルにありません",
    en "an object that is referred to is not in the file",
    help ja "組織や役割のファイルが分かれている場合は、まとめて指定してください（FILEはいくつでも書けます）。",
    en "where organisations and roles come in files of their own, name all of them: several FILEs can be given.",
    example "inetnum: 203.0.113.0 - 203.0.113.255\nabuse-c: AB9-EXAMPLE\n"
);
code!(
    MANY = "contacts-many-values",
    ja "一つの項目に値が多すぎます。最初の20個だけを使います",
    en "too many values for one field; only the first twenty are used",
    help ja "提供元のファイルを確認してください。",
    en "look at the source's file.",
    example "(a network with 21 mailboxes for abuse)"
);
code!(
    NO_DOMAIN = "contacts-no-domain",
    ja "security.txtがどのドメインのものか分かりません",
    en "whose domain the security.txt is of is not known",
    help ja "`--domain example.org` を付けるか、example.org.txt または example.org/security.txt の名前でフォルダーに置いてください。",
    en "add `--domain example.org`, or put it into a folder as example.org.txt or example.org/security.txt.",
    example "Contact: mailto:security@example.org\nExpires: 2027-01-01T00:00:00Z\n"
);
code!(
    NO_CONTACT = "contacts-security-no-contact",
    ja "security.txtにContactがないか、使えるものがありません",
    en "the security.txt has no Contact that can be used",
    help ja "RFC 9116の2.5.3により、Contactは必須です（mailto:、https:、tel: のURI）。",
    en "RFC 9116, section 2.5.3, requires a Contact: a URI of mailto:, https: or tel:.",
    example "Expires: 2027-01-01T00:00:00Z\n"
);
code!(
    NO_EXPIRES = "contacts-security-expires",
    ja "security.txtのExpiresがないか、二つあるか、日時として読めません",
    en "the security.txt has no Expires, two of them, or one that is no time",
    help ja "RFC 9116の2.5.5により、Expiresはちょうど一つ必要です（RFC 3339の日時）。",
    en "RFC 9116, section 2.5.5, requires exactly one Expires, a time of RFC 3339.",
    example "Contact: mailto:security@example.org\n"
);
code!(
    EXPIRED = "contacts-security-expired",
    ja "期限の過ぎたsecurity.txtです。使いません",
    en "the security.txt has expired and is not used",
    help ja "ドメインの持ち主が更新したものを取得してください（RFC 9116の2.5.5）。",
    en "fetch the one that the domain's owner renewed (RFC 9116, section 2.5.5).",
    example "Contact: mailto:security@example.org\nExpires: 2014-01-01T00:00:00Z\n"
);
code!(
    SIGNED = "contacts-security-signed",
    ja "署名付きのsecurity.txtです。署名は検証していません",
    en "the security.txt is signed; the signature was not verified",
    help ja "必要なら、OpenPGPの道具で検証してください（例: `gpg --verify security.txt`）。",
    en "verify it with an OpenPGP tool where that matters, such as `gpg --verify security.txt`.",
    example "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nContact: mailto:security@example.org\nExpires: 2027-01-01T00:00:00Z\n-----BEGIN PGP SIGNATURE-----\n"
);
