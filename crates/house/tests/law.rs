//! `docs/law.md`: the rules of the shipped pack as a page for whoever must judge them.

use std::fmt::Write;

use law::pack::Effect;
use law::{Pack, Rule};

mod pages;

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn row(rule: &Rule) -> String {
    let ground = match (rule.effect, rule.ground) {
        (Effect::Permit, Some(ground)) => {
            let text = ground.text();
            format!("`{}` {} / {}", ground.name(), text.ja, text.en)
        }
        (Effect::Permit, None) => unreachable!("a pack refuses a rule that permits without a ground"),
        (Effect::Forbid, _) => "禁止 / forbids".to_owned(),
    };
    let actions: Vec<String> = rule.actions.iter().map(|action| format!("`{}`", action.name())).collect();
    let day = |day: &Option<String>| day.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "| `{}` | {ground} | {} | {} | {} | {} | {} | {} | {} | {} |",
        rule.id,
        actions.join(" "),
        day(&rule.valid_from),
        day(&rule.valid_until),
        cell(&rule.source),
        rule.confidence,
        rule.lawyer.as_deref().map_or_else(|| "-".to_owned(), cell),
        cell(&rule.reason_ja),
        cell(&rule.reason_en),
    )
}

fn page(pack: &Pack) -> String {
    let rules = pack.rules().count();
    let confirm = pack.to_confirm().count();
    let mut page = format!(
        "# 規則の一覧 / The rules\n\n\
         このページは、プログラムに同梱の規則から作られています（`crates/law/rules/`）。\n\
         **私たちは弁護士ではありません。** 各規則には出典と確度を示しています。弁護士の確認が必要な点のある規則は {rules} 件中 {confirm} 件\
         です。運用の前に、必ず自組織の弁護士に確認してください。どの規則にも当てはまらない行為は「根拠が見つからない」として認めません。\n\n\
         This page is made from the rules that come with the program (`crates/law/rules/`).\n\
         **We are not lawyers.** Each rule says where it comes from and how sure that is; {confirm} of {rules} rules have a point that a\n\
         lawyer must confirm. Ask your own lawyer before you operate. What no rule permits is refused as *no ground known*.\n\n\
         - 確度 / confidence: **A** 出典に明記 / the source says it; **B** 公開ページによる / a public page says it; **C** 一部は読解または記憶に\
         よる / partly reading or memory.\n\
         - 期間は日本の日付で、「まで」はその日を含みません。 / Days are days in Japan; a rule is in force before its last day, not on it.\n\
         - 規則の全文と理由 / a rule's text and its reasons: `noroshi law show RULE`, `why.md` beside the rule.\n\
         - 規則の要約値（台帳に残ります） / digest of the rules, as the ledger names it: `{}`\n\n\
         | 規則 / rule | 根拠 / ground | 行為 / actions | から / valid from | まで / valid until | 出典 / source | 確度 / confidence | \
         弁護士の確認が必要な点 / what a lawyer must confirm | 理由 | reason |\n|---|---|---|---|---|---|---|---|---|---|\n",
        pack.digest()
    );
    for rule in pack.rules() {
        let _ = writeln!(page, "{}", row(rule));
    }
    page
}

#[test]
fn the_page_is_what_the_rules_say() {
    let pack = Pack::shipped().expect("the shipped pack can be used");
    pages::compare("docs/law.md", &page(&pack));
}

#[test]
fn the_page_leaves_no_rule_out() {
    let pack = Pack::shipped().expect("the shipped pack can be used");
    let written = pages::read("docs/law.md");
    assert!(written.contains("私たちは弁護士ではありません") && written.contains("We are not lawyers"));
    for rule in pack.rules() {
        assert!(written.contains(&format!("| `{}` |", rule.id)), "{} is missing", rule.id);
        if let Some(point) = &rule.lawyer {
            assert!(written.contains(&cell(point)), "what a lawyer must confirm about {} is missing", rule.id);
        }
        assert!(
            !rule.reason_ja.is_empty() && !rule.reason_en.is_empty() && rule.reason_ja != rule.reason_en,
            "{}",
            rule.id
        );
    }
}
