//! The ways out, one folder each, and what they have in common.

pub mod eml;
pub mod folder;
pub mod smtp;

use std::fmt;

use async_trait::async_trait;
use model::Lang;
use model::port::Crash;
use model::problem::Code;
use model::text::Text;

use crate::codes::{DISK_REFUSED, Unfit};
use crate::parcel::{Envelope, Recipient};

/// Every way out.
pub static WAYS: &[&Kind] = &[&folder::KIND, &eml::KIND, &smtp::KIND];

/// The crash point before a way does anything.
pub const BEFORE_SEND: &str = "courier.before-send";
/// The crash point after a way has done everything, and before its caller knows.
pub const AFTER_SEND: &str = "courier.after-send";

/// What a way is.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name, as settings carry it.
    pub name: &'static str,
    /// What it promises.
    pub repeat: Repeat,
    /// What it does.
    pub about: Text,
}

/// What sending the same envelope again after a crash can lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// The receiver has it once, however often it is sent.
    ExactlyOnce,
    /// The receiver may have it twice with the same Message-ID, if the caller sends no third time after two
    /// [`Taken::Perhaps`]; [`crate::retry::next`] keeps to that.
    AtMostOneRepeat,
}

/// A way out.
#[async_trait]
pub trait Way: Send + Sync {
    /// What it is.
    fn kind(&self) -> &'static Kind;

    /// Sends the envelope to its remaining recipients.
    ///
    /// INVARIANT: of those, each stands in exactly one list of [`Sent`].
    ///
    /// # Errors
    /// [`SendError`], when nothing is known of any recipient by himself.
    async fn send(&self, envelope: &Envelope) -> Result<Sent, SendError>;

    /// Lets go of what is kept open between two envelopes; sending again opens it again.
    async fn rest(&self) {}
}

/// What became of an envelope, recipient by recipient.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sent {
    /// Who has it, or whose server took it over.
    pub accepted: Vec<Recipient>,
    /// Who does not.
    pub refused: Vec<Refused>,
}

/// A recipient who was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Who.
    pub recipient: Recipient,
    /// Whether trying again is in vain.
    pub permanent: bool,
    /// The SMTP reply code; 0 where no server was asked, because this way does not reach such a recipient.
    pub code: u16,
    /// What the server said.
    pub text: ServerText,
}

impl Refused {
    /// The answer for a recipient whom this way cannot reach at all.
    pub(crate) fn out_of_reach(recipient: &Recipient) -> Self {
        Self { recipient: recipient.clone(), permanent: true, code: 0, text: ServerText::default() }
    }
}

/// Why nothing is known of any recipient.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// Try again later with the same envelope.
    #[error("{text} ({code}) [{reason}]", text = reason.text.en, reason = reason.code)]
    Transient {
        /// What went wrong, for machines and people.
        reason: &'static Code,
        /// The SMTP reply code; 0 where there was none.
        code: u16,
        /// What the server or the system said.
        text: ServerText,
        /// Whether the receiver may have it all the same.
        taken: Taken,
    },
    /// Trying again is in vain.
    #[error("{text} ({code}) [{reason}]", text = reason.text.en, reason = reason.code)]
    Permanent {
        /// What went wrong, for machines and people.
        reason: &'static Code,
        /// The SMTP reply code; 0 where there was none.
        code: u16,
        /// What the server or the system said.
        text: ServerText,
    },
    /// The simulation ended the process here.
    #[error(transparent)]
    Crash(#[from] Crash),
}

/// Whether the receiver may have an envelope although sending it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Certainly not.
    No,
    /// The whole message went out and no reply came back (RFC 5321, section 4.5.3.2.6, and RFC 1047).
    Perhaps,
}

impl SendError {
    /// The code of what went wrong; none for a crash.
    #[must_use]
    pub fn reason(&self) -> Option<&'static Code> {
        match self {
            Self::Transient { reason, .. } | Self::Permanent { reason, .. } => Some(reason),
            Self::Crash(_) => None,
        }
    }

    /// For the person who looks after this: what and what next, without the server's own words.
    #[must_use]
    pub fn for_operator(&self, lang: Lang) -> String {
        match self.reason() {
            Some(reason) => format!("{} [{}]\n{}", reason.text.of(lang), reason.code, reason.help.of(lang)),
            None => self.to_string(),
        }
    }

    pub(crate) fn transient(reason: &'static Code, text: impl Into<String>) -> Self {
        Self::Transient { reason, code: 0, text: ServerText(text.into()), taken: Taken::No }
    }
}

impl From<Unfit> for SendError {
    fn from(unfit: Unfit) -> Self {
        Self::Permanent { reason: unfit.code(), code: 0, text: ServerText::default() }
    }
}

impl From<disk::DiskError> for SendError {
    fn from(error: disk::DiskError) -> Self {
        match error {
            disk::DiskError::Crash(crash) => Self::Crash(crash),
            other => Self::transient(&DISK_REFUSED, other.to_string()),
        }
    }
}

/// What a server or the system said. Servers like to repeat the address they were asked about, so it is for the record
/// of the delivery and never for a log.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ServerText(pub(crate) String);

impl ServerText {
    /// The words, for the record of the delivery.
    #[must_use]
    pub fn for_record(&self) -> &str {
        &self.0
    }

    /// The enhanced status code that the words begin with (RFC 3463), such as `5.1.1`; this a log may carry.
    #[must_use]
    pub fn status(&self) -> Option<&str> {
        let word = self.0.split([' ', '-']).next()?;
        let mut numbers = word.split('.');
        let class = numbers.next()?;
        let rest: Vec<&str> = numbers.collect();
        let is_number = |n: &&str| (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit());
        (matches!(class, "2" | "4" | "5") && rest.len() == 2 && rest.iter().all(is_number)).then_some(word)
    }
}

impl fmt::Debug for ServerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerText({})", self.status().unwrap_or("…"))
    }
}

/// Waits for work with the disk on a thread that may block.
pub(crate) async fn on_disk<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<disk::DiskError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // The work panicked, or the runtime is going down: nothing is promised that is not on the disk.
        Err(error) => Err(disk::DiskError::Io {
            deed: "finish the work with",
            path: std::path::PathBuf::new(),
            source: std::io::Error::other(error.to_string()),
        }
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_words_stay_out_of_logs() {
        let refused = Refused {
            recipient: Recipient::Mail("hanako@example.org".parse().unwrap()),
            permanent: true,
            code: 550,
            text: ServerText("5.1.1 <hanako@example.org>: Recipient address rejected".into()),
        };
        assert_eq!(refused.text.status(), Some("5.1.1"));
        assert!(!format!("{refused:?}").contains("hanako"));
        for none in ["", "hanako@example.org unknown", "1.2.3.4 is listed", "5.1 no", "9.1.1 no"] {
            assert_eq!(ServerText(none.into()).status(), None, "{none}");
        }
        let error = SendError::transient(&DISK_REFUSED, "hanako");
        assert!(!format!("{error} {error:?} {}", error.for_operator(Lang::Ja)).contains("hanako"));
    }

    #[test]
    fn ways_have_names_of_their_own() {
        let names: std::collections::BTreeSet<_> = WAYS.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), WAYS.len());
    }
}
