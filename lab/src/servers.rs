//! The real server in the core, and people who sign in to it.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::address::{RELAY_V4, RELAY_V6, SERVER_V4, SERVER_V6};
use crate::command::{Background, Run};
use crate::deployment::{PASSWORD, succeed};
use crate::host::Host;
use crate::netns::Namespace;
use crate::world::World;

/// The port of DC and RS, and the one that strict networks let out.
const PORTS: [u16; 2] = [7930, 443];
const HTTPS: u16 = 443;

/// Which addresses the server has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Families {
    /// IPv4 and IPv6.
    #[default]
    Both,
    /// IPv4 only: from an IPv6-only network it is reached through NAT64, or not at all.
    V4,
    /// IPv6 only.
    V6,
}

impl Families {
    /// The server's addresses.
    pub fn addresses(self) -> Vec<IpAddr> {
        let (v4, v6) = (IpAddr::from(SERVER_V4), IpAddr::from(SERVER_V6));
        match self {
            Self::Both => vec![v4, v6],
            Self::V4 => vec![v4],
            Self::V6 => vec![v6],
        }
    }

    fn sockets(self, ports: &[u16]) -> String {
        let at = |port: &u16| {
            self.addresses()
                .into_iter()
                .map(|ip| SocketAddr::new(ip, *port))
                .collect::<Vec<_>>()
        };
        let all = ports.iter().flat_map(at).map(|a| a.to_string());
        all.collect::<Vec<_>>().join(",")
    }
}

/// `ntm-server` with both families and both ports; it ends when dropped.
#[derive(Debug)]
pub struct Servers {
    process: Background,
    namespace: Namespace,
    folder: PathBuf,
    families: Families,
}

impl Servers {
    /// Starts it and waits until it listens.
    pub fn start(world: &World, families: Families) -> anyhow::Result<Self> {
        let folder = world.lease().folder().to_owned();
        std::fs::write(folder.join("server.toml"), "")?;
        let ready = folder.join("ready.json");
        let run = command(world.servers(), &folder, families)?;
        let run = run.args(["run", "--ready-file"]).args([&ready]);
        let mut process = run.start(&folder.join("server.log"))?;
        process.wait_for("ready file", |_| ready.is_file().then_some(()))?;
        Ok(Self {
            process,
            namespace: world.servers().clone(),
            folder,
            families,
        })
    }

    /// An invitation for so many accounts.
    pub fn invite(&self, accounts: usize) -> anyhow::Result<String> {
        let uses = accounts.to_string();
        let run = command(&self.namespace, &self.folder, self.families)?
            .args(["invite", "--uses", &uses]);
        let said = succeed(run.finish()?)?.stdout;
        let link = said
            .split_whitespace()
            .find(|w| w.starts_with("legato://invite"));
        Ok(link
            .with_context(|| format!("no link in {said:?}"))?
            .to_owned())
    }

    /// A token with which a relay on another machine joins.
    pub fn relay_token(&self) -> anyhow::Result<String> {
        let run = command(&self.namespace, &self.folder, self.families)?.args(["token", "rs"]);
        Ok(succeed(run.finish()?)?.stdout.trim().to_owned())
    }

    /// Starts `ntm-rs` on a machine of its own; the token is needed the first time only.
    pub fn start_relay(
        &self,
        machine: &Namespace,
        token: Option<&str>,
    ) -> anyhow::Result<Background> {
        let folder = self.folder.join("relay");
        std::fs::create_dir_all(&folder)?;
        let (token_file, ready) = (folder.join("token"), folder.join("ready.json"));
        if let Some(token) = token {
            std::fs::write(&token_file, token)?;
        }
        drop(std::fs::remove_file(&ready));
        let sockets = [IpAddr::from(RELAY_V4), IpAddr::from(RELAY_V6)];
        let listen = sockets.map(|ip| SocketAddr::new(ip, PORTS[0]).to_string());
        let run = Run::inside(machine, "ntm-rs")?
            .env("NTM_CONFIG", self.folder.join("server.toml"))
            .env("NTM_DATA_DIR", folder.join("data"))
            .env(
                "NTM_PUBLIC_ADDRESSES",
                sockets.map(|ip| ip.to_string()).join(","),
            )
            .env("NTM_RS__LISTEN", listen.join(","))
            .env("NTM_ENROL__TOKEN_FILE", &token_file);
        let run = run.args(["run", "--ready-file"]).args([&ready]);
        let mut process = run.start(&folder.join("relay.log"))?;
        process.wait_for("ready file", |_| ready.is_file().then_some(()))?;
        Ok(process)
    }

    /// What the server has said so far.
    pub fn said(&self) -> String {
        self.process.said()
    }

    /// Makes an account with its first device on `host`.
    ///
    /// The device signs in from the server's own network, and then belongs to the host: what is tried
    /// here is how devices connect, on any network, and signing in is HTTPS as everybody knows it.
    pub fn sign_up(&self, name: &str, invitation: &str, host: &Host) -> anyhow::Result<Device> {
        let profile = self.folder.join("profiles").join(name);
        std::fs::create_dir_all(&profile)?;
        let device = Device {
            name: name.to_owned(),
            profile,
            namespace: host.namespace().clone(),
        };
        let run = device.command(&self.namespace)?;
        let run = run.args(["sign-in", "--device", "lab", "--invite", invitation, name]);
        succeed(run.finish()?).with_context(|| format!("{name} signs in"))?;
        Ok(device)
    }
}

fn command(namespace: &Namespace, folder: &Path, families: Families) -> anyhow::Result<Run> {
    let public = families
        .addresses()
        .iter()
        .map(IpAddr::to_string)
        .collect::<Vec<_>>();
    let run = Run::inside(namespace, "ntm-server")?
        .env("NTM_CONFIG", folder.join("server.toml"))
        .env("NTM_DATA_DIR", folder.join("server"))
        .env("NTM_PUBLIC_ADDRESSES", public.join(","))
        .env("NTM_AS__LISTEN", families.sockets(&[HTTPS]))
        .env("NTM_DC__LISTEN", families.sockets(&PORTS))
        .env("NTM_RS__LISTEN", families.sockets(&PORTS));
    Ok(run)
}

/// A signed-in device and the host it is on.
#[derive(Clone, Debug)]
pub struct Device {
    name: String,
    profile: PathBuf,
    namespace: Namespace,
}

impl Device {
    /// The account's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The namespace of its host.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The folder of its profile.
    pub fn profile(&self) -> &Path {
        &self.profile
    }

    /// `ntm` as this device, on its host.
    pub fn ntm(&self) -> anyhow::Result<Run> {
        self.command(&self.namespace)
    }

    fn command(&self, namespace: &Namespace) -> anyhow::Result<Run> {
        let run = Run::inside(namespace, "ntm")?
            .env("NTM_PROFILE", &self.profile)
            .env("NTM_KEYSTORE", "file")
            .env("NTM_PASSWORD", PASSWORD)
            .env("NO_COLOR", "1");
        Ok(run)
    }

    /// Lets another one learn this device's addresses, so that direct routes are allowed.
    pub fn add_contact(&self, name: &str) -> anyhow::Result<()> {
        let run = self.ntm()?.args(["contact", "add", name]);
        succeed(run.finish()?)?;
        Ok(())
    }
}
