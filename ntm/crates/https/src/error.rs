//! Why a request did not bring an answer.

use std::net::IpAddr;

use ntm_account_api::error::{ErrorBody, ErrorCode};

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    /// The server's address is no `https://host[:port]`.
    #[error("{0:?} is no server address: it should read https://host or https://host:port")]
    BadUrl(String),
    /// No connection.
    #[error("can't reach {server}: {why}")]
    Unreachable {
        /// Which server.
        server: String,
        /// At which step.
        why: Unreachable,
    },
    /// Somebody else answered, or the server has a new key.
    #[error(
        "{server} shows another TLS key than the one it was introduced with: do not go on before its operator confirms the change and sends a new invitation"
    )]
    WrongPin {
        /// Which server.
        server: String,
    },
    /// The certificate is not believed.
    #[error("the TLS certificate of {server} is not valid: {source}")]
    BadCertificate {
        /// Which server.
        server: String,
        /// Why.
        source: rustls::Error,
    },
    /// The server said why it won't.
    #[error("{}", .0.message)]
    Refused(ErrorBody),
    /// The answer is longer than any that is expected.
    #[error("the answer of {server} is longer than {most} bytes: is the address right?")]
    TooLong {
        /// Which server.
        server: String,
        /// The most that is read.
        most: usize,
    },
    /// It sends to another place, which is not followed.
    #[error("{server} sends on to {to:?}, and is not followed there: name the right address")]
    Redirect {
        /// Which server.
        server: String,
        /// Where to.
        to: String,
    },
    /// Something answered that is no AS.
    #[error(
        "{server} answers, but not as an account server (HTTP status {status}): is the address right?"
    )]
    NotAnAccountServer {
        /// Which server.
        server: String,
        /// The HTTP status.
        status: u16,
    },
}

/// Which step towards a server failed.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// The name leads into somebody's own network.
    #[error("its address {0} is none of the public Internet")]
    NotPublic(IpAddr),
    /// Resolving or connecting failed.
    #[error("{0}; is the server running, and this machine online?")]
    Connect(std::io::Error),
    /// TLS failed for another reason than the certificate.
    #[error("no TLS there ({0}); is the port right?")]
    Tls(std::io::Error),
    /// HTTP failed.
    #[error("the connection broke ({0}); try again")]
    Http(hyper::Error),
    /// Nothing came back in time.
    #[error("no answer within {0} s; try again later")]
    TimedOut(u64),
}

impl HttpsError {
    /// The server's own code, when it answered.
    pub fn code(&self) -> Option<ErrorCode> {
        if let Self::Refused(body) = self {
            Some(body.code)
        } else {
            None
        }
    }
}
