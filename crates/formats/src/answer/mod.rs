//! Answers: what a partner did with each record of a delivery, as a file from node or partner to hub.
//!
//! A CSV file of two or three columns: `record` (記録ID), `outcome` (結果), `at` (日時). Nothing else: a file with any other
//! column, or with a cell too many, is refused as a whole, and what is refused row by row is told by line, column and code,
//! never with the row itself. So no name reaches the hub by accident, not even in its error files.
//!
//! [`ack`] is the other file that comes back: a delivery arrived.

pub mod ack;
mod heading;
mod table;

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use model::id::OutwardId;
use model::problem::{Code, Place, Problem};
use model::{DeliveryId, Instant, Lang, Outcome, Text, Zone};

use crate::reading::{FUTURE_TOLERANCE_SECONDS, Reject, Rejects};
use crate::writing::{Dialect, Written, spreadsheet_safe};
use heading::{Column, Headings};
use table::Table;

/// What the reader of an answer file knows beforehand.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The delivery that the file is to be about.
    pub delivery: DeliveryId,
    /// How many rows the delivery has.
    pub rows: u32,
    /// When the file was received; stands for the time of a row that gives none.
    pub received: Instant,
    /// The zone of times that carry none; without it such a time is refused.
    pub zone: Option<Zone>,
}

/// What an answer file says.
pub struct Answers {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The row's place in the delivery (from 1), its outcome, and when that was so; by place, each at most once.
    pub rows: Vec<(u32, Outcome, Instant)>,
    /// Lines that say again what an earlier line said.
    pub repeated: u64,
    /// Lines that could not be taken. They carry neither the row nor any value but a record id or a mistyped code.
    pub rejects: Rejects,
}

/// What kind of file comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Outcomes per record.
    Answers,
    /// A delivery arrived.
    Ack,
}

/// What kind of file it is, by its heading; none where it is neither.
#[must_use]
pub fn kind(file: &str, bytes: &[u8]) -> Option<FileKind> {
    let table = Table::of(file, bytes).ok()?;
    let columns = table.heading().map(heading::column_named).collect::<Vec<_>>();
    if columns.contains(&Some(Column::Record)) {
        Some(FileKind::Answers)
    } else if columns.contains(&Some(Column::Delivery)) && columns.contains(&Some(Column::Rows)) {
        Some(FileKind::Ack)
    } else {
        None
    }
}

/// Reads an answer file.
///
/// A record named twice with one outcome counts once, with its latest time; named with two outcomes, all its lines are
/// rejected, because nobody but the partner knows which is right.
///
/// # Errors
/// A [`Problem`] where the file as a whole is refused: unreadable, a column missing, doubled or unknown, a cell without a
/// column, or every row about another delivery.
pub fn read(file: &str, bytes: &[u8], expected: &Expected) -> Result<Answers, Problem> {
    let table = Table::of(file, bytes)?;
    let headings = Headings::of(&table, &[Column::Record, Column::Outcome], &[Column::At, Column::Delivery])?;
    if let Some((line, named)) = table.delivery_in_comment()
        && named.parse::<DeliveryId>() != Ok(expected.delivery)
    {
        return Err(Problem::new(&ANSWER_FOR_ANOTHER_DELIVERY, Place::file(file).line(line)));
    }
    let bare_is_ours = table.delivery_in_comment().is_some();
    let mut said: BTreeMap<u32, Vec<(u64, Outcome, Instant)>> = BTreeMap::new();
    let mut rejects = Vec::new();
    let mut foreign = 0_u64;
    let mut lines = 0_u64;
    for row in table.rows() {
        let row = row?;
        headings.check_width(&table, &row)?;
        if row.is_blank() {
            continue;
        }
        lines += 1;
        match one(&headings, &row, expected, bare_is_ours) {
            Ok((ordinal, outcome, at)) => said.entry(ordinal).or_default().push((row.line, outcome, at)),
            Err(fault) => {
                foreign += u64::from(*fault.code == ANSWER_FOR_ANOTHER_DELIVERY);
                rejects.push(fault.at(row.line));
            }
        }
    }
    if lines > 0 && foreign == lines {
        return Err(Problem::new(&ANSWER_FOR_ANOTHER_DELIVERY, Place::file(file)));
    }
    let mut rows = Vec::with_capacity(said.len());
    let mut repeated = 0;
    for (ordinal, lines) in said {
        let Some((_, outcome, first)) = lines.first().copied() else { continue };
        if lines.iter().any(|(_, other, _)| *other != outcome) {
            let record = OutwardId { delivery: expected.delivery, ordinal }.to_string();
            rejects.extend(lines.iter().map(|(line, ..)| {
                Fault { code: &ANSWER_CONTRADICTS_ITSELF, column: Column::Outcome, value: Some(record.clone()) }
                    .at(*line)
            }));
            continue;
        }
        repeated += u64::try_from(lines.len() - 1).unwrap_or(0);
        rows.push((ordinal, outcome, lines.iter().map(|(_, _, at)| *at).fold(first, Instant::max)));
    }
    rejects.sort_by_key(|reject| reject.line);
    Ok(Answers { delivery: expected.delivery, rows, repeated, rejects: Rejects(rejects) })
}

