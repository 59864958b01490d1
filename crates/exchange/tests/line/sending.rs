//! The moment of sending: what the law says then, what a server says, and what is never sent again.

use courier::send::AFTER_SEND;
use law::Pack;
use model::Outcome;
use model::port::Clock;
use store::outbox::{Standing, State};
use store::reason::Door;

use crate::crashes::{leaves, sound};
use crate::post::{Manner, Server};
use crate::world::{HUB, NODE, Points, ROSTER, Step, World, actor, at, retry, round};

fn world(manners: &[(&str, Manner)]) -> World {
    World::new(7, Server::with(manners), Points::immortal(), Pack::shipped().unwrap())
}

fn to(world: &World, who: &str) -> usize {
    world.server.taken().iter().filter(|mail| mail.recipient == who).count()
}

/// Whoever carries at the node dies right after the next mail has gone, and a day later starts again.
async fn die_after_a_mail(world: &World) {
    world.points.trap(AFTER_SEND);
    let house = world.open(NODE).await.unwrap();
    let carried = house.carry(&actor(NODE), &retry()).await;
    assert!(matches!(&carried, Err(error) if error.is_crash()), "{carried:?}");
    house.store.close().await;
    world.points.rise();
    world.clock.advance_seconds(86_400);
}

#[tokio::test]
async fn a_mail_that_may_have_arrived_twice_is_not_sent_a_third_time() {
    let world = world(&[]);
    world.run_until(Step::Take).await;
    let house = world.open(NODE).await.unwrap();
    for step in [Step::NodeCarry, Step::Tell] {
        step.run(&world, &house).await.unwrap();
    }
    house.store.close().await;
    die_after_a_mail(&world).await;
    let first = world.server.taken().last().unwrap().clone();
    die_after_a_mail(&world).await;
    assert_eq!(to(&world, &first.recipient), 2, "one repeat");
    assert_eq!(world.server.taken().last().unwrap().message_id, first.message_id);
    let house = world.open(NODE).await.unwrap();
    let carried = house.carry(&actor(NODE), &retry()).await.unwrap();
    assert_eq!((carried.unknown, carried.letters), (1, 3), "the others go, once each");
    assert_eq!(to(&world, &first.recipient), 2, "and no second repeat");
    let job = store::outbox::in_state(&house.store, State::Done).await.unwrap();
    let notice = job.iter().find(|job| job.job.kind == store::outbox::Kind::Notice).unwrap();
    let letters = store::outbox::letters(&house.store, notice.job.id).await.unwrap();
    assert_eq!(letters.iter().map(|l| l.standing).collect::<Vec<_>>(), [Standing::Unknown]);
    // Nobody knows that he was told, so nobody says so.
    house.answer(&actor(NODE), notice.job.delivery.unwrap()).await.unwrap();
    let tally = store::delivery::outcomes(&house.store, notice.job.delivery.unwrap()).await.unwrap();
    assert_eq!((tally.count(Outcome::Identified), tally.count(Outcome::Told)), (1, 3));
    world.clock.advance_seconds(1);
    house.recover(world.clock.now()).await.unwrap();
    house.sequence().await.unwrap();
    sound(&house).await;
}

#[tokio::test]
async fn a_server_that_says_nothing_gets_it_twice_and_no_more() {
    let world = world(&[("slow@users.example.org", Manner::Mute)]);
    world.run_until(Step::Tell).await;
    let house = world.open(NODE).await.unwrap();
    for _ in 0..6 {
        house.carry(&actor(NODE), &retry()).await.unwrap();
        world.clock.advance_seconds(6 * 3_600);
    }
    assert_eq!(to(&world, "slow@users.example.org"), 2);
    assert_eq!(to(&world, "hanako@users.example.org"), 1);
    assert_eq!(to(&world, "jiro@users.example.org"), 1);
}

#[tokio::test]
async fn one_refused_letter_keeps_no_other_waiting() {
    let world = world(&[("gone@users.example.org", Manner::Refuses), ("slow@users.example.org", Manner::Slow(3))]);
    world.run_until(Step::Tell).await;
    let house = world.open(NODE).await.unwrap();
    let first = house.carry(&actor(NODE), &retry()).await.unwrap();
    assert_eq!((to(&world, "hanako@users.example.org"), to(&world, "jiro@users.example.org")), (1, 1));
    assert_eq!((first.refused, first.postponed), (1, 1), "{first:?}");
    let due = first.next_due.unwrap();
    assert!(due > world.clock.now());
    assert_eq!(house.carry(&actor(NODE), &retry()).await.unwrap().postponed, 0, "not before its time");
    let delivery = crate::world::inbound(&house).await.unwrap()[0];
    assert!(house.answer(&actor(NODE), delivery).await.unwrap().is_none(), "while letters wait, nothing is answered");
    let mut tries = 1;
    while to(&world, "slow@users.example.org") == 0 {
        world.clock.advance_seconds(12 * 3_600);
        house.carry(&actor(NODE), &retry()).await.unwrap();
        tries += 1;
    }
    assert_eq!(tries, 4);
    let answered = house.answer(&actor(NODE), delivery).await.unwrap().unwrap();
    let count = |outcome| answered.outcomes.iter().find(|(o, _)| *o == outcome).map_or(0, |(_, n)| *n);
    assert_eq!((count(Outcome::Told), count(Outcome::Bounced), count(Outcome::OptedOut)), (3, 1, 1));
    assert_eq!(to(&world, "gone@users.example.org"), 0);
}

