//! An envelope as the bytes of a mail (RFC 5322, MIME): a pure function, the same bytes every time.
//!
//! A repeat after a crash must be recognisable, so nothing here is random and no clock is read: the Message-ID and the
//! boundary come from the envelope's id, the date from the envelope. All output is ASCII with CRLF and lines of at most
//! 998 characters, so that no server has a reason to change it and break the signature.

use std::time::{Duration, SystemTime};

use email_encoding::headers::writer::EmailWriter;
use lettre::message::header::{
    self, ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue, Headers, Subject,
};
use lettre::message::{Attachment, Body, Mailboxes, MultiPart, SinglePart};
use model::{Instant, Lang};
use sha2::{Digest, Sha256};

use crate::codes::{BAD_DATE, BAD_MEDIA_TYPE, NO_RECIPIENT, Unfit};
use crate::dkim::DkimKey;
use crate::header::Mailbox;
use crate::parcel::{Envelope, Parcel, Recipient};

/// The first second of the year 10000, which RFC 5322 dates cannot say.
const YEAR_10000: u64 = 253_402_300_800;

/// The mail that this envelope is, signed if there is a key.
///
/// # Errors
/// [`NO_RECIPIENT`] without a mail recipient, [`BAD_DATE`] outside 1970 to 9999.
pub fn render(envelope: &Envelope, dkim: Option<&DkimKey>) -> Result<Vec<u8>, Unfit> {
    let mut message = headers(envelope)?.to_string().into_bytes();
    message.extend_from_slice(&content(envelope)?);
    if let Some(key) = dkim {
        let signature = key.sign(&message, envelope.date);
        message.splice(0..0, signature.into_bytes());
    }
    Ok(message)
}

/// The headers before those of the content. lettre's `MessageBuilder` is passed by: it reads its own headers back with a
/// parser that knows no quoted addresses, and falls back to the clock for a missing date.
fn headers(envelope: &Envelope) -> Result<Headers, Unfit> {
    let recipients: Vec<&Mailbox> = envelope
        .to
        .iter()
        .filter_map(|recipient| match recipient {
            Recipient::Mail(mailbox) => Some(mailbox),
            Recipient::Folder(_) => None,
        })
        .collect();
    if recipients.is_empty() {
        return Err(Unfit::new(&NO_RECIPIENT, ""));
    }
    let mut headers = Headers::new();
    headers.set(header::From::from(Mailboxes::from(envelope.from.lettre())));
    headers.insert_raw(to(recipients));
    headers.insert_raw(subject(envelope.subject.as_str()));
    headers.set(header::Date::new(date_of(envelope.date)?));
    headers.set(header::MessageId::from(format!("<{}>", envelope.message_id())));
    if let Some(mailbox) = &envelope.reply_to {
        headers.set(header::ReplyTo::from(Mailboxes::from(mailbox.lettre())));
    }
    // RFC 3834, section 5: a machine wrote this, no machine shall answer.
    headers.insert_raw(token("Auto-Submitted", "auto-generated"));
    // RFC 3282.
    let language = match envelope.language {
        Lang::Ja => "ja",
        Lang::En => "en",
    };
    headers.insert_raw(token("Content-Language", language));
    if let Some(ticket) = &envelope.ticket {
        headers.insert_raw(token("X-Noroshi-Ticket", ticket.as_str()));
    }
    if let Some(delivery) = &envelope.delivery {
        headers.insert_raw(token("X-Noroshi-Delivery", &delivery.to_string()));
    }
    headers.set(header::MIME_VERSION_1_0);
    Ok(headers)
}

/// The letter, or the letter and the parcels, with their MIME headers; text first.
fn content(envelope: &Envelope) -> Result<Vec<u8>, Unfit> {
    let text = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(envelope.text.as_str().to_owned());
    if envelope.parcels.is_empty() {
        return Ok(text.formatted());
    }
    let boundary = boundary(envelope.id.as_str(), text.raw_body());
    let mut parts = MultiPart::mixed().boundary(boundary).singlepart(text);
    for parcel in &envelope.parcels {
        parts = parts.singlepart(enclosed(parcel)?);
    }
    Ok(parts.formatted())
}

