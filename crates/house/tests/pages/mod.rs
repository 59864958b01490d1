//! Pages of the project: where they lie, how they are read, and whether a page that the program makes is as it would make it.

// Each test crate uses a part of this.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

/// The project's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("this crate lies in `crates/`")
}

/// A text file of the project, by its path below [`root`].
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("cannot read `{path}`: {error}"))
}

/// Whether pages are to be written and not compared.
pub fn updating() -> bool {
    std::env::var_os("NOROSHI_UPDATE_DOCS").is_some_and(|value| value == "1")
}

/// Holds a page against what the program says; writes it where that was asked for.
pub fn compare(path: &str, made: &str) {
    if updating() {
        fs::write(root().join(path), made).unwrap_or_else(|error| panic!("cannot write `{path}`: {error}"));
        return;
    }
    let page = fs::read_to_string(root().join(path)).unwrap_or_default();
    let line = page.lines().zip(made.lines()).take_while(|(old, new)| old == new).count() + 1;
    assert!(
        page == made,
        "`{path}` is not what the program says, from line {line} on; `NOROSHI_UPDATE_DOCS=1 cargo test -p house` writes it"
    );
}

/// The rows of the first table whose heading begins with these cells: its cells without the spaces around them.
pub fn table(text: &str, heading: &[&str]) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim().trim_start_matches('|').trim_end_matches('|');
        line.split(" | ").map(|cell| cell.trim().to_owned()).collect()
    };
    let found = |line: &&str| line.starts_with('|') && cells(line).iter().zip(heading).all(|(cell, head)| cell == head);
    let mut lines = text.lines().skip_while(|line| !found(line));
    assert!(lines.next().is_some(), "there is no table with the heading {heading:?}");
    let rows: Vec<_> = lines.skip(1).take_while(|line| line.starts_with('|')).map(cells).collect();
    assert!(!rows.is_empty(), "the table {heading:?} is empty");
    rows
}

/// What stands in backticks in a cell.
pub fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The manifests of all crates: the crate's folder below `crates/`, and what stands in its `Cargo.toml`.
pub fn manifests() -> Vec<(String, toml::Table)> {
    let mut folders: Vec<String> = fs::read_dir(root().join("crates"))
        .expect("there are crates")
        .map(|entry| entry.expect("a folder can be listed").file_name().to_string_lossy().into_owned())
        .filter(|name| root().join("crates").join(name).join("Cargo.toml").is_file())
        .collect();
    folders.sort();
    let read = |folder: String| {
        let manifest = read(&format!("crates/{folder}/Cargo.toml")).parse().expect("a manifest is TOML");
        (folder, manifest)
    };
    folders.into_iter().map(read).collect()
}

/// Every Rust file of the project, as its path below [`root`].
pub fn rust_files() -> Vec<String> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder can be listed") {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() && !path.ends_with("target") {
                walk(&path, files);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(&root().join("crates"), &mut files);
    let below =
        |path: &PathBuf| path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
    let mut files: Vec<String> = files.iter().map(below).collect();
    files.sort();
    files
}
