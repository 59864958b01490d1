//! One RPSL object: its attributes, and what it is about.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Subnets};
use model::problem::Code;

use crate::asn::Asn;
use crate::contact::{Subject, code};
use crate::prefix;

/// An object takes at most so many bytes.
const LONGEST_OBJECT: usize = 256 << 10;

/// An object: attributes in order, their names in lower case.
pub(super) struct Object {
    pub(super) line: u64,
    attributes: Vec<(String, String)>,
}

/// An object that cannot be read.
pub(super) struct Bad {
    pub(super) code: &'static Code,
    pub(super) line: u64,
    pub(super) text: Option<String>,
}

impl Object {
    /// Class and key: the first attribute.
    pub(super) fn head(&self) -> (&str, &str) {
        self.attributes.first().map_or(("", ""), |(name, value)| (name, value))
    }

    /// The values of that attribute that are not empty.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.attributes.iter().filter(move |(attribute, value)| attribute == name && !value.is_empty());
        named.map(|(_, value)| value.as_str())
    }

    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }
}

/// An object while its lines come in.
#[derive(Default)]
pub(super) struct Building {
    line: u64,
    size: usize,
    attributes: Vec<(String, String)>,
    bad: Option<Bad>,
}

impl Building {
    /// Takes a line; gives the object that it ends. RFC 2622, section 2: a line that begins with a blank or `+` continues the
    /// one before it, `#` begins a comment; registries put `%` before remarks of their own.
    pub(super) fn take(&mut self, line: u64, bytes: Option<&[u8]>) -> Option<Result<Object, Bad>> {
        let Some(bytes) = bytes else {
            self.spoil(&code::TOO_LONG, line, None);
            return None;
        };
        if bytes.starts_with(b"%") || bytes.starts_with(b"#") {
            return None;
        }
        if bytes.contains(&0) {
            self.spoil(&code::BYTES, line, None);
            return None;
        }
        if bytes.trim_ascii().is_empty() && !bytes.starts_with(b"+") {
            return self.end();
        }
        self.size += bytes.len();
        if self.size > LONGEST_OBJECT {
            self.attributes.clear();
            self.spoil(&code::TOO_LONG, line, None);
        }
        if self.bad.is_some() {
            return None;
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            // ISO 8859-1: each byte is its character.
            Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        };
        let content = text.split('#').next().unwrap_or_default();
        if let Some(more) = content.strip_prefix([' ', '\t', '+']) {
            match self.attributes.last_mut() {
                Some((_, value)) => {
                    value.push(' ');
                    value.push_str(more.trim());
                }
                None => self.spoil(&code::SYNTAX, line, Some(text)),
            }
            return None;
        }
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_*".contains(&b));
        match content.split_once(':').filter(|(name, _)| is_name(name)) {
            Some((name, value)) => {
                if self.attributes.is_empty() {
                    self.line = line;
                }
                self.attributes.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            None => self.spoil(&code::SYNTAX, line, Some(text)),
        }
        None
    }

    /// The object whose lines ended.
    pub(super) fn end(&mut self) -> Option<Result<Object, Bad>> {
        let Self { line, attributes, bad, .. } = std::mem::take(self);
        match bad {
            Some(bad) => Some(Err(bad)),
            None if attributes.is_empty() => None,
            None => Some(Ok(Object { line, attributes })),
        }
    }

    /// The object is bad; the first reason stands.
    fn spoil(&mut self, code: &'static Code, line: u64, text: Option<String>) {
        self.bad.get_or_insert(Bad { code, line, text });
    }
}

/// What a resource is about; a range becomes the fewest networks.
pub(super) fn subjects(class: &str, key: &str) -> Option<Vec<Subject>> {
    if class == "aut-num" {
        return key.parse::<Asn>().ok().map(|asn| vec![Subject::Asn(asn)]);
    }
    if let Some((first, last)) = key.split_once('-') {
        let (first, last): (Ipv4Addr, Ipv4Addr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if class != "inetnum" || first > last {
            return None;
        }
        return Some(Ipv4Subnets::new(first, last, 0).map(|net| Subject::Network(net.into())).collect());
    }
    let net = prefix::read(key).ok()?;
    let fits = matches!((class, net), ("inetnum" | "route", IpNet::V4(_)) | ("inet6num" | "route6", IpNet::V6(_)));
    fits.then(|| vec![Subject::Network(net)])
}
