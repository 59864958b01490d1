//! Why a deed was not done.

use law::Refusal;
use model::port::Crash;
use model::problem::{Code, Problem};
use model::{DecisionId, Lang, PartyId, RoundId, Text};

/// Why a deed was not done. Nothing it would have changed is changed, except that the ledger may say that it was
/// decided and abandoned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeedError {
    /// The gate refused: an answer, recorded under this decision.
    #[error("{refusal}")]
    Refused {
        /// The decision.
        decision: DecisionId,
        /// What it said.
        refusal: Box<Refusal>,
    },
    /// The input is wrong as a whole.
    #[error("{0}")]
    Problem(Problem),
    /// The input is wrong in several places; all are named.
    #[error("{} problems", .0.len())]
    Problems(Vec<Problem>),
    /// Something named is not there.
    #[error("{what} `{id}` is not known here")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its id as given.
        id: String,
    },
    /// The same file was received before.
    #[error("the same file was received into {round} already (report {report})")]
    SameFile {
        /// Into which round.
        round: RoundId,
        /// As which report.
        report: model::ReportId,
    },
    /// Nobody acts here in another party's name.
    #[error("`{actor}` cannot act here, this is the deployment of `{house}`")]
    NotOurActor {
        /// Who wanted to.
        actor: PartyId,
        /// Whose deployment it is.
        house: PartyId,
    },
    /// What the deed needs is not in force: an agreement, a consent to the plan, an open round.
    #[error("{}: `{about}`", code.text.en)]
    NotInForce {
        /// What, as a code.
        code: &'static Code,
        /// About whom or what.
        about: String,
    },
    /// What was handed in cannot be read.
    #[error("the file handed in: {0}")]
    Input(std::io::Error),
    /// The state.
    #[error("state: {0}")]
    Store(store::StoreError),
    /// The archive.
    #[error("archive: {0}")]
    Archive(archive::ArchiveError),
    /// The keys.
    #[error("keys: {0}")]
    Keys(#[from] keys::KeyError),
    /// The disk.
    #[error("{0}")]
    Disk(disk::DiskError),
    /// The assignment records.
    #[error("assignments: {0}")]
    Assignment(assignment::RegisterError),
    /// Protected data stayed closed.
    #[error("{0}")]
    Closed(#[from] law::Closed),
    /// The simulation ended the process here.
    #[error(transparent)]
    Crash(Crash),
    /// A fault of this program.
    #[error("a fault of this program: {0}")]
    Fault(String),
}

impl DeedError {
    /// What a machine tells deeds' failures apart by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { refusal, .. } => refusal.code,
            Self::Problem(problem) => problem.code.code,
            Self::Problems(problems) => problems.first().map_or("several-problems", |p| p.code.code),
            Self::NotFound { .. } => NOT_FOUND.code,
            Self::SameFile { .. } => SAME_FILE.code,
            Self::NotOurActor { .. } => NOT_OUR_ACTOR.code,
            Self::NotInForce { code, .. } => code.code,
            Self::Input(_)
            | Self::Store(_)
            | Self::Archive(_)
            | Self::Keys(_)
            | Self::Disk(_)
            | Self::Assignment(_)
            | Self::Closed(_) => "deployment-failed",
            Self::Crash(_) => "simulated-crash",
            Self::Fault(_) => "program-fault",
        }
    }

    /// Whether a simulation ended the process.
    #[must_use]
    pub const fn is_crash(&self) -> bool {
        matches!(self, Self::Crash(_))
    }

    /// Whether nothing was changed because another process came first.
    #[must_use]
    pub const fn is_overtaken(&self) -> bool {
        matches!(self, Self::Store(store::StoreError::Overtaken { .. } | store::StoreError::AlreadyThere { .. }))
    }

    /// What to do next, where there is something.
    #[must_use]
    pub fn help(&self, lang: Lang) -> Option<&'static str> {
        match self {
            Self::Problem(problem) => Some(problem.code.help.of(lang)),
            Self::NotFound { .. } => Some(NOT_FOUND.help.of(lang)),
            Self::SameFile { .. } => Some(SAME_FILE.help.of(lang)),
            Self::NotOurActor { .. } => Some(NOT_OUR_ACTOR.help.of(lang)),
            Self::NotInForce { code, .. } => Some(code.help.of(lang)),
            _ => None,
        }
    }
}

impl From<Crash> for DeedError {
    fn from(crash: Crash) -> Self {
        Self::Crash(crash)
    }
}

