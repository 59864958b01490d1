//! One SMTP session (RFC 5321), driven command by command, so that each recipient gets his own answer.

use std::error::Error;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::MailParameter;
use lettre::transport::smtp::response::{Response, Severity};
use model::problem::Code;
use tokio::net::TcpStream;

use super::server::{Limits, Security, Server};
use super::stream::PlainUntilTls;
use crate::codes::{
    MESSAGE_TOO_LARGE, SMTP_BROKEN_REPLY, SMTP_BUSY, SMTP_INTERRUPTED, SMTP_LOGIN_REFUSED, SMTP_NO_STARTTLS,
    SMTP_SENDER_REFUSED, SMTP_TLS_FAILED, SMTP_UNREACHABLE,
};
use crate::header::MailAddress;
use crate::parcel::Recipient;
use crate::send::{Refused, SendError, Sent, ServerText, Taken};

/// How a letter fared on a session.
pub(super) enum Trouble {
    /// The server had closed the session before this letter began: a new session may take it at once.
    Stale,
    /// It failed.
    Failed(SendError),
}

/// An open session: greeted, encrypted, logged in.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    limits: Limits,
    /// What the server says of SIZE (RFC 1870): nothing, no limit, or a limit in bytes.
    size: Option<Option<usize>>,
    letters: u32,
    usable: bool,
}

/// What came instead of a positive reply.
enum Answer {
    /// The server said no.
    No { code: u16, text: String },
    /// It said something that is no reply, or not one that belongs there.
    Nonsense(String),
    /// It said nothing any more.
    Silence(String),
}

impl From<smtp::Error> for Answer {
    fn from(error: smtp::Error) -> Self {
        let text = error.source().map(ToString::to_string).unwrap_or_default();
        match error.status() {
            Some(code) => Self::No { code: code.into(), text },
            // lettre's words for a connection that was closed in the middle of a reply or before one.
            None if error.is_response() && text != "incomplete response" => Self::Nonsense(text),
            None => Self::Silence(text),
        }
    }
}

impl Answer {
    fn text(self) -> String {
        match self {
            Self::No { text, .. } | Self::Nonsense(text) | Self::Silence(text) => text,
        }
    }

    /// The failure of the whole letter, nothing having been handed over.
    fn fails(self, refused: &'static Code) -> SendError {
        match self {
            Self::No { code, text } => {
                SendError::Transient { reason: refused, code, text: ServerText(text), taken: Taken::No }
            }
            Self::Nonsense(text) => SendError::transient(&SMTP_BROKEN_REPLY, text),
            Self::Silence(text) => SendError::transient(&SMTP_INTERRUPTED, text),
        }
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, smtp::Error>>) -> Result<T, Answer> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result.map_err(Answer::from),
        Err(_) => Err(Answer::Silence(format!("no reply within {} s", limit.as_secs()))),
    }
}

impl Session {
    pub(super) async fn open(server: &Server) -> Result<Self, SendError> {
        let limits = server.limits;
        let mut connection = match &server.security {
            Security::Starttls(tls) => {
                let tcp = PlainUntilTls::new(connect(server).await?);
                let mut connection = greet(server, Box::new(tcp)).await?;
                if !connection.can_starttls() {
                    let _ = tokio::time::timeout(limits.connect, connection.quit()).await;
                    return Err(SendError::transient(&SMTP_NO_STARTTLS, ""));
                }
                // After a failed handshake lettre's connection must not be touched again; it is dropped here.
                within(limits.reply, connection.starttls(tls.clone(), &server.hello)).await.map_err(tls_failed)?;
                connection
            }
            Security::Implicit(tls) => {
                let address = (server.host.as_str(), server.port);
                let tls = Some(tls.clone());
                let opening =
                    AsyncSmtpConnection::connect_tokio1(address, Some(limits.connect), &server.hello, tls, None);
                match tokio::time::timeout(limits.reply, opening).await {
                    Ok(Ok(connection)) => connection,
                    Ok(Err(error)) if is_unreachable(&error) => {
                        return Err(SendError::transient(&SMTP_UNREACHABLE, Answer::from(error).text()));
                    }
                    Ok(Err(error)) => return Err(tls_failed(error.into())),
                    Err(_) => return Err(SendError::transient(&SMTP_INTERRUPTED, "no greeting in time")),
                }
            }
            Security::Plain => greet(server, Box::new(connect(server).await?)).await?,
        };
        // INVARIANT: neither login nor letter goes over a plain connection unless the settings say so by name.
        if !connection.is_encrypted() && !matches!(server.security, Security::Plain) {
            return Err(SendError::transient(&SMTP_TLS_FAILED, ""));
        }
        // Asked once more, because lettre does not keep the SIZE line; it costs one round trip for many letters.
        let hello = within(limits.reply, connection.command(Ehlo::new(server.hello.clone())))
            .await
            .map_err(|answer| answer.fails(&SMTP_BUSY))?;
        if let Some(login) = &server.login {
            within(limits.reply, connection.auth(&[Mechanism::Plain, Mechanism::Login], login)).await.map_err(
                |answer| match answer {
                    // lettre found no mechanism in common: the server offers no login here.
                    Answer::Silence(text) if text.contains("mechanism") => {
                        SendError::transient(&SMTP_LOGIN_REFUSED, text)
                    }
                    answer => answer.fails(&SMTP_LOGIN_REFUSED),
                },
            )?;
        }
        Ok(Self { connection, limits, size: size_of(&hello), letters: 0, usable: true })
    }

