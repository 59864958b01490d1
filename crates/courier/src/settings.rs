//! The settings of the courier, and what becomes of them once they are checked.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use disk::Disk;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use model::problem::{Code, Place, Problem};
use serde::{Deserialize, Serialize};

use crate::codes::{
    BAD_DKIM_KEY, BAD_HOST, BAD_NUMBER, BAD_SETTINGS_FILE, DKIM_NOT_ALIGNED, HALF_A_LOGIN, NO_SENDER,
    PASSWORD_OVER_PLAIN, Unfit,
};
use crate::dkim::{Algorithm, DkimKey};
use crate::header::{MailAddress, Mailbox, is_domain};
use crate::retry;
use crate::send::smtp::server::{Limits, Security};
use crate::send::smtp::{Server, Tls};

/// The settings of the courier, as they are written. [`Settings::check`] makes them usable.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Who sends mail: `name <address>` or `address`. Needed with `smtp` and with `dkim`.
    pub from: Option<String>,
    /// Where answers go, if not to `from`: `name <address>` or `address`.
    pub reply_to: Option<String>,
    /// The address that bounces go to (`MAIL FROM`), if not that of `from`.
    pub bounces_to: Option<String>,
    /// The mail server; without it no mail is sent.
    pub smtp: Option<SmtpSettings>,
    /// The key that signs mail; without it mail goes unsigned, as for a mail server that signs by itself.
    pub dkim: Option<DkimSettings>,
    /// When to try again.
    pub retry: retry::Settings,
}

/// The mail server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpSettings {
    /// Its host name or address; the certificate must bear it.
    pub host: String,
    /// Its port. Default: 587 for `starttls`, 465 for `implicit`, 25 for `danger_plain`.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is encrypted: `starttls` (required, the default), `implicit`, or `danger_plain`, which is
    /// for a relay on the same machine.
    #[serde(default)]
    pub tls: Tls,
    /// The user to log in as; with `password_file`.
    #[serde(default)]
    pub user: Option<String>,
    /// A file with the password on one line, such as a systemd credential; with `user`.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// A PEM file with the authorities to trust, instead of those of the system.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The name to greet with (EHLO). Default: the domain of `from`.
    #[serde(default)]
    pub helo: Option<String>,
    /// How long to wait for a connection, in seconds (1 to 600). Default: 30.
    #[serde(default = "default_connect")]
    pub connect_seconds: u32,
    /// How long to wait for each reply, in seconds (1 to 3,600). Default: 300 (RFC 5321, section 4.5.3.2).
    #[serde(default = "default_reply")]
    pub reply_seconds: u32,
    /// How long a message and the reply to it may take, in seconds (1 to 3,600). Default: 600, as there.
    #[serde(default = "default_last_reply")]
    pub last_reply_seconds: u32,
    /// The largest mail, attachments encoded, in bytes (10,000 to 1,000,000,000). Default: 10,000,000.
    #[serde(default = "default_message_bytes")]
    pub max_message_bytes: u32,
    /// How many letters go over one connection (1 to 100,000). Default: 100.
    #[serde(default = "default_letters")]
    pub letters_per_connection: u32,
}

fn default_connect() -> u32 {
    30
}
fn default_reply() -> u32 {
    300
}
fn default_last_reply() -> u32 {
    600
}
fn default_message_bytes() -> u32 {
    10_000_000
}
fn default_letters() -> u32 {
    100
}

/// The key that signs mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DkimSettings {
    /// The signing domain: that of `from`, or one above it.
    pub domain: String,
    /// The selector: the public key stands in the DNS at `<selector>._domainkey.<domain>`.
    pub selector: String,
    /// A PEM file with the private key.
    pub key_file: PathBuf,
    /// `rsa` or `ed25519`.
    pub algorithm: Algorithm,
}

/// Settings that hold together, with the files that they name read.
pub struct Checked {
    /// Who sends mail.
    pub from: Option<Mailbox>,
    /// Where answers go, if not there.
    pub reply_to: Option<Mailbox>,
    /// Where bounces go, if not there.
    pub bounces_to: Option<MailAddress>,
    /// The mail server.
    pub smtp: Option<Server>,
    /// The key that signs.
    pub dkim: Option<Arc<DkimKey>>,
    /// When to try again.
    pub retry: retry::Settings,
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked").field("smtp", &self.smtp).field("dkim", &self.dkim).finish_non_exhaustive()
    }
}

