//! Every error code of this crate, with an example that brings it about; a test tries each.
//!
//! The example of a roster code is a piece of a roster, put between its head (`version`, `updated`) and a complete
//! party `isp-a` (AS64496, 198.18.0.0/20, a.example).

use model::problem::Code;
use model::text::Text;

use crate::contact::code as contact;

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
    NOT_TOML = "roster-not-toml",
    ja "名簿をTOMLとして読めません",
    en "the roster cannot be read as TOML",
    help ja "示された行の括弧、引用符、等号を確認してください。同じキーを二度書くこともできません。文法の誤りを直すと、残りの内容も検査されます。",
    en "check brackets, quotes and equals signs on that line; a key cannot stand twice. Once the syntax is right, the contents are checked as well.",
    example "[[party]\nid = \"isp-b\"\n"
);
code!(
    UNKNOWN_KEY = "roster-unknown-key",
    ja "このキーは使えません（矢印の右は最も近いキー）",
    en "this key is not known here (after the arrow: the nearest known key)",
    help ja "キーの綴りと、書いた場所（表の見出し）を確認してください。使えるキーは見本 samples/roster.toml にあります。",
    en "check the key's spelling and the table it stands in; samples/roster.toml shows every key.",
    example "[[party]]\nid = \"isp-b\"\nprefixs = [\"198.18.16.0/20\"]\n"
);
code!(
    MISSING_KEY = "roster-missing-key",
    ja "必須のキーがありません",
    en "a required key is missing",
    help ja "示された行で始まる表に、このキーを加えてください。",
    en "add the key to the table that begins on that line.",
    example "[[party]]\nid = \"isp-b\"\nroles = [\"operator\"]\n"
);
code!(
    WRONG_TYPE = "roster-wrong-type",
    ja "値の種類が違います（矢印の右が必要な種類）",
    en "the value is of the wrong kind (after the arrow: the kind that is wanted)",
    help ja "文字列は引用符で、一覧は角括弧で囲んでください。",
    en "put quotes around texts and square brackets around lists.",
    example "[[party]]\nid = 7\n"
);
code!(
    EMPTY_TEXT = "roster-empty-text",
    ja "値が空です",
    en "the value is empty",
    help ja "値を書くか、キーごと削除してください。",
    en "give a value, or remove the key.",
    example "[[party]]\nid = \"isp-b\"\nname = { ja = \"\" }\n"
);
code!(
    LONG_TEXT = "roster-text-too-long",
    ja "値が長すぎます（200文字まで）",
    en "the value is too long (at most 200 characters)",
    help ja "200文字以内に縮めてください。",
    en "shorten it to 200 characters.",
    example "[[inhibition]]\nparty = \"isp-a\"\nreason = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"\n"
);
code!(
    CONTROL_CHARACTER = "roster-control-character",
    ja "値に改行などの制御文字、または文字の向きを変える文字が含まれています",
    en "the value holds a line break, another control character, or one that turns the direction of text",
    help ja "その文字を取り除いてください。メールのヘッダーや画面の偽装に使われるため、受け付けません。",
    en "remove the character; it could forge a mail header or what a page shows, and is never accepted.",
    example "[[party]]\nid = \"isp-b\"\nname = { ja = \"北斗\\r\\nBcc: x@example.org\" }\n"
);
code!(
    UNKNOWN_WORD = "roster-unknown-word",
    ja "この項目で使えない語です（矢印の右は最も近い語）",
    en "not a word that can stand here (after the arrow: the nearest that can)",
    help ja "使える語は見本 samples/roster.toml の各キーの説明にあります。",
    en "samples/roster.toml lists the words beside each key.",
    example "[[party]]\nid = \"isp-b\"\nroles = [\"oparator\"]\n"
);
code!(
    UNKNOWN_EDITION = "roster-unknown-schema",
    ja "この名簿の形式の版を読めません",
    en "this edition of the roster's form is not known",
    help ja "この版のプログラムが読めるのは schema = \"roster-1\" です。新しい版の名簿なら、プログラムを更新してください。",
    en "this program reads schema = \"roster-1\"; update the program if the roster was written for a later one.",
    example "schema = \"roster-9\"\n"
);
code!(
    BAD_PARTY_ID = "roster-bad-party-id",
    ja "組織のidとして使えません",
    en "this cannot be a party's id",
    help ja "英小文字、数字、単独のハイフンで64文字以内にしてください（例: isp-hokuto）。",
    en "use lower-case letters, digits and single hyphens, at most 64 (such as isp-hokuto).",
    example "[[party]]\nid = \"ISP B\"\n"
);
code!(
    PARTY_TWICE = "roster-party-twice",
    ja "同じidの組織が二つあります",
    en "two parties have the same id",
    help ja "どちらかのidを変えるか、二つを一つの表にまとめてください。",
    en "change one of the ids, or join the two tables into one.",
    example "[[party]]\nid = \"isp-a\"\nname = { ja = \"別の会社\" }\nroles = [\"operator\"]\n"
);
code!(
    BAD_JURISDICTION = "roster-bad-jurisdiction",
    ja "国・地域の符号ではありません",
    en "not a code of a country or region",
    help ja "ISO 3166-1のアルファベット大文字2字で書いてください（例: JP）。",
    en "write two capital letters of ISO 3166-1, such as JP.",
    example "[[party]]\nid = \"isp-b\"\njurisdiction = \"Japan\"\n"
);
code!(
    BAD_ASN = "roster-bad-asn",
    ja "組織が持てるAS番号ではありません",
    en "not an AS number that a party can hold",
    help ja "64496 または \"AS64496\" のように書いてください。0、23456、65535、4294967295は予約されています（RFC 7607、6793、7300）。",
    en "write 64496 or \"AS64496\"; 0, 23456, 65535 and 4294967295 are reserved (RFC 7607, 6793, 7300).",
    example "[[party]]\nid = \"isp-b\"\nasns = [0]\n"
);
code!(
    ASN_TWICE = "roster-asn-claimed-twice",
    ja "同じAS番号を二つの組織が届け出ています",
    en "two parties claim the same AS number",
    help ja "どちらの組織のものか確かめ、他方から削除してください。一部の範囲だけ別の組織が担当する場合は、その組織のprefixesに書きます。",
    en "find out whose it is and remove it from the other; where another party looks after a part of it, write that part into its prefixes.",
    example "[[party]]\nid = \"isp-b\"\nasns = [64496]\n"
);
code!(
    BAD_PREFIX = "roster-bad-prefix",
    ja "IPアドレスの範囲（プレフィックス）ではありません",
    en "not an address prefix",
    help ja "198.18.0.0/20 や 2001:db8:1::/48 のように、アドレスと長さを書いてください。",
    en "write address and length, such as 198.18.0.0/20 or 2001:db8:1::/48.",
    example "[[party]]\nid = \"isp-b\"\nprefixes = [\"198.18.300.0/20\"]\n"
);
code!(
    HOST_BITS = "roster-prefix-host-bits",
    ja "アドレスが、書かれた長さの範囲の先頭ではありません（矢印の右はその範囲）",
    en "the address is not the first of a range of that length (after the arrow: the range it lies in)",
    help ja "範囲の先頭のアドレスで書くか、長さを直してください。",
    en "write the range's first address, or mend the length.",
    example "[[party]]\nid = \"isp-b\"\nprefixes = [\"198.18.20.0/20\"]\n"
);
code!(
    PREFIX_TOO_WIDE = "roster-prefix-too-wide",
    ja "一つの組織の範囲としては広すぎます",
    en "too wide to be one party's",
    help ja "長さを確認してください。IPv4は/8、IPv6は/12より広い範囲を届け出ることはできません。",
    en "check the length; nothing wider than /8 (IPv4) or /12 (IPv6) can be claimed.",
    example "[[party]]\nid = \"isp-b\"\nprefixes = [\"0.0.0.0/0\"]\n"
);
code!(
    PREFIX_TWICE = "roster-prefix-claimed-twice",
    ja "同じ範囲を二つの組織が届け出ています",
    en "two parties claim the same prefix",
    help ja "どちらの組織のものか確かめ、他方から削除してください。推測で片方に送ることはありません。",
    en "find out whose it is and remove it from the other; nothing is sent on a guess.",
    example "[[party]]\nid = \"isp-b\"\nprefixes = [\"198.18.0.0/20\"]\n"
);
code!(
    PREFIX_NESTED = "roster-prefix-nested",
    ja "他の組織の範囲の内側にある範囲です。狭い方が優先されます",
    en "a prefix inside another party's: the narrower one goes first",
    help ja "意図した通りなら、そのままで構いません。",
    en "leave it if that is what you mean.",
    example "[[party]]\nid = \"isp-b\"\nprefixes = [\"198.18.1.0/24\"]\n"
);
code!(
    BAD_DOMAIN = "roster-bad-domain",
    ja "組織のドメイン名として使えません",
    en "this cannot be a party's domain",
    help ja "example.org のように2ラベル以上のASCIIで書いてください。下位の名前は自動的に含まれるため「*.」は不要です。日本語ドメインはxn--の形で書きます。",
    en "write at least two labels in ASCII, such as example.org; names below it are included without `*.`, other scripts are written as xn--.",
    example "[[party]]\nid = \"isp-b\"\ndomains = [\"*.example.org\"]\n"
);
code!(
    DOMAIN_TWICE = "roster-domain-claimed-twice",
    ja "同じドメインを二つの組織が届け出ています",
    en "two parties claim the same domain",
    help ja "どちらの組織のものか確かめ、他方から削除してください。",
    en "find out whose it is and remove it from the other.",
    example "[[party]]\nid = \"isp-b\"\ndomains = [\"A.example.\"]\n"
);
code!(
    DOMAIN_NESTED = "roster-domain-nested",
    ja "他の組織のドメインの下位にあるドメインです。長い方が優先されます",
    en "a domain below another party's: the longer one goes first",
    help ja "意図した通りなら、そのままで構いません。",
    en "leave it if that is what you mean.",
    example "[[party]]\nid = \"isp-b\"\ndomains = [\"b.a.example\"]\n"
);
code!(
    SAID_TWICE = "roster-said-twice",
    ja "同じ値が同じ組織に二度書かれています",
    en "the same value stands twice in one party",
    help ja "一方を削除してください。動作は変わりません。",
    en "remove one of them; nothing changes by it.",
    example "[[party]]\nid = \"isp-b\"\nasns = [64500, \"AS64500\"]\n"
);
code!(
    BAD_MAIL = "roster-bad-mail-address",
    ja "メールアドレスではありません",
    en "not a mail address",
    help ja "abuse@example.org のように、アドレスだけを一つ書いてください。表示名、山括弧、カンマ、引用符は使えません。",
    en "write one bare address such as abuse@example.org, without a name, angle brackets, commas or quotes.",
    example "[[party]]\nid = \"isp-b\"\n[[party.contact]]\nkind = \"abuse\"\nmail = \"Abuse <abuse@example.org>\"\n"
);
code!(
    BAD_PATH = "roster-bad-path",
    ja "送付先のフォルダーとして使えません",
    en "this cannot be a delivery's folder",
    help ja "「..」を含まないパスを書いてください。",
    en "write a path without `..`.",
    example "[[party]]\nid = \"isp-b\"\n[party.delivery]\nway = \"folder\"\npath = \"out/../isp-a\"\n"
);
code!(
    KEY_OF_OTHER_WAY = "roster-key-of-other-way",
    ja "この送付方法では使えないキーです",
    en "this key belongs to another way of delivery",
    help ja "way = \"folder\" には path を、way = \"mail\" には to を書きます。片方だけを残してください。",
    en "`path` goes with way = \"folder\", `to` with way = \"mail\"; keep one.",
    example "[[party]]\nid = \"isp-b\"\n[party.delivery]\nway = \"mail\"\nto = \"abuse@example.org\"\npath = \"out\"\n"
);
code!(
    BAD_ZONE = "roster-bad-zone",
    ja "タイムゾーンの名前ではありません",
    en "not a time zone",
    help ja "zone = \"Asia/Tokyo\" のようなIANA名か、\"+09:00\" のような時差を書いてください。",
    en "write an IANA name such as \"Asia/Tokyo\", or an offset such as \"+09:00\".",
    example "zone = \"Tokyo\"\n"
);
code!(
    BAD_DATE = "roster-bad-date",
    ja "日付または日時として読めません",
    en "not a date or a time",
    help ja "2026-04-01 または 2026-04-01T09:00:00+09:00 の形で書いてください。",
    en "write 2026-04-01 or 2026-04-01T09:00:00+09:00.",
    example "[[inhibition]]\nparty = \"isp-a\"\nreason = \"障害対応中\"\nuntil = \"来月末\"\n"
);
code!(
    NO_ZONE = "roster-date-without-zone",
    ja "タイムゾーンのない日付です",
    en "a date without a time zone",
    help ja "名簿の先頭に zone = \"Asia/Tokyo\" と書くか、日時に +09:00 のような時差を付けてください。時差を推測することはありません。",
    en "declare zone = \"Asia/Tokyo\" at the top of the roster, or write an offset such as +09:00; a zone is never assumed.",
    example "[[inhibition]]\nparty = \"isp-a\"\nreason = \"障害対応中\"\nuntil = 2026-05-31\n"
);
code!(
    EMPTY_PERIOD = "roster-ends-before-it-begins",
    ja "期間の終わりが始まりより前です",
    en "the period ends before it begins",
    help ja "from と until を確認してください。日付だけの until は、その日の終わりまでを意味します。",
    en "check `from` and `until`; an `until` that is only a date means the end of that day.",
    example "[[inhibition]]\nparty = \"isp-a\"\nreason = \"障害対応中\"\nfrom = 2026-05-02T00:00:00Z\nuntil = 2026-05-01T00:00:00Z\n"
);
code!(
    UNKNOWN_PARTY = "roster-unknown-party",
    ja "この名簿にない組織です（矢印の右は最も近いid）",
    en "a party that this roster does not have (after the arrow: the nearest id)",
    help ja "idの綴りを確認してください。",
    en "check the id's spelling.",
    example "[[inhibition]]\nparty = \"isp-aa\"\nreason = \"障害対応中\"\nuntil = 2026-05-01T00:00:00Z\n"
);
code!(
    INHIBITS_ALL = "roster-inhibits-everything",
    ja "送付停止の対象が書かれていません",
    en "an inhibition that names nothing would stop everything",
    help ja "party、prefix、classification のうち少なくとも一つを書いてください。",
    en "name at least one of `party`, `prefix`, `classification`.",
    example "[[inhibition]]\nreason = \"障害対応中\"\nuntil = 2026-05-01T00:00:00Z\n"
);
code!(
    AGREEMENT_EXPIRED = "roster-agreement-expired",
    ja "名簿の更新時点で、すでに終わっている協定です",
    en "the agreement had already ended when the roster was updated",
    help ja "更新された協定があれば加えてください。有効な受領の協定がない組織には送付せず、提供元へ返却します。",
    en "add the agreement that follows it, if there is one; without one in force nothing is sent to the party, it goes back to the reporter.",
    example "[[party]]\nid = \"isp-b\"\n[[party.agreement]]\nkind = \"receive\"\nreference = \"第1号\"\nfrom = 2014-01-01T00:00:00Z\nuntil = 2015-01-01T00:00:00Z\n"
);
code!(
    INHIBITION_EXPIRED = "roster-inhibition-expired",
    ja "名簿の更新時点で、すでに期限を過ぎた送付停止です",
    en "the inhibition had already expired when the roster was updated",
    help ja "まだ必要なら期限を延ばし、不要なら削除してください。",
    en "extend it if it is still needed, else remove it.",
    example "[[inhibition]]\nparty = \"isp-a\"\nreason = \"障害対応中\"\nuntil = 2015-05-01T00:00:00Z\n"
);
code!(
    NO_RECEIVE_AGREEMENT = "roster-holder-without-agreement",
    ja "アドレスやドメインを持つ組織ですが、受領の協定がありません",
    en "the party holds addresses or domains but has no agreement to receive",
    help ja "協定があれば [[party.agreement]] kind = \"receive\" を加えてください。なければ、該当する観測は提供元へ返却されます。",
    en "add [[party.agreement]] with kind = \"receive\" if there is one; otherwise what concerns it goes back to the reporter.",
    example "[[party]]\nid = \"isp-b\"\nname = { ja = \"別の会社\" }\nroles = [\"operator\"]\nasns = [64500]\n"
);
code!(
    NO_DELIVERY = "roster-receiver-without-delivery",
    ja "受領の協定がありますが、送付方法がありません",
    en "the party agreed to receive but has no way of delivery",
    help ja "[party.delivery] を加えてください。それまで、該当する観測は提供元へ返却されます。",
    en "add [party.delivery]; until then, what concerns it goes back to the reporter.",
    example "[[party]]\nid = \"isp-b\"\nname = { ja = \"別の会社\" }\nroles = [\"operator\"]\nasns = [64500]\n[[party.agreement]]\nkind = \"receive\"\nreference = \"第2号\"\nfrom = 2020-01-01T00:00:00Z\n"
);
code!(
    HOLDS_NOTHING = "roster-receiver-holds-nothing",
    ja "受領の協定がありますが、アドレスもAS番号もドメインも書かれていません",
    en "the party agreed to receive but holds no prefix, AS number or domain",
    help ja "asns、prefixes、domains のいずれかを書いてください。ないままでは、何も送付されません。",
    en "write `asns`, `prefixes` or `domains`; as it is, nothing will ever be sent to it.",
    example "[[party]]\nid = \"isp-b\"\nname = { ja = \"別の会社\" }\nroles = [\"operator\"]\n[[party.agreement]]\nkind = \"receive\"\nreference = \"第2号\"\nfrom = 2020-01-01T00:00:00Z\n"
);
code!(
    TABLE_HEADING = "asn-table-heading",
    ja "AS番号表の見出しに必要な列がないか、同じ列が二度あります",
    en "the heading of the table of AS numbers lacks a column or has one twice",
    help ja "見出しは start,end,asn,name とするか、見出しなしでこの順に並べてください。",
    en "write the heading start,end,asn,name, or leave it out and keep that order.",
    example "start,asn,name\n198.18.0.0,64496,Hokuto\n"
);
code!(
    TABLE_COLUMNS = "asn-table-columns",
    ja "AS番号表の行の列数が違います",
    en "the row has too few or too many columns",
    help ja "範囲の表は start,end,asn,name（nameは省略可、カンマを含む名前は引用符で囲む）、pyasnの表はプレフィックス、タブ、番号です。",
    en "a range table has start,end,asn,name (name may be absent; quote a name with commas), a pyasn table prefix, tab, number.",
    example "198.18.0.0,64496\n"
);
code!(
    TABLE_ADDRESS = "asn-table-address",
    ja "IPアドレスまたは範囲として読めません",
    en "not an address or prefix",
    help ja "アドレスは 198.18.0.0 のように書き、先頭の0や空白を入れないでください。プレフィックスは範囲の先頭のアドレスで書きます。",
    en "write 198.18.0.0 without leading zeros; a prefix begins with its range's first address.",
    example "198.18.0.999,198.18.15.255,64496,Hokuto\n"
);
code!(
    TABLE_ORDER = "asn-table-order",
    ja "範囲の終わりが始まりより前か、IPv4とIPv6が混ざっています",
    en "the range ends before it begins, or mixes IPv4 and IPv6",
    help ja "開始と終了のアドレスを確認してください。",
    en "check the first and the last address.",
    example "198.18.15.255,198.18.0.0,64496,Hokuto\n"
);
code!(
    TABLE_ASN = "asn-table-asn",
    ja "AS番号ではありません",
    en "not an AS number",
    help ja "0から4294967295までの整数を、そのままか「AS」を付けて書いてください。",
    en "write a whole number from 0 to 4294967295, with or without `AS` before it.",
    example "198.18.0.0,198.18.15.255,4294967296,Hokuto\n"
);
code!(
    TABLE_CONTRADICTION = "asn-table-contradiction",
    ja "同じ範囲に別のAS番号が書かれています。どちらの行も使いません",
    en "the same range is given to another AS number as well; neither row is used",
    help ja "どちらが正しいか確かめ、一行だけ残してください。推測で片方を選ぶことはありません。",
    en "find out which is right and keep one row; neither is chosen on a guess.",
    example "198.18.0.0,198.18.15.255,64496,Hokuto\n198.18.0.0,198.18.15.255,64497,Minato\n"
);
code!(
    TABLE_CROSSING = "asn-table-crossing",
    ja "他の行の範囲と一部だけ重なっています。どちらの行も使いません",
    en "the range overlaps another one in part; neither row is used",
    help ja "範囲は、離れているか、一方が他方を完全に含むようにしてください。",
    en "ranges may be apart, or one may hold the other whole; mend the two rows.",
    example "198.18.0.0,198.18.15.255,64496,Hokuto\n198.18.8.0,198.18.31.255,64497,Minato\n"
);
code!(
    TABLE_LONG_LINE = "asn-table-long-line",
    ja "行が長すぎます（64 KiBまで）",
    en "the line is too long (at most 64 KiB)",
    help ja "AS番号表のファイルか確認してください。圧縮されたファイルは展開してから読み込みます。",
    en "check that this is a table of AS numbers; unpack a compressed file first.",
    example "(a line of more than 65536 bytes)"
);
code!(
    TABLE_NAME = "asn-table-name",
    ja "ASの名前がUTF-8ではありません。読めない文字を置き換えて、行は使います",
    en "the name is not UTF-8; what cannot be read is replaced, the row is used",
    help ja "ファイルをUTF-8で保存し直してください。",
    en "save the file as UTF-8.",
    example "198.18.0.0,198.18.15.255,64496,(bytes that are not UTF-8)\n"
);

