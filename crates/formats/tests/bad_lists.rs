//! Every way in which a hand-made list is known to go wrong: the code, the line, the field, and that the other rows go on.

#[allow(dead_code, reason = "each test crate uses its part")]
mod reading;

use formats::list::List;
use model::sighting::Flags;
use model::{Lang, Problem, Uncertainty};
use reading::{Given, Opened, read, refused};

/// The only reject of a list in which all other rows are good: code, line, field, value.
fn only_reject(opened: &Opened, rows: u64) -> (&'static str, u64, Option<&str>, Option<&str>) {
    assert_eq!((opened.reading.rows, opened.reading.rejected), (rows, 1), "the other rows go on");
    let reject = &opened.rejects.0[0];
    (reject.code.code, reject.line, reject.field.as_deref(), reject.value.as_deref())
}

/// A list with a heading in which line 3, between two good rows, is `row`.
fn with_row(row: &str) -> String {
    format!("IPアドレス,ポート,日時\n192.0.2.1,1,2014/06/30 09:00:00\n{row}\n192.0.2.3,3,2014/06/30 09:00:02\n")
}

fn whole(problem: &Problem) -> (&'static str, Option<u64>, Option<&str>) {
    (problem.code.code, problem.place.line, problem.place.field.as_deref())
}

#[test]
fn one_bad_row_costs_itself_only() {
    for (row, code, field, value) in [
        ("0.0.0.0,1,2014/06/30 09:00:00", "address-unspecified", Some("IPアドレス"), Some("0.0.0.0")),
        ("::,1,2014/06/30 09:00:00", "address-unspecified", Some("IPアドレス"), Some("::")),
        ("203.0.113.999,1,2014/06/30 09:00:00", "bad-address", Some("IPアドレス"), Some("203.0.113.999")),
        ("192.0.2.01,1,2014/06/30 09:00:00", "bad-address", Some("IPアドレス"), Some("192.0.2.01")),
        ("192.0.2.0/24,1,2014/06/30 09:00:00", "address-is-network", Some("IPアドレス"), Some("192.0.2.0/24")),
        ("192.0.2.1～9,1,2014/06/30 09:00:00", "address-is-range", Some("IPアドレス"), Some("192.0.2.1～9")),
        (",1,2014/06/30 09:00:00", "address-missing", Some("IPアドレス"), None),
        ("不明,1,2014/06/30 09:00:00", "address-missing", Some("IPアドレス"), None),
        ("192.0.2.2,0,2014/06/30 09:00:00", "bad-port", Some("ポート"), Some("0")),
        ("192.0.2.2,65536,2014/06/30 09:00:00", "bad-port", Some("ポート"), Some("65536")),
        ("192.0.2.2,ssh,2014/06/30 09:00:00", "bad-port", Some("ポート"), Some("ssh")),
        ("192.0.2.2:80,81,2014/06/30 09:00:00", "ports-disagree", Some("ポート"), Some("81")),
        ("192.0.2.2,1,2014/06/30", "time-without-hour", Some("日時"), Some("2014/06/30")),
        ("192.0.2.2,1,06/07/2014 09:00:00", "time-day-or-month", Some("日時"), Some("06/07/2014 09:00:00")),
        ("192.0.2.2,1,14/06/30 09:00:00", "two-digit-year", Some("日時"), Some("14/06/30 09:00:00")),
        ("192.0.2.2,1,2999/06/30 09:00:00", "time-in-future", Some("日時"), Some("2999/06/30 09:00:00")),
        ("192.0.2.2,1,2026/01/01 09:05:01", "time-in-future", Some("日時"), Some("2026/01/01 09:05:01")),
        ("192.0.2.2,1,2014/06/30 24:30", "bad-time", Some("日時"), Some("2014/06/30 24:30")),
        ("192.0.2.2,1,2014/06/31 09:00", "bad-time", Some("日時"), Some("2014/06/31 09:00")),
        ("192.0.2.2,1,2014/06/30 09:00:00 CST", "bad-zone", Some("日時"), Some("2014/06/30 09:00:00 CST")),
        ("192.0.2.2,1,", "time-missing", Some("日時"), None),
        ("192.0.2.2,1", "time-missing", Some("日時"), None),
        ("192.0.2.2,1,2014/06/30 09:00:00,東京", "too-many-cells", None, Some("東京")),
        ("\"192.0.2.2,1,2014/06/30 09:00:00", "unclosed-quote", None, None),
        ("192.0.2.2,1,2014/06/30\0 09:00:00", "nul-byte", None, None),
        ("担当: 架空 花子", "bad-address", Some("IPアドレス"), Some("担当: 架空 花子")),
    ] {
        let text = with_row(row);
        let opened = read(&List, text.as_bytes(), &Given::tokyo());
        assert_eq!(only_reject(&opened, 3), (code, 3, field, value), "{row}");
        assert_eq!(opened.rejects.0[0].raw, row);
        let ordinals: Vec<u32> = opened.sightings.rows().map(|row| row.ordinal).collect();
        assert_eq!(ordinals, [0, 2], "a rejected row keeps its place");
    }
}

