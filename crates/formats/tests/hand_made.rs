//! Lists as people make them with what they have at hand, and what is understood of each.

#[allow(dead_code, reason = "each test crate uses its part")]
mod reading;

use formats::detect::detect;
use formats::list::List;
use reading::{Given, Opened, input, read, refused};

/// Every row as `time address port protocol | other end | malware`, `-` where there is none.
fn told(opened: &Opened) -> Vec<String> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let line = |row: model::SightingRef<'_>| {
        let source = row.source_ip.map(|ip| ip.to_string()).or_else(|| row.source_fqdn.map(str::to_owned));
        let other = row.destination_ip.map(|ip| ip.to_string());
        let other = other.or_else(|| row.destination_fqdn.map(str::to_owned));
        let other = other.or_else(|| row.destination_url.map(str::to_owned));
        format!(
            "{} {} {} {} | {} {} | {}",
            or_none(row.time.map(|time| time.to_string())),
            or_none(source),
            or_none(row.source_port.map(|port| port.to_string())),
            or_none(row.protocol.map(|protocol| protocol.to_string())),
            or_none(other),
            or_none(row.destination_port.map(|port| port.to_string())),
            row.malware.unwrap_or("-"),
        )
    };
    opened.sightings.rows().map(line).collect()
}

/// What a list is understood to say; nothing in it is rejected.
fn all(text: &str) -> Vec<String> {
    let opened = read(&List, text.as_bytes(), &Given::tokyo());
    let rejects: Vec<_> = opened.rejects.0.iter().map(|r| (r.line, r.code.code, r.value.clone())).collect();
    assert_eq!(rejects, [], "{text}");
    assert_eq!(detect(&input("list.txt", text.as_bytes()), None).unwrap().name(), "list", "{text}");
    told(&opened)
}

const ROW: &str = "2014-07-01T03:34:56Z 192.0.2.1 1024 - | - - | -";

#[test]
fn one_row_in_every_dress() {
    for text in [
        // As police type it, as a CERT exports it, as a mail client wraps it.
        "日時,発信元IPアドレス,送信元ポート番号\n2014年7月1日 12時34分56秒,192.0.2.1,1024\n",
        "検知日時，発信元IPアドレス，発信元ポート番号\n平成２６年７月１日　１２時３４分５６秒，１９２．０．２．１，１０２４\n",
        "日時\tIPアドレス\tポート\r\nH26.7.1 12:34:56\t192.0.2.1\t1024\r\n",
        "日時;IP;Port\n2014/7/1 午後 0:34:56;192.0.2.1;1024\n",
        "Timestamp,Source IP,Source Port\n2014-07-01T12:34:56+09:00,192.0.2.1,1024\n",
        "timestamp (UTC),src_ip,src_port\n2014-07-01 03:34:56,192.0.2.1,1024\n",
        "日時(JST),IP:ポート\n2014/07/01 12:34:56,192.0.2.1:1024\n",
        "日時（日本時間）,送信元\n2014/07/01 12:34:56,192.0.2.1：１０２４\n",
        "時刻,IPアドレス,ポート\n2014/7/1 12:34:56,192.0.2.1,1024\n",
        "#日時,IPアドレス,ポート\n2014/7/1 12:34:56,192.0.2.1,1024\n",
        "epoch,ip,port\n1404185696,192.0.2.1,1024\n",
        "time,ip,port\n1404185696000,192.0.2.1,1024\n",
        "date,time,ip,port\n2014-07-01,12:34:56,192.0.2.1,1024\n",
        "発生日,発生時間,IPアドレス,ポート\n2014/7/1,12:34:56,192.0.2.1,1024\n",
        "日付,TIME1,IPアドレス,ポート\n2014/7/1,12:34:56,192.0.2.1,1024\n",
        "年月日,時分秒,IPアドレス,ポート\n20140701,123456,192.0.2.1,1024\n",
        "日時,IPアドレス,ポート\n2014/7/1 12:34:56,192[.]0[.]2[.]1,1024\n",
        "日時,IPアドレス,ポート\n2014/7/1 12:34:56,192.0.2.1/32,1024番\n",
        "日時,IPアドレス,ポート\n2014/7/1 12:34:56 PM,192.0.2.1,1024.0\n",
        "\"日時\",\"IPアドレス\",\"ポート\"\r\n\"2014/7/1 12:34:56\",\"192.0.2.1\",\"1024\"\r\n",
        "=\"日時\",=\"IPアドレス\",=\"ポート\"\n=\"2014/7/1 12:34:56\",=\"192.0.2.1\",=\"1024\"\n",
        "sep=;\r\n日時;IPアドレス;ポート\r\n2014/7/1 12:34:56;192.0.2.1;1024\r\n",
        "感染端末一覧（第1回）\n提供元：架空県警察,,\n,,\n日時,IPアドレス,ポート,\n2014/7/1 12:34:56,192.0.2.1,1024,\n,,,\n計,1件,,\n以上,,,\n",
        "日時,IPアドレス,ポート\r2014/7/1 12:34:56,192.0.2.1,1024",
        "192.0.2.1:1024 2014/07/01 12:34:56 JST",
        "192.0.2.1　1024　2014年7月1日　12時34分56秒\n",
    ] {
        assert_eq!(all(text), [ROW], "{text}");
    }
    let v6 = "日時,IPアドレス\n2014/7/1 12:34:56,[2001:db8::1]:1024\n";
    assert_eq!(all(v6), ["2014-07-01T03:34:56Z 2001:db8::1 1024 - | - - | -"]);
    let protocol = "日時,IP,ポート\n2014/7/1 12:34:56,192.0.2.1,TCP/1024\n";
    assert_eq!(all(protocol), ["2014-07-01T03:34:56Z 192.0.2.1 1024 tcp | - - | -"]);
}