    /// Whether another letter may go over it.
    pub(super) fn may_go_on(&self) -> bool {
        self.usable && self.letters < self.limits.letters_per_connection
    }

    /// Takes leave of the server, unless the session is broken.
    pub(super) async fn quit(mut self) {
        if !self.usable {
            return;
        }
        // The letters are delivered; whether the server says goodbye is its business.
        let _ = tokio::time::timeout(self.limits.connect, self.connection.quit()).await;
    }

    /// Hands one letter to the server for these recipients, who are all mailboxes.
    pub(super) async fn letter(
        &mut self,
        from: &MailAddress,
        to: &[(&Recipient, &MailAddress)],
        message: &[u8],
    ) -> Result<Sent, Trouble> {
        let is_first = self.letters == 0;
        self.letters += 1;
        if let Some(Some(most)) = self.size
            && message.len() > most
        {
            let text = format!("SIZE {most}");
            let error = SendError::Permanent { reason: &MESSAGE_TOO_LARGE, code: 0, text: ServerText(text) };
            return Err(Trouble::Failed(error));
        }
        let parameters = if self.size.is_some() { vec![MailParameter::Size(message.len())] } else { vec![] };
        match self.ask(Mail::new(Some(from.lettre()), parameters)).await {
            Ok(_) => {}
            Err(Answer::Silence(_) | Answer::No { code: 421, .. }) if !is_first => {
                self.usable = false;
                return Err(Trouble::Stale);
            }
            Err(answer) => return Err(Trouble::Failed(self.sender_refused(answer).await)),
        }

        let mut accepted = Vec::new();
        let mut refused = Vec::new();
        for (recipient, address) in to {
            match self.ask(Rcpt::new(address.lettre(), vec![])).await {
                Ok(_) => accepted.push((*recipient).clone()),
                Err(Answer::No { code, text }) if code != 421 => refused.push(Refused {
                    recipient: (*recipient).clone(),
                    permanent: rcpt_is_permanent(code),
                    code,
                    text: ServerText(text),
                }),
                Err(answer) => return Err(self.broken(answer)),
            }
        }
        if accepted.is_empty() {
            self.reset().await;
            return Ok(Sent { accepted, refused });
        }

        match within(self.limits.reply, self.connection.command(Data)).await {
            Ok(reply) if reply.has_code(354) => {}
            // A positive reply that does not belong here: the replies are out of step with the commands.
            Ok(reply) => return Err(self.broken(Answer::Nonsense(format!("{} to DATA", reply.code())))),
            Err(Answer::No { code, text }) if code != 421 => {
                self.reset().await;
                return Ok(all_refused(accepted, refused, code, &text));
            }
            Err(answer) => return Err(self.broken(answer)),
        }

        // Without its last line end, which the closing line of DATA brings along: the server gets these bytes and no
        // empty line more.
        let content = message.strip_suffix(b"\r\n").unwrap_or(message);
        let handed_over = AtomicBool::new(false);
        let chunks = Chunks { rest: content, done: &handed_over };
        match within(self.limits.last_reply, self.connection.message_iter(chunks)).await {
            Ok(reply) if reply.code().severity == Severity::PositiveCompletion => Ok(Sent { accepted, refused }),
            Ok(reply) => Err(self.lost(Answer::Nonsense(format!("{} after DATA", reply.code())), Taken::Perhaps)),
            Err(Answer::No { code, text }) => {
                self.usable = code != 421;
                Ok(all_refused(accepted, refused, code, &text))
            }
            // Before the closing line the server has no message; from then on nobody knows (RFC 1047).
            Err(answer) if handed_over.load(Ordering::SeqCst) => Err(self.lost(answer, Taken::Perhaps)),
            Err(answer) => Err(self.lost(answer, Taken::No)),
        }
    }

    /// One command whose answer must be 2yz.
    async fn ask(&mut self, command: impl std::fmt::Display) -> Result<(), Answer> {
        let reply = within(self.limits.reply, self.connection.command(command)).await?;
        if reply.code().severity == Severity::PositiveCompletion {
            Ok(())
        } else {
            Err(Answer::Nonsense(format!("{} to a command", reply.code())))
        }
    }

