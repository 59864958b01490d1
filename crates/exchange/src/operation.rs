//! Operations and rounds: opened with a plan that their reporter and partners agreed to.

use directory::nearest::nearest;
use ledger::Kind;
use model::operation::Plan;
use model::problem::{Place, Problem};
use model::{Actor, LeafId, OperationId, RoundId};
use store::operation::PlanText;

use crate::gate::own;
use crate::house::House;
use crate::problem::{
    BAD_PLAN, DeedError, OPERATION_CLOSED, OPERATION_THERE, PLAN_CONTROL_CHARACTER, PLAN_NOT_AGREED,
    PLAN_PARTY_UNKNOWN, PLAN_UNKNOWN_KEY, ROUND_NOT_OPEN, ROUND_OUT_OF_ORDER,
};
use crate::roster::document_digest;

/// A plan with the digest of its text.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// Its digest, as leaves name it.
    pub digest: String,
}

/// Reads a plan's file.
///
/// # Errors
/// [`Problem`] with line and key.
pub fn read_plan(file: &str, text: &str) -> Result<Plan, Problem> {
    if let Ok(table) = text.parse::<toml::Table>()
        && let Some(path) = controlled(&toml::Value::Table(table))
    {
        let mut place = Place::file(file).field(path.join("."));
        let stands = |line: &str, key: &str| {
            line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        let at = path.iter().rev().find_map(|key| text.lines().position(|line| stands(line, key)));
        if let Some(at) = at {
            place = place.line(at as u64 + 1);
        }
        return Err(Problem::new(&PLAN_CONTROL_CHARACTER, place));
    }
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let mut place = Place::file(file);
        if let Some(span) = error.span() {
            let before = text.get(..span.start).unwrap_or_default();
            place = place.line(before.matches('\n').count() as u64 + 1);
        }
        let line = place.line.and_then(|line| text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?));
        if let Some((key, _)) = line.and_then(|line| line.split_once('=')) {
            place = place.field(key.trim());
        }
        let message = error.message();
        let mut ticks = message.split('`').skip(1).step_by(2);
        match ticks.next().filter(|_| message.starts_with("unknown field")) {
            Some(key) => {
                let known = nearest(key, ticks).unwrap_or_default();
                Problem::new(&PLAN_UNKNOWN_KEY, place).with_value(&format!("{key} → {known}"))
            }
            None => Problem::new(&BAD_PLAN, place).with_value(message),
        }
    })
}

/// Where a text holds a character that could forge a header or a line: the keys that lead there.
fn controlled(value: &toml::Value) -> Option<Vec<String>> {
    let inside = |key: &str, value: &toml::Value| {
        let mut path = controlled(value)?;
        path.insert(0, key.to_owned());
        Some(path)
    };
    match value {
        toml::Value::String(text) => text.chars().any(forging).then(Vec::new),
        toml::Value::Array(values) => values.iter().find_map(controlled),
        toml::Value::Table(table) => table.iter().find_map(|(key, value)| inside(key, value)),
        _ => None,
    }
}

