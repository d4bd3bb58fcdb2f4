//! One HTTPS request.
