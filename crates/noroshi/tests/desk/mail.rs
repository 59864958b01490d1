//! Mail, end to end: a node's notices and a hub's deliveries through a real mail server, with recipients that are refused,
//! deferred, or out of reach; read and verified by programs that others wrote.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::desk::{Desk, LANGUAGES, ROUND, python, root, sample};
use crate::server::{Accepted, Server, certificates, openssl};

const STARTTLS: [&str; 4] = ["--tls", "starttls", "--login", "noroshi:pass wörd"];

/// Tells a home to send by the server at that port, with STARTTLS and a login, and to try again soon.
fn mail_by(desk: &Desk, home: &str, from: &str, port: u16, more: &str) {
    let password = desk.file("smtp-password", "pass wörd\n");
    let settings = desk.read(&format!("{home}/noroshi.toml"));
    let (before, _) = settings.split_once("\n[courier").unwrap_or((&settings, ""));
    let ca = certificates().join("ca.pem");
    desk.file(
        &format!("{home}/noroshi.toml"),
        format!(
            "{before}\n[courier]\nfrom = \"{from}\"\n[courier.smtp]\nhost = \"localhost\"\nport = {port}\nca_file = {ca:?}\n\
             user = \"noroshi\"\npassword_file = {password:?}\nreply_seconds = 20\n\
             [courier.retry]\nfirst_seconds = 1\nlongest_seconds = 1\n{more}"
        ),
    );
}

