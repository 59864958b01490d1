//! The mail server that letters are handed to: where it is, how it is trusted, how long it is waited for.

use std::fmt;
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use serde::{Deserialize, Serialize};

use crate::codes::{BAD_SETTINGS_FILE, Unfit};

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// Plain at first, then STARTTLS (RFC 3207), usually on port 587; without it nothing is sent.
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314), usually on port 465.
    Implicit,
    /// No encryption at all: for a relay on the same machine, and for nothing else.
    DangerPlain,
}

/// A mail server, checked: [`crate::settings::Settings::check`] makes one.
pub struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) hello: ClientId,
    pub(crate) login: Option<Credentials>,
    pub(crate) limits: Limits,
}

pub(crate) enum Security {
    Starttls(TlsParameters),
    Implicit(TlsParameters),
    Plain,
}

/// What is waited for and carried at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) reply: Duration,
    pub(crate) last_reply: Duration,
    pub(crate) message_bytes: usize,
    pub(crate) letters_per_connection: u32,
}

impl Security {
    /// Trusts the certificates in `ca_pem`, or those that the system trusts.
    pub(crate) fn new(tls: Tls, host: &str, ca_pem: Option<&[u8]>) -> Result<Self, Unfit> {
        let parameters = || {
            let bad = || Unfit::new(&BAD_SETTINGS_FILE, "");
            let mut builder = TlsParameters::builder(host.to_owned());
            if let Some(pem) = ca_pem {
                if !pem.windows(CERTIFICATE.len()).any(|window| window == CERTIFICATE) {
                    return Err(bad());
                }
                let certificate = Certificate::from_pem(pem).map_err(|_| bad())?;
                builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
            }
            builder.build().map_err(|_| bad())
        };
        Ok(match tls {
            Tls::Starttls => Self::Starttls(parameters()?),
            Tls::Implicit => Self::Implicit(parameters()?),
            Tls::DangerPlain => Self::Plain,
        })
    }
}

/// What a PEM file with certificates holds; lettre takes a file without any for an empty list.
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

impl fmt::Debug for Server {
    /// Without the login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = match self.security {
            Security::Starttls(_) => "starttls",
            Security::Implicit(_) => "implicit TLS",
            Security::Plain => "plain",
        };
        write!(f, "Server({}:{}, {tls})", self.host, self.port)
    }
}