impl From<Problem> for DeedError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<formats::Halt> for DeedError {
    fn from(halt: formats::Halt) -> Self {
        match halt {
            formats::Halt::Problem(problem) => Self::Problem(problem),
            formats::Halt::Disk(error) => Self::Input(error),
            other => Self::Fault(other.to_string()),
        }
    }
}

impl From<store::StoreError> for DeedError {
    fn from(error: store::StoreError) -> Self {
        match error {
            store::StoreError::Crash(crash) => Self::Crash(crash),
            other => Self::Store(other),
        }
    }
}

impl From<assignment::RegisterError> for DeedError {
    fn from(error: assignment::RegisterError) -> Self {
        match error {
            assignment::RegisterError::Refused(problem) => Self::Problem(problem),
            other => Self::Assignment(other),
        }
    }
}

impl From<archive::ArchiveError> for DeedError {
    fn from(error: archive::ArchiveError) -> Self {
        match error {
            archive::ArchiveError::Disk(error) => error.into(),
            other => Self::Archive(other),
        }
    }
}

impl From<disk::DiskError> for DeedError {
    fn from(error: disk::DiskError) -> Self {
        match error {
            disk::DiskError::Crash(crash) => Self::Crash(crash),
            other => Self::Disk(other),
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $ja:literal, $en:literal, help $help_ja:literal, $help_en:literal, example $example:literal;)+) => {
        $($(#[$doc])*
        pub static $name: Code = Code {
            code: $code,
            text: Text { ja: $ja, en: $en },
            help: Text { ja: $help_ja, en: $help_en },
            example: $example,
        };)+

        /// Every error code that this crate can utter.
        pub static CODES: &[&Code] = &[$(&$name),+];
    };
}

codes! {
    /// Something named is not there.
    NOT_FOUND = "not-found",
        "指定されたものが見つかりません", "what was named is not known here",
        help "綴りを確認してください。`noroshi operation list`、`noroshi round list`、`noroshi party list`、`noroshi law list` で一覧を表示できます。", "check the spelling; `noroshi operation list`, `noroshi round list`, `noroshi party list` and `noroshi law list` show what there is",
        example "noroshi round show goz-2041/1";
    /// The same file twice.
    SAME_FILE = "same-file-again",
        "同じファイルは受領済みです", "the same file was received already",
        help "二重に登録する必要はありません。内容が更新されたものであれば、提供元に新しいファイルを求めてください。", "nothing needs to be done; if the content should have changed, ask the source for the new file",
        example "the same list, ingested a second time under another name";
    /// Another party's name.
    NOT_OUR_ACTOR = "not-our-actor",
        "他の組織の名義では操作できません", "nobody acts here in another party's name",
        help "この設置の組織として操作するか、その組織の設置で操作してください。", "act as this deployment's party, or at the other party's own deployment",
        example "an actor of `isp-minato` at the deployment of `clearing-house`";
    /// The source has no agreement in force.
    NO_PROVIDE_AGREEMENT = "no-provide-agreement",
        "提供元との提供の取決めが有効ではありません", "no agreement to provide is in force with the source",
        help "名簿の agreement（kind = \"provide\"）を確認し、取決めを結んでから受領してください。何も保存していません。", "check the roster's agreement of kind `provide` and receive only once it is in force; nothing was stored",
        example "a report from a party whose agreement ended yesterday";
    /// The source is not the plan's reporter.
    NOT_THE_REPORTER = "not-the-plans-reporter",
        "作戦計画の提供元ではありません", "the party is not the reporter of the operation's plan",
        help "計画の reporter を確認してください。別の提供元を加えるには計画を改め、合意を記録します。", "check the plan's `reporter`; to add another source, amend the plan and record its agreement",
        example "noroshi ingest list.csv --round goz-2014/1 --from somebody-else";
    /// The reporter has not agreed to the plan.
    PLAN_NOT_AGREED = "plan-not-agreed",
        "提供元が作戦計画に合意していません", "the reporter has not agreed to the operation's plan",
        help "計画に提供元の [[agreed]] を記録してください。", "record the reporter's `[[agreed]]` in the plan",
        example "a plan without an [[agreed]] of its reporter";
    /// The round is not open.
    ROUND_NOT_OPEN = "round-not-open",
        "回が開いていません", "the round is not open",
        help "`noroshi round open 作戦/回` で開いてください。", "open it with `noroshi round open operation/number`",
        example "noroshi ingest list.csv --round goz-2014/9";
    /// A round out of order.
    ROUND_OUT_OF_ORDER = "round-out-of-order",
        "回は1から順に開きます（次に開ける回: 矢印の右）", "rounds are opened in order (after the arrow: the one that is next)",
        help "矢印の右の回を開いてください。既に開いている回は `noroshi round list` で確認できます。", "open the round after the arrow; `noroshi round list` shows those that are open",
        example "noroshi round open goz-2014/3, while only the first is open";
    /// The operation has closed.
    OPERATION_CLOSED = "operation-closed",
        "作戦は終了しています", "the operation has closed",
        help "計画の closes を確認してください。続けるには計画を改めます。", "check the plan's `closes`; amend the plan to go on",
        example "a list received after the plan's closing day";
    /// The plan's file is wrong.
    BAD_PLAN = "bad-plan",
        "作戦計画のファイルを読めません", "the operation's plan cannot be read",
        help "示された行とキーを直してください。見本は `noroshi operation example` で表示できます。", "mend the line and key named; `noroshi operation example` prints a sample",
        example "closes = \"next spring\"";
    /// The plan has a key that is not known.
    PLAN_UNKNOWN_KEY = "plan-unknown-key",
        "作戦計画で使えないキーです（矢印の右は最も近いキー）", "a plan has no such key (after the arrow: the nearest known key)",
        help "キーの綴りと、書いた場所（表の見出し）を確認してください。使えるキーは `noroshi operation example` で表示できます。", "check the key's spelling and the table it stands in; `noroshi operation example` shows every key",
        example "notify_form = \"2014-06-10T09:00:00+09:00\"";
    /// A text of the plan holds a control character.
    PLAN_CONTROL_CHARACTER = "plan-control-character",
        "計画の文に、改行などの制御文字、または文字の向きを変える文字が含まれています", "a text of the plan holds a line break, another control character, or one that turns the direction of text",
        help "その文字を取り除いてください。メールのヘッダーや画面の偽装に使われるため、受け付けません。", "remove the character; it could forge a mail header or what a page shows, and is never accepted",
        example "title = { ja = \"作戦\\r\\nBcc: x@example.org\" }";
    /// A party in the plan is not in the roster.
    PLAN_PARTY_UNKNOWN = "plan-party-unknown",
        "計画に書かれた組織が名簿にありません", "a party of the plan is not in the roster",
        help "名簿に組織を加えるか、計画の綴りを直してください。", "add the party to the roster, or mend the spelling in the plan",
        example "partners = [\"isp-hokut\"]";
    /// A plan of the same operation exists.
    OPERATION_THERE = "operation-exists",
        "同じIDの作戦が既にあります", "an operation of that id exists already",
        help "計画を改めるには `noroshi operation amend` を使ってください。", "use `noroshi operation amend` to change its plan",
        example "noroshi operation open goz.toml, a second time";
    /// No roster has been imported.
    NO_ROSTER = "no-roster",
        "名簿が取り込まれていません", "no roster has been imported",
        help "`noroshi party import 名簿.toml` で取り込んでください。", "import one with `noroshi party import roster.toml`",
        example "noroshi operation open goz.toml, before any roster";
    /// This deployment's party is not in the roster.
    SELF_NOT_IN_ROSTER = "self-not-in-roster",
        "この設置の組織が名簿にありません", "the roster does not know this deployment's own party",
        help "名簿に自組織（役割を含む）を加えてください。", "add this deployment's own party, with its roles, to the roster",
        example "init --party clearing-house, and a roster without it";
    /// The difference is not the one that was shown.
    CONTACTS_MOVED = "contacts-difference-moved",
        "表示した差分と、今の差分が違います。何も適用していません（左: 指定されたもの、右: 今のもの）", "the difference is not the one that was shown; nothing was applied (left: the one named, right: the one now)",
        help "`--apply` を付けずにもう一度実行して差分を確かめ、表示された値を `--apply` に指定してください。", "run it again without `--apply`, look at the difference, and give the digest that it shows to `--apply`",
        example "noroshi party contacts import --from rpsl apnic.db --apply 00";
    /// There is nothing to send.
    NOTHING_TO_SEND = "nothing-to-send",
        "送付する記録がありません", "there is nothing to send",
        help "回に受領した記録がないか、既に送付済みです。`noroshi round show` で確認してください。", "the round has received nothing, or all of it was sent; see `noroshi round show`",
        example "noroshi round send goz-2014/1, a second time";
    /// An answer from a party that did not get the delivery.
    ANSWER_NOT_THEIRS = "answer-not-theirs",
        "この送付はその組織に宛てたものではありません", "the delivery was not made to that party",
        help "回答ファイルの記録IDと、回答した組織（--from）を確認してください。", "check the record ids of the answer file and the party named with --from",
        example "noroshi answer answers.csv --from isp-minato, for a delivery to isp-hokuto";
    /// An outcome that cannot follow the earlier one.
    OUTCOME_CANNOT_FOLLOW = "outcome-cannot-follow",
        "前の回答の後には置けない結果です", "this outcome cannot follow the earlier one",
        help "前の回答が誤りであれば、窓口に連絡して訂正を記録してください。", "if the earlier answer was wrong, contact the clearing house so that the correction is recorded",
        example "a record answered `cleaned`, later answered `pending`";
    /// A delivery's cover is wrong.
    BAD_COVER = "bad-delivery-cover",
        "送付票（delivery.json）を読めません", "the delivery's cover (delivery.json) cannot be read",
        help "送付元に連絡し、送り直しを求めてください。ファイルはそのまま残してあります。", "ask the sender to send it again; the files are left where they are",
        example "a delivery whose delivery.json is cut off";
    /// A delivery for somebody else.
    DELIVERY_NOT_OURS = "delivery-not-ours",
        "この送付は他の組織に宛てたものです", "the delivery is addressed to another party",
        help "開かずに送付元へ連絡してください。", "do not open it; tell its sender",
        example "a delivery to isp-minato in the folder of isp-hokuto";
    /// The settings cannot be read.
    BAD_SETTINGS = "bad-settings",
        "設定ファイル noroshi.toml に誤りがあります", "the settings file noroshi.toml is wrong",
        help "示された行を直してください。知らないキーがあると起動しません。", "mend the line named; a key that is not known stops the start",
        example "langauge = \"ja\"";
    /// The settings have a key that is not known.
    UNKNOWN_SETTING = "unknown-setting",
        "この設定は使えません（矢印の右は最も近いキー）", "there is no such setting (after the arrow: the nearest known key)",
        help "キーの綴りと、書いた場所（表の見出し）を確認してください。使えるキーは docs/manual/operator.ja.md の4章にあります。知らないキーがあると起動しません。", "check the key's spelling and the table it stands in; section 4 of docs/manual/operator.en.md explains every key. A key that is not known stops the start.",
        example "langauge = \"ja\"";
    /// A folder without a file.
    FOLDER_EMPTY = "folder-empty",
        "フォルダーに読み取るファイルがありません", "there is no file in the folder",
        help "フォルダーの場所を確認してください。名前が . で始まるファイルとエラーファイル（.errors.csv）は読み取りません", "check the folder; files whose name begins with a dot and error files (.errors.csv) are not read",
        example "noroshi ingest feeds/ --round goz-2014/1 --from jpcert";
    /// A file that the command line names cannot be read or written.
    FILE_UNREADABLE = "cannot-open-file",
        "ファイルを開けません", "the file cannot be opened",
        help "ファイル名とフォルダー、権限を確認してください。`-` は標準入力です。", "check its name, its folder and your rights; `-` is standard input",
        example "noroshi party import no-such-roster.toml";
    /// A text file that is not UTF-8.
    FILE_NOT_UTF8 = "file-not-utf-8",
        "UTF-8のテキストではありません", "the file is not UTF-8 text",
        help "エディターでUTF-8として保存し直してください（名簿・計画・マッピングファイルはUTF-8で書きます）。", "save it as UTF-8: rosters, plans and mapping files are written so",
        example "a roster saved as Shift_JIS";
    /// There is a deployment in the home folder already.
    HOME_TAKEN = "deployment-exists",
        "このフォルダーには既に設置があります", "there is a deployment in this folder already",
        help "そのまま使えます。別に作る場合は --home で他のフォルダーを指定してください。", "it can be used as it is; name another folder with --home to make one more",
        example "noroshi --home hub init --party clearing-house --role clearing-house, a second time";
    /// There is no deployment in the home folder.
    NO_HOME = "no-deployment",
        "このフォルダーには設置がありません", "there is no deployment in this folder",
        help "`noroshi --home フォルダー init --party 組織ID --role clearing-house|operator` で作成するか、--home を確認してください。", "make one with `noroshi --home FOLDER init --party ID --role clearing-house|operator`, or check --home",
        example "noroshi --home /no/such/folder round list";
    /// The settings lack something that the deed needs.
    SETTING_MISSING = "setting-missing",
        "設定が足りません", "a setting that this deed needs is missing",
        help "noroshi.toml に示された設定を加えてください。", "add the setting named to noroshi.toml",
        example "mail to subscribers without [mail]";
}