    /// Back to the state after EHLO; a session that cannot even do that is given up.
    async fn reset(&mut self) {
        self.usable = self.usable && self.ask(Rset).await.is_ok();
    }

    async fn sender_refused(&mut self, answer: Answer) -> SendError {
        match answer {
            Answer::No { code: code @ (530 | 534 | 535 | 538), text } => {
                // RFC 4954, section 6: the login is missing or too weak, which is no fault of this letter.
                self.usable = false;
                SendError::Transient { reason: &SMTP_LOGIN_REFUSED, code, text: ServerText(text), taken: Taken::No }
            }
            Answer::No { code, text } if code >= 500 => {
                self.reset().await;
                // RFC 1870, section 6.1.
                let reason = if code == 552 { &MESSAGE_TOO_LARGE } else { &SMTP_SENDER_REFUSED };
                SendError::Permanent { reason, code, text: ServerText(text) }
            }
            Answer::No { code, .. } if code != 421 => {
                self.reset().await;
                answer.fails(&SMTP_BUSY)
            }
            answer => {
                self.usable = false;
                answer.fails(&SMTP_BUSY)
            }
        }
    }

    fn broken(&mut self, answer: Answer) -> Trouble {
        self.usable = false;
        Trouble::Failed(answer.fails(&SMTP_BUSY))
    }

    fn lost(&mut self, answer: Answer, taken: Taken) -> Trouble {
        self.usable = false;
        let (reason, text) = match answer {
            Answer::Nonsense(text) => (&SMTP_BROKEN_REPLY, text),
            Answer::Silence(text) | Answer::No { text, .. } => (&SMTP_INTERRUPTED, text),
        };
        Trouble::Failed(SendError::Transient { reason, code: 0, text: ServerText(text), taken })
    }
}

async fn connect(server: &Server) -> Result<TcpStream, SendError> {
    let address = (server.host.as_str(), server.port);
    match tokio::time::timeout(server.limits.connect, TcpStream::connect(address)).await {
        Ok(Ok(tcp)) => Ok(tcp),
        Ok(Err(error)) => Err(SendError::transient(&SMTP_UNREACHABLE, error.to_string())),
        Err(_) => Err(SendError::transient(&SMTP_UNREACHABLE, "no connection in time")),
    }
}

async fn greet(server: &Server, stream: Box<dyn AsyncTokioStream>) -> Result<AsyncSmtpConnection, SendError> {
    within(server.limits.reply, AsyncSmtpConnection::connect_with_transport(stream, &server.hello))
        .await
        .map_err(|answer| answer.fails(&SMTP_BUSY))
}

/// Whether it was the TCP connection that did not come about, and not the handshake over it: rustls speaks of invalid
/// data, and a server that is none closes.
fn is_unreachable(error: &smtp::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    error.status().is_none() && io.is_some_and(|io| !matches!(io.kind(), InvalidData | UnexpectedEof))
}

fn tls_failed(answer: Answer) -> SendError {
    match answer {
        Answer::No { .. } => answer.fails(&SMTP_BUSY),
        Answer::Nonsense(text) | Answer::Silence(text) => SendError::transient(&SMTP_TLS_FAILED, text),
    }
}

/// The SIZE line of a reply to EHLO (RFC 1870, section 4): 0 or no number is no limit.
fn size_of(hello: &Response) -> Option<Option<usize>> {
    hello.message().skip(1).find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        words
            .next()?
            .eq_ignore_ascii_case("SIZE")
            .then(|| words.next().and_then(|number| number.parse().ok()).filter(|most| *most > 0))
    })
}

/// RFC 5321, section 4.5.3.1.10: 552 to RCPT means "too many recipients" and is to be taken for 452. A missing login
/// (RFC 4954, section 6) is no fault of the recipient.
fn rcpt_is_permanent(code: u16) -> bool {
    code >= 500 && !matches!(code, 530 | 534 | 535 | 538 | 552)
}

fn all_refused(accepted: Vec<Recipient>, mut refused: Vec<Refused>, code: u16, text: &str) -> Sent {
    refused.extend(accepted.into_iter().map(|recipient| Refused {
        recipient,
        permanent: code >= 500,
        code,
        text: ServerText(text.to_owned()),
    }));
    Sent { accepted: Vec::new(), refused }
}

/// The message in pieces; asked for one more after the last, it notes that all were written, for lettre asks only then.
struct Chunks<'a> {
    rest: &'a [u8],
    done: &'a AtomicBool,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            self.done.store(true, Ordering::SeqCst);
            return None;
        }
        let (chunk, rest) = self.rest.split_at(self.rest.len().min(64 * 1024));
        self.rest = rest;
        Some(chunk)
    }
}
