//! What the driver leaves to the keeper: a new ticket at half of the old one's life, and pins.

use std::sync::Arc;
use std::time::Duration;

use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::RootKey;
use tokio::sync::{broadcast, mpsc};

use super::{Command, Driver};
use crate::config::Keeper;
use crate::event::Event;

/// The first wait after a failure; doubled up to the last. Half a ticket's life leaves 3.5 days.
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LAST_WAIT: Duration = Duration::from_secs(3600);

impl Driver {
    pub(super) fn keep_pin(&self, account: &Fqdn, root: RootKey) {
        let Some(keeper) = self.keeper.clone() else {
            return;
        };
        let account = account.clone();
        tokio::task::spawn_blocking(move || keeper.pinned(&account, &root));
    }

    pub(super) fn fetch_ticket(&mut self) {
        let Some(keeper) = self.keeper.clone().filter(|_| !self.renewing) else {
            return;
        };
        self.renewing = true;
        let commands = self.wires.own_commands.clone();
        tokio::spawn(fetch(keeper, commands, self.wires.events.clone()));
    }
}

async fn fetch(
    keeper: Arc<dyn Keeper>,
    commands: mpsc::WeakUnboundedSender<Command>,
    events: broadcast::Sender<Event>,
) {
    let mut wait = FIRST_WAIT;
    loop {
        let result = keeper.renew().await;
        // The node is gone: so is the need.
        let Some(commands) = commands.upgrade() else {
            return;
        };
        match result {
            Ok(renewal) => {
                let _ = events.send(Event::TicketRenewed {
                    expires: renewal.ticket_expires,
                });
                let _ = commands.send(Command::Renew(Box::new(renewal)));
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "the ticket was not renewed");
                let _ = events.send(Event::RenewalFailed {
                    why: error.why,
                    again_in: wait,
                });
                if error.is_final {
                    return;
                }
            }
        }
        drop(commands);
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LAST_WAIT);
    }
}
