//! Writes SVG: elements, text, the frame with title and description. Everything that comes from outside is escaped here.

use std::fmt::Write;

use model::text::{Lang, Name};

use crate::drawn::{Drawn, Head, Size};
use crate::lettering::{LONGEST_NAME, LONGEST_NOTE, clean, escaped, wrapped};
use crate::palette::{BAD, BAD_GROUND, INK, Look, QUIET};
use crate::table::Table;

/// Font sizes in pixels.
pub(crate) const TITLE: f64 = 16.0;
pub(crate) const BODY: f64 = 13.0;
pub(crate) const SMALL: f64 = 12.0;

const FONTS: &str = "Hiragino Sans,Noto Sans JP,Noto Sans CJK JP,Yu Gothic UI,Meiryo,sans-serif";

/// Where text stands to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How text looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Letters {
    pub size: f64,
    pub bold: bool,
    pub fill: &'static str,
    pub anchor: Anchor,
}

impl Letters {
    pub(crate) const fn body() -> Self {
        Self { size: BODY, bold: false, fill: INK, anchor: Anchor::Start }
    }

    pub(crate) const fn small() -> Self {
        Self { size: SMALL, bold: false, fill: QUIET, anchor: Anchor::Start }
    }

    pub(crate) const fn bold(mut self) -> Self {
        self.bold = true;
        self
    }

    pub(crate) const fn at(mut self, anchor: Anchor) -> Self {
        self.anchor = anchor;
        self
    }

    pub(crate) const fn filled(mut self, fill: &'static str) -> Self {
        self.fill = fill;
        self
    }
}

/// A picture in the making, from the top down.
pub(crate) struct Svg {
    pub id: String,
    pub lang: Lang,
    pub width: f64,
    /// Down to where something stands.
    pub y: f64,
    title: String,
    notes: Vec<String>,
    body: String,
}

impl Svg {
    /// Begins with the title.
    pub(crate) fn new(head: &Head, lang: Lang, size: Size) -> Self {
        let title = name(&head.title, lang);
        let notes = head.notes.iter().map(|note| clean(note.of(lang), LONGEST_NOTE)).collect();
        let mut svg = Self { id: id(&head.id), lang, width: size.width(), y: 4.0, title, notes, body: String::new() };
        let lines = wrapped(&svg.title.clone(), TITLE, svg.width - 8.0);
        for line in lines {
            svg.y += TITLE + 6.0;
            let letters = Letters { size: TITLE, ..Letters::body() }.bold();
            svg.text(4.0, svg.y, letters, &line);
        }
        svg.y += 12.0;
        svg
    }

    /// An empty element; `title` is what a pointer over it shows.
    pub(crate) fn shape(&mut self, element: &str, attributes: &[(&str, &str)], title: Option<&str>) {
        let _ = write!(self.body, "<{element}");
        for (key, value) in attributes {
            let _ = write!(self.body, " {key}=\"{}\"", escaped(value));
        }
        match title {
            Some(title) => {
                let _ = write!(self.body, "><title>{}</title></{element}>", escaped(title));
            }
            None => self.body.push_str("/>"),
        }
        self.body.push('\n');
    }

    pub(crate) fn rect(&mut self, [x, y, width, height]: [f64; 4], fill: &str, title: Option<&str>) {
        let [x, y, width, height] = [x, y, width.max(0.0), height.max(0.0)].map(coordinate);
        self.shape("rect", &[("x", &x), ("y", &y), ("width", &width), ("height", &height), ("fill", fill)], title);
    }

    /// A bar of a state: the hatched one and the pale ones have an edge, so that they end visibly on paper.
    pub(crate) fn bar(&mut self, [x, y, width, height]: [f64; 4], look: Look, title: &str) {
        let edge = match look {
            Look::Bad => BAD,
            Look::Done => "none",
            Look::Open | Look::Plain | Look::Pale => QUIET,
        };
        let fill = look.fill(&self.id);
        let [x, y, width, height] = [x, y, width.max(0.0), height.max(0.0)].map(coordinate);
        let attributes = [
            ("x", x.as_str()),
            ("y", &y),
            ("width", &width),
            ("height", &height),
            ("fill", &fill),
            ("stroke", edge),
            ("stroke-width", "0.75"),
        ];
        self.shape("rect", &attributes, Some(title));
    }