#[test]
fn a_bad_row_right_below_the_heading_is_a_reject_and_no_title() {
    for row in ["203.0.113.999,x,06/07/2014", "担当: 架空 花子", ",,x"] {
        let text = format!("IPアドレス,ポート,日時\n{row}\n192.0.2.3,3,2014/06/30 09:00:02\n");
        let opened = read(&List, text.as_bytes(), &Given::tokyo());
        assert_eq!(only_reject(&opened, 2).1, 2, "{row}");
        assert!(opened.reading.notes.is_empty());
    }
    let text = format!("203.0.113.999,1,昨日\n{}", "192.0.2.3,3,2014/06/30 09:00:02\n".repeat(4));
    let opened = read(&List, text.as_bytes(), &Given::tokyo());
    assert_eq!(only_reject(&opened, 5).1, 1);
}

#[test]
fn a_time_that_summer_time_makes_ambiguous_is_refused() {
    let text = with_row("192.0.2.2,1,2014-10-26 02:30:00 Europe/Berlin");
    let opened = read(&List, text.as_bytes(), &Given::tokyo());
    assert_eq!(only_reject(&opened, 3).0, "time-ambiguous");
}

#[test]
fn no_time_zone_refuses_the_file_and_names_the_flag() {
    let problem = refused(&List, with_row("192.0.2.2,1,2014/06/30 09:00:00").as_bytes(), &Given::nothing());
    assert_eq!(whole(&problem), ("no-time-zone", Some(2), Some("日時")));
    assert!(problem.code.help.en.contains("--timezone Asia/Tokyo"));
    assert!(problem.code.help.ja.contains("--timezone Asia/Tokyo"));
    assert!(problem.for_submitter(Lang::Ja).contains("test.csv:2: 日時"));
    assert!(!problem.to_string().contains("2014"), "what a log may carry holds no value");
}

#[test]
fn one_time_without_a_zone_among_others_with_one_costs_its_row() {
    let text = "ip,time\n192.0.2.1,2014-06-30T09:00:00\n192.0.2.2,2014-06-30T09:00:00+09:00\n";
    let opened = read(&List, text.as_bytes(), &Given::nothing());
    assert_eq!(only_reject(&opened, 2), ("no-time-zone", 2, Some("time"), Some("2014-06-30T09:00:00")));
}

#[test]
fn zones_come_from_the_row_then_the_heading_then_the_declaration() {
    let text = "ip,port,time (UTC)\n192.0.2.1,1,2014/06/30 00:00:00\n192.0.2.2,2,2014/06/30 09:00:00 JST\n";
    let opened = read(&List, text.as_bytes(), &Given::tokyo());
    let rows: Vec<_> = opened.sightings.rows().map(|row| (row.time.unwrap().to_string(), row.zone.unwrap())).collect();
    let same = "2014-06-30T00:00:00Z".to_owned();
    assert_eq!(rows, [(same.clone(), "UTC"), (same, "JST")]);
    let text = "ip,port,time,tz\n192.0.2.1,1,2014/06/30 09:00:00,Asia/Tokyo\n192.0.2.2,2,2014/06/30 09:00:00Z,JST\n";
    let opened = read(&List, text.as_bytes(), &Given::nothing());
    assert_eq!(opened.sightings.row(0).time.unwrap().to_string(), "2014-06-30T00:00:00Z");
    assert_eq!(only_reject(&opened, 2).0, "bad-zone", "two zones for one time");
}

#[test]
fn twenty_four_o_clock_is_the_next_midnight() {
    let opened = read(&List, with_row("192.0.2.2,2,2014/06/30 24:00").as_bytes(), &Given::tokyo());
    let row = opened.sightings.row(1);
    assert_eq!(row.time.unwrap().to_string(), "2014-06-30T15:00:00Z");
    assert!(row.flags.has(Flags::END_OF_DAY));
    assert_eq!(row.uncertainty, Uncertainty::from_seconds(60));
}

