//! Operations and rounds: opened with a plan that their reporter and partners agreed to.

use ledger::Kind;
use model::operation::Plan;
use model::problem::{Place, Problem};
use model::{Actor, LeafId, OperationId, RoundId};
use store::operation::PlanText;

use crate::gate::own;
use crate::house::House;
use crate::problem::{
    BAD_PLAN, DeedError, NOT_FOUND, OPERATION_CLOSED, OPERATION_THERE, PLAN_NOT_AGREED, PLAN_PARTY_UNKNOWN,
    ROUND_NOT_OPEN,
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
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let mut place = Place::file(file);
        if let Some(span) = error.span() {
            let before = text.get(..span.start).unwrap_or_default();
            place = place.line(before.matches('\n').count() as u64 + 1);
        }
        Problem::new(&BAD_PLAN, place).with_value(error.message())
    })
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

    /// Records a changed plan of an open operation; the older versions stay.
    ///
    /// # Errors
    /// As [`House::open_operation`], or where the operation is not open.
    pub async fn amend_operation(&self, actor: &Actor, file: &str, text: &str) -> Result<Planned, DeedError> {
        own(self, actor)?;
        let planned = self.check_plan(file, text)?;
        self.plan(&planned.plan.id).await?;
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
            let problem = Problem::new(&NOT_FOUND, Place::file("round").field(format!("next is {next}")));
            return Err(DeedError::Problem(problem.with_value(&round.to_string())));
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