    pub(crate) fn line(&mut self, [x1, y1, x2, y2]: [f64; 4], stroke: &str, width: f64, dashes: &str) {
        let [x1, y1, x2, y2, width] = [x1, y1, x2, y2, width].map(coordinate);
        let attributes = [
            ("x1", x1.as_str()),
            ("y1", &y1),
            ("x2", &x2),
            ("y2", &y2),
            ("stroke", stroke),
            ("stroke-width", &width),
            ("stroke-dasharray", dashes),
        ];
        self.shape("line", &attributes, None);
    }

    /// One line of text. What stands about its point is moved where it would reach over an edge.
    pub(crate) fn text(&mut self, x: f64, y: f64, letters: Letters, text: &str) {
        let half = crate::lettering::width(text, letters.size) / 2.0;
        let x = if letters.anchor == Anchor::Middle { x.min(self.width - half).max(half) } else { x };
        let anchor = match letters.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let weight = if letters.bold { " font-weight=\"700\"" } else { "" };
        let _ = writeln!(
            self.body,
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\"{weight} text-anchor=\"{anchor}\" fill=\"{}\">{}</text>",
            coordinate(x),
            coordinate(y),
            coordinate(letters.size),
            letters.fill,
            escaped(text)
        );
    }

    /// Text in lines from the left edge on, each below the last.
    pub(crate) fn lines(&mut self, x: f64, letters: Letters, text: &str) {
        for line in wrapped(text, letters.size, self.width - x - 4.0) {
            self.y += letters.size + 6.0;
            self.text(x, self.y, letters, &line);
        }
    }

    /// Samples of looks with their names, side by side as far as they fit.
    pub(crate) fn legend<'a>(&mut self, entries: impl IntoIterator<Item = (Look, &'a str)>) {
        let entries: Vec<_> = entries.into_iter().collect();
        let mut x = 4.0;
        self.y += BODY + 4.0;
        for (look, name) in entries {
            let name = crate::lettering::fitted(name, SMALL, self.width - 40.0);
            let wide = 22.0 + crate::lettering::width(&name, SMALL) + 14.0;
            if x > 4.0 && x + wide > self.width {
                x = 4.0;
                self.y += BODY + 7.0;
            }
            self.bar([x, self.y - 11.0, 16.0, 12.0], look, &name);
            self.text(x + 22.0, self.y, Letters::small().filled(INK), &name);
            x += wide;
        }
        self.y += 10.0;
    }

    /// The finished picture: the notes under it, and around it the frame with title and description.
    pub(crate) fn finish(mut self, description: &str, tables: Vec<Table>) -> Drawn {
        for note in std::mem::take(&mut self.notes) {
            self.y += 4.0;
            self.lines(4.0, Letters::small(), &note);
        }
        self.y += 12.0;
        let (id, lang) = (&self.id, self.lang);
        let lang_word = match lang {
            Lang::Ja => "ja",
            Lang::En => "en",
        };
        let [width, height] = [self.width, self.y].map(coordinate);
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" lang=\"{lang_word}\" xml:lang=\"{lang_word}\" \
             aria-labelledby=\"{id}-title {id}-desc\" font-family=\"{FONTS}\">\n\
             <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>\n\
             <defs><pattern id=\"{id}-hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" fill=\"{BAD_GROUND}\"/>\
             <rect width=\"2.4\" height=\"6\" fill=\"{BAD}\"/></pattern></defs>\n{}</svg>",
            escaped(&self.title),
            escaped(description),
            self.body
        );
        Drawn { svg, tables, lang }
    }
}

/// A name from outside, made harmless.
pub(crate) fn name(name: &Name, lang: Lang) -> String {
    clean(name.of(lang), LONGEST_NAME)
}

/// A coordinate with at most two digits after the point; 0 for what is no number.
pub(crate) fn coordinate(value: f64) -> String {
    let value = if value.is_finite() { value } else { 0.0 };
    let said = format!("{value:.2}");
    let said = said.trim_end_matches('0').trim_end_matches('.');
    if said == "-0" { "0".to_owned() } else { said.to_owned() }
}

/// An id that XML and CSS take as it is.
fn id(text: &str) -> String {
    let safe: String =
        text.chars().take(60).map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }).collect();
    if safe.starts_with(|c: char| c.is_ascii_alphabetic()) { safe } else { format!("chart{safe}") }
}
