//! The binaries under test: beside the test itself, where cargo puts them.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};

/// Where the programs of others are, if not beside the lab's own.
pub const PEERS: &str = "NTM_LAB_PEERS";

/// The program of a peer that ours are compared with.
pub fn find_peer(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("this program's own path")?;
    let folders = own.ancestors().skip(1).map(PathBuf::from);
    let said = std::env::var_os(PEERS).map(PathBuf::from);
    let name = format!("peer-{name}");
    let mut paths = said.into_iter().chain(folders).map(|dir| dir.join(&name));
    let found = paths.find(|path| path.is_file());
    found.with_context(|| {
        format!("no {name} in ${PEERS} or beside ntm-lab: run `make lab-peers` first")
    })
}

/// The path of a binary of this workspace.
pub fn find(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("this program's own path")?;
    let folder = own.ancestors().find(|dir| dir.join(name).is_file());
    let folder = folder.with_context(|| {
        format!(
            "no {name} was built beside {}: run `cargo build --workspace` first",
            own.display()
        )
    })?;
    let path = folder.join(name);
    ensure!(path.is_file(), "{} is no program", path.display());
    Ok(path)
}
