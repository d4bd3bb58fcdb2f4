//! Starts a Relay Server.

use std::net::SocketAddr;
use std::time::Duration;

use ntm_account_api::server::{DcLinkInfo, ServerRole};
use ntm_relay::{DcLink, Relay};
use ntm_wire::addr::RealAddr;
use ntm_wire::key::{KeyPair, ServerKey};
use tokio::sync::{mpsc, watch};

use super::{AccountRole, Clock, Config, Failure, Neighbour, Role, thread};
use crate::driver::{Arrival, Driver};
use crate::rs::{Command, Rs};
use crate::udp::{Bound, Doors};
use crate::{data_dir, membership, reach};

/// What a relay is given.
pub(super) struct Inputs {
    pub(super) clock: Clock,
    pub(super) bound: Option<Bound>,
    pub(super) addrs: Vec<SocketAddr>,
    pub(super) shares: bool,
    pub(super) dc_inside: Option<(ServerKey, SocketAddr)>,
    pub(super) neighbour: Option<Neighbour>,
    pub(super) arrivals: mpsc::Receiver<Arrival>,
    pub(super) stop: watch::Receiver<bool>,
}

/// Starts it; its sockets are returned for a DC that shares them.
pub(super) async fn spawn(
    config: &Config,
    account: Option<&AccountRole>,
    inputs: Inputs,
) -> Result<(Role, Doors), Failure> {
    let key = data_dir::key_pair(config, "rs.key")?;
    let public = reach::public(&config.rs.public, &config.public_addresses, &inputs.addrs);
    let asked = ServerRole::Rs { dcs: Vec::new() };
    let token = super::own_token(config, account, "rs", asked).await?;
    let member = membership::rs(config, token, key.server(), &public).await?;
    let dcs = &member.enrolled.setup.dcs;
    let dcs = dcs.iter().map(|d| link(d, inputs.dc_inside)).collect();
    let relay = relay(config, key, &public, member.enrolled.id(), dcs)?;
    let machine = Rs {
        relay,
        shares: inputs.shares,
    };
    let runtime = thread::runtime()?;
    let doors = {
        let _inside = runtime.enter();
        let bound = inputs.bound.unwrap_or_default();
        Doors::open(bound).map_err(|e| anyhow::anyhow!("no sockets to be had ({e})"))?
    };
    let (_, commands) = mpsc::channel::<Command>(1);
    let driver = Driver {
        clock: inputs.clock,
        doors: doors.clone(),
        reads: true,
        commands,
        arrivals: inputs.arrivals,
        neighbour: inputs.neighbour,
        stop: inputs.stop,
    };
    let grace = Duration::from_secs(config.rs.drain_s);
    let role = thread::spawn("ntm-rs", runtime, driver, machine, grace)?;
    Ok((role, doors))
}

fn relay(
    config: &Config,
    key: KeyPair,
    public: &[SocketAddr],
    rs: ntm_wire::id::RsId,
    dcs: Vec<DcLink>,
) -> Result<Relay, Failure> {
    let config = ntm_relay::Config {
        rs,
        key,
        dcs,
        v4: membership::v4(public),
        v6: membership::v6(public),
        max_legs: config.rs.max_legs,
    };
    Ok(Relay::new(config, data_dir::seed()?))
}

fn link(info: &DcLinkInfo, inside: Option<(ServerKey, SocketAddr)>) -> DcLink {
    let within = inside.filter(|(key, _)| *key == info.key.0);
    let addr = within.map(|(_, addr)| addr);
    DcLink {
        key_id: info.key_id,
        link: info.link.0.clone(),
        key: info.key.0,
        addr: addr.or(info.addrs.first().copied()).map(RealAddr),
    }
}
