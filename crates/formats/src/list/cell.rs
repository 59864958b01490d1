//! One cell: an endpoint, a placeholder for nothing, a name made harmless.

use std::borrow::Cow;

use model::Address;
use model::problem::Code;

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

/// Splits `80/tcp` into its port and its protocol.
pub(super) fn port_and_protocol(text: &str) -> (&str, Option<&str>) {
    match text.split_once('/') {
        Some((port, protocol)) => (port.trim(), Some(protocol.trim())),
        None => (text, None),
    }
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
        ] {
            match endpoint(text) {
                Ok(found) => assert_eq!((found.address.to_string().as_str(), found.port), (address, port), "{text}"),
                Err(code) => assert_eq!((code.code, text), ("bad-address", "192.0.2.1 : 80")),
            }
        }
        for (text, code) in [
            ("0.0.0.0:80", "address-unspecified"),
            ("192.0.2.0/24", "address-is-network"),
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
