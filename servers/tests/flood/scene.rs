//! The real `ntm-server`, and three people signed in to it: two talk over its relay, one is late.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use ntm::account::{Device, Invitation, Session, sign_up};
use ntm::keystore::Choice;
use ntm::{Config, Node, Profile};
use ntm_wire::key::{KeyPair, SecretKey, ServerKey};
use tempfile::TempDir;

use super::generator::Target;
use super::usage::Usage;

/// Generous, for a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_secs(3600);

pub(crate) struct Scene {
    server: Child,
    pub(crate) target: Target,
    pub(crate) alice: Node,
    pub(crate) bob: Node,
    /// Who is not there yet.
    pub(crate) carol: Config,
    _folder: TempDir,
}

impl Drop for Scene {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

impl Scene {
    /// `cpu`: one for the server alone.
    pub(crate) async fn set(cpu: Option<usize>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = start(folder.path());
        let ready = wait_for(|| std::fs::read_to_string(folder.path().join("ready.json")).ok());
        let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
        let addr: SocketAddr = ready["dc"][0].as_str().unwrap().parse().unwrap();
        let key = |name| server_key(&folder.path().join("data").join(name));
        let target = Target {
            addr,
            dc: key("dc.key"),
            rs: key("rs.key"),
        };
        let first: Invitation = wait_for(|| link(folder.path())).parse().unwrap();
        let alice = person(&first, "alice").await;
        let session = Session::of(&alice.membership, &alice.secrets).unwrap();
        let others = session.invite(2, HOUR).await.unwrap();
        let (bob, carol) = (person(&others, "bob").await, person(&others, "carol").await);
        if let Some(cpu) = cpu {
            pin_all(&server, cpu);
        }
        Self {
            server,
            target,
            alice: node(&alice).await,
            bob: node(&bob).await,
            carol: config(&carol),
            _folder: folder,
        }
    }

    /// What the server has used so far.
    pub(crate) fn usage(&self) -> Usage {
        Usage::of(self.server.id(), self.target.addr.port())
    }
}

fn pin_all(server: &Child, cpu: usize) {
    let threads = std::fs::read_dir(format!("/proc/{}/task", server.id()));
    for thread in threads.unwrap() {
        let name = thread.unwrap().file_name();
        let id = name.to_str().unwrap().parse().unwrap();
        pin(Pid::from_raw(id), cpu);
    }
}

/// Keeps a thread on one CPU; thread 0 is the caller.
pub(crate) fn pin(thread: Pid, cpu: usize) {
    let mut cpus = CpuSet::new();
    cpus.set(cpu).unwrap();
    sched_setaffinity(thread, &cpus).unwrap();
}

fn start(folder: &Path) -> Child {
    let config = folder.join("config.toml");
    std::fs::write(&config, "").unwrap();
    let log = File::create(folder.join("log")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_ntm-server"))
        .args(["run", "--ready-file"])
        .arg(folder.join("ready.json"))
        .env("NTM_CONFIG", config)
        .env("NTM_DATA_DIR", folder.join("data"))
        .env("NTM_PUBLIC_ADDRESSES", "127.0.0.1")
        .env("NTM_AS__LISTEN", "127.0.0.1:0")
        .env("NTM_DC__LISTEN", "127.0.0.1:0")
        .env("NTM_RS__LISTEN", "127.0.0.1:0")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn wait_for<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < end, "the server starts");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The set-up link, once its line is whole.
fn link(folder: &Path) -> Option<String> {
    let said = std::fs::read_to_string(folder.join("log")).ok()?;
    let rest = &said[said.find("legato://invite/")?..];
    let end = rest.find(char::is_whitespace)?;
    Some(rest[..end].to_owned())
}

fn server_key(file: &Path) -> ServerKey {
    let text = std::fs::read_to_string(file).unwrap();
    let digits = text.trim().as_bytes();
    let byte = |i: usize| {
        let pair = std::str::from_utf8(&digits[2 * i..2 * i + 2]).unwrap();
        u8::from_str_radix(pair, 16).unwrap()
    };
    KeyPair::from_private(SecretKey::new(std::array::from_fn(byte))).server()
}

async fn person(invitation: &Invitation, name: &str) -> Device {
    let signed_up = sign_up(invitation, name, "correct horse battery", "laptop");
    signed_up.await.unwrap()
}

/// Nobody is anybody's contact, so they talk by the relay.
fn config(device: &Device) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let (membership, secrets) = (device.membership.clone(), device.secrets.clone());
    let profile = Profile::create(folder.path(), membership, secrets, Choice::File).unwrap();
    profile.0.config()
}

async fn node(device: &Device) -> Node {
    let node = Node::start(config(device)).await.unwrap();
    node.wait_registered().await.unwrap();
    node
}
