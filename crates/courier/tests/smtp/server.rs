//! The mail server of the tests (`tests/clients/smtp_server.py`), its certificates, and what it saw.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};

use courier::send::smtp::Smtp;
use disk::RealDisk;
use model::port::{Faults, NoFaults};
use tempfile::TempDir;

/// A running mail server; it ends with this value.
pub struct Server {
    child: Child,
    pub port: u16,
    pub spool: TempDir,
}

/// A letter that the server took.
#[derive(Debug)]
pub struct Accepted {
    pub bytes: Vec<u8>,
    pub envelope: serde_json::Value,
}

impl Accepted {
    pub fn recipients(&self) -> Vec<&str> {
        self.envelope["rcpt_tos"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect()
    }
}

pub fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients")
}

pub fn python() -> String {
    std::env::var("NOROSHI_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

impl Server {
    /// Starts one with these arguments, such as `--tls starttls`.
    pub fn start(arguments: &[&str]) -> Self {
        let spool = tempfile::tempdir().unwrap();
        let certificates = certificates();
        let mut child = Command::new(python())
            .arg(clients().join("smtp_server.py"))
            .arg("--spool")
            .arg(spool.path())
            .arg("--cert")
            .arg(certificates.join("server.pem"))
            .arg("--key")
            .arg(certificates.join("server.key"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run `{}`, set NOROSHI_TEST_PYTHON: {error}", python()));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Ok(port) = line.trim().parse() else {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("the mail server of the tests did not start: {said}");
        };
        // Read on, lest a full pipe stop the server.
        let mut stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Self { child, port, spool }
    }

    /// The letters taken so far.
    pub fn accepted(&self) -> Vec<Accepted> {
        (1..)
            .map_while(|n| {
                let envelope = std::fs::read(self.spool.path().join(format!("{n}.json"))).ok()?;
                Some(Accepted {
                    bytes: std::fs::read(self.spool.path().join(format!("{n}.eml"))).unwrap(),
                    envelope: serde_json::from_slice(&envelope).unwrap(),
                })
            })
            .collect()
    }

    /// How often something happened.
    pub fn count(&self, event: &str) -> usize {
        let events = std::fs::read_to_string(self.spool.path().join("events.txt")).unwrap_or_default();
        events.lines().filter(|line| *line == event).count()
    }

    /// The way to it, with these lines of settings under `[smtp]`.
    pub fn way(&self, smtp: &str) -> Smtp {
        self.way_with(smtp, "", Arc::new(NoFaults))
    }

    pub fn way_with(&self, smtp: &str, more: &str, faults: Arc<dyn Faults>) -> Smtp {
        way_to(self.port, smtp, more, faults)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The way to `localhost` at that port. Lines under `[smtp]` may name another host.
pub fn way_to(port: u16, smtp: &str, more: &str, faults: Arc<dyn Faults>) -> Smtp {
    let host = if smtp.contains("host =") { "" } else { "host = \"localhost\"\n" };
    let ca = certificates().join("ca.pem");
    let ca = if smtp.contains("ca_file") { String::new() } else { format!("ca_file = {ca:?}\n") };
    let text =
        format!("from = \"noroshi@example.org\"\n[smtp]\n{host}port = {port}\n{ca}reply_seconds = 20\n{smtp}\n{more}");
    let settings: courier::Settings = toml::from_str(&text).unwrap();
    let checked = settings.check(&RealDisk::default(), "test.toml").unwrap();
    Smtp::new(checked.smtp.unwrap(), checked.dkim, faults)
}

/// A folder with `ca.pem`, a certificate for `localhost` from that authority, and `other.pem`, another authority.
pub fn certificates() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let config = "[req]\ndistinguished_name = name\n[name]\n\
                [ca]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = keyCertSign\nsubjectKeyIdentifier = hash\n\
                [server]\nbasicConstraints = CA:FALSE\nsubjectAltName = DNS:localhost\n";
            std::fs::write(folder.path().join("openssl.cnf"), config).unwrap();
            for authority in ["ca", "other"] {
                openssl(folder.path(), &format!(
                    "req -x509 -config openssl.cnf -extensions ca -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
                     -keyout {authority}.key -out {authority}.pem -subj /CN=test-{authority} -days 2"
                ));
            }
            openssl(folder.path(),
                "req -config openssl.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key \
                 -out server.csr -subj /CN=localhost");
            openssl(folder.path(),
                "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 \
                 -extfile openssl.cnf -extensions server");
            folder
        })
        .path()
}

/// Runs the openssl command in that folder and gives what it wrote.
pub fn openssl(folder: &Path, arguments: &str) -> Vec<u8> {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("these tests need the command `openssl`: {error}"));
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
