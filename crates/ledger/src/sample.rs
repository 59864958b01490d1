//! Logs for the tests: leaves, a key that everybody knows, and files in memory.

use std::collections::BTreeMap;

use ed25519_dalek::{Signer as _, SigningKey};
use signed_note::Signer;
use uuid::Uuid;

use crate::checkpoint::Checkpoint;
use crate::leaf::{Kind, Leaf};
use crate::log::{Growth, extend};
use crate::shelf::Shelf;
use crate::tile::CHECKPOINT;
use crate::tree::{Hash, Head, leaf_hash, root};
use crate::verify::{EXPIRES, Question, Verdict, verify};

/// The origin of the sample logs.
pub(crate) const ORIGIN: &str = "ledger.example.org/sample";
/// The moment of the first leaf.
pub(crate) const START: i64 = 1_400_000_000_000_000;
/// A moment when every decision of the samples may still be done.
pub(crate) const NOW: i64 = START + 10_000_000;

/// The files of a log.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A signer whose key is known to everybody: for samples and tests.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) key: SigningKey,
}

impl Known {
    pub(crate) fn new(name: &'static str, seed: u8) -> Self {
        Self { name, key: SigningKey::from_bytes(&[seed; 32]) }
    }

    pub(crate) fn vkey(&self) -> String {
        signed_note::new_ed25519_verifier_key(self.name, &self.key.verifying_key())
    }
}

impl Signer for Known {
    fn name(&self) -> &str {
        self.name
    }

    fn key_id(&self) -> u32 {
        signed_note::key_id(self.name, &[&[1], self.key.verifying_key().as_bytes().as_slice()].concat())
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, ed25519_dalek::SignatureError> {
        Ok(self.key.try_sign(text)?.to_vec())
    }
}

/// The usual signer.
pub(crate) fn signer() -> Known {
    Known::new(ORIGIN, 42)
}

/// An id that says its number.
pub(crate) fn id(n: u64) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | u128::from(n))
}

/// The `n`th leaf: deeds are decided, done, carried; some are refused or given up.
pub(crate) fn leaf(n: u64) -> Leaf {
    let at = START + n as i64 * 1_000;
    let decision = Some(id((1 << 40) | (n / 6)));
    let new = |kind, decision| Leaf::new(id(n), kind, at, decision);
    match n % 6 {
        0 => new(Kind::Decided, decision)
            .with("action", "share")
            .with("purpose", "warn-subscribers")
            .with("count", 839_u64)
            .with("automatic", false)
            .with(
                "rules",
                vec!["jp/telecom/joint-response".to_owned(), "jp/base/\u{5171}\u{540c}\u{5bfe}\u{51e6}".to_owned()],
            )
            .with(EXPIRES, START + 86_400_000_000),
        1 => new(Kind::Recorded, None).with("document", "plan \"goz-2014\"").with("digest", "00".repeat(32)),
        2 if n % 12 == 2 => new(Kind::Done, decision).with("commitment", "a1".repeat(32)).with("count", 839_u64),
        2 => new(Kind::Abandoned, decision).with("reason", "evidence withdrawn"),
        3 => new(Kind::Refused, None).with("code", "no-ground-known"),
        4 => new(Kind::Carried, decision).with("way", "smtp").with("outcome", "delivered"),
        _ => new(Kind::Recorded, None),
    }
}

/// The bytes of the first leaves.
pub(crate) fn leaves(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|n| leaf(n).to_bytes()).collect()
}

/// The head over these leaves, by definition.
pub(crate) fn head(leaves: &[Vec<u8>]) -> Head {
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    Head { size: hashes.len() as u64, root: root(&hashes) }
}

/// Adds leaves to a log, and returns what was written.
pub(crate) fn grow(files: &mut Files, leaves: &[Vec<u8>]) -> Growth {
    let present = match files.get(CHECKPOINT) {
        Some(note) => Checkpoint::open(note, &signer().vkey()).unwrap().head,
        None => Head::EMPTY,
    };
    let growth = extend(&present, files, leaves).unwrap();
    files.extend(growth.signed(&signer()).unwrap());
    growth
}

/// A log that grew to each of these sizes in turn.
pub(crate) fn log(sizes: &[u64]) -> Files {
    log_of(&leaves(sizes.last().copied().unwrap_or(0)), sizes)
}

/// The same of other leaves.
pub(crate) fn log_of(leaves: &[Vec<u8>], sizes: &[u64]) -> Files {
    let mut files = Files::new();
    let mut before = 0;
    for &size in sizes {
        grow(&mut files, &leaves[before..size as usize]);
        before = size as usize;
    }
    files
}

/// What the verifier says with the usual key and nothing else to compare with.
pub(crate) fn judge(shelf: &dyn Shelf) -> Verdict {
    verify(shelf, &Question { vkey: &signer().vkey(), now: NOW, earlier: None, unsequenced: &[] })
}

mod golden {
    //! The log under `samples/`: what an earlier version wrote must verify for ever, byte for byte.

    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::shelf::Folder;

    /// Written anew with `NOROSHI_UPDATE_SAMPLES=1 cargo test -p ledger golden`; read the difference before you keep it.
    #[test]
    fn the_sample_log_verifies_and_is_written_the_same_today() {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
        let (files, kept, vkey) = (log(&[5, 259]), log(&[5]).remove(CHECKPOINT).unwrap(), signer().vkey() + "\n");
        if std::env::var_os("NOROSHI_UPDATE_SAMPLES").is_some() {
            for (path, bytes) in &files {
                let path = samples.join("log").join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            fs::write(samples.join("earlier-checkpoint"), &kept).unwrap();
            fs::write(samples.join("vkey"), &vkey).unwrap();
        }
        assert_eq!(fs::read_to_string(samples.join("vkey")).unwrap(), vkey);
        assert_eq!(fs::read(samples.join("earlier-checkpoint")).unwrap(), kept);
        let shelf = Folder(samples.join("log"));
        assert_eq!(shelf.list().unwrap(), files.keys().cloned().collect::<Vec<_>>());
        for (path, bytes) in &files {
            assert!(shelf.read(path).as_ref() == Some(bytes), "{path}");
        }
        let question = Question { vkey: vkey.trim(), now: NOW, earlier: Some(&kept), unsequenced: &[] };
        let verdict = verify(&shelf, &question);
        assert!(verdict.is_sound(), "{:?}", verdict.faults);
        assert_eq!((verdict.leaves, verdict.open.len(), verdict.overdue.len()), (259, 1, 0));
    }
}
