//! A crash at every point of the line, one run for each; afterwards tallies, outbox, ledger and mailboxes agree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use exchange::House;
use law::Pack;
use store::outbox::State;

use crate::post::{Manner, Server};
use crate::world::{HUB, NODE, Points, Step, World, round};

/// What is to be the same however often somebody died on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
struct End {
    hub: String,
    node: String,
    /// Jobs by kind and state, at both houses.
    jobs: BTreeMap<String, usize>,
    /// Who has mail, with its subject: each once, though a server may hold it twice.
    mails: BTreeSet<(String, String)>,
    /// Deliveries of the round at hub and node, by kind, party and rows.
    deliveries: BTreeSet<(String, String, u64)>,
    /// Leaves that say what was done, by what they say, without those that only a second try leaves behind.
    done: BTreeMap<String, usize>,
}

fn server() -> Arc<Server> {
    Server::with(&[
        ("gone@users.example.org", Manner::Refuses),
        ("slow@users.example.org", Manner::Slow(1)),
        ("noc@isp-minato.example.org", Manner::Slow(2)),
    ])
}

/// Runs these steps of the line; whenever somebody dies, the power goes, and after a while he starts again and does his step
/// once more. `before` is called before each step.
async fn run(world: &World, steps: &[Step], mut before: impl FnMut(&World)) -> usize {
    let mut deaths = 0;
    for step in steps {
        before(world);
        loop {
            let house = match world.open(step.house()).await {
                Ok(house) => house,
                Err(error) => {
                    assert!(world.points.is_dead(), "{step:?}: {error}");
                    deaths += 1;
                    world.losing.crash().unwrap();
                    world.points.rise();
                    continue;
                }
            };
            let ran = step.run(world, &house).await;
            house.store.close().await;
            if world.points.is_dead() {
                // A deed may have ended before it noticed; it noticed nothing that it had not done.
                deaths += 1;
                world.losing.crash().unwrap();
                world.points.rise();
                // What the dead held is free again after its time, and what it decided is given up.
                world.clock.advance_seconds(901);
                continue;
            }
            ran.unwrap_or_else(|error| panic!("{step:?}: {error} [{}]", error.code()));
            break;
        }
    }
    deaths
}

/// Closes what is left open, and looks at everything.
async fn look(world: &World) -> End {
    let mut end = End {
        hub: String::new(),
        node: String::new(),
        jobs: BTreeMap::new(),
        mails: BTreeSet::new(),
        deliveries: BTreeSet::new(),
        done: BTreeMap::new(),
    };
    for id in [HUB, NODE] {
        let house = world.open(id).await.unwrap();
        world.clock.advance_seconds(1);
        house.recover(house.clock.now()).await.unwrap();
        house.sequence().await.unwrap();
        sound(&house).await;
        let figures = house.round_figures(&round()).await.unwrap();
        let figures = serde_json::to_string(&figures).unwrap();
        if id == HUB {
            end.hub = figures
        } else {
            end.node = figures
        }
        for state in [State::Waiting, State::Claimed, State::Done, State::Failed] {
            for job in store::outbox::in_state(&house.store, state).await.unwrap() {
                *end.jobs.entry(format!("{id} {} {state}", job.job.kind)).or_default() += 1;
            }
        }
        for delivery in store::delivery::of_round(&house.store, &round()).await.unwrap() {
            let line = (format!("{id} {}", delivery.kind), delivery.party.to_string(), delivery.rows);
            assert!(end.deliveries.insert(line), "one delivery twice: {delivery:?}");
        }
        for leaf in leaves(&house).await {
            if leaf.kind == ledger::Kind::Carried || leaf.kind == ledger::Kind::Recorded {
                let what = leaf.text("what").unwrap_or_default();
                *end.done.entry(format!("{id} {what} {}", leaf.text("kind").unwrap_or_default())).or_default() += 1;
            }
        }
        house.store.close().await;
    }
    let mut copies: BTreeMap<(String, String), BTreeMap<String, usize>> = BTreeMap::new();
    for mail in world.server.taken() {
        // A ticket names a delivery, whose id is chance.
        let subject = mail.subject.split_once("] ").map_or(mail.subject.clone(), |(_, rest)| rest.to_owned());
        let subject = subject.replace(&mail.message_id, "");
        *copies.entry((mail.recipient.clone(), subject)).or_default().entry(mail.message_id).or_default() += 1;
    }
    for (who, ids) in copies {
        assert_eq!(ids.len(), 1, "{who:?} has the same letter under several Message-IDs: {ids:?}");
        assert!(ids.values().all(|times| *times <= 2), "{who:?} has a mail more than twice: {ids:?}");
        end.mails.insert(who);
    }
    end
}

pub async fn leaves(house: &House) -> Vec<ledger::Leaf> {
    let kept = store::leaf::from_seq(&house.store, 0, u32::MAX).await.unwrap();
    kept.iter().map(|bytes| ledger::Leaf::from_bytes(bytes).unwrap()).collect()
}