fn enclosed(parcel: &Parcel) -> Result<SinglePart, Unfit> {
    let content_type =
        parcel.media_type.lettre().ok_or_else(|| Unfit::new(&BAD_MEDIA_TYPE, parcel.media_type.as_str()))?;
    // Always base64: what looks like text would be sent as it is, and a lone LF in it would be anybody's guess.
    let body = Body::new_with_encoding(parcel.bytes.clone(), ContentTransferEncoding::Base64)
        .map_err(|_| Unfit::new(&BAD_MEDIA_TYPE, parcel.media_type.as_str()))?;
    Ok(Attachment::new(parcel.name.as_str().to_owned()).body(body, content_type))
}

/// The recipients, each on a line of his own: lettre would put all of them on one, however long.
fn to(recipients: Vec<&Mailbox>) -> HeaderValue {
    let encoded: Vec<String> = recipients
        .into_iter()
        .map(|mailbox| {
            let mut one = Headers::new();
            one.set(header::To::from(Mailboxes::from(mailbox.lettre())));
            one.to_string().trim_start_matches("To: ").trim_end().to_owned()
        })
        .collect();
    HeaderValue::dangerous_new_pre_encoded(header::To::name(), encoded.join(", "), encoded.join(",\r\n "))
}

/// A header whose value is a token of ours.
fn token(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// The subject in plain ASCII, or else wholly in encoded words (RFC 2047).
///
/// lettre leaves an ASCII subject bare even if it looks like an encoded word (`=?utf-8?q?...?=`), which a reader would
/// then decode into something else, a line break among it.
fn subject(text: &str) -> HeaderValue {
    if text.is_ascii() && !text.contains("=?") {
        return HeaderValue::new(Subject::name(), text.to_owned());
    }
    let mut encoded = String::new();
    let mut writer = EmailWriter::new(&mut encoded, "Subject: ".len(), 0, false);
    // Writing into a String does not fail.
    let _ = email_encoding::headers::rfc2047::encode(text, &mut writer);
    drop(writer);
    HeaderValue::dangerous_new_pre_encoded(Subject::name(), text.to_owned(), encoded)
}

fn date_of(instant: Instant) -> Result<SystemTime, Unfit> {
    let seconds = instant.as_micros().div_euclid(1_000_000);
    u64::try_from(seconds)
        .ok()
        .filter(|seconds| *seconds < YEAR_10000)
        .map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        .ok_or_else(|| Unfit::new(&BAD_DATE, &instant.to_string()))
}

/// A boundary that stands in no part (RFC 2046, section 5.1.1). Base64 knows no underscore, so only the text is asked.
fn boundary(id: &str, text: &[u8]) -> String {
    let mut count = 0_u32;
    loop {
        let digest = Sha256::digest(format!("{id}\n{count}"));
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let boundary = format!("noroshi_{hex}");
        if !text.windows(boundary.len()).any(|window| window == boundary.as_bytes()) {
            return boundary;
        }
        count += 1;
    }
}

#[cfg(test)]
mod tests {
    use mail_parser::{MessageParser, MimeHeaders};
    use proptest::prelude::*;

    use super::*;
    use crate::header::HeaderText;
    use crate::parcel::Letter;
    use crate::parcel::tests::envelope;

    fn header_names(message: &mail_parser::Message<'_>) -> Vec<String> {
        message.headers().iter().map(|h| h.name().to_owned()).collect()
    }

    #[test]
    fn a_letter_with_a_parcel() {
        let envelope = envelope("0190b0c4-1111-7222-8333-0123456789ab.1");
        let bytes = render(&envelope, None).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let want = "From: =?utf-8?b?54u854WZIOazqOaEj+WWmui1t+eqk+WPow==?= <noroshi@example.org>\r\n\
            To: =?utf-8?b?5bGx55SwIOiKseWtkA==?= <hanako@example.com>\r\n\
            Subject: =?utf-8?b?44CQ6YeN6KaB44CR44GK5L2/44GE44Gu5qmf5Zmo44Gu44Km44Kk?=\r\n \
            =?utf-8?b?44Or44K55oSf5p+T44Gr44Gk44GE44GmIFtOUi0wMTIzNDU2Nzg5QUJd?=\r\n\
            Date: Fri, 18 Jul 2014 00:30:00 +0000\r\n\
            Message-ID: <0190b0c4-1111-7222-8333-0123456789ab.1@example.org>\r\n\
            Reply-To: desk@example.org\r\n\
            Auto-Submitted: auto-generated\r\n\
            Content-Language: ja\r\n\
            X-Noroshi-Ticket: NR-0123456789AB\r\n\
            X-Noroshi-Delivery: 0190b0c4-1111-7222-8333-0123456789ab\r\n\
            MIME-Version: 1.0\r\n";
        assert!(text.starts_with(want), "{text}");
        assert!(text.contains("filename*0*=utf-8''"), "{text}");
        assert!(!text.contains("bounces@example.org"), "the return path is no header of ours");

        let parsed = MessageParser::default().parse(&bytes).unwrap();
        assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n"), envelope.text.as_str());
        let parcel = parsed.attachment(0).unwrap();
        assert_eq!(parcel.contents(), envelope.parcels[0].bytes);
        assert_eq!(parcel.attachment_name(), Some("対象一覧.csv"));
        assert_eq!(parsed.attachment_count(), 1);
    }

    #[test]
    fn the_same_bytes_every_time() {
        let first = render(&envelope("e.1"), None).unwrap();
        assert_eq!(first, render(&envelope("e.1"), None).unwrap());
        let other = String::from_utf8(render(&envelope("e.2"), None).unwrap()).unwrap();
        let boundary = |text: &str| text.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert_ne!(boundary(&other), boundary(&String::from_utf8(first).unwrap()));
    }

    #[test]
    fn a_letter_that_quotes_the_boundary() {
        let mut envelope = envelope("e.1");
        let expected = super::boundary("e.1", b"");
        envelope.text =
            format!("text\n--{expected}\nContent-Type: text/html\n\nforged\n--{expected}--\n").parse().unwrap();
        let bytes = render(&envelope, None).unwrap();
        let parsed = MessageParser::default().parse(&bytes).unwrap();
        assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n"), envelope.text.as_str());
        assert_eq!(parsed.attachment_count(), 1);
    }

    #[test]
    fn a_subject_that_looks_encoded_stays_as_it_is() {
        let mut envelope = envelope("e.1");
        envelope.subject = "=?utf-8?q?a=0D=0ABcc:_x@example.com?= b".parse().unwrap();
        envelope.from = "=?utf-8?q?a=0D=0ABcc:_x@example.com?= <noroshi@example.org>".parse().unwrap();
        let bytes = render(&envelope, None).unwrap();
        let parsed = MessageParser::default().parse(&bytes).unwrap();
        assert_eq!(parsed.subject(), Some("=?utf-8?q?a=0D=0ABcc:_x@example.com?= b"));
        assert_eq!(parsed.from().unwrap().first().unwrap().name(), Some("=?utf-8?q?a=0D=0ABcc:_x@example.com?="));
    }

    #[test]
    fn nobody_and_never_are_refused() {
        let mut nobody = envelope("e.1");
        nobody.to = vec![Recipient::Folder("isp-hokuto".parse().unwrap())];
        assert_eq!(render(&nobody, None).unwrap_err().code(), &NO_RECIPIENT);
        for micros in [-1, i64::MIN, i64::MAX, i64::try_from(YEAR_10000).unwrap() * 1_000_000] {
            let mut never = envelope("e.1");
            never.date = Instant::from_micros(micros);
            assert_eq!(render(&never, None).unwrap_err().code(), &BAD_DATE, "{micros}");
        }
    }

    #[test]
    fn many_recipients_take_many_lines() {
        let mut envelope = envelope("e.1");
        envelope.to = (0..200).map(|n| Recipient::Mail(format!("r{n}@example.com").parse().unwrap())).collect();
        let bytes = render(&envelope, None).unwrap();
        assert!(bytes.split(|b| *b == b'\n').all(|line| line.len() <= 998));
        let parsed = MessageParser::default().parse(&bytes).unwrap();
        let read: Vec<_> = parsed.to().unwrap().iter().map(|to| to.address().unwrap().to_owned()).collect();
        assert_eq!(read, (0..200).map(|n| format!("r{n}@example.com")).collect::<Vec<_>>());
    }

    #[test]
    fn a_quoted_address_is_read_back() {
        let mut envelope = envelope("e.1");
        envelope.to = vec![Recipient::Mail("a..b.@example.ne.jp".parse().unwrap())];
        let bytes = render(&envelope, None).unwrap();
        assert!(String::from_utf8(bytes).unwrap().contains("\r\nTo: \"a..b.\"@example.ne.jp\r\n"));
    }

    /// Strings with what is dangerous in them far more often than chance would have it.
    fn nasty() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => "[a-zA-Z0-9 .,_-]{0,12}",
            3 => "[ぁ-んァ-ヶ一-龠　]{1,20}",
            2 => "\\PC{0,8}",
            1 => any::<String>(),
            2 => prop::sample::select(vec![
                "\r\n", "\n", "\r", "\0", "\r\nBcc: evil@example.com\r\n", "\r\n\r\nbody", "=?utf-8?b?", "?=", "=?utf-8?q?=0A?=",
                "\"", "\\", "<", ">", "@", ",", ";", "(", ")", ":", "%0d%0a", "\u{85}", "\u{2028}", "\u{202e}", "  ", "\t", "''",
                "--noroshi_", "\u{feff}", "👨\u{200d}👩\u{200d}👧",
            ]).prop_map(str::to_owned),
        ];
        prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        // INVARIANT: whatever a caller got past the types is read back as exactly his fields and our headers.
        #[test]
        fn nothing_is_injected(
            subject in nasty(), from in nasty(), to in nasty(), reply in nasty(), body in nasty(), file in nasty(),
            local in "[a-z!#$%&'*+/=?^_`{|}~.-]{1,20}", bytes in prop::collection::vec(any::<u8>(), 0..200),
            with_parcel in any::<bool>(),
        ) {
            let mut envelope = envelope("e.1");
            // What the types refuse is tested beside them; the other fields go on.
            let line = |text: String| text.parse::<HeaderText>().unwrap_or_else(|_| "plain".parse().unwrap());
            let address = format!("{local}@example.com").parse().unwrap_or_else(|_| "a@example.com".parse().unwrap());
            envelope.subject = line(subject);
            envelope.from.name = Some(line(from));
            envelope.to = vec![Recipient::Mail(Mailbox::named(line(to), address)), envelope.to[0].clone()];
            envelope.reply_to.as_mut().unwrap().name = Some(line(reply));
            let body = body.parse().unwrap_or_else(|_| "plain".parse::<Letter>().unwrap());
            let file = file.parse().unwrap_or_else(|_| "plain".parse().unwrap());
            envelope.text = body;
            envelope.parcels[0].name = file;
            envelope.parcels[0].bytes = bytes;
            // What reads back would turn text into UTF-8.
            envelope.parcels[0].media_type = "application/octet-stream".parse().unwrap();
            if !with_parcel {
                envelope.parcels.clear();
            }
            let rendered = render(&envelope, None).unwrap();
            prop_assert!(rendered.is_ascii() && !rendered.contains(&0));
            let text = std::str::from_utf8(&rendered).unwrap();
            for line in text.split("\r\n") {
                prop_assert!(!line.contains(['\r', '\n']) && line.len() <= 998, "{line:?}");
            }
            let parsed = MessageParser::default().parse(&rendered).unwrap();
            let mut want = vec![
                "From", "To", "Subject", "Date", "Message-ID", "Reply-To", "Auto-Submitted", "Content-Language",
                "X-Noroshi-Ticket", "X-Noroshi-Delivery", "MIME-Version", "Content-Type",
            ];
            if !with_parcel {
                want.push("Content-Transfer-Encoding");
            }
            prop_assert_eq!(header_names(&parsed), want);
            prop_assert_eq!(parsed.subject(), Some(envelope.subject.as_str()));
            for (address, mailbox) in [(parsed.from(), &envelope.from), (parsed.reply_to(), envelope.reply_to.as_ref().unwrap())] {
                let address = address.unwrap().as_list().unwrap();
                prop_assert_eq!(address.len(), 1);
                prop_assert_eq!(address[0].name(), mailbox.name.as_ref().map(HeaderText::as_str));
                prop_assert_eq!(address[0].address(), Some(mailbox.address.as_str()));
            }
            let to = parsed.to().unwrap().as_list().unwrap();
            prop_assert_eq!(to.len(), 2);
            for (address, recipient) in to.iter().zip(&envelope.to) {
                let Recipient::Mail(mailbox) = recipient else { unreachable!() };
                prop_assert_eq!(address.name(), mailbox.name.as_ref().map(HeaderText::as_str));
                prop_assert_eq!(address.address().map(|a| a.replace('"', "")), Some(mailbox.address.as_str().replace('"', "")));
            }
            let body = parsed.body_text(0).unwrap_or_default().replace("\r\n", "\n");
            prop_assert_eq!(body.trim_end_matches('\n'), envelope.text.as_str().trim_end_matches('\n'));
            prop_assert_eq!(parsed.attachment_count(), envelope.parcels.len());
            if with_parcel {
                let parcel = parsed.attachment(0).unwrap();
                prop_assert_eq!(parcel.contents(), envelope.parcels[0].bytes.as_slice());
                prop_assert_eq!(parcel.attachment_name(), Some(envelope.parcels[0].name.as_str()));
            }
        }
    }
}
