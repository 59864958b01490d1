//! What the tests of this crate share: an archive in a folder of its own, invented rows, and clearances from the real gate.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use disk::{Care, Disk, RealDisk};
use keys::{Keyring, OsEntropy, RetentionClass, WrappingKey};
use law::{Action, Clearance, Gate, Pack, Protected, Question, Subject, Verdict};
use ledger::Receipt;
use model::operation::{Collection, LegitimateAct};
use model::party::Role;
use model::port::{Crash, Faults, FixedClock, NoFaults, SeededEntropy};
use model::{
    Actor, Address, DataClass, DecisionId, Instant, LeafId, PortNumber, Purpose, ReportId, Sighting, SightingBatch,
    SightingBatchBuilder,
};
use uuid::Uuid;

use crate::Archive;
use crate::file::Written;

/// 2026-05-12T13:46:40Z: the law of 2026.
pub(crate) const NOW: Instant = Instant::from_micros(1_778_593_600_000_000);

pub(crate) struct Trial {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) archive: Archive,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) retention: RetentionClass,
    pub(crate) clock: FixedClock,
    entropy: SeededEntropy,
    gate: Gate,
}

impl Trial {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(Arc::new(NoFaults), Care::Skip));
        let wrapping = WrappingKey::generate(&SeededEntropy::new(1));
        let keyring =
            Keyring::create(disk.clone(), &folder.path().join("keys"), wrapping, Arc::new(OsEntropy)).unwrap();
        let keyring = Arc::new(keyring);
        let archive = Archive::new(disk, folder.path().join("archive"), keyring.clone(), Arc::new(OsEntropy));
        Self {
            folder,
            archive,
            keyring,
            retention: RetentionClass::new("sighting", "kagaribi-2014").unwrap(),
            clock: FixedClock::at(NOW),
            entropy: SeededEntropy::new(7),
            gate: Gate::new(Pack::shipped().unwrap()),
        }
    }

    /// The same archive on a disk that fails at the point reached after so many others.
    pub(crate) fn crashing(&self, after: usize) -> Archive {
        let disk = RealDisk::new(Arc::new(CrashAfter(after.into())), Care::Wait);
        Archive::new(Arc::new(disk), self.folder.path().join("archive"), self.keyring.clone(), Arc::new(OsEntropy))
    }

    pub(crate) fn id(&self) -> Uuid {
        LeafId::fresh(&self.clock, &self.entropy).uuid()
    }

    /// Leave of the real gate, its decision written down in memory, for receiving what `subject` names.
    pub(crate) fn clearance(&self, subject: &Subject) -> Clearance {
        let party = "isac-hub".parse().unwrap();
        let mut question = Question::new(
            Actor::local(party, 1_000),
            Purpose::WarnVictims { round: "kagaribi-2014/1".parse().unwrap() },
            Action::Receive,
            DataClass::CommunicationTrace,
            subject.clone(),
            NOW,
        );
        question.roles = vec![Role::ClearingHouse];
        question.collection = Some(Collection::TrustedThirdParty);
        question.agreement_in_force = true;
        question.plan_agreed_by_reporter = true;
        question.legitimate_act =
            Some(LegitimateAct { legitimate_purpose: true, necessary: true, adequate_means: true });
        let (id, leaf) = (DecisionId::from_uuid(self.id()), LeafId::from_uuid(self.id()));
        let decision = self.gate.decide(question, id, leaf, NOW);
        assert!(matches!(decision.verdict(), Verdict::Allowed { .. }));
        let receipt = Receipt::of_committed(&decision.leaf());
        Clearance::issue(decision, &receipt).unwrap()
    }

    /// Writes sightings of the report of [`report_subject`].
    pub(crate) fn write(&self, batch: SightingBatch) -> Written {
        let rows = Protected::seal(batch, DataClass::CommunicationTrace, report_subject());
        let clearance = self.clearance(&report_subject());
        self.archive.write_sightings(self.id(), &self.retention, &rows, &clearance, NOW).unwrap()
    }

    /// The names of the files in a folder of the archive, unfinished ones too.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("archive").join(folder));
        entries.into_iter().flatten().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Where a file lies.
    pub(crate) fn place(&self, file: &Written) -> std::path::PathBuf {
        self.folder.path().join("archive").join(Path::new(&file.path))
    }
}

struct CrashAfter(AtomicUsize);

impl Faults for CrashAfter {
    fn reach(&self, point: &'static str) -> Result<(), Crash> {
        // After the crash nothing happens any more: the count stays at 0.
        match self.0.try_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Ok(()),
            Err(_) => Err(Crash(point)),
        }
    }
}

/// The report that the rows are of.
pub(crate) fn report_subject() -> Subject {
    Subject::Report(ReportId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001)))
}

/// An address that rises with `n`.
pub(crate) fn address_of(n: u32) -> Address {
    Address::new(std::net::Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(n)).into())
}

/// So many invented rows: row `n` has the ordinal n, the time NOW + n seconds and the address [`address_of`] n.
pub(crate) fn batch_of(rows: u32) -> SightingBatch {
    let mut builder = SightingBatchBuilder::with_capacity(rows as usize);
    for n in 0..rows {
        builder.push(&Sighting {
            ordinal: n,
            line: n + 2,
            time: Some(NOW.plus_seconds(i64::from(n))),
            source_ip: Some(address_of(n)),
            source_port: PortNumber::new(40_000),
            source_account: Some("hikari-taro".to_owned()),
            malware: Some("gameover-zeus".to_owned()),
            extra: Some(r#"{"extra.subscriber":"192.0.2.77"}"#.to_owned()),
            ..Sighting::infected()
        });
    }
    builder.finish()
}
