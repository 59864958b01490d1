//! Letters: text from outside made harmless, and how much room it takes.
//!
//! No font is asked: widths are estimates on the wide side (a Japanese character takes its full height, a Latin one what
//! wide sans-serif faces take), so that what fits by estimate fits on the reader's screen.

use unicode_width::UnicodeWidthChar;

/// The longest name that is kept.
pub const LONGEST_NAME: usize = 200;

/// The longest note that is kept.
pub const LONGEST_NOTE: usize = 1_000;

/// The text without what XML forbids or what turns the direction of its surroundings, on one line, at most `most`
/// characters long.
#[must_use]
pub fn clean(text: &str, most: usize) -> String {
    let mut cleaned = String::new();
    let mut length = 0;
    for c in text.chars() {
        let c = match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
            c if c.is_control() || is_invisible(c) => continue,
            c => c,
        };
        if c == ' ' && (cleaned.is_empty() || cleaned.ends_with(' ')) {
            continue;
        }
        if length == most {
            cleaned.push('…');
            break;
        }
        cleaned.push(c);
        length += 1;
    }
    cleaned.truncate(cleaned.trim_end().len());
    cleaned
}

/// Marks that turn or hide text, and characters that XML 1.0 has no way to write.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with the five characters escaped that mean something in XML.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// How wide the text is at a font size of `size` pixels, estimated on the wide side.
#[must_use]
pub fn width(text: &str, size: f64) -> f64 {
    text.chars().map(em).sum::<f64>() * size
}

fn em(c: char) -> f64 {
    match (c.width(), c) {
        (Some(0) | None, _) => 0.0,
        (
            Some(1),
            'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' | '(' | ')' | '[' | ']' | '-' | 'f'
            | 't',
        ) => 0.4,
        (Some(1), 'm' | 'w' | 'M' | 'W' | '%' | '@' | '–' | '…' | '→') => 0.96,
        (Some(1), 'A'..='Z' | '&') => 0.75,
        (Some(1), _) => 0.62,
        _ => 1.03,
    }
}

/// The text if it fits into `room` pixels, else its beginning with an ellipsis.
#[must_use]
pub fn fitted(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut left = room - width("…", size);
    let mut kept = String::new();
    for c in text.chars() {
        left -= em(c) * size;
        if left < 0.0 {
            break;
        }
        kept.push(c);
    }
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

/// The text in lines of at most `room` pixels. Latin words stay whole where they can; no line begins with a closing mark.
#[must_use]
pub fn wrapped(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        let with = format!("{line}{piece}");
        if width(with.trim_end(), size) <= room {
            line = with;
            continue;
        }
        if !line.trim().is_empty() {
            lines.push(line.trim_end().to_owned());
        }
        line = String::new();
        // A word wider than the line is cut where it must be.
        for c in piece.chars() {
            if width(&line, size) + em(c) * size > room && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    if !line.trim().is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// What a line may be broken between: Latin words with their space, wide characters with the closing marks that follow.
fn pieces(text: &str) -> Vec<String> {
    const CLOSING: &str = "、。，．）」』】〉》・：；？！ーぁぃぅぇぉっゃゅょァィゥェォッャュョ,.)]:;?!%";
    const OPENING: &str = "（「『【〈《([";
    let wide = |c: char| c.width() == Some(2);
    let mut pieces: Vec<String> = Vec::new();
    for c in text.chars() {
        // `p < 0.05` stays together.
        let compares = pieces.last().is_some_and(|piece| piece.ends_with("< ") || piece.ends_with("= "));
        let joins = pieces.last().and_then(|piece| piece.chars().last()).is_some_and(|last| {
            compares
                || matches!(c, '<' | '=')
                || CLOSING.contains(c)
                || OPENING.contains(last)
                || c == ' '
                || (!wide(c) && !wide(last) && last != ' ')
        });
        match pieces.last_mut() {
            Some(piece) if joins => piece.push(c),
            _ => pieces.push(c.to_string()),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_text_becomes_harmless() {
        assert_eq!(clean("a\u{202e}b\u{0}c\u{7}\n\n d\u{feff}\u{ffff} ", 99), "abc d");
        assert_eq!(clean(&"長".repeat(10_000), 200).chars().count(), 201);
        assert_eq!(escaped(r#"<script>&'""#), "&lt;script&gt;&amp;&#39;&quot;");
    }

    #[test]
    fn lines_break_where_they_may() {
        assert_eq!(wrapped("told by mail", 10.0, 60.0), ["told by", "mail"]);
        assert_eq!(wrapped("通知した。そして", 10.0, 42.0), ["通知し", "た。そし", "て"]);
        assert_eq!(wrapped("abcdefghij", 10.0, 30.0).concat(), "abcdefghij");
        assert_eq!(fitted("協力先の長い名前", 10.0, 50.0), "協力先の…".replace("の", ""));
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_its_room(text in ".{0,80}", room in 30.0_f64..300.0) {
            let text = clean(&text, 200);
            prop_assert!(width(&fitted(&text, 12.0, room), 12.0) <= room + 1e-9);
            for line in wrapped(&text, 12.0, room) {
                prop_assert!(width(&line, 12.0) <= room + 1e-9, "{line:?}");
            }
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&wrapped(&text, 12.0, room).concat()), letters(&text), "no letter is lost");
        }
    }
}
