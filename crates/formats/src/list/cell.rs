//! One cell: an endpoint, a placeholder for nothing, a name made harmless.

use std::borrow::Cow;

use model::problem::Code;
use model::{Address, PortNumber};

use crate::fields;

/// Address and perhaps port, as one cell gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Endpoint<'a> {
    pub(super) address: Address,
    /// The port as written beside the address; not yet looked at.
    pub(super) port: Option<&'a str>,
}

/// Reads `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80`, `192.0.2.1 80`; `text` is folded and not defanged.
///
/// # Errors
/// What is wrong with the address.
pub(super) fn endpoint(text: &str) -> Result<Endpoint<'_>, &'static Code> {
    // A prefix of one address is that address.
    let (one, is_v6) = (|length: &str| text.strip_suffix(length), text.contains(':'));
    let text = if is_v6 { one("/128") } else { one("/32") }.unwrap_or(text);
    let whole = match fields::address(text) {
        Ok(address) => return Ok(Endpoint { address, port: None }),
        Err(code) => code,
    };
    let (address, port) = if let Some(rest) = text.strip_prefix('[') {
        let (inside, rest) = rest.split_once(']').ok_or(whole)?;
        (inside, rest.trim().strip_prefix(':').map_or(rest.trim(), str::trim_start))
    } else if let Some((address, port)) = text.split_once(char::is_whitespace) {
        (address.trim_end_matches(':'), port.trim())
    } else if let Some((address, port)) = text.split_once(':') {
        (address, port)
    } else {
        return Err(whole);
    };
    // What is no port is no endpoint either, but some other text that holds an address.
    let digits = port.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 && !port.is_empty() {
        return Err(whole);
    }
    let address = fields::address(address).map_err(|code| if address.contains('.') { code } else { whole })?;
    Ok(Endpoint { address, port: (!port.is_empty()).then_some(port) })
}

/// Splits `80/tcp`, `TCP/80`, `udp:53` into port and protocol; `80番` and `80番ポート` are 80.
pub(super) fn port_and_protocol(text: &str) -> (&str, Option<&str>) {
    let text = text.strip_suffix("ポート").unwrap_or(text);
    let text = text.strip_suffix('番').unwrap_or(text).trim_end();
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    match (text.split_at_checked(letters), text.split_once('/')) {
        (Some((protocol, port)), _) if letters > 0 && port.starts_with(['/', ':', ' ']) => {
            (port.trim_start_matches(['/', ':', ' ']), Some(protocol))
        }
        (_, Some((port, protocol))) => (port.trim(), Some(protocol.trim())),
        _ => (text, None),
    }
}

/// Whether a cell, refanged, is a name with a dot in it, as DNS has them, and no address.
pub(super) fn is_name(cell: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let name = cell.strip_suffix('.').unwrap_or(cell);
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(label)
        && name.rsplit('.').next().is_some_and(|last| !last.bytes().all(|b| b.is_ascii_digit()))
}

/// Reads `c2.example.net`, `c2.example.net:443`; `cell` is refanged.
pub(super) fn name_and_port(cell: &str) -> Option<(&str, Option<PortNumber>)> {
    let (name, port) = match cell.rsplit_once(':') {
        Some((name, port)) => (name.trim_end(), Some(fields::port(port.trim()).ok()?)),
        None => (cell, None),
    };
    is_name(name).then_some((name, port))
}

/// Whether a cell, refanged, is an absolute URL.
pub(super) fn is_url(cell: &str) -> bool {
    cell.split_once("://").is_some_and(|(scheme, rest)| {
        !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric()) && !rest.is_empty()
    }) && !cell.contains(char::is_whitespace)
}

/// The cell without the `="…"` by which an export keeps a spreadsheet from changing it.
pub(super) fn without_formula(cell: &str) -> &str {
    cell.trim().strip_prefix("=\"").and_then(|cell| cell.strip_suffix('"')).unwrap_or(cell)
}

/// Whether a folded cell says that there is no value.
pub(super) fn is_nothing(cell: &str) -> bool {
    cell.is_empty()
        || (cell.len() <= 12
            && (matches!(cell, "-" | "--" | "---" | "ー" | "不明" | "なし" | "無し" | "無" | "該当なし" | "未取得")
                || ["n/a", "na", "null", "none", "nil", "unknown"].iter().any(|word| cell.eq_ignore_ascii_case(word))))
}

/// What people put into an address or a name so that nobody clicks on it.
const DEFANGED: [(&str, &str); 9] = [
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[dot]", "."),
    ("(dot)", "."),
    ("[:]", ":"),
    ("hxxps://", "https://"),
    ("hxxp://", "http://"),
    ("hXXp", "http"),
];