#[test]
fn the_encodings_in_which_they_come() {
    let text = String::from("日時,IPアドレス,ポート,備考\r\n2014/7/1 12:34:56,192.0.2.1,1024,髙島①㈱～ｶﾅ\r\n");
    let long = format!("{text}{}", "2014/7/1 12:34:56,192.0.2.1,1024,東京\r\n".repeat(2_000));
    for text in [&text, &long] {
        let units = |big: bool| -> Vec<u8> {
            text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        };
        let (cp932, _, lossy) = encoding_rs::SHIFT_JIS.encode(text);
        assert!(!lossy);
        for (bytes, encoding) in [
            (text.clone().into_bytes(), "utf-8"),
            ([b"\xEF\xBB\xBF", text.as_bytes()].concat(), "utf-8"),
            (cp932.into_owned(), "cp932"),
            ([b"\xFF\xFE", &units(false)[..]].concat(), "utf-16le"),
            ([b"\xFE\xFF", &units(true)[..]].concat(), "utf-16be"),
            (units(false), "utf-16le"),
            (units(true), "utf-16be"),
        ] {
            let found = detect(&input("list.csv", &bytes), None);
            assert_eq!(found.map(formats::Format::name).map_err(|p| p.code.code), Ok("list"), "{encoding}");
            let opened = read(&List, &bytes, &Given::tokyo());
            assert_eq!(opened.reading.provenance.encoding, encoding);
            assert_eq!(opened.reading.rejected, 0);
            assert_eq!(told(&opened)[0], ROW);
            assert!(opened.sightings.row(0).extra.unwrap().contains("髙島①㈱～ｶﾅ"));
        }
    }
}

#[test]
fn the_other_end_by_address_name_or_url() {
    let heading = "日時,IPアドレス,ポート,通信先\n2014/7/1 12:34:56,192.0.2.1,1024,";
    let row = |other: &str| format!("2014-07-01T03:34:56Z 192.0.2.1 1024 - | {other} | -");
    for (cell, other) in [
        ("198.51.100.9", "198.51.100.9 -"),
        ("198.51.100.9:443", "198.51.100.9 443"),
        ("c2[.]example[.]net", "c2.example.net -"),
        ("c2.example.net:443", "c2.example.net 443"),
        ("hxxp://c2.example.net/gate.php", "http://c2.example.net/gate.php -"),
        ("", "- -"),
    ] {
        assert_eq!(all(&format!("{heading}{cell}\n")), [row(other)], "{cell}");
    }
    // Addresses and names in one column.
    let mixed = format!("{heading}198.51.100.9\n2014/7/1 12:34:56,192.0.2.1,1024,c2.example.net\n");
    assert_eq!(all(&mixed), [row("198.51.100.9 -"), row("c2.example.net -")]);
    // A column of its own for each.
    let both = "日時,IPアドレス,ポート,接続先,接続先IP,接続先ポート\n2014/7/1 12:34:56,192.0.2.1,1024,c2.example.net,198.51.100.9,80\n";
    assert_eq!(all(both), [row("198.51.100.9 80")]);
    assert_eq!(read(&List, both.as_bytes(), &Given::tokyo()).sightings.row(0).destination_fqdn, Some("c2.example.net"));
    // Two other ends: the first stands in its column, the second is kept.
    let two = "日時,IPアドレス,ポート,宛先IP,C2\n2014/7/1 12:34:56,192.0.2.1,1024,198.51.100.9,198.51.100.10\n";
    assert_eq!(all(two), [row("198.51.100.9 -")]);
    assert!(read(&List, two.as_bytes(), &Given::tokyo()).sightings.row(0).extra.unwrap().contains("198.51.100.10"));
}

