//! The members of a JSON object, in their order and as written, and what a value says as a text.

use std::borrow::Cow;
use std::fmt;

use model::Text;
use model::problem::Code;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::gathered::Fault;
use crate::json::JSON_SYNTAX;

/// The members of an object in their order, values as written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The members of an object, each name once.
    ///
    /// # Errors
    /// [`JSON_SYNTAX`], [`JSON_KEY_TWICE`] for a name that stands there twice: whichever of two values were taken would be a guess.
    pub(crate) fn once(object: &'a str) -> Result<Self, Fault> {
        let members: Self = serde_json::from_str(object).map_err(|_| Fault::of(&JSON_SYNTAX))?;
        let mut names: Vec<&str> = members.0.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair.first() == pair.last()) {
            Some(pair) => {
                Err(Fault { code: &JSON_KEY_TWICE, field: pair.first().map(|name| (*name).to_owned()), value: None })
            }
            None => Ok(members),
        }
    }

    /// The value of that name as written; none where there is none or it is `null`.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.get()).filter(|json| *json != "null")
    }

    /// That value's text, without spaces around it; none where it is empty or has members.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        let text = scalar(self.get(name)?)?;
        let trimmed = text.trim();
        if trimmed.is_empty() {
            None
        } else if trimmed.len() == text.len() {
            Some(text)
        } else {
            Some(Cow::Owned(trimmed.to_owned()))
        }
    }

    /// That value's own members; none where it is no object.
    pub(crate) fn object(&self, name: &str) -> Option<Members<'a>> {
        serde_json::from_str(self.get(name).filter(|json| json.starts_with('{'))?).ok()
    }

    /// The object of the members that `keep` keeps, as JSON; none where it keeps none.
    pub(crate) fn rest(&self, keep: impl Fn(&str) -> bool) -> Option<String> {
        let mut json = String::new();
        for (name, value) in self.0.iter().filter(|(name, value)| keep(name) && value.get() != "null") {
            json.push(if json.is_empty() { '{' } else { ',' });
            json.push_str(&serde_json::Value::from(&**name).to_string());
            json.push(':');
            json.push_str(value.get());
        }
        (!json.is_empty()).then(|| json + "}")
    }
}

/// The values of an array, as written; none where it is no array.
pub(crate) fn elements(json: &str) -> Option<Vec<&RawValue>> {
    if json.starts_with('[') { serde_json::from_str(json).ok() } else { None }
}

/// The text of a string, a number or a truth value; none for what has members.
pub(crate) fn scalar(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str::<Key<'_>>(json).ok().map(|key| key.0),
        b'{' | b'[' => None,
        _ => Some(Cow::Borrowed(json)),
    }
}

/// A key, borrowed where nothing in it is escaped.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some((key, value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((key.0, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// One name, two values.
pub static JSON_KEY_TWICE: Code = Code {
    code: "json-key-twice",
    text: Text {
        ja: "同じ名前の項目が1つのオブジェクトに2回あります", en: "a name stands twice in one object"
    },
    help: Text {
        ja: "どちらの値が正しいか分からないため、この記録は受け付けません。1つにして再提出してください",
        en: "which of the two values is meant cannot be told, so the record is refused; keep one and hand it in again",
    },
    example: "{\"ip\": \"192.0.2.1\", \"ip\": \"192.0.2.2\"}",
};

/// What this file can utter.
pub static CODES: &[&Code] = &[&JSON_KEY_TWICE];
