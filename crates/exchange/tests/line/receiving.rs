//! What is let in, and what is not kept.

use exchange::DeedError;
use law::Pack;
use store::report::State;

use crate::crashes::sound;
use crate::post::Server;
use crate::world::{HUB, LIST, PLAN, Points, Step, World, actor, receive, round};

#[tokio::test]
async fn of_a_report_that_the_gate_refuses_only_a_keyed_digest_is_kept() {
    let world = World::new(13, Server::with(&[]), Points::immortal(), Pack::shipped().unwrap());
    world.run_until(Step::HubRoster).await;
    let house = world.open(HUB).await.unwrap();
    // Nobody has confirmed that the means are adequate, so there is no ground.
    let plan = PLAN.replace("adequate_means = true", "adequate_means = false");
    house.open_operation(&actor(HUB), "plan.toml", &plan, false).await.unwrap();
    Step::Round.run(&world, &house).await.unwrap();
    let refused = receive(&house).await;
    assert!(matches!(&refused, Err(DeedError::Refused { refusal, .. }) if refusal.code == "no-ground-known"));
    let rows = store::report::of_round(&house.store, &round()).await.unwrap();
    assert_eq!(rows.len(), 1);
    let (row, digest) = (&rows[0], house.keyring.commitment("file").unwrap().digest_file(LIST.as_bytes()));
    assert_eq!((row.state, row.report.file.as_str(), &row.report.digest), (State::Refused, "", &digest));
    assert_eq!(store::fact::paths(&house.store).await.unwrap().len(), 0, "no byte of it");
    assert!(!house.home.join("archive/kept").exists());
    let figures = house.round_figures(&round()).await.unwrap();
    assert_eq!((figures.refused_reports, figures.intake.read()), (1, 0));
    // With a ground, the same file is received.
    house.amend_operation(&actor(HUB), "plan.toml", PLAN, false).await.unwrap();
    receive(&house).await.unwrap();
    let figures = house.round_figures(&round()).await.unwrap();
    assert_eq!((figures.refused_reports, figures.intake.read()), (1, 10));
    house.sequence().await.unwrap();
    sound(&house).await;
}
