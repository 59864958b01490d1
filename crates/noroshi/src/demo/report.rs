//! The demo's report and its comparison with the published tables.

use std::path::{Path, PathBuf};

use exchange::figures::Figures;
use maud::{DOCTYPE, Markup, html};

use super::published::Column;
use super::run::Replayed;
use crate::command::Failure;
use crate::print::{percent, thousands};

/// Each round's name, its published column and ours; the total last.
pub fn compared(one: &Replayed) -> Vec<(String, Column, &Figures)> {
    let published = one.campaign.published;
    let columns = published.rounds.iter().chain(std::iter::once(&published.total));
    columns
        .zip(&one.figures)
        .map(|(column, figures)| {
            let name = figures.round.as_ref().map_or_else(|| "all".to_owned(), |round| round.number.to_string());
            (name, *column, figures)
        })
        .collect()
}

/// Whether a column is equal to the digit, which it can be only where nothing was withheld.
pub fn equal(published: &Column, ours: &Figures) -> bool {
    let handling = &ours.handling;
    handling.withheld() == 0
        && handling.received() == published.received
        && handling.sent() == published.sent
        && handling.returned() == published.returned
        && ours.routing_permille == Some(published.rate_permille)
}

/// Whether all columns are, and there are as many.
pub fn equals_published(one: &Replayed) -> bool {
    one.figures.len() == one.campaign.published.rounds.len() + 1
        && compared(one).iter().all(|(_, published, ours)| equal(published, ours))
}

/// Writes the report; where it lies.
pub fn write(home: &Path, replayed: &[Replayed]) -> Result<PathBuf, Failure> {
    let path = home.join("report.html");
    std::fs::write(&path, page(replayed).into_string())?;
    Ok(path)
}

fn page(replayed: &[Replayed]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="ja" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "狼煙 デモ報告書 / Noroshi demo report" }
                style { (STYLE) }
            }
            body {
                main {
                    h1 { "狼煙 デモ報告書" span lang="en" { " / Noroshi demo report" } }
                    p {
                        "二つの作戦を、生成した入力で再現した結果です。史実は公表された件数の合計だけで、組織・アドレス・契約者・協力先ごとの内訳はすべて架空です。"
                    }
                    p lang="en" {
                        "Two operations replayed on generated input. Only the published totals are history; parties, addresses, subscribers and the split by partner are invented."
                    }
                    @for one in replayed { (operation(one)) }
                }
            }
        }
    }
}

fn operation(one: &Replayed) -> Markup {
    html! {
        section {
            h2 { (one.campaign.title_ja) span lang="en" { " / " (one.campaign.title_en) } }
            table {
                caption { "公表された表との比較 / compared with the published table" }
                thead { tr {
                    th scope="col" { "回 round" }
                    th scope="col" { "受領 received" } th scope="col" { "送付 sent" } th scope="col" { "返却 returned" }
                    th scope="col" { "対応率 sent/received" } th scope="col" { "公表と一致 equal" }
                } }
                tbody {
                    @for (name, published, ours) in compared(one) {
                        tr {
                            th scope="row" { @if name == "all" { "合計 all" } @else { (name) } }
                            td { (thousands(ours.handling.received())) }
                            td { (thousands(ours.handling.sent())) }
                            td { (thousands(ours.handling.returned())) }
                            td { (percent(ours.routing_permille)) }
                            td { @if equal(&published, ours) { "一致 yes" } @else { "不一致 no" } }
                        }
                    }
                }
            }
            p {
                "対応率は送付数を受領数で割ったもので、対処できる協力先が見つかった割合です。利用者の応答率ではありません。"
                span lang="en" { " The rate is sent over received: how much found somebody who can act. It is not a response rate." }
            }
            (ladder(one))
            table {
                caption { "協力先ごとの内訳（架空）/ by partner (invented)" }
                thead { tr { th scope="col" { "協力先 partner" } th scope="col" { "送付 sent" } th scope="col" { "通知 letters" } } }
                tbody { @for (party, rows, letters) in &one.partners {
                    tr { th scope="row" { (party) } td { (thousands(*rows)) } td { (thousands(*letters)) } }
                } }
            }
            table {
                caption { "根拠 / grounds" }
                thead { tr { th scope="col" { "回 round" } th scope="col" { "行為 deed" } th scope="col" { "主体 party" } th scope="col" { "基準日 by the law of" } th scope="col" { "根拠 ground" } } }
                tbody { @for step in &one.steps {
                    tr { th scope="row" { (step.round) } td { (step.deed) } td { (step.party) } td { (step.decided_on) } td { (step.ground) } }
                } }
            }
        }
    }
}

/// The ladder as bars and, with the same numbers, as the table under them.
fn ladder(one: &Replayed) -> Markup {
    let Some(total) = one.figures.last() else { return html! {} };
    let l = &total.ladder;
    let rungs = [
        ("推定感染", "estimated infected", l.estimated.unwrap_or(0)),
        ("受領（件）", "received (rows)", l.received),
        ("送付", "sent", l.sent),
        ("受領確認", "acknowledged", l.acknowledged),
        ("利用者特定", "identified", l.identified),
        ("通知", "told", l.told),
        ("解消", "cleaned", l.cleaned),
    ];
    let most = rungs.iter().map(|(_, _, count)| *count).max().unwrap_or(1).max(1);
    html! {
        figure {
            svg viewBox="0 0 720 224" role="img" aria-label="はしご / ladder" {
                @for (index, (ja, en, count)) in rungs.iter().enumerate() {
                    @let y = index * 32;
                    text x="0" y=(y + 20) font-size="14" { (ja) " " (en) }
                    rect x="230" y=(y + 6) width=(count * 380 / most) height="18" fill="#005f8f" {}
                    text x=(236 + count * 380 / most) y=(y + 20) font-size="14" { (thousands(*count)) }
                }
            }
            figcaption { "受領確認から先は架空の事業者の結果です。 / From acknowledged on: the outcomes of invented operators." }
        }
        table {
            caption { "はしご（数値）/ the ladder in numbers" }
            tbody { @for (ja, en, count) in rungs { tr { th scope="row" { (ja) " / " (en) } td { (thousands(count)) } } } }
        }
    }
}

const STYLE: &str = "body{font-family:'Hiragino Sans','Noto Sans JP','Noto Sans CJK JP','Yu Gothic UI',Meiryo,sans-serif;line-height:1.75;color:#1a1a1c;margin:0}\
main{max-width:56rem;margin:0 auto;padding:1rem}table{border-collapse:collapse;margin:1rem 0;width:100%}\
caption{text-align:left;font-weight:700}th,td{border-bottom:1px solid #b4b4b7;padding:.4rem .6rem;text-align:left}\
td{text-align:right;font-variant-numeric:tabular-nums}figure{margin:1rem 0}svg{max-width:100%;height:auto}[lang=en]{color:#4d4d50}";
