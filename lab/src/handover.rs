//! [`Trial`]: hosts that change their network under a stream each way, and what that costs.

mod case;

use std::time::{Duration, SystemTime};

use crate::conversation::Line;
use crate::servers::{Device, Families, Servers};
use crate::talk::Talk;
use crate::world::{Weather, World};

pub use case::Case;
use case::Ends;

/// The stream runs for so long before, so that the tunnel has settled.
const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(3);
/// What is late still counts.
const TAIL: Duration = Duration::from_millis(300);
/// A network that was just joined settles.
const SETTLE: Duration = Duration::from_millis(400);
const FIRST_PORT: u16 = 40_000;

/// What to try.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// What happens.
    pub case: Case,
    /// How often.
    pub runs: usize,
    /// The round trip between the ends, and of each to the server.
    pub rtt: Duration,
    /// For all that is random.
    pub seed: u64,
}

/// What came of one hand-over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Data came again, both ways.
    pub recovered: bool,
    /// Records that never came, both directions.
    pub lost: usize,
    /// The longest silence at either end from the event on.
    pub gap: Duration,
    /// From the event to the moment when the new address can be used: the commands themselves.
    pub system: Duration,
    /// From then to the first record at the peer that was written since; none where nobody gets an address.
    pub usable_to_data: Option<Duration>,
}

impl Trial {
    /// Builds a world, and hands over in it.
    pub fn run(&self, tell: impl Fn(&Outcome)) -> anyhow::Result<Vec<Outcome>> {
        let mut world = World::build(Weather {
            rtt: self.rtt,
            seed: self.seed,
        })?;
        let mut ends = self.case.build(&mut world)?;
        let servers = Servers::start(&world, Families::Both)?;
        let invitation = servers.invite(2)?;
        let caller = servers.sign_up("caller", &invitation, &ends.caller.host)?;
        let callee = servers.sign_up("callee", &invitation, &ends.callee.host)?;
        caller.add_contact("callee")?;
        callee.add_contact("caller")?;
        let mut all = Vec::new();
        for number in 0..self.runs {
            let port = FIRST_PORT + u16::try_from(number)?;
            let one = self.once(&mut ends, [&caller, &callee], port)?;
            tell(&one);
            all.push(one);
        }
        Ok(all)
    }

    fn once(
        &self,
        ends: &mut Ends,
        [caller, callee]: [&Device; 2],
        port: u16,
    ) -> anyhow::Result<Outcome> {
        self.case.prepare(ends)?;
        std::thread::sleep(SETTLE);
        let mut talk = Talk::begin(caller, callee, port)?;
        talk.go_on(BEFORE);
        let event = SystemTime::now();
        self.case.act(ends, &mut talk, self.rtt)?;
        let (usable, next) = (SystemTime::now(), talk.sent() / 2);
        talk.go_on(AFTER);
        std::thread::sleep(self.rtt + TAIL);
        let outs = talk.ends().map(|e| e.out());
        let gaps = outs.each_ref().map(|out| gap(out, event));
        let outcome = Outcome {
            recovered: outs.iter().all(|out| out.iter().any(|l| l.at > usable)),
            lost: talk.tally().lost,
            gap: gaps.into_iter().max().unwrap_or_default(),
            system: usable.duration_since(event).unwrap_or_default(),
            usable_to_data: first_since(&outs[1], next)
                .and_then(|at| at.duration_since(usable).ok()),
        };
        talk.end()?;
        Ok(outcome)
    }
}

/// When the first record with this number, or a later one, came.
fn first_since(out: &[Line], number: usize) -> Option<SystemTime> {
    let later = |l: &&Line| l.text.parse::<usize>().is_ok_and(|n| n >= number);
    out.iter().find(later).map(|l| l.at)
}

/// The longest silence that ended after `event`.
fn gap(out: &[Line], event: SystemTime) -> Duration {
    let pairs = out
        .iter()
        .zip(out.iter().skip(1))
        .filter(|(_, b)| b.at > event);
    let silences = pairs.filter_map(|(a, b)| b.at.duration_since(a.at).ok());
    silences.max().unwrap_or_default()
}
