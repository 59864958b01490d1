//! Ingesting lists: bad rows are named with line, field and next step and do not stop the others; a file that cannot be read
//! at all says why; nothing is assumed.

use crate::desk::{Desk, LANGUAGES, ROUND, code};

const HEADING: &str = "検知日時,送信元IPアドレス,ポート番号,マルウェア名\n";
const GOOD: [&str; 2] =
    ["2026/05/12 09:15:00,198.18.0.10,51000,samplebot\n", "2026/05/12 10:00:00,198.18.16.20,40000,samplebot\n"];

/// A list whose third row is this one, between two good ones.
fn list(bad: &str) -> String {
    [HEADING, GOOD[0], bad, "\n", GOOD[1]].concat()
}

/// Ingests a list with one bad row: it is named with file, line, field, code and next step, in both languages; the others go
/// on, are counted and sent; the error file says it again.
fn one_bad_row(bad: &str, field: &str, name: &str) {
    let desk = Desk::open();
    let file = desk.file("list.csv", list(bad));
    for lang in LANGUAGES {
        let ran = desk.ingest("list.csv", &format!("--timezone Asia/Tokyo --dry-run -o json --lang {lang}")).exits(1);
        let ran = ran.explains(name, lang).says([format!("list.csv:3: {field}: ").as_str(), "list.csv.errors.csv"]);
        let row = ran.row();
        assert_eq!((&row["read"], &row["rejected"], &row["received"]), (&3.into(), &1.into(), &2.into()), "{bad}");
    }
    let errors = desk.read("list.csv.errors.csv");
    assert!(errors.starts_with('\u{feff}') && errors.contains("\r\n"), "{errors}");
    let row = errors.lines().nth(1).unwrap();
    assert!(row.starts_with(&format!("3,{name},{}", code(name).text.ja)), "{errors}");
    assert!(row.contains(field), "{errors}");
    assert_eq!(errors.lines().count(), 2, "{errors}");
    // Not a trial: the others are received and sent.
    std::fs::remove_file(desk.path().join("list.csv.errors.csv")).unwrap();
    desk.ingest(file.to_str().unwrap(), "--timezone Asia/Tokyo").exits(1);
    assert!(desk.has("list.csv.errors.csv"));
    let sent = desk.hub(&format!("round send {ROUND} -o json")).exits(0).json();
    let rows: u64 = sent.as_array().unwrap().iter().map(|line| line["rows"].as_u64().unwrap()).sum();
    assert_eq!(rows, 2);
}

#[test]
fn the_unspecified_address() {
    one_bad_row("2026/05/12 09:16:00,0.0.0.0,51000,samplebot", "送信元IPアドレス", "address-unspecified");
}

#[test]
fn no_address_at_all() {
    one_bad_row("2026/05/12 09:16:00,203.0.113.999,51000,samplebot", "送信元IPアドレス", "bad-address");
}

#[test]
fn port_0() {
    one_bad_row("2026/05/12 09:16:00,198.18.0.11,0,samplebot", "ポート番号", "bad-port");
}

#[test]
fn port_65536() {
    one_bad_row("2026/05/12 09:16:00,198.18.0.11,65536,samplebot", "ポート番号", "bad-port");
}

#[test]
fn a_time_in_the_future() {
    one_bad_row("2099/05/12 09:16:00,198.18.0.11,51000,samplebot", "検知日時", "time-in-future");
}

#[test]
fn a_year_of_two_digits() {
    one_bad_row("26/05/12 09:16:00,198.18.0.11,51000,samplebot", "検知日時", "two-digit-year");
}

#[test]
fn no_time_that_can_be_read() {
    one_bad_row("yesterday,198.18.0.11,51000,samplebot", "検知日時", "bad-time");
}

#[test]
fn hour_24_is_the_next_midnight() {
    let desk = Desk::open();
    desk.file("list.csv", list("2026/05/11 24:00:00,198.18.0.11,51000,samplebot"));
    let ran = desk.ingest("list.csv", "--timezone Asia/Tokyo --dry-run").exits(0);
    ran.says(["2026-05-12T00:00:00+09:00"]);
    desk.file("list.csv", list("2026/05/11 24:00:01,198.18.0.11,51000,samplebot"));
    desk.ingest("list.csv", "--timezone Asia/Tokyo --dry-run --lang en").exits(1).explains("bad-time", "en");
}

