//! The generator: lists of infected addresses as reporters send them, and the operators' own records behind them.
//!
//! Deterministic from one seed. The totals are told by the published tables; who holds what, when, and who the subscribers
//! are is invented.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use model::port::SeededEntropy;
use model::{Instant, Zone};

use super::world::{Campaign, OPERATORS, network};

/// The seed of the demo; another one gives another invention with the same totals.
pub const SEED: u64 = 0x4E0B_0511;

/// One list, as a file.
#[derive(Debug)]
pub struct List {
    /// Its name.
    pub file: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Rows that say again what another row says, beyond the published total.
    #[cfg_attr(not(test), expect(dead_code, reason = "held against the program's own count in the tests"))]
    pub repeated: u64,
    /// Rows that cannot be understood, beyond the published total.
    #[cfg_attr(not(test), expect(dead_code, reason = "held against the program's own count in the tests"))]
    pub broken: u64,
}

/// The records of one operator, as it would export them itself.
#[derive(Debug, Default)]
pub struct Records {
    /// Who held which address: CSV for the import of assignments.
    pub assignments: String,
    /// How to reach the subscribers: CSV.
    pub subscribers: String,
}

impl Records {
    /// The lease records as the operator would export them at `at`: those that had begun.
    #[must_use]
    pub fn assignments_until(&self, at: Instant) -> String {
        let mut lines = self.assignments.split_inclusive("\r\n");
        let mut text = lines.next().unwrap_or_default().to_owned();
        text.extend(lines.filter(|line| {
            line.split(',').nth(1).and_then(|start| start.parse::<Instant>().ok()).is_some_and(|start| start < at)
        }));
        text
    }
}

/// Everything for one campaign.
#[derive(Debug)]
pub struct Input {
    /// One list per round.
    pub lists: Vec<List>,
    /// The records of each operator that takes part, by its place in [`OPERATORS`].
    pub records: Vec<Records>,
}

/// An infected subscriber of an operator.
struct Victim {
    operator: usize,
    number: u64,
    /// The last two octets of his address, relative to the operator's network.
    host: u16,
}

const DAY: i64 = 86_400;

/// Splits `total` by weights, the remainder to the first: every part is determined.
fn split(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u64 = weights.iter().sum();
    let mut parts: Vec<u64> = weights.iter().map(|w| total * w / sum).collect();
    let given: u64 = parts.iter().sum();
    if let Some(first) = parts.first_mut() {
        *first += total - given;
    }
    parts
}

/// How many rows tell of one terminal in one round, about.
const ROWS_PER_TERMINAL: u64 = 5;

/// Generates one campaign.
#[must_use]
pub fn campaign(campaign: &Campaign, seed: u64) -> Input {
    let chance =
        SeededEntropy::new(seed ^ u64::from(campaign.published.id.len() as u32) << 32 ^ campaign.published.estimated);
    let partners = campaign.published.partners;
    let weights: Vec<u64> = OPERATORS.iter().take(partners).map(|o| o.weight).collect();
    let mut books: Vec<Book> = (0..partners).map(|_| Book::default()).collect();
    let mut lists = Vec::new();
    for (round, (column, day)) in campaign.published.rounds.iter().zip(campaign.days).enumerate() {
        let sent_on: Instant = format!("{day}T09:00:00+09:00").parse().unwrap_or(Instant::from_micros(0));
        // A list tells of the ten days that end two days before it is sent.
        let window = (sent_on.plus_seconds(-12 * DAY), sent_on.plus_seconds(-2 * DAY));
        let mut rows: Vec<(Instant, String)> = Vec::new();
        for (index, count) in split(column.sent, &weights).into_iter().enumerate() {
            books[index].rows(index, count, window, &chance, &mut rows);
        }
        // What nobody here holds: distinct minutes of invented addresses elsewhere.
        for row in 0..column.returned {
            let time = window.0.plus_seconds((row as i64 * 7_919) % (10 * DAY));
            rows.push((time, format!("198.19.{}.{}", (row / 250) % 250, row % 250 + 1)));
        }
        rows.sort();
        lists.push(write_list(campaign, round, &rows));
    }
    let records = books.into_iter().enumerate().map(|(index, book)| book.records(index)).collect();
    Input { lists, records }
}

/// What one operator's invented records hold.
#[derive(Default)]
struct Book {
    /// Per address: leases (start, end, subscriber), in order of time.
    leases: BTreeMap<u16, Vec<(Instant, Instant, u64)>>,
    victims: Vec<Victim>,
    next_subscriber: u64,
    used: BTreeSet<(u16, Instant)>,
}