/// Control characters, separators of lines, and what turns the direction of text.
fn forging(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl House {
    /// Reads a plan and, unless `dry_run`, opens its operation.
    ///
    /// # Errors
    /// [`DeedError`] where the plan cannot be read, names parties that the roster does not know, lacks its reporter's
    /// agreement, or the operation exists; all that is wrong is named.
    pub async fn open_operation(
        &self,
        actor: &Actor,
        file: &str,
        text: &str,
        dry_run: bool,
    ) -> Result<Planned, DeedError> {
        own(self, actor)?;
        let planned = self.check_plan(file, text)?;
        let found = store::operation::find(&self.store, &planned.plan.id).await?;
        if found.is_some_and(|operation| operation.plan.is_some()) {
            return Err(DeedError::NotInForce { code: &OPERATION_THERE, about: planned.plan.id.to_string() });
        }
        if !dry_run {
            let (leaf, id) = self.plan_leaf(actor, &planned, "plan");
            let mut tx = self.store.begin("operation::open").await?;
            store::leaf::append(&mut tx, &leaf).await?;
            let plan_text = PlanText { text, digest: &planned.digest, leaf: id };
            store::operation::open(&mut tx, &planned.plan.id, plan_text, self.clock.now()).await?;
            tx.commit().await?;
        }
        Ok(planned)
    }

    /// Records a changed plan of an open operation, unless `dry_run`; the older versions stay.
    ///
    /// # Errors
    /// As [`House::open_operation`], or where the operation is not open.
    pub async fn amend_operation(
        &self,
        actor: &Actor,
        file: &str,
        text: &str,
        dry_run: bool,
    ) -> Result<Planned, DeedError> {
        own(self, actor)?;
        let planned = self.check_plan(file, text)?;
        self.plan(&planned.plan.id).await?;
        if dry_run {
            return Ok(planned);
        }
        let (leaf, id) = self.plan_leaf(actor, &planned, "plan-amended");
        let mut tx = self.store.begin("operation::amend").await?;
        store::leaf::append(&mut tx, &leaf).await?;
        let plan_text = PlanText { text, digest: &planned.digest, leaf: id };
        store::operation::amend(&mut tx, &planned.plan.id, plan_text, self.clock.now()).await?;
        tx.commit().await?;
        Ok(planned)
    }

    fn plan_leaf(&self, actor: &Actor, planned: &Planned, what: &str) -> (ledger::Leaf, LeafId) {
        let agreed: Vec<String> =
            planned.plan.agreed.iter().map(|a| format!("{}:{}:{}", a.party, a.on, a.reference)).collect();
        let leaf = self
            .record_leaf(Kind::Recorded, what, actor)
            .with("operation", planned.plan.id.as_str())
            .with("digest", planned.digest.as_str())
            .with("agreed", agreed);
        let id = LeafId::from_uuid(leaf.id);
        (leaf, id)
    }

    fn check_plan(&self, file: &str, text: &str) -> Result<Planned, DeedError> {
        let directory = self.directory()?;
        let plan = read_plan(file, text)?;
        let mut problems = Vec::new();
        let named = std::iter::once(&plan.reporter).chain(&plan.partners).chain(plan.tasks.iter().map(|t| &t.party));
        for party in named {
            if directory.roster().party(party).is_none() {
                problems.push(Problem::new(&PLAN_PARTY_UNKNOWN, Place::file(file)).with_value(party.as_str()));
            }
        }
        if !plan.agreed.iter().any(|a| a.party == plan.reporter) {
            let place = Place::file(file).field("agreed");
            problems.push(Problem::new(&PLAN_NOT_AGREED, place).with_value(plan.reporter.as_str()));
        }
        if problems.is_empty() {
            Ok(Planned { plan, digest: document_digest(text) })
        } else {
            Err(DeedError::Problems(problems))
        }
    }

    /// The plan in force of an operation.
    ///
    /// # Errors
    /// [`DeedError::NotFound`] where there is no such operation with a plan.
    pub async fn plan(&self, id: &OperationId) -> Result<Planned, DeedError> {
        let missing = || DeedError::NotFound { what: "operation", id: id.to_string() };
        let operation = store::operation::find(&self.store, id).await?.ok_or_else(missing)?;
        let version = operation.plan.ok_or_else(missing)?;
        Ok(Planned { plan: read_plan("plan", &version.text)?, digest: version.digest })
    }

    /// Opens a round; rounds are opened in order, from 1.
    ///
    /// # Errors
    /// [`DeedError`] where the operation is not known, has closed, or the round is out of order.
    pub async fn open_round(&self, actor: &Actor, round: &RoundId) -> Result<(), DeedError> {
        own(self, actor)?;
        let planned = self.plan(&round.operation).await?;
        let now = self.clock.now();
        if now >= planned.plan.closes {
            return Err(DeedError::NotInForce { code: &OPERATION_CLOSED, about: round.operation.to_string() });
        }
        let last = store::round::of_operation(&self.store, &round.operation).await?.last().map_or(0, |r| r.id.number);
        if round.number != last + 1 {
            let next = RoundId { operation: round.operation.clone(), number: last + 1 };
            return Err(DeedError::NotInForce { code: &ROUND_OUT_OF_ORDER, about: format!("{round} → {next}") });
        }
        let leaf = self.record_leaf(Kind::Recorded, "round-opened", actor).with("round", round.to_string());
        let mut tx = self.store.begin("round::open").await?;
        store::leaf::append(&mut tx, &leaf).await?;
        store::round::open(&mut tx, round, now).await?;
        Ok(tx.commit().await?)
    }

    /// The plan of an open round.
    ///
    /// # Errors
    /// [`DeedError::NotInForce`] where the round is not open or the operation has closed.
    pub async fn open_round_plan(&self, round: &RoundId) -> Result<Planned, DeedError> {
        let planned = self.plan(&round.operation).await?;
        match store::round::find(&self.store, round).await? {
            Some(found) if found.closed_at.is_none() => {}
            _ => return Err(DeedError::NotInForce { code: &ROUND_NOT_OPEN, about: round.to_string() }),
        }
        if self.clock.now() >= planned.plan.closes {
            return Err(DeedError::NotInForce { code: &OPERATION_CLOSED, about: round.operation.to_string() });
        }
        Ok(planned)
    }
}
