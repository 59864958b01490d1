//! Who is told, and who is not: nobody twice, nobody before the plan allows it, nobody who declined, and nobody by a guess.

use law::Pack;
use model::{DeliveryId, Outcome};

use crate::crashes::sound;
use crate::post::Server;
use crate::world::{NODE, PLAN, Points, SUBSCRIBERS, Step, World, actor, at, inbound, retry};

fn world() -> World {
    World::new(11, Server::with(&[]), Points::immortal(), Pack::shipped().unwrap())
}

async fn count(house: &exchange::House, delivery: DeliveryId, outcome: Outcome) -> u64 {
    store::delivery::outcomes(&house.store, delivery).await.unwrap().count(outcome)
}

#[tokio::test]
async fn each_once_with_ground_and_care_desk_and_a_ticket_of_his_own() {
    let world = world();
    world.run_until(Step::Hear).await;
    let mails: Vec<_> =
        world.server.taken().into_iter().filter(|mail| mail.recipient.ends_with("@users.example.org")).collect();
    assert_eq!(mails.len(), 4);
    let tickets: std::collections::BTreeSet<&str> =
        mails.iter().filter_map(|mail| mail.subject.strip_prefix('[')?.split_once(']')).map(|(t, _)| t).collect();
    assert_eq!(tickets.len(), 4, "a ticket names one letter");
    let hanako = mails.iter().find(|mail| mail.recipient.starts_with("hanako")).unwrap();
    for words in ["198.18.0.10", "51000", "+81-3-0000-0000", "正当業務行為"] {
        assert!(hanako.text.contains(words), "{words} is not in:\n{}", hanako.text);
    }
    assert!(!hanako.text.contains("60000"), "the row of the other subscriber behind the same address");
    let house = world.open(NODE).await.unwrap();
    let delivery = inbound(&house).await.unwrap()[0];
    assert_eq!(count(&house, delivery, Outcome::Told).await, 4);
    assert_eq!(count(&house, delivery, Outcome::OptedOut).await, 1);
    assert_eq!(count(&house, delivery, Outcome::NotFound).await, 1);
    house.sequence().await.unwrap();
    sound(&house).await;
}

#[tokio::test]
async fn telling_again_tells_only_who_was_not_told() {
    let world = world();
    world.run_until(Step::Contacts).await;
    let house = world.open(NODE).await.unwrap();
    let register = house.register(assignment::Settings::default());
    // At first two subscribers have no address on record.
    let few: String = SUBSCRIBERS
        .lines()
        .filter(|l| !l.contains("C-1004") && !l.contains("C-1005"))
        .map(|l| format!("{l}\n"))
        .collect();
    house.import_contacts(&actor(NODE), &register, "subscribers.csv", few.as_bytes(), false).await.unwrap();
    for step in [Step::Take, Step::Tell, Step::NodeCarry] {
        step.run(&world, &house).await.unwrap();
    }
    let delivery = inbound(&house).await.unwrap()[0];
    assert_eq!(world.server.taken().iter().filter(|m| m.recipient.ends_with("@users.example.org")).count(), 2);
    assert!(!house.waits_to_be_told(delivery).await.unwrap(), "nothing changes by itself");
    house.answer(&actor(NODE), delivery).await.unwrap();
    assert_eq!(count(&house, delivery, Outcome::Identified).await, 2);
    house.import_contacts(&actor(NODE), &register, "subscribers.csv", SUBSCRIBERS.as_bytes(), false).await.unwrap();
    for (times, letters) in [(1, 2), (2, 0)] {
        let records = house.records(&register).unwrap();
        let told = house.tell(&actor(NODE), delivery, &records, false).await.unwrap();
        assert_eq!(told.letters, letters, "{times}");
        house.carry(&actor(NODE), &retry()).await.unwrap();
        house.answer(&actor(NODE), delivery).await.unwrap();
    }
    let mails: Vec<_> =
        world.server.taken().into_iter().filter(|mail| mail.recipient.ends_with("@users.example.org")).collect();
    let ids: std::collections::BTreeSet<_> = mails.iter().map(|mail| &mail.message_id).collect();
    assert_eq!((mails.len(), ids.len()), (4, 4), "four letters with four Message-IDs");
    assert_eq!(count(&house, delivery, Outcome::Told).await, 4);
    assert_eq!(count(&house, delivery, Outcome::Identified).await, 0);
}

#[tokio::test]
async fn nobody_is_told_before_the_plan_allows_it() {
    let world = world();
    world.found();
    let later =
        PLAN.replace("notify_from = \"2026-04-01T09:00:00+09:00\"", "notify_from = \"2026-05-20T09:00:00+09:00\"");
    assert_ne!(later, PLAN);
    for step in Step::ALL.into_iter().take_while(|step| *step != Step::NodeCarry) {
        let house = world.open(step.house()).await.unwrap();
        if step == Step::Operation {
            house.open_operation(&actor(step.house()), "plan.toml", &later, false).await.unwrap();
        } else {
            step.run(&world, &house).await.unwrap();
        }
        house.store.close().await;
    }
    let house = world.open(NODE).await.unwrap();
    let delivery = inbound(&house).await.unwrap()[0];
    assert_eq!(count(&house, delivery, Outcome::Identified).await, 4);
    assert!(!house.waits_to_be_told(delivery).await.unwrap());
    house.carry(&actor(NODE), &retry()).await.unwrap();
    assert!(world.server.taken().iter().all(|mail| !mail.recipient.ends_with("@users.example.org")));
    world.clock.set(at("2026-05-20T09:00:00+09:00"));
    assert!(house.waits_to_be_told(delivery).await.unwrap(), "the day has come");
    Step::Tell.run(&world, &house).await.unwrap();
    Step::NodeCarry.run(&world, &house).await.unwrap();
    assert_eq!(world.server.taken().iter().filter(|m| m.recipient.ends_with("@users.example.org")).count(), 4);
}