#[tokio::test]
async fn a_letter_that_is_refused_for_days_counts_as_refused() {
    let world = world(&[("slow@users.example.org", Manner::Slow(u32::MAX))]);
    world.run_until(Step::Tell).await;
    let house = world.open(NODE).await.unwrap();
    let delivery = crate::world::inbound(&house).await.unwrap()[0];
    let mut days = 0;
    while house.answer(&actor(NODE), delivery).await.unwrap().is_none() {
        house.carry(&actor(NODE), &retry()).await.unwrap();
        world.clock.advance_seconds(86_400 / 4);
        days += 1;
        assert!(days < 40, "it is tried for ever");
    }
    let tally = store::delivery::outcomes(&house.store, delivery).await.unwrap();
    assert_eq!((tally.count(Outcome::Told), tally.count(Outcome::Bounced)), (3, 1));
}

#[tokio::test]
async fn a_server_that_is_down_is_tried_again_and_given_up_after_days() {
    let world = world(&[("cert@cert.example.org", Manner::Down)]);
    world.run_until(Step::Send).await;
    let house = world.open(HUB).await.unwrap();
    let carried = house.carry(&actor(HUB), &retry()).await.unwrap();
    assert_eq!((carried.jobs, carried.postponed, carried.failed), (2, 1, 0), "the others go");
    let mut tries = 1;
    loop {
        world.clock.advance_seconds(5 * 3_600);
        let carried = house.carry(&actor(HUB), &retry()).await.unwrap();
        tries += 1;
        if carried.failed == 1 {
            break;
        }
        assert!(tries < 60);
    }
    assert!(tries > 20, "{tries}");
    let failed = store::outbox::in_state(&house.store, State::Failed).await.unwrap();
    assert_eq!(failed[0].last_error.as_deref(), Some("smtp-interrupted"));
    // Somebody has looked, and the server is up again.
    world.server.set("cert@cert.example.org", Manner::Takes);
    assert_eq!(house.carry_again(&actor(HUB), Some(&crate::world::party("isp-minato"))).await.unwrap(), 0);
    assert_eq!(house.carry_again(&actor(HUB), None).await.unwrap(), 1);
    let carried = house.carry(&actor(HUB), &retry()).await.unwrap();
    assert_eq!((carried.jobs, carried.letters, to(&world, "cert@cert.example.org")), (1, 1, 1));
    // The rows were all the time at the door by which they were to leave.
    let figures = house.round_figures(&round()).await.unwrap();
    assert_eq!((figures.handling.sent(), figures.handling.returned(), figures.handling.withheld()), (7, 1, 0));
}

#[tokio::test]
async fn an_agreement_that_ended_meanwhile_keeps_the_parcel_shut() {
    let world = world(&[]);
    world.run_until(Step::Send).await;
    let ended = ROSTER.replacen(
        "reference = \"受領の取決め 2026-2\"\nfrom = 2026-01-01",
        "reference = \"受領の取決め 2026-2\"\nfrom = 2026-01-01\nuntil = 2026-05-13T10:00:00+09:00",
        1,
    );
    assert_ne!(ended, ROSTER);
    world.clock.advance_seconds(60);
    let house = world.open(HUB).await.unwrap();
    house.record_roster(&actor(HUB), "roster.toml", &ended, false).await.unwrap();
    world.clock.set(at("2026-05-13T11:00:00+09:00"));
    let carried = house.carry(&actor(HUB), &retry()).await.unwrap();
    assert_eq!((carried.jobs, carried.failed), (2, 1));
    assert_eq!(to(&world, "abuse@isp-minato.example.org"), 0);
    let figures = house.round_figures(&round()).await.unwrap();
    assert_eq!((figures.handling.sent(), figures.handling.returned(), figures.handling.withheld()), (6, 1, 1));
    let reasons = store::reason::of_round(&house.store, &round()).await.unwrap();
    let kept = reasons.iter().find(|reason| reason.door == Door::Withheld).unwrap();
    assert_eq!((kept.code.as_str(), kept.rows), ("agreement-ended-before-sending", 1));
    let leaves = leaves(&house).await;
    let refused = leaves.iter().filter(|leaf| leaf.kind == ledger::Kind::Refused).count();
    assert_eq!(refused, 0, "leaves are numbered later");
    house.sequence().await.unwrap();
    let leaves = crate::crashes::leaves(&house).await;
    assert_eq!(leaves.iter().filter(|leaf| leaf.kind == ledger::Kind::Refused).count(), 1);
    sound(&house).await;
}

