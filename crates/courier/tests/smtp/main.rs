//! Letters against a real mail server with the faults that real ones have, and signatures against a real verifier.
//!
//! The server is aiosmtpd, the verifier dkimpy; `NOROSHI_TEST_PYTHON` names a Python that has both
//! (`tests/clients/requirements.txt`), `python3` by default.

mod server;

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use courier::codes::{
    MESSAGE_TOO_LARGE, SMTP_BROKEN_REPLY, SMTP_INTERRUPTED, SMTP_LOGIN_REFUSED, SMTP_NO_STARTTLS, SMTP_SENDER_REFUSED,
    SMTP_TLS_FAILED, SMTP_UNREACHABLE,
};
use courier::mail::render;
use courier::{Envelope, Parcel, Recipient, SendError, Taken, Way};
use model::port::{Crash, Faults, NoFaults};

use crate::server::{Server, certificates, clients, openssl, python, way_to};

const STARTTLS: &[&str] = &["--tls", "starttls"];
const PLAIN: &str = "tls = \"danger_plain\"";

fn letter(id: &str, to: &[&str]) -> Envelope {
    Envelope {
        id: id.parse().unwrap(),
        from: "狼煙 注意喚起窓口 <noroshi@example.org>".parse().unwrap(),
        to: to.iter().map(|address| Recipient::Mail(address.parse().unwrap())).collect(),
        already: vec![],
        reply_to: None,
        bounces_to: Some("bounces@example.org".parse().unwrap()),
        subject: format!("letter {id}").parse().unwrap(),
        text: "お使いの機器がウイルスに感染しているおそれがあります。\n.\n..行頭のピリオド\n".parse().unwrap(),
        language: model::Lang::Ja,
        date: "2014-07-18T09:30:00+09:00".parse().unwrap(),
        ticket: Some("NR-0123456789AB".parse().unwrap()),
        delivery: None,
        parcels: vec![Parcel {
            name: "対象一覧.csv".parse().unwrap(),
            media_type: "text/csv; charset=utf-8".parse().unwrap(),
            bytes: b"source.ip\n192.0.2.7\n.\n".to_vec(),
        }],
    }
}

fn reason(error: &SendError) -> &'static str {
    error.reason().map_or("crash", |code| code.code)
}

fn transient(error: &SendError) -> Option<Taken> {
    match error {
        SendError::Transient { taken, .. } => Some(*taken),
        _ => None,
    }
}

#[tokio::test]
async fn letters_share_one_encrypted_connection() {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "pass wörd\n").unwrap();
    let server = Server::start(&["--tls", "starttls", "--login", "noroshi:pass wörd"]);
    let way = server.way(&format!("user = \"noroshi\"\npassword_file = {:?}", password.path()));
    let letters: Vec<Envelope> = (0..3).map(|n| letter(&format!("e.{n}"), &["hanako@example.com"])).collect();
    for letter in &letters {
        let sent = way.send(letter).await.unwrap();
        assert_eq!(sent.accepted, letter.to);
        assert_eq!(sent.refused, []);
    }
    way.rest().await;
    let accepted = server.accepted();
    assert_eq!(accepted.len(), 3);
    for (accepted, letter) in accepted.iter().zip(&letters) {
        assert_eq!(accepted.bytes, render(letter, None).unwrap(), "the server has exactly the rendered bytes");
        assert_eq!(accepted.envelope["mail_from"], "bounces@example.org");
        assert_eq!(accepted.envelope["encrypted"], true);
        assert_eq!(accepted.envelope["user"], "noroshi");
        assert_eq!(accepted.recipients(), ["hanako@example.com"]);
        let size = format!("SIZE={}", accepted.bytes.len());
        assert_eq!(accepted.envelope["mail_options"][0], size.as_str());
    }
    assert_eq!(["connected", "AUTH", "DATA", "QUIT"].map(|event| server.count(event)), [1, 1, 3, 1]);
    // And after a rest it connects again.
    way.send(&letters[0]).await.unwrap();
    assert_eq!(server.count("connected"), 2);
}

