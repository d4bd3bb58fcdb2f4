//! The Account Server among the roles of this process.

use std::net::SocketAddr;

use ntm_account_api::invitation::Enrolment;
use ntm_account_api::server::ServerRole;
use tokio::sync::watch;

use crate::config::Config;
use crate::failure::Failure;

/// A running Account Server.
pub(crate) enum AccountRole {}

impl AccountRole {
    pub(crate) async fn start(_: &Config, _: watch::Receiver<bool>) -> Result<Self, Failure> {
        Err(Failure::Unusable(
            "no account server is built in yet".into(),
        ))
    }

    pub(crate) fn local_addrs(&self) -> Vec<SocketAddr> {
        match *self {}
    }

    pub(crate) async fn enrolment(&self, _: ServerRole) -> Result<Enrolment, Failure> {
        match *self {}
    }

    pub(crate) async fn introduce(&self, _: &Config) -> Result<(), Failure> {
        match *self {}
    }

    pub(crate) async fn join(self) {
        match self {}
    }
}
