//! The broom: processes first, then namespaces, then files.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{FOLDERS, PREFIX};
use crate::netns::{NAMES, succeed};

/// So long processes that were killed may take to go.
const PATIENCE: Duration = Duration::from_secs(3);

/// What was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// The run: process id and number.
    pub id: String,
    /// Processes that still ran.
    pub processes: usize,
    /// Namespaces.
    pub namespaces: usize,
}

/// Removes everything that carries the run's prefix.
pub(super) fn sweep(id: &str) -> anyhow::Result<Swept> {
    let prefix = format!("{PREFIX}{id}-");
    let mut names = names_in(Path::new(NAMES))?;
    names.retain(|n| n.starts_with(&prefix));
    let processes = end_processes(&names)?;
    delete(&names)?;
    for name in &names {
        remove_folder(&Path::new("/etc/netns").join(name))?;
    }
    remove_folder(&Path::new(FOLDERS).join(id))?;
    Ok(Swept {
        id: id.to_owned(),
        processes,
        namespaces: names.len(),
    })
}

/// Names in a folder; none if there is no folder.
pub(super) fn names_in(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| folder.display().to_string()),
    };
    let name = |e: std::fs::DirEntry| e.file_name().into_string().ok();
    Ok(entries.flatten().filter_map(name).collect())
}

/// Kills what runs in the namespaces, and waits until it is gone. How many there were.
fn end_processes(namespaces: &[String]) -> anyhow::Result<usize> {
    let inodes: BTreeSet<u64> = namespaces.iter().filter_map(|n| inode(n)).collect();
    let first = processes_in(&inodes)?;
    let until = Instant::now() + PATIENCE;
    let mut left = first.clone();
    while !left.is_empty() && Instant::now() < until {
        for pid in &left {
            // Gone in the meantime is as good.
            let _ = kill(*pid, Signal::SIGKILL);
        }
        std::thread::sleep(Duration::from_millis(5));
        left = processes_in(&inodes)?;
    }
    Ok(first.len())
}

fn inode(namespace: &str) -> Option<u64> {
    let file = std::fs::metadata(Path::new(NAMES).join(namespace)).ok()?;
    Some(file.ino())
}

/// Processes whose network is one of these namespaces; never this one.
fn processes_in(inodes: &BTreeSet<u64>) -> anyhow::Result<Vec<Pid>> {
    let own = std::process::id();
    let mut found = Vec::new();
    for name in names_in(Path::new("/proc"))? {
        let Some(pid) = name.parse::<u32>().ok().filter(|p| *p != own) else {
            continue;
        };
        let network = std::fs::metadata(format!("/proc/{pid}/ns/net"));
        if network.is_ok_and(|n| inodes.contains(&n.ino())) {
            found.push(Pid::from_raw(i32::try_from(pid)?));
        }
    }
    Ok(found)
}

/// One that is gone already is as good; one that stays does not keep the others.
fn delete(names: &[String]) -> anyhow::Result<()> {
    let mut result = Ok(());
    for name in names {
        let done = Command::new("ip").args(["netns", "delete", name]).output();
        let done = succeed("ip netns delete", &done.context("ip")?);
        if Path::new(NAMES).join(name).exists() {
            result = result.and(done);
        }
    }
    result
}

fn remove_folder(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| folder.display().to_string())
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
