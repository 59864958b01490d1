//! STIX patterns (STIX 2.1, section 9), as far as they say «whatever has these values»: reduced to alternatives, each a set of values.
//!
//! The whole grammar is parsed; reduced is what stands in one observation as equalities (`=`, `IN`) joined by `AND` and `OR`, and such
//! observations joined by `OR`. Everything else (`NOT`, `LIKE`, `MATCHES`, order, `FOLLOWEDBY`, qualifiers) says more than a set of
//! values can, and a pattern with any of it is not read in part: one half of it would call innocent what only the whole calls bad.

/// One way in which a pattern matches: every value of it holds.
pub(super) type Alternative = Vec<Test>;

/// An equality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Test {
    /// The object's type and the path in it, without quotes: `file:hashes.SHA-256`, `network-traffic:protocols[*]`.
    pub(super) path: String,
    /// The value; a number as its digits.
    pub(super) value: String,
}

/// Why a pattern has no alternatives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It does not follow the grammar.
    NoPattern,
    /// It says more than values.
    SaysMore,
}

/// The most alternatives that one pattern is taken apart into.
const MOST_ALTERNATIVES: usize = 1_024;
/// Deeper brackets are not followed.
const MOST_DEPTH: usize = 64;

/// The alternatives of a pattern, at least one.
///
/// # Errors
/// [`Unread`].
pub(super) fn alternatives(pattern: &str) -> Result<Vec<Alternative>, Unread> {
    let mut parser = Parser { tokens: tokens(pattern).ok_or(Unread::NoPattern)?.into_iter().peekable(), depth: 0 };
    let read = parser.observations()?;
    if parser.tokens.next().is_some() {
        return Err(Unread::NoPattern);
    }
    read.filter(|alternatives| !alternatives.is_empty()).ok_or(Unread::SaysMore)
}

/// Alternatives; none where the expression says more.
type Read = Option<Vec<Alternative>>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A type, a part of a path, a keyword, `true`, `false`.
    Word(String),
    Text(String),
    /// A whole number.
    Number(String),
    /// A literal that no column takes: a float, a time, binary.
    Other,
    /// `= == != <> < <= > >= [ ] ( ) : . , *`
    Sign(&'static str),
}

/// Two characters before one.
const SIGNS: [&str; 16] = ["==", "!=", "<>", "<=", ">=", "=", "<", ">", "[", "]", "(", ")", ":", ".", ",", "*"];

fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Some(tokens);
        }
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/")?.1;
        } else if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once(['\n', '\r']).map_or("", |(_, behind)| behind);
        } else if let Some(text) = rest.strip_prefix('\'') {
            let (text, behind) = quoted(text)?;
            tokens.push(Token::Text(text));
            rest = behind;
        } else if let Some(literal) = ["t'", "b'", "h'"].iter().find_map(|begin| rest.strip_prefix(begin)) {
            rest = quoted(literal)?.1;
            tokens.push(Token::Other);
        } else if rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(rest.len());
            tokens.push(Token::Word(rest.get(..end)?.to_owned()));
            rest = rest.get(end..)?;
        } else if rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')) {
            let end = rest.char_indices().skip(1).find(|(_, c)| !c.is_ascii_digit()).map_or(rest.len(), |(at, _)| at);
            let (digits, behind) = rest.split_at_checked(end)?;
            let float = behind.strip_prefix('.').filter(|behind| behind.starts_with(|c: char| c.is_ascii_digit()));
            rest = float.map_or(behind, |behind| behind.trim_start_matches(|c: char| c.is_ascii_digit()));
            tokens.push(if float.is_some() { Token::Other } else { Token::Number(digits.to_owned()) });
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign))?;
            tokens.push(Token::Sign(sign));
            rest = rest.get(sign.len()..)?;
        }
    }
}

/// A text up to its closing quote, with `\'` and `\\` undone, and what stands behind it.
fn quoted(rest: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut characters = rest.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' => return Some((text, rest.get(at + 1..)?)),
            '\\' => match characters.next()?.1 {
                escaped @ ('\'' | '\\') => text.push(escaped),
                _ => return None,
            },
            other => text.push(other),
        }
    }
    None
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
}

