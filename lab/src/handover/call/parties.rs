//! [`Parties`]: whose programs talk, and how they are started.

use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::super::case::Ends;
use super::PhoneCall;
use crate::address::SERVERS;
use crate::command::Run;
use crate::conversation::Conversation;
use crate::netns::Namespace;
use crate::peer::{Cast, Peer};
use crate::servers::Device;
use crate::world::World;

/// Until both talk.
const START: Duration = Duration::from_secs(20);
/// Programs of others have windows to open first.
const THEIR_START: Duration = Duration::from_secs(60);

/// Those who will talk.
#[derive(Debug)]
pub(super) enum Parties {
    /// With our servers.
    Ours(Box<Cast>),
    Others(Others),
}

/// A script that knows somebody else's programs.
#[derive(Debug)]
pub(super) struct Others {
    caller: Namespace,
    callee: Namespace,
    /// Where the callee is reached without help, and where the server is.
    addresses: [IpAddr; 2],
    /// It ends when dropped.
    _server: Conversation,
}

impl PhoneCall {
    /// Starts the servers, and makes accounts where there are some.
    pub(super) fn assemble(&self, world: &mut World, ends: &Ends) -> anyhow::Result<Parties> {
        let hosts = [&ends.caller.host, &ends.callee.host];
        let Some(script) = &self.program else {
            let cast = Cast::start(Peer::Ntm, world, hosts, self.case.is_ours())?;
            return Ok(Parties::Ours(Box::new(cast)));
        };
        let callee = hosts[1].public_address();
        let callee = callee.context("programs of others want --callee public-v4")?;
        let addresses = [callee, SERVERS.own.0.into()];
        let server = self.play(script, world.servers(), "server", addresses)?;
        Ok(Parties::Others(Others {
            caller: hosts[0].namespace().clone(),
            callee: hosts[1].namespace().clone(),
            addresses,
            _server: server,
        }))
    }

    fn play(
        &self,
        script: &Path,
        at: &Namespace,
        role: &str,
        addresses: [IpAddr; 2],
    ) -> anyhow::Result<Conversation> {
        let [callee, server] = addresses.map(|a| a.to_string());
        let run = Run::program_inside(at, script).arg(role).arg(&self.folder);
        let end = run.arg(callee).arg(server).converse()?;
        ensure!(
            happens(&end, THEIR_START, "ready"),
            "the {role} of {} is not ready: {:?} {:?}",
            script.display(),
            end.out(),
            end.err()
        );
        Ok(end)
    }
}

impl Parties {
    /// From now on there is no coordinator, no account server and one relay.
    pub(super) fn kill_servers(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Ours(cast) => cast.ours().map_or(Ok(()), |ours| ours.servers.kill()),
            Self::Others(_) => anyhow::bail!("whose servers shall be killed, nobody knows"),
        }
    }

    /// Lets them call each other: the caller's end, and the callee's.
    pub(super) fn begin(&self, call: &PhoneCall) -> anyhow::Result<[Conversation; 2]> {
        match (self, &call.program) {
            (Self::Others(others), Some(script)) => {
                let listening = call.play(script, &others.callee, "callee", others.addresses)?;
                let calling = call.play(script, &others.caller, "caller", others.addresses)?;
                Ok([calling, listening])
            }
            (Self::Ours(cast), _) => {
                let [caller, callee] = cast.devices().context("the product's devices")?;
                ring(call, caller, callee)
            }
            (Self::Others(_), None) => anyhow::bail!("no script says how others call"),
        }
    }
}

fn ring(call: &PhoneCall, caller: &Device, callee: &Device) -> anyhow::Result<[Conversation; 2]> {
    let listen = ["--json", "listen", "--answer", "always", "--calls", "1"];
    let listening = start(call, callee, "callee", &listen)?;
    ensure!(
        happens(&listening, START, "registered"),
        "the callee is not on the air: {:?}",
        listening.err()
    );
    let calling = start(call, caller, "caller", &["--json", "call", callee.name()])?;
    let talks = |c| happens(c, START, "\"talking\"");
    ensure!(
        talks(&calling) && talks(&listening),
        "nobody talks: {:?} {:?}",
        calling.out(),
        calling.err()
    );
    Ok([calling, listening])
}

fn start(
    call: &PhoneCall,
    device: &Device,
    name: &str,
    args: &[&str],
) -> anyhow::Result<Conversation> {
    let run = device.program("legato-cli")?.args(args);
    let run = run.env("LEGATO_LOG", "voice_call=debug");
    let Some(host) = &call.devices else {
        let run = run.arg("--in").arg(&call.speech).arg("--repeat");
        let out = run.arg("--out");
        return out.arg(call.folder.join(format!("{name}.wav"))).converse();
    };
    let letter = if name == "caller" { 'A' } else { 'B' };
    let run = if call.raw { run.arg("--raw") } else { run };
    run.arg("--microphone")
        .arg(format!("{host}:mic{letter}"))
        .arg("--speaker")
        .arg(format!("{host}:spk{letter}"))
        .converse()
}

/// Waits until an end says so.
pub(super) fn happens(end: &Conversation, within: Duration, what: &str) -> bool {
    let until = Instant::now() + within;
    let said = |l: &[crate::conversation::Line]| l.iter().find(|l| l.text.contains(what)).map(drop);
    end.wait_out(until, said).is_some()
}