/// A file that is refused whole: why, where, what next, in both languages; nothing is kept and no error file written.
fn refused_whole(bytes: &[u8], more: &str, place: &str, name: &str) {
    let desk = Desk::open();
    desk.file("list.csv", bytes);
    for lang in LANGUAGES {
        for dry in ["--dry-run", ""] {
            let ran = desk.ingest("list.csv", &format!("{more} {dry} --lang {lang}")).exits(1);
            let ran = ran.explains(name, lang).says([place]);
            assert_eq!(ran.out, "", "{}", ran.line);
        }
    }
    assert!(!desk.has("list.csv.errors.csv"));
    let row = desk.hub("round list sample-2026 -o json").exits(0).json()[0].clone();
    assert_eq!(row["read"], 0);
}

#[test]
fn no_time_zone() {
    refused_whole(list("").as_bytes(), "", "list.csv:2: 検知日時", "no-time-zone");
}

#[test]
fn an_empty_file() {
    refused_whole(b"", "--timezone Asia/Tokyo", "list.csv", "empty-file");
}

#[test]
fn a_workbook_instead_of_a_list() {
    refused_whole(
        b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00\0\0\0\0\0\0\0\0\0\0\0\0\x13\0\0\0[Content_Types].xml",
        "--timezone Asia/Tokyo",
        "list.csv",
        "binary-file",
    );
}

#[test]
fn doubled_headings() {
    let text = "日時,IPアドレス,IPアドレス\n2026/05/12 09:15:00,198.18.0.10,198.18.0.11\n";
    refused_whole(text.as_bytes(), "--timezone Asia/Tokyo", "list.csv:", "duplicated-heading");
}

#[test]
fn an_unknown_format_and_a_zone_that_is_none() {
    refused_whole(list("").as_bytes(), "--timezone Asia/Tokyo --format lst", "lst", "unknown-format-name");
    let desk = Desk::open();
    desk.file("list.csv", list(""));
    desk.ingest("list.csv", "--timezone Tokyo").exits(2).says(["--timezone", "Asia/Tokyo", "+09:00"]);
}

#[test]
fn wrong_encodings() {
    // Japanese Shift_JIS, as police and CERTs send it, is recognised; so is UTF-16.
    let text = list("2026/05/12 09:16:00,198.18.0.11,51000,見本");
    let (cp932, _, _) = encoding_rs::SHIFT_JIS.encode(&text);
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for bytes in [cp932.into_owned(), utf16] {
        let desk = Desk::open();
        desk.file("list.csv", bytes);
        let ran = desk.ingest("list.csv", "--timezone Asia/Tokyo --dry-run -o json").exits(0);
        assert_eq!(ran.row()["received"], 3);
    }
    // Bytes that are no text in any of them.
    let desk = Desk::open();
    let mut bytes = list("").into_bytes();
    bytes.splice(bytes.len() - 10..bytes.len() - 4, [0xff, 0xfe, 0xfd, 0x81, 0xff, 0xa0]);
    desk.file("list.csv", bytes);
    for lang in LANGUAGES {
        let ran = desk.ingest("list.csv", &format!("--timezone Asia/Tokyo --dry-run --lang {lang}")).exits(1);
        ran.explains("wrong-encoding", lang).says(["list.csv:4"]);
    }
}

#[test]
fn the_same_file_twice() {
    let desk = Desk::open();
    desk.file("list.csv", list(""));
    desk.ingest("list.csv", "--timezone Asia/Tokyo").exits(0);
    std::fs::rename(desk.path().join("list.csv"), desk.path().join("renamed.csv")).unwrap();
    for lang in LANGUAGES {
        let ran = desk.ingest("renamed.csv", &format!("--timezone Asia/Tokyo --lang {lang}")).exits(1);
        ran.explains("same-file-again", lang).says([ROUND]);
    }
    // The same rows in another file are duplicates, and no harm.
    desk.file("again.csv", format!("{}{}", list(""), "2026/05/12 09:15:00,198.18.0.11,51001,samplebot\n"));
    let row = desk.ingest("again.csv", "--timezone Asia/Tokyo -o json").exits(0).row();
    assert_eq!((&row["read"], &row["duplicate"], &row["received"]), (&3.into(), &2.into(), &1.into()));
}

