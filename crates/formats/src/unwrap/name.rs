//! The name of a member as it is shown: what a sender wrote, made harmless.
//!
//! A name is only ever a name: nothing here becomes a path on a disk. Still, folders, drive letters and `..` go, so that nobody takes
//! it for one; so do characters that turn the line around it or hide a part of it.

/// Longer names are shortened in their middle.
const LONGEST: usize = 120;

/// What stands for a character that is not shown.
const INSTEAD: char = '_';

/// Whether showing the character could change what stands around it, or hide it: controls, line ends, directions (Unicode TR 9),
/// what has no width, and tags.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{180E}' | '\u{E0000}'..='\u{E007F}')
}

/// The name as it is shown; `otherwise` where nothing is left of it.
pub(super) fn shown(name: &str, otherwise: &str) -> String {
    let pieces = name.split(['/', '\\']).map(str::trim).filter(|piece| !matches!(*piece, "" | "." | ".."));
    // A drive is no part of a name.
    let pieces = pieces.filter(|piece| !(piece.len() == 2 && piece.ends_with(':')));
    let whole: Vec<String> =
        pieces.map(|piece| piece.chars().map(|c| if is_harmful(c) { INSTEAD } else { c }).collect()).collect();
    let whole = whole.join("/");
    if whole.chars().all(|c| c == INSTEAD || c == '/') { otherwise.to_owned() } else { shortened(&whole) }
}

fn shortened(name: &str) -> String {
    let count = name.chars().count();
    if count <= LONGEST {
        return name.to_owned();
    }
    // The end says what kind of file it is.
    let first: String = name.chars().take(LONGEST / 2).collect();
    let last: String = name.chars().skip(count - LONGEST / 2 + 1).collect();
    format!("{first}…{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_only_a_name() {
        for (name, wanted) in [
            ("report.csv", "report.csv"),
            ("2026/報告.csv", "2026/報告.csv"),
            ("../../etc/passwd", "etc/passwd"),
            ("C:\\list\\a.csv", "list/a.csv"),
            ("/a//./b.csv", "a/b.csv"),
            ("a\u{202E}vsc.exe", "a_vsc.exe"),
            ("a\r\nX-Evil: 1.csv", "a__X-Evil: 1.csv"),
            ("\u{1B}[31mred.csv", "_[31mred.csv"),
            ("..", "other"),
            ("\0\0", "other"),
            ("", "other"),
        ] {
            assert_eq!(shown(name, "other"), wanted);
        }
        let long = shown(&format!("{}.csv", "長".repeat(5_000)), "x");
        assert_eq!(long.chars().count(), LONGEST);
        assert!(long.ends_with(".csv"));
    }
}