#[tokio::test]
async fn one_refused_recipient_does_not_cost_the_others_their_letter() {
    let server = Server::start(&[
        "--refuse",
        "gone@example.com=550 5.1.1 <gone@example.com> unknown",
        "--refuse",
        "full@example.com=452 4.2.2 mailbox full",
        "--refuse",
        "many@example.com=552 5.5.3 too many recipients",
    ]);
    let way = server.way(PLAIN);
    let mut addresses: Vec<String> = (0..7).map(|n| format!("r{n}@example.com")).collect();
    addresses.insert(2, "gone@example.com".to_owned());
    addresses.insert(5, "full@example.com".to_owned());
    addresses.push("many@example.com".to_owned());
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let mut letter = letter("e.1", &addresses);
    letter.to.push(Recipient::Folder("isp-hokuto".parse().unwrap()));
    let sent = way.send(&letter).await.unwrap();
    assert_eq!(sent.accepted.len(), 7);
    let refused: Vec<_> = sent.refused.iter().map(|r| (r.code, r.permanent, r.text.status())).collect();
    assert_eq!(
        refused,
        [(550, true, Some("5.1.1")), (452, false, Some("4.2.2")), (552, false, Some("5.5.3")), (0, true, None)]
    );
    assert!(sent.refused[0].text.for_record().contains("gone@example.com"));
    let accepted = server.accepted();
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0].recipients().len(), 7);

    // Nobody left: no DATA, and the connection carries the next letter.
    let sent = way.send(&self::letter("e.2", &["gone@example.com"])).await.unwrap();
    assert_eq!((sent.accepted.len(), sent.refused.len()), (0, 1));
    way.send(&self::letter("e.3", &["r1@example.com"])).await.unwrap();
    assert_eq!((server.accepted().len(), server.count("DATA"), server.count("connected")), (2, 2, 1));
}

#[tokio::test]
async fn a_greylist_takes_the_second_try_and_only_those_who_remain() {
    let server = Server::start(&["--greylist"]);
    let way = server.way(PLAIN);
    // One of the two is known already.
    way.send(&letter("e.0", &["taro@example.com"])).await.unwrap();
    let mut letter = letter("e.1", &["taro@example.com", "hanako@example.com"]);
    let first = way.send(&letter).await.unwrap();
    assert_eq!(first.accepted, letter.to[..1]);
    assert_eq!((first.refused[0].code, first.refused[0].permanent), (451, false));
    letter.already = first.accepted;
    let second = way.send(&letter).await.unwrap();
    assert_eq!(second.accepted, letter.to[1..]);
    assert_eq!(second.refused, []);
    let accepted = server.accepted();
    assert_eq!(accepted[0].recipients(), ["taro@example.com"]);
    assert_eq!(accepted[1].recipients(), ["hanako@example.com"]);
    assert_eq!(accepted[0].bytes, accepted[1].bytes);
    letter.already = letter.to.clone();
    assert_eq!(way.send(&letter).await.unwrap(), courier::Sent::default());
}

