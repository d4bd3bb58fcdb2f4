//! A DC's or RS's place in its deployment: joined once with a token, kept in the data folder, so
//! that it starts without its Account Server, too.

use std::net::SocketAddr;
use std::path::Path;

use ntm_account_api::error::ErrorCode;
use ntm_account_api::invitation::{Enrolment, ServerRef};
use ntm_account_api::server::{
    DC_ADDRS, DcAddrs, DcEnrolled, DcSetup, ENROL_DC, ENROL_RS, EnrolDc, EnrolRs, PeerLink,
    RS_SETUP, RelayLink, RsEnrolled, RsSetup,
};
use ntm_account_api::text::{Bytes, Wire};
use ntm_coordinator::{Ipv4Block, PeerDc, RelayConfig};
use ntm_https::{Client, HttpsError};
use ntm_wire::addr::RealAddr;
use ntm_wire::id::RsId;
use ntm_wire::key::ServerKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::data_dir;
use crate::failure::Failure;

/// What is kept of having joined: `dc.json` or `rs.json`.
#[derive(Clone, Serialize, Deserialize)]
struct Saved<E> {
    /// `legato://server/...`
    server: String,
    enrolled: E,
}

/// A place in a deployment.
pub(crate) struct Member<E> {
    pub(crate) client: Client,
    pub(crate) enrolled: E,
}

/// Joins as a DC, or comes back.
pub(crate) async fn dc(
    config: &Config,
    token: Option<Enrolment>,
    key: ServerKey,
    addrs: Vec<SocketAddr>,
) -> Result<Member<DcEnrolled>, Failure> {
    let path = config.data_file("dc.json");
    if let Some(saved) = read::<DcEnrolled>(&path)? {
        let member = back(&path, saved, |e| &e.secret.0)?;
        let told: Result<(), _> = member.client.post(DC_ADDRS, &DcAddrs { addrs }).await;
        warn_of("could not tell the Account Server where this DC is", told);
        return Ok(member);
    }
    let token = token.map_or_else(|| token_of(config), Ok)?;
    let asked = EnrolDc {
        code: Bytes(token.code.to_vec()),
        key: Wire(key),
        addrs,
    };
    join(&path, &token, ENROL_DC, &asked, |e: &DcEnrolled| {
        &e.secret.0
    })
    .await
}

/// Joins as an RS, or comes back with what its coordinators are now.
pub(crate) async fn rs(
    config: &Config,
    token: Option<Enrolment>,
    key: ServerKey,
    addrs: &[SocketAddr],
) -> Result<Member<RsEnrolled>, Failure> {
    let path = config.data_file("rs.json");
    if let Some(mut saved) = read::<RsEnrolled>(&path)? {
        let member = back(&path, saved.clone(), |e| &e.secret.0)?;
        match member.client.get::<RsSetup>(RS_SETUP).await {
            Ok(setup) => {
                saved.enrolled.setup = setup;
                write(&path, &saved)?;
            }
            Err(error) => warn_of::<()>("starts with the coordinators it knew", Err(error)),
        }
        let enrolled = saved.enrolled;
        return Ok(Member { enrolled, ..member });
    }
    let token = token.map_or_else(|| token_of(config), Ok)?;
    let asked = EnrolRs {
        code: Bytes(token.code.to_vec()),
        key: Wire(key),
        v4: v4(addrs),
        v6: v6(addrs),
    };
    join(&path, &token, ENROL_RS, &asked, |e: &RsEnrolled| {
        &e.secret.0
    })
    .await
}

/// Whether the role has joined before.
pub(crate) fn has_joined(config: &Config, role: &str) -> bool {
    config.data_file(&format!("{role}.json")).exists()
}

/// Keeps a DC's set-up as it is now, for a start without the Account Server.
pub(crate) fn keep_setup(config: &Config, setup: &DcSetup) -> Result<(), Failure> {
    let path = config.data_file("dc.json");
    match read::<DcEnrolled>(&path)? {
        Some(mut saved) if saved.enrolled.setup != *setup => {
            saved.enrolled.setup = setup.clone();
            write(&path, &saved)
        }
        Some(_) | None => Ok(()),
    }
}

