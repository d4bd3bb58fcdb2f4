//! The binaries under test: beside the test itself, where cargo puts them.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};

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