impl Parser {
    fn sign(&mut self, sign: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Sign(found) if *found == sign)).is_some()
    }

    fn word(&mut self, word: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Word(found) if found == word)).is_some()
    }

    fn must(holds: bool) -> Result<(), Unread> {
        if holds { Ok(()) } else { Err(Unread::NoPattern) }
    }

    /// `a FOLLOWEDBY b`, which binds weakest.
    fn observations(&mut self) -> Result<Read, Unread> {
        let mut read = self.any_observation()?;
        while self.word("FOLLOWEDBY") {
            self.any_observation()?;
            read = None;
        }
        Ok(read)
    }

    fn any_observation(&mut self) -> Result<Read, Unread> {
        let mut read = self.all_observations()?;
        while self.word("OR") {
            read = either(read, self.all_observations()?);
        }
        Ok(read)
    }

    fn all_observations(&mut self) -> Result<Read, Unread> {
        let mut read = self.observation()?;
        while self.word("AND") {
            self.observation()?;
            // Two observations, that is: neither says it alone.
            read = None;
        }
        Ok(read)
    }

    fn observation(&mut self) -> Result<Read, Unread> {
        let mut read = if self.sign("(") {
            self.deeper()?;
            let read = self.observations()?;
            self.depth -= 1;
            Self::must(self.sign(")"))?;
            read
        } else {
            Self::must(self.sign("["))?;
            let read = self.comparisons()?;
            Self::must(self.sign("]"))?;
            read
        };
        while self.qualifier()? {
            read = None;
        }
        Ok(read)
    }

    fn qualifier(&mut self) -> Result<bool, Unread> {
        if self.word("WITHIN") {
            let number = self.tokens.next();
            // WITHIN takes a float as well.
            Self::must(matches!(number, Some(Token::Number(_) | Token::Other)) && self.word("SECONDS"))?;
        } else if self.word("REPEATS") {
            Self::must(matches!(self.tokens.next(), Some(Token::Number(_))) && self.word("TIMES"))?;
        } else if self.word("START") {
            let time = |token: Option<Token>| matches!(token, Some(Token::Other | Token::Text(_)));
            Self::must(time(self.tokens.next()) && self.word("STOP") && time(self.tokens.next()))?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn comparisons(&mut self) -> Result<Read, Unread> {
        let mut read = self.all_comparisons()?;
        while self.word("OR") {
            read = either(read, self.all_comparisons()?);
        }
        Ok(read)
    }

    fn all_comparisons(&mut self) -> Result<Read, Unread> {
        let mut read = self.comparison()?;
        while self.word("AND") {
            read = both(read, self.comparison()?);
        }
        Ok(read)
    }

    fn comparison(&mut self) -> Result<Read, Unread> {
        if self.sign("(") {
            self.deeper()?;
            let read = self.comparisons()?;
            self.depth -= 1;
            Self::must(self.sign(")"))?;
            return Ok(read);
        }
        let negated = self.word("NOT");
        if self.word("EXISTS") {
            self.path()?;
            return Ok(None);
        }
        Self::must(!negated)?;
        let path = self.path()?;
        let negated = self.word("NOT");
        let values = match self.tokens.next() {
            Some(Token::Sign("=" | "==")) => self.literal()?.map(|value| vec![value]),
            Some(Token::Sign("!=" | "<>" | "<" | "<=" | ">" | ">=")) => {
                self.literal()?;
                None
            }
            Some(Token::Word(word)) => match word.as_str() {
                "IN" => self.set()?,
                "LIKE" | "MATCHES" | "ISSUPERSET" | "ISSUBSET" => {
                    Self::must(matches!(self.tokens.next(), Some(Token::Text(_))))?;
                    None
                }
                _ => return Err(Unread::NoPattern),
            },
            _ => return Err(Unread::NoPattern),
        };
        Ok(values
            .filter(|values| !negated && values.len() <= MOST_ALTERNATIVES)
            .map(|values| values.into_iter().map(|value| vec![Test { path: path.clone(), value }]).collect()))
    }

    fn path(&mut self) -> Result<String, Unread> {
        let Some(Token::Word(mut path)) = self.tokens.next() else { return Err(Unread::NoPattern) };
        Self::must(self.sign(":"))?;
        let mut before = ':';
        loop {
            match self.tokens.next() {
                Some(Token::Word(name) | Token::Text(name)) => {
                    path.push(before);
                    path.push_str(&name);
                }
                _ => return Err(Unread::NoPattern),
            }
            while self.sign("[") {
                match self.tokens.next() {
                    Some(Token::Sign("*")) => path.push_str("[*]"),
                    Some(Token::Number(index)) => path.push_str(&format!("[{index}]")),
                    _ => return Err(Unread::NoPattern),
                }
                Self::must(self.sign("]"))?;
            }
            if !self.sign(".") {
                return Ok(path);
            }
            before = '.';
        }
    }

    /// A literal; none where it is none that a column takes.
    fn literal(&mut self) -> Result<Option<String>, Unread> {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(Some(text)),
            Some(Token::Number(digits)) => Ok(Some(digits)),
            Some(Token::Other) => Ok(None),
            Some(Token::Word(word)) if word == "true" || word == "false" => Ok(None),
            _ => Err(Unread::NoPattern),
        }
    }

    fn set(&mut self) -> Result<Option<Vec<String>>, Unread> {
        Self::must(self.sign("("))?;
        let mut values = Some(Vec::new());
        if self.sign(")") {
            return Ok(None);
        }
        loop {
            let value = self.literal()?;
            values = values.zip(value).map(|(mut values, value)| {
                values.push(value);
                values
            });
            if self.sign(")") {
                return Ok(values);
            }
            Self::must(self.sign(","))?;
        }
    }

    fn deeper(&mut self) -> Result<(), Unread> {
        self.depth += 1;
        if self.depth > MOST_DEPTH { Err(Unread::SaysMore) } else { Ok(()) }
    }
}