impl Book {
    /// Adds `count` distinct rows (time and address) for this operator, and the leases that stand behind them.
    ///
    /// Of a hundred terminals, three have no lease on record, and two rows in a thousand fall on the minute at which an address
    /// changed hands, so that nobody can be named.
    fn rows(
        &mut self,
        operator: usize,
        count: u64,
        window: (Instant, Instant),
        chance: &SeededEntropy,
        rows: &mut Vec<(Instant, String)>,
    ) {
        let terminals = count.div_ceil(ROWS_PER_TERMINAL).max(1);
        // Four in ten terminals were in an earlier list already.
        let known = self.victims.len() as u64;
        let mut seen: Vec<usize> = Vec::new();
        for terminal in 0..terminals {
            if known > 0 && chance.below(10) < 4 {
                let earlier = usize::try_from(chance.below(known)).unwrap_or(0);
                if !seen.contains(&earlier) {
                    seen.push(earlier);
                    continue;
                }
            }
            let _ = terminal;
            let number = self.next_subscriber;
            self.next_subscriber += 1;
            let host = u16::try_from((number * 37 + 11) % 4_000).unwrap_or(0) + 20;
            seen.push(self.victims.len());
            self.victims.push(Victim { operator, number, host });
        }
        let mut left = count;
        let mut turn = 0_u64;
        let length = (window.1.as_micros() - window.0.as_micros()) / 1_000_000;
        let lease = length / 2;
        let terminals = seen.len() as u64;
        while left > 0 {
            let victim = &self.victims[seen[usize::try_from(turn % terminals).unwrap_or(0)]];
            let lap = turn / terminals;
            turn += 1;
            left -= 1;
            // Distinct per address and lap; the host's own offset keeps two addresses from sharing their minutes.
            let second = (lap as i64 * 3_607 + i64::from(victim.host) * 61 + victim.number as i64 * 17) % length;
            let mut time = window.0.plus_seconds(second);
            let leases = self.leases.entry(victim.host).or_default();
            let unrecorded = victim.number % 33 == 7;
            if !unrecorded {
                let begins = window.0.plus_seconds(second / lease * lease);
                let ends = begins.plus_seconds(lease);
                if !leases.iter().any(|(start, _, _)| *start == begins) {
                    leases.push((begins, ends, victim.number));
                }
                if victim.number % 97 == 5 && lap == 0 {
                    // The minute of the hand-over.
                    time = ends;
                    if !leases.iter().any(|(start, _, _)| *start == ends) {
                        leases.push((ends, ends.plus_seconds(lease), victim.number + 1_000_000));
                    }
                }
            }
            // Two rows of one address never share their second, or one would count as a repetition.
            while !self.used.insert((victim.host, time)) {
                time = time.plus_seconds(1);
            }
            let [b, c] = network(victim.operator);
            rows.push((time, format!("198.{b}.{}.{}", u16::from(c) + victim.host / 256, victim.host % 256)));
        }
    }

    fn records(mut self, operator: usize) -> Records {
        let zone = Zone::tokyo();
        let [b, c] = network(operator);
        let mut records = Records {
            assignments: "アドレス,開始日時,終了日時,契約者番号\r\n".to_owned(),
            subscribers: "契約者番号,メールアドレス,言語,通知停止\r\n".to_owned(),
        };
        let mut subscribers: BTreeMap<u64, ()> = BTreeMap::new();
        for (host, leases) in &mut self.leases {
            leases.sort_unstable();
            for (start, end, number) in leases.iter() {
                let _ = write!(
                    records.assignments,
                    "198.{b}.{}.{},{},{},C{operator:02}-{number:07}\r\n",
                    u16::from(c) + host / 256,
                    host % 256,
                    start.in_zone(&zone),
                    end.in_zone(&zone),
                );
                subscribers.insert(*number, ());
            }
        }
        for number in subscribers.keys() {
            let language = if number % 50 == 3 { "en" } else { "ja" };
            let stop = if number % 61 == 9 { "停止" } else { "" };
            let _ = write!(
                records.subscribers,
                "C{operator:02}-{number:07},user{number}@{}.example.org,{language},{stop}\r\n",
                OPERATORS[operator].id,
            );
        }
        records
    }
}

