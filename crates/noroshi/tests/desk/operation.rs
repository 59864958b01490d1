//! Operations: a plan that is wrong is refused with line and key; what is not agreed is not done.

use crate::desk::{Desk, LANGUAGES, ROUND, sample};

fn plan() -> String {
    Desk::empty().run("operation example").exits(0).out
}

/// A desk where no operation is open yet.
fn desk() -> Desk {
    let desk = Desk::open();
    desk.file("plan.toml", plan().replace("sample-2026", "other-2026"));
    desk
}

fn change(desk: &Desk, old: &str, new: &str) {
    let text = desk.read("plan.toml");
    assert!(text.contains(old), "{old}");
    desk.file("plan.toml", text.replacen(old, new, 1));
}

#[test]
fn mistakes_in_a_plan() {
    for (old, new, name, said) in [
        ("notify_from =", "notify_form =", "plan-unknown-key", "`notify_form → notify_from`"),
        ("phone =", "fone =", "plan-unknown-key", "`fone → phone`"),
        ("closes = \"2036-03-31T18:00:00+09:00\"", "closes = \"2036-03-31\"", "bad-plan", "closes"),
        ("classification = \"infected-system\"", "classification = \"infekted\"", "bad-plan", "classification"),
        ("\"isp-minato\"]", "\"isp-minat\"]", "plan-party-unknown", "isp-minat"),
        ("[[task]]", "[[task]", "bad-plan", "plan.toml:"),
        (
            "threat = \"samplebot\"",
            "threat = \"sample\\r\\nBcc: all@example.org\"",
            "plan-control-character",
            "plan.toml:8: threat",
        ),
        ("見本の作戦", "見本\\r\\nBcc: all@example.org", "plan-control-character", "plan.toml:6: title.ja"),
    ] {
        let desk = desk();
        change(&desk, old, new);
        for lang in LANGUAGES {
            for dry in ["--dry-run", ""] {
                let ran = desk.hub(&format!("operation open plan.toml {dry} --lang {lang}")).exits(1);
                ran.explains(name, lang).says(["plan.toml", said]);
            }
        }
        desk.hub("operation show other-2026").exits(6);
    }
}

#[test]
fn a_plan_that_its_reporter_has_not_agreed_to() {
    let desk = desk();
    change(&desk, "[[agreed]]\nparty = \"cert-example\"", "[[agreed]]\nparty = \"clearing-house\"");
    for lang in LANGUAGES {
        let ran = desk.hub(&format!("operation open plan.toml --lang {lang}")).exits(1);
        ran.explains("plan-not-agreed", lang).says(["plan.toml: agreed", "cert-example"]);
    }
}

#[test]
fn what_only_a_partner_without_agreement_could_act_on_is_returned() {
    let desk = desk();
    change(&desk, "[[agreed]]\nparty = \"isp-minato\"", "[[agreed]]\nparty = \"clearing-house\"");
    desk.hub("operation open plan.toml --lang en").exits(0).says(["1 of 2 partners have agreed"]);
    desk.hub("round open other-2026/1").exits(0);
    desk.file("list.csv", sample("list.csv"));
    desk.hub("ingest list.csv --round other-2026/1 --from cert-example --timezone Asia/Tokyo").exits(1);
    let lines = desk.hub("round send other-2026/1 --dry-run -o json").exits(0).json();
    let to = |party: &str| lines.as_array().unwrap().iter().any(|l| l["door"] == "sent" && l["party"] == party);
    assert!(to("isp-hokuto") && !to("isp-minato"), "{lines}");
    assert!(lines.to_string().contains("not-in-plan"), "{lines}");
}

#[test]
fn opened_once_and_amended_after_that() {
    let desk = Desk::open();
    desk.file("plan.toml", plan());
    for lang in LANGUAGES {
        let ran = desk.hub(&format!("operation open plan.toml --lang {lang}")).exits(1);
        ran.explains("operation-exists", lang).says(["operation amend"]);
    }
    desk.file("plan.toml", plan().replace("repeat_interval_days = 30", "repeat_interval_days = 7"));
    desk.hub("operation amend plan.toml --dry-run").exits(0);
    let interval = || desk.hub("operation show sample-2026").exits(0).json()["plan"]["repeat_interval_days"].clone();
    assert_eq!(interval(), 30);
    desk.hub("operation amend plan.toml").exits(0);
    assert_eq!(interval(), 7);
    desk.file("plan.toml", plan().replace("sample-2026", "never-opened"));
    desk.hub("operation amend plan.toml").exits(6).says(["never-opened"]);
}

#[test]
fn a_closed_operation() {
    let desk = desk();
    change(&desk, "closes = \"2036-03-31T18:00:00+09:00\"", "closes = \"2026-04-30T18:00:00+09:00\"");
    desk.hub("operation open plan.toml").exits(0);
    for lang in LANGUAGES {
        desk.hub(&format!("round open other-2026/1 --lang {lang}")).exits(1).explains("operation-closed", lang);
    }
}

#[test]
fn lists_in_every_form() {
    let desk = Desk::open();
    let csv = desk.hub("operation list -o csv").exits(0).out;
    assert!(csv.starts_with("operation,title,reporter,partners,closes\nsample-2026,"), "{csv}");
    assert_eq!(desk.hub("operation list -o ndjson").exits(0).json()["reporter"], "cert-example");
    desk.hub("operation show other-2026 --lang ja").exits(6).explains("not-found", "ja").says(["作戦 `other-2026`"]);
    assert!(desk.hub("round list").exits(0).out.contains(ROUND));
}
