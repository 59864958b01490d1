//! Packs: the rules as data, checked when they are read and judged without I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision as CedarDecision, Entities, EntityUid, Policy, PolicyId, PolicySet, Request, Schema,
    ValidationMode, Validator,
};
use include_dir::{Dir, include_dir};
use model::{Instant, Zone};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::gate::{NO_GROUND_KNOWN, Refusal, Verdict};
use crate::question::{Action, Question};

static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/rules");

/// What makes a use of protected data lawful (違法性阻却事由).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// Consent of the person, individual and specific (個別具体的な同意).
    IndividualConsent,
    /// Consent by contract terms (契約約款等による同意).
    TermsConsent,
    /// A legitimate business act (正当業務行為, Penal Code art. 35).
    LegitimateBusinessAct,
    /// Self-defence or necessity (正当防衛・緊急避難, Penal Code arts. 36, 37).
    Necessity,
    /// A statute or a warrant (法令行為).
    Statute,
    /// Approval under the acts of 2025.
    Approval,
    /// Not secret at all: there is nothing to justify.
    NotSecret,
}

impl Ground {
    /// All grounds.
    pub const ALL: &'static [Self] = &[
        Self::IndividualConsent,
        Self::TermsConsent,
        Self::LegitimateBusinessAct,
        Self::Necessity,
        Self::Statute,
        Self::Approval,
        Self::NotSecret,
    ];

    /// Its name in rules and leaves.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IndividualConsent => "individual-consent",
            Self::TermsConsent => "terms-consent",
            Self::LegitimateBusinessAct => "legitimate-business-act",
            Self::Necessity => "necessity",
            Self::Statute => "statute",
            Self::Approval => "approval",
            Self::NotSecret => "not-secret",
        }
    }

    /// For people.
    #[must_use]
    pub const fn text(self) -> model::Text {
        match self {
            Self::IndividualConsent => model::Text { ja: "個別具体的な同意", en: "individual consent" },
            Self::TermsConsent => model::Text { ja: "契約約款等による同意", en: "consent by contract terms" },
            Self::LegitimateBusinessAct => model::Text { ja: "正当業務行為", en: "legitimate business act" },
            Self::Necessity => model::Text { ja: "緊急避難", en: "necessity" },
            Self::Statute => model::Text { ja: "法令行為", en: "statute or warrant" },
            Self::Approval => model::Text { ja: "独立機関の承認", en: "approval under the 2025 acts" },
            Self::NotSecret => model::Text { ja: "通信の秘密に当たらない", en: "not secret" },
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|g| g.name() == name)
    }
}

/// Whether a rule allows or forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It is a ground.
    Permit,
    /// No ground overrides it.
    Forbid,
}

/// One rule: a policy and what a person needs to judge it.
#[derive(Debug, Clone, Serialize)]
pub struct Rule {
    /// Its folder: `jp/telecom/share-with-holder`.
    pub id: String,
    /// Whether it allows or forbids.
    pub effect: Effect,
    /// The ground it is; none for what forbids.
    pub ground: Option<Ground>,
    /// What it is about.
    pub actions: Vec<Action>,
    /// Document, article, page.
    pub source: String,
    /// A: the source says it; B: a public page says it; C: partly reading or memory.
    pub confidence: String,
    /// Why, in Japanese.
    pub reason_ja: String,
    /// Why, in English.
    pub reason_en: String,
    /// What it asks, in Japanese.
    pub needs_ja: String,
    /// What it asks, in English.
    pub needs_en: String,
    /// In force from this day in Japan (`YYYY-MM-DD`), if bounded.
    pub valid_from: Option<String>,
    /// In force before this day in Japan, if bounded.
    pub valid_until: Option<String>,
    /// What a lawyer must confirm, if anything.
    pub lawyer: Option<String>,
    /// The policy's text.
    pub text: String,
    /// `why.md`.
    pub why: String,
}

impl Rule {
    /// Whether it was in force on that day (`YYYY-MM-DD`).
    fn in_force(&self, day: &str) -> bool {
        self.valid_from.as_deref().is_none_or(|from| from <= day)
            && self.valid_until.as_deref().is_none_or(|until| day < until)
    }
}

/// Rules that belong together, with the digest that leaves name.
#[derive(Debug, Clone)]
pub struct Pack {
    schema: Schema,
    rules: Vec<(Rule, Policy)>,
    cases: Vec<(String, String)>,
    digest: String,
}

