//! The list of subscribers' contacts, as CSV: whom to write to, in which language, and who asked not to be written to.
//!
//! | heading | means |
//! |---|---|
//! | 契約者番号, `subscriber` | the subscriber's reference, as in the list of leases or as the access server's user name |
//! | メールアドレス, `mail` | his mail address; empty where he has none |
//! | 言語, `language` | `ja` or `en`; empty is Japanese |
//! | 氏名, `name` | how the letter calls him; may be absent |
//! | 通知停止, `opt-out` | `1`, `true`, `yes`, はい, 停止, ○ where he asked not to be told; empty, `0`, `false`, `no`, いいえ, × where not |
//!
//! `samples/subscribers.csv` shows it.

use std::collections::HashMap;
use std::io::BufRead;

use formats::Rejects;
use model::Lang;

use crate::codes;
use crate::contact::{Contact, MailAddress};
use crate::read::table::{Column, Fault, Row, Table, Unreadable};
use crate::subscriber::is_reference;

const WHO: usize = 0;
const MAIL: usize = 1;
const LANGUAGE: usize = 2;
const NAME: usize = 3;
const OPT_OUT: usize = 4;

const COLUMNS: [Column; 5] = [
    Column {
        name: "契約者番号 (subscriber)",
        needed: true,
        headings: &[
            "契約者番号",
            "契約番号",
            "契約者id",
            "契約id",
            "お客様番号",
            "subscriber",
            "subscriberid",
            "subscriberreference",
            "customer",
            "customerid",
            "account",
        ],
    },
    Column {
        name: "メールアドレス (mail)",
        needed: true,
        headings: &[
            "メールアドレス",
            "メール",
            "連絡先メールアドレス",
            "電子メール",
            "mail",
            "email",
            "mailaddress",
            "emailaddress",
        ],
    },
    Column { name: "言語 (language)", needed: false, headings: &["言語", "language", "lang"] },
    Column {
        name: "氏名 (name)", needed: false, headings: &["氏名", "契約者名", "お名前", "名前", "宛名", "name"]
    },
    Column {
        name: "通知停止 (opt-out)", needed: false, headings: &["通知停止", "配信停止", "optout", "optedout"]
    },
];

/// The longest name, in characters.
const LONGEST_NAME: usize = 100;

/// What came of a file of contacts.
pub(crate) struct ContactList {
    pub(crate) contacts: HashMap<String, Contact>,
    pub(crate) rows: u64,
    /// Rows that say what an earlier row said.
    pub(crate) repeated: u64,
    pub(crate) rejects: Rejects,
    /// Whether the file says who opted out.
    pub(crate) says_opt_out: bool,
}

/// Reads a list of contacts. Where two rows give one subscriber two contacts, none of them counts: nobody's mail goes to a
/// guessed address.
pub(crate) fn read_contacts(file: &str, source: impl BufRead) -> Result<ContactList, Unreadable> {
    let mut table = Table::open(file, source, &COLUMNS)?;
    let says_opt_out = table.has(OPT_OUT);
    let mut repeated = 0;
    // None where rows contradict each other.
    let mut taken: HashMap<String, Option<Box<Taken>>> = HashMap::new();
    while let Some(row) = table.next()? {
        let contact = match read_row(&row) {
            Ok(contact) => contact,
            Err(fault) => {
                table.reject(row, fault);
                continue;
            }
        };
        let reference = row.cells[WHO].clone();
        match taken.get_mut(&reference) {
            None => {
                taken.insert(reference, Some(Box::new(Taken { contact, row, again: 0 })));
            }
            Some(Some(first)) if first.contact == contact => first.again += 1,
            Some(taken) => {
                if let Some(first) = taken.take() {
                    repeated += first.again;
                    table.reject(first.row, Fault(&codes::CONTACT_TWICE, WHO, reference.clone()));
                }
                table.reject(row, Fault(&codes::CONTACT_TWICE, WHO, reference));
            }
        }
    }
    let mut contacts = HashMap::with_capacity(taken.len());
    for (reference, taken) in taken {
        if let Some(taken) = taken {
            repeated += taken.again;
            contacts.insert(reference, taken.contact);
        }
    }
    let (rows, rejects) = table.close();
    Ok(ContactList { contacts, rows, repeated, rejects, says_opt_out })
}

