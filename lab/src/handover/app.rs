//! [`AppWorld`]: two networks and the servers, for programs that somebody else starts and drives; the caller's Wi-Fi goes
//! off and on when told.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::case::{Case, Ends};
use crate::host::Radio;
use crate::network::Network;
use crate::servers::{Families, Servers};
use crate::world::{Weather, World};

/// What a driver needs to know. Serialised it is the first line of `ntm-lab app`.
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    /// The caller's namespace: Wi-Fi and a mobile network.
    pub caller: String,
    /// The callee's.
    pub callee: String,
    /// An invitation for everybody.
    pub invitation: String,
}

/// A world with servers and without devices.
#[derive(Debug)]
pub struct AppWorld {
    // Before the world, which takes its networks away.
    servers: Servers,
    ends: Ends,
    world: World,
}

impl AppWorld {
    /// Builds it; the round trip is between the ends, and of each to the servers.
    pub fn build(rtt: Duration, callee: Option<Network>, seed: u64) -> anyhow::Result<Self> {
        let mut world = World::build(Weather { rtt, seed })?;
        let mut ends = Case::Hard.build(&mut world, callee)?;
        let servers = Servers::start(&world, Families::Both)?;
        Case::Hard.prepare(&mut ends)?;
        Ok(Self {
            servers,
            ends,
            world,
        })
    }

    /// Where things are.
    pub fn stage(&self) -> anyhow::Result<Stage> {
        let name = |end: &super::case::Mover| end.host.namespace().name().to_owned();
        Ok(Stage {
            caller: name(&self.ends.caller),
            callee: name(&self.ends.callee),
            invitation: self.servers.invite(9)?,
        })
    }

    /// Switches the caller's Wi-Fi; the moment before it, in milliseconds since 1970.
    pub fn switch_wifi(&mut self, on: bool) -> anyhow::Result<u64> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        if on {
            self.ends.caller.join(Radio::First, 0)?;
        } else {
            self.ends.caller.host.leave(Radio::First)?;
        }
        Ok(u64::try_from(now.as_millis())?)
    }

    /// The folder that goes away with the world.
    pub fn folder(&self) -> &std::path::Path {
        self.world.lease().folder()
    }
}
