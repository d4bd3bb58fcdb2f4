//! Links that are changed from outside while a run goes on: a socket in the run's folder.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::wire::{Quality, Wire};

/// The variable that tells a shell's commands where the socket is.
pub const VARIABLE: &str = "NTM_LAB_CONTROL";

/// What is asked for: a line of JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Wish {
    link: String,
    quality: Quality,
}

/// Serves the socket until the process ends.
pub fn serve(folder: &Path, links: BTreeMap<String, Arc<Wire>>) -> anyhow::Result<PathBuf> {
    let path = folder.join("control");
    let listener = UnixListener::bind(&path).with_context(|| path.display().to_string())?;
    std::thread::Builder::new()
        .name("control".to_owned())
        .spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever asked and left gets no answer.
                let _ = answer(&stream, &links);
            }
        })?;
    Ok(path)
}

fn answer(mut stream: &UnixStream, links: &BTreeMap<String, Arc<Wire>>) -> anyhow::Result<()> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let said = match obey(&line, links) {
        Ok(()) => "ok".to_owned(),
        Err(error) => format!("{error:#}"),
    };
    Ok(stream.write_all(said.as_bytes())?)
}

fn obey(line: &str, links: &BTreeMap<String, Arc<Wire>>) -> anyhow::Result<()> {
    let wish: Wish = serde_json::from_str(line)?;
    let names = || links.keys().cloned().collect::<Vec<_>>().join(", ");
    let link = links.get(&wish.link);
    link.with_context(|| format!("there is no link {:?}, only {}", wish.link, names()))?
        .set(wish.quality);
    Ok(())
}

/// Asks a run to change a link.
pub fn change(socket: &Path, link: &str, quality: Quality) -> anyhow::Result<()> {
    let mut stream = UnixStream::connect(socket).context("no run listens there any more")?;
    let wish = Wish {
        link: link.to_owned(),
        quality,
    };
    writeln!(stream, "{}", serde_json::to_string(&wish)?)?;
    let mut said = String::new();
    BufReader::new(stream).read_line(&mut said)?;
    anyhow::ensure!(said == "ok", "{said}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_link_is_answered_with_those_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let socket = serve(folder.path(), BTreeMap::new()).unwrap();
        let error = change(&socket, "a-mars", Quality::default()).unwrap_err();
        assert!(error.to_string().contains("a-mars"), "{error}");
    }
}
