//! What the operating system says: stop, or read the configuration again.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Role, Start};
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::log::Level;

/// SIGTERM and SIGINT stop, SIGHUP reads the configuration again.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

enum Told {
    Stop,
    Reload,
    Ended(&'static str),
}

impl Signals {
    pub(super) fn new() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|e| anyhow::anyhow!("no signals to be had ({e})"));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Until a signal says stop, or a role ends by itself, which it should not.
    pub(super) async fn wait(
        &mut self,
        roles: &mut [Role],
        level: &Level,
        start: &Start,
        running: &Config,
    ) -> Result<(), Failure> {
        loop {
            match self.next(roles).await {
                Told::Stop => return Ok(()),
                Told::Reload => reload(level, start, running),
                Told::Ended(role) => {
                    let message = "ended by itself: its last log lines say why";
                    return Err(anyhow::anyhow!("{role} {message}").into());
                }
            }
        }
    }

    async fn next(&mut self, roles: &mut [Role]) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hang_up.recv() => Told::Reload,
            name = first_ended(roles) => Told::Ended(name),
        }
    }
}

async fn first_ended(roles: &mut [Role]) -> &'static str {
    poll_fn(|cx| {
        for role in roles.iter_mut() {
            if let Poll::Ready(name) = pin!(role.ended()).poll(cx) {
                return Poll::Ready(name);
            }
        }
        Poll::Pending
    })
    .await
}

/// Only the log level changes while the server runs; the rest is said to need a restart.
fn reload(level: &Level, start: &Start, running: &Config) {
    let text = std::fs::read_to_string(&start.config_file).unwrap_or_default();
    let loaded = config::load(&text, &std::env::vars().collect());
    if !loaded.problems.is_empty() {
        for problem in &loaded.problems {
            tracing::error!(%problem, "the configuration is not read again");
        }
        return;
    }
    level.set(&loaded.config.log);
    let mut same = loaded.config;
    same.log.clone_from(&running.log);
    if same == *running {
        tracing::info!("configuration read again");
    } else {
        tracing::warn!("configuration read again: all but the log level changes at the next start");
    }
}