/// Writes an answer file; the rows are those of one delivery, in the order in which they are to stand.
///
/// For a program: `record,outcome,at`, times in UTC. For a spreadsheet: headings in `lang`, times in `zone` with its offset,
/// the same codes (a file that comes back from a spreadsheet reads as it was).
#[must_use]
pub fn write(rows: &[(OutwardId, Outcome, Instant)], dialect: Dialect, zone: &Zone, lang: Lang) -> Written {
    let columns = [Column::Record, Column::Outcome, Column::At];
    let mut file = table::Writer::of(dialect, columns.map(|column| column.heading(dialect, lang)));
    for (record, outcome, at) in rows {
        file.row([&*record.to_string(), outcome.name(), &*time_as(*at, dialect, zone)]);
    }
    file.finish()
}

/// The time as files of that dialect carry it.
fn time_as(at: Instant, dialect: Dialect, zone: &Zone) -> String {
    match dialect {
        Dialect::Plain => at.to_string(),
        Dialect::Spreadsheet => spreadsheet_safe(&at.in_zone(zone)).into_owned(),
    }
}

/// What is wrong with one line.
struct Fault {
    code: &'static Code,
    column: Column,
    /// Only what cannot be about a person.
    value: Option<String>,
}

impl Fault {
    const fn of(code: &'static Code, column: Column) -> Self {
        Self { code, column, value: None }
    }

    /// INVARIANT: the row as received is left out; it may hold a name that must not be kept here.
    fn at(self, line: u64) -> Reject {
        Reject {
            line,
            code: self.code,
            field: Some(self.column.name().to_owned()),
            value: self.value,
            raw: String::new(),
        }
    }
}

fn one(
    headings: &Headings,
    row: &table::Row,
    expected: &Expected,
    bare_is_ours: bool,
) -> Result<(u32, Outcome, Instant), Fault> {
    let cell = |column| headings.cell(row, column).unwrap_or("");
    let delivery = cell(Column::Delivery);
    if !delivery.is_empty() && delivery.parse::<DeliveryId>() != Ok(expected.delivery) {
        return Err(Fault::of(&ANSWER_FOR_ANOTHER_DELIVERY, Column::Delivery));
    }
    let record = cell(Column::Record);
    let ordinal = match record.parse::<OutwardId>() {
        Ok(id) if id.delivery == expected.delivery => id.ordinal,
        Ok(id) => {
            let value = Some(id.to_string());
            return Err(Fault { code: &ANSWER_FOR_ANOTHER_DELIVERY, column: Column::Record, value });
        }
        Err(_) => match record.parse::<u32>() {
            Ok(place) if place > 0 && (bare_is_ours || !delivery.is_empty()) => place,
            _ => return Err(Fault::of(&ANSWER_BAD_RECORD, Column::Record)),
        },
    };
    if ordinal > expected.rows {
        let value = Some(ordinal.to_string());
        return Err(Fault { code: &ANSWER_BEYOND_DELIVERY, column: Column::Record, value });
    }
    let outcome = heading::outcome(cell(Column::Outcome)).map_err(|nearest| Fault {
        code: &ANSWER_UNKNOWN_OUTCOME,
        column: Column::Outcome,
        value: nearest,
    })?;
    let at = match cell(Column::At) {
        "" => expected.received,
        text => time(text, expected.zone.as_ref()).map_err(|code| Fault::of(code, Column::At))?,
    };
    if at > expected.received.plus_seconds(FUTURE_TOLERANCE_SECONDS) {
        return Err(Fault::of(&ANSWER_TIME_IN_FUTURE, Column::At));
    }
    Ok((ordinal, outcome, at))
}

