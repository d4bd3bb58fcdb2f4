//! The real servers at the core, and people who sign in to them.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::address::{ABROAD, Machine, RELAY, SERVERS};
use crate::command::{Background, Run};
use crate::deployment::{PASSWORD, link_in, succeed};
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
    fn addresses(self, machine: &Machine) -> Vec<IpAddr> {
        let (v4, v6) = machine.own;
        match self {
            Self::Both => vec![v4.into(), v6.into()],
            Self::V4 => vec![v4.into()],
            Self::V6 => vec![v6.into()],
        }
    }
}

/// One operator: where its server stands, and which names it gives.
#[derive(Clone, Debug)]
struct Operator {
    machine: Machine,
    namespace: Namespace,
    families: Families,
    folder: PathBuf,
    /// `None`: a made-up one, as without a domain of one's own.
    domain: Option<&'static str>,
}

/// `ntm-server` with both ports; it ends when dropped.
#[derive(Debug)]
pub struct Servers {
    /// `None` after [`Servers::kill`].
    process: Option<Background>,
    operator: Operator,
    /// With which other people's devices are told of it.
    link: Option<String>,
}

impl Servers {
    /// Starts it and waits until it listens.
    pub fn start(world: &World, families: Families) -> anyhow::Result<Self> {
        let operator = Operator {
            machine: SERVERS,
            namespace: world.servers().clone(),
            families,
            folder: world.lease().folder().to_owned(),
            domain: None,
        };
        operator.configure("")?;
        operator.start(None)
    }

    /// Starts those of two operators, in two places, each with the other's coordinator in its configuration.
    pub fn start_two(world: &mut World, families: Families) -> anyhow::Result<[Self; 2]> {
        let here = world.servers().clone();
        let abroad = world.add_abroad()?;
        let of = |machine, namespace, domain| Operator {
            machine,
            namespace,
            families,
            folder: world.lease().folder().join(domain),
            domain: Some(domain),
        };
        let one = of(SERVERS, here, "one.example");
        let two = of(ABROAD, abroad, "two.example");
        let (of_one, of_two) = (one.introduction()?, two.introduction()?);
        one.configure(&of_two)?;
        two.configure(&of_one)?;
        Ok([one.start(link_in(&of_one))?, two.start(link_in(&of_two))?])
    }

    /// Its process, unless it was killed.
    pub(crate) fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Background::id)
    }

    /// Its addresses.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.operator.addresses()
    }

    /// An invitation for so many accounts.
    pub fn invite(&self, accounts: usize) -> anyhow::Result<String> {
        let uses = accounts.to_string();
        let run = self.operator.command()?;
        let run = run.args(["invite", "--uses", &uses]);
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
        let run = self.operator.command()?.args(["token", "rs"]);
        Ok(succeed(run.finish()?)?.stdout.trim().to_owned())
    }

    /// Starts `ntm-rs` on a machine of its own; the token is needed the first time only.
    pub fn start_relay(
        &self,
        machine: &Namespace,
        token: Option<&str>,
    ) -> anyhow::Result<Background> {
        let folder = self.operator.folder.join("relay");
        std::fs::create_dir_all(&folder)?;
        let (token_file, ready) = (folder.join("token"), folder.join("ready.json"));
        if let Some(token) = token {
            std::fs::write(&token_file, token)?;
        }
        drop(std::fs::remove_file(&ready));
        let (v4, v6) = RELAY.own;
        let sockets = [IpAddr::from(v4), IpAddr::from(v6)];
        let listen = sockets.map(|ip| SocketAddr::new(ip, PORTS[0]).to_string());
        let run = Run::inside(machine, "ntm-rs")?
            .env("NTM_CONFIG", self.operator.config())
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
        self.process
            .as_ref()
            .map(Background::said)
            .unwrap_or_default()
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.process.take().map_or(Ok(()), Background::kill)
    }

    /// Starts it again if it was killed; whether it was.
    pub fn revive(&mut self) -> anyhow::Result<bool> {
        if self.process.is_some() {
            return Ok(false);
        }
        self.process = Some(self.operator.run()?);
        Ok(true)
    }

    /// Makes an account with its first device on `host`.
    ///
    /// The device signs in from the server's own network, and then belongs to the host: what is tried
    /// here is how devices connect, on any network, and signing in is HTTPS as everybody knows it.
    pub fn sign_up(&self, name: &str, invitation: &str, host: &Host) -> anyhow::Result<Device> {
        let profile = self.operator.folder.join("profiles").join(name);
        std::fs::create_dir_all(&profile)?;
        let domain = self.operator.domain;
        let device = Device {
            name: domain.map_or(name.to_owned(), |d| format!("{name}@{d}")),
            profile,
            namespace: host.namespace().clone(),
        };
        let run = device.command(&self.operator.namespace)?;
        let run = run.args(["sign-in", "--device", "lab", "--invite", invitation, name]);
        succeed(run.finish()?).with_context(|| format!("{name} signs in"))?;
        Ok(device)
    }

    /// Makes a device of another operator's know this one, as its owner would: on a network with a wire
    /// to it, as for signing in.
    pub fn introduce_to(&self, device: &Device) -> anyhow::Result<()> {
        let link = self.link.as_ref().context("a server with a link")?;
        let run = device.command(&self.operator.namespace)?;
        let run = run.args(["operator", "add", link]);
        succeed(run.finish()?).with_context(|| format!("{} adds the operator", device.name))?;
        Ok(())
    }
}