/// A pack that cannot be used; nothing is decided by half a pack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadPack {
    /// A file is missing.
    #[error("`{0}` is missing from the pack")]
    Missing(String),
    /// A file cannot be read as what it is.
    #[error("`{file}`: {message}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it.
        message: String,
    },
    /// The policies do not fit the schema.
    #[error("the policies do not fit the schema: {0}")]
    Validation(String),
}

impl Pack {
    /// The pack that comes with the program.
    ///
    /// # Errors
    /// [`BadPack`]; a test reads the shipped pack, so that no release has a bad one.
    pub fn shipped() -> Result<Self, BadPack> {
        fn walk(dir: &Dir<'_>, files: &mut BTreeMap<String, String>) {
            for file in dir.files() {
                if let Some(text) = file.contents_utf8() {
                    files.insert(file.path().to_string_lossy().replace('\\', "/"), text.to_owned());
                }
            }
            for sub in dir.dirs() {
                walk(sub, files);
            }
        }
        let mut files = BTreeMap::new();
        walk(&SHIPPED, &mut files);
        Self::from_files(&files)
    }

    /// A pack from its files: path below the pack's folder -> text.
    ///
    /// # Errors
    /// [`BadPack`] where the schema or a rule is missing, cannot be read, lacks an annotation, or does not fit.
    pub fn from_files(files: &BTreeMap<String, String>) -> Result<Self, BadPack> {
        let schema_text =
            files.get("schema.cedarschema").ok_or_else(|| BadPack::Missing("schema.cedarschema".to_owned()))?;
        let (schema, _warnings) = Schema::from_cedarschema_str(schema_text)
            .map_err(|e| BadPack::File { file: "schema.cedarschema".to_owned(), message: e.to_string() })?;
        let mut digest = Sha256::new();
        let mut feed = |name: &str, text: &str| {
            for part in [name, text] {
                digest.update((part.len() as u64).to_be_bytes());
                digest.update(part.as_bytes());
            }
        };
        feed("schema.cedarschema", schema_text);
        let mut rules = Vec::new();
        let mut cases = Vec::new();
        let mut set = PolicySet::new();
        for (path, text) in files {
            let Some(id) = path.strip_suffix("/rule.cedar") else { continue };
            feed(path, text);
            let bad = |message: String| BadPack::File { file: path.clone(), message };
            let policy = Policy::parse(Some(PolicyId::new(id)), text).map_err(|e| bad(e.to_string()))?;
            let sibling = |name: &str| {
                let sibling = format!("{id}/{name}");
                files.get(&sibling).cloned().ok_or(BadPack::Missing(sibling))
            };
            let why = sibling("why.md")?;
            cases.push((id.to_owned(), sibling("cases.json")?));
            let rule = read_rule(id, &policy, text, why).map_err(bad)?;
            set.add(policy.clone()).map_err(|e| BadPack::Validation(e.to_string()))?;
            rules.push((rule, policy));
        }
        let validation = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
        if !validation.validation_passed() {
            return Err(BadPack::Validation(validation.to_string()));
        }
        let digest = digest.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Ok(Self { schema, rules, cases, digest })
    }