/// A time with an offset, or `2014-06-30 09:00[:00]` with `-` or `/` in the zone declared for the file.
fn time(text: &str, zone: Option<&Zone>) -> Result<Instant, &'static Code> {
    if let Ok(instant) = text.parse() {
        return Ok(instant);
    }
    let (date, clock) = text.split_once([' ', 'T']).ok_or(&ANSWER_BAD_TIME)?;
    let number = |text: &str| -> Option<i8> { text.parse().ok().filter(|_| text.len() <= 2) };
    let mut date = date.split(['-', '/']);
    let year = date.next().filter(|year| year.len() == 4).and_then(|year| year.parse::<i16>().ok());
    let (month, day, more) = (date.next().and_then(number), date.next().and_then(number), date.next());
    let mut clock = clock.split(':');
    let (hour, minute) = (clock.next().and_then(number), clock.next().and_then(number));
    let second = clock.next().map_or(Some(0), number);
    let (Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second), None, None) =
        (year, month, day, hour, minute, second, more, clock.next())
    else {
        return Err(&ANSWER_BAD_TIME);
    };
    let civil = DateTime::new(year, month, day, hour, minute, second, 0).map_err(|_| &ANSWER_BAD_TIME)?;
    let zone = zone.ok_or(&ANSWER_TIME_WITHOUT_ZONE)?;
    Instant::from_civil(civil, zone).map_err(|_| &ANSWER_BAD_TIME)
}

/// A file about another delivery.
pub static ANSWER_FOR_ANOTHER_DELIVERY: Code = Code {
    code: "answer-for-another-delivery",
    text: Text { ja: "別の送付に対する回答です", en: "the answer is about another delivery" },
    help: Text {
        ja: "記録IDの前半（送付のID）が、回答する送付のものか確認してください。",
        en: "check that the record ids begin with the id of the delivery that is answered",
    },
    example: "0146eb2c-2400-7000-8000-00c0ffee0002:1,told (answered to another delivery)",
};

/// A column that answers do not have.
pub static ANSWER_WITH_UNKNOWN_COLUMN: Code = Code {
    code: "answer-with-unknown-column",
    text: Text {
        ja: "回答ファイルに、受け付けられない列があります",
        en: "the file has a column that answers do not have",
    },
    help: Text {
        ja: "記録ID・結果・日時の3列だけにして、送り直してください。契約者を示す情報を受け取らないよう、ファイル全体を受け付けていません。",
        en: "send it again with record, outcome and at only; nothing of the file was taken, so that no subscriber's name is",
    },
    example: "record,outcome,name",
};

/// A column that an answer needs is missing.
pub static ANSWER_WITHOUT_COLUMN: Code = Code {
    code: "answer-without-column",
    text: Text { ja: "必要な列がありません", en: "a column that is needed is missing" },
    help: Text {
        ja: "1行目を見出し（record,outcome,at または 記録ID,結果,日時）にしてください。",
        en: "let the first line be the heading `record,outcome,at`",
    },
    example: "record",
};

/// A column that stands twice.
pub static ANSWER_HEADING_DOUBLED: Code = Code {
    code: "answer-heading-doubled",
    text: Text { ja: "同じ列が2つあります", en: "a column stands twice" },
    help: Text { ja: "どちらか1つにしてください。", en: "leave one of them out" },
    example: "record,結果,outcome",
};

/// Not a CSV file.
pub static ANSWER_NOT_CSV: Code = Code {
    code: "answer-not-csv",
    text: Text { ja: "CSVとして読み取れません", en: "the file cannot be read as CSV" },
    help: Text {
        ja: "引用符の対応を確認し、CSV形式で保存し直してください。",
        en: "check that quotes are closed, and save it as CSV",
    },
    example: "record,outcome\\n\"…",
};

/// A record id that is none.
pub static ANSWER_BAD_RECORD: Code = Code {
    code: "answer-bad-record",
    text: Text { ja: "記録IDとして読み取れません", en: "not a record id" },
    help: Text {
        ja: "送付ファイルの記録ID（送付のID:番号）をそのまま記載してください。",
        en: "give the record id as it stands in the delivery, `delivery:number`",
    },
    example: "17,told",
};

