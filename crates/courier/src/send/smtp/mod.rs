//! Hands letters to a mail server over SMTP, many over one connection, each recipient answered for by himself.

pub mod server;
mod session;
mod stream;

use std::sync::Arc;

use async_trait::async_trait;
use model::port::Faults;
use model::text::Text;
use tokio::sync::Mutex;

pub use self::server::{Server, Tls};
use self::session::{Session, Trouble};
use super::{AFTER_SEND, BEFORE_SEND, Kind, Refused, Repeat, SendError, Sent, ServerText, Way};
use crate::codes::MESSAGE_TOO_LARGE;
use crate::dkim::DkimKey;
use crate::mail::render;
use crate::parcel::{Envelope, Recipient};

/// What this way is.
pub static KIND: Kind = Kind {
    name: "smtp",
    repeat: Repeat::AtMostOneRepeat,
    about: Text { ja: "メールサーバー (SMTP) に引き渡します", en: "hands mail to a mail server (SMTP)" },
};

/// The way over one mail server. Letters wait for each other: they share one connection, which is opened for the first
/// of them and again after an error. For more at once make several.
pub struct Smtp {
    server: Server,
    dkim: Option<Arc<DkimKey>>,
    faults: Arc<dyn Faults>,
    session: Mutex<Option<Session>>,
}

impl Smtp {
    /// Sends over that server, signing if there is a key. Nothing is connected yet.
    #[must_use]
    pub fn new(server: Server, dkim: Option<Arc<DkimKey>>, faults: Arc<dyn Faults>) -> Self {
        Self { server, dkim, faults, session: Mutex::new(None) }
    }

    async fn hand_over(
        &self,
        envelope: &Envelope,
        to: &[(&Recipient, &crate::MailAddress)],
        message: &[u8],
    ) -> Result<Sent, SendError> {
        let from = envelope.bounces_to.as_ref().unwrap_or(&envelope.from.address);
        let mut slot = self.session.lock().await;
        loop {
            // Taken out and put back only in a clean state: whoever drops this future half-way drops the session too.
            let mut session = match slot.take() {
                Some(session) => session,
                None => Session::open(&self.server).await?,
            };
            let result = session.letter(from, to, message).await;
            if session.may_go_on() {
                *slot = Some(session);
            } else {
                session.quit().await;
            }
            match result {
                Ok(sent) => return Ok(sent),
                Err(Trouble::Failed(error)) => return Err(error),
                // Only a session that has carried a letter before is stale, so the next round opens one and ends here.
                Err(Trouble::Stale) => {}
            }
        }
    }
}

#[async_trait]
impl Way for Smtp {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    async fn send(&self, envelope: &Envelope) -> Result<Sent, SendError> {
        self.faults.reach(BEFORE_SEND)?;
        let mut mailboxes = Vec::new();
        let mut out_of_reach = Vec::new();
        for recipient in envelope.remaining() {
            match recipient {
                Recipient::Mail(mailbox) => mailboxes.push((recipient, &mailbox.address)),
                Recipient::Folder(_) => out_of_reach.push(Refused::out_of_reach(recipient)),
            }
        }
        let mut sent = Sent::default();
        if !mailboxes.is_empty() {
            let message = render(envelope, self.dkim.as_deref())?;
            let most = self.server.limits.message_bytes;
            if message.len() > most {
                let text = ServerText(format!("{} of {most} bytes", message.len()));
                return Err(SendError::Permanent { reason: &MESSAGE_TOO_LARGE, code: 0, text });
            }
            sent = self.hand_over(envelope, &mailboxes, &message).await?;
        }
        sent.refused.extend(out_of_reach);
        self.faults.reach(AFTER_SEND)?;
        Ok(sent)
    }

    async fn rest(&self) {
        if let Some(session) = self.session.lock().await.take() {
            session.quit().await;
        }
    }
}
