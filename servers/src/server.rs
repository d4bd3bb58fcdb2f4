//! The roles of one process, put together: one, or all three.

mod dc_role;
mod rs_role;
mod signals;
mod thread;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use ntm_account_api::server::ServerRole;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::account_role::AccountRole;
use crate::clock::Clock;
use crate::command::say;
use crate::config::Config;
use crate::data_dir::{self, Lock};
use crate::driver::Neighbour;
use crate::failure::Failure;
use crate::push::listener;
use crate::udp::Bound;
use crate::{log, membership};

pub(crate) use thread::Role;

/// Which roles a process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Direction Coordinator.
    pub dc: bool,
    /// Relay Server.
    pub rs: bool,
    /// Account Server.
    pub account: bool,
}

/// What the command line adds to the configuration.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The configuration's file, to be read again at SIGHUP.
    pub config_file: PathBuf,
    /// Written when the server is ready: JSON with the addresses listened on.
    pub ready_file: Option<PathBuf>,
}

/// The addresses listened on, for scripts that let the system choose ports.
#[derive(Debug, Default, Serialize)]
struct Ready {
    dc: Vec<SocketAddr>,
    rs: Vec<SocketAddr>,
    r#as: Vec<SocketAddr>,
    push: Vec<SocketAddr>,
}

/// Messages on the way between two roles of a process; more are loss like any other.
const WAY: usize = 4096;

/// Where the DC of this process is for its RS: an address that is never on a network (RFC 6666).
pub(crate) fn dc_inside() -> SocketAddr {
    inside(1)
}

fn rs_inside() -> SocketAddr {
    inside(2)
}

fn inside(last: u16) -> SocketAddr {
    let ip = Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, last);
    SocketAddr::new(IpAddr::V6(ip), ntm_wire::header::NTM_PORT)
}

/// Sockets are taken first of all: what can't start should say so before it changes anything.
struct Taken {
    _locks: Vec<Lock>,
    dc: Option<Bound>,
    rs: Option<Bound>,
    push: Option<listener::Bound>,
    ready: Ready,
}

impl Taken {
    fn take(config: &Config, roles: Roles) -> Result<Self, Failure> {
        let mut locks = Vec::new();
        for (has, role) in [(roles.account, "as"), (roles.dc, "dc"), (roles.rs, "rs")] {
            if has {
                locks.push(data_dir::claim(config, role)?);
            }
        }
        let shares = roles.dc && roles.rs && config.dc.listen == config.rs.listen;
        let rs = roles
            .rs
            .then(|| Bound::bind("rs.listen", &config.rs.listen));
        let rs = rs.transpose()?;
        let dc = (roles.dc && !shares).then(|| Bound::bind("dc.listen", &config.dc.listen));
        let dc = dc.transpose()?;
        let addrs = |b: &Option<Bound>| b.as_ref().map(Bound::local_addrs).unwrap_or_default();
        let mut ready = Ready {
            dc: addrs(&dc),
            rs: addrs(&rs),
            r#as: Vec::new(),
            push: Vec::new(),
        };
        if shares {
            ready.dc.clone_from(&ready.rs);
        }
        let pushes = roles.dc && !config.dc.push.listen.is_empty();
        let push = pushes.then(|| listener::Bound::bind(&config.dc.push.listen, &ready.dc));
        let push = push.transpose()?;
        ready.push = push.iter().flat_map(listener::Bound::local_addrs).collect();
        Ok(Self {
            _locks: locks,
            dc,
            rs,
            push,
            ready,
        })
    }
}

