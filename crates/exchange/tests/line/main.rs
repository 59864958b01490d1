//! The whole line in one process: a hub, an operator that reads its inbox, an operator by mail, a reporter; and a crash at every
//! point that there is.

mod crashes;
mod post;
#[path = "../../../../tests/clients/postgres.rs"]
mod postgres;
mod receiving;
mod sending;
mod telling;
mod world;
