//! The Relay Server that decides
