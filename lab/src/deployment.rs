//! A server of one's own on the loopback, and devices signed in to it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::command::{Background, Outcome, Run};

/// The password of everybody here.
pub const PASSWORD: &str = "correct horse battery staple";

/// `ntm-server` with everything it keeps in a folder that goes away with it.
#[derive(Debug)]
pub struct Deployment {
    server: Option<Background>,
    folder: TempDir,
    /// `None`: a made-up one.
    domain: Option<String>,
    ready: serde_json::Value,
    first_invitation: String,
}

impl Deployment {
    /// Starts a server on free ports of the loopback.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_in(None)
    }

    /// Starts the servers of two operators, each with the other's coordinator in its configuration.
    pub fn start_two(domains: [&str; 2]) -> anyhow::Result<[Self; 2]> {
        let mut both = [
            Self::start_in(Some(domains[0]))?,
            Self::start_in(Some(domains[1]))?,
        ];
        for one in &mut both {
            one.stop_server()?;
        }
        let said = [both[0].introduction()?, both[1].introduction()?];
        for (one, other) in both.iter_mut().zip(said.iter().rev()) {
            std::fs::write(one.config(), other)?;
            one.restart_server()?;
            one.first_invitation = one.server()?.wait_for("set-up link", link_in)?;
        }
        Ok(both)
    }

    fn start_in(domain: Option<&str>) -> anyhow::Result<Self> {
        let mut this = Self {
            server: None,
            folder: tempfile::tempdir()?,
            domain: domain.map(str::to_owned),
            ready: serde_json::Value::Null,
            first_invitation: String::new(),
        };
        std::fs::write(this.config(), "")?;
        this.run_server("127.0.0.1:0", "127.0.0.1:0")?;
        this.first_invitation = this.server()?.wait_for("set-up link", link_in)?;
        Ok(this)
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("server.toml")
    }

    /// What it gives another operator to put into the configuration.
    pub fn introduction(&self) -> anyhow::Result<String> {
        let run = self.server_run(&self.address("as")?, &self.address("dc")?)?;
        Ok(succeed(run.args(["peer"]).finish()?)?.stdout)
    }

    fn run_server(&mut self, https: &str, udp: &str) -> anyhow::Result<()> {
        let ready = self.folder.path().join("ready.json");
        drop(std::fs::remove_file(&ready));
        let run = self
            .server_run(https, udp)?
            .args(["run", "--ready-file"])
            .args([&ready]);
        let mut server = run.start(&self.folder.path().join("server.log"))?;
        self.ready = server.wait_for("ready file", |_| {
            serde_json::from_str(&std::fs::read_to_string(&ready).ok()?).ok()
        })?;
        self.server = Some(server);
        Ok(())
    }

    /// The server's command with this deployment's settings.
    pub fn server_run(&self, https: &str, udp: &str) -> anyhow::Result<Run> {
        let run = Run::new("ntm-server")?
            .env("NTM_CONFIG", self.config())
            .env("NTM_DATA_DIR", self.folder.path().join("server"))
            .env("NTM_PUBLIC_ADDRESSES", "127.0.0.1")
            .env("NTM_AS__LISTEN", https)
            .env("NTM_DC__LISTEN", udp)
            // Beside the DC, on the port that it has.
            .env("NTM_DC__PUSH__LISTEN", "127.0.0.1:0")
            .env("NTM_RS__LISTEN", udp);
        Ok(match &self.domain {
            Some(domain) => run.env("NTM_DOMAIN", domain),
            None => run,
        })
    }

    fn server(&mut self) -> anyhow::Result<&mut Background> {
        self.server.as_mut().context("the server is not running")
    }

    /// What the server has said so far.
    pub fn server_said(&self) -> String {
        self.server
            .as_ref()
            .map(Background::said)
            .unwrap_or_default()
    }

    /// Stops the server with SIGTERM; returns its exit code.
    pub fn stop_server(&mut self) -> anyhow::Result<Option<i32>> {
        self.server
            .take()
            .context("the server is not running")?
            .terminate()
    }

    /// Starts the server again, on the ports it had.
    pub fn restart_server(&mut self) -> anyhow::Result<()> {
        let (https, udp) = (self.address("as")?, self.address("dc")?);
        self.run_server(&https, &udp)
    }

    /// The first address a role listens on.
    pub fn address(&self, role: &str) -> anyhow::Result<String> {
        let first = self
            .ready
            .get(role)
            .and_then(|list| list.get(0))
            .and_then(|a| a.as_str());
        first
            .map(str::to_owned)
            .with_context(|| format!("{role} is not in the ready file: {}", self.ready))
    }

    /// The folder of somebody's profile.
    pub fn profile(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A folder to leave files in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command of somebody's device.
    pub fn ntm(&self, name: &str) -> anyhow::Result<Run> {
        Ok(Run::ntm(&self.profile(name))?.env("NTM_PASSWORD", PASSWORD))
    }

    /// Makes the first account with the set-up link.
    pub fn sign_up_first(&self, name: &str) -> anyhow::Result<()> {
        self.sign_up(name, &self.first_invitation)
    }

    /// Makes an account with an invitation.
    pub fn sign_up(&self, name: &str, invitation: &str) -> anyhow::Result<()> {
        succeed(
            self.ntm(name)?
                .args([
                    "sign-in", "--device", "laptop", "--invite", invitation, name,
                ])
                .finish()?,
        )?;
        Ok(())
    }

    /// The link with which devices of other operators are told of this server.
    pub fn link(&self) -> anyhow::Result<String> {
        link_in(&self.introduction()?).context("no link in the introduction")
    }

    /// An invitation from somebody.
    pub fn invite(&self, by: &str) -> anyhow::Result<String> {
        Ok(succeed(self.ntm(by)?.args(["invite"]).finish()?)?
            .stdout
            .trim()
            .to_owned())
    }

    /// The link with which somebody's other devices find the server.
    pub fn server_link(&self, of: &str) -> anyhow::Result<String> {
        let devices = succeed(self.ntm(of)?.args(["devices"]).finish()?)?;
        link_in(&devices.stdout).context("no server link among the devices")
    }

    /// Both add each other to their contacts, so that direct routes are allowed.
    pub fn befriend(&self, one: &str, other: &str) -> anyhow::Result<()> {
        for (who, whom) in [(one, other), (other, one)] {
            succeed(self.ntm(who)?.args(["contact", "add", whom]).finish()?)?;
        }
        Ok(())
    }

    /// Starts `ntm echo` as somebody, and waits until it answers.
    pub fn echo(&self, name: &str) -> anyhow::Result<Background> {
        let mut echo = self
            .ntm(name)?
            .args(["echo"])
            .start(&self.folder.path().join(format!("{name}.log")))?;
        echo.wait_for("answering", |said| {
            said.contains("answers on").then_some(())
        })?;
        Ok(echo)
    }
}

/// The outcome, if the command succeeded.
pub fn succeed(outcome: Outcome) -> anyhow::Result<Outcome> {
    ensure!(
        outcome.code == Some(0),
        "exit code {:?}\n{}{}",
        outcome.code,
        outcome.stdout,
        outcome.stderr
    );
    Ok(outcome)
}

/// The first link in a text.
pub(crate) fn link_in(text: &str) -> Option<String> {
    let start = text.find("legato://")?;
    let rest = text.get(start..)?;
    let end = rest.find(|c: char| c.is_whitespace() || c == '"')?;
    rest.get(..end).map(str::to_owned)
}