/// A record that the delivery does not have.
pub static ANSWER_BEYOND_DELIVERY: Code = Code {
    code: "answer-beyond-delivery",
    text: Text { ja: "この送付にない番号です", en: "the delivery has no such record" },
    help: Text {
        ja: "番号が送付件数以内か確認してください。",
        en: "check that the number is not above the delivery's number of records",
    },
    example: "0146eb2c-2400-7000-8000-00c0ffee0001:840,told (of 839)",
};

/// An outcome that is none.
pub static ANSWER_UNKNOWN_OUTCOME: Code = Code {
    code: "answer-unknown-outcome",
    text: Text { ja: "結果コードとして読み取れません", en: "not an outcome code" },
    help: Text {
        ja: "told、not-found、ambiguous、not-ours などの結果コードにしてください。近いコードがあれば「値」に示しています。",
        en: "use an outcome code such as told, not-found, ambiguous or not-ours; the nearest one stands under `value`",
    },
    example: "0146eb2c-2400-7000-8000-00c0ffee0001:1,tolld",
};

/// One record, two outcomes.
pub static ANSWER_CONTRADICTS_ITSELF: Code = Code {
    code: "answer-contradicts-itself",
    text: Text {
        ja: "同じ記録に異なる結果が記載されています", en: "one record has two different outcomes"
    },
    help: Text {
        ja: "正しい結果の1行だけにして、送り直してください。",
        en: "leave the line with the right outcome only, and send it again",
    },
    example: "…:1,told and …:1,not-found",
};

/// A time that cannot be read.
pub static ANSWER_BAD_TIME: Code = Code {
    code: "answer-bad-time",
    text: Text { ja: "日時として読み取れません", en: "not a time that can be read" },
    help: Text {
        ja: "「2026-01-31T10:00:00+09:00」の形にするか、空欄にしてください（空欄なら受領日時とします）。",
        en: "write it as 2026-01-31T10:00:00+09:00, or leave it empty for the time of receipt",
    },
    example: "0146eb2c-2400-7000-8000-00c0ffee0001:1,told,yesterday",
};

/// A time without a zone, and none declared.
pub static ANSWER_TIME_WITHOUT_ZONE: Code = Code {
    code: "answer-time-without-zone",
    text: Text { ja: "日時に時差の表記がありません", en: "the time has no offset" },
    help: Text {
        ja: "日時の末尾に「+09:00」などの時差を付けるか、協力先の時間帯を名簿に登録してください。",
        en: "end the time with an offset such as +09:00, or declare the partner's zone",
    },
    example: "0146eb2c-2400-7000-8000-00c0ffee0001:1,told,2026-01-31 10:00",
};

/// A time later than the file's receipt.
pub static ANSWER_TIME_IN_FUTURE: Code = Code {
    code: "answer-time-in-future",
    text: Text { ja: "受領より後の日時です", en: "the time is later than the file's receipt" },
    help: Text {
        ja: "時差の付け忘れ（9時間のずれ）がないか確認してください。",
        en: "check the offset: a slip of nine hours is the usual reason",
    },
    example: "0146eb2c-2400-7000-8000-00c0ffee0001:1,told,2099-01-01T00:00:00Z",
};

/// Every code that answers can utter.
pub static CODES: &[&Code] = &[
    &ANSWER_FOR_ANOTHER_DELIVERY,
    &ANSWER_WITH_UNKNOWN_COLUMN,
    &ANSWER_WITHOUT_COLUMN,
    &ANSWER_HEADING_DOUBLED,
    &ANSWER_NOT_CSV,
    &ANSWER_BAD_RECORD,
    &ANSWER_BEYOND_DELIVERY,
    &ANSWER_UNKNOWN_OUTCOME,
    &ANSWER_CONTRADICTS_ITSELF,
    &ANSWER_BAD_TIME,
    &ANSWER_TIME_WITHOUT_ZONE,
    &ANSWER_TIME_IN_FUTURE,
    &ack::ACK_BAD_ROW,
];