impl Operator {
    fn addresses(&self) -> Vec<IpAddr> {
        self.families.addresses(&self.machine)
    }

    fn config(&self) -> PathBuf {
        self.folder.join("server.toml")
    }

    fn configure(&self, text: &str) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        Ok(std::fs::write(self.config(), text)?)
    }

    /// What it gives the other operator to put into the configuration.
    fn introduction(&self) -> anyhow::Result<String> {
        self.configure("")?;
        Ok(succeed(self.command()?.args(["peer"]).finish()?)?.stdout)
    }

    fn start(self, link: Option<String>) -> anyhow::Result<Servers> {
        Ok(Servers {
            process: Some(self.run()?),
            operator: self,
            link,
        })
    }

    fn run(&self) -> anyhow::Result<Background> {
        let ready = self.folder.join("ready.json");
        drop(std::fs::remove_file(&ready));
        let run = self.command()?.args(["run", "--ready-file"]).args([&ready]);
        let mut process = run.start(&self.folder.join("server.log"))?;
        process.wait_for("ready file", |_| ready.is_file().then_some(()))?;
        Ok(process)
    }

    fn command(&self) -> anyhow::Result<Run> {
        let run = Run::inside(&self.namespace, "ntm-server")?
            .env("NTM_CONFIG", self.config())
            .env("NTM_DATA_DIR", self.folder.join("server"))
            .env("NTM_PUBLIC_ADDRESSES", list(&self.addresses()))
            .env("NTM_AS__LISTEN", list(&self.sockets(&[HTTPS])))
            .env("NTM_DC__LISTEN", list(&self.sockets(&PORTS)))
            .env("NTM_RS__LISTEN", list(&self.sockets(&PORTS)));
        Ok(match self.domain {
            Some(domain) => run.env("NTM_DOMAIN", domain),
            None => run,
        })
    }

    fn sockets(&self, ports: &[u16]) -> Vec<SocketAddr> {
        let at = |port: &u16| {
            let all = self.addresses().into_iter();
            all.map(|ip| SocketAddr::new(ip, *port)).collect::<Vec<_>>()
        };
        ports.iter().flat_map(at).collect()
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    let texts: Vec<String> = items.iter().map(T::to_string).collect();
    texts.join(",")
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

    /// Another program of the product as this device, on its host.
    pub fn program(&self, name: &str) -> anyhow::Result<Run> {
        self.run(&self.namespace, name)
    }

    fn command(&self, namespace: &Namespace) -> anyhow::Result<Run> {
        self.run(namespace, "ntm")
    }

    fn run(&self, namespace: &Namespace, name: &str) -> anyhow::Result<Run> {
        let run = Run::inside(namespace, name)?
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