#[test]
fn standard_input() {
    let desk = Desk::open();
    let line =
        format!("--home hub ingest - --round {ROUND} --from cert-example --timezone Asia/Tokyo -o json --lang en");
    let text = list("2026/05/12 09:16:00,0.0.0.0,51000,samplebot");
    let ran = desk.run_with(&line, &[], text.as_bytes()).exits(1).explains("address-unspecified", "en");
    let ran = ran.says(["-:3: 送信元IPアドレス", "stdin.errors.csv"]);
    assert_eq!(ran.row()["received"], 2);
    assert!(desk.has("stdin.errors.csv"));
    desk.run_with(&line, &[], b"").exits(1).explains("empty-file", "en");
}

#[test]
fn a_file_that_is_not_there() {
    let desk = Desk::open();
    for lang in LANGUAGES {
        desk.ingest("no-such.csv", &format!("--lang {lang}"))
            .exits(1)
            .explains("cannot-open-file", lang)
            .says(["no-such.csv"]);
    }
}

#[test]
fn mistakes_in_a_mapping_file() {
    let desk = Desk::open();
    desk.file("list.csv", "sensor clock,peer\n2026/05/12 09:15:00,198.18.0.10:51000\n");
    let good = "version = \"1\"\nzone = \"Asia/Tokyo\"\n[columns]\n\"sensor clock\" = \"time.source\"\n\"peer\" = \"source.endpoint\"\n";
    desk.file("mapping.toml", good);
    desk.ingest("list.csv", "--mapping mapping.toml --dry-run").exits(0);
    for (old, new, line) in [
        ("zone =", "zoen =", 2),
        ("Asia/Tokyo", "Asia/Tokio", 2),
        ("source.endpoint", "source.endpiont", 5),
        ("[columns]", "[columns", 3),
    ] {
        desk.file("mapping.toml", good.replace(old, new));
        for lang in LANGUAGES {
            let ran = desk.ingest("list.csv", &format!("--mapping mapping.toml --dry-run --lang {lang}"));
            let help = if lang == "ja" { "対処: " } else { "help: " };
            let ran = ran.exits(1).says(["mapping.toml", help]);
            assert!(ran.err.contains(&format!("mapping.toml:{line}")), "{new}: {}", ran.err);
        }
    }
    desk.file("mapping.toml", good.replace("zone =", "zoen ="));
    desk.ingest("list.csv", "--mapping mapping.toml --dry-run").exits(1).says(["zoen -> zone"]);
    // A column that the file has not.
    desk.file("mapping.toml", good.replace("\"peer\"", "\"pier\""));
    for lang in LANGUAGES {
        let ran = desk.ingest("list.csv", &format!("--mapping mapping.toml --dry-run --lang {lang}")).exits(1);
        ran.explains("mapping-column-missing", lang).says(["mapping.toml: pier"]);
    }
    // Not UTF-8: the line is named.
    desk.file("mapping.toml", b"version = \"1\"\n# \x93\xfa\x8e\x9e\n");
    for lang in LANGUAGES {
        let ran = desk.ingest("list.csv", &format!("--mapping mapping.toml --lang {lang}")).exits(1);
        ran.explains("file-not-utf-8", lang).says(["mapping.toml:2"]);
    }
}

#[test]
fn who_may_hand_in_and_where() {
    let desk = Desk::open();
    desk.file("list.csv", list(""));
    let from = |party: &str, round: &str, lang: &str| {
        desk.hub(&format!("ingest list.csv --round {round} --from {party} --timezone Asia/Tokyo --lang {lang}"))
    };
    for lang in LANGUAGES {
        from("isp-hokuto", ROUND, lang).exits(1).explains("no-provide-agreement", lang).says(["isp-hokuto"]);
        from("clearing-house", ROUND, lang).exits(1).explains("not-the-plans-reporter", lang).says(["clearing-house"]);
        from("isp-hokut", ROUND, lang).exits(6).explains("not-found", lang).says(["isp-hokut"]);
        from("cert-example", "sample-2026/2", lang).exits(1).explains("round-not-open", lang).says(["sample-2026/2"]);
        from("cert-example", "other-2026/1", lang).exits(6).explains("not-found", lang).says(["other-2026"]);
    }
    from("ISP Hokuto", ROUND, "en").exits(2);
    from("cert-example", "sample-2026", "en").exits(2).says(["--round"]);
}

