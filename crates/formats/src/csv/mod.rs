//! CSV.

pub(crate) mod rows;
