//! A desk of its own for each test: a folder with a hub and a node in it, commands run as processes of the real program,
//! and what each said and how it ended.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use model::problem::Code;
use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub const NOROSHI: &str = env!("CARGO_BIN_EXE_noroshi");

/// The languages, as `--lang` names them.
pub const LANGUAGES: [&str; 2] = ["ja", "en"];

/// The round that is open at a desk.
pub const ROUND: &str = "sample-2026/1";

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A Python that has the packages of `tests/clients/requirements.txt`.
pub fn python() -> String {
    std::env::var("NOROSHI_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// A file of `samples/quickstart`.
pub fn sample(name: &str) -> String {
    std::fs::read_to_string(root().join("samples/quickstart").join(name)).unwrap()
}

/// The list of codes of the whole program, to hold messages against.
pub fn code(name: &str) -> &'static Code {
    let mut all = formats::codes().chain(directory::CODES.iter().copied()).chain(exchange::CODES.iter().copied());
    let more = [keys::CODES, store::CODES, courier::CODES, assignment::CODES];
    all.find(|code| code.code == name)
        .or_else(|| more.iter().flat_map(|codes| codes.iter().copied()).find(|code| code.code == name))
        .unwrap_or_else(|| panic!("there is no code `{name}`"))
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Ran {
    pub line: String,
    pub exit: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Asserts the exit code.
    #[track_caller]
    pub fn exits(self, wanted: i32) -> Self {
        assert_eq!(self.exit, wanted, "{}\nstdout: {}\nstderr: {}", self.line, self.out, self.err);
        self
    }

    /// Asserts that standard error has each of these.
    #[track_caller]
    pub fn says<'t>(self, wanted: impl IntoIterator<Item = &'t str>) -> Self {
        for text in wanted {
            assert!(self.err.contains(text), "{}\nlacks: {text}\nstderr: {}", self.line, self.err);
        }
        self
    }

    /// Asserts that standard error has the text, code and next step of this code, in this language.
    #[track_caller]
    pub fn explains(self, name: &str, lang: &str) -> Self {
        let code = code(name);
        let lang: model::Lang = if lang == "ja" { model::Lang::Ja } else { model::Lang::En };
        let tag = format!("[{name}]");
        self.says([code.text.of(lang), code.help.of(lang), &tag])
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| {
            panic!("{}\nis not JSON: {error}\nstdout: {}\nstderr: {}", self.line, self.out, self.err)
        })
    }

    /// The only row of the table that standard output has as JSON.
    #[track_caller]
    pub fn row(&self) -> Value {
        let value = self.json();
        let rows = value.as_array().unwrap_or_else(|| panic!("{}: no list", self.line));
        assert_eq!(rows.len(), 1, "{}: {value}", self.line);
        rows[0].clone()
    }
}

/// A folder with homes in it.
pub struct Desk {
    folder: TempDir,
}

impl Desk {
    /// An empty one.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// One with a hub in `hub`: the sample roster imported, the sample operation and its first round open. A node of
    /// `isp-hokuto` in `isp`: roster, assignments and subscribers imported. Both meet in `drop`.
    pub fn open() -> Self {
        static FOUNDED: OnceLock<Desk> = OnceLock::new();
        let founded = FOUNDED.get_or_init(|| {
            let desk = Self::empty();
            desk.file("roster.toml", sample("roster.toml"));
            desk.file("assignments.csv", sample("assignments.csv"));
            desk.file("subscribers.csv", sample("subscribers.csv"));
            desk.run("--home hub init --party clearing-house --role clearing-house --exercise").exits(0);
            desk.run("--home isp init --party isp-hokuto --role operator --exercise").exits(0);
            desk.run("--home hub party import roster.toml").exits(0);
            desk.run("--home isp party import roster.toml").exits(0);
            let plan = desk.run("operation example").exits(0).out;
            desk.file("plan.toml", plan);
            desk.run("--home hub operation open plan.toml").exits(0);
            desk.run("--home hub round open sample-2026/1").exits(0);
            desk.run("--home isp assignments import assignments.csv --as-of 2026-05-13T00:00:00+09:00").exits(0);
            desk.run("--home isp assignments subscribers subscribers.csv").exits(0);
            desk
        });
        let desk = Self::empty();
        copy(founded.path(), desk.path());
        let drop = desk.path().join("drop");
        for (home, party) in [("hub", "clearing-house"), ("isp", "isp-hokuto")] {
            let meet = format!("deliveries = {drop:?}\ninbox = {:?}\n", drop.join(party));
            desk.settings(home, "[house]\n", &format!("[house]\n{meet}"));
        }
        desk
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Reads a file of the folder.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn has(&self, name: &str) -> bool {
        self.path().join(name).exists()
    }

    /// Replaces a passage of a home's settings.
    pub fn settings(&self, home: &str, old: &str, new: &str) {
        let name = format!("{home}/noroshi.toml");
        let text = self.read(&name);
        assert!(text.contains(old), "{name} has no {old}");
        self.file(&name, text.replacen(old, new, 1));
    }

    /// Runs a command line; words are parted by blanks.
    pub fn run(&self, line: &str) -> Ran {
        self.run_with(line, &[], b"")
    }

    /// As [`Desk::run`], with variables and standard input.
    pub fn run_with(&self, line: &str, variables: &[(&str, &str)], input: &[u8]) -> Ran {
        let mut child = self.command(line, variables).stdin(Stdio::piped()).spawn().unwrap();
        // A command that reads no input may be gone before it is written.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        Ran {
            line: format!("noroshi {line}"),
            exit: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The command of a line, with an environment that says nothing about language or home.
    pub fn command(&self, line: &str, variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(NOROSHI);
        command.args(line.split_whitespace()).current_dir(self.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("NOROSHI_") || name.starts_with("LC_") || name == "LANG" || name == "RUST_LOG" {
                command.env_remove(&*name);
            }
        }
        command.env("LANG", "C.UTF-8").envs(variables.iter().copied());
        command
    }

    /// Runs a command of the hub.
    pub fn hub(&self, line: &str) -> Ran {
        self.run(&format!("--home hub {line}"))
    }

    /// Runs a command of the node.
    pub fn isp(&self, line: &str) -> Ran {
        self.run(&format!("--home isp {line}"))
    }

    /// Ingests a file of the folder into the open round.
    pub fn ingest(&self, file: &str, more: &str) -> Ran {
        self.hub(&format!("ingest {file} --round {ROUND} --from cert-example {more}"))
    }

    /// Ingests the sample list and sends the round; the deliveries lie in the outbox.
    pub fn send(&self) {
        self.file("list.csv", sample("list.csv"));
        self.ingest("list.csv", "--timezone Asia/Tokyo").exits(1);
        self.hub(&format!("round send {ROUND}")).exits(0);
    }

    /// The deliveries of the round by party, as the hub shows them.
    pub fn deliveries(&self) -> Vec<Value> {
        self.hub(&format!("round show {ROUND} -o json")).exits(0).json()["deliveries"].as_array().unwrap().clone()
    }

    /// The delivery to a party.
    pub fn delivery_to(&self, party: &str) -> Value {
        let deliveries = self.deliveries();
        deliveries
            .iter()
            .find(|delivery| delivery["party"] == party)
            .unwrap_or_else(|| panic!("none to {party}"))
            .clone()
    }
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            // Modes go with it: the keys stay secret.
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
