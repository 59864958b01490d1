//! The operator's files, read as streams: rows and rejects, each with its line.

pub(crate) mod assignments;
pub(crate) mod contacts;
pub(crate) mod lines;
pub(crate) mod radius;
pub(crate) mod table;
pub(crate) mod time;
