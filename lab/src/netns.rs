//! One network namespace: commands, addresses, rules and settings inside it.

use std::fs::File;
use std::io::Write as _;
use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use nix::sched::{CloneFlags, setns};

use crate::lease::Gate;

/// The port of RFC 863: nobody wants an answer.
const DISCARD: u16 = 9;

/// Where `ip netns` keeps the names.
pub(crate) const NAMES: &str = "/run/netns";

/// A namespace by name. Dropping it changes nothing: the [`Lease`](crate::lease::Lease) removes all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes the namespace, with its loopback up and no waiting for duplicate addresses.
    pub(crate) fn create(gate: &Gate, name: String) -> anyhow::Result<Self> {
        let _open = gate.pass()?;
        let made = Command::new("ip").args(["netns", "add", &name]).output();
        succeed("ip netns add", &made.context("starting ip (iproute2)")?)?;
        let this = Self { name };
        this.settings(&[
            ("net/ipv6/conf/all/accept_dad", "0"),
            ("net/ipv6/conf/default/accept_dad", "0"),
            ("net/ipv4/icmp_ratelimit", "0"),
            ("net/ipv6/icmp/ratelimit", "0"),
        ])?;
        this.ip("link set lo up")?;
        Ok(this)
    }

    /// Its name, as `ip netns list` shows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lets packets through.
    pub(crate) fn forward(&self) -> anyhow::Result<()> {
        self.settings(&[
            ("net/ipv4/ip_forward", "1"),
            ("net/ipv6/conf/all/forwarding", "1"),
        ])
    }

    /// A command that will run inside.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Lines for `ip -batch`, as one process, so that they take effect together.
    pub fn ip(&self, lines: &str) -> anyhow::Result<()> {
        self.batch(None, lines)
    }

    /// The same for what `ip` can't tell to be IPv6 by itself, such as rules.
    pub fn ip6(&self, lines: &str) -> anyhow::Result<()> {
        self.batch(Some("-6"), lines)
    }

    fn batch(&self, family: Option<&str>, lines: &str) -> anyhow::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut command = Command::new("ip");
        command.args(["-n", &self.name]);
        command.args(family);
        command.args(["-batch", "-"]);
        feed(command, lines).with_context(|| format!("in {}:\n{lines}", self.name))
    }

    /// A rule set for `nft`.
    pub fn nft(&self, rules: &str) -> anyhow::Result<()> {
        let mut command = self.command("nft");
        command.args(["-f", "-"]);
        feed(command, rules).with_context(|| format!("in {}:\n{rules}", self.name))
    }

    /// Kernel settings below `/proc/sys`.
    pub fn settings(&self, pairs: &[(&str, &str)]) -> anyhow::Result<()> {
        self.enter(|| {
            for (key, value) in pairs {
                let path = format!("/proc/sys/{key}");
                std::fs::write(&path, value).with_context(|| path.clone())?;
            }
            Ok(())
        })
    }

    /// Runs `work` on a thread inside the namespace, and waits for it.
    pub fn enter<T: Send>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        let file = File::open(self.path()).with_context(|| self.name.clone())?;
        let inside = || {
            setns(&file, CloneFlags::CLONE_NEWNET).context("entering a namespace")?;
            work()
        };
        std::thread::scope(|scope| {
            let done = scope.spawn(inside).join();
            done.map_err(|_| anyhow::anyhow!("a thread in {} panicked", self.name))?
        })
    }

    /// Sends these addresses a datagram that nobody wants, so that the hardware addresses on the way are known: the
    /// first packet that goes there would wait for that, there and back over a slow wire.
    pub(crate) fn greet(&self, all: &[IpAddr]) -> anyhow::Result<()> {
        self.enter(|| {
            for to in all {
                let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                UdpSocket::bind(any)?.send_to(&[], (*to, DISCARD))?;
            }
            Ok(())
        })
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(NAMES).join(&self.name)
    }
}

/// Runs `command` with `input`; what it says on failure is the error.
fn feed(mut command: Command, input: &str) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| program.clone())?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    succeed(&program, &child.wait_with_output()?)
}

pub(crate) fn succeed(what: &str, output: &std::process::Output) -> anyhow::Result<()> {
    ensure!(
        output.status.success(),
        "{what}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
