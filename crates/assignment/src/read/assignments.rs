//! The list of leases: who held which address and ports from when to when, as CSV.
//!
//! | heading | means |
//! |---|---|
//! | アドレス, `address` | public address, or prefix (`2001:db8:1::/56`) |
//! | ポート範囲, `port range` | `1024-2047`, `1024`, or empty for the whole address |
//! | 開始ポート, 終了ポート, `start port`, `end port` | the same in two columns |
//! | 開始日時, 終了日時, `start`, `end` | RFC 3339 with offset, or a wall clock's time where the zone was declared; the end is the first moment at which it is over, and empty while it runs |
//! | 契約者番号, `subscriber` | the subscriber's reference |
//! | 回線ID, `line` | the line's id, if there is one |
//!
//! `samples/assignments.csv` and `samples/assignments-cp932.csv` show it.

use std::collections::HashMap;
use std::io::BufRead;

use formats::Rejects;
use model::problem::{Place, Problem};
use model::{Instant, Zone};

use crate::codes;
use crate::facts::{Ends, Facts, LeaseKey, Words};
use crate::read::table::{Column, Fault, Row, Table, Unreadable};
use crate::read::time::{TimeFault, read_time};
use crate::resource::{Ports, Prefix};
use crate::subscriber::is_reference;

const ADDRESS: usize = 0;
const RANGE: usize = 1;
const LOW: usize = 2;
const HIGH: usize = 3;
const START: usize = 4;
const END: usize = 5;
const WHO: usize = 6;
const LINE: usize = 7;

const COLUMNS: [Column; 8] = [
    Column {
        name: "アドレス (address)",
        needed: true,
        headings: &[
            "アドレス",
            "ipアドレス",
            "グローバルアドレス",
            "グローバルipアドレス",
            "割当アドレス",
            "address",
            "ip",
            "ipaddress",
            "publicaddress",
            "publicip",
            "prefix",
            "プレフィックス",
        ],
    },
    Column {
        name: "ポート範囲 (port range)",
        needed: false,
        headings: &["ポート範囲", "ポート", "portrange", "ports", "port"],
    },
    Column {
        name: "開始ポート (start port)",
        needed: false,
        headings: &["開始ポート", "先頭ポート", "startport", "portstart", "firstport", "portfrom"],
    },
    Column {
        name: "終了ポート (end port)",
        needed: false,
        headings: &["終了ポート", "末尾ポート", "endport", "portend", "lastport", "portto"],
    },
    Column {
        name: "開始日時 (start)",
        needed: true,
        headings: &["開始日時", "開始時刻", "開始", "割当開始日時", "start", "starttime", "from", "begin"],
    },
    Column {
        name: "終了日時 (end)",
        needed: true,
        headings: &["終了日時", "終了時刻", "終了", "割当終了日時", "end", "endtime", "to", "until"],
    },
    Column {
        name: "契約者番号 (subscriber)",
        needed: true,
        headings: &[
            "契約者番号",
            "契約番号",
            "契約者id",
            "契約id",
            "お客様番号",
            "subscriber",
            "subscriberid",
            "subscriberreference",
            "customer",
            "customerid",
            "account",
        ],
    },
    Column {
        name: "回線ID (line)",
        needed: false,
        headings: &["回線id", "回線番号", "回線", "line", "lineid", "circuit", "circuitid"],
    },
];

/// What came of a file of leases.
pub(crate) struct Leases {
    pub(crate) facts: Facts,
    /// The line on which a lease first stood.
    pub(crate) lines: HashMap<LeaseKey, u64>,
    pub(crate) rows: u64,
    /// Rows about a lease that an earlier row of the file is about.
    pub(crate) repeated: u64,
    pub(crate) rejects: Rejects,
    /// The earliest start.
    pub(crate) first: Option<i64>,
}

/// What whoever hands the file in declared about it.
pub(crate) struct About<'a> {
    pub(crate) file: &'a str,
    pub(crate) table: u8,
    pub(crate) zone: Option<&'a Zone>,
    pub(crate) as_of: Instant,
    /// A start or record later than this lies in the future.
    pub(crate) latest: Instant,
}

