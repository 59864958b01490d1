//! A mail server that never was: it keeps what it took over through every crash of its clients.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use courier::Recipient;
use courier::send::Taken::{No, Perhaps};
use courier::send::{AFTER_SEND, BEFORE_SEND, Kind, Refused, Repeat, SendError, Sent, ServerText, Way, smtp};
use model::port::Faults;

/// What a server does with a mailbox. The server of a mailbox that is `Down` answers nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Takes everything.
    Takes,
    /// Refuses for good.
    Refuses,
    /// Refuses so many times for now, then takes.
    Slow(u32),
    /// Breaks the connection before anything was said.
    Down,
    /// Takes the mail and breaks the connection before it says so.
    Mute,
}

/// One mail that was taken over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    pub recipient: String,
    pub message_id: String,
    pub subject: String,
    pub text: String,
    pub attached: Vec<String>,
}

/// The server.
#[derive(Default)]
pub struct Server {
    pub taken: Mutex<Vec<Taken>>,
    manners: Mutex<BTreeMap<String, Manner>>,
}

impl Server {
    pub fn with(manners: &[(&str, Manner)]) -> Arc<Self> {
        let manners = manners.iter().map(|(who, manner)| ((*who).to_owned(), *manner)).collect();
        Arc::new(Self { taken: Mutex::default(), manners: Mutex::new(manners) })
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on it does that with that mailbox.
    pub fn set(&self, who: &str, manner: Manner) {
        self.manners.lock().unwrap_or_else(PoisonError::into_inner).insert(who.to_owned(), manner);
    }

    /// A server of its own that knows and has what this one does.
    pub fn as_it_stands(&self) -> Arc<Self> {
        Arc::new(Self {
            taken: Mutex::new(self.taken()),
            manners: Mutex::new(self.manners.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        })
    }
}

/// One client of it, in one process.
pub struct Post {
    pub server: Arc<Server>,
    pub faults: Arc<dyn Faults>,
}

#[async_trait]
impl Way for Post {
    fn kind(&self) -> &'static Kind {
        assert_eq!(smtp::KIND.repeat, Repeat::AtMostOneRepeat);
        &smtp::KIND
    }

    async fn send(&self, envelope: &courier::Envelope) -> Result<Sent, SendError> {
        self.faults.reach(BEFORE_SEND)?;
        let mut sent = Sent::default();
        for recipient in envelope.remaining() {
            let Recipient::Mail(mailbox) = recipient else { continue };
            let who = mailbox.address.as_str().to_owned();
            let mut manners = self.server.manners.lock().unwrap();
            let manner = manners.entry(who.clone()).or_insert(Manner::Takes);
            let refused = |permanent, code| Refused {
                recipient: recipient.clone(),
                permanent,
                code,
                text: ServerText::default(),
            };
            match manner {
                Manner::Refuses => sent.refused.push(refused(true, 550)),
                Manner::Slow(times) if *times > 0 => {
                    *times -= 1;
                    sent.refused.push(refused(false, 451));
                }
                Manner::Down => {
                    let reason = &courier::codes::SMTP_INTERRUPTED;
                    return Err(SendError::Transient { reason, code: 0, text: ServerText::default(), taken: No });
                }
                _ => {
                    self.server.taken.lock().unwrap().push(Taken {
                        recipient: who,
                        message_id: envelope.message_id(),
                        subject: envelope.subject.as_str().to_owned(),
                        text: envelope.text.as_str().to_owned(),
                        attached: envelope.parcels.iter().map(|p| p.name.as_str().to_owned()).collect(),
                    });
                    if *manner == Manner::Mute {
                        let reason = &courier::codes::SMTP_INTERRUPTED;
                        let text = ServerText::default();
                        return Err(SendError::Transient { reason, code: 0, text, taken: Perhaps });
                    }
                    sent.accepted.push(recipient.clone());
                }
            }
        }
        self.faults.reach(AFTER_SEND)?;
        Ok(sent)
    }
}