/// The cell as it was before somebody defanged it; borrowed where nobody did.
pub(super) fn refang(cell: &str) -> Cow<'_, str> {
    if !cell.bytes().any(|b| matches!(b, b'[' | b'(' | b'{')) && !cell.starts_with(['h', 'H']) {
        return Cow::Borrowed(cell);
    }
    let mut out = Cow::Borrowed(cell);
    for (written, meant) in DEFANGED {
        if out.contains(written) {
            out = Cow::Owned(out.replace(written, meant));
        }
    }
    out
}

/// The cell without the apostrophe that makes a formula harmless in a spreadsheet ([`crate::writing::spreadsheet_safe`]):
/// no address, time or number begins with one.
pub(super) fn without_apostrophe(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@'])).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for (text, address, port) in [
            ("192.0.2.1", "192.0.2.1", None),
            ("192.0.2.1:80", "192.0.2.1", Some("80")),
            ("192.0.2.1 : 80", "192.0.2.1", None),
            ("192.0.2.1 80", "192.0.2.1", Some("80")),
            ("192.0.2.1:65536", "192.0.2.1", Some("65536")),
            ("192.0.2.1:80/tcp", "192.0.2.1", Some("80/tcp")),
            ("[2001:db8::1]:80", "2001:db8::1", Some("80")),
            ("[2001:db8::1]", "2001:db8::1", None),
            ("2001:db8::1 80", "2001:db8::1", Some("80")),
            ("2001:db8::1", "2001:db8::1", None),
            ("::ffff:192.0.2.1", "192.0.2.1", None),
            ("192.0.2.1/32", "192.0.2.1", None),
            ("2001:db8::1/128", "2001:db8::1", None),
        ] {
            match endpoint(text) {
                Ok(found) => assert_eq!((found.address.to_string().as_str(), found.port), (address, port), "{text}"),
                Err(code) => assert_eq!((code.code, text), ("bad-address", "192.0.2.1 : 80")),
            }
        }
        for (text, code) in [
            ("0.0.0.0:80", "address-unspecified"),
            ("192.0.2.0/24", "address-is-network"),
            ("192.0.2.1/31", "address-is-network"),
            ("192.0.2.1/128", "address-is-network"),
            ("2001:db8::/32", "address-is-network"),
            ("0.0.0.0/32", "address-unspecified"),
            ("192.0.2.1-192.0.2.9", "address-is-range"),
            ("192.0.2.1 - 192.0.2.9", "address-is-range"),
            ("192.0.2.999:80", "bad-address"),
            ("192.0.2.1:http", "bad-address"),
            ("10 192.0.2.1", "bad-address"),
            ("[2001:db8::1", "bad-address"),
            ("09:00:00", "bad-address"),
            ("", "bad-address"),
        ] {
            assert_eq!(endpoint(text).unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn ports_with_what_people_put_beside_them() {
        for (text, port, protocol) in [
            ("80", "80", None),
            ("80/tcp", "80", Some("tcp")),
            ("TCP/80", "80", Some("TCP")),
            ("udp:53", "53", Some("udp")),
            ("tcp 80", "80", Some("tcp")),
            ("80番", "80", None),
            ("80番ポート", "80", None),
            ("ssh", "ssh", None),
            ("80:90", "80:90", None),
        ] {
            assert_eq!(port_and_protocol(text), (port, protocol), "{text}");
        }
    }

    #[test]
    fn names_urls_and_formulas() {
        for name in ["c2.example.net", "C2.Example.NET.", "_x.example.org", "xn--eckwd4c7c.example"] {
            assert!(is_name(name), "{name}");
        }
        for other in
            ["", "pc1", "192.0.2.1", "192.0.2.999", "a b.example.org", "架空株式会社", "a..example.org", "x.y:80"]
        {
            assert!(!is_name(other), "{other}");
        }
        assert!(
            is_url("http://example.org")
                && is_url("ftp://x/y")
                && !is_url("example.org/a")
                && !is_url("see http://x y")
        );
        assert_eq!(without_formula(" =\"192.0.2.1\" "), "192.0.2.1");
        assert_eq!(without_formula("=\"open"), "=\"open");
        assert_eq!(without_formula("=1+1"), "=1+1");
    }

    #[test]
    fn defanged_cells_are_read() {
        assert_eq!(refang("192[.]0[.]2[.]1"), "192.0.2.1");
        assert_eq!(refang("192.0.2[.]1[:]80"), "192.0.2.1:80");
        assert_eq!(refang("hxxps://example[.]org/a"), "https://example.org/a");
        assert_eq!(refang("hXXp://example.org"), "http://example.org");
        assert!(matches!(refang("192.0.2.1"), Cow::Borrowed(_)));
        assert!(matches!(refang("[2001:db8::1]:80"), Cow::Borrowed(_)));
    }

    #[test]
    fn apostrophes_before_formulas_go() {
        assert_eq!(without_apostrophe("'+09:00"), "+09:00");
        assert_eq!(without_apostrophe("'14/06/30"), "'14/06/30");
    }
}