    /// SHA-256 over the schema and all policies, hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// All rules, by id.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|(rule, _)| rule)
    }

    /// The rule with that id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules().find(|rule| rule.id == id)
    }

    /// The rules that a lawyer must confirm.
    pub fn to_confirm(&self) -> impl Iterator<Item = &Rule> {
        self.rules().filter(|rule| rule.lawyer.is_some())
    }

    /// The text of each rule's `cases.json`, by rule id.
    pub fn cases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cases.iter().map(|(id, text)| (id.as_str(), text.as_str()))
    }

    /// Judges one question by the rules that were in force on its day.
    #[must_use]
    pub fn judge(&self, question: &Question) -> Verdict {
        let day = day_in_japan(question.decided_on);
        let relevant: Vec<&(Rule, Policy)> =
            self.rules.iter().filter(|(rule, _)| rule.actions.contains(&question.action)).collect();
        match self.ask_cedar(question, &day, &relevant) {
            Ok((true, deciding)) => {
                let mut grounds: Vec<Ground> = deciding.iter().filter_map(|rule| rule.ground).collect();
                grounds.sort_unstable();
                grounds.dedup();
                Verdict::Allowed { grounds, rules: deciding.iter().map(|rule| rule.id.clone()).collect() }
            }
            Ok((false, deciding)) => Verdict::Refused(refusal(&relevant, &deciding, &day)),
            // A question that cannot be put is a question without an answer: refused, never allowed.
            Err(message) => Verdict::Refused(Refusal {
                code: "question-not-understood",
                rules: Vec::new(),
                reason_ja: format!("照会を規則に当てはめられません: {message}"),
                reason_en: format!("the question does not fit the rules' schema: {message}"),
                would_need: Vec::new(),
            }),
        }
    }

    fn ask_cedar<'a>(
        &self,
        question: &Question,
        day: &str,
        relevant: &[&'a (Rule, Policy)],
    ) -> Result<(bool, Vec<&'a Rule>), String> {
        let mut set = PolicySet::new();
        for (rule, policy) in relevant {
            if rule.in_force(day) {
                set.add(policy.clone()).map_err(|e| e.to_string())?;
            }
        }
        let uid = |kind: &str, id: &str| {
            EntityUid::from_json(json!({ "__entity": { "type": kind, "id": id } })).map_err(|e| e.to_string())
        };
        let principal = uid("Party", question.actor.party.as_str())?;
        let action = uid("Action", question.action.name())?;
        let resource = uid("Data", question.class.name())?;
        let entities = json!([
            {
                "uid": { "type": "Party", "id": question.actor.party.as_str() },
                "attrs": {
                    "roles": question.roles.iter().map(|r| r.name()).collect::<BTreeSet<_>>(),
                    "jurisdiction": question.jurisdiction,
                },
                "parents": [],
            },
            {
                "uid": { "type": "Data", "id": question.class.name() },
                "attrs": { "class": question.class.name() },
                "parents": [],
            },
        ]);
        let entities = Entities::from_json_value(entities, Some(&self.schema)).map_err(|e| e.to_string())?;
        let context = Context::from_json_value(circumstances(question), Some((&self.schema, &action)))
            .map_err(|e| e.to_string())?;
        let request =
            Request::new(principal, action, resource, context, Some(&self.schema)).map_err(|e| e.to_string())?;
        let response = Authorizer::new().is_authorized(&request, &set, &entities);
        if let Some(error) = response.diagnostics().errors().next() {
            return Err(error.to_string());
        }
        let mut deciding: Vec<&Rule> = response
            .diagnostics()
            .reason()
            .filter_map(|id| {
                relevant.iter().find(|(rule, _)| rule.id == AsRef::<str>::as_ref(id)).map(|(rule, _)| rule)
            })
            .collect();
        deciding.sort_by(|a, b| a.id.cmp(&b.id));
        Ok((response.decision() == CedarDecision::Allow, deciding))
    }
}

/// The day in Japan, `YYYY-MM-DD`: laws come into force by the day.
fn day_in_japan(instant: Instant) -> String {
    instant.civil(&Zone::tokyo()).map(|civil| civil.date().to_string()).unwrap_or_default()
}

fn refusal(relevant: &[&(Rule, Policy)], deciding: &[&Rule], day: &str) -> Refusal {
    if !deciding.is_empty() {
        let join = |pick: fn(&Rule) -> &str| deciding.iter().map(|rule| pick(rule)).collect::<Vec<_>>().join(" / ");
        return Refusal {
            code: "forbidden",
            rules: deciding.iter().map(|rule| rule.id.clone()).collect(),
            reason_ja: join(|rule| &rule.reason_ja),
            reason_en: join(|rule| &rule.reason_en),
            would_need: Vec::new(),
        };
    }
    let would_need = relevant
        .iter()
        .map(|(rule, _)| rule)
        .filter(|rule| rule.effect == Effect::Permit && rule.in_force(day))
        .map(|rule| (rule.id.clone(), rule.needs_ja.clone(), rule.needs_en.clone()))
        .collect();
    Refusal {
        code: "no-ground-known",
        rules: Vec::new(),
        reason_ja: NO_GROUND_KNOWN.ja.to_owned(),
        reason_en: NO_GROUND_KNOWN.en.to_owned(),
        would_need,
    }
}

