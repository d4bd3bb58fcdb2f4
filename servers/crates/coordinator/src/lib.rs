//! The Direction Coordinator that decides
