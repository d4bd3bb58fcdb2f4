//! The Account Server that decides, from outside: what it is told, what it answers, what it writes.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod fleet;
mod ledger;
mod people;
