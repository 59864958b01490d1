//! Rows per second of the readers: `cargo bench --bench reading`. The rows are those of `made/`.

mod made;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use formats::{Declared, Input};
use law::Subject;
use made::{Cells, events, list};
use model::special::SpecialRanges;
use model::{Classification, Tags, Zone};

fn main() {
    divan::main();
}

const ROWS: usize = 100_000;

/// Reads the bytes in that format, again and again.
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
    read(bencher, "list", list(ROWS, Cells::Bare).as_bytes());
}

#[divan::bench(sample_count = 20)]
fn list_quoted(bencher: Bencher<'_, '_>) {
    read(bencher, "list", list(ROWS, Cells::Quoted).as_bytes());
}

#[divan::bench(sample_count = 20)]
fn list_cp932(bencher: Bencher<'_, '_>) {
    let text = list(ROWS, Cells::Bare);
    let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode(&text);
    read(bencher, "list", &bytes);
}

#[divan::bench(sample_count = 20)]
fn idf_lines(bencher: Bencher<'_, '_>) {
    read(bencher, "idf", events(ROWS).as_bytes());
}
