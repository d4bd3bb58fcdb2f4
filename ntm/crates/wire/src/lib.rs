//! NTM messages: bytes to meaning and back