/// Writes a round's rows as its reporter would: another form each time, with a few repeated and broken rows among them.
fn write_list(campaign: &Campaign, round: usize, rows: &[(Instant, String)]) -> List {
    let zone = Zone::tokyo();
    let civil = |time: &Instant| time.civil(&zone).unwrap_or_default();
    let repeated = rows.len() as u64 / 200;
    let broken = 3_u64;
    let again = rows.iter().step_by(200).take(usize::try_from(repeated).unwrap_or(0));
    let all = rows.iter().chain(again);
    let mut text = String::new();
    let name = campaign.published.id;
    let form = if campaign.published.rounds.len() == 1 { 4 } else { round };
    let (file, encode): (String, fn(&str) -> Vec<u8>) = match form {
        // A spreadsheet saved in Japan: CP932, slashes, the zone in the heading.
        0 => {
            text += "No,感染端末IPアドレス,検知日時(JST),備考\r\n";
            for (n, (time, address)) in all.enumerate() {
                let t = civil(time);
                let _ = write!(text, "{},{address},{},架空\r\n", n + 1, t.strftime("%Y/%m/%d %H:%M:%S"));
            }
            text +=
                "9001,198.18.0.999,2014/05/30 10:00:00,\r\n9002,198.18.0.5,いつか,\r\n9003,,2014/05/30 10:00:00,\r\n";
            (format!("{name}-1.csv"), cp932)
        }
        // UTF-8 with a byte order mark; address and time in full words.
        1 => {
            text += "検知日時（日本時間）,送信元IP\r\n";
            for (time, address) in all {
                let _ = write!(text, "{},{address}\r\n", civil(time).strftime("%Y年%-m月%-d日 %H:%M:%S"));
            }
            text += "2014年6月31日 10:00:00,198.18.0.5\r\n2014年6月10日 10:00:00,198.18.0.256\r\n,198.18.0.5\r\n";
            (format!("{name}-2.csv"), |text| [b"\xEF\xBB\xBF", text.as_bytes()].concat())
        }
        // IntelMQ JSON lines.
        2 => {
            for (time, address) in all {
                let _ = writeln!(
                    text,
                    r#"{{"time.source":"{}","source.ip":"{address}","classification.type":"infected-system","malware.name":"{}","feed.name":"demo"}}"#,
                    time.in_zone(&Zone::utc()),
                    campaign.threat
                );
            }
            text += "{\"source.ip\":\"198.18.0.5\"\n{\"time.source\":\"2014-07-01 10:00\",\"source.ip\":\"198.18.0.5\"}\n{\"time.source\":\"2014-07-01T10:00:00+09:00\",\"source.ip\":\"0.0.0.0\"}\n";
            (format!("{name}-3.jsonl"), |text| text.as_bytes().to_vec())
        }
        // UTF-16 with tabs, as «Unicode text» is saved.
        3 => {
            text += "timestamp (UTC)\tip\r\n";
            for (time, address) in all {
                let _ = write!(text, "{}\t{address}\r\n", time.in_zone(&Zone::utc()).replace("+00:00", "Z"));
            }
            text += "2014-08-01T10:00:00Z\t198.18.0\r\n2014-13-01T10:00:00Z\t198.18.0.5\r\nn/a\t198.18.0.5\r\n";
            (format!("{name}-4.txt"), |text| {
                let mut bytes = vec![0xFF, 0xFE];
                bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
                bytes
            })
        }
        // The police's form: date and time in two columns, full-width digits, CP932.
        _ => {
            text += "感染端末の一覧（架空）\r\n\r\n日付,時刻(JST),IPアドレス,マルウェア名\r\n";
            for (n, (time, address)) in all.enumerate() {
                let t = civil(time);
                let date = t.strftime("%Y/%m/%d").to_string();
                let date = if n % 10 == 0 { full_width(&date) } else { date };
                let _ = write!(text, "{date},{},{address},{}\r\n", t.strftime("%H:%M:%S"), campaign.threat);
            }
            text += "2015/04/01,25:00:00,198.18.0.5,\r\n2015/04/01,10:00:00,なし,\r\n,,198.18.0.5,\r\n";
            (format!("{name}.csv"), cp932)
        }
    };
    List { file, bytes: encode(&text), repeated, broken }
}

fn cp932(text: &str) -> Vec<u8> {
    encoding_rs::SHIFT_JIS.encode(text).0.into_owned()
}

fn full_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '0'..='9' => char::from_u32(u32::from(c) - u32::from('0') + u32::from('０')).unwrap_or(c),
            '/' => '／',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::world::CAMPAIGNS;

    #[test]
    fn the_same_seed_gives_the_same_files() {
        let one = campaign(&CAMPAIGNS[1], 1);
        let two = campaign(&CAMPAIGNS[1], 1);
        assert_eq!(one.lists[0].bytes, two.lists[0].bytes);
        assert_eq!(one.records[3].assignments, two.records[3].assignments);
    }

    #[test]
    fn no_row_is_the_same_as_another_but_those_that_are_meant_to_be() {
        for c in &CAMPAIGNS {
            let input = campaign(c, SEED);
            for (list, column) in input.lists.iter().zip(c.published.rounds) {
                if list.file.ends_with("-3.jsonl") {
                    let text = std::str::from_utf8(&list.bytes).unwrap();
                    let lines: BTreeSet<&str> = text.lines().collect();
                    assert_eq!(lines.len() as u64, column.received + list.broken);
                    assert_eq!(text.lines().count() as u64, column.received + list.broken + list.repeated);
                }
            }
        }
    }
}