fn circumstances(q: &Question) -> serde_json::Value {
    let mut context = json!({
        "purpose": q.purpose.name(),
        "collection": q.collection.map_or("", |c| c.name()),
        "usesPort": q.uses_port,
        "automatic": q.automatic,
        "inHandling": q.in_handling,
        "agreementInForce": q.agreement_in_force,
        "planAgreedByReporter": q.plan_agreed_by_reporter,
        "planAgreedByPartner": q.plan_agreed_by_partner,
        "holdsAssignment": q.holds_assignment,
        "individually": q.individually,
        "identifiedLawfully": q.identified_lawfully,
    });
    if let Some(r) = &q.receiver {
        context["receiver"] = json!({
            "roles": r.roles.iter().map(|role| role.name()).collect::<BTreeSet<_>>(),
            "jurisdiction": r.jurisdiction,
            "holdsAddress": r.holds_address,
            "isReporter": r.is_reporter,
        });
    }
    if let Some(n) = &q.necessity {
        context["necessity"] = json!({
            "presentDanger": n.present_danger,
            "noAlternative": n.no_alternative,
            "proportionate": n.proportionate,
        });
    }
    if let Some(l) = &q.legitimate_act {
        context["legitimateAct"] = json!({
            "legitimatePurpose": l.legitimate_purpose,
            "necessary": l.necessary,
            "adequateMeans": l.adequate_means,
        });
    }
    if let Some(c) = &q.terms_consent {
        context["termsConsent"] = json!({
            "usersWouldAgree": c.users_would_agree,
            "explained": c.explained,
            "sameTermsIfRefused": c.same_terms_if_refused,
            "changeableAnyTime": c.changeable_any_time,
            "minimumData": c.minimum_data,
        });
    }
    context
}

fn read_rule(id: &str, policy: &Policy, text: &str, why: String) -> Result<Rule, String> {
    let optional = |name: &str| policy.annotation(name).map(str::to_owned);
    let needed = |name: &str| optional(name).ok_or_else(|| format!("the annotation `@{name}` is missing"));
    let effect = match policy.effect() {
        cedar_policy::Effect::Permit => Effect::Permit,
        cedar_policy::Effect::Forbid => Effect::Forbid,
    };
    let ground = match (effect, optional("ground")) {
        (Effect::Permit, None) => return Err("a rule that permits needs `@ground`".to_owned()),
        (Effect::Forbid, Some(_)) => return Err("a rule that forbids is no ground; remove `@ground`".to_owned()),
        (_, None) => None,
        (_, Some(name)) => Some(Ground::from_name(&name).ok_or_else(|| format!("`{name}` is no ground"))?),
    };
    let confidence = needed("confidence")?;
    if !["A", "B", "C"].contains(&confidence.as_str()) {
        return Err(format!("`@confidence` is A, B or C, not `{confidence}`"));
    }
    let lawyer = optional("lawyer");
    if confidence == "C" && lawyer.is_none() {
        return Err("a rule of confidence C says in `@lawyer` what a lawyer must confirm".to_owned());
    }
    let day = |name: &str| -> Result<Option<String>, String> {
        match optional(name) {
            None => Ok(None),
            Some(day) => {
                jiff::civil::Date::from_str(&day)
                    .map_err(|_| format!("`@{name}` is a day `YYYY-MM-DD`, not `{day}`"))?;
                Ok(Some(day))
            }
        }
    };
    Ok(Rule {
        id: id.to_owned(),
        effect,
        ground,
        actions: actions_of(policy)?,
        source: needed("source")?,
        confidence,
        reason_ja: needed("reason_ja")?,
        reason_en: needed("reason_en")?,
        needs_ja: if effect == Effect::Permit { needed("needs_ja")? } else { String::new() },
        needs_en: if effect == Effect::Permit { needed("needs_en")? } else { String::new() },
        valid_from: day("valid_from")?,
        valid_until: day("valid_until")?,
        lawyer,
        text: text.to_owned(),
        why,
    })
}

/// The actions in a policy's head; a policy about every action is refused, because it would be easily overlooked.
fn actions_of(policy: &Policy) -> Result<Vec<Action>, String> {
    use cedar_policy::ActionConstraint;
    let uids = match policy.action_constraint() {
        ActionConstraint::Any => return Err("a rule names its actions".to_owned()),
        ActionConstraint::Eq(uid) => vec![uid],
        ActionConstraint::In(uids) => uids,
    };
    uids.iter()
        .map(|uid| {
            let name: &str = uid.id().unescaped();
            Action::ALL.iter().copied().find(|a| a.name() == name).ok_or_else(|| format!("`{name}` is no action"))
        })
        .collect()
}