/// Reads a list of leases; new words are added to `words`.
pub(crate) fn read_leases(source: impl BufRead, about: &About<'_>, words: &mut Words) -> Result<Leases, Unreadable> {
    let mut table = Table::open(about.file, source, &COLUMNS)?;
    let both = table.has(LOW) == table.has(HIGH);
    if !both || (table.has(RANGE) && table.has(LOW)) {
        let (code, column) = if both {
            (&codes::HEADING_TWICE, LOW)
        } else {
            (&codes::HEADING_MISSING, if table.has(LOW) { HIGH } else { LOW })
        };
        // INVARIANT: the constants are entries of `COLUMNS`.
        let place = Place::file(about.file).field(COLUMNS[column].name);
        return Err(Unreadable::Problem(Problem::new(code, place)));
    }
    let mut leases = Leases {
        facts: Facts::default(),
        lines: HashMap::new(),
        rows: 0,
        repeated: 0,
        rejects: Rejects::default(),
        first: None,
    };
    while let Some(row) = table.next()? {
        match read_row(&row, about, words) {
            Ok((key, ends)) => {
                leases.first = Some(leases.first.map_or(key.start, |first| first.min(key.start)));
                leases.lines.entry(key).or_insert(row.line);
                if leases.facts.say(key, ends).is_some() {
                    leases.repeated += 1;
                }
            }
            // One wall-clock time without a zone condemns the file: its other rows' times mean nothing certain either.
            Err(Fault(code, column, value)) if code.code == codes::ZONE_MISSING.code => {
                let place = Place::file(about.file).line(row.line).field(table.heading(column));
                return Err(Unreadable::Problem(Problem::new(code, place).with_value(&value)));
            }
            Err(fault) => table.reject(row, fault),
        }
    }
    (leases.rows, leases.rejects) = table.close();
    Ok(leases)
}

fn read_row(row: &Row<8>, about: &About<'_>, words: &mut Words) -> Result<(LeaseKey, Ends), Fault> {
    let cells = &row.cells;
    let fault = |code, column: usize| Fault(code, column, cells[column].clone());
    let prefix: Prefix = cells[ADDRESS].parse().map_err(|_| fault(&codes::ADDRESS, ADDRESS))?;
    let ports = if cells[LOW].is_empty() && cells[HIGH].is_empty() {
        read_range(&cells[RANGE]).ok_or_else(|| fault(&codes::PORTS, RANGE))?
    } else {
        let low = cells[LOW].parse().map_err(|_| fault(&codes::PORTS, LOW))?;
        let high = cells[HIGH].parse().map_err(|_| fault(&codes::PORTS, HIGH))?;
        if low > high {
            return Err(fault(&codes::PORTS, HIGH));
        }
        Ports { low, high }
    };
    let time = |column: usize| {
        read_time(&cells[column], about.zone).map_err(|e| {
            let code = match e {
                TimeFault::NoZone => &codes::ZONE_MISSING,
                TimeFault::Twice => &codes::TIME_TWICE,
                TimeFault::Text => &codes::TIME,
            };
            fault(code, column)
        })
    };
    let start = time(START)?;
    if start > about.latest {
        return Err(fault(&codes::FUTURE, START));
    }
    let end = if cells[END].is_empty() { None } else { Some(time(END)?) };
    if end.is_some_and(|end| end <= start) {
        return Err(fault(&codes::ORDER, END));
    }
    if !is_reference(&cells[WHO]) {
        return Err(fault(&codes::SUBSCRIBER, WHO));
    }
    let line = match cells[LINE].as_str() {
        "" => None,
        line if is_reference(line) => Some(words.number(line)),
        _ => return Err(fault(&codes::LINE_ID, LINE)),
    };
    let start = start.as_micros();
    let ends = match end {
        Some(end) => Ends { running_at: None, ended: Some((end.as_micros(), end.as_micros())) },
        None => Ends { running_at: Some(about.as_of.as_micros()), ended: None },
    };
    Ok((LeaseKey { table: about.table, prefix, ports, start, who: words.number(&cells[WHO]), line }, ends))
}