/// One contact, the row that gave it first, and how many rows said the same again.
struct Taken {
    contact: Contact,
    row: Row<5>,
    again: u64,
}

fn read_row(row: &Row<5>) -> Result<Contact, Fault> {
    let cells = &row.cells;
    let fault = |code, column: usize| Fault(code, column, cells[column].clone());
    if !is_reference(&cells[WHO]) {
        return Err(fault(&codes::SUBSCRIBER, WHO));
    }
    let mail = match cells[MAIL].as_str() {
        "" => None,
        text => Some(text.parse::<MailAddress>().map_err(|_| fault(&codes::CONTACT_MAIL, MAIL))?),
    };
    let lang = match cells[LANGUAGE].to_lowercase().as_str() {
        "" | "ja" | "jpn" | "ja-jp" | "日本語" => Lang::Ja,
        "en" | "eng" | "en-us" | "en-gb" | "英語" | "english" => Lang::En,
        _ => return Err(fault(&codes::CONTACT_LANGUAGE, LANGUAGE)),
    };
    let name = match cells[NAME].as_str() {
        "" => None,
        text if text.chars().count() <= LONGEST_NAME && !text.chars().any(breaks_a_line) => Some(text.to_owned()),
        _ => return Err(fault(&codes::CONTACT_NAME, NAME)),
    };
    let opted_out = match cells[OPT_OUT].to_lowercase().as_str() {
        "" | "0" | "false" | "no" | "n" | "いいえ" | "×" | "なし" | "無" => false,
        "1" | "true" | "yes" | "y" | "はい" | "停止" | "○" | "〇" | "あり" | "有" => true,
        // What is not understood here must not become a letter to somebody who asked for none.
        _ => return Err(fault(&codes::CONTACT_OPT_OUT, OPT_OUT)),
    };
    Ok(Contact { mail, lang, name, opted_out })
}

/// What could begin a new line or turn the reading direction in a letter or its header.
fn breaks_a_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ContactList {
        read_contacts("s.csv", text.as_bytes()).ok().unwrap()
    }

    #[test]
    fn contacts_are_read_and_bad_ones_are_rejected() {
        let list = read(
            "契約者番号,メールアドレス,言語,氏名,通知停止\n\
             K-1,hana@example.org,ja,山田 花,\n\
             K-2,tom@example.org,en,Tom Example,はい\n\
             K-3,,,,\n\
             K-4,a@b@example.org,,,\n\
             K-5,\"x@example.org\tBcc: y@example.org\",,,\n\
             K-6,x@example.org,fr,,\n\
             K-7,x@example.org,,,たぶん\n\
             K-8,x@example.org,,\"A\u{2028}Bcc: y@example.org\",\n\
             ,x@example.org,,,\n\
             K-1,hana@example.org,ja,山田 花,\n\
             K-9,one@example.org,,,\n\
             K-9,two@example.org,,,\n\
             K-9,one@example.org,,,\n",
        );
        let faults: Vec<(u64, &str)> = list.rejects.0.iter().map(|reject| (reject.line, reject.code.code)).collect();
        assert_eq!(
            faults,
            [
                (5, "contact-mail"),
                (6, "contact-mail"),
                (7, "contact-language"),
                (8, "contact-opt-out"),
                (9, "contact-name"),
                (10, "assignment-subscriber"),
                (12, "contact-twice"),
                (13, "contact-twice"),
                (14, "contact-twice"),
            ]
        );
        assert_eq!((list.rows, list.repeated, list.contacts.len()), (13, 1, 3));
        assert_eq!(list.rows, list.rejects.0.len() as u64 + list.repeated + list.contacts.len() as u64);
        assert!(
            list.contacts["K-2"].opted_out
                && list.contacts["K-2"].lang == Lang::En
                && list.contacts["K-3"].mail.is_none()
        );
        assert!(list.says_opt_out);
    }
}