#[test]
fn every_form_of_output_has_data_only() {
    let desk = Desk::open();
    desk.file("list.csv", list("2026/05/12 09:16:00,0.0.0.0,51000,samplebot"));
    let ran = |form: &str| desk.ingest("list.csv", &format!("--timezone Asia/Tokyo --dry-run -o {form}")).exits(1);
    assert_eq!(ran("csv").out, "read,rejected,duplicate,received,terminals\n3,1,0,2,2\n");
    let object = r#"{"read":3,"rejected":1,"duplicate":0,"received":2,"terminals":2}"#;
    let keys = |text: &str| -> serde_json::Value { serde_json::from_str(text).unwrap() };
    assert_eq!(keys(ran("ndjson").out.trim_end()), keys(object));
    assert_eq!(keys(&ran("json").out), keys(&format!("[{object}]")));
    assert!(ran("table").out.starts_with('┌'));
}

/// A folder of files goes in with one command; what cannot be taken is named and keeps nothing else from being.
#[test]
fn a_folder_of_files() {
    let desk = Desk::open();
    desk.file("feeds/a.csv", list("2026/05/12 09:16:00,198.18.0.11,0,samplebot"));
    desk.file(
        "feeds/b.jsonl",
        "{\"source.ip\":\"198.18.0.12\",\"source.port\":7,\"time.source\":\"2026-05-12T00:15:00+00:00\"}\n",
    );
    desk.file("feeds/deep/c.csv", list(""));
    desk.file("feeds/deep/copy-of-c.csv", list(""));
    desk.file("feeds/notes.txt", "dear all, please see below\n");
    desk.file("feeds/.hidden", "x");
    for lang in LANGUAGES {
        let ran = desk.ingest("feeds", &format!("--timezone Asia/Tokyo --dry-run -o json --lang {lang}")).exits(1);
        ran.explains("unknown-format", lang).explains("bad-port", lang).says(["feeds/a.csv.errors.csv"]);
    }
    std::fs::remove_file(desk.path().join("feeds/a.csv.errors.csv")).unwrap();
    let rows = desk.ingest("feeds", "--timezone Asia/Tokyo -o json").exits(1).json();
    let figures = |name: &str| {
        let row = rows.as_array().unwrap().iter().find(|row| row["file"].as_str().unwrap().ends_with(name)).unwrap();
        ["read", "rejected", "duplicate", "received"].map(|column| row[column].as_u64())
    };
    assert_eq!(figures("a.csv"), [3, 1, 0, 2].map(Some));
    assert_eq!(figures("b.jsonl"), [1, 0, 0, 1].map(Some));
    assert_eq!(figures("/c.csv"), [2, 0, 2, 0].map(Some), "said in a.csv already");
    assert_eq!(figures("copy-of-c.csv"), [None; 4], "the same file again");
    assert_eq!(figures("notes.txt"), [None; 4]);
    assert_eq!(rows.as_array().unwrap().last().unwrap()["read"], 6);
    // Both tallies close over all of it.
    desk.hub(&format!("round send {ROUND}")).exits(0);
    let row = desk.hub("round list sample-2026 -o json").exits(0).json()[0].clone();
    assert_eq!(
        (&row["read"], &row["rejected"], &row["duplicate"], &row["received"]),
        (&6.into(), &1.into(), &2.into(), &3.into())
    );
    // A second time, what was received is not received again; the error file is no report.
    let again = desk.ingest("feeds", "--timezone Asia/Tokyo --lang en").exits(1);
    again.explains("same-file-again", "en");
    desk.ingest("feeds/a.csv feeds/b.jsonl", "--timezone Asia/Tokyo --lang en")
        .exits(1)
        .explains("same-file-again", "en");
    std::fs::create_dir(desk.path().join("empty")).unwrap();
    desk.ingest("empty", "--timezone Asia/Tokyo --lang ja").exits(1).explains("folder-empty", "ja");
}

