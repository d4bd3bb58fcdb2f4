//! The Account Server among the roles of this process.

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use ntm_account::limits::Rates;
use ntm_account_api::invitation::{Enrolment, ServerRef};
use ntm_account_api::server::ServerRole;
use ntm_wire::key::AuthorityKey;

use crate::account_server::{
    AccountServer, AccountServerConfig, MigrateError, OpenError, StartError, Tls,
};
use crate::config::{self, Config, Registration};
use crate::failure::Failure;
use crate::reach;

/// A running Account Server.
pub(crate) struct AccountRole(AccountServer);

impl AccountRole {
    pub(crate) async fn start(config: &Config) -> Result<Self, Failure> {
        let listen = config.account_server.listen.iter().map(|e| e.0);
        Self::listen(config, usable(listen.collect())).await
    }

    /// Beside the running server, for an order by the operator on its machine.
    pub(crate) async fn beside(config: &Config) -> Result<Self, Failure> {
        let somewhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::listen(config, vec![somewhere]).await
    }

    async fn listen(config: &Config, listen: Vec<SocketAddr>) -> Result<Self, Failure> {
        let decided = AccountServerConfig {
            listen,
            url: url(config),
            data_dir: config.data_dir.clone(),
            domains: vec![config.domain.0.clone()],
            registration: registration(config.account_server.registration),
            tls: tls(config),
            rates: Rates::default(),
        };
        AccountServer::start(decided)
            .await
            .map(Self)
            .map_err(failure)
    }

    pub(crate) fn local_addrs(&self) -> Vec<SocketAddr> {
        self.0.local_addrs().to_vec()
    }

    /// A token for a role of this process.
    pub(crate) async fn enrolment(&self, role: ServerRole) -> Result<Enrolment, Failure> {
        let made = self.0.enrolment(role).await;
        made.map_err(|refusal| Failure::Refused(refusal.message))
    }

    /// A token for a role elsewhere: it has to go to the address that others know.
    pub(crate) async fn enrolment_elsewhere(&self, role: ServerRole) -> Result<Enrolment, Failure> {
        let server = self.0.server_ref().clone();
        let code = self.enrolment(role).await?.code;
        Ok(Enrolment { server, code })
    }

    /// The key that its certificates are verified with.
    pub(crate) fn authority(&self) -> AuthorityKey {
        self.0.authority()
    }

    /// How others find and know it.
    pub(crate) fn server_ref(&self) -> &ServerRef {
        self.0.server_ref()
    }

    /// An invitation, as text.
    pub(crate) async fn invite(&self, uses: u32, lifetime: Duration) -> Result<String, Failure> {
        let made = self.0.invite(uses, lifetime).await;
        made.map(|i| i.to_string())
            .map_err(|refusal| Failure::Refused(refusal.message))
    }

    /// What the operator is to be shown as long as nobody is an administrator; never logged.
    pub(crate) fn setup_link(&self) -> Option<String> {
        let link = self.0.setup_link()?;
        let told = "Set-up link for the first account, the administrator's. It works once:";
        Some(format!("{told}\n{link}"))
    }

    pub(crate) async fn stop(self) {
        self.0.stop().await;
    }
}

/// Without IPv6 on this machine the default is listened on over IPv4 only.
fn usable(mut listen: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let any = |a: &SocketAddr| a.is_ipv6() && a.ip().is_unspecified();
    let has_ipv6 = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok();
    if !has_ipv6 && listen.iter().any(|a| !any(a)) {
        listen.retain(|a| !any(a));
    }
    listen
}

/// At which others reach it, over each family; `None` when only the system knows the port.
fn url(config: &Config) -> Option<String> {
    let server = &config.account_server;
    if !server.url.is_empty() {
        return Some(server.url.clone());
    }
    let listen: Vec<SocketAddr> = server.listen.iter().map(|e| e.0).collect();
    let addrs = reach::public(&[], &config.public_addresses, &listen);
    let first = addrs.first().filter(|a| a.port() != 0)?;
    if server.tls == config::Tls::Files {
        return Some(https(config.domain.0.as_str(), first.port()));
    }
    let other = addrs.iter().find(|a| a.is_ipv4() != first.is_ipv4());
    let urls: Vec<String> = [Some(first), other]
        .into_iter()
        .flatten()
        .map(url_of)
        .collect();
    Some(urls.join(" "))
}

fn url_of(addr: &SocketAddr) -> String {
    match addr {
        SocketAddr::V4(v4) => https(&v4.ip().to_string(), addr.port()),
        SocketAddr::V6(v6) => https(&format!("[{}]", v6.ip()), addr.port()),
    }
}

fn https(host: &str, port: u16) -> String {
    match port {
        443 => format!("https://{host}"),
        port => format!("https://{host}:{port}"),
    }
}

fn registration(registration: Registration) -> ntm_account::Registration {
    match registration {
        Registration::Closed => ntm_account::Registration::Closed,
        Registration::Invite => ntm_account::Registration::Invite,
        Registration::Open => ntm_account::Registration::Open,
    }
}

fn tls(config: &Config) -> Tls {
    let server = &config.account_server;
    match server.tls {
        config::Tls::SelfSigned => Tls::SelfSigned,
        config::Tls::Files => Tls::Files {
            certificate: server.tls_certificate_file.clone(),
            key: server.tls_key_file.clone(),
        },
    }
}

fn failure(error: StartError) -> Failure {
    let told = error.to_string();
    match error {
        StartError::DataFolder { path, source } => Failure::DataFolder { path, source },
        StartError::Database(OpenError::Engine { path, source }) => {
            let why = source.to_string();
            Failure::DataDamaged { path, why }
        }
        StartError::Database(OpenError::Migrate { path, source }) => match source {
            MigrateError::Newer { .. } => Failure::DataTooNew { path },
            MigrateError::Engine(e) => Failure::DataDamaged {
                path,
                why: e.to_string(),
            },
        },
        StartError::Damaged(why) => Failure::Account(why),
        StartError::Listen { addr, source } => Failure::bind("as.listen", "tcp", addr, source),
        StartError::Tls(_) => Failure::Unusable(format!("as.tls: {told}")),
        StartError::Missing(_) => Failure::Unusable(told),
        StartError::Random(_) => anyhow::anyhow!(told).into(),
    }
}
