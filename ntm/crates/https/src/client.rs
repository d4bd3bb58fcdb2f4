//! The client: a connection per request, since requests are hours apart.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use ntm_account_api::error::ErrorBody;
use ntm_account_api::invitation::ServerRef;
use ntm_account_api::text::encode;
use ntm_wire::key::SecretKey;
use rustls::pki_types::ServerName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::{HttpsError, Unreachable};
use crate::public::is_public;
use crate::tls::{PinMismatch, config};
use crate::url::Target;

/// Connecting to one of several addresses, before the next is tried.
const PATIENCE: Duration = Duration::from_secs(2);
/// Letters of a stranger's that an error quotes.
const MOST_QUOTED: usize = 100;

/// How long is waited, and how much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connecting and shaking hands.
    pub connect: Duration,
    /// From the question to the end of the answer.
    pub answer: Duration,
    /// Bytes of the answer.
    pub bytes: usize,
}

impl Default for Limits {
    /// A server on the other side of the world needs a second of the first ten; the longest long-poll is
    /// 25 s; a whole directory of a million names would be paged.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(40),
            bytes: 64 << 20,
        }
    }
}

/// Asks one server.
#[derive(Clone)]
pub struct Client {
    /// Never empty; the first names the server in errors.
    targets: Vec<Target>,
    tls: TlsConnector,
    bearer: Option<SecretKey>,
    limits: Limits,
    is_public_only: bool,
}

impl Client {
    /// For this server; nothing is sent yet.
    pub fn new(server: &ServerRef) -> Result<Self, HttpsError> {
        let targets = Target::parse_all(&server.url)?;
        let config = config(server.pin).map_err(|source| HttpsError::BadCertificate {
            server: name(&targets),
            source,
        })?;
        Ok(Self {
            targets,
            tls: TlsConnector::from(Arc::new(config)),
            bearer: None,
            limits: Limits::default(),
            is_public_only: false,
        })
    }

    /// Waits and reads less.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Connects to addresses of the public Internet only: for names that a stranger may have chosen.
    pub fn public_only(mut self) -> Self {
        self.is_public_only = true;
        self
    }

    /// With every request, shows this secret.
    pub fn with_bearer(mut self, secret: SecretKey) -> Self {
        self.bearer = Some(secret);
        self
    }

    /// Posts `body`.
    pub async fn post<Q: Serialize + Sync, A: DeserializeOwned>(
        &self,
        path: &str,
        body: &Q,
    ) -> Result<A, HttpsError> {
        let body = serde_json::to_vec(body).unwrap_or_default();
        self.ask(Method::POST, path, body).await
    }

    /// Gets `path`.
    pub async fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A, HttpsError> {
        self.ask(Method::GET, path, Vec::new()).await
    }

    async fn ask<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<A, HttpsError> {
        let (stream, target) = self.timed(self.limits.connect, self.connect()).await?;
        let answer = self.exchange(stream, self.request(target, method, path, body));
        let (status, body) = self.timed(self.limits.answer, answer).await?;
        self.understand(status, &body)
    }

    async fn connect(&self) -> Result<(TlsStream<TcpStream>, &Target), HttpsError> {
        let (tcp, target) = self.reach().await.map_err(|e| self.unreachable(e))?;
        // Small requests, one answer: waiting to fill a segment only costs time.
        tcp.set_nodelay(true)
            .map_err(|e| self.unreachable(Unreachable::Connect(e)))?;
        let name = ServerName::try_from(target.host.clone())
            .map_err(|_| HttpsError::BadUrl(target.authority()))?;
        let stream = self.tls.connect(name, tcp).await;
        Ok((stream.map_err(|e| self.tls_error(e))?, target))
    }

    /// Tries the addresses in turn; of a family that is not there the system says so at once.
    async fn reach(&self) -> Result<(TcpStream, &Target), Unreachable> {
        let mut failed = Unreachable::Connect(io::ErrorKind::NotFound.into());
        let last = self.targets.len().saturating_sub(1);
        for (i, target) in self.targets.iter().enumerate() {
            let limit = if i == last {
                self.limits.connect
            } else {
                PATIENCE
            };
            match tokio::time::timeout(limit, self.dial(target)).await {
                Ok(Ok(tcp)) => return Ok((tcp, target)),
                Ok(Err(why)) => failed = why,
                Err(_) => failed = Unreachable::Connect(io::ErrorKind::TimedOut.into()),
            }
        }
        Err(failed)
    }