impl Settings {
    /// Checks the settings that stand in `file` under `courier`, and reads the files that they name.
    ///
    /// # Errors
    /// Every problem that there is, each with its field.
    pub fn check(&self, disk: &dyn Disk, file: &str) -> Result<Checked, Vec<Problem>> {
        let mut check = Check { disk, file, problems: Vec::new() };
        let from: Option<Mailbox> = check.parse("from", self.from.as_deref());
        let reply_to = check.parse("reply_to", self.reply_to.as_deref());
        let bounces_to = check.parse("bounces_to", self.bounces_to.as_deref());
        if self.from.is_none() && (self.smtp.is_some() || self.dkim.is_some()) {
            check.add(&NO_SENDER, "from", "");
        }
        let smtp = self.smtp.as_ref().and_then(|smtp| check.server(smtp, from.as_ref()));
        let dkim = self.dkim.as_ref().and_then(|dkim| check.dkim(dkim, from.as_ref()));
        check.retry(&self.retry);
        if check.problems.is_empty() {
            Ok(Checked { from, reply_to, bounces_to, smtp, dkim: dkim.map(Arc::new), retry: self.retry })
        } else {
            Err(check.problems)
        }
    }
}

/// One check under way.
struct Check<'a> {
    disk: &'a dyn Disk,
    file: &'a str,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn place(&self, field: &str) -> Place {
        Place::file(self.file).field(format!("courier.{field}"))
    }

    fn add(&mut self, code: &'static Code, field: &str, value: &str) {
        let problem = Problem::new(code, self.place(field));
        self.problems.push(if value.is_empty() { problem } else { problem.with_value(value) });
    }

    fn unfit(&mut self, unfit: &Unfit, field: &str) {
        self.problems.push(unfit.at(self.place(field)));
    }

    fn parse<T: std::str::FromStr<Err = Unfit>>(&mut self, field: &str, text: Option<&str>) -> Option<T> {
        match text?.parse() {
            Ok(value) => Some(value),
            Err(unfit) => {
                self.unfit(&unfit, field);
                None
            }
        }
    }

    fn range(&mut self, field: &str, value: u32, range: std::ops::RangeInclusive<u32>) {
        if !range.contains(&value) {
            self.add(&BAD_NUMBER, field, &value.to_string());
        }
    }

    fn read(&mut self, code: &'static Code, field: &str, path: &Path) -> Option<Vec<u8>> {
        match self.disk.read(path) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.add(code, field, &error.to_string());
                None
            }
        }
    }

    fn server(&mut self, smtp: &SmtpSettings, from: Option<&Mailbox>) -> Option<Server> {
        let before = self.problems.len();
        if !is_host(&smtp.host) {
            self.add(&BAD_HOST, "smtp.host", &smtp.host);
        }
        if smtp.port == Some(0) {
            self.add(&BAD_NUMBER, "smtp.port", "0");
        }
        let helo = smtp.helo.as_deref().or(from.map(|from| from.address.domain()));
        if let Some(helo) = helo.filter(|helo| !is_host(helo)) {
            self.add(&BAD_HOST, "smtp.helo", helo);
        }
        self.range("smtp.connect_seconds", smtp.connect_seconds, 1..=600);
        self.range("smtp.reply_seconds", smtp.reply_seconds, 1..=3_600);
        self.range("smtp.last_reply_seconds", smtp.last_reply_seconds, 1..=3_600);
        self.range("smtp.max_message_bytes", smtp.max_message_bytes, 10_000..=1_000_000_000);
        self.range("smtp.letters_per_connection", smtp.letters_per_connection, 1..=100_000);
        let login = match (&smtp.user, &smtp.password_file) {
            (None, None) => None,
            (Some(_), Some(_)) if smtp.tls == Tls::DangerPlain => {
                self.add(&PASSWORD_OVER_PLAIN, "smtp.tls", "");
                None
            }
            (Some(user), Some(path)) => self.password(path).map(|password| Credentials::new(user.clone(), password)),
            _ => {
                self.add(&HALF_A_LOGIN, "smtp.user", "");
                None
            }
        };
        let ca_pem = match &smtp.ca_file {
            Some(path) => Some(self.read(&BAD_SETTINGS_FILE, "smtp.ca_file", path)?),
            None => None,
        };
        let security = Security::new(smtp.tls, &smtp.host, ca_pem.as_deref());
        if security.is_err() {
            let path = smtp.ca_file.as_deref().unwrap_or(Path::new(""));
            self.add(&BAD_SETTINGS_FILE, "smtp.ca_file", &path.to_string_lossy());
        }
        if self.problems.len() > before {
            return None;
        }
        let default_port = match smtp.tls {
            Tls::Starttls => 587,
            Tls::Implicit => 465,
            Tls::DangerPlain => 25,
        };
        Some(Server {
            host: smtp.host.clone(),
            port: smtp.port.unwrap_or(default_port),
            security: security.ok()?,
            hello: hello(helo?),
            login,
            limits: Limits {
                connect: Duration::from_secs(smtp.connect_seconds.into()),
                reply: Duration::from_secs(smtp.reply_seconds.into()),
                last_reply: Duration::from_secs(smtp.last_reply_seconds.into()),
                message_bytes: usize::try_from(smtp.max_message_bytes).unwrap_or(usize::MAX),
                letters_per_connection: smtp.letters_per_connection,
            },
        })
    }

    /// The one line of a password file, without its line end.
    fn password(&mut self, path: &Path) -> Option<String> {
        let bytes = self.read(&BAD_SETTINGS_FILE, "smtp.password_file", path)?;
        let text = String::from_utf8(bytes).unwrap_or_default();
        let line = text.trim_end_matches(['\r', '\n']);
        // NUL parts the fields of AUTH PLAIN (RFC 4616).
        if line.is_empty() || line.contains(char::is_control) {
            self.add(&BAD_SETTINGS_FILE, "smtp.password_file", &path.to_string_lossy());
            return None;
        }
        Some(line.to_owned())
    }

    fn dkim(&mut self, dkim: &DkimSettings, from: Option<&Mailbox>) -> Option<DkimKey> {
        if let Some(from) = from {
            let sender = from.address.domain();
            let domain = dkim.domain.to_ascii_lowercase();
            // RFC 7489, section 3.1.1, relaxed.
            if sender != domain && !sender.ends_with(&format!(".{domain}")) {
                self.add(&DKIM_NOT_ALIGNED, "dkim.domain", &dkim.domain);
            }
        }
        let pem = self.read(&BAD_DKIM_KEY, "dkim.key_file", &dkim.key_file)?;
        match DkimKey::from_pem(&dkim.domain, &dkim.selector, dkim.algorithm, &pem) {
            Ok(key) => Some(key),
            Err(unfit) => {
                let field = match (unfit.code() == &BAD_HOST, is_domain(&dkim.domain)) {
                    (true, false) => "dkim.domain",
                    (true, true) => "dkim.selector",
                    (false, _) => "dkim.key_file",
                };
                self.unfit(&unfit, field);
                None
            }
        }
    }

    fn retry(&mut self, retry: &retry::Settings) {
        self.range("retry.first_seconds", retry.first_seconds, 1..=86_400);
        self.range("retry.longest_seconds", retry.longest_seconds, retry.first_seconds..=604_800);
        self.range("retry.give_up_hours", retry.give_up_hours, 1..=720);
        self.range("retry.most_tries", retry.most_tries, 1..=1_000);
    }
}