/// The ledger verifies and every decision is closed; every file that the state names is there, and no other.
pub async fn sound(house: &House) {
    let verdict = house.verify_ledger(None).await.unwrap();
    assert!(verdict.is_sound(), "{:?}", verdict.faults);
    assert!(verdict.open.is_empty() && verdict.overdue.is_empty() && verdict.unsequenced.is_empty());
    let named: BTreeSet<String> = store::fact::paths(&house.store).await.unwrap().into_iter().collect();
    for path in &named {
        assert!(house.home.join("archive").join(path).is_file(), "{path} is named and not there");
    }
    let all = named.iter().cloned().collect();
    let strays = house.archive.strays(&all, house.clock.now().plus_seconds(86_400)).unwrap();
    assert!(strays.is_empty(), "{} files that nothing names", strays.len());
}

fn pack() -> Pack {
    Pack::shipped().unwrap()
}

#[tokio::test]
async fn the_line_without_a_crash() {
    let world = World::new(1, server(), Points::immortal(), pack());
    world.found();
    assert_eq!(run(&world, &Step::ALL, |_| ()).await, 0);
    let end = look(&world).await;
    assert!(end.hub.contains("\"read\":10"), "{end:#?}");
    let taken = world.server.taken();
    let each: BTreeSet<_> = taken.iter().map(|mail| (&mail.recipient, &mail.message_id)).collect();
    assert_eq!(each.len(), taken.len(), "nobody has a mail twice, though some were refused at first");
    let points = world.points.log.lock().unwrap().clone();
    let kinds: BTreeSet<&str> = points.iter().copied().collect();
    for point in [
        "disk.made-folder",
        "disk.write",
        "disk.sync",
        "disk.rename",
        "disk.sync-folder",
        "disk.written",
        "disk.remove",
        "disk.removed",
        "store.commit.before",
        "store.commit.after",
        "gate.decided.before",
        "gate.decided.after",
        "deliver.routed",
        "tell.rendered",
        "take.before-tidy",
        "sequence.file",
        "courier.before-send",
        "courier.after-send",
    ] {
        assert!(kinds.contains(point), "the line does not pass `{point}`");
    }
}

#[tokio::test]
async fn the_line_is_the_same_on_postgresql() {
    let mut ends = Vec::new();
    for postgres in [false, true] {
        let world = World::new(1, server(), Points::immortal(), pack());
        let world = if postgres { world.on_postgres() } else { world };
        world.found();
        run(&world, &Step::ALL, |_| ()).await;
        ends.push(look(&world).await);
    }
    assert_eq!(ends[0], ends[1]);
}

/// Some points on PostgreSQL, where a database cannot be copied and each run begins at the beginning.
#[tokio::test]
async fn a_crash_now_and_then_on_postgresql() {
    let whole = World::new(1, server(), Points::immortal(), pack()).on_postgres();
    whole.found();
    run(&whole, &Step::ALL, |_| ()).await;
    let points = whole.points.passed.load(Ordering::SeqCst);
    let expected = look(&whole).await;
    for die_at in (17..points).step_by(41) {
        let world = World::new(die_at as u64 + 2, server(), Points::dying_at(die_at, 0), pack()).on_postgres();
        world.found();
        assert_eq!(run(&world, &Step::ALL, |_| ()).await, 1, "point {die_at}");
        let at = world.points.died_at();
        assert_eq!(look(&world).await, expected, "after a crash at point {die_at} ({at:?})");
    }
}

#[test]
fn a_crash_at_every_point() {
    let here = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut rests = Vec::new();
    let (points, expected) = here().block_on(async {
        let world = World::new(1, server(), Points::immortal(), pack());
        world.found();
        run(&world, &Step::ALL, |world| rests.push(world.snapshot())).await;
        (world.points.passed.load(Ordering::SeqCst), look(&world).await)
    });
    let next = AtomicUsize::new(0);
    let work = || {
        let (runtime, pack) = (here(), pack());
        loop {
            let die_at = next.fetch_add(1, Ordering::SeqCst);
            if die_at >= points {
                break;
            }
            let first = rests.iter().rposition(|rest| rest.passed <= die_at).unwrap_or(0);
            runtime.block_on(async {
                let world = World::from(&rests[first], die_at as u64 + 2, die_at, pack.clone());
                let deaths = run(&world, &Step::ALL[first..], |_| ()).await;
                let at = world.points.died_at();
                let end = look(&world).await;
                assert_eq!(deaths, 1, "point {die_at} ({at:?}) in {:?}", Step::ALL[first]);
                assert_eq!(end, expected, "after a crash at point {die_at} ({at:?}) in {:?}", Step::ALL[first]);
            });
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from).min(4) {
            scope.spawn(work);
        }
    });
    eprintln!("{points} crashes survived");
}