fn either(one: Read, other: Read) -> Read {
    let (mut one, other) = one.zip(other)?;
    one.extend(other);
    (one.len() <= MOST_ALTERNATIVES).then_some(one)
}

/// Every alternative of one with every one of the other. One path with two values is no set of values: a terminal has two addresses, or
/// the pattern never matches; which of both it is, nobody knows.
fn both(one: Read, other: Read) -> Read {
    let (one, other) = one.zip(other)?;
    if one.len().saturating_mul(other.len()) > MOST_ALTERNATIVES {
        return None;
    }
    let mut joined = Vec::with_capacity(one.len() * other.len());
    for left in &one {
        for right in &other {
            let mut tests = left.clone();
            for test in right {
                match tests.iter().find(|known| known.path == test.path) {
                    Some(known) if known.value == test.value => {}
                    Some(_) if !test.path.ends_with("[*]") => return None,
                    _ => tests.push(test.clone()),
                }
            }
            // Beyond any pattern that somebody writes.
            if tests.len() > 64 {
                return None;
            }
            joined.push(tests);
        }
    }
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pattern: &str) -> Result<Vec<String>, Unread> {
        let tell = |tests: Alternative| {
            let tests: Vec<String> = tests.into_iter().map(|test| format!("{}={}", test.path, test.value)).collect();
            tests.join(" ")
        };
        alternatives(pattern).map(|alternatives| alternatives.into_iter().map(tell).collect())
    }

    #[test]
    fn what_is_reduced() {
        for (pattern, wanted) in [
            ("[ipv4-addr:value = '198.51.100.1']", &["ipv4-addr:value=198.51.100.1"][..]),
            ("[ ipv4-addr:value='198.51.100.1' ] ", &["ipv4-addr:value=198.51.100.1"]),
            ("([url:value == 'http://example.org/it\\'s\\\\']) // said", &["url:value=http://example.org/it's\\"]),
            (
                "[file:hashes.'SHA-256' = 'ab' OR file:hashes.MD5 = 'cd']",
                &["file:hashes.SHA-256=ab", "file:hashes.MD5=cd"],
            ),
            ("[file:hashes.SHA-256 = 'ab']", &["file:hashes.SHA-256=ab"]),
            ("[a:x = 1] OR ([a:x = 2] OR [b:y = '3'])", &["a:x=1", "a:x=2", "b:y=3"]),
            ("[a:x IN ('1', '2') AND b:y = 'z']", &["a:x=1 b:y=z", "a:x=2 b:y=z"]),
            // AND binds before OR.
            ("[a:x = '1' OR a:x = '2' AND b:y = '3']", &["a:x=1", "a:x=2 b:y=3"]),
            ("[(a:x = '1' OR a:x = '2') AND b:y = '3']", &["a:x=1 b:y=3", "a:x=2 b:y=3"]),
            (
                "[network-traffic:dst_ref.value = '198.51.100.1' AND network-traffic:dst_port = 443 AND network-traffic:protocols[*] = 'tcp']",
                &[
                    "network-traffic:dst_ref.value=198.51.100.1 network-traffic:dst_port=443 network-traffic:protocols[*]=tcp",
                ],
            ),
            ("[a:b[0].c.'d e'[*] = 'x' /* so */ ]", &["a:b[0].c.d e[*]=x"]),
        ] {
            assert_eq!(told(pattern).unwrap(), wanted, "{pattern}");
        }
    }

    #[test]
    fn what_says_more_is_never_half_read() {
        let more = [
            "[a:x = '1'] FOLLOWEDBY [b:y = '2']",
            "[a:x = '1'] AND [b:y = '2']",
            "[a:x = '1'] OR [a:x = '2'] AND [b:y = '2']",
            "[a:x = '1'] WITHIN 5 SECONDS",
            "[a:x = '1'] REPEATS 5 TIMES WITHIN 1.5 SECONDS",
            "[a:x = '1'] START t'2026-01-01T00:00:00Z' STOP t'2026-01-02T00:00:00Z'",
            "([a:x = '1'] OR [a:x = '2']) REPEATS 2 TIMES",
            "[a:x != '1']",
            "[a:x NOT = '1']",
            "[a:x = '1' OR a:x LIKE 'b%']",
            "[a:x MATCHES '^b']",
            "[a:x ISSUBSET '198.51.100.0/24']",
            "[a:x > 5]",
            "[EXISTS a:x]",
            "[NOT EXISTS a:x]",
            "[a:x = true]",
            "[a:x = 1.5]",
            "[a:x = b'AA==']",
            "[a:x = '1' AND a:x = '2']",
            "[a:x NOT IN ('1', '2')]",
        ];
        for pattern in more {
            assert_eq!(told(pattern), Err(Unread::SaysMore), "{pattern}");
        }
        let wide = format!("[{}]", ["(a:x = '1' OR a:y = '2')"; 14].join(" AND "));
        assert_eq!(told(&wide), Err(Unread::SaysMore));
        let deep = format!("{}[a:x = '1']{}", "(".repeat(100_000), ")".repeat(100_000));
        assert_eq!(told(&deep), Err(Unread::SaysMore));
    }

    #[test]
    fn what_is_no_pattern() {
        for pattern in [
            "",
            "a:x = '1'",
            "[a:x = '1'",
            "[a:x = '1']]",
            "[a:x = '1' b:y = '2']",
            "[a:x = ]",
            "[a = '1']",
            "[a:x = '1\\n']",
            "[a:x = 'open]",
            "[a:x LIKE 5]",
            "[a:x = '1'] WITHIN SECONDS",
            "[NOT a:x = '1']",
            "[a:x = '1'] or [a:x = '2']",
            "[] ",
            "\u{0}",
            "[ipv4-addr:value = \"198.51.100.1\"]",
        ] {
            assert_eq!(told(pattern), Err(Unread::NoPattern), "{pattern}");
        }
    }
}
