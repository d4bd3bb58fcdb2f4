//! What the driver leaves to the keeper: the key of another operator's account server.

use std::sync::Arc;

use ntm_proto::{Authority, NoAuthority};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::time::Now;

use super::{Command, Driver};
use crate::config::Keeper;
use crate::event::Event;

impl Driver {
    pub(super) fn find_authority(&mut self, domain: Fqdn) {
        let Some(keeper) = self.keeper.clone() else {
            let why = "this program looks for no keys of other operators".to_owned();
            let now = self.clock.now();
            return self.take_authority(now, Err(NoAuthority { domain, why }));
        };
        let commands = self.wires.own_commands.clone();
        tokio::spawn(async move {
            let found = find(keeper, domain).await;
            // The node may be gone meanwhile.
            if let Some(commands) = commands.upgrade() {
                let _ = commands.send(Command::Authority(found));
            }
        });
    }

    pub(super) fn take_authority(&mut self, now: Now, found: Result<Authority, NoAuthority>) {
        match found {
            Ok(authority) => self.node.set_authority(now, authority),
            Err(refusal) => {
                tracing::warn!("another operator's key was not found: its people are refused");
                self.node.refuse_authority(now, &refusal);
                self.publish(Event::OperatorRefused(refusal));
            }
        }
    }
}

async fn find(keeper: Arc<dyn Keeper>, domain: Fqdn) -> Result<Authority, NoAuthority> {
    let key = keeper.authority(&domain).await?;
    Ok(Authority { domain, key })
}