/// The delivery that an answer file names: in its comment, or in its first row.
///
/// # Errors
/// A [`Problem`] where it is no table, or names none.
pub fn delivery_named(file: &str, bytes: &[u8]) -> Result<DeliveryId, Problem> {
    let table = Table::of(file, bytes)?;
    let none = || Problem::new(&ANSWER_BAD_RECORD, Place::file(file));
    if let Some((line, named)) = table.delivery_in_comment() {
        return named.parse().map_err(|_| Problem::new(&ANSWER_BAD_RECORD, Place::file(file).line(line)));
    }
    let columns: Vec<_> = table.heading().map(heading::column_named).collect();
    let place = |wanted| columns.iter().position(|column| *column == Some(wanted));
    let row = table.rows().next().ok_or_else(none)??;
    let cell = |index: usize| row.cells().nth(index).map(|cell| cell.trim().to_owned());
    if let Some(named) = place(Column::Delivery).and_then(cell)
        && let Ok(id) = named.parse()
    {
        return Ok(id);
    }
    let record = place(Column::Record).and_then(cell).ok_or_else(none)?;
    record.parse::<OutwardId>().map(|id| id.delivery).map_err(|_| none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn delivery() -> DeliveryId {
        DeliveryId::from_uuid(Uuid::from_u128(0x0146_eb2c_2400_7000_8000_00c0_ffee_0001))
    }

    fn expected() -> Expected {
        Expected {
            delivery: delivery(),
            rows: 5,
            received: "2014-07-01T03:00:00Z".parse().unwrap(),
            zone: Some(Zone::tokyo()),
        }
    }

    fn faults(answers: &Answers) -> Vec<(u64, &'static str, Option<&str>)> {
        answers.rejects.0.iter().map(|r| (r.line, r.code.code, r.value.as_deref())).collect()
    }

    #[test]
    fn rows_and_rejects_by_line() {
        let id = delivery();
        let file = format!(
            "record,outcome,at\n\
             {id}:1,told,2014-07-01T10:00:00+09:00\n\
             {id}:2,tolld,\n\
             {id}:6,told,\n\
             0146eb2c-2400-7000-8000-00c0ffee0002:1,told,\n\
             {id}:3,通知済み,2014/07/01 09:30\n\
             \n\
             3,told,\n\
             {id}:4,told,2014-07-02T00:00:00Z\n\
             {id}:4,told,yesterday\n\
             {id}:5,told,\n\
             {id}:5,not-found,\n\
             {id}:1,told,2014-07-01T11:00:00+09:00\n"
        );
        let answers = read("a.csv", file.as_bytes(), &expected()).unwrap();
        assert_eq!(
            answers.rows,
            [
                (1, Outcome::Told, "2014-07-01T02:00:00Z".parse().unwrap()),
                (3, Outcome::Told, "2014-07-01T00:30:00Z".parse().unwrap()),
            ]
        );
        assert_eq!(answers.repeated, 1);
        let fifth = format!("{id}:5");
        assert_eq!(
            faults(&answers),
            [
                (3, "answer-unknown-outcome", Some("tolld -> told?")),
                (4, "answer-beyond-delivery", Some("6")),
                (5, "answer-for-another-delivery", Some("0146eb2c-2400-7000-8000-00c0ffee0002:1")),
                (8, "answer-bad-record", None),
                (9, "answer-time-in-future", None),
                (10, "answer-bad-time", None),
                (11, "answer-contradicts-itself", Some(fifth.as_str())),
                (12, "answer-contradicts-itself", Some(fifth.as_str())),
            ]
        );
    }

    #[test]
    fn a_name_never_gets_in() {
        let id = delivery();
        let whole = |file: &str| read("a.csv", file.as_bytes(), &expected()).map(|_| ()).unwrap_err();
        let problem = whole(&format!("record,outcome,at,氏名\n{id}:1,told,,架空太郎\n"));
        assert_eq!(problem.code.code, "answer-with-unknown-column");
        assert_eq!(problem.value_for_submitter(), Some("氏名"));
        // A cell without a heading, and a heading without a name.
        for file in
            [format!("record,outcome\n{id}:1,told,架空太郎\n"), format!("record,outcome,\n{id}:1,told,架空太郎\n")]
        {
            let problem = whole(&file);
            assert_eq!(problem.code.code, "answer-with-unknown-column");
            assert!(problem.value_for_submitter().is_none_or(|value| !value.contains("架空")));
        }
        // Empty cells too many are what spreadsheets leave behind.
        assert!(read("a.csv", format!("record,outcome,,\n{id}:1,told,,\n").as_bytes(), &expected()).is_ok());
        // In a cell that should hold something else, a name is rejected and not kept.
        let file =
            format!("record,outcome,at\n{id}:1,架空太郎,\n架空太郎,told,\n{id}:2,told,架空太郎\n{id}:3,yamada taro,\n");
        let answers = read("a.csv", file.as_bytes(), &expected()).unwrap();
        assert_eq!(answers.rows.len(), 0);
        assert_eq!(answers.rejects.0.len(), 4);
        let kept = String::from_utf8(answers.rejects.to_csv(Lang::Ja)).unwrap();
        assert!(!kept.contains("架空") && !kept.contains("yamada"), "{kept}");
    }

    #[test]
    fn files_that_are_refused_as_a_whole() {
        let id = delivery();
        let other = "0146eb2c-2400-7000-8000-00c0ffee0002";
        for (file, code) in [
            (format!("record,outcome\n{other}:1,told\n{other}:2,told\n"), "answer-for-another-delivery"),
            (format!("# delivery: {other}\nrecord,outcome\n1,told\n"), "answer-for-another-delivery"),
            (format!("record\n{id}:1\n"), "answer-without-column"),
            (format!("{id}:1,told\n"), "answer-without-column"),
            (format!("record,結果,outcome\n{id}:1,told,told\n"), "answer-heading-doubled"),
            (String::new(), "empty-file"),
        ] {
            let problem = read("a.csv", file.as_bytes(), &expected()).map(|_| ()).unwrap_err();
            assert_eq!(problem.code.code, code, "{file}");
        }
    }

    #[test]
    fn the_forms_in_which_it_comes_back() {
        let id = delivery();
        let told = |file: &[u8]| read("a.csv", file, &expected()).unwrap().rows;
        let want = [(2, Outcome::Ambiguous, expected().received)];
        for file in [
            format!("\u{feff}記録ID,結果,日時\r\n{id}:2,特定不能,\r\n"),
            format!("記録ＩＤ;結果コード\n{id}:2;特定不能（複数候補）\n"),
            format!("Record\tOutcome\n{id}:2\tAmbiguous\n"),
            format!("# delivery: {id}\nrecord,outcome\n2,ambiguous\n"),
            format!("delivery,record,outcome\n{id},2,ambiguous\n"),
        ] {
            assert_eq!(told(file.as_bytes()), want, "{file}");
        }
        // As Excel in Japan saves it.
        let (cp932, _, _) =
            encoding_rs::SHIFT_JIS.encode("記録ID,結果\r\n0146eb2c-2400-7000-8000-00c0ffee0001:2,特定不能\r\n");
        assert_eq!(told(&cp932), want);
        assert_eq!(kind("a.csv", b"record,outcome\n"), Some(FileKind::Answers));
        assert_eq!(kind("a.csv", b"delivery,rows,at\n"), Some(FileKind::Ack));
        assert_eq!(kind("a.csv", b"ip,port\n"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            rows in proptest::collection::btree_map(1_u32..500, (0_u8..12, 0_i64..4_000_000_000_000_000), 0..40),
            sheet in any::<bool>(),
            ja in any::<bool>(),
        ) {
            let expected = Expected { rows: 500, received: Instant::from_micros(4_000_000_000_000_000), ..expected() };
            let rows: Vec<(OutwardId, Outcome, Instant)> = rows
                .into_iter()
                .map(|(ordinal, (outcome, at))| (
                    OutwardId { delivery: delivery(), ordinal },
                    Outcome::from_number(outcome).unwrap(),
                    Instant::from_micros(at),
                ))
                .collect();
            let dialect = if sheet { Dialect::Spreadsheet } else { Dialect::Plain };
            let lang = if ja { Lang::Ja } else { Lang::En };
            let written = write(&rows, dialect, &Zone::tokyo(), lang);
            let read = read("a.csv", &written.bytes, &expected).unwrap();
            prop_assert!(read.rejects.0.is_empty());
            let back: Vec<_> = rows.iter().map(|(id, outcome, at)| (id.ordinal, *outcome, *at)).collect();
            prop_assert_eq!(read.rows, back);
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read("a.csv", &bytes, &expected());
            let _ = kind("a.csv", &bytes);
        }

        #[test]
        fn any_cells_are_refused_or_read(cells in "(record|outcome|at|told|[0-9a-f:-]{0,8}|[,\n\"#;\t]){0,40}") {
            let _ = read("a.csv", format!("record,outcome,at\n{cells}").as_bytes(), &expected());
        }
    }
}
