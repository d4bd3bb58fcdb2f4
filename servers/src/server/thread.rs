//! A role on a thread and runtime of its own, so that a busy one never delays another.

use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::driver::{Driver, Machine};
use crate::failure::Failure;

/// A role at work.
pub(crate) struct Role {
    name: &'static str,
    ended: oneshot::Receiver<()>,
}

impl Role {
    /// Resolves when the role's thread is gone.
    pub(crate) async fn ended(&mut self) -> &'static str {
        // A dropped sender means the same: the thread is gone.
        drop((&mut self.ended).await);
        self.name
    }
}

/// The runtime that a role's sockets belong to.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    built.map_err(|e| anyhow::anyhow!("no event loop to be had ({e})").into())
}

/// Drives `machine` on a thread of its own.
pub(crate) fn spawn<M: Machine + Send + 'static>(
    name: &'static str,
    runtime: Runtime,
    driver: Driver<M>,
    machine: M,
    grace: Duration,
) -> Result<Role, Failure> {
    let (end, ended) = oneshot::channel();
    let work = move || {
        let _end = end;
        runtime.block_on(driver.run(machine, grace));
    };
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|e| anyhow::anyhow!("no thread to be had for {name} ({e})"))?;
    Ok(Role { name, ended })
}

/// Waits until all are gone.
pub(crate) async fn join(roles: Vec<Role>) -> Result<(), Failure> {
    for mut role in roles {
        role.ended().await;
    }
    Ok(())
}