/// Without a heading, of two ports beside an address one is the server's.
#[test]
fn a_port_by_its_place_is_the_only_one_there() {
    assert_eq!(all("192.0.2.1,1024,2014-07-01T12:34:56+09:00\n"), [ROW]);
    let two = "192.0.2.1,443,51234,2014-07-01T12:34:56+09:00\n";
    assert_eq!(all(two), ["2014-07-01T03:34:56Z 192.0.2.1 - - | - - | -"]);
    assert!(read(&List, two.as_bytes(), &Given::tokyo()).sightings.row(0).extra.unwrap().contains("51234"));
}

/// A slip of some hours names the wrong person: `1024` by itself is a port as well as 10:24.
#[test]
fn what_could_be_a_time_of_day_is_taken_for_none_by_itself() {
    for text in ["192.0.2.1,1024,2014年7月1日,12:34:56\n", "2014/7/1,1024,12:34:56,192.0.2.1\n"] {
        assert!(all(text)[0].starts_with("2014-07-01T03:34:56Z 192.0.2.1"), "{text}");
    }
    for (text, code) in [
        ("192.0.2.1,2014/7/1,12:34:56,13:34:56\n", "two-time-columns"),
        ("192.0.2.1,2014/7/1,2014/7/2,12:34:56\n", "two-time-columns"),
    ] {
        assert_eq!(refused(&List, text.as_bytes(), &Given::tokyo()).code.code, code, "{text}");
    }
    let text = "192.0.2.1,2014/7/1,1024\n";
    let opened = read(&List, text.as_bytes(), &Given::tokyo());
    assert_eq!(opened.rejects.0[0].code.code, "time-without-hour");
}

#[test]
fn a_column_called_sender_may_hold_names_or_people() {
    let row = [ROW];
    let names = "日時,送信元,送信元IP,ポート\n2014/7/1 12:34:56,pc1.example.net,192.0.2.1,1024\n";
    assert_eq!(all(names), row);
    assert_eq!(read(&List, names.as_bytes(), &Given::tokyo()).sightings.row(0).source_fqdn, Some("pc1.example.net"));
    let people = "日時,発信元,IPアドレス,ポート\n2014/7/1 12:34:56,架空県警察,192.0.2.1,1024\n";
    assert_eq!(all(people), row);
    assert!(read(&List, people.as_bytes(), &Given::tokyo()).sightings.row(0).extra.unwrap().contains("架空県警察"));
    // Two addresses for one sender are nobody's to choose between.
    let two = "日時,送信元,送信元IP\n2014/7/1 12:34:56,192.0.2.2,192.0.2.1\n";
    assert_eq!(refused(&List, two.as_bytes(), &Given::tokyo()).code.code, "duplicated-heading");
    // One bad cell among addresses is a bad cell.
    let text = format!("日時,送信元\n{}2014/7/1 12:34:56,0.0.0.0\n", "2014/7/1 12:34:56,192.0.2.1:1\n".repeat(3));
    let opened = read(&List, text.as_bytes(), &Given::tokyo());
    assert_eq!((opened.reading.understood, opened.rejects.0[0].code.code), (3, "address-unspecified"));
    let text = "日時,送信元\n2014/7/1 12:34:56,0.0.0.0\n2014/7/1 12:34:56,192.0.2.0/24\n";
    let opened = read(&List, text.as_bytes(), &Given::tokyo());
    let codes: Vec<&str> = opened.rejects.0.iter().map(|reject| reject.code.code).collect();
    assert_eq!(codes, ["address-unspecified", "address-is-network"], "still a column of addresses");
}