/// What another program reads in a mail: headers, text, and the attachments by name.
fn read(mail: &Path) -> Value {
    let script = "import email, email.policy, json, sys\n\
        m = email.message_from_bytes(open(sys.argv[1], 'rb').read(), policy=email.policy.default)\n\
        parts = {p.get_filename(): [p.get_content_type(), p.get_payload(decode=True).decode()] for p in m.iter_attachments()}\n\
        body = m.get_body(('plain',)).get_content()\n\
        print(json.dumps({'subject': m['subject'], 'from': m['from'], 'to': m['to'], 'bcc': m['bcc'], 'body': body, 'parts': parts}))\n";
    let output = Command::new(python()).args(["-c", script]).arg(mail).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The letters that a server took, by recipient; the file of each.
fn taken(server: &Server) -> BTreeMap<String, Vec<PathBuf>> {
    let mut by_recipient: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for (n, letter) in server.accepted().iter().enumerate() {
        assert_eq!((&letter.envelope["encrypted"], &letter.envelope["user"]), (&json!(true), &json!("noroshi")));
        let file = server.spool.path().join(format!("{}.eml", n + 1));
        for recipient in Accepted::recipients(letter) {
            by_recipient.entry(recipient.to_owned()).or_default().push(file.clone());
        }
    }
    by_recipient
}

/// A desk with ten subscribers of the node, each with a terminal on the list, whose delivery lies in the node's inbox.
fn ten_subscribers() -> Desk {
    let desk = Desk::open();
    let mut list = "検知日時,IPアドレス,ポート,マルウェア名\n".to_owned();
    let mut leases = "アドレス,開始ポート,終了ポート,開始日時,終了日時,契約者番号\n".to_owned();
    let mut contacts = "契約者番号,メールアドレス,言語,通知停止\n".to_owned();
    for n in 0..10 {
        list += &format!("2026/05/12 09:{n:02}:00,198.18.1.{n},5000{n},samplebot\n");
        leases += &format!("198.18.1.{n},,,2026-05-12T00:00:00+09:00,2026-05-13T00:00:00+09:00,D-{n}\n");
        contacts += &format!("D-{n},user{n}@example.com,ja,\n");
    }
    desk.file("list.csv", list);
    desk.file("leases.csv", leases);
    desk.file("contacts.csv", contacts);
    desk.ingest("list.csv", "--timezone Asia/Tokyo").exits(0);
    desk.hub(&format!("round send {ROUND}")).exits(0);
    desk.hub("carry").exits(0);
    desk.isp("assignments import leases.csv --table mobile --as-of 2026-05-13T00:00:00+09:00").exits(0);
    desk.isp("assignments subscribers contacts.csv").exits(0);
    desk.settings("isp", "\nway = \"eml\"", "\nway = \"smtp\"");
    desk
}

/// Runs a command again and again until it has nothing left over.
fn until_done(desk: &Desk, line: &str) {
    let begun = Instant::now();
    loop {
        let ran = desk.run(line);
        if ran.exit == 0 {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "{}: {}", ran.line, ran.err);
        std::thread::sleep(Duration::from_millis(700));
    }
}

#[test]
fn one_of_ten_is_refused_and_one_deferred() {
    let desk = ten_subscribers();
    let folder = desk.path();
    openssl(folder, "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out dkim.pem");
    openssl(folder, "pkey -in dkim.pem -pubout -out dkim.pub");
    let public: String = desk.read("dkim.pub").lines().filter(|line| !line.starts_with("--")).collect();
    let record = desk.file("record.txt", format!("v=DKIM1; k=rsa; p={public}"));
    let refuse = "user3@example.com=550 5.1.1 <user3@example.com> unknown";
    let server = Server::start(&[&STARTTLS[..], &["--refuse", refuse, "--defer", "user7@example.com"]].concat());
    let dkim = format!(
        "[courier.dkim]\ndomain = \"isp-hokuto.example.org\"\nselector = \"n2026\"\nalgorithm = \"rsa\"\nkey_file = {:?}\n",
        folder.join("dkim.pem")
    );
    mail_by(&desk, "isp", "abuse@isp-hokuto.example.org", server.port, &dkim);

    desk.isp("node take").exits(0);
    let id = desk.delivery_to("isp-hokuto")["delivery"].as_str().unwrap().to_owned();
    desk.isp(&format!("node tell {id} --dry-run")).exits(0);
    assert_eq!(server.count("connected"), 0, "a trial asks no server");
    // One waits for its second try, one was refused: in part.
    desk.isp("node run --lang en").exits(1).says(["again"]);
    let begun = Instant::now();
    while taken(&server).len() < 9 {
        assert!(begun.elapsed() < Duration::from_secs(90), "{:?}", taken(&server).keys());
        std::thread::sleep(Duration::from_millis(700));
        desk.isp("node run");
    }
    let letters = taken(&server);
    let expected: Vec<String> = (0..10).filter(|n| *n != 3).map(|n| format!("user{n}@example.com")).collect();
    assert_eq!(letters.keys().cloned().collect::<Vec<_>>(), expected);
    for (recipient, files) in &letters {
        assert_eq!(files.len(), 1, "{recipient} has one letter");
        let mail = read(&files[0]);
        let text = |key: &str| mail[key].as_str().unwrap_or_default().to_owned();
        assert!(text("to").contains(recipient.as_str()) && mail["bcc"].is_null(), "{mail}");
        assert!(text("from").contains("abuse@isp-hokuto.example.org"), "{mail}");
        assert!(text("subject").contains("NR-"), "{mail}");
        for part in ["感染端末相談窓口", "+81-3-0000-0000", "正当業務行為"] {
            assert!(text("body").contains(part), "lacks {part}: {mail}");
        }
        let verified = Command::new(python())
            .arg(root().join("tests/clients/dkim_verify.py"))
            .arg(&files[0])
            .arg("n2026._domainkey.isp-hokuto.example.org")
            .arg(&record)
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&verified.stdout).trim(),
            "good",
            "{}",
            String::from_utf8_lossy(&verified.stderr)
        );
    }
    // Nothing goes twice, and the hub learns of it by counts.
    desk.isp("node run");
    assert_eq!(server.accepted().len(), 9);
    desk.hub("answer").exits(0);
    let round = desk.hub(&format!("round show {ROUND} -o json")).exits(0).json();
    assert_eq!(desk.delivery_to("isp-hokuto")["outcomes"], json!({"told": 9, "bounced": 1}));
    let ladder = &round["figures"]["ladder"];
    assert_eq!(
        (&ladder["sent"], &ladder["identified"], &ladder["told"]),
        (&json!(10), &json!(10), &json!(9)),
        "{ladder}"
    );
    for home in ["hub", "isp"] {
        desk.run(&format!("--home {home} ledger verify")).exits(0);
    }
}