/// A domain, one label such as `localhost`, or an address.
fn is_host(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok() || is_domain(text) || is_domain(&format!("{text}.example"))
}

fn hello(text: &str) -> ClientId {
    match text.parse() {
        Ok(std::net::IpAddr::V4(address)) => ClientId::Ipv4(address),
        Ok(std::net::IpAddr::V6(address)) => ClientId::Ipv6(address),
        Err(_) => ClientId::Domain(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use disk::RealDisk;

    use super::*;

    fn codes(text: &str) -> Vec<(&'static str, String)> {
        let settings: Settings = toml::from_str(text).unwrap();
        match settings.check(&RealDisk::default(), "noroshi.toml") {
            Ok(_) => Vec::new(),
            Err(problems) => problems.into_iter().map(|p| (p.code.code, p.place.field.unwrap_or_default())).collect(),
        }
    }

    #[test]
    fn nothing_configured_is_fine() {
        assert_eq!(codes(""), []);
    }

    #[test]
    fn the_defaults_of_a_mail_server() {
        let text = "from = \"狼煙 窓口 <noroshi@example.org>\"\n[smtp]\nhost = \"mail.example.org\"\n";
        let checked = toml::from_str::<Settings>(text).unwrap().check(&RealDisk::default(), "noroshi.toml").unwrap();
        let server = checked.smtp.unwrap();
        assert_eq!(format!("{server:?}"), "Server(mail.example.org:587, starttls)");
        assert_eq!(server.hello.to_string(), "example.org");
        assert_eq!(server.limits.reply.as_secs(), 300);
    }

    #[test]
    fn every_problem_at_its_field() {
        let text = r#"
            from = "noroshi at example.org"
            reply_to = "a\nb@example.org"
            [smtp]
            host = "https://mail.example.org"
            port = 0
            tls = "danger_plain"
            user = "noroshi"
            password_file = "/nonexistent"
            reply_seconds = 0
            [retry]
            first_seconds = 600
            longest_seconds = 60
        "#;
        let want = [
            ("bad-mail-address", "courier.from"),
            ("header-injection", "courier.reply_to"),
            ("courier-bad-host", "courier.smtp.host"),
            ("courier-bad-number", "courier.smtp.port"),
            ("courier-bad-number", "courier.smtp.reply_seconds"),
            ("password-over-plain", "courier.smtp.tls"),
            ("courier-bad-number", "courier.retry.longest_seconds"),
        ];
        assert_eq!(codes(text), want.map(|(code, field)| (code, field.to_owned())));
    }

    #[test]
    fn logins_files_and_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        std::fs::write(path("empty"), "\n").unwrap();
        std::fs::write(path("no.pem"), "hello\n").unwrap();
        let smtp = |more: &str| {
            codes(&format!("from = \"noroshi@example.org\"\n[smtp]\nhost = \"localhost\"\n{more}\n"))
                .into_iter()
                .map(|(code, _)| code)
                .collect::<Vec<_>>()
        };
        assert_eq!(smtp(""), Vec::<&str>::new());
        assert_eq!(smtp("user = \"noroshi\""), ["half-a-login"]);
        assert_eq!(smtp(&format!("user = \"a\"\npassword_file = {:?}", path("none"))), ["courier-bad-file"]);
        assert_eq!(smtp(&format!("user = \"a\"\npassword_file = {:?}", path("empty"))), ["courier-bad-file"]);
        assert_eq!(smtp(&format!("ca_file = {:?}", path("no.pem"))), ["courier-bad-file"]);
        assert_eq!(smtp(&format!("ca_file = {:?}", path("none"))), ["courier-bad-file"]);
        assert_eq!(codes("[smtp]\nhost = \"localhost\""), [("courier-no-sender", "courier.from".to_owned())]);
        let dkim = format!(
            "from = \"noroshi@example.org\"\n[dkim]\ndomain = \"example.net\"\nselector = \"s\"\nkey_file = {:?}\nalgorithm = \"rsa\"\n",
            path("no.pem")
        );
        assert_eq!(
            codes(&dkim),
            [
                ("dkim-not-aligned", "courier.dkim.domain".to_owned()),
                ("bad-dkim-key", "courier.dkim.key_file".to_owned())
            ]
        );
    }

    #[test]
    fn an_unknown_key_stops_the_start() {
        for bad in ["form = \"a\"", "[smtp]\nhost = \"a\"\npassword = \"secret\"", "[retry]\nfirst = 1"] {
            assert!(toml::from_str::<Settings>(bad).is_err(), "{bad}");
        }
    }
}
