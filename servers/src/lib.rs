//! The NTM servers: Direction Coordinator, Relay Server and Account Server (acts).

pub mod config;
