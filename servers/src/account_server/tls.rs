//! The server's side of TLS: a certificate of its own, kept in the store, or the operator's files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntm_account_api::invitation::Pin;
use ntm_https::tls::{install_provider, pin_of};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use super::Tls;
use super::store::{Store, StoreError};

/// TLS, and the pin to hand out with it.
pub(super) struct Loaded {
    pub(super) acceptor: TlsAcceptor,
    pub(super) pin: Option<Pin>,
}

/// Why TLS can't be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file can't be read.
    #[error("{path} can't be read as PEM ({why}): name the file that your certificate authority gave you", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Certificate and key don't fit, or are of a kind that is not served.
    #[error("certificate and key can't be used ({0}): do they belong together?")]
    Unusable(#[from] rustls::Error),
    /// No certificate could be made.
    #[error("no certificate could be made: {0}")]
    Make(#[from] rcgen::Error),
    /// The certificate could not be kept.
    #[error("the certificate could not be kept: {0}")]
    Keep(String),
}

impl From<StoreError> for TlsError {
    fn from(error: StoreError) -> Self {
        Self::Keep(error.to_string())
    }
}

pub(super) async fn load(
    from: &Tls,
    store: &dyn Store,
    url: Option<&str>,
) -> Result<Loaded, TlsError> {
    match from {
        Tls::SelfSigned => {
            let (certificate, key) = own(store, url).await?;
            let pin = Some(pin_of(&certificate)?);
            let acceptor = acceptor(vec![certificate], key)?;
            Ok(Loaded { acceptor, pin })
        }
        Tls::Files { certificate, key } => Ok(Loaded {
            acceptor: acceptor(chain(certificate)?, private(key)?)?,
            pin: None,
        }),
    }
}

fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, TlsError> {
    install_provider();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn own(
    store: &dyn Store,
    url: Option<&str>,
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), TlsError> {
    if store.kept("tls_certificate").await?.is_none() {
        // The key first: a certificate without its key would stay for ever.
        let pair = rcgen::KeyPair::generate()?;
        let der = store.keep("tls_key", &pair.serialize_der()).await?;
        let pair = rcgen::KeyPair::try_from(der)?;
        let first = url.and_then(|urls| urls.split_whitespace().next());
        let name = first.and_then(host).unwrap_or("localhost").to_owned();
        let certificate = rcgen::CertificateParams::new(vec![name])?.self_signed(&pair)?;
        store.keep("tls_certificate", certificate.der()).await?;
    }
    let certificate = store.kept("tls_certificate").await?.unwrap_or_default();
    let key = store.kept("tls_key").await?.unwrap_or_default();
    Ok((
        CertificateDer::from(certificate),
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)),
    ))
}

fn host(url: &str) -> Option<&str> {
    let authority = url.strip_prefix("https://")?;
    if let Some(v6) = authority.strip_prefix('[') {
        return v6.split(']').next();
    }
    authority.split([':', '/']).next().filter(|h| !h.is_empty())
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = std::fs::read(path).map_err(|e| unread(path, &e))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.map_err(|e| unread(path, &e))?;
    if chain.is_empty() {
        let none = io::Error::new(io::ErrorKind::InvalidData, "there is no certificate in it");
        return Err(unread(path, &none));
    }
    Ok(chain)
}

fn private(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = std::fs::read(path).map_err(|e| unread(path, &e))?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|e| unread(path, &e))
}

fn unread(path: &Path, why: &dyn std::fmt::Display) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        why: why.to_string(),
    }
}
