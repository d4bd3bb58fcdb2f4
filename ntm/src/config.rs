//! How a node is started.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use ntm_proto::{NoAuthority, Order, Renewal};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::{AuthorityKey, RootKey, SecretKey};
use ntm_wire::push::PushToken;

use crate::error::StartError;
pub use crate::interfaces::Interfaces;

/// What [`Node::start`](crate::Node::start) needs.
#[derive(Clone)]
pub struct Config {
    /// Identity, secrets and trust.
    pub identity: ntm_proto::Config,
    /// The real UDP port; 0 for any.
    pub port: u16,
    /// Where local addresses come from.
    pub interfaces: Interfaces,
    /// Whether the router is asked for a port (UPnP, PCP, NAT-PMP).
    pub port_mapping: bool,
    /// In which order a move is done; another than the default only to compare.
    pub order: Order,
    /// What outlives the process; without one pins are forgotten and tickets run out.
    pub keeper: Option<Arc<dyn Keeper>>,
}

impl Config {
    /// Any port, mapped by the router if it can, the system's addresses (loopback only when the coordinator is on this machine).
    pub fn new(identity: ntm_proto::Config) -> Self {
        let is_local = |a: &SocketAddr| a.ip().is_loopback();
        let interfaces = if identity.dc.addrs.iter().any(|a| is_local(&a.0)) {
            Interfaces::SystemAndLoopback
        } else {
            Interfaces::System
        };
        Self {
            identity,
            port: 0,
            interfaces,
            port_mapping: true,
            order: Order::default(),
            keeper: None,
        }
    }

    /// The same with something that remembers.
    #[must_use]
    pub fn with_keeper(mut self, keeper: Arc<dyn Keeper>) -> Self {
        self.keeper = Some(keeper);
        self
    }

    /// The same for a node that may [`sleep`](crate::Node::sleep): its coordinator gets a fresh push token
    /// with which to wake it.
    pub fn that_sleeps(mut self) -> Result<Self, StartError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| StartError::Random)?;
        let token = PushToken::wake_service(&SecretKey::new(secret));
        self.identity.push_token = Some(token);
        Ok(self)
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("fqdn", &self.identity.certificate.fqdn)
            .field("port", &self.port)
            .field("interfaces", &self.interfaces)
            .finish_non_exhaustive()
    }
}

/// A renewal under way.
pub type Renewing = Pin<Box<dyn Future<Output = Result<Renewal, RenewError>> + Send>>;

/// The search for an operator's key.
pub type Finding = Pin<Box<dyn Future<Output = Result<AuthorityKey, NoAuthority>> + Send>>;

/// No new ticket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct RenewError {
    /// What happened and what to do.
    pub why: String,
    /// Whether trying again can't help: the device was revoked.
    pub is_final: bool,
}

/// Remembers for a node what must outlive the process.
pub trait Keeper: Send + Sync + 'static {
    /// An account was met for the first time. May block.
    fn pinned(&self, account: &Fqdn, root: &RootKey);
    /// Half of the ticket's life is over: fetch and keep a new one.
    fn renew(&self) -> Renewing;
    /// Somebody of another operator is met: find and keep the key of that operator's account server. Asked
    /// again when the key has not signed what it should have.
    fn authority(&self, domain: &Fqdn) -> Finding {
        let (domain, why) = (domain.clone(), "no keys are looked for".to_owned());
        Box::pin(async { Err(NoAuthority { domain, why }) })
    }
}
