//! The replay: a hub and its nodes are founded, lists are received, split, delivered, identified, told and answered, with a
//! clock that stands at each step of history. Every step is a deed of `exchange`.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant as Stopwatch;

use assignment::{CoversFrom, Source, SourceKind};
use disk::Care;
use exchange::figures::Figures;
use exchange::receive::Handed;
use model::party::Role;
use model::port::{Entropy, FixedClock, NoFaults, SeededEntropy};
use model::{Actor, Instant, Lang, PartyId, RoundId, Text};
use serde_json::{Value, json};

use super::generate::{self, Input};
use super::outcome::cleaned_later;
use super::world::{CAMPAIGNS, Campaign, HUB, OPERATORS, plan, roster};
use super::{Demo, report};
use crate::command::init::found;
use crate::command::round::{figures_sheet, ladder_sheet};
use crate::command::{Done, Failure};
use crate::print::{Console, Form, Sheet, percent};
use crate::settings::Settings;
use crate::start::{Started, World, start};

/// One deployment of the demo.
struct Deployment {
    started: Started,
    actor: Actor,
}

/// What was replayed of one campaign.
pub struct Replayed {
    /// The campaign.
    pub campaign: &'static Campaign,
    /// Round by round, the total last.
    pub figures: Vec<Figures>,
    /// Step by step: round, deed, party, day, ground, rules.
    pub steps: Vec<Step>,
    /// Per partner: rows sent, letters written.
    pub partners: Vec<(PartyId, u64, u64)>,
}

/// One step with its ground and the date it was decided by.
#[derive(Clone)]
pub struct Step {
    /// The round.
    pub round: String,
    /// What was done.
    pub deed: &'static str,
    /// By whom.
    pub party: String,
    /// The day by whose law it was decided.
    pub decided_on: String,
    /// The grounds.
    pub ground: String,
    /// The rules.
    pub rules: Vec<String>,
}

/// Runs the demo.
pub async fn run(demo: Demo, console: &Console) -> Result<Done, Failure> {
    let begun = Stopwatch::now();
    let home = folder(&demo)?;
    std::fs::create_dir_all(home.join("input"))?;
    let lang = console.lang();
    console.say(&match lang {
        Lang::Ja => format!(
            "2014年・2015年の二つの作戦を再現します。名簿・アドレス・契約者はすべて架空で、史実は件数の合計だけです（seed {}）。",
            demo.seed
        ),
        Lang::En => format!(
            "replaying the two operations of 2014 and 2015; parties, addresses and subscribers are invented, only the totals are history (seed {})",
            demo.seed
        ),
    });
    let clock = Arc::new(FixedClock::at(instant("2014-06-02T10:00:00+09:00")));
    // Seeded keys protect nothing; nothing in the demo needs protection.
    // Each deployment draws from a seed of its own, so that nodes that work at once make the same ids in every run.
    let world = |index: u64| {
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(demo.seed.wrapping_add(index << 32)));
        World { clock: clock.clone(), entropy, faults: Arc::new(NoFaults), care: Care::Skip }
    };

    let bar = console.progress(2 + OPERATORS.len() as u64 * 6, Text { ja: "再現中", en: "replaying" });
    let hub = deployment(&home, HUB, Role::ClearingHouse, &world(0)).await?;
    bar.inc(1);
    let mut nodes = Vec::new();
    for (operator, index) in OPERATORS.iter().zip(1..) {
        nodes.push(deployment(&home, operator.id, Role::Operator, &world(index)).await?);
        bar.inc(1);
    }
    let mut replayed = Vec::new();
    for campaign in &CAMPAIGNS {
        let input = generate::campaign(campaign, demo.seed);
        replayed.push(replay(&home, campaign, &input, &hub, &nodes, &clock, &bar).await?);
    }
    bar.finish_and_clear();

    let verdict = hub.started.house.verify_ledger(None).await?;
    let files = report::write(&home, &replayed)?;
    if console.form() == Form::Table {
        for one in &replayed {
            print_one(one, console)?;
        }
        console.say(&match lang {
            Lang::Ja => format!(
                "台帳: {} 枚の葉、検証 {}。確認するには: noroshi ledger verify --folder {}/{HUB}/ledger --vkey {}/{HUB}/ledger/vkey",
                verdict.leaves,
                if verdict.is_sound() { "ok" } else { "失敗" },
                home.display(),
                home.display()
            ),
            Lang::En => format!(
                "ledger: {} leaves, verified: {}; see for yourself: noroshi ledger verify --folder {}/{HUB}/ledger --vkey {}/{HUB}/ledger/vkey",
                verdict.leaves,
                if verdict.is_sound() { "ok" } else { "FAILED" },
                home.display(),
                home.display()
            ),
        });
        console.say(&match lang {
            Lang::Ja => format!(
                "残したもの: {0}/input（提供された形のリスト）、{0}/{HUB}/deliveries（送付と返却）、{0}/isp-*/mail（利用者への通知 .eml）、{0}/{HUB}/inbox（回答）、{1}（報告書）",
                home.display(), files.display()
            ),
            Lang::En => format!(
                "left behind: {0}/input (lists as their reporters send them), {0}/{HUB}/deliveries (sent and returned), {0}/isp-*/mail (notices, .eml), {0}/{HUB}/inbox (answers), {1} (report)",
                home.display(), files.display()
            ),
        });
        console.say(&format!("{:.1} s", begun.elapsed().as_secs_f64()));
    } else {
        console.json(&machine(&replayed, &home, verdict.is_sound(), verdict.leaves, begun.elapsed().as_secs_f64()))?;
    }
    let equal = replayed.iter().all(report::equals_published);
    if !equal {
        return Err(Failure::Other(match lang {
            Lang::Ja => "公表された表と一致しません（プログラムの不具合です）".to_owned(),
            Lang::En => "the tables differ from the published ones: a fault of this program".to_owned(),
        }));
    }
    Ok(if verdict.is_sound() { Done::All } else { Done::NotVerified })
}