#[tokio::test]
async fn a_reply_lost_after_data_leads_to_the_same_letter_again() {
    let server = Server::start(&["--drop-after-data", "1"]);
    let way = server.way(PLAIN);
    let letter = letter("e.1", &["hanako@example.com"]);
    let error = way.send(&letter).await.unwrap_err();
    assert_eq!((reason(&error), transient(&error)), (SMTP_INTERRUPTED.code, Some(Taken::Perhaps)));
    way.send(&letter).await.unwrap();
    let accepted = server.accepted();
    assert_eq!(accepted.len(), 2, "the server took it both times");
    assert_eq!(accepted[0].bytes, accepted[1].bytes);
    assert!(String::from_utf8_lossy(&accepted[1].bytes).contains("\r\nMessage-ID: <e.1@example.org>\r\n"));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
    let server = Server::start(&["--hang-after-data", "1"]);
    let way = server.way(&format!("{PLAIN}\nlast_reply_seconds = 1"));
    let letter = letter("e.1", &["hanako@example.com"]);
    let error = way.send(&letter).await.unwrap_err();
    assert_eq!((reason(&error), transient(&error)), (SMTP_INTERRUPTED.code, Some(Taken::Perhaps)));
    way.send(&letter).await.unwrap();
    assert_eq!(server.count("connected"), 2);

    // Nor one that does not even greet.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for tls in ["danger_plain", "starttls", "implicit"] {
        let settings = format!("tls = {tls:?}\nreply_seconds = 1");
        let way = mute_way(silent.local_addr().unwrap().port(), &settings);
        let error = way.send(&letter).await.unwrap_err();
        assert_eq!((reason(&error), transient(&error)), (SMTP_INTERRUPTED.code, Some(Taken::No)), "{tls}");
    }
}

/// A way without the usual `reply_seconds`.
fn mute_way(port: u16, smtp: &str) -> courier::send::smtp::Smtp {
    let text = format!("from = \"noroshi@example.org\"\n[smtp]\nhost = \"127.0.0.1\"\nport = {port}\n{smtp}\n");
    let settings: courier::Settings = toml::from_str(&text).unwrap();
    let checked = settings.check(&disk::RealDisk::default(), "test.toml").unwrap();
    courier::send::smtp::Smtp::new(checked.smtp.unwrap(), None, Arc::new(NoFaults))
}

/// Speaks SMTP up to DATA, reads so much of the letter, and closes.
async fn close_within_data(listener: tokio::net::TcpListener, bytes: usize) {
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 localhost\r\n").await.unwrap();
    let mut line = String::new();
    while !line.starts_with("DATA") {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        let reply: &[u8] = if line.starts_with("DATA") { b"354 go on\r\n" } else { b"250 localhost\r\n" };
        stream.write_all(reply).await.unwrap();
    }
    stream.read_exact(&mut vec![0; bytes]).await.unwrap();
}

#[tokio::test]
async fn a_letter_cut_short_was_certainly_not_taken() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let way = way_to(listener.local_addr().unwrap().port(), PLAIN, "", Arc::new(NoFaults));
    let mut large = letter("e.1", &["hanako@example.com"]);
    // Larger than what the two sockets hold between them.
    large.parcels[0].bytes = vec![b'x'; 7_000_000];
    let (error, ()) = tokio::join!(way.send(&large), close_within_data(listener, 100_000));
    let error = error.unwrap_err();
    assert_eq!((reason(&error), transient(&error)), (SMTP_INTERRUPTED.code, Some(Taken::No)));
}

#[tokio::test]
async fn whoever_stops_waiting_leaves_no_half_session_behind() {
    let server = Server::start(&["--hang-after-data", "1"]);
    let way = server.way(PLAIN);
    let first = letter("e.1", &["hanako@example.com"]);
    assert!(tokio::time::timeout(Duration::from_secs(2), way.send(&first)).await.is_err());
    let second = letter("e.2", &["taro@example.com"]);
    assert_eq!(way.send(&second).await.unwrap().accepted, second.to);
    let accepted = server.accepted();
    assert_eq!(accepted[1].recipients(), ["taro@example.com"]);
    assert_eq!(accepted[1].bytes, render(&second, None).unwrap());
}

#[tokio::test]
async fn nothing_goes_out_where_starttls_is_missing() {
    let server = Server::start(&[]);
    let error = server.way("").send(&letter("e.1", &["hanako@example.com"])).await.unwrap_err();
    assert_eq!((reason(&error), transient(&error)), (SMTP_NO_STARTTLS.code, Some(Taken::No)));
    assert_eq!((server.count("connected"), server.count("DATA"), server.accepted().len()), (1, 0, 0));
}