#[test]
fn two_digit_years_are_read_where_the_mapping_says_how() {
    let text = "IP,日時\n192.0.2.1,14/06/30 09:00:00\n";
    let given = Given::mapping("two_digit_years = \"20xx\"\nzone = \"Asia/Tokyo\"\n");
    let opened = read(&List, text.as_bytes(), &given);
    let row = opened.sightings.row(0);
    assert_eq!(row.time.unwrap().to_string(), "2014-06-30T00:00:00Z");
    assert!(row.flags.has(Flags::TWO_DIGIT_YEAR));
}

#[test]
fn a_missing_port_is_accepted_and_flagged_and_so_is_a_special_address() {
    let opened = read(&List, with_row("10.0.0.1,,2014/06/30 09:00:00").as_bytes(), &Given::tokyo());
    assert_eq!(opened.reading.rejected, 0);
    let row = opened.sightings.row(1);
    assert!(row.flags.has(Flags::NO_PORT) && row.flags.has(Flags::SPECIAL_ADDRESS));
    assert!(row.source_port.is_none());
    assert_eq!(opened.sightings.row(0).flags, Flags::none());
}

#[test]
fn duplicated_headings_are_refused_where_they_contradict_each_other() {
    let text =
        "IPアドレス,送信元IP,日時\n192.0.2.1,192.0.2.1,2014/06/30 09:00:00\n192.0.2.2,192.0.2.9,2014/06/30 09:00:00\n";
    let problem = refused(&List, text.as_bytes(), &Given::tokyo());
    assert_eq!(whole(&problem), ("duplicated-heading", Some(3), Some("送信元IP")));
    let text = "IPv4,IPv6,日時\n192.0.2.1,,2014/06/30 09:00:00\n-,2001:db8::1,2014/06/30 09:00:00\n";
    let opened = read(&List, text.as_bytes(), &Given::tokyo());
    assert_eq!(opened.reading.rejected, 0);
    let addresses: Vec<String> = opened.sightings.rows().map(|row| row.source_ip.unwrap().to_string()).collect();
    assert_eq!(addresses, ["192.0.2.1", "2001:db8::1"]);
    assert!(opened.reading.notes.iter().any(|(place, code)| code.code == "same-heading" && place.line == Some(1)));
    // A mapping file settles it.
    let text = "IPアドレス,送信元IP,日時\n192.0.2.1,192.0.2.9,2014/06/30 09:00:00\n";
    let opened =
        read(&List, text.as_bytes(), &Given::mapping("zone = \"Asia/Tokyo\"\n[columns]\n\"送信元IP\" = \"extra\"\n"));
    assert_eq!(opened.sightings.row(0).source_ip.unwrap().to_string(), "192.0.2.1");
    assert!(opened.sightings.row(0).extra.unwrap().contains("192.0.2.9"));
}

#[test]
fn files_that_are_no_list_are_refused_with_what_is_missing() {
    let given = Given::tokyo();
    for (bytes, code, line) in [
        (&b""[..], "empty-file", None),
        (b"\n\r\n  \n", "empty-file", None),
        ("IPアドレス,ポート,日時\n".as_bytes(), "no-rows", Some(1)),
        ("2014年提供分\nIPアドレス,ポート,日時\n以上\n".as_bytes(), "no-rows", Some(2)),
        (b"PK\x03\x04\x14\0\x06\0", "binary-file", None),
        (b"ip,time\n192.0.2.1,2014-06-30 09:00:00\xFF\n", "wrong-encoding", Some(2)),
        (b"colour,time\nred,2014-06-30 09:00:00\n", "no-address-column", Some(1)),
        (b"ip,port\n192.0.2.1,1\n", "no-time-column", Some(1)),
        (b"192.0.2.1,198.51.100.1,2014-06-30 09:00:00\n", "two-address-columns", None),
        (b"192.0.2.1,2014-06-30 09:00:00,2014-07-01 09:00:00\n", "two-time-columns", None),
    ] {
        let problem = refused(&List, bytes, &given);
        assert_eq!((problem.code.code, problem.place.line), (code, line), "{}", String::from_utf8_lossy(bytes));
        assert_eq!(problem.place.file, "test.csv");
        assert!(!problem.code.help.ja.is_empty());
    }
}

#[test]
fn a_wrong_declaration_of_the_encoding_is_named_by_byte() {
    let (bytes, ..) = encoding_rs::SHIFT_JIS.encode("IPアドレス,日時\n192.0.2.1,2014/06/30 09:00:00\n");
    let given = Given::mapping("encoding = \"utf-8\"\nzone = \"Asia/Tokyo\"\n");
    let problem = refused(&List, &bytes, &given);
    assert_eq!(whole(&problem), ("wrong-encoding", Some(1), None));
    assert!(problem.value_for_submitter().unwrap().starts_with("byte 2 (83 41"));
    let given = Given::mapping("encoding = \"cp932\"\nzone = \"Asia/Tokyo\"\n");
    assert_eq!(read(&List, &bytes, &given).reading.rows, 1);
}