fn instant(text: &str) -> Instant {
    // Constant texts of this file, each exercised by every run.
    text.parse().unwrap_or(Instant::from_micros(0))
}

fn folder(demo: &Demo) -> Result<PathBuf, Failure> {
    let folder = match &demo.dir {
        Some(dir) => dir.clone(),
        None => {
            let free = |n: &u32| !Path::new(&format!("noroshi-demo-{n}")).exists();
            PathBuf::from(format!("noroshi-demo-{}", (1..).find(free).unwrap_or(1)))
        }
    };
    if folder.exists() {
        return Err(Failure::Other(format!("`{}` exists already; name another folder with --dir", folder.display())));
    }
    Ok(folder)
}

async fn deployment(home: &Path, id: &str, role: Role, world: &World) -> Result<Deployment, Failure> {
    let party: PartyId = id.parse().map_err(|_| Failure::Other(id.to_owned()))?;
    let folder = home.join(id);
    let drop = |below: &str| home.join(below).display().to_string();
    let mut text = format!(
        "# A deployment of the demo: seeded keys, nothing real.\n\
         database = \"sqlite://state.db\"\n\n[house]\nparty = \"{id}\"\nordinary_ranges = [\"benchmarking\", \"documentation\"]\n",
    );
    if role == Role::Operator {
        // The hub drops deliveries where the node looks for them, and the other way round.
        text += &format!(
            "inbox = \"{}/{id}\"\ndeliveries = \"{}\"\n\n[house.notice_from]\nmail = \"abuse@{id}.example.org\"\n\
             name = \"ネットワーク安全担当（架空）\"\nway = \"eml\"\n",
            drop(&format!("{HUB}/deliveries")),
            drop(&format!("{HUB}/inbox-root")),
        );
    } else {
        text += &format!("inbox = \"{}/{HUB}\"\n", drop(&format!("{HUB}/inbox-root")));
    }
    found(&folder, &party, role, &text, world.clone()).await?;
    let started = start(&folder, Settings::read(&folder)?, world.clone()).await?;
    let actor = Actor { party, hand: "demo".to_owned() };
    started.house.record_roster(&actor, "roster.toml", &roster(), false).await?;
    Ok(Deployment { started, actor })
}

