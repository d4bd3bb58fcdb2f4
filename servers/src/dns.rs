//! Finds the DC of a name: the static map, then SRV `_ntm._udp.<domain>`, one label after the other
//! upward, to the first that has an entry.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{Name, RData};
use ntm_coordinator::{Located, ResolveError};
use ntm_wire::addr::RealAddr;
use ntm_wire::fqdn::Fqdn;

use crate::config::Dns;
use crate::failure::Failure;

/// At most this many addresses are handed on, over all records.
const MAX_ADDRS: usize = 8;

/// Asks the name service for DCs.
#[derive(Clone)]
pub(crate) struct Finder {
    resolver: TokioResolver,
}

impl Finder {
    /// Asks the configured name servers, or those of the operating system.
    pub(crate) fn new(dns: &Dns) -> Result<Self, Failure> {
        let mut builder = if dns.servers.is_empty() {
            let unusable = |e| {
                let message =
                    format!("the system's name servers can't be read ({e}): set dns.servers");
                Failure::Unusable(message)
            };
            TokioResolver::builder_tokio().map_err(unusable)?
        } else {
            let servers = dns.servers.iter().map(|s| name_server(s.0)).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = Duration::from_millis(dns.timeout_ms);
        options.attempts = 2;
        // A node that asks again soon after its DC was announced should find it.
        options.negative_max_ttl = Some(Duration::from_secs(10));
        let resolver = builder
            .build()
            .map_err(|e| Failure::Unusable(format!("the name service can't be used ({e})")))?;
        Ok(Self { resolver })
    }

    /// The DC that is responsible for `name`; `known` are the domains of the static map.
    pub(crate) async fn find(
        &self,
        name: &Fqdn,
        known: &[(Fqdn, Vec<RealAddr>)],
    ) -> Result<Located, ResolveError> {
        for domain in name.ancestors() {
            if let Some((_, addrs)) = known.iter().find(|(d, _)| *d == domain) {
                let addrs = addrs.clone();
                return Ok(Located { domain, addrs });
            }
            let addrs = self.announced(&domain).await?;
            if !addrs.is_empty() {
                return Ok(Located { domain, addrs });
            }
        }
        Err(ResolveError::NotFound)
    }

    /// The addresses behind the domain's SRV records, by priority and then weight; none without one.
    async fn announced(&self, domain: &Fqdn) -> Result<Vec<RealAddr>, ResolveError> {
        let Ok(query) = Name::from_ascii(format!("_ntm._udp.{domain}.")) else {
            return Ok(Vec::new());
        };
        let answer = match self.resolver.srv_lookup(query).await {
            Ok(answer) => answer,
            Err(error) => return none_or_silence(&error).map(|()| Vec::new()),
        };
        let mut records: Vec<SRV> = answer.answers().iter().filter_map(srv).collect();
        records.sort_by_key(|r| (r.priority, u16::MAX - r.weight));
        let mut addrs = Vec::new();
        for record in records.iter().filter(|r| !r.target.is_root()) {
            addrs.extend(self.addrs_of(record).await?);
        }
        addrs.truncate(MAX_ADDRS);
        Ok(addrs)
    }

    async fn addrs_of(&self, record: &SRV) -> Result<Vec<RealAddr>, ResolveError> {
        match self.resolver.lookup_ip(record.target.clone()).await {
            Ok(ips) => Ok(ips.iter().map(|ip| at(ip, record.port)).collect()),
            Err(error) => none_or_silence(&error).map(|()| Vec::new()),
        }
    }
}

fn srv(record: &hickory_resolver::proto::rr::Record) -> Option<SRV> {
    if let RData::SRV(srv) = &record.data {
        Some(srv.clone())
    } else {
        None
    }
}

fn at(ip: IpAddr, port: u16) -> RealAddr {
    RealAddr(SocketAddr::new(ip, port))
}

/// "There is none" goes on with the walk; no answer ends it.
fn none_or_silence(error: &NetError) -> Result<(), ResolveError> {
    if error.is_no_records_found() {
        return Ok(());
    }
    tracing::debug!(%error, "the name service does not answer");
    Err(ResolveError::Unreachable)
}

fn name_server(addr: SocketAddr) -> NameServerConfig {
    let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    for connection in &mut connections {
        connection.port = addr.port();
    }
    NameServerConfig::new(addr.ip(), true, connections.into())
}