/// A mail as it comes: a greeting, a picture, and the list in a zip that holds a gzip. What is no list is said to be none.
#[test]
fn a_mail_with_an_archive_in_it() {
    use std::io::Write;
    let desk = Desk::open();
    let mail = mail_with_archive(list("2026/05/12 09:16:00,198.18.0.11,0,samplebot").as_bytes());
    desk.file("report.eml", &mail);
    for lang in LANGUAGES {
        let ran = desk.ingest("report.eml", &format!("--timezone Asia/Tokyo --dry-run -o json --lang {lang}")).exits(1);
        let ran = ran.explains("bad-port", lang).explains("member-not-read", lang);
        let ran = ran.says(["report.eml/feeds.zip/list.csv.gz/list.csv:3", "report.eml.errors.csv"]);
        let row = ran.row();
        assert_eq!((&row["read"], &row["rejected"], &row["received"]), (&3.into(), &1.into(), &2.into()));
    }
    desk.ingest("report.eml", "--timezone Asia/Tokyo").exits(1);
    desk.hub(&format!("round send {ROUND}")).exits(0);
    let converted = desk.hub("convert report.eml --to csv --timezone Asia/Tokyo").exits(1);
    assert_eq!(converted.out.lines().count(), 3, "{}", converted.out);
    // Where nothing can be read, what may have been the list says why, and not the picture behind it.
    let other = String::from_utf8_lossy(&mail).replace("application/zip; name=\"feeds.zip\"", "application/pkcs7-mime");
    desk.file("sealed.eml", other.as_bytes());
    desk.ingest("sealed.eml", "--timezone Asia/Tokyo --lang en").exits(1).explains("mail-part-encrypted", "en");
    // A bomb costs itself.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(HEADING.as_bytes()).unwrap();
    for _ in 0..64 {
        bomb.write_all(GOOD[0].repeat(1 << 14).as_bytes()).unwrap();
    }
    desk.file("bomb.csv.gz", bomb.finish().unwrap());
    desk.ingest("bomb.csv.gz", "--timezone Asia/Tokyo --lang en").exits(1).explains("unpacks-too-far", "en");
}

/// A mail with a greeting, a picture and `feeds.zip`, which holds `list.csv.gz`.
fn mail_with_archive(list: &[u8]) -> Vec<u8> {
    use base64::Engine;
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(list).unwrap();
    let gzip = gzip.finish().unwrap();
    let zip = stored_zip("list.csv.gz", &gzip);
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    format!(
        "From: cert@example.org\r\nTo: hub@example.net\r\nSubject: =?UTF-8?B?5qSc55+l?=\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         お世話になっております。添付をご確認ください。\r\n--b\r\nContent-Type: image/png; name=\"logo.png\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--b\r\nContent-Type: application/zip; name=\"feeds.zip\"\r\n\
         Content-Disposition: attachment; filename=\"feeds.zip\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        base64(b"\x89PNG\r\n\x1a\n"),
        base64(&zip),
    )
    .into_bytes()
}

/// A zip that holds one file as it is (PKWARE, APPNOTE.TXT, 4.3).
fn stored_zip(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    let (length, named) =
        (u32::try_from(bytes.len()).unwrap().to_le_bytes(), u16::try_from(name.len()).unwrap().to_le_bytes());
    let about =
        [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &crc.sum().to_le_bytes(), &length, &length, &named, &[0, 0]].concat();
    let local = [b"PK\x03\x04", &about[..], name.as_bytes(), bytes].concat();
    let central = [b"PK\x01\x02\x14\0", &about[..], &[0; 14], name.as_bytes()].concat();
    let sizes =
        [u32::try_from(central.len()).unwrap().to_le_bytes(), u32::try_from(local.len()).unwrap().to_le_bytes()]
            .concat();
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &sizes[..], &[0, 0]].concat();
    [local, central, end].concat()
}
