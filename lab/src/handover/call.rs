//! [`PhoneCall`]: two people talk, and one of them changes the network meanwhile: what both heard is kept.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Serialize;
use serde_json::Value;

use super::case::{Case, Ends};
use crate::conversation::{Conversation, Line};
use crate::host::Radio;
use crate::network::Network;
use crate::peer::{Cast, Peer};
use crate::servers::Device;
use crate::world::{Weather, World};

/// Until both talk.
const START: Duration = Duration::from_secs(20);
/// A call that was hung up is over by then.
const END: Duration = Duration::from_secs(10);

/// What to try.
#[derive(Clone, Debug)]
pub struct PhoneCall {
    /// Which networks, and how the caller moves between them.
    pub case: Case,
    /// The callee's network instead of the case's own.
    pub callee: Option<Network>,
    /// The round trip between the ends, and of each to the server.
    pub rtt: Duration,
    /// The caller moves so long after the first word, and again after the same time.
    pub after: Duration,
    /// How often it moves.
    pub moves: usize,
    /// Without any network between two of them for so long.
    pub nothing: Duration,
    /// What both say, again and again: a WAV file.
    pub speech: PathBuf,
    /// Where recordings and logs go.
    pub folder: PathBuf,
    /// For all that is random.
    pub seed: u64,
}

/// What came of it. Serialised it is the line of `ntm-lab call --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Heard {
    /// What the caller heard, and what happened there.
    pub caller: Ear,
    /// The callee.
    pub callee: Ear,
}

/// One end.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Ear {
    /// Speech that was never heard, by the program's own account.
    pub lost_speech_ms: Option<u64>,
    /// Packets that came because they were sent again.
    pub backfilled: Option<u64>,
    /// Hand-overs, as they were told.
    pub handovers: Vec<Value>,
    /// What gaps cost.
    pub outages: Vec<Value>,
    /// Why the call ended.
    pub ended: Option<String>,
    /// The recording.
    pub recording: PathBuf,
}

impl PhoneCall {
    /// Builds a world, and lets two people talk in it.
    pub fn run(&self) -> anyhow::Result<Heard> {
        std::fs::create_dir_all(&self.folder)?;
        let mut world = World::build(Weather {
            rtt: self.rtt,
            seed: self.seed,
        })?;
        let mut ends = self.case.build(&mut world, self.callee)?;
        let hosts = [&ends.caller.host, &ends.callee.host];
        let mut cast = Cast::start(Peer::Ntm, &mut world, hosts, false)?;
        let ours = cast.ours().context("the product's servers")?;
        let [caller, callee] = ours.devices();
        self.case.prepare(&mut ends)?;
        let (listening, calling) = self.begin(caller, callee)?;
        for _ in 0..self.moves {
            std::thread::sleep(self.after);
            self.act(&mut ends)?;
        }
        std::thread::sleep(self.after);
        let mut calling = calling;
        calling.say("q\n");
        let [caller, callee] = [("caller", &calling), ("callee", &listening)];
        Ok(Heard {
            caller: self.ear(caller.0, caller.1)?,
            callee: self.ear(callee.0, callee.1)?,
        })
    }

    fn begin(
        &self,
        caller: &Device,
        callee: &Device,
    ) -> anyhow::Result<(Conversation, Conversation)> {
        let listen = [
            "--json", "listen", "--answer", "always", "--calls", "1", "--repeat",
        ];
        let listening = self.files(callee, "callee", &listen)?;
        ensure!(
            happens(&listening, START, "registered"),
            "the callee is not on the air: {:?}",
            listening.err()
        );
        let call = ["--json", "call", callee.name(), "--repeat"];
        let calling = self.files(caller, "caller", &call)?;
        let talks = |c| happens(c, START, "\"talking\"");
        ensure!(
            talks(&calling) && talks(&listening),
            "nobody talks: {:?} {:?}",
            calling.out(),
            calling.err()
        );
        Ok((listening, calling))
    }

    fn files(&self, device: &Device, name: &str, args: &[&str]) -> anyhow::Result<Conversation> {
        let run = device.program("legato-cli")?.args(args);
        let run = run.arg("--in").arg(&self.speech);
        run.arg("--out").arg(self.recording(name)).converse()
    }

    fn recording(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.wav"))
    }

    fn act(&self, ends: &mut Ends) -> anyhow::Result<()> {
        let caller = &mut ends.caller;
        match self.case {
            // The preferred interface comes, then the other goes; and the other way round.
            Case::Soft => {
                caller.join(Radio::First, 0)?;
                std::thread::sleep(self.nothing.max(self.rtt));
                caller.host.leave(Radio::Second)?;
                std::thread::sleep(self.after / 2);
                caller.join(Radio::Second, 1)?;
                std::thread::sleep(self.after / 2);
                caller.host.leave(Radio::First)
            }
            Case::Hard => caller.host.leave(Radio::First),
            Case::Silent => caller.host.set_silent(Radio::First, true),
            _ => {
                if !self.nothing.is_zero() {
                    caller.host.leave(Radio::First)?;
                    std::thread::sleep(self.nothing);
                }
                caller.go()
            }
        }
    }

    fn ear(&self, name: &str, end: &Conversation) -> anyhow::Result<Ear> {
        ensure!(happens(end, END, "\"ended\""), "{name}'s call does not end");
        // The recording is completed after the last word.
        std::thread::sleep(Duration::from_millis(300));
        let lines = end.out();
        let text: String = lines.iter().map(|l| format!("{}\n", l.text)).collect();
        std::fs::write(self.folder.join(format!("{name}.jsonl")), text)?;
        let err: String = end.err().iter().map(|l| format!("{}\n", l.text)).collect();
        std::fs::write(self.folder.join(format!("{name}.log")), err)?;
        let mut ear = Ear {
            recording: self.recording(name),
            ..Ear::default()
        };
        lines.iter().for_each(|l| ear.note(l));
        Ok(ear)
    }
}

impl Ear {
    fn note(&mut self, line: &Line) {
        let Ok(value) = serde_json::from_str::<Value>(&line.text) else {
            return;
        };
        match value["event"].as_str() {
            Some("statistics") => {
                let number = |name: &str| value["statistics"][name].as_u64();
                self.lost_speech_ms = number("lost_speech_ms");
                self.backfilled = number("backfilled");
            }
            Some("handover") => self.handovers.push(value["handover"].clone()),
            Some("outage") => self.outages.push(value["outage"].clone()),
            Some("call") => {
                let ended = value["ended"]["reason"].as_str();
                self.ended = ended.map(str::to_owned).or(self.ended.take());
            }
            _ => {}
        }
    }
}

fn happens(end: &Conversation, within: Duration, what: &str) -> bool {
    let until = Instant::now() + within;
    let said = |l: &[Line]| l.iter().find(|l| l.text.contains(what)).map(drop);
    end.wait_out(until, said).is_some()
}