    /// What is looked at is what is connected to: the name is not asked for twice.
    async fn dial(&self, target: &Target) -> Result<TcpStream, Unreachable> {
        let found = tokio::net::lookup_host((target.host.as_str(), target.port));
        let addrs: Vec<SocketAddr> = found.await.map_err(Unreachable::Connect)?.collect();
        let is_allowed = |a: &SocketAddr| !self.is_public_only || is_public(a.ip());
        let allowed: Vec<SocketAddr> = addrs.iter().copied().filter(is_allowed).collect();
        if let (Some(hidden), true) = (addrs.first(), allowed.is_empty()) {
            return Err(Unreachable::NotPublic(hidden.ip()));
        }
        let tcp = TcpStream::connect(allowed.as_slice()).await;
        tcp.map_err(Unreachable::Connect)
    }

    fn request(
        &self,
        target: &Target,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        let json = header::HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        if let Ok(host) = target.authority().parse() {
            headers.insert(header::HOST, host);
        }
        if let Some(mut value) = self.bearer.as_ref().and_then(bearer_header) {
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        request
    }

    async fn exchange(
        &self,
        stream: TlsStream<TcpStream>,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), HttpsError> {
        let broken = |e| self.unreachable(Unreachable::Http(e));
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(broken)?;
            self.check_redirect(&response)?;
            let status = response.status();
            Ok((status, self.body(response).await?))
        };
        tokio::pin!(exchange, connection);
        tokio::select! {
            answer = &mut exchange => answer,
            // The connection may end before the answer has been read out of it.
            _ = &mut connection => exchange.await,
        }
    }

    fn check_redirect(&self, response: &Response<Incoming>) -> Result<(), HttpsError> {
        if !response.status().is_redirection() {
            return Ok(());
        }
        let to = response.headers().get(header::LOCATION);
        let to = to.and_then(|v| v.to_str().ok()).unwrap_or_default();
        Err(HttpsError::Redirect {
            server: name(&self.targets),
            to: to.chars().take(MOST_QUOTED).collect(),
        })
    }

    async fn body(&self, response: Response<Incoming>) -> Result<Bytes, HttpsError> {
        let status = response.status().as_u16();
        let server = name(&self.targets);
        let most = self.limits.bytes;
        let whole = Limited::new(response.into_body(), most).collect().await;
        whole
            .map(http_body_util::Collected::to_bytes)
            .map_err(|error| match error.is::<LengthLimitError>() {
                true => HttpsError::TooLong { server, most },
                false => HttpsError::NotAnAccountServer { server, status },
            })
    }

    fn understand<A: DeserializeOwned>(
        &self,
        status: StatusCode,
        body: &[u8],
    ) -> Result<A, HttpsError> {
        let strange = || HttpsError::NotAnAccountServer {
            server: name(&self.targets),
            status: status.as_u16(),
        };
        if status.is_success() {
            // No content reads as null, that is as `()`.
            let body = if body.is_empty() { b"null" } else { body };
            return serde_json::from_slice(body).map_err(|_| strange());
        }
        Err(serde_json::from_slice::<ErrorBody>(body)
            .map_or_else(|_| strange(), HttpsError::Refused))
    }

    async fn timed<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, HttpsError>>,
    ) -> Result<T, HttpsError> {
        tokio::time::timeout(limit, work)
            .await
            .unwrap_or_else(|_| Err(self.unreachable(Unreachable::TimedOut(limit.as_secs()))))
    }

    fn unreachable(&self, why: Unreachable) -> HttpsError {
        HttpsError::Unreachable {
            server: name(&self.targets),
            why,
        }
    }

    fn tls_error(&self, error: io::Error) -> HttpsError {
        let server = name(&self.targets);
        let inner = error.get_ref().and_then(|e| e.downcast_ref());
        match inner {
            Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)))
                if other.0.is::<PinMismatch>() =>
            {
                HttpsError::WrongPin { server }
            }
            Some(source @ rustls::Error::InvalidCertificate(_)) => HttpsError::BadCertificate {
                server,
                source: source.clone(),
            },
            _ => self.unreachable(Unreachable::Tls(error)),
        }
    }
}

fn name(targets: &[Target]) -> String {
    targets.first().map(Target::authority).unwrap_or_default()
}

fn bearer_header(secret: &SecretKey) -> Option<header::HeaderValue> {
    format!("Bearer {}", encode(secret.expose())).parse().ok()
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", name(&self.targets))
    }
}
