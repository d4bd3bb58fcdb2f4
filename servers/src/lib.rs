//! The NTM servers: Direction Coordinator, Relay Server, Account Server
