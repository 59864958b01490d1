//! The `extra` of a row while it is being read: a JSON object of flat IDF keys, built in one string that is used again.

use crate::fields::COLUMNS;

/// Every field of a row that has no column.
#[derive(Debug, Default)]
pub struct Extra {
    /// The members so far, from `{` on, not closed.
    members: String,
    /// The members of the object of columns, likewise.
    columns: String,
}

impl Extra {
    /// Empties it for the next row.
    pub fn clear(&mut self) {
        self.members.clear();
        self.columns.clear();
    }

    /// Adds a text.
    pub fn text(&mut self, key: &str, text: &str) {
        begin(&mut self.members, key);
        quote(text, &mut self.members);
    }

    /// Adds a value that is JSON already.
    pub fn json(&mut self, key: &str, json: &str) {
        begin(&mut self.members, key);
        self.members.push_str(json);
    }

    /// Adds a text under a name that cannot be an IDF key, inside [`COLUMNS`].
    pub fn column(&mut self, name: &str, text: &str) {
        begin(&mut self.columns, name);
        quote(text, &mut self.columns);
    }

    /// As [`Extra::column`], for a value that is JSON already.
    pub fn column_json(&mut self, name: &str, json: &str) {
        begin(&mut self.columns, name);
        self.columns.push_str(json);
    }

    /// Adds a value that its column could not take, under `extra.` and the column's key, or that and a number where something stands
    /// there already.
    pub fn kept_raw(&mut self, key: &str, json: &str) {
        let base = if key.starts_with("extra.") { format!("{key}_raw") } else { format!("extra.{key}") };
        let mut name = base.clone();
        let mut times = 1;
        while self.has(&name) {
            times += 1;
            name = format!("{base}_{times}");
        }
        self.json(&name, json);
    }

    /// Whether that key stands here already. A quote inside a value is escaped, so what looks like a member is one.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.members.contains(&format!("\"{key}\":"))
    }

    /// The object, closed, or none where the row has nothing else.
    pub fn object(&mut self) -> Option<&str> {
        if !self.columns.is_empty() {
            self.columns.push('}');
            begin(&mut self.members, COLUMNS);
            self.members.push_str(&self.columns);
            self.columns.clear();
        }
        if self.members.is_empty() {
            return None;
        }
        self.members.push('}');
        Some(&self.members)
    }
}

fn begin(members: &mut String, key: &str) {
    members.push(if members.is_empty() { '{' } else { ',' });
    quote(key, members);
    members.push(':');
}

/// The text as a JSON string.
fn quote(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// As JSON, without an escape. RFC 8259, section 7: these are all that must be escaped.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_json() {
        let mut extra = Extra::default();
        assert_eq!(extra.object(), None);
        extra.clear();
        extra.text("comment", "a \"b\"\\\n東京\u{1}");
        extra.json("extra.n", "1.50");
        extra.column("備考欄", "x");
        extra.kept_raw("source.port", "\"abc\"");
        extra.kept_raw("source.port", "\"def\"");
        let json = extra.object().unwrap().to_owned();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["comment"], "a \"b\"\\\n東京\u{1}");
        assert_eq!(value["extra.columns"]["備考欄"], "x");
        assert_eq!(value["extra.source.port"], "abc");
        assert_eq!(value["extra.source.port_2"], "def");
        assert!(json.contains("1.50"));
    }
}