/// All of them.
pub static CODES: &[&Code] = &[
    &NOT_TOML,
    &UNKNOWN_KEY,
    &MISSING_KEY,
    &WRONG_TYPE,
    &EMPTY_TEXT,
    &LONG_TEXT,
    &CONTROL_CHARACTER,
    &UNKNOWN_WORD,
    &UNKNOWN_EDITION,
    &BAD_PARTY_ID,
    &PARTY_TWICE,
    &BAD_JURISDICTION,
    &BAD_ASN,
    &ASN_TWICE,
    &BAD_PREFIX,
    &HOST_BITS,
    &PREFIX_TOO_WIDE,
    &PREFIX_TWICE,
    &PREFIX_NESTED,
    &BAD_DOMAIN,
    &DOMAIN_TWICE,
    &DOMAIN_NESTED,
    &SAID_TWICE,
    &BAD_MAIL,
    &BAD_PATH,
    &KEY_OF_OTHER_WAY,
    &BAD_ZONE,
    &BAD_DATE,
    &NO_ZONE,
    &EMPTY_PERIOD,
    &UNKNOWN_PARTY,
    &INHIBITS_ALL,
    &AGREEMENT_EXPIRED,
    &INHIBITION_EXPIRED,
    &NO_RECEIVE_AGREEMENT,
    &NO_DELIVERY,
    &HOLDS_NOTHING,
    &TABLE_HEADING,
    &TABLE_COLUMNS,
    &TABLE_ADDRESS,
    &TABLE_ORDER,
    &TABLE_ASN,
    &TABLE_CONTRADICTION,
    &TABLE_CROSSING,
    &TABLE_LONG_LINE,
    &TABLE_NAME,
    &contact::TOO_LONG,
    &contact::BYTES,
    &contact::COMPRESSED,
    &contact::COLUMNS,
    &contact::VALUE,
    &contact::COUNT,
    &contact::SYNTAX,
    &contact::KEY,
    &contact::MAIL,
    &contact::DANGLING,
    &contact::MANY,
    &contact::NO_DOMAIN,
    &contact::NO_CONTACT,
    &contact::NO_EXPIRES,
    &contact::EXPIRED,
    &contact::SIGNED,
];
