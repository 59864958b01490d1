//! The one generator of lists and events for measuring: deterministic, of any length, with invented rows and the addresses of
//! 198.18.0.0/15 (RFC 2544).

use std::fmt::Write as _;

/// How the cells of a list stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cells {
    /// As they are.
    Bare,
    /// Each between quotes.
    Quoted,
}

/// A list as police send it: number, address, port, time without a zone, malware, remark. Row `n` is the same in every list.
pub fn list(rows: usize, cells: Cells) -> String {
    let q = if cells == Cells::Quoted { "\"" } else { "" };
    let mut text = String::from("No.,送信元IPアドレス,送信元ポート番号,検知日時,マルウェア名,備考\r\n");
    for row in 0..rows {
        let (a, b, c) = (18 + row / 65_536 % 2, row / 256 % 256, row % 256);
        let (day, hour, minute, second) = (1 + row / 86_400 % 28, row / 3_600 % 24, row / 60 % 60, row % 60);
        let port = 1_024 + row % 60_000;
        // Writing into a string does not fail.
        let _ = write!(
            text,
            "{q}{}{q},{q}198.{a}.{b}.{c}{q},{q}{port}{q},{q}2014/06/{day:02} {hour:02}:{minute:02}:{second:02}{q},{q}gameover-zeus{q},\r\n",
            row + 1
        );
    }
    text
}

/// The same rows as IDF, one object per line.
#[allow(dead_code, reason = "the example makes lists only")]
pub fn events(rows: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        let (a, b, c, port) = (18 + row / 65_536 % 2, row / 256 % 256, row % 256, 1_024 + row % 60_000);
        let (hour, minute, second) = (row / 3_600 % 24, row / 60 % 60, row % 60);
        let _ = writeln!(
            text,
            "{{\"time.source\":\"2014-06-30T{hour:02}:{minute:02}:{second:02}+00:00\",\"source.ip\":\"198.{a}.{b}.{c}\",\"source.port\":{port},\
             \"classification.type\":\"infected-system\",\"malware.name\":\"gameover-zeus\",\"feed.name\":\"x\"}}"
        );
    }
    text
}
