//! Files inside files: what stands in them comes out, in whatever it is wrapped; what cannot be read costs itself; nothing vanishes.

mod packing;
#[allow(dead_code, reason = "each test crate uses its part")]
mod reading;

use std::io::{Cursor, Read};
use std::time::{Duration, Instant as Clock};

use formats::unwrap::{Found, Limits, Members};
use formats::{Halt, Stream};
use packing::{File, attached, gzip, mail, mail_of, part, zip};
use proptest::prelude::*;
use reading::Given;

const LIST: &str = "source.ip,source.port,time.source\n192.0.2.1,1024,2025-06-30T09:00:00+09:00\n192.0.2.2,1025,2025-06-30T09:00:01+09:00\n";

/// What came out: `read` with rows understood and rejected, `bytes` with a length, `aside`, `refused` with a code; each with its path.
fn walk(file: &str, bytes: &[u8], limits: Limits) -> Vec<String> {
    let given = Given::nothing();
    let declared = given.declared();
    let mut source = Cursor::new(bytes);
    let mut members = Members::of(file, &mut source, limits);
    let mut out = Vec::new();
    while let Some(found) = members.following().unwrap() {
        out.push(match found {
            Found::Aside(problem) => {
                let value = problem.value_for_submitter().unwrap_or("-");
                format!("aside {} {} {value}", problem.place.file, problem.code.code)
            }
            Found::Refused(problem) => format!("refused {} {}", problem.place.file, problem.code.code),
            Found::Member(member) => {
                let path = member.path;
                match rows(&path, member.source, &declared) {
                    Ok((understood, rejects, notes)) => format!("read {path} {understood} {rejects:?} {notes:?}"),
                    Err(Halt::Problem(problem)) => format!("refused {} {}", problem.place.file, problem.code.code),
                    Err(halt) => panic!("{halt}"),
                }
            }
        });
    }
    out
}