#[tokio::test]
async fn only_the_right_certificate_will_do() {
    let other = format!("ca_file = {:?}", certificates().join("other.pem"));
    for (tls, arguments) in [("starttls", STARTTLS), ("implicit", &["--tls", "implicit"])] {
        let server = Server::start(arguments);
        for bad in [other.as_str(), "host = \"127.0.0.1\""] {
            let way = server.way(&format!("tls = {tls:?}\n{bad}"));
            let error = way.send(&letter("e.1", &["hanako@example.com"])).await.unwrap_err();
            assert_eq!((reason(&error), transient(&error)), (SMTP_TLS_FAILED.code, Some(Taken::No)), "{tls} {bad}");
        }
        assert_eq!((server.count("DATA"), server.accepted().len()), (0, 0));
        let way = server.way(&format!("tls = {tls:?}"));
        way.send(&letter("e.1", &["hanako@example.com"])).await.unwrap();
        assert_eq!(server.accepted()[0].envelope["encrypted"], true);
    }
    // TLS to a server that speaks plain, and the other way round.
    let plain = Server::start(&[]);
    let error = plain.way("tls = \"implicit\"").send(&letter("e.1", &["hanako@example.com"])).await.unwrap_err();
    assert_eq!(reason(&error), SMTP_TLS_FAILED.code);
}

#[tokio::test]
async fn replies_smuggled_in_before_tls_are_not_believed() {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "secret\n").unwrap();
    let server = Server::start(&["--tls", "starttls", "--login", "noroshi:secret", "--inject-after-starttls"]);
    let way = server.way(&format!("user = \"noroshi\"\npassword_file = {:?}", password.path()));
    let error = way.send(&letter("e.1", &["hanako@example.com"])).await.unwrap_err();
    assert_eq!(reason(&error), SMTP_TLS_FAILED.code, "{error:?}");
    assert_eq!((server.count("STARTTLS"), server.count("AUTH"), server.count("DATA")), (1, 0, 0));
}

#[tokio::test]
async fn a_wrong_password_keeps_the_letter_waiting() {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "old\n").unwrap();
    let server = Server::start(&["--tls", "starttls", "--login", "noroshi:new"]);
    let way = server.way(&format!("user = \"noroshi\"\npassword_file = {:?}", password.path()));
    let error = way.send(&letter("e.1", &["hanako@example.com"])).await.unwrap_err();
    assert_eq!((reason(&error), transient(&error)), (SMTP_LOGIN_REFUSED.code, Some(Taken::No)));
    // A login that the server demands and the settings lack.
    let error = server.way("").send(&letter("e.1", &["hanako@example.com"])).await.unwrap_err();
    assert_eq!((reason(&error), transient(&error)), (SMTP_LOGIN_REFUSED.code, Some(Taken::No)));
    // A login that the settings have and the server does not know of.
    let without = Server::start(STARTTLS);
    let way = without.way(&format!("user = \"noroshi\"\npassword_file = {:?}", password.path()));
    let error = way.send(&letter("e.1", &["hanako@example.com"])).await.unwrap_err();
    assert_eq!((reason(&error), transient(&error)), (SMTP_LOGIN_REFUSED.code, Some(Taken::No)));
    assert_eq!(server.accepted().len() + without.accepted().len(), 0);
}

#[tokio::test]
async fn nobody_there_and_no_mail_server() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for tls in ["danger_plain", "starttls", "implicit"] {
        let way = way_to(free, &format!("tls = {tls:?}"), "", Arc::new(NoFaults));
        let error = way.send(&letter("e.1", &["hanako@example.com"])).await.unwrap_err();
        assert_eq!((reason(&error), transient(&error)), (SMTP_UNREACHABLE.code, Some(Taken::No)), "{tls}");
    }
    let web = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let way = way_to(web.local_addr().unwrap().port(), PLAIN, "", Arc::new(NoFaults));
    let answer = async {
        let (mut stream, _) = web.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    };
    let envelope = letter("e.1", &["hanako@example.com"]);
    let (error, ()) = tokio::join!(way.send(&envelope), answer);
    let error = error.unwrap_err();
    assert_eq!((reason(&error), transient(&error)), (SMTP_BROKEN_REPLY.code, Some(Taken::No)));
}

