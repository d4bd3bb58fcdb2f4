//! The configuration: one commented TOML, each key also as an environment variable.
//!
//! [`load`] reads file and environment, and finds every [`Problem`] there is, not only the first.
//! The commented example in `deploy/ntm-server.toml` holds every key at its default.

mod load;
mod locate;
mod problem;
mod sound;
mod values;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use load::{Environment, Loaded, load};
pub use problem::Problem;
pub(crate) use values::QUIC_PORT;
pub(crate) use values::hex;
pub use values::{Authority, Domain, Endpoint, ServerPublic, Text};

/// The commented example: every key, at its default.
pub const EXAMPLE: &str = include_str!("../deploy/ntm-server.toml");

/// Everything a person can set. Relative paths count from the working directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder for all that must outlive the process.
    pub data_dir: PathBuf,
    /// The domain that this deployment's accounts lie under.
    pub domain: Domain,
    /// Addresses at which others reach this machine; empty: the machine's own towards the Internet.
    pub public_addresses: Vec<IpAddr>,
    /// What is logged.
    pub log: Log,
    /// The Account Server.
    #[serde(rename = "as")]
    pub account_server: AccountServer,
    /// The Direction Coordinator.
    pub dc: Dc,
    /// The Relay Server.
    pub rs: Rs,
    /// How a DC or RS that runs apart joins its Account Server.
    pub enrol: Enrol,
    /// How other domains' DCs are found.
    pub dns: Dns,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// A level, or a filter as of `tracing-subscriber`.
    pub level: String,
    /// The form of a line.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// The Account Server's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountServer {
    /// TCP addresses to listen on.
    pub listen: Vec<Endpoint>,
    /// The URL at which others reach it; empty: made from the public address and the port.
    pub url: String,
    /// Where TLS comes from.
    pub tls: Tls,
    /// The certificate chain, PEM; with `tls = "files"`.
    pub tls_certificate_file: PathBuf,
    /// Its private key, PEM; with `tls = "files"`.
    pub tls_key_file: PathBuf,
    /// Who may make an account.
    pub registration: Registration,
}

/// Where the Account Server's TLS comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// A certificate of its own, whose pin travels in the invitations.
    SelfSigned,
    /// From the two files.
    Files,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Registration {
    /// Nobody.
    Closed,
    /// Whoever holds an invitation.
    Invite,
    /// Everybody.
    Open,
}

/// The Direction Coordinator's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dc {
    /// UDP addresses to listen on.
    pub listen: Vec<Endpoint>,
    /// The addresses nodes are told; empty: the public addresses with the port of `listen`.
    pub public: Vec<SocketAddr>,
    /// Seconds between two questions to the Account Server for names and revocations.
    pub poll_s: u64,
    /// DCs of other domains.
    pub peers: Vec<Peer>,
    /// How nodes that sleep are told of a call.
    pub push: Push,
}

/// The wake service of the Direction Coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Push {
    /// TCP addresses to listen on, at ports of the DC; empty: off.
    pub listen: Vec<Endpoint>,
    /// The most nodes that sleep at once.
    pub max_connections: usize,
}

/// The DC of other domains, pinned by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// The domains it serves.
    pub domains: Vec<Domain>,
    /// Its key.
    pub key: ServerPublic,
    /// The verification key of its Account Server.
    pub authority: Authority,
    /// Where it is; left out: DNS says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Endpoint>,
    /// Whether the same operator runs it, so that virtual IPv4 addresses mean the same at both.
    #[serde(default)]
    pub same_operator: bool,
}

/// The Relay Server's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rs {
    /// UDP addresses to listen on.
    pub listen: Vec<Endpoint>,
    /// The addresses nodes are told; empty: the public addresses with the port of `listen`.
    pub public: Vec<SocketAddr>,
    /// The most legs held at once; a tunnel has two.
    pub max_legs: usize,
    /// Seconds that a stopping RS waits for its legs to leave.
    pub drain_s: u64,
}

/// How a DC or RS that runs apart joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Enrol {
    /// The file that holds the enrolment token; read at the first start only.
    pub token_file: PathBuf,
}

/// How other domains' DCs are found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dns {
    /// Name servers to ask; empty: those of the operating system.
    pub servers: Vec<Endpoint>,
    /// Milliseconds to wait for one answer.
    pub timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "/var/lib/ntm".into(),
            domain: Domain::default(),
            public_addresses: Vec::new(),
            log: Log::default(),
            account_server: AccountServer::default(),
            dc: Dc::default(),
            rs: Rs::default(),
            enrol: Enrol::default(),
            dns: Dns::default(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".into(),
            format: LogFormat::Human,
        }
    }
}

impl Default for AccountServer {
    fn default() -> Self {
        Self {
            listen: Endpoint::any(443),
            url: String::new(),
            tls: Tls::SelfSigned,
            tls_certificate_file: PathBuf::new(),
            tls_key_file: PathBuf::new(),
            registration: Registration::Invite,
        }
    }
}

impl Default for Dc {
    fn default() -> Self {
        Self {
            listen: Endpoint::ntm(),
            public: Vec::new(),
            poll_s: 10,
            peers: Vec::new(),
            push: Push::default(),
        }
    }
}

impl Default for Push {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            max_connections: 4096,
        }
    }
}

impl Default for Rs {
    fn default() -> Self {
        Self {
            listen: Endpoint::ntm(),
            public: Vec::new(),
            max_legs: 100_000,
            drain_s: 0,
        }
    }
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            timeout_ms: 2_000,
        }
    }
}

impl Config {
    /// A file of the data folder.
    pub fn data_file(&self, name: &str) -> PathBuf {
        self.data_dir.join(name)
    }
}

/// Where the configuration lies when the command line does not say: read if it is there.
pub fn default_path() -> &'static Path {
    Path::new("/etc/ntm/ntm-server.toml")
}
