//! [`PhoneCall`]: two people talk, and one of them changes the network meanwhile: what both heard is kept.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::ensure;
use serde::Serialize;
use serde_json::Value;

use super::case::{Case, Ends};
use crate::conversation::{Conversation, Line};
use crate::host::Radio;
use crate::network::Network;
use crate::world::{Weather, World};

mod parties;

use parties::happens;

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
    /// Devices in the place of files: `HOST:micA` and `HOST:spkA` are the caller's, `HOST:micB` and `HOST:spkB` the
    /// callee's, as `scripts/vsound` makes them.
    pub devices: Option<String>,
    /// Without echo cancellation, noise suppression and gain, as with a headset.
    pub raw: bool,
    /// Somebody else's programs in the place of ours: a script that is started as server, callee and caller.
    pub program: Option<PathBuf>,
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
    /// When both talked, milliseconds since 1970.
    pub talking_at_ms: u64,
    /// When the caller began to move, each time.
    pub moves_at_ms: Vec<u64>,
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
    /// SIP messages that came and left.
    pub sip: Vec<Sip>,
    /// Why the call ended.
    pub ended: Option<String>,
    /// The recording, where files stand for devices.
    pub recording: Option<PathBuf>,
}

/// A SIP message, as the program logged it.
#[derive(Clone, Debug, Serialize)]
pub struct Sip {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// The program's words.
    pub what: String,
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
        let mut parties = self.assemble(&mut world, &ends)?;
        self.case.prepare(&mut ends)?;
        let [mut calling, listening] = parties.begin(self)?;
        let (talking_at_ms, mut moves_at_ms) = (now_ms(), Vec::new());
        if self.case == Case::DcDown {
            parties.kill_servers()?;
        }
        for _ in 0..self.moves {
            std::thread::sleep(self.after);
            moves_at_ms.push(now_ms());
            self.act(&mut ends)?;
        }
        std::thread::sleep(self.after);
        calling.say("q\n");
        let [caller, callee] = [("caller", &calling), ("callee", &listening)];
        Ok(Heard {
            caller: self.ear(caller.0, caller.1)?,
            callee: self.ear(callee.0, callee.1)?,
            talking_at_ms,
            moves_at_ms,
        })
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
            Case::Renumber
            | Case::HomeToHome
            | Case::V4ToV6
            | Case::V6ToV4
            | Case::V4ToV6AndBack
            | Case::Symmetric
            | Case::DirectToRelay
            | Case::RelayToDirect
            | Case::BreakBeforeMake
            | Case::BothUp
            | Case::Both
            | Case::BothV4V6
            | Case::BothOneV6
            | Case::BothCross
            | Case::Slaac(_)
            | Case::DcDown => {
                if !self.nothing.is_zero() {
                    caller.host.leave(Radio::First)?;
                    std::thread::sleep(self.nothing);
                }
                caller.go()
            }
        }
    }

    fn ear(&self, name: &str, end: &Conversation) -> anyhow::Result<Ear> {
        if self.program.is_none() {
            ensure!(happens(end, END, "\"ended\""), "{name}'s call does not end");
        }
        // The recording is completed after the last word.
        std::thread::sleep(Duration::from_millis(300));
        let lines = end.out();
        let text: String = lines.iter().map(|l| format!("{}\n", l.text)).collect();
        std::fs::write(self.folder.join(format!("{name}.jsonl")), text)?;
        let log = end.err();
        let err: String = log.iter().map(|l| format!("{}\n", l.text)).collect();
        std::fs::write(self.folder.join(format!("{name}.log")), err)?;
        let mut ear = Ear {
            sip: log.iter().filter_map(Sip::of).collect(),
            recording: Some(self.folder.join(format!("{name}.wav"))).filter(|p| p.exists()),
            ..Ear::default()
        };
        lines.iter().for_each(|l| ear.note(l));
        Ok(ear)
    }
}

impl Sip {
    fn of(line: &Line) -> Option<Self> {
        let at = line.text.find("SIP ")?;
        Some(Self {
            at_ms: ms(line.at),
            what: line.text.get(at..)?.to_owned(),
        })
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

fn now_ms() -> u64 {
    ms(SystemTime::now())
}

fn ms(at: SystemTime) -> u64 {
    let since = at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