#[tokio::test]
async fn what_is_too_large_is_not_even_begun() {
    let server = Server::start(&["--max-size", "20000"]);
    let mut large = letter("e.1", &["hanako@example.com"]);
    large.parcels[0].bytes = vec![b'x'; 30_000];
    for settings in [PLAIN, "tls = \"danger_plain\"\nmax_message_bytes = 10000"] {
        let error = server.way(settings).send(&large).await.unwrap_err();
        assert_eq!((reason(&error), transient(&error)), (MESSAGE_TOO_LARGE.code, None), "{settings}");
    }
    assert_eq!((server.count("connected"), server.count("DATA")), (1, 0));
    // A large one that may pass arrives whole, in more than one piece.
    let server = Server::start(&[]);
    large.parcels[0].bytes = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    server.way(PLAIN).send(&large).await.unwrap();
    assert_eq!(server.accepted()[0].bytes, render(&large, None).unwrap());
}

#[tokio::test]
async fn a_session_that_the_server_has_closed_is_replaced() {
    let server = Server::start(&["--letters-per-connection", "2"]);
    let way = server.way(PLAIN);
    for n in 0..5 {
        way.send(&letter(&format!("e.{n}"), &["hanako@example.com"])).await.unwrap();
    }
    assert_eq!((server.accepted().len(), server.count("421"), server.count("connected")), (5, 2, 3));
    // Or we close it ourselves in time.
    let server = Server::start(&[]);
    let way = server.way(&format!("{PLAIN}\nletters_per_connection = 2"));
    for n in 0..5 {
        way.send(&letter(&format!("e.{n}"), &["hanako@example.com"])).await.unwrap();
    }
    assert_eq!((server.accepted().len(), server.count("QUIT"), server.count("connected")), (5, 2, 3));
}

#[tokio::test]
async fn refusals_of_the_sender_and_of_the_letter() {
    let server = Server::start(&[
        "--refuse-sender",
        "bounces@example.org=550 5.7.1 not you",
        "--reject-data",
        "letter e.2=554 5.6.0 not this",
    ]);
    let way = server.way(PLAIN);
    let error = way.send(&letter("e.1", &["hanako@example.com"])).await.unwrap_err();
    assert_eq!((reason(&error), transient(&error)), (SMTP_SENDER_REFUSED.code, None));
    let SendError::Permanent { code: 550, text, .. } = &error else { panic!("{error:?}") };
    assert_eq!(text.status(), Some("5.7.1"));

    let from_elsewhere =
        |id: &str| Envelope { bounces_to: None, ..letter(id, &["hanako@example.com", "taro@example.com"]) };
    let sent = way.send(&from_elsewhere("e.2")).await.unwrap();
    assert_eq!(sent.accepted, []);
    assert!(sent.refused.len() == 2 && sent.refused.iter().all(|r| r.code == 554 && r.permanent), "{sent:?}");
    assert_eq!(way.send(&from_elsewhere("e.3")).await.unwrap().accepted.len(), 2);
    assert_eq!((server.accepted().len(), server.count("connected")), (1, 1));
    assert_eq!(server.accepted()[0].envelope["mail_from"], "noroshi@example.org");
}