async fn replay(
    home: &Path,
    campaign: &'static Campaign,
    input: &Input,
    hub: &Deployment,
    nodes: &[Deployment],
    clock: &FixedClock,
    bar: &indicatif::ProgressBar,
) -> Result<Replayed, Failure> {
    let house = &hub.started.house;
    clock.set(instant(&format!("{}T10:00:00+09:00", campaign.span.0)));
    house.open_operation(&hub.actor, "plan.toml", &plan(campaign), false).await?;
    let operation: model::OperationId =
        campaign.published.id.parse().map_err(|_| Failure::Other(campaign.published.id.to_owned()))?;
    let reporter: PartyId = campaign.reporter.parse().map_err(|_| Failure::Other(campaign.reporter.to_owned()))?;
    let nodes = &nodes[..campaign.published.partners];
    let mut steps = Vec::new();
    let mut partners: Vec<(PartyId, u64, u64)> = nodes.iter().map(|node| (node.actor.party.clone(), 0, 0)).collect();
    for (number, (list, day)) in (1_u32..).zip(input.lists.iter().zip(campaign.days)) {
        let at = instant(&format!("{day}T09:00:00+09:00"));
        clock.set(at);
        let round = RoundId { operation: operation.clone(), number };
        std::fs::write(home.join("input").join(&list.file), &list.bytes)?;
        house.open_round(&hub.actor, &round).await?;
        let handed = Handed {
            file: &list.file,
            round: round.clone(),
            relay: reporter.clone(),
            author: None,
            format: None,
            zone: None,
            mapping: None,
        };
        let mut source = Cursor::new(&list.bytes);
        let received = house.receive(&hub.actor, &handed, &mut source, &mut std::io::sink()).await?;
        let mut step = |deed: &'static str, party: &str, ground: String, rules: Vec<String>| {
            steps.push(Step {
                round: round.to_string(),
                deed,
                party: party.to_owned(),
                decided_on: (*day).to_owned(),
                ground,
                rules,
            });
        };
        let grounds = |rules: &[String]| -> String {
            let pack = house.gate.pack();
            let mut names: Vec<_> = rules.iter().filter_map(|id| pack.rule(id)?.ground).map(|g| g.name()).collect();
            names.dedup();
            names.join("+")
        };
        step("receive", HUB, grounds(&received.rules), received.rules.clone());
        let sending = house.send_round(&hub.actor, &round).await?;
        if let Some(line) = sending.lines.iter().find(|line| line.door == "sent") {
            step("share", HUB, line.ground.clone(), line.rules.clone());
        }
        house.carry(&hub.actor, &hub.started.retry).await?;
        bar.inc(1);
        clock.set(at.plus_seconds(3_600));
        let told = at_once(nodes, |index, node| {
            let told = work(node, &input.records[index], at);
            async move {
                let told = told.await;
                bar.inc(1);
                told
            }
        })?;
        for (index, (first, rows)) in told.iter().enumerate().filter_map(|(index, told)| Some((index, told.as_ref()?)))
        {
            partners[index].1 += rows;
            partners[index].2 += first.letters;
            if index == 0 {
                let party = nodes[index].actor.party.as_str();
                step("identify, tell", party, first.grounds.join("+"), first.rules.clone());
            }
        }
        clock.set(at.plus_seconds(2 * 86_400));
        house.hear_inbox(&hub.actor).await?;
        // Ten days on, some subscribers have called the care desk: their terminals are clean.
        clock.set(at.plus_seconds(10 * 86_400));
        at_once(nodes, |_, node| async {
            cleaned_later(&node.started.house, &node.actor, &round).await?;
            node.started.house.carry(&node.actor, &node.started.retry).await?;
            Ok(node.started.house.sequence().await?)
        })?;
        house.hear_inbox(&hub.actor).await?;
        house.sequence().await?;
    }
    let figures = house.operation_figures(&operation).await?;
    Ok(Replayed { campaign, figures, steps, partners })
}

/// The same work at every node, on as many threads as there are cores: nodes are deployments of their own and wait for nobody.
fn at_once<'n, T: Send, W: Future<Output = Result<T, Failure>>>(
    nodes: &'n [Deployment],
    work: impl Fn(usize, &'n Deployment) -> W + Sync,
) -> Result<Vec<T>, Failure> {
    let runtime = tokio::runtime::Handle::current();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(nodes.len());
    let next = AtomicUsize::new(0);
    let one_after_the_other = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(node) = nodes.get(index) else { return done };
            done.push((index, runtime.block_on(work(index, node))));
        }
    };
    let mut done = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(one_after_the_other)).collect();
            let joined =
                workers.into_iter().map(|worker| worker.join().map_err(|_| Failure::Other("a thread".to_owned())));
            joined.collect::<Result<Vec<_>, _>>()
        })
    })?;
    let mut done: Vec<_> = done.drain(..).flatten().collect();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// One node's work on a round: import its own records, take, identify, tell, carry, answer.
async fn work(
    node: &Deployment,
    records: &generate::Records,
    at: Instant,
) -> Result<Option<(exchange::tell::Told, u64)>, Failure> {
    let house = &node.started.house;
    let register = house.register(node.started.assignment);
    let source = Source {
        file: "assignments.csv",
        table: "leases".parse().map_err(|_| Failure::Other("leases".to_owned()))?,
        kind: SourceKind::Leases,
        zone: None,
        from: CoversFrom::At(at.plus_seconds(-40 * 86_400)),
        as_of: at,
    };
    house.import_assignments(&node.actor, &register, &source, records.assignments_until(at).as_bytes(), false).await?;
    house.import_contacts(&node.actor, &register, "subscribers.csv", records.subscribers.as_bytes(), false).await?;
    let taken = house.take(&node.actor).await?;
    let opened = house.records(&register)?;
    let mut told = None;
    for (delivery, rows) in taken.deliveries {
        told = Some((house.tell(&node.actor, delivery, &opened, false).await?, rows));
        house.carry(&node.actor, &node.started.retry).await?;
        house.answer(&node.actor, delivery).await?;
        house.carry(&node.actor, &node.started.retry).await?;
    }
    Ok(told)
}

