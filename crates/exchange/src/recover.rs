//! Recovery: what a crash left behind is closed. Decisions without an end are abandoned, files without a name removed.

use std::collections::HashSet;

use model::{DecisionId, Instant};

use crate::house::House;
use crate::problem::DeedError;

/// What recovery did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Decisions given up.
    pub abandoned: u64,
    /// Files removed that nothing names.
    pub swept: u64,
}

impl House {
    /// Abandons decisions made before `before` that have no end, and removes files that no committed row names.
    ///
    /// # Errors
    /// [`DeedError`] where state or disk fail.
    pub async fn recover(&self, before: Instant) -> Result<Recovered, DeedError> {
        let mut recovered = Recovered::default();
        for leaf in store::leaf::open_decisions(&self.store).await? {
            let Some(decision) = leaf.decision.filter(|_| leaf.at < before.as_micros()) else { continue };
            match self.abandon(DecisionId::from_uuid(decision), "process-gone").await {
                Ok(()) => recovered.abandoned += 1,
                // Somebody else closed it between our two looks.
                Err(DeedError::Store(store::StoreError::NotOpen { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        if recovered.abandoned > 0 || before >= self.clock.now() {
            let named: HashSet<String> = store::fact::paths(&self.store).await?.into_iter().collect();
            for stray in self.archive.strays(&named, before)? {
                self.archive.remove(&stray.path)?;
                recovered.swept += 1;
            }
        }
        Ok(recovered)
    }

    /// What every command that changes something does first: gives up what is older than the settings allow. Giving up a decision
    /// whose process still lives does no harm: its deed then cannot commit, and nothing of it happens.
    ///
    /// # Errors
    /// As [`House::recover`].
    pub async fn recover_stale(&self) -> Result<Recovered, DeedError> {
        self.recover(self.clock.now().plus_seconds(-i64::from(self.settings.abandon_after_seconds))).await
    }
}