/// Crashes once at a point.
struct CrashAt(Mutex<Option<&'static str>>);

impl Faults for CrashAt {
    fn reach(&self, point: &'static str) -> Result<(), Crash> {
        let mut at = self.0.lock().unwrap();
        if *at == Some(point) {
            *at = None;
            return Err(Crash(point));
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_crash_before_or_after_sending() {
    for (point, arrived) in [("courier.before-send", 1), ("courier.after-send", 2)] {
        let server = Server::start(&[]);
        let way = server.way_with(PLAIN, "", Arc::new(CrashAt(Mutex::new(Some(point)))));
        let letter = letter("e.1", &["hanako@example.com"]);
        assert_eq!(way.send(&letter).await.unwrap_err(), SendError::Crash(Crash(point)));
        assert_eq!(server.accepted().len(), arrived - 1);
        way.send(&letter).await.unwrap();
        let accepted = server.accepted();
        assert_eq!(accepted.len(), arrived, "{point}");
        assert!(accepted.iter().all(|a| a.bytes == accepted[0].bytes));
    }
}

#[tokio::test]
async fn another_program_verifies_our_signatures() {
    let folder = tempfile::tempdir().unwrap();
    openssl(folder.path(), "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem");
    openssl(folder.path(), "pkey -in rsa.pem -traditional -out rsa-pkcs1.pem");
    openssl(folder.path(), "genpkey -algorithm ED25519 -out ed25519.pem");
    let rsa = STANDARD.encode(openssl(folder.path(), "pkey -in rsa.pem -pubout -outform DER"));
    let ed25519 = openssl(folder.path(), "pkey -in ed25519.pem -pubout -outform DER");
    // RFC 8463, section 4: the bare key, the last 32 bytes of the DER.
    let ed25519 = STANDARD.encode(&ed25519[ed25519.len() - 32..]);

    let server = Server::start(&[]);
    let ways = [("rsa", "rsa.pem", &rsa), ("rsa", "rsa-pkcs1.pem", &rsa), ("ed25519", "ed25519.pem", &ed25519)];
    for (n, (algorithm, key, public)) in ways.into_iter().enumerate() {
        let record = folder.path().join("record.txt");
        std::fs::write(&record, format!("v=DKIM1; k={algorithm}; p={public}")).unwrap();
        let dkim = format!(
            "[dkim]\ndomain = \"example.org\"\nselector = \"n2014\"\nalgorithm = {algorithm:?}\nkey_file = {:?}",
            folder.path().join(key)
        );
        let way = server.way_with(PLAIN, &dkim, Arc::new(NoFaults));
        let mut letter = letter("e.1", &["hanako@example.com"]);
        if n == 0 {
            letter.parcels.clear();
        }
        way.send(&letter).await.unwrap();
        let received = server.accepted().pop().unwrap().bytes;
        let verify = |bytes: &[u8]| {
            let mail = folder.path().join("mail.eml");
            std::fs::write(&mail, bytes).unwrap();
            let output = Command::new(python())
                .arg(clients().join("dkim_verify.py"))
                .arg(&mail)
                .arg("n2014._domainkey.example.org")
                .arg(&record)
                .output()
                .unwrap();
            assert_ne!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        assert_eq!(verify(&received), "good", "{key}");
        // What a relay may do: another line end at the end, another folding, headers on top.
        let text = String::from_utf8(received).unwrap();
        assert_eq!(verify(format!("Received: by relay.example.net\r\n{text}\r\n\r\n").as_bytes()), "good", "{key}");
        assert_eq!(verify(text.replace("Subject: letter", "SUBJECT:  \r\n letter").as_bytes()), "good", "{key}");
        // And what nobody may.
        let changes = [
            ("Subject: letter e.1", "Subject: letter e.2"),
            ("Auto-Submitted: auto-generated", "Auto-Submitted: no"),
            ("X-Noroshi-Ticket: NR-0", "X-Noroshi-Ticket: NR-1"),
            ("MIME-Version: 1.0\r\n", "MIME-Version: 1.0\r\nSubject: another\r\n"),
            ("MIME-Version: 1.0\r\n", "MIME-Version: 1.0\r\nReply-To: evil@example.com\r\n"),
            ("\r\n\r\n", "\r\n\r\nx"),
            ("t=1405643400", "t=1405643401"),
        ];
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            assert_eq!(verify(text.replacen(from, to, 1).as_bytes()), "bad", "{key}: {to}");
        }
    }
}