#[test]
fn a_hub_delivers_to_a_partner_by_mail() {
    let desk = Desk::open();
    let by_mail = "[party.delivery]\nway = \"mail\"\nto = [\"abuse@isp-minato.example.org\", \"csirt@isp-minato.example.org\"]\nformat = [\"csv\", \"xarf\"]\n";
    let roster = sample("roster.toml").replace("quickstart-1", "quickstart-2");
    let (before, _) = roster.split_once("[party.delivery]\nway = \"folder\"\npath = \"isp-minato\"").unwrap();
    desk.file("roster.toml", format!("{before}{by_mail}"));
    desk.hub("party import roster.toml").exits(0);
    desk.send();
    let lines = desk.hub("carry --dry-run -o json").exits(0).json();
    let job = lines.as_array().unwrap().iter().find(|job| job["party"] == "isp-minato").unwrap().clone();
    assert_eq!(
        (&job["way"], &job["rows"], &job["ground"]),
        (&json!("smtp"), &json!(1), &json!("legitimate-business-act"))
    );

    // Without a server in the settings: which setting; the others go.
    let soon = "[courier.retry]\nfirst_seconds = 1\nlongest_seconds = 1\n";
    desk.file("hub/noroshi.toml", format!("{}\n{soon}", desk.read("hub/noroshi.toml")));
    for lang in LANGUAGES {
        desk.hub(&format!("carry --lang {lang}"))
            .exits(1)
            .explains("setting-missing", lang)
            .says(["courier", "isp-minato"]);
        std::thread::sleep(Duration::from_millis(2_200));
    }
    assert!(desk.has("drop/isp-hokuto"), "the delivery by folder went");

    let server = Server::start(&STARTTLS);
    mail_by(&desk, "hub", "Clearing house <desk@clearing-house.example.org>", server.port, "");
    until_done(&desk, "--home hub carry");
    let letters = taken(&server);
    assert_eq!(letters.keys().collect::<Vec<_>>(), ["abuse@isp-minato.example.org", "csirt@isp-minato.example.org"]);
    assert_eq!(server.accepted().len(), 1, "one letter to both");
    let mail = read(&letters["abuse@isp-minato.example.org"][0]);
    let delivery = desk.delivery_to("isp-minato");
    assert_eq!(delivery["stage"], "carried");
    let subject = mail["subject"].as_str().unwrap();
    assert!(subject.contains(delivery["ticket"].as_str().unwrap()), "{subject}");
    assert!(mail["body"].as_str().unwrap().contains("感染端末相談窓口"), "{mail}");
    let part = |ending: &str| {
        let parts = mail["parts"].as_object().unwrap();
        let (name, part) = parts.iter().find(|(name, _)| name.ends_with(ending)).unwrap_or_else(|| panic!("{parts:?}"));
        (name.clone(), part[1].as_str().unwrap().to_owned())
    };
    let (_, csv) = part(".csv");
    assert!(csv.contains("198.18.16.20") && !csv.contains("198.18.0.10"), "{csv}");
    let (_, xarf) = part("xarf.jsonl");
    let file = desk.file("xarf.jsonl", xarf);
    let checked = Command::new(python())
        .arg(root().join("tests/clients/check_xarf.py"))
        .arg(root().join("crates/formats/src/xarf/schema/v4"))
        .arg(file)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn a_server_that_is_down_or_refuses_the_login() {
    let desk = ten_subscribers();
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let from = "abuse@isp-hokuto.example.org";
    mail_by(&desk, "isp", from, nobody, "");
    desk.isp("node run --lang en").exits(1).says(["again", "noroshi carry"]);
    let job = desk.isp("carry --dry-run -o json").exits(0).json();
    let notices: Vec<&Value> = job.as_array().unwrap().iter().filter(|job| job["kind"] == "notice").collect();
    assert_eq!(notices.len(), 1, "{job}");
    assert_eq!((&notices[0]["letters"], &notices[0]["last_error"]), (&json!(10), &json!("smtp-unreachable")));
    assert_eq!(desk.hub("answer -o json").exits(0).row()["moved"], 0, "nobody was told");
    for (lang, words) in [("ja", "送付箱に待っているもの"), ("en", "something waits in the outbox")] {
        let ran = desk.run_with(
            &format!("--home isp carry --lang {lang}"),
            &[("NOROSHI_COURIER__RETRY__FIRST_SECONDS", "600")],
            b"",
        );
        // Either it is not due yet, and that is said, or it was tried again.
        assert!(ran.err.contains(words) || ran.exit == 1, "{}", ran.err);
    }

    let server = Server::start(&STARTTLS);
    mail_by(&desk, "isp", from, server.port, "");
    desk.file("smtp-password", "hunter2\n");
    std::thread::sleep(Duration::from_secs(2));
    let ran = desk.isp("carry --lang ja").exits(1).says(["noroshi carry"]);
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    assert!(desk.isp("carry --dry-run").exits(0).out.contains("smtp-login-refused"));

    mail_by(&desk, "isp", from, server.port, "");
    let begun = Instant::now();
    while server.accepted().len() < 10 {
        assert!(begun.elapsed() < Duration::from_secs(90), "{}", desk.isp("carry --dry-run").out);
        std::thread::sleep(Duration::from_millis(700));
        desk.isp("node run");
    }
    until_done(&desk, "--home isp node run");
    let letters = taken(&server);
    assert_eq!((letters.len(), server.accepted().len()), (10, 10));
    desk.hub("answer").exits(0);
    assert_eq!(desk.delivery_to("isp-hokuto")["outcomes"], json!({"told": 10}));
}
