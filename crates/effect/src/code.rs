//! Every error code of this crate, and the fault that carries one until somebody knows the place.

use std::fmt;

use model::problem::{Code, Place, Problem};
use model::text::Text;

/// Something in a table or a series that cannot be, with the row it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub code: &'static Code,
    /// The day since the start, or the number of the entry from 1, where there is one.
    pub at: Option<u64>,
}

impl Fault {
    pub(crate) const fn new(code: &'static Code) -> Self {
        Self { code, at: None }
    }

    pub(crate) const fn at(code: &'static Code, at: u64) -> Self {
        Self { code, at: Some(at) }
    }

    /// The problem for whoever sent it: the number, where there is one, is the value.
    #[must_use]
    pub fn problem(&self, place: Place) -> Problem {
        let problem = Problem::new(self.code, place);
        match self.at {
            Some(at) => problem.with_value(&at.to_string()),
            None => problem,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.code.text.en, self.code.code)?;
        self.at.map_or(Ok(()), |at| write!(f, " at {at}"))
    }
}

impl std::error::Error for Fault {}

/// A table's subject ends before it starts.
pub static ENDS_BEFORE_START: Code = Code {
    code: "effect-ends-before-start",
    text: Text { ja: "終わりの日時が始まりより前です", en: "a subject ends before it starts" },
    help: Text {
        ja: "観測の日時と時差、通知の日時を確認してください。通知より前の観測は、通知後の再観測には数えません。",
        en: "check the times and zones; what was seen before the notice is no sighting after it.",
    },
    example: "told 2014-06-30T09:00:00+09:00, seen 2014-06-29T09:00:00+09:00",
};

/// A day beyond any operation.
pub static DAY_TOO_FAR: Code = Code {
    code: "effect-day-too-far",
    text: Text {
        ja: "日数が大きすぎます（上限36,500日）", en: "the day is too far off (36,500 days at most)"
    },
    help: Text {
        ja: "始まりの日時が正しいか確認してください。1970年のような初期値が入っていることがよくあります。",
        en: "check the starting time; often it is a default such as 1970.",
    },
    example: "{\"from\":40000,\"to\":40000,\"count\":7}",
};

/// A cell of a table that cannot be.
pub static BAD_CELL: Code = Code {
    code: "effect-bad-cell",
    text: Text {
        ja: "生命表の区間が正しくありません（終わりが始まりより前、件数が0、または区間の重複・順序違い）",
        en: "a cell of the life table cannot be: it ends before it begins, counts nothing, stands twice or out of order",
    },
    help: Text {
        ja: "区間は日の順に一度ずつ、1件以上のものだけを書いてください。",
        en: "write each span once, in the order of its days, and only with a count of 1 or more.",
    },
    example: "{\"from\":9,\"to\":3,\"count\":7}",
};

/// More than can be counted exactly.
pub static TOO_MANY: Code = Code {
    code: "effect-too-many",
    text: Text {
        ja: "件数の合計が大きすぎます（上限2の53乗）", en: "the counts add up to too much (2^53 at most)"
    },
    help: Text {
        ja: "送り元の生命表の件数を確認してください。", en: "check the counts in the table that was sent."
    },
    example: "{\"from\":3,\"to\":3,\"count\":18446744073709551615}",
};

/// Two tables that are not about the same.
pub static NOT_THE_SAME: Code = Code {
    code: "effect-not-the-same",
    text: Text {
        ja: "始まり、出来事または単位の違う生命表は合算・比較できません",
        en: "life tables of different starts, events or units can be neither added nor compared",
    },
    help: Text {
        ja: "同じ始まり（送付・通知・初観測）、同じ出来事、同じ単位の表どうしにしてください。",
        en: "use tables with the same start (sent, told, first seen), the same event and the same unit.",
    },
    example: "{\"since\":\"told\"} + {\"since\":\"first-seen\"}",
};

/// Those who were not told have no day of being told.
pub static NO_COMMON_START: Code = Code {
    code: "effect-no-common-start",
    text: Text {
        ja: "通知の日から数えた生命表では、通知した群としていない群を比べられません",
        en: "told and not told cannot be compared by days since being told: the one group has no such day",
    },
    help: Text {
        ja: "両方の群に共通の始まり（送付または初観測）から数えた表を使ってください。",
        en: "count both groups from a start that both have: sent, or first seen.",
    },
    example: "{\"since\":\"told\"}",
};

/// A cell smaller than agreed.
pub static SMALL_CELL: Code = Code {
    code: "effect-small-cell",
    text: Text {
        ja: "届いた生命表に、秘匿すべき小さな件数が含まれています",
        en: "the life table that came in has a count small enough to point at a person",
    },
    help: Text {
        ja: "送り元の設定（最小件数）を確認し、区間をまとめて送り直してください。この表は集計に使いません。",
        en: "check the smallest count in the sender's settings and send the table again, grouped; this one is not used.",
    },
    example: "{\"from\":3,\"to\":3,\"count\":1}",
};

