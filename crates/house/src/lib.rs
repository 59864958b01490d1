//! The house checks itself: there is no code here, only tests over all crates and pages.
//!
//! `tests/architecture.rs` holds every manifest against the table in `ARCHITECTURE.md`; `tests/catalogue.rs` joins the error
//! codes of all crates into `docs/manual/errors.md`; `tests/words.rs` reads glossary and feature matrix; `tests/law.rs` writes
//! `docs/law.md` from the rules; `tests/manual.rs` reads every example of the manual with the program's own readers.
//! `NOROSHI_UPDATE_DOCS=1 cargo test -p house` writes the pages that are made by the program.