fn print_one(one: &Replayed, console: &Console) -> Result<(), Failure> {
    let lang = console.lang();
    let title = if lang == Lang::Ja { one.campaign.title_ja } else { one.campaign.title_en };
    console.say(&format!("\n■ {title}"));
    let mut sheet = Sheet::new(&[
        ("round", Text { ja: "回", en: "round" }),
        ("received", Text { ja: "受領 公表", en: "received 受領 published" }),
        ("received_here", Text { ja: "再現", en: "here" }),
        ("sent", Text { ja: "送付 公表", en: "sent 送付 published" }),
        ("sent_here", Text { ja: "再現", en: "here" }),
        ("returned", Text { ja: "返却 公表", en: "returned 返却 published" }),
        ("returned_here", Text { ja: "再現", en: "here" }),
        ("rate", Text { ja: "対応率 公表", en: "rate 対応率 published" }),
        ("rate_here", Text { ja: "再現（送付/受領）", en: "here (sent/received)" }),
        ("equal", Text { ja: "一致", en: "equal" }),
    ]);
    for (name, published, ours) in report::compared(one) {
        let equal = report::equal(&published, ours);
        sheet.row(vec![
            json!(name),
            json!(published.received),
            json!(ours.handling.received()),
            json!(published.sent),
            json!(ours.handling.sent()),
            json!(published.returned),
            json!(ours.handling.returned()),
            json!(percent(Some(published.rate_permille))),
            json!(percent(ours.routing_permille)),
            json!(if equal { "=" } else { "≠" }),
        ]);
    }
    console.sheet(&sheet)?;
    console.tell(Text {
        ja: "保留（withheld）は 0 件なので、表は公表の形のままです。二つの集計（読取＝不受理＋重複＋受領、受領＝送付＋返却＋保留）:",
        en: "withheld is 0, so the table stands as it was published. Both tallies (read = rejected + duplicate + received; received = sent + returned + withheld):",
    });
    console.sheet(&figures_sheet(&one.figures))?;
    console.tell(Text {
        ja: "はしご（推定感染と送付までが史実、受領確認から先は架空の事業者の結果）:",
        en: "the ladder (history up to sent; from acknowledged on, the outcomes of invented operators):",
    });
    console.sheet(&ladder_sheet(&one.figures))?;
    let mut steps = Sheet::new(&[
        ("round", Text { ja: "回", en: "round" }),
        ("deed", Text { ja: "行為", en: "deed" }),
        ("party", Text { ja: "主体", en: "party" }),
        ("decided_on", Text { ja: "判断の基準日", en: "by the law of" }),
        ("ground", Text { ja: "根拠", en: "ground" }),
        ("rules", Text { ja: "規則", en: "rules" }),
    ]);
    for step in &one.steps {
        steps.row(vec![
            json!(step.round),
            json!(step.deed),
            json!(step.party),
            json!(step.decided_on),
            json!(step.ground),
            json!(distinct(&step.rules)),
        ]);
    }
    console.sheet(&steps)?;
    Ok(())
}

fn distinct(rules: &[String]) -> String {
    let mut rules = rules.to_vec();
    rules.sort();
    rules.dedup();
    rules.join(" ")
}

fn machine(replayed: &[Replayed], home: &Path, verified: bool, leaves: u64, seconds: f64) -> Value {
    let operations: Vec<Value> = replayed
        .iter()
        .map(|one| {
            let rounds: Vec<Value> = report::compared(one)
                .into_iter()
                .map(|(name, published, ours)| {
                    json!({
                        "round": name,
                        "published": { "received": published.received, "sent": published.sent, "returned": published.returned, "rate_permille": published.rate_permille },
                        "here": ours,
                        "equal": report::equal(&published, ours),
                    })
                })
                .collect();
            let steps: Vec<Value> = one
                .steps
                .iter()
                .map(|s| json!({ "round": s.round, "deed": s.deed, "party": s.party, "decided_on": s.decided_on, "ground": s.ground, "rules": s.rules }))
                .collect();
            let partners: Vec<Value> = one
                .partners
                .iter()
                .map(|(party, rows, letters)| json!({ "party": party, "rows": rows, "letters": letters, "invented": true }))
                .collect();
            json!({ "operation": one.campaign.published.id, "rounds": rounds, "steps": steps, "partners": partners })
        })
        .collect();
    json!({ "operations": operations, "ledger": { "verified": verified, "leaves": leaves }, "directory": home, "seconds": seconds })
}