/// `1024-2047` (or with a wave dash, as Japanese tables have it), `1024`, or empty for all.
fn read_range(text: &str) -> Option<Ports> {
    if text.is_empty() {
        return Some(Ports::ALL);
    }
    let (low, high) = text.split_once(['-', '~', '〜', '～', '－']).unwrap_or((text, text));
    let (low, high) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
    (low <= high).then_some(Ports { low, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, zone: Option<&Zone>) -> Result<Leases, Unreadable> {
        let as_of: Instant = "2026-06-08T00:00:00+09:00".parse().unwrap();
        let about = About { file: "a.csv", table: 0, zone, as_of, latest: as_of.plus_seconds(300) };
        read_leases(text.as_bytes(), &about, &mut Words::default())
    }

    fn refusal(text: &str) -> &'static str {
        match read(text, None) {
            Err(Unreadable::Problem(problem)) => problem.code.code,
            Err(Unreadable::Io(error)) => panic!("{error}"),
            Ok(leases) => panic!("read {} rows", leases.rows),
        }
    }

    const TIMES: &str = "2026-06-01T00:00:00+09:00,2026-06-02T00:00:00+09:00";

    #[test]
    fn every_fault_is_a_reject_with_its_line_and_the_others_go_on() {
        let text = format!(
            "address,port range,start,end,subscriber,line\n\
             192.0.2.1,1024-2047,{TIMES},K-1,L-1\n\
             192.0.2.999,,{TIMES},K-1,\n\
             192.0.2.1,2047-1024,{TIMES},K-1,\n\
             192.0.2.1,0-65536,{TIMES},K-1,\n\
             192.0.2.1,,2026-06-31T00:00:00+09:00,,K-1,\n\
             192.0.2.1,,2026-06-02T00:00:00+09:00,2026-06-02T00:00:00+09:00,K-1,\n\
             192.0.2.1,,2026-07-01T00:00:00+09:00,,K-1,\n\
             192.0.2.1,,{TIMES},,\n\
             192.0.2.1,,{TIMES}\n\
             192.0.2.1,,{TIMES},\"K-1,\n\
             192.0.2.1,,{TIMES},K-1,L\u{7}1\n\
             \n\
             192.0.2.2,,2026-06-01T00:00:00+09:00,,K-2,\n"
        );
        let leases = read(&text, None).ok().unwrap();
        let faults: Vec<(u64, &str)> = leases.rejects.0.iter().map(|reject| (reject.line, reject.code.code)).collect();
        assert_eq!(
            faults,
            [
                (3, "assignment-address"),
                (4, "assignment-ports"),
                (5, "assignment-ports"),
                (6, "assignment-time"),
                (7, "assignment-order"),
                (8, "assignment-future"),
                (9, "assignment-subscriber"),
                (10, "assignment-cells"),
                (11, "assignment-quote"),
                (12, "assignment-line-id"),
            ]
        );
        assert_eq!((leases.rows, leases.facts.leases.len()), (12, 2));
        assert!(leases.facts.leases.values().any(|ends| ends.ended.is_none() && ends.running_at.is_some()));
    }

    #[test]
    fn a_wall_clock_without_a_zone_condemns_the_file() {
        let text = "address,start,end,subscriber\n192.0.2.1,2026/06/01 0:00:00,2026-06-02 00:00,K-1\n";
        assert_eq!(refusal(text), "assignment-zone-missing");
        let leases = read(text, Some(&Zone::tokyo())).ok().unwrap();
        let (key, ends) = leases.facts.leases.iter().next().unwrap();
        let instant = |text: &str| text.parse::<Instant>().unwrap().as_micros();
        let end = instant("2026-06-02T00:00:00+09:00");
        assert_eq!((key.start, ends.ended), (instant("2026-06-01T00:00:00+09:00"), Some((end, end))));
    }

    #[test]
    fn headings_that_do_not_do() {
        assert_eq!(refusal(""), "assignment-empty");
        assert_eq!(refusal("192.0.2.1,2026-06-01T00:00:00Z,,K-1\n"), "assignment-heading-missing");
        assert_eq!(refusal("address,ip,start,end,subscriber\n"), "assignment-heading-twice");
        assert_eq!(refusal("address,start port,start,end,subscriber\n"), "assignment-heading-missing");
        assert_eq!(refusal("address,ports,start port,end port,start,end,subscriber\n"), "assignment-heading-twice");
        assert_eq!(refusal("\u{0}a"), "assignment-encoding");
        assert!(read("address,start,end,subscriber\n", None).is_ok(), "a table with nothing in it says: nothing more");
    }

    #[test]
    fn ports_however_written() {
        for text in ["1024-2047", "1024 - 2047", "1024~2047", "1024〜2047", "1024～2047"] {
            assert!(read_range(text) == Some(Ports { low: 1024, high: 2047 }), "{text}");
        }
        assert!(read_range("5000") == Some(Ports { low: 5000, high: 5000 }));
        assert!(read_range("") == Some(Ports::ALL));
        for bad in ["-", "1-", "1-2-3", "x", "-1", "65536"] {
            assert!(read_range(bad).is_none(), "{bad}");
        }
        let text = format!(
            "アドレス,開始ポート,終了ポート,開始日時,終了日時,契約者番号\n192.0.2.1,1,9,{TIMES},K-1\n192.0.2.1,,,{TIMES},K-1\n192.0.2.1,1,,{TIMES},K-1\n"
        );
        let leases = read(&text, None).ok().unwrap();
        assert_eq!((leases.facts.leases.len(), leases.rejects.0.len()), (2, 1));
    }

    #[test]
    fn a_row_said_twice_is_counted() {
        let row = format!("192.0.2.1,{TIMES},K-1\n");
        let leases = read(&format!("address,start,end,subscriber\n{row}{row}{row}"), None).ok().unwrap();
        assert_eq!((leases.rows, leases.repeated, leases.facts.leases.len()), (3, 2, 1));
    }
}
