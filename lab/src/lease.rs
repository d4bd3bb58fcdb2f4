//! [`Lease`]: a run's right to make things, and the certainty that they go away.
//!
//! Every namespace of a run carries the run's prefix, and everything it writes lies in one folder, which
//! a locked file belongs to. The kernel drops the lock with the process, however that ends; so whoever
//! finds a folder without a lock may remove all that carries its prefix.

mod sweep;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, bail};
use nix::sched::{CloneFlags, unshare};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::netns::Namespace;

pub use sweep::Swept;

/// Folders of all runs of this machine.
const FOLDERS: &str = "/run/ntm-lab";
const PREFIX: &str = "ntm-lab-";
/// What a shell makes of a death by SIGINT.
const INTERRUPTED: i32 = 130;

/// Closed for good once the run is being torn down, so that nothing is made behind the broom's back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<Mutex<bool>>);

impl Gate {
    /// Whoever makes something holds this while making it.
    pub(crate) fn pass(&self) -> anyhow::Result<MutexGuard<'_, bool>> {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *guard {
            bail!("the lab is being torn down");
        }
        Ok(guard)
    }

    fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

/// A run's name and folder; dropping it removes every namespace, process and file of the run.
#[derive(Debug)]
pub struct Lease {
    id: String,
    folder: PathBuf,
    gate: Gate,
    _lock: File,
}

impl Lease {
    /// Removes what dead runs left, and begins a run.
    pub fn take() -> anyhow::Result<Self> {
        is_allowed()?;
        clean()?;
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}-{serial}", std::process::id());
        let folder = Path::new(FOLDERS).join(&id);
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let lock = locked_file(&folder)?;
        let gate = Gate::default();
        watch_signals()?;
        running().push((id.clone(), gate.clone()));
        Ok(Self {
            id,
            folder,
            gate,
            _lock: lock,
        })
    }

    /// A namespace of this run.
    pub fn namespace(&self, name: &str) -> anyhow::Result<Namespace> {
        Namespace::create(&self.gate, format!("{PREFIX}{}-{name}", self.id))
    }

    /// Where the run keeps its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.gate.close();
        running().retain(|(id, _)| *id != self.id);
        // A failure leaves a folder without a lock: the next run's to remove.
        drop(sweep::sweep(&self.id));
    }
}

/// Locked before it has the name that others look at.
fn locked_file(folder: &Path) -> anyhow::Result<File> {
    let unnamed = folder.join("lock.new");
    let lock = File::create(&unnamed).context("lock file")?;
    lock.try_lock().context("locking a new file")?;
    std::fs::rename(unnamed, folder.join("lock"))?;
    Ok(lock)
}

/// Removes what runs left that no longer live.
pub fn clean() -> anyhow::Result<Vec<Swept>> {
    let mut swept = Vec::new();
    for id in ids()? {
        if let Some(_claim) = claim(&id)? {
            swept.push(sweep::sweep(&id)?);
        }
    }
    Ok(swept)
}

/// Runs by their folders, and by namespaces whose folder is gone.
fn ids() -> anyhow::Result<Vec<String>> {
    let mut ids = sweep::names_in(Path::new(FOLDERS))?;
    let names = sweep::names_in(Path::new(crate::netns::NAMES))?;
    ids.extend(names.iter().filter_map(|n| id_of(n)));
    ids.sort();
    ids.dedup();
    Ok(ids)
}

/// `77-0` of `ntm-lab-77-0-core`.
fn id_of(namespace: &str) -> Option<String> {
    let mut parts = namespace.strip_prefix(PREFIX)?.splitn(3, '-');
    let (pid, serial) = (parts.next()?, parts.next()?);
    let digits = |t: &str| !t.is_empty() && t.chars().all(|c| c.is_ascii_digit());
    (digits(pid) && digits(serial)).then(|| format!("{pid}-{serial}"))
}

/// The right to sweep a dead run away: nobody else sweeps it while this is held.
#[derive(Debug)]
struct Claim {
    _lock: Option<File>,
}

/// `None` if the run lives, or somebody else sweeps it.
fn claim(id: &str) -> anyhow::Result<Option<Claim>> {
    let Ok(lock) = File::open(Path::new(FOLDERS).join(id).join("lock")) else {
        // Not locked yet, or swept but for a namespace: the process decides.
        let pid = id.split('-').next().unwrap_or_default();
        let lives = Path::new("/proc").join(pid).exists();
        return Ok((!lives).then_some(Claim { _lock: None }));
    };
    match lock.try_lock() {
        Ok(()) => Ok(Some(Claim { _lock: Some(lock) })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).context("looking at a lock"),
    }
}

/// What a signal must sweep away.
fn running() -> MutexGuard<'static, Vec<(String, Gate)>> {
    static RUNNING: Mutex<Vec<(String, Gate)>> = Mutex::new(Vec::new());
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on SIGINT, SIGTERM and SIGHUP tear down first.
fn watch_signals() -> anyhow::Result<()> {
    static WATCHED: Mutex<bool> = Mutex::new(false);
    let mut watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*watched {
        let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("watching signals")?;
        std::thread::spawn(move || tear_down_at(signals));
        *watched = true;
    }
    Ok(())
}

fn tear_down_at(mut signals: Signals) {
    if signals.forever().next().is_none() {
        return;
    }
    let all = std::mem::take(&mut *running());
    for (id, gate) in all {
        gate.close();
        drop(sweep::sweep(&id));
    }
    std::process::exit(INTERRUPTED);
}

/// What the lab calls, with the package that brings it.
const TOOLS: &[(&str, &str)] = &[("ip", "iproute2"), ("nft", "nftables"), ("tayga", "tayga")];

/// Whether this process may make namespaces and devices, and has the tools; the error says what to do.
pub fn is_allowed() -> anyhow::Result<()> {
    anyhow::ensure!(
        nix::unistd::geteuid().is_root(),
        "network namespaces need root: run it with sudo"
    );
    anyhow::ensure!(
        Path::new("/dev/net/tun").exists(),
        "no /dev/net/tun: a container must be given this device"
    );
    // A thread of its own, since this one is to stay where it is.
    let unshared = std::thread::spawn(|| unshare(CloneFlags::CLONE_NEWNET)).join();
    unshared
        .map_err(|_| anyhow::anyhow!("a thread panicked"))?
        .context("making a network namespace")?;
    let missing: Vec<&str> = TOOLS
        .iter()
        .filter(|(tool, _)| !is_installed(tool))
        .map(|(_, p)| *p)
        .collect();
    if !missing.is_empty() {
        bail!(
            "missing tools; run: apt-get install -y {}",
            missing.join(" ")
        );
    }
    Ok(())
}

pub(crate) fn is_installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.into_iter().any(|f| f.join(tool).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_tells_its_run_and_foreign_ones_tell_nothing() {
        assert_eq!(id_of("ntm-lab-77-0-a-home-nat").as_deref(), Some("77-0"));
        assert_eq!(id_of("ntm-lab-77"), None);
        assert_eq!(id_of("ntm-lab-of-somebody-else"), None);
        assert_eq!(id_of("docker-77-0"), None);
    }
}