#[test]
fn two_names_for_the_malware_cost_nothing() {
    let text = "日時,IP,ポート,マルウェア名,検知名,接続時間(秒)\n2014/7/1 12:34:56,192.0.2.1,1024,GOZ,Trojan.Zbot,30\n";
    assert_eq!(all(text), ["2014-07-01T03:34:56Z 192.0.2.1 1024 - | - - | GOZ"]);
    let opened = read(&List, text.as_bytes(), &Given::tokyo());
    let extra = opened.sightings.row(0).extra.unwrap();
    assert!(extra.contains("Trojan.Zbot") && extra.contains("接続時間(秒)"), "{extra}");
}

#[test]
fn when_it_was_reported_is_in_utc_or_as_written() {
    let text = "日時,IP,報告日時\n2014/7/1 12:34:56,192.0.2.1,2014/7/5 10:00\n2014/7/1 12:34:56,192.0.2.1,2014/7/5\n";
    let opened = read(&List, text.as_bytes(), &Given::tokyo());
    assert_eq!(opened.sightings.row(0).extra, Some("{\"time.observation\":\"2014-07-05T01:00:00+00:00\"}"));
    assert_eq!(opened.sightings.row(1).extra, Some("{\"extra.time.observation\":\"2014/7/5\"}"));
    assert!(opened.sightings.row(1).flags.has(model::sighting::Flags::FIELD_KEPT_RAW));
}

#[test]
fn a_spreadsheets_serial_numbers_are_named_and_read_where_the_mapping_says_so() {
    let text = "日時,IPアドレス\n41821.52425925926,192.0.2.1\n";
    let opened = read(&List, text.as_bytes(), &Given::tokyo());
    assert_eq!(opened.rejects.0[0].code.code, "time-excel-serial");
    let given = Given::mapping("zone = \"Asia/Tokyo\"\ntime_format = \"excel\"\n");
    let opened = read(&List, text.as_bytes(), &given);
    assert_eq!(opened.sightings.row(0).time.unwrap().to_string(), "2014-07-01T03:34:56Z");
}

#[test]
fn hostile_cells_and_files() {
    let heading = "日時,IPアドレス,備考\n2014/7/1 12:34:56,192.0.2.1,";
    let million = "a".repeat(1_000_000);
    let opened =
        read(&List, format!("{heading}{million}\n2014/7/1 12:34:56,192.0.2.2,b\n").as_bytes(), &Given::tokyo());
    assert_eq!((opened.reading.understood, opened.reading.rejected), (2, 0));
    // A quote that is never closed, with a row below it: that row is not swallowed.
    for end in ["\n", "\r\n", ""] {
        let text = format!("{heading}\"{million}\n2014/7/1 12:34:56,192.0.2.2,b{end}");
        let opened = read(&List, text.as_bytes(), &Given::tokyo());
        assert_eq!((opened.reading.understood, opened.reading.rejected), (1, 1));
        assert_eq!((opened.rejects.0[0].code.code, opened.rejects.0[0].line), ("unclosed-quote", 2));
        assert_eq!(opened.sightings.row(0).source_ip.unwrap().to_string(), "192.0.2.2");
    }
    // Line ends of three kinds in one file, and none at its end.
    let mixed =
        "日時,IPアドレス\r\n2014/7/1 12:34:56,192.0.2.1\r2014/7/1 12:34:56,192.0.2.2\n2014/7/1 12:34:56,192.0.2.3";
    let lines: Vec<u32> = read(&List, mixed.as_bytes(), &Given::tokyo()).sightings.rows().map(|row| row.line).collect();
    assert_eq!(lines, [2, 3, 4]);
    // Thirty days has it not, nor seconds beyond sixty; a leap second is a second that may be one off.
    for (time, code) in [
        ("2014/2/30 09:00:00", Some("bad-time")),
        ("2014/6/31 09:00:00", Some("bad-time")),
        ("2014/6/30 09:00:61", Some("bad-time")),
        ("2014/6/30 09:60:00", Some("bad-time")),
        ("2014/6/30 24:00:01", Some("bad-time")),
        ("2014/6/30 09:00:60", None),
        ("2014/6/30 24:00", None),
    ] {
        let text = format!("日時,IPアドレス\n{time},192.0.2.1\n2014/6/30 09:00:00,192.0.2.2\n");
        let opened = read(&List, text.as_bytes(), &Given::tokyo());
        assert_eq!(opened.rejects.0.first().map(|reject| reject.code.code), code, "{time}");
        assert_eq!(opened.reading.understood, if code.is_some() { 1 } else { 2 });
    }
}
