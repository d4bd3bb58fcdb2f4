//! The Account Server that acts: HTTPS, the store, OPAQUE. `ntm-account` decides.
//!
//! [`AccountServer::start`] opens the store, takes the ports and serves until it is told to stop. What
//! is made once and kept for ever (signing key, OPAQUE secret, TLS key, the deployment's prefix) lies in
//! the store beside the accounts, so that the data folder restored is the same server.

mod listener;
mod problem;
mod routes;
mod service;
mod start;
mod store;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ntm_account::limits::Rates;
use ntm_account::{Refusal, Registration};
use ntm_account_api::invitation::{Enrolment, Invitation, Pin, ServerRef};
use ntm_account_api::server::ServerRole;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::AuthorityKey;
use tokio::sync::watch;
use tokio::task::JoinSet;

use service::Service;
pub use start::StartError;
pub use store::{MigrateError, OpenError};
pub use tls::TlsError;

/// What an Account Server is to be.
#[derive(Clone, Debug)]
pub struct AccountServerConfig {
    /// TCP addresses to listen on.
    pub listen: Vec<SocketAddr>,
    /// `https://host[:port]` at which others reach it; `None`: made from the first address.
    pub url: Option<String>,
    /// Folder of the store.
    pub data_dir: PathBuf,
    /// The domains that accounts lie under; the first is the one of bare names.
    pub domains: Vec<Fqdn>,
    /// Who may make an account.
    pub registration: Registration,
    /// Where TLS comes from.
    pub tls: Tls,
    /// How often passwords may be tried.
    pub rates: Rates,
}

/// Where TLS comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// A certificate of its own, kept in the store; its pin travels in the invitations.
    SelfSigned,
    /// PEM files of a certificate that the public roots vouch for.
    Files {
        /// The chain.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
}

/// A running Account Server.
pub struct AccountServer {
    service: Arc<Service>,
    server: ServerRef,
    inside: ServerRef,
    addrs: Vec<SocketAddr>,
    setup: Option<Invitation>,
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

/// A token for a role of the same process is used at once.
const OWN_ENROLMENT: Duration = Duration::from_secs(600);

impl AccountServer {
    /// Where it listens.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// How others find and know it: its text is `legato://server/...`.
    pub fn server_ref(&self) -> &ServerRef {
        &self.server
    }

    /// The pin of its TLS key, when the certificate is its own.
    pub fn pin(&self) -> Option<Pin> {
        self.server.pin
    }

    /// Its verification key.
    pub fn authority(&self) -> AuthorityKey {
        self.service.authority()
    }

    /// The link by which the operator becomes the first administrator; `None` when there is one. It is
    /// shown to the operator, and never logged. Every start without administrator makes a new one.
    pub fn setup_link(&self) -> Option<&Invitation> {
        self.setup.as_ref()
    }

    /// A token for a DC or RS of the same process or machine.
    pub async fn enrolment(&self, role: ServerRole) -> Result<Enrolment, Refusal> {
        let code = self.service.own_enrolment(role, OWN_ENROLMENT).await?;
        let server = self.inside.clone();
        Ok(Enrolment { server, code })
    }

    /// An invitation by the operator.
    pub async fn invite(&self, uses: u32, lifetime: Duration) -> Result<Invitation, Refusal> {
        let code = self.service.own_invitation(uses, lifetime).await?;
        let server = self.server.clone();
        Ok(Invitation { server, code })
    }

    /// Takes no new requests, ends those under way within five seconds.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

impl std::fmt::Debug for AccountServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountServer")
            .field("addrs", &self.addrs)
            .finish_non_exhaustive()
    }
}