type Read3 = (u64, Vec<String>, Vec<&'static str>);

fn rows(path: &str, source: &mut dyn formats::Source, declared: &formats::Declared<'_>) -> Result<Read3, Halt> {
    let mut stream = Stream::open(path, source, law::Subject::OwnFile, None, declared)?;
    let (mut understood, mut rejects) = (0, Vec::new());
    while let Some(part) = stream.part()? {
        understood += part.understood;
        let rejected = part.rejects.open(reading::clearance(), reading::received(), formats::Rejects::clone).unwrap();
        rejects.extend(rejected.0.into_iter().map(|reject| format!("{}:{}", reject.line, reject.code.code)));
    }
    let ending = stream.end()?;
    Ok((understood, rejects, ending.notes.iter().map(|(_, code)| code.code).collect()))
}

/// Reads every member to its end and says how much there was; for bytes that are no lists.
fn lengths(bytes: &[u8], limits: Limits) -> Vec<String> {
    let mut source = Cursor::new(bytes);
    let mut members = Members::of("file", &mut source, limits);
    let mut out = Vec::new();
    while let Some(found) = members.following().unwrap() {
        out.push(match found {
            Found::Aside(problem) => format!("aside {}", problem.code.code),
            Found::Refused(problem) => format!("refused {} {}", problem.place.file, problem.code.code),
            Found::Member(member) => {
                let mut buffer = vec![0; 65_536];
                let mut length = 0;
                loop {
                    match member.source.read(&mut buffer) {
                        Ok(0) => break format!("{} {length}", member.path),
                        Ok(read) => length += read,
                        Err(error) => break format!("{} {error}", member.path),
                    }
                }
            }
        });
    }
    out
}

#[test]
fn a_plain_file_is_its_own_only_member() {
    assert_eq!(walk("list.csv", LIST.as_bytes(), Limits::default()), ["read list.csv 2 [] []"]);
    assert_eq!(walk("empty", b"", Limits::default()), ["refused empty empty-file"]);
}

#[test]
fn a_mail_with_everything_that_people_send() {
    let (inner, _) = zip(&[
        File { stored: true, ..File::of(b"\x8a\xb4\x90\xf5.csv", LIST) },
        File { flags: 1 << 11, behind: true, ..File::of("2026/報告.csv", LIST) },
        File::of("more.csv.gz", gzip(LIST.as_bytes())),
        File { stored: true, ..File::of("2026/", "") },
        File { flags: 1, ..File::of("secret.csv", LIST) },
        File { method: Some(14), ..File::of("lzma.csv", LIST) },
        File { wide: true, ..File::of("../../wide\u{202E}.csv", LIST) },
        File { wrong_crc: true, ..File::of("hurt.csv", LIST) },
        File::of("same.csv", LIST),
        File::of("same.csv", LIST),
    ]);
    let forwarded = mail(&[attached("text/csv", "filename=a.csv", LIST.as_bytes())]);
    let forwarded = String::from_utf8(forwarded).unwrap().replace("=_b;1", "other");
    let letter = mail(&[
        mail_parts(
            "multipart/alternative",
            "inner",
            &[
                part("Content-Type: text/plain; charset=ISO-2022-JP", b"\x1b$B$*@$OC$K$J$C$F$*$j$^$9!#\x1b(B"),
                part("Content-Type: text/html", "<p>hello</p>"),
            ],
        ),
        attached("application/zip", "filename=\"=?ISO-2022-JP?B?GyRCSnM5cBsoQi56aXA=?=\"", &inner),
        part("Content-Type: message/rfc822", &forwarded),
        attached("image/png", "filename=logo.png", b"\x89PNG\r\n\x1a\n"),
        part("Content-Type: application/pkcs7-signature; name=smime.p7s", "AAAA"),
        attached("application/pkcs7-mime; smime-type=enveloped-data", "filename=smime.p7m", b"x"),
        part("Content-Type: text/csv; name=uu.csv\nContent-Transfer-Encoding: x-uuencode", "begin 644 uu.csv"),
        part(
            "Content-Type: text/csv; name=a.csv\nContent-Transfer-Encoding: quoted-printable",
            LIST.replace('=', "=3D").replace(",time", ",=\r\ntime"),
        ),
        attached("application/octet-stream", "filename=old.7z", b"7z\xBC\xAF\x27\x1C"),
        attached("application/octet-stream", "filename=mail.asc", b"-----BEGIN PGP MESSAGE-----\n"),
    ]);
    // Held in memory or unpacked anew for each member, it is the same.
    assert_eq!(walk("mail.eml", &gzip(&letter), Limits { held: 0, ..Limits::default() }).len(), 19);
    assert_eq!(
        walk("mail.eml", &letter, Limits { held: 0, ..Limits::default() }),
        walk("mail.eml", &letter, Limits::default())
    );
    assert_eq!(
        walk("mail.eml", &letter, Limits::default()),
        [
            "aside mail.eml/body-1.txt body-without-list -",
            "aside mail.eml/body-2.html member-not-read text/html",
            "read mail.eml/報告.zip/感染.csv 2 [] []",
            "read mail.eml/報告.zip/2026/報告.csv 2 [] []",
            "read mail.eml/報告.zip/more.csv.gz/more.csv 2 [] []",
            "read mail.eml/報告.zip/wide_.csv 2 [] []",
            "refused mail.eml/報告.zip/hurt.csv archive-damaged",
            "read mail.eml/報告.zip/same.csv 2 [] []",
            "read mail.eml/報告.zip/same.csv (7) 2 [] []",
            "refused mail.eml/報告.zip/secret.csv zip-encrypted",
            "refused mail.eml/報告.zip/lzma.csv zip-method-unknown",
            "read mail.eml/mail-4.eml/a.csv 2 [] []",
            "aside mail.eml/logo.png member-not-read image",
            "aside mail.eml/smime.p7s member-not-read application/pkcs7-signature",
            "refused mail.eml/smime.p7m mail-part-encrypted",
            "refused mail.eml/uu.csv mail-transfer-unknown",
            "read mail.eml/a.csv 2 [] []",
            "refused mail.eml/old.7z archive-kind-unknown",
            "refused mail.eml/mail.asc mail-part-encrypted",
        ]
    );
}

/// A part that holds parts.
fn mail_parts(kind: &str, boundary: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = part(&format!("Content-Type: {kind}; boundary={boundary}"), "");
    for part in parts {
        out.extend(format!("\r\n--{boundary}\r\n").into_bytes());
        out.extend(part);
    }
    out.extend(format!("\r\n--{boundary}--\r\n").into_bytes());
    out
}

#[test]
fn a_list_in_the_text_of_a_mail_in_the_charset_of_japanese_mail() {
    let text = "IPアドレス,ポート,日時(JST),検体名\r\n192.0.2.1,1024,2025-06-30 09:00:00,ゼウス\r\n192.0.2.2,1025,2025-06-30 09:00:01,ゼウス\r\n";
    let jis = encoding_rs::ISO_2022_JP.encode(text).0;
    let header = "From: a@example.jp\nSubject: x\nDate: Mon, 30 Jun 2025 10:00:00 +0900\nContent-Type: text/plain; charset=ISO-2022-JP";
    let letter = part(header, &jis);
    assert_eq!(walk("a.eml", &letter, Limits::default()), ["read a.eml/body-1.txt 2 [] []"]);
    // A byte that is no text there costs its row and not the others.
    let mut hurt = letter.clone();
    let second = hurt.windows(9).position(|w| w == b"192.0.2.2").unwrap();
    hurt[second + 3] = 0xFF;
    assert_eq!(walk("a.eml", &hurt, Limits::default()), ["read a.eml/body-1.txt 1 [\"3:wrong-encoding\"] []"]);
    for charset in ["Shift_JIS", "utf-8"] {
        let bytes = if charset == "utf-8" { text.as_bytes().into() } else { encoding_rs::SHIFT_JIS.encode(text).0 };
        let encoded = attached(&format!("text/plain; charset={charset}"), "filename*=UTF-8''%E6%84%9F.txt", &bytes);
        assert_eq!(walk("a.eml", &mail(&[encoded]), Limits::default()), ["read a.eml/感.txt 2 [] []"]);
    }
}

#[test]
fn mails_in_a_mailbox_file() {
    let one = mail(&[attached("text/csv", "filename=a.csv", LIST.as_bytes())]);
    let mut all = Vec::new();
    for _ in 0..3 {
        all.extend(b"From feed@example.org Sat Jan 31 09:00:00 2026\r\n");
        all.extend(&one);
        all.extend(b"\r\n");
    }
    let read = walk("box.mbox", &all, Limits::default());
    assert_eq!(read, [1, 2, 3].map(|n| format!("read box.mbox/mail-{n}.eml/a.csv 2 [] []")));
}

#[test]
fn of_what_is_cut_off_only_what_is_whole_is_read() {
    let mut list = String::from("source.ip,source.port,time.source\n");
    for row in 0..2_000_u32 {
        let mixed = row.wrapping_mul(2_654_435_761);
        list.push_str(&format!("198.51.100.{},{},2025-06-30T09:00:00+09:00\n", row % 250 + 1, mixed % 60_000 + 1));
    }
    // Without its checksum nobody knows whether what came is what was sent.
    let packed = gzip(list.as_bytes());
    for missing in [1, 3, 8, 9, packed.len() / 2, packed.len() - 5] {
        let read = walk("a.csv.gz", &packed[..packed.len() - missing], Limits::default());
        assert_eq!(read, ["refused a.csv.gz/a.csv archive-cut-off"], "{missing}");
    }
    for behind in [false, true] {
        let files = [File { behind, ..File::of("a.csv", LIST) }, File { behind, ..File::of("b.csv", &list) }];
        let (archive, directory) = zip(&files);
        let read = walk("z.zip", &archive[..directory - 2_000], Limits::default());
        assert_eq!(read[..2], ["refused z.zip zip-no-directory", "read z.zip/a.csv 2 [] []"]);
        assert_eq!(read[2..], ["refused z.zip/b.csv archive-cut-off"]);
        // Everything but the directory is there.
        let read = walk("z.zip", &archive[..directory + 10], Limits::default());
        assert_eq!(read[1..], ["read z.zip/a.csv 2 [] []", "read z.zip/b.csv 2000 [] []"]);
    }
    let letter = mail(&[attached("text/csv", "filename=a.csv", list.as_bytes())]);
    let read = walk("m.eml", &letter[..letter.len() / 2], Limits::default());
    let [only] = &read[..] else { panic!("{read:?}") };
    assert!(only.starts_with("read m.eml/a.csv ") && only.ends_with(":mail-cut-off\"] [\"mail-cut-off\"]"), "{only}");
    let understood: u64 = only.split(' ').nth(2).unwrap().parse().unwrap();
    assert!((900..1_100).contains(&understood), "{only}");
}

#[test]
fn a_bomb_costs_itself_and_no_row_of_it_is_taken() {
    let mut bomb = LIST.as_bytes().to_vec();
    bomb.resize(64 << 20, b' ');
    let (archive, _) = zip(&[File::of("a.csv", LIST), File::of("bomb.csv", &bomb), File::of("z.csv", LIST)]);
    assert!(archive.len() < 100_000);
    let expected = ["read z.zip/a.csv 2 [] []", "refused z.zip/bomb.csv unpacks-too-far", "read z.zip/z.csv 2 [] []"];
    assert_eq!(walk("z.zip", &archive, Limits::default()), expected);
    assert_eq!(walk("b.gz", &gzip(&bomb), Limits::default()), ["refused b.gz/b unpacks-too-far"]);
    // Of what may be unpacked in all nothing is left for those behind it.
    let limits = Limits { unpacked: 10_000_000, ..Limits::default() };
    let read = walk("z.zip", &archive, limits);
    assert_eq!(read[1..], ["refused z.zip/bomb.csv unpacked-too-much", "refused z.zip/z.csv unpacked-too-much"]);
    // A length that is not what comes out.
    let (mut lying, directory) = zip(&[File::of("a.csv", &bomb)]);
    for at in [22, directory + 24] {
        lying[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
    }
    assert_eq!(walk("z.zip", &lying, Limits::default()), ["refused z.zip/a.csv archive-damaged"]);
}

#[test]
fn unpacking_again_and_again_comes_to_an_end() {
    let (inner, _) = zip(&vec![File { stored: true, ..File::of("a.csv", LIST) }; 200]);
    let outer = gzip(&inner);
    // Not held, each of the members costs all that stands before it.
    let limits = Limits { held: 0, unpacked: inner.len() as u64 * 4, ..Limits::default() };
    let read = walk("z.gz", &outer, limits);
    assert_eq!(read[0], "read z.gz/z/a.csv 2 [] []");
    assert_eq!(read.last().unwrap(), "refused z.gz/z/a.csv (200) unpacked-too-much");
    assert_eq!(read.len(), 200);
    let held = walk("z.gz", &outer, Limits { held: 1 << 20, ..limits });
    assert!(held.iter().all(|line| line.ends_with(" 2 [] []")), "{:?}", held.last());
}

#[test]
fn members_that_share_their_bytes_are_refused() {
    let files = [File::of("a.csv", LIST), File::of("b.csv", LIST)];
    let (mut archive, directory) = zip(&files);
    let second = directory + 46 + 5;
    archive[second + 42..second + 46].copy_from_slice(&0_u32.to_le_bytes());
    assert_eq!(
        walk("z.zip", &archive, Limits::default()),
        ["read z.zip/a.csv 2 [] []", "refused z.zip/b.csv zip-overlap"]
    );
}

#[test]
fn archives_in_one_another_come_to_an_end() {
    let mut bytes = LIST.as_bytes().to_vec();
    for _ in 0..8 {
        bytes = gzip(&bytes);
    }
    let path = format!("a{}", "/a".repeat(8));
    assert_eq!(walk("a", &bytes, Limits::default()), [format!("read {path} 2 [] []")]);
    assert_eq!(walk("a", &gzip(&bytes), Limits::default()), [format!("refused {path} nested-too-deep")]);
    let mut bytes = LIST.as_bytes().to_vec();
    for level in 0..60 {
        bytes = match level % 3 {
            0 => zip(&[File::of("a", &bytes)]).0,
            1 => mail(&[attached("application/octet-stream", "filename=a", &bytes)]),
            _ => gzip(&bytes),
        };
    }
    assert_eq!(walk("a", &bytes, Limits::default()), [format!("refused {path} nested-too-deep")]);
    // Multipart in multipart.
    let mut inside = part("Content-Type: text/csv; name=deep.csv", LIST);
    for level in 0..100 {
        inside = mail_parts("multipart/mixed", &format!("b{level}"), &[inside]);
    }
    let letter = mail(&[inside, attached("text/csv", "filename=z.csv", LIST.as_bytes())]);
    let read = walk("m.eml", &letter, Limits::default());
    assert_eq!(read, ["refused m.eml nested-too-deep", "read m.eml/z.csv 2 [] []"]);
}

#[test]
fn ten_thousand_parts_are_read_and_more_are_said_to_be_too_many() {
    let small = part("Content-Type: text/csv; name=a.csv", LIST);
    let begun = Clock::now();
    let limits = Limits { members: 10_010, ..Limits::default() };
    let read = lengths(&mail(&vec![small.clone(); 10_000]), limits);
    assert_eq!(read.len(), 10_000);
    assert!(read.iter().all(|line| line.ends_with(&format!(" {}", LIST.len()))));
    let read = lengths(&mail(&vec![small; 20_000]), limits);
    assert_eq!(read.len(), 10_011);
    assert_eq!(read[0], "refused file too-many-members");
    assert_eq!(read[10_010], "refused file/a.csv (10010) too-many-members");
    let (archive, _) = zip(&vec![File::of("a.csv", LIST); 20_000]);
    let read = lengths(&archive, limits);
    assert_eq!((read.len(), read[0].as_str()), (10_011, "refused file too-many-members"));
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn a_member_can_be_read_again_and_from_anywhere() {
    let mut long = String::new();
    for row in 0..50_000 {
        long.push_str(&format!("{row},"));
    }
    let letter = mail(&[attached("application/gzip", "filename=x.gz", &gzip(long.as_bytes()))]);
    let outer = gzip(&letter);
    let mut source = Cursor::new(&outer);
    let mut members = Members::of("f.gz", &mut source, Limits::default());
    let Some(Found::Member(member)) = members.following().unwrap() else { panic!() };
    assert_eq!(member.path, "f.gz/f/x.gz/x");
    let source = member.source;
    assert_eq!(source.length().unwrap(), long.len() as u64);
    for at in [0, 200_000, 5, 5, 287_000, 1_000_000] {
        source.go_to(at).unwrap();
        let mut bytes = Vec::new();
        source.take(20).read_to_end(&mut bytes).unwrap();
        let from = usize::try_from(at).unwrap().min(long.len());
        assert_eq!(bytes, &long.as_bytes()[from..(from + 20).min(long.len())]);
    }
}

/// Everything in one, to be hurt.
fn sample() -> Vec<u8> {
    let (archive, _) =
        zip(&[File::of("a.csv", LIST), File { behind: true, ..File::of("b.csv.gz", gzip(LIST.as_bytes())) }]);
    mail_of(
        "multipart/mixed",
        &[
            part("Content-Type: text/plain; charset=iso-2022-jp", b"\x1b$B$*@$OC\x1b(B"),
            attached("application/zip", "filename*0*=utf-8''%E6%84%9F; filename*1=.zip", &archive),
            part("Content-Type: text/csv; name=q.csv\nContent-Transfer-Encoding: quoted-printable", LIST),
        ],
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hurt_anywhere(hurts in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8), raw in any::<bool>(), cut in any::<proptest::sample::Index>(), cuts in 0..3) {
        // As a mail, or as a bare zip, where more of the bytes mean something.
        let mut bytes = if raw { zip(&[File::of("a.csv", LIST), File { behind: true, wide: false, ..File::of("b.csv", LIST) }]).0 } else { sample() };
        for (at, byte) in hurts {
            let at = at.index(bytes.len());
            bytes[at] ^= byte;
        }
        if cuts == 0 {
            bytes.truncate(cut.index(bytes.len()) + 1);
        }
        for line in walk("f", &bytes, Limits::default()) {
            prop_assert!(!line.is_empty());
        }
    }

    #[test]
    fn a_hurt_archive_never_gives_other_rows(at in any::<proptest::sample::Index>(), bit in 0_u8..8) {
        let mut bytes = gzip(LIST.as_bytes());
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let read = walk("a.csv.gz", &bytes, Limits::default());
        let whole = read.len() == 1 && read[0].starts_with("read ") && read[0].contains(" 2 ");
        let refused = read.len() == 1 && read[0].starts_with("refused ");
        // Another system, another time, a name: nothing of that is a row.
        prop_assert!(refused || whole, "{read:?}");
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400), start in 0_usize..5) {
        let begin: &[u8] = [&b"PK\x03\x04"[..], b"\x1f\x8b\x08", b"From: a\r\nTo: b\r\nContent-Type: multipart/x; boundary=b\r\n\r\n--b\r\n", b"From x\r\nFrom: a\nTo: b\n", b"PK\x05\x06"][start];
        let bytes = [begin, &bytes].concat();
        walk("f", &bytes, Limits::default());
    }
}
