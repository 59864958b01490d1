//! `security.txt` (RFC 9116): where a domain wants reports about its security.
//!
//! One file speaks for one domain, which has to be stated. `Contact` stands at least once, in the order of preference (section
//! 2.5.3), `Expires` exactly once (2.5.5), `Preferred-Languages` at most once (2.5.8); unknown fields are passed over (2.4). A file
//! that has expired is refused with that reason. A cleartext signature (2.3) is read through and *not* verified, which is
//! remarked: verify it where the file was fetched. Bodies longer than 64 KiB are refused.

use std::io::{self, BufRead, Read};

use model::time::Instant;

use super::intake::{At, Intake, ReadAs};
use super::{Field, Origin, Subject, code};

/// A file is at most so long, in bytes.
const LONGEST_FILE: usize = 65_536;

pub(super) fn read(intake: &mut Intake<'_>, how: ReadAs<'_>, source: impl BufRead) -> io::Result<()> {
    intake.row();
    let mut bytes = Vec::new();
    source.take(LONGEST_FILE as u64 + 1).read_to_end(&mut bytes)?;
    let at = |line, field, value| At { file: how.file, line, field, value };
    let Some(domain) = how.domain else {
        intake.refuse(&code::NO_DOMAIN, at(1, None, None));
        return Ok(());
    };
    if bytes.len() > LONGEST_FILE {
        intake.refuse(&code::TOO_LONG, at(1, None, None));
        return Ok(());
    }
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) if !text.contains('\0') => text,
        _ => {
            intake.refuse(&code::BYTES, at(1, None, None));
            return Ok(());
        }
    };
    let (body, is_signed) = body(text);
    let mut told = Told::default();
    for (line, name, value) in body {
        match name.to_ascii_lowercase().as_str() {
            "contact" => told.contacts.push((line, value)),
            "expires" => told.expires.push((line, value)),
            "preferred-languages" => {
                told.languages.get_or_insert(value);
            }
            _ => {}
        }
    }
    let subject = Subject::Domain(domain.clone());
    let origin = |line| Origin {
        file: how.file.to_owned(),
        object: format!("security.txt {domain}"),
        line,
        dated: how.dated.map(str::to_owned),
    };
    let expires = match told.expires.as_slice() {
        [(line, value)] => value.parse::<Instant>().ok().map(|instant| (*line, *value, instant)),
        _ => None,
    };
    let Some((expires_line, written, expires)) = expires else {
        let (line, value) = told.expires.last().map_or((1, None), |(line, value)| (*line, Some(*value)));
        intake.refuse(&code::NO_EXPIRES, at(line, Some("Expires"), value));
        return Ok(());
    };
    if expires <= how.now {
        intake.refuse(&code::EXPIRED, at(expires_line, Some("Expires"), Some(written)));
        return Ok(());
    }
    if !told.contacts.iter().any(|(_, value)| contact(value).is_some()) {
        let line = told.contacts.first().map_or(1, |(line, _)| *line);
        intake.refuse(&code::NO_CONTACT, at(line, Some("Contact"), told.contacts.first().map(|(_, value)| *value)));
        return Ok(());
    }
    if is_signed {
        intake.remark(&code::SIGNED, at(1, None, None));
    }
    for (line, value) in told.contacts {
        match contact(value) {
            Some((Field::Security, mail)) => intake.mail_fact(&subject, (Field::Security, 0), &mail, &origin(line))?,
            Some((field, value)) => intake.fact(&subject, field, 0, &value, &origin(line))?,
            None => intake.remark(&code::VALUE, at(line, Some("Contact"), Some(value))),
        }
    }
    for language in told.languages.unwrap_or_default().split(',') {
        intake.fact(&subject, Field::Language, 0, language, &origin(1))?;
    }
    intake.fact(&subject, Field::Expires, 0, &expires.to_string(), &origin(expires_line))
}

#[derive(Default)]
struct Told<'t> {
    contacts: Vec<(u64, &'t str)>,
    expires: Vec<(u64, &'t str)>,
    languages: Option<&'t str>,
}

/// The fields: line, name, value; and whether the file is signed. In a cleartext signature (RFC 9580, section 7) a heading
/// stands before the text, a signature after it, and lines that begin with a hyphen have `- ` before them.
fn body(text: &str) -> (Vec<(u64, &str, &str)>, bool) {
    let is_signed = text.trim_start_matches('\u{feff}').trim_start().starts_with("-----BEGIN PGP SIGNED MESSAGE-----");
    let mut in_heading = is_signed;
    let mut fields = Vec::new();
    for (number, line) in (1_u64..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let line = line.trim();
        if is_signed && line.starts_with("-----BEGIN PGP SIGNATURE-----") {
            break;
        }
        if in_heading {
            in_heading = !line.is_empty() || number == 1;
            continue;
        }
        let line = if is_signed { line.strip_prefix("- ").unwrap_or(line) } else { line };
        if !line.starts_with('#')
            && let Some((name, value)) = line.split_once(':')
        {
            fields.push((number, name.trim(), value.trim()));
        }
    }
    (fields, is_signed)
}

/// What a `Contact` names: a mailbox without what follows its `?` (RFC 6068), or another URI. `http:` is none (section 2.5.3).
fn contact(value: &str) -> Option<(Field, String)> {
    let (scheme, rest) = value.split_once(':')?;
    let is_plain = !rest.is_empty() && value.chars().all(|c| c.is_ascii_graphic());
    match scheme.to_ascii_lowercase().as_str() {
        "mailto" => {
            let mail = rest.split('?').next()?;
            mail.parse::<crate::mailbox::MailAddress>().ok().map(|mail| (Field::Security, mail.to_string()))
        }
        "https" | "tel" if is_plain => Some((Field::Page, value.to_owned())),
        _ => None,
    }
}
