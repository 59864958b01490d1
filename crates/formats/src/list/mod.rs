//! The hand-made list, as police and CERTs send it.

mod headings;
mod mapping;
mod rows;