#[test]
fn a_mapping_for_another_file_is_said_to_be_one() {
    let text = "ip,time\n192.0.2.1,2014-06-30 09:00:00\n";
    let problem = refused(&List, text.as_bytes(), &Given::mapping("[columns]\n\"検知時刻\" = \"time.source\"\n"));
    assert_eq!((problem.code.code, problem.place.file.as_str()), ("mapping-column-missing", "source.toml"));
    assert_eq!(problem.place.field.as_deref(), Some("検知時刻"));
    let problem = refused(&List, text.as_bytes(), &Given::mapping("zoen = \"Asia/Tokyo\"\n"));
    assert_eq!(whole(&problem), ("mapping-unknown-key", Some(1), Some("zoen")));
}

#[test]
fn a_mapping_names_columns_by_number_where_there_is_no_heading() {
    let text = "x\n192.0.2.1;198.51.100.1;40000;30.06.2014 09:00\n";
    let given = Given::mapping(
        "heading = false\nskip_lines = 1\nzone = \"Asia/Tokyo\"\ntime_format = \"%d.%m.%Y %H:%M\"\nmalware = \"goz\"\n\
         classification = \"c2-server\"\ndelimiter = \"semicolon\"\n\
         [columns]\n1 = \"destination.ip\"\n2 = \"source.ip\"\n3 = \"source.port\"\n4 = \"time.source\"\n",
    );
    let opened = read(&List, text.as_bytes(), &given);
    let row = opened.sightings.row(0);
    assert_eq!(row.source_ip.unwrap().to_string(), "198.51.100.1");
    assert_eq!(row.destination_ip.unwrap().to_string(), "192.0.2.1");
    assert_eq!(row.time.unwrap().to_string(), "2014-06-30T00:00:00Z");
    assert_eq!((row.malware, row.classification.name(), row.line), (Some("goz"), "c2-server", 2));
}

#[test]
fn unknown_columns_are_kept_whatever_they_are_called() {
    let text = "ip,port,time,Shop Name,好きな色,好きな色,Shop Name,,columns\n\
                192.0.2.1,1,2014-06-30 09:00:00,a,赤,青,b,c,d\n192.0.2.2,2,2014-06-30 09:00:00,,,,,,\n";
    let opened = read(&List, text.as_bytes(), &Given::tokyo());
    let extra: serde_json::Value = serde_json::from_str(opened.sightings.row(0).extra.unwrap()).unwrap();
    let want = serde_json::json!({
        "extra.shop_name": "a", "extra.shop_name_2": "b", "extra.column_8": "c",
        "extra.columns": {"好きな色": "赤", "好きな色 (2)": "青", "columns": "d"},
    });
    assert_eq!(extra, want);
    assert!(opened.sightings.row(0).flags.has(Flags::UNKNOWN_FIELD));
    let second = opened.sightings.row(1);
    assert_eq!((second.extra, second.flags), (None, Flags::none()));
}

#[test]
fn one_broken_row_of_155521_is_found_and_the_others_are_read() {
    let mut text = String::from("IPアドレス,ポート,日時(JST)\n");
    for row in 0..155_521_u32 {
        let (b, c) = (row / 256 % 256, row % 256);
        let port = if row == 77_777 { 0 } else { 1 + row % 60_000 };
        text.push_str(&format!("198.18.{b}.{c},{port},2014/06/30 09:00:00\n"));
    }
    let opened = read(&List, text.as_bytes(), &Given::nothing());
    assert_eq!(only_reject(&opened, 155_521), ("bad-port", 77_779, Some("ポート"), Some("0")));
    let last = opened.sightings.row(155_519);
    let start = usize::try_from(last.raw_offset).unwrap();
    assert_eq!(&text[start..start + last.raw_length as usize], text.lines().last().unwrap());
}

#[test]
fn the_error_file_goes_back_with_line_and_row() {
    let opened = read(&List, with_row("192.0.2.2,0,2014/06/30 09:00:00").as_bytes(), &Given::tokyo());
    let csv = String::from_utf8(opened.rejects.to_csv(Lang::Ja)).unwrap();
    assert!(csv.starts_with('\u{FEFF}'));
    assert!(csv.contains("3,bad-port,"));
    assert!(csv.contains("\"192.0.2.2,0,2014/06/30 09:00:00\""));
}
