//! Keeping assignment records: an operator's own import, its difference shown first, under its own ground.

use assignment::{ContactsPlan, ImportPlan, Register, Source};
use law::{Action, Clearance, Question, Subject};
use model::party::Role;
use model::problem::{Code, Place};
use model::tag::DataClass;
use model::{Actor, Purpose};

use crate::gate::own;
use crate::house::House;
use crate::problem::DeedError;
use crate::tell::Records;

/// What an import did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Rows or records read.
    pub read: u64,
    /// Not understood.
    pub rejected: u64,
    /// New leases, sessions or contacts.
    pub new: u64,
    /// Of which more is known now.
    pub changed: u64,
    /// Known already.
    pub same: u64,
    /// Contradictions: answered ambiguous, never resolved by luck.
    pub contradictions: u64,
    /// The error file.
    pub error_file: Option<Vec<u8>>,
    /// Where the first rows that were not understood stand, and why, without values.
    pub places: Vec<(Place, &'static Code)>,
}

impl House {
    /// The register of this operator's assignment records.
    #[must_use]
    pub fn register(&self, settings: assignment::Settings) -> Register {
        let folder = self.home.join("assignments");
        Register::new(self.disk.clone(), &folder, self.keyring.clone(), self.entropy.clone(), settings)
    }

    async fn ask_to_keep(&self, actor: &Actor) -> Result<Clearance, DeedError> {
        own(self, actor)?;
        let me = self.me()?.party;
        let subject = Subject::Assignments;
        let class = DataClass::SubscriberIdentity;
        let now = self.clock.now();
        let mut question = Question::new(actor.clone(), Purpose::Housekeeping, Action::Keep, class, subject, now);
        question.holds_assignment = me.is(Role::Operator);
        question.roles = me.roles;
        question.jurisdiction = me.jurisdiction;
        self.ask(question).await?.or_refuse()
    }

    /// Imports a file of assignment records, or with `dry_run` says what that would change.
    ///
    /// # Errors
    /// [`DeedError`] where the gate refuses or the file cannot be taken; then the records stand as before.
    pub async fn import_assignments(
        &self,
        actor: &Actor,
        register: &Register,
        source: &Source<'_>,
        bytes: &[u8],
        dry_run: bool,
    ) -> Result<Imported, DeedError> {
        let clearance = self.ask_to_keep(actor).await?;
        let now = self.clock.now();
        let language = self.settings.language;
        let planned = register.plan_import(source, bytes, &clearance, now).and_then(|plan: ImportPlan| {
            let mut imported = Imported {
                read: plan.read,
                rejected: plan.rejected,
                new: plan.new,
                changed: plan.extended,
                same: plan.same,
                contradictions: plan.contradictions,
                error_file: None,
                places: Vec::new(),
            };
            if plan.rejected > 0 {
                let opened = plan.rejects.open(&clearance, now, |rejects| {
                    (rejects.to_csv(language), rejects.places(source.file).take(20).collect())
                });
                if let Ok((file, places)) = opened {
                    imported.error_file = Some(file);
                    imported.places = places;
                }
            }
            if !dry_run {
                register.commit(plan, &clearance, now)?;
            }
            Ok(imported)
        });
        self.close_keeping(&clearance, planned, dry_run).await
    }

    /// Imports the list of subscribers' contacts, which replaces the one before, or with `dry_run` says what that would change.
    ///
    /// # Errors
    /// As [`House::import_assignments`].
    pub async fn import_contacts(
        &self,
        actor: &Actor,
        register: &Register,
        file: &str,
        bytes: &[u8],
        dry_run: bool,
    ) -> Result<Imported, DeedError> {
        let clearance = self.ask_to_keep(actor).await?;
        let now = self.clock.now();
        let language = self.settings.language;
        let planned = register.plan_contacts(file, bytes, &clearance, now).and_then(|plan: ContactsPlan| {
            let mut imported = Imported {
                read: plan.read,
                rejected: plan.rejected,
                new: plan.new,
                changed: plan.changed,
                same: plan.same,
                contradictions: 0,
                error_file: None,
                places: Vec::new(),
            };
            if plan.rejected > 0 {
                let opened = plan.rejects.open(&clearance, now, |rejects| {
                    (rejects.to_csv(language), rejects.places(file).take(20).collect())
                });
                if let Ok((file, places)) = opened {
                    imported.error_file = Some(file);
                    imported.places = places;
                }
            }
            if !dry_run {
                register.commit_contacts(plan, &clearance, now)?;
            }
            Ok(imported)
        });
        self.close_keeping(&clearance, planned, dry_run).await
    }

    async fn close_keeping(
        &self,
        clearance: &Clearance,
        planned: Result<Imported, assignment::RegisterError>,
        dry_run: bool,
    ) -> Result<Imported, DeedError> {
        match planned {
            Ok(imported) if dry_run => {
                self.abandon(clearance.decision(), "dry-run").await?;
                Ok(imported)
            }
            Ok(imported) => {
                let leaf = self.done_leaf(clearance).with("read", imported.read).with("new", imported.new);
                self.store.commit_leaf(&leaf).await?;
                Ok(imported)
            }
            Err(error) => {
                self.abandon(clearance.decision(), "import-refused").await?;
                Err(error.into())
            }
        }
    }

    /// The records, opened for a run of identifying and telling.
    ///
    /// # Errors
    /// [`DeedError`] where a file of the register was altered, or a key is gone: nobody is identified by half a register.
    pub fn records(&self, register: &Register) -> Result<Records, DeedError> {
        Ok(Records { index: register.index()?, contacts: register.contacts()? })
    }
}
