//! Everything that a user does, by the program itself: each command a process of its own, with its exit code, its data on
//! standard output, and what it says on standard error; and what users get wrong, in Japanese and in English.

mod answer;
mod assignments;
mod contacts;
mod convert;
mod desk;
mod documents;
mod help;
mod home;
mod ledger;
mod list;
mod mail;
mod node;
mod operation;
mod party;
mod round;
#[path = "../../../courier/tests/smtp/server.rs"]
#[allow(dead_code, reason = "the courier's own tests use the rest of it")]
mod server;
