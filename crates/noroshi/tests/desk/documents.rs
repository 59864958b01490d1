//! The documents are followed to the letter: every command of the README and of the manuals is run, in order, by a shell, in
//! a folder that has what the text says; and the quickstart.

use std::path::Path;
use std::process::{Command, Output};

use crate::desk::{Desk, NOROSHI, root, sample};

/// The lines of a page's fenced `sh` blocks, in order.
fn commands(page: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        match line.trim_end() {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside && !line.is_empty() => lines.push(line.to_owned()),
            _ => {}
        }
    }
    assert!(lines.len() > 3, "{page} has no commands");
    lines
}

/// Puts a small program into the folder's `bin`.
#[cfg(unix)]
fn program(desk: &Desk, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = desk.file(name, format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs the lines in one shell, as somebody would who types them one after the other, and holds each to its exit code:
/// zero, or one where the text says that rows of the sample list are bad.
fn follow(desk: &Desk, page: &str) -> Output {
    // Building and testing are not the test's business here; their spelling is.
    program(desk, "bin/cargo", "case \"$*\" in build | 'run -- demo') ;; *) exit 2 ;; esac");
    program(desk, "test", "exit 0");
    let mut script = "export PATH=\"$PWD/bin:$PATH\"\n".to_owned();
    let lines = commands(page);
    for (at, line) in lines.iter().enumerate() {
        script += &format!("{line}\necho \"$? {at}\" >> \"$STATUSES\"\n");
    }
    #[cfg(unix)]
    {
        let _ = std::fs::remove_file(desk.path().join("bin/noroshi"));
        std::os::unix::fs::symlink(NOROSHI, desk.path().join("bin/noroshi")).unwrap();
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(desk.path()).env("STATUSES", desk.path().join("statuses"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("NOROSHI_") {
            shell.env_remove(name);
        }
    }
    let output = shell.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let statuses = desk.read("statuses");
    assert_eq!(statuses.lines().count(), lines.len(), "{page}: {said}");
    for (status, line) in statuses.lines().zip(&lines) {
        let exit = status.split(' ').next().unwrap();
        let bad_row = line.contains(" ingest ") || line.contains(" convert ");
        assert!(exit == "0" || (exit == "1" && bad_row), "{page}: `{line}` ends with {exit}\n{said}");
    }
    output
}

fn letters(folder: &Path) -> usize {
    let Ok(found) = std::fs::read_dir(folder) else { return 0 };
    found.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|e| e == "eml")).count()
}

#[cfg(unix)]
#[test]
fn the_readme() {
    let desk = Desk::empty();
    for name in ["list.csv", "assignments.csv", "subscribers.csv"] {
        desk.file(&format!("samples/quickstart/{name}"), sample(name));
    }
    let output = follow(&desk, "README.md");
    let said = String::from_utf8_lossy(&output.stderr);
    // What the text promises.
    for part in ["try/list.csv.errors.csv", "try/drop/isp-hokuto", "try/drop/isp-minato", "try/drop/clearing-house"] {
        assert!(desk.has(part), "no {part}\n{said}");
    }
    assert_eq!(letters(&desk.path().join("try/isp/mail")), 1);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("told 1"), "{shown}");
    // What the program says comes next can be typed as it stands.
    assert!(said.contains("next: noroshi --home hub carry"), "{said}");
}

#[cfg(unix)]
#[test]
fn the_manuals() {
    for lang in ["en", "ja"] {
        let desk = Desk::empty();
        for name in ["list.csv", "assignments.csv", "subscribers.csv", "registry.db"] {
            desk.file(name, sample(name));
        }
        follow(&desk, &format!("docs/manual/operator.{lang}.md"));
        assert_eq!(letters(&desk.path().join("node/mail")), 1);
    }
}

#[cfg(unix)]
#[test]
fn the_quickstart() {
    let desk = Desk::empty();
    let run = |folder: &str| {
        let mut command = Command::new(root().join("samples/quickstart/run"));
        command.arg(folder).current_dir(desk.path()).env("NOROSHI", NOROSHI).env_remove("NOROSHI_HOME");
        command.output().unwrap()
    };
    let output = run("a folder");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(letters(&desk.path().join("a folder/isp/mail")), 1);
    assert!(String::from_utf8_lossy(&output.stdout).contains("told 1"));
    let again = run("a folder");
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("exists already"));
}

/// Every command and every flag that a page names in its text exists.
#[test]
fn every_command_named_in_the_text_exists() {
    let desk = Desk::empty();
    for page in ["README.md", "docs/manual/operator.en.md", "docs/manual/operator.ja.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        for named in text.split('`').skip(1).step_by(2).filter_map(|code| code.strip_prefix("noroshi ")) {
            let words: Vec<&str> = named.split_whitespace().collect();
            let flags: Vec<&str> = words.iter().copied().filter(|word| word.starts_with("--")).collect();
            let nouns: Vec<&str> = words
                .iter()
                .copied()
                .skip_while(|word| word.starts_with("--"))
                .take_while(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with("--"))
                .collect();
            let help = desk.run(&format!("{} --help", nouns.join(" "))).exits(0).out;
            for flag in flags {
                assert!(help.contains(flag), "{page}: `noroshi {named}`: there is no {flag}");
            }
        }
    }
}
