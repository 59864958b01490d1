//! Processes that are killed: a round of 100,000 rows through the program, with real SIGKILLs at moments that chance names; and two
//! processes that work on the same state at the same moment.

#[path = "../desk/desk.rs"]
#[allow(dead_code, reason = "the desk's own tests use the rest of it")]
mod desk;
mod killed;
#[path = "../../../courier/tests/smtp/server.rs"]
#[allow(dead_code, reason = "the courier's own tests use the rest of it")]
mod server;
mod together;