/// A rule for small cells that would not protect.
pub static BAD_RULE: Code = Code {
    code: "effect-bad-small-cell-rule",
    text: Text {
        ja: "小さな件数の規則が範囲外です（最小件数は3以上、日数の刻みは1から366）",
        en: "the rule for small cells is out of range: a smallest count of 3 or more, a grid of 1 to 366 days",
    },
    help: Text {
        ja: "最小件数2では、秘匿された件数が必ず1と分かってしまいます。既定の5をお勧めします。",
        en: "with a smallest count of 2 whatever is hidden is known to be 1; the default is 5.",
    },
    example: "at_least = 2",
};

/// A rate of more than everything.
pub static PART_OVER_WHOLE: Code = Code {
    code: "effect-part-over-whole",
    text: Text {
        ja: "割合の分子が分母より大きくなっています",
        en: "the rate's numerator is more than its denominator",
    },
    help: Text {
        ja: "同じもの（同じ回、同じ単位）を数えているか確認してください。",
        en: "check that both count the same thing: the same round, the same unit.",
    },
    example: "told 12 / identified 10",
};

/// A time that is none.
pub static BAD_TIME: Code = Code {
    code: "effect-bad-time",
    text: Text { ja: "期間が0以上の数ではありません", en: "a duration is not a number of 0 or more" },
    help: Text { ja: "期間を日数で書いてください。", en: "give durations in days." },
    example: "-3",
};

/// A series that cannot be read.
pub static SERIES_UNREADABLE: Code = Code {
    code: "series-unreadable",
    text: Text { ja: "系列のファイルを読めません", en: "the series cannot be read" },
    help: Text {
        ja: "示された行の書式とキーの綴りを確認してください。使えるキーは見本 samples/damage.toml にあります。",
        en: "check the syntax and the keys on that line; samples/damage.toml shows every key.",
    },
    example: "unit = \"dollar\"\n",
};

/// A series without values.
pub static SERIES_EMPTY: Code = Code {
    code: "series-empty",
    text: Text { ja: "系列に値がありません", en: "the series has no values" },
    help: Text { ja: "`[[half]]` を一つ以上書いてください。", en: "write at least one `[[half]]`." },
    example: "unit = \"yen\"\n",
};

/// Half-years twice or out of order.
pub static SERIES_ORDER: Code = Code {
    code: "series-order",
    text: Text {
        ja: "半期が古い順に一度ずつ並んでいません",
        en: "the half-years do not stand once each, oldest first",
    },
    help: Text {
        ja: "`year` と `half`（1は1〜6月、2は7〜12月）を確認してください。年度ではなく暦年です。",
        en: "check `year` and `half`: 1 is January to June, 2 July to December, by the calendar year.",
    },
    example: "[[half]]\nyear = 2015\nhalf = 3\n",
};

/// Neither gross nor actual.
pub static SERIES_NO_VALUE: Code = Code {
    code: "series-no-value",
    text: Text { ja: "この半期に値がありません", en: "this half-year has no value" },
    help: Text {
        ja: "金額なら `gross` か `actual`、件数なら `gross` を書いてください。不明な半期は行ごと省きます。",
        en: "give `gross` or `actual`, or `gross` where it is a count; leave out a half-year that is not known.",
    },
    example: "[[half]]\nyear = 2015\nhalf = 1\n",
};

/// Actual over gross.
pub static SERIES_ACTUAL_OVER_GROSS: Code = Code {
    code: "series-actual-over-gross",
    text: Text {
        ja: "実被害額が被害額を超えています", en: "the actual damage is more than the gross damage"
    },
    help: Text {
        ja: "被害額（`gross`）から阻止できた額を引いたものが実被害額（`actual`）です。入れ違いを確認してください。",
        en: "actual is gross without what was stopped in time; perhaps the two were exchanged.",
    },
    example: "[[half]]\nyear = 2015\nhalf = 1\ngross = 1375\nactual = 1544\n",
};

/// A mark without a month.
pub static SERIES_BAD_MARK: Code = Code {
    code: "series-bad-mark",
    text: Text { ja: "出来事の年月が正しくありません", en: "an event's month is not one" },
    help: Text {
        ja: "`2014-06` または `2014-06-02` の形で書いてください。", en: "write `2014-06` or `2014-06-02`."
    },
    example: "[[mark]]\non = \"2014-13\"\n",
};

/// Every error code that this crate can utter.
pub static CODES: &[&Code] = &[
    &ENDS_BEFORE_START,
    &DAY_TOO_FAR,
    &BAD_CELL,
    &TOO_MANY,
    &NOT_THE_SAME,
    &NO_COMMON_START,
    &SMALL_CELL,
    &BAD_RULE,
    &PART_OVER_WHOLE,
    &BAD_TIME,
    &SERIES_UNREADABLE,
    &SERIES_EMPTY,
    &SERIES_ORDER,
    &SERIES_NO_VALUE,
    &SERIES_ACTUAL_OVER_GROSS,
    &SERIES_BAD_MARK,
];
