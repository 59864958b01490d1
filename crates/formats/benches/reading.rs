//! Rows per second of the readers: `cargo bench -p formats --bench reading`.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use formats::{Declared, Input};
use law::Subject;
use model::special::SpecialRanges;
use model::{Classification, Tags, Zone};

fn main() {
    divan::main();
}

const ROWS: usize = 100_000;

/// A list as police send it: address, port, time without a zone, malware, remark.
fn list(quoted: bool) -> String {
    let mut text = String::from("No.,送信元IPアドレス,送信元ポート番号,検知日時,マルウェア名,備考\n");
    for row in 0..ROWS {
        let (a, b, c) = (row / 65_536, row / 256 % 256, row % 256);
        let (minute, second) = (row / 60 % 60, row % 60);
        let q = if quoted { "\"" } else { "" };
        let port = 1_024 + row % 60_000;
        text.push_str(&format!(
            "{q}{row}{q},{q}198.18.{b}.{c}{q},{port},{q}2014/06/30 0{a}:{minute:02}:{second:02}{q},{q}goz{q},\n"
        ));
    }
    text
}

fn idf() -> String {
    let mut text = String::new();
    for row in 0..ROWS {
        let (b, c, port) = (row / 256 % 256, row % 256, 1_024 + row % 60_000);
        let second = row % 60;
        text.push_str(&format!(
            "{{\"time.source\":\"2014-06-30T00:00:{second:02}+00:00\",\"source.ip\":\"198.18.{b}.{c}\",\"source.port\":{port},\
             \"classification.type\":\"infected-system\",\"malware.name\":\"goz\",\"feed.name\":\"x\"}}\n"
        ));
    }
    text
}

fn read(bencher: Bencher<'_, '_>, format: &str, bytes: &[u8]) {
    let special = SpecialRanges::iana().without(&["benchmarking"]);
    let declared = Declared {
        zone: Some(Zone::tokyo()),
        classification: Classification::InfectedSystem,
        malware: None,
        tags: Tags::INFECTED_ADDRESS,
        mapping: None,
        schema: None,
        special: &special,
        received: "2026-01-01T00:00:00Z".parse().expect("a time"),
    };
    let format = formats::by_name(format).expect("a format");
    bencher.counter(ItemsCount::new(ROWS)).counter(BytesCount::of_slice(bytes)).bench(|| {
        let input = Input { file: "bench", bytes, subject: Subject::OwnFile };
        let reading = format.read(&input, &declared).expect("it can be read");
        assert_eq!(reading.understood, ROWS as u64);
    });
}

#[divan::bench(sample_count = 20)]
fn list_utf8(bencher: Bencher<'_, '_>) {
    read(bencher, "list", list(false).as_bytes());
}

#[divan::bench(sample_count = 20)]
fn list_quoted(bencher: Bencher<'_, '_>) {
    read(bencher, "list", list(true).as_bytes());
}

#[divan::bench(sample_count = 20)]
fn list_cp932(bencher: Bencher<'_, '_>) {
    let text = list(false);
    let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode(&text);
    read(bencher, "list", &bytes);
}

#[divan::bench(sample_count = 20)]
fn idf_lines(bencher: Bencher<'_, '_>) {
    read(bencher, "idf", idf().as_bytes());
}
