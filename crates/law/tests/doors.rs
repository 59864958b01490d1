//! What must not compile does not, and its twin with one changed line does; and the door at run time.

use law::question::{Action, Question};
use law::{Clearance, Closed, Gate, NotCleared, Pack, Protected, Subject};
use ledger::Receipt;
use model::operation::LegitimateAct;
use model::party::Role;
use model::port::{FixedClock, SeededEntropy};
use model::tag::DataClass;
use model::{Actor, DecisionId, Instant, LeafId, Purpose};

#[test]
fn shut_doors_do_not_compile_and_their_twins_do() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/shut/*.rs");
    cases.pass("tests/open/*.rs");
}

fn question(subject: Subject, on: Instant) -> Question {
    let actor = Actor::local("isp-hokuto".parse().unwrap(), 1000);
    let mut question =
        Question::new(actor, Purpose::Housekeeping, Action::Identify, DataClass::SubscriberIdentity, subject, on);
    question.roles = vec![Role::Operator];
    question.holds_assignment = true;
    question.plan_agreed_by_partner = true;
    question.collection = Some(model::operation::Collection::TrustedThirdParty);
    question.legitimate_act = Some(LegitimateAct { legitimate_purpose: true, necessary: true, adequate_means: true });
    question
}

fn ids(seed: u64, now: Instant) -> (DecisionId, LeafId) {
    let (clock, entropy) = (FixedClock::at(now), SeededEntropy::new(seed));
    (DecisionId::fresh(&clock, &entropy), LeafId::fresh(&clock, &entropy))
}

#[test]
fn a_door_opens_for_its_own_clearance_only() {
    let now: Instant = "2026-06-01T09:00:00+09:00".parse().unwrap();
    let gate = Gate::new(Pack::shipped().unwrap());
    let (id, leaf) = ids(1, now);
    let decision = gate.decide(question(Subject::Assignments, now), id, leaf, now);
    let receipt = Receipt::of_committed(&decision.leaf());
    let clearance = Clearance::issue(decision.clone(), &receipt).unwrap();

    let mine = Protected::seal(7, DataClass::SubscriberIdentity, Subject::Assignments);
    assert_eq!(mine.open(&clearance, now, |n| *n), Ok(7));
    let later = clearance.expires();
    assert!(matches!(mine.open(&clearance, later, |n| *n), Err(Closed::Expired(_))));
    let other = Protected::seal(7, DataClass::SubscriberIdentity, Subject::OwnFile);
    assert!(matches!(other.open(&clearance, now, |n| *n), Err(Closed::OtherSubject { .. })));
    let content = Protected::seal(7, DataClass::Content, Subject::Assignments);
    assert!(matches!(content.open(&clearance, now, |n| *n), Err(Closed::OtherClass { .. })));

    let (id, leaf) = ids(2, now);
    let another = gate.decide(question(Subject::Assignments, now), id, leaf, now);
    assert!(matches!(Clearance::issue(another, &receipt), Err(NotCleared::OtherReceipt)));
}

#[test]
fn a_refusal_gives_no_clearance_but_a_leaf_and_what_would_be_needed() {
    let now: Instant = "2026-06-01T09:00:00+09:00".parse().unwrap();
    let gate = Gate::new(Pack::shipped().unwrap());
    let mut question = question(Subject::Assignments, now);
    question.legitimate_act = None;
    let (id, leaf) = ids(3, now);
    let decision = gate.decide(question, id, leaf, now);
    let receipt = Receipt::of_committed(&decision.leaf());
    assert_eq!(decision.leaf().kind, ledger::Kind::Refused);
    let Err(NotCleared::Refused(refusal)) = Clearance::issue(decision, &receipt) else { panic!("a clearance") };
    assert_eq!(refusal.code, "no-ground-known");
    assert!(refusal.would_need.iter().any(|(rule, _, _)| rule == "jp/telecom/identify-terms-consent"));
    assert!(refusal.would_need.iter().all(|(rule, _, _)| !rule.contains("2014")), "only the law of that day");
}

#[test]
fn a_decision_ends_with_its_evidence() {
    let now: Instant = "2026-06-01T09:00:00+09:00".parse().unwrap();
    let gate = Gate::new(Pack::shipped().unwrap());
    let mut question = question(Subject::Assignments, now);
    question.evidence.push(law::Evidence {
        kind: "agreement".to_owned(),
        reference: "2026-04 no. 3".to_owned(),
        issuer: "t-isac".parse().unwrap(),
        expires: Some(now.plus_seconds(60)),
    });
    let (id, leaf) = ids(4, now);
    let decision = gate.decide(question, id, leaf, now);
    let receipt = Receipt::of_committed(&decision.leaf());
    assert_eq!(Clearance::issue(decision, &receipt).unwrap().expires(), now.plus_seconds(60));
}