#[tokio::test]
async fn what_the_deployment_lacks_is_named_and_stops_nothing_else() {
    let world = world(&[]);
    world.run_until(Step::Tell).await;
    // The node's notices are to go by a way that nobody set up.
    let house = world.open_with(NODE, |settings| settings.notice_from.as_mut().unwrap().way = "pigeon".into()).await;
    let house = house.unwrap();
    let carried = house.carry(&actor(NODE), &retry()).await.unwrap();
    assert_eq!(carried.problems.len(), 0, "letters that are written go by the way they were written for");
    assert_eq!((carried.jobs, carried.failed), (2, 0));
}

#[tokio::test]
async fn after_the_operation_nothing_goes_any_more() {
    let world = world(&[]);
    world.run_until(Step::Tell).await;
    world.clock.set(at("2036-03-31T18:00:00+09:00"));
    for (id, jobs) in [(HUB, 0), (NODE, 2)] {
        let house = world.open(id).await.unwrap();
        let carried = house.carry(&actor(id), &retry()).await.unwrap();
        assert_eq!((carried.letters, carried.failed), (0, jobs), "{id}: {carried:?}");
        for job in store::outbox::in_state(&house.store, State::Failed).await.unwrap() {
            assert_eq!(job.last_error.as_deref(), Some("operation-closed-before-sending"));
        }
    }
    assert!(world.server.taken().iter().all(|mail| !mail.recipient.ends_with("@users.example.org")));
}

#[tokio::test]
async fn one_job_that_cannot_go_stops_no_other() {
    let world = world(&[]);
    world.run_until(Step::Send).await;
    world.clock.advance_seconds(60);
    // One operator has left the roster, and somebody has altered the parcel for the reporter.
    let (start, end) = (ROSTER.find("[[party]]\nid = \"isp-minato\"").unwrap(), ROSTER.len());
    let without = format!("{}{}", &ROSTER[..start], &ROSTER[end..]);
    let house = world.open(HUB).await.unwrap();
    house.record_roster(&actor(HUB), "roster.toml", &without, false).await.unwrap();
    let jobs = store::outbox::in_state(&house.store, State::Waiting).await.unwrap();
    let back = jobs.iter().find(|job| job.job.kind == store::outbox::Kind::Return).unwrap();
    let fact = store::fact::find(&house.store, back.job.fact.unwrap()).await.unwrap().unwrap();
    let place = house.home.join("archive").join(&fact.path);
    let mut bytes = std::fs::read(&place).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&place, bytes).unwrap();
    let carried = house.carry(&actor(HUB), &retry()).await.unwrap();
    assert_eq!((carried.jobs, carried.failed), (1, 2));
    let failed = store::outbox::in_state(&house.store, State::Failed).await.unwrap();
    let mut why: Vec<_> = failed.iter().filter_map(|job| job.last_error.as_deref()).collect();
    why.sort_unstable();
    assert_eq!(why, ["parcel-unreadable", "party-not-in-roster"]);
    assert_eq!(world.server.taken().len(), 0);
    assert!(world.path().join("drop/isp-hokuto").is_dir());
    house.sequence().await.unwrap();
    let verdict = house.verify_ledger(None).await.unwrap();
    assert!(verdict.is_sound() && verdict.open.is_empty());
}

#[tokio::test]
async fn a_delivery_that_nobody_took_for_days_is_not_carried() {
    let world = world(&[("cert@cert.example.org", Manner::Slow(u32::MAX))]);
    world.run_until(Step::Send).await;
    let house = world.open(HUB).await.unwrap();
    for _ in 0..40 {
        house.carry(&actor(HUB), &retry()).await.unwrap();
        world.clock.advance_seconds(6 * 3_600);
    }
    let failed = store::outbox::in_state(&house.store, State::Failed).await.unwrap();
    assert_eq!(failed.iter().map(|job| job.last_error.as_deref()).collect::<Vec<_>>(), [Some("recipient-refused")]);
    let delivery = store::delivery::find(&house.store, failed[0].job.delivery.unwrap()).await.unwrap().unwrap();
    assert!(delivery.carried_at.is_none() && delivery.failed_at.is_some());
}