/// The first IPv4 address.
pub(crate) fn v4(addrs: &[SocketAddr]) -> Option<std::net::SocketAddrV4> {
    addrs.iter().find_map(|a| match a {
        SocketAddr::V4(v4) => Some(*v4),
        SocketAddr::V6(_) => None,
    })
}

/// The first IPv6 address.
pub(crate) fn v6(addrs: &[SocketAddr]) -> Option<std::net::SocketAddrV6> {
    addrs.iter().find_map(|a| match a {
        SocketAddr::V6(v6) => Some(*v6),
        SocketAddr::V4(_) => None,
    })
}

/// A relay as the coordinator is told of it.
pub(crate) fn relay(link: &RelayLink) -> RelayConfig {
    RelayConfig {
        rs: RsId(link.rs),
        key: link.key.0,
        link: link.link.0.clone(),
        key_id: link.key_id,
        v4: link.v4,
        v6: link.v6,
    }
}

/// Another DC of the same Account Server as the coordinator is told of it.
pub(crate) fn peer(link: &PeerLink) -> PeerDc {
    PeerDc {
        domains: link.domains.iter().map(|d| d.0.clone()).collect(),
        key: link.key.0,
        addr: link.addrs.first().copied().map(RealAddr),
        same_operator: true,
        authority: link.authority.0,
    }
}

/// The DC's blocks as the coordinator is told of them.
pub(crate) fn blocks(setup: &DcSetup) -> Vec<Ipv4Block> {
    let block = |b: &ntm_account_api::server::V4Block| Ipv4Block {
        base: b.base,
        prefix_len: b.prefix_len,
    };
    setup.v4_blocks.iter().map(block).collect()
}

fn token_of(config: &Config) -> Result<Enrolment, Failure> {
    let path = &config.enrol.token_file;
    if path.as_os_str().is_empty() {
        return Err(Failure::NotEnrolled);
    }
    let text = std::fs::read_to_string(path).map_err(|source| Failure::NoFile {
        path: path.clone(),
        key: "enrol.token_file",
        source,
    })?;
    text.parse()
        .map_err(|e| Failure::Unusable(format!("enrol.token_file ({}): {e}", path.display())))
}

async fn join<Q: Serialize + Sync, E: Serialize + DeserializeOwned>(
    path: &Path,
    token: &Enrolment,
    at: &str,
    asked: &Q,
    secret: impl Fn(&E) -> &ntm_wire::key::SecretKey,
) -> Result<Member<E>, Failure> {
    let client = Client::new(&token.server).map_err(failure)?;
    let enrolled: E = client.post(at, asked).await.map_err(failure)?;
    let server = token.server.to_string();
    let saved = Saved { server, enrolled };
    write(path, &saved)?;
    tracing::info!("joined the deployment");
    back(path, saved, secret)
}

fn back<E>(
    path: &Path,
    saved: Saved<E>,
    secret: impl Fn(&E) -> &ntm_wire::key::SecretKey,
) -> Result<Member<E>, Failure> {
    let server: ServerRef = saved.server.parse().map_err(|e| damaged(path, &e))?;
    let client = Client::new(&server).map_err(failure)?;
    let client = client.with_bearer(secret(&saved.enrolled).clone());
    let enrolled = saved.enrolled;
    Ok(Member { client, enrolled })
}

fn read<E: DeserializeOwned>(path: &Path) -> Result<Option<Saved<E>>, Failure> {
    let text = data_dir::read(path)?;
    let read = text.map(|t| serde_json::from_str(&t).map_err(|e| damaged(path, &e)));
    read.transpose()
}

fn write<E: Serialize>(path: &Path, saved: &Saved<E>) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(saved).map_err(anyhow::Error::from)?;
    data_dir::write(path, &text)
}

fn damaged(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::DataDamaged {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

/// What a failed request means for the start.
pub(crate) fn failure(error: HttpsError) -> Failure {
    match error.code() {
        Some(ErrorCode::Internal) | None => Failure::AccountServer(error.to_string()),
        Some(_) => Failure::Refused(error.to_string()),
    }
}

fn warn_of<T>(what: &'static str, result: Result<T, HttpsError>) {
    if let Err(error) = result {
        // The error names the server: that is for those who asked for it.
        tracing::warn!("{what}: the Account Server does not answer");
        tracing::debug!(%error, "{what}");
    }
}
