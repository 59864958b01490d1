//! Cases: a question and the expected answer, kept beside the rule. A rule without a case does not count.

use model::operation::{Collection, LegitimateAct, Necessity};
use model::party::Role;
use model::tag::DataClass;
use model::{Actor, Instant, PartyId, Purpose};
use serde::Deserialize;

use crate::gate::Verdict;
use crate::pack::{Ground, Pack};
use crate::protected::Subject;
use crate::question::{Action, Consent, Question, Receiver};

/// One case, as `cases.json` carries it. What is not named is false or absent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are those of `Question`")]
pub struct Case {
    /// What the case shows.
    pub name: String,
    /// The day by whose law it is judged, RFC 3339.
    pub on: Instant,
    pub action: Action,
    pub class: DataClass,
    pub roles: Vec<Role>,
    #[serde(default = "japan")]
    pub jurisdiction: String,
    #[serde(default)]
    pub collection: Option<Collection>,
    #[serde(default)]
    pub uses_port: bool,
    #[serde(default)]
    pub automatic: bool,
    #[serde(default = "yes")]
    pub in_handling: bool,
    #[serde(default)]
    pub agreement_in_force: bool,
    #[serde(default)]
    pub plan_agreed_by_reporter: bool,
    #[serde(default)]
    pub plan_agreed_by_partner: bool,
    #[serde(default)]
    pub holds_assignment: bool,
    #[serde(default)]
    pub individually: bool,
    #[serde(default)]
    pub identified_lawfully: bool,
    #[serde(default)]
    pub receiver: Option<Receiver>,
    #[serde(default)]
    pub necessity: Option<Necessity>,
    #[serde(default)]
    pub legitimate_act: Option<LegitimateAct>,
    #[serde(default)]
    pub terms_consent: Option<Consent>,
    /// What is expected.
    pub expect: Expect,
}

fn japan() -> String {
    "JP".to_owned()
}

const fn yes() -> bool {
    true
}

/// The expected answer.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Expect {
    /// Allowed on exactly these grounds.
    Allowed(Vec<Ground>),
    /// Refused with this code.
    Refused(String),
}

impl Case {
    /// The question it puts.
    ///
    /// # Panics
    /// Never: the invented party's id is well-formed.
    #[must_use]
    pub fn question(&self) -> Question {
        let party: PartyId = "case-actor".parse().expect("a well-formed id");
        let actor = Actor { party, hand: "case".to_owned() };
        Question {
            roles: self.roles.clone(),
            jurisdiction: self.jurisdiction.clone(),
            collection: self.collection,
            uses_port: self.uses_port,
            automatic: self.automatic,
            in_handling: self.in_handling,
            agreement_in_force: self.agreement_in_force,
            plan_agreed_by_reporter: self.plan_agreed_by_reporter,
            plan_agreed_by_partner: self.plan_agreed_by_partner,
            holds_assignment: self.holds_assignment,
            individually: self.individually,
            identified_lawfully: self.identified_lawfully,
            receiver: self.receiver.clone(),
            necessity: self.necessity,
            legitimate_act: self.legitimate_act,
            terms_consent: self.terms_consent,
            ..Question::new(actor, Purpose::Housekeeping, self.action, self.class, Subject::OwnFile, self.on)
        }
    }

    /// Whether `pack` answers as expected; otherwise what it said.
    ///
    /// # Errors
    /// What was said instead.
    pub fn check(&self, pack: &Pack) -> Result<(), String> {
        let verdict = pack.judge(&self.question());
        let got = match &verdict {
            Verdict::Allowed { grounds, .. } => Expect::Allowed(grounds.clone()),
            Verdict::Refused(refusal) => Expect::Refused(refusal.code.to_owned()),
        };
        if got == self.expect {
            Ok(())
        } else {
            Err(format!("{}: expected {:?}, got {verdict:?}", self.name, self.expect))
        }
    }
}

/// Checks every case of every rule: all that fail, each in a line. A rule without a case fails.
#[must_use]
pub fn check_all(pack: &Pack) -> Vec<String> {
    let mut failures = Vec::new();
    for (rule, text) in pack.cases() {
        match serde_json::from_str::<Vec<Case>>(text) {
            Err(e) => failures.push(format!("{rule}/cases.json: {e}")),
            Ok(cases) if cases.is_empty() => failures.push(format!("{rule}/cases.json: a rule without a case")),
            Ok(cases) => {
                failures.extend(cases.iter().filter_map(|c| c.check(pack).err()).map(|e| format!("{rule}: {e}")));
            }
        }
    }
    failures
}