/// Runs the roles until SIGTERM or SIGINT.
pub async fn serve(config: Config, roles: Roles, start: Start) -> Result<(), Failure> {
    let level = log::start(&config.log);
    let mut signals = signals::Signals::new()?;
    let mut taken = Taken::take(&config, roles)?;
    let (stop, stopped) = watch::channel(false);
    let mut account = None;
    if roles.account {
        account = Some(AccountRole::start(&config).await?);
    }
    taken.ready.r#as = account
        .as_ref()
        .map(AccountRole::local_addrs)
        .unwrap_or_default();
    let mut running = spawn(&config, roles, &mut taken, account.as_ref(), &stopped).await?;
    announce(&taken.ready, &start)?;
    if let Some(link) = account.as_ref().and_then(AccountRole::setup_link) {
        say(&link)?;
    }
    let ended = signals.wait(&mut running, &level, &start, &config).await;
    tracing::info!("stopping");
    drop(sd_notify::notify(&[sd_notify::NotifyState::Stopping]));
    stop.send_replace(true);
    let outcome = thread::join(running).await;
    if let Some(account) = account {
        account.stop().await;
    }
    tracing::info!("stopped");
    ended.and(outcome)
}

async fn spawn(
    config: &Config,
    roles: Roles,
    taken: &mut Taken,
    account: Option<&AccountRole>,
    stopped: &watch::Receiver<bool>,
) -> Result<Vec<Role>, Failure> {
    let clock = Clock::start();
    let (to_dc, dc_arrivals) = mpsc::channel(WAY);
    let (to_rs, rs_arrivals) = mpsc::channel(WAY);
    let both = roles.dc && roles.rs;
    let to = |addr, own_addr, way| {
        both.then_some(Neighbour {
            addr,
            own_addr,
            way,
        })
    };
    let mut running = Vec::new();
    let mut dc_ready = None;
    let dc_member = match roles.dc {
        true => Some(dc_role::join(config, account, &taken.ready.dc).await?),
        false => None,
    };
    let mut shared = None;
    if roles.rs {
        let dc_key = dc_member.as_ref().map(dc_role::Joined::key);
        let inputs = rs_role::Inputs {
            clock,
            bound: taken.rs.take(),
            addrs: taken.ready.rs.clone(),
            shares: both && taken.dc.is_none(),
            dc_inside: dc_key.map(|key| (key, dc_inside())),
            neighbour: to(dc_inside(), rs_inside(), to_dc),
            arrivals: rs_arrivals,
            stop: stopped.clone(),
        };
        let (role, doors) = rs_role::spawn(config, account, inputs).await?;
        running.push(role);
        shared = Some(doors);
    }
    if let Some(member) = dc_member {
        let inputs = dc_role::Inputs {
            clock,
            bound: taken.dc.take(),
            shared,
            neighbour: to(rs_inside(), dc_inside(), to_rs),
            arrivals: dc_arrivals,
            push: taken.push.take(),
            stop: stopped.clone(),
        };
        let (role, ready) = dc_role::spawn(config, member, inputs).await?;
        running.push(role);
        dc_ready = Some(ready);
    }
    if let Some(ready) = dc_ready {
        ready.wait().await;
    }
    Ok(running)
}

fn announce(ready: &Ready, start: &Start) -> Result<(), Failure> {
    if let Some(path) = &start.ready_file {
        let text = serde_json::to_vec(ready).map_err(anyhow::Error::from)?;
        data_dir::write(path, &text)?;
    }
    drop(sd_notify::notify(&[sd_notify::NotifyState::Ready]));
    let port = |addrs: &[SocketAddr]| addrs.first().map(SocketAddr::port);
    tracing::info!(
        dc_udp = port(&ready.dc),
        rs_udp = port(&ready.rs),
        as_tcp = port(&ready.r#as),
        wake_tcp = port(&ready.push),
        "ready"
    );
    Ok(())
}

/// A token for a role of this process, from the Account Server of this process; `None`: the role
/// has joined before, or has to be told by file.
async fn own_token(
    config: &Config,
    account: Option<&AccountRole>,
    name: &str,
    role: ServerRole,
) -> Result<Option<ntm_account_api::invitation::Enrolment>, Failure> {
    match account {
        Some(account) if !membership::has_joined(config, name) => {
            account.enrolment(role).await.map(Some)
        }
        Some(_) | None => Ok(None),
    }
}
