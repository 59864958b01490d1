//! The sweep: files that a crash left behind, which no row of the manifest names.

use std::collections::HashSet;

use model::Instant;

use crate::Archive;
use crate::file::{FOLDERS, Name};
use crate::problem::ArchiveError;

/// A file that the manifest does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Where it lies; give it to [`Archive::remove`].
    pub path: String,
}

impl Archive {
    /// Files that `known` (the paths of all living rows of the manifest) does not name and whose ids were made before `before`.
    ///
    /// A deed writes its file before the manifest names it: `before` lies further back than any deed takes, or a sweep removes what
    /// a deed is about to name. Read the manifest after choosing `before`. What bears another kind of name is not the archive's and is
    /// left alone.
    ///
    /// # Errors
    /// What the disk says.
    pub fn strays(&self, known: &HashSet<String>, before: Instant) -> Result<Vec<Stray>, ArchiveError> {
        let mut strays = Vec::new();
        for folder in FOLDERS {
            for file in self.disk.list(&self.root.join(folder))? {
                let path = format!("{folder}/{file}");
                let Some(name) = Name::parse(&path) else { continue };
                let made = Instant::from_micros(name.millis().saturating_mul(1_000));
                if made < before && !known.contains(&path) {
                    strays.push(Stray { path });
                }
            }
        }
        Ok(strays)
    }
}

#[cfg(test)]
mod tests {
    use disk::UNFINISHED;
    use law::Protected;
    use model::DataClass;

    use super::*;
    use crate::trial::{NOW, Trial, batch_of, report_subject};

    #[test]
    fn only_what_is_old_and_unknown_is_stray() {
        let trial = Trial::new();
        let (named, stray) = (trial.write(batch_of(1)), trial.write(batch_of(1)));
        trial.clock.advance_seconds(3_600);
        let young = trial.write(batch_of(1));
        std::fs::write(trial.folder.path().join("archive/sightings/README"), "somebody's").unwrap();
        let known = HashSet::from([named.path.clone()]);
        let hour = NOW.plus_seconds(1_800);
        let strays = trial.archive.strays(&known, hour).unwrap();
        assert_eq!(strays, [Stray { path: stray.path.clone() }]);
        for stray in &strays {
            trial.archive.remove(&stray.path).unwrap();
            trial.archive.remove(&stray.path).unwrap();
        }
        assert!(trial.archive.strays(&known, hour).unwrap().is_empty());
        assert!(trial.archive.examine(&named).is_ok() && trial.archive.examine(&young).is_ok());
        assert!(trial.archive.remove("../keys/pseudonym.key").is_err());
        assert_eq!(trial.archive.strays(&HashSet::new(), NOW).unwrap(), [], "ids of this very moment");
    }

    #[test]
    fn a_crash_at_any_point_leaves_a_file_whole_or_none() {
        let rows = || Protected::seal(batch_of(50), DataClass::CommunicationTrace, report_subject());
        let (mut finished, mut whole, mut none) = (0, 0, 0);
        for after in 0..8 {
            let trial = Trial::new();
            let clearance = trial.clearance(&report_subject());
            // The keys are made before, so that the points passed are the file's own.
            trial.write(batch_of(1));
            let id = trial.id();
            let written = trial.crashing(after).write_sightings(id, &trial.retention, &rows(), &clearance, NOW);
            let later = NOW.plus_seconds(60);
            let place = format!("sightings/{id}.noroshi");
            let there: Vec<String> =
                trial.archive.strays(&HashSet::new(), later).unwrap().into_iter().map(|s| s.path).collect();
            match written {
                Ok(written) => {
                    finished += 1;
                    assert_eq!(
                        trial.archive.read_sightings(&written, &report_subject()).err().map(|e| e.to_string()),
                        None
                    );
                }
                Err(error) => {
                    assert!(matches!(error, ArchiveError::Disk(disk::DiskError::Crash(_))), "{after}: {error}");
                    if there.contains(&place) {
                        // What is there is all of it: the sweep finds it, and it opens to all its rows.
                        whole += 1;
                        let bytes = std::fs::read(trial.folder.path().join("archive").join(&place)).unwrap();
                        let again = trial.archive.put_back(id, &bytes, 50, &trial.retention);
                        assert!(trial.archive.read_sightings(&again, &report_subject()).is_ok(), "{after}");
                        trial.archive.remove(&place).unwrap();
                    } else {
                        none += 1;
                    }
                }
            }
            assert!(trial.files("sightings").iter().all(|f| f.ends_with(".noroshi") || f.ends_with(UNFINISHED)));
        }
        assert!(finished >= 2 && whole >= 2 && none >= 2, "{finished} {whole} {none}");
    }

    #[test]
    fn facts_never_change() {
        let trial = Trial::new();
        let rows = Protected::seal(batch_of(1), DataClass::CommunicationTrace, report_subject());
        let clearance = trial.clearance(&report_subject());
        let id = trial.id();
        let write = || trial.archive.write_sightings(id, &trial.retention, &rows, &clearance, NOW);
        let first = write().unwrap();
        assert!(matches!(write(), Err(ArchiveError::AlreadyThere { .. })));
        trial.archive.examine(&first).unwrap();
        let id = uuid::Uuid::from_u128(7);
        let written = trial.archive.write_sightings(id, &trial.retention, &rows, &clearance, NOW);
        assert!(matches!(written, Err(ArchiveError::Name { .. })), "only a version 7 tells its time");
    }
}
