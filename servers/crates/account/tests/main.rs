//! The Account Server that decides, from outside: what it is told, what it answers, what it writes.

mod fleet;
mod ledger;
mod people;
