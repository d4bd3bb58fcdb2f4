//! [`Trial`]: hosts that change their network under a stream each way, and what that costs.

mod app;
mod call;
mod case;
mod endurance;
mod ledger;
mod logs;
mod outcome;
mod picture;
mod report;
mod usable;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::network::Network;
use crate::peer::{Cast, Peer};
use crate::talk::Talk;
use crate::world::{Weather, World};

pub use app::{AppWorld, Stage};
pub use call::{Ear, Heard, PhoneCall};
pub use case::Case;
use case::{Ends, Scene};
pub use endurance::{Endurance, Held, Sample};
pub use ledger::{Ledger, Shard};
use outcome::Times;
pub use outcome::{Outcome, Told};
pub use picture::picture;
pub use report::{HEAD, Sum};
use usable::Kernel;

/// The stream runs for so long before, so that the tunnel has settled.
const BEFORE: Duration = Duration::from_secs(2);
/// And so long afterwards, even if data is there again.
const AFTER: Duration = Duration::from_secs(3);
/// Whoever has not recovered by then, has not.
pub const CAP: Duration = Duration::from_secs(9);
/// What is late still counts.
const TAIL: Duration = Duration::from_millis(300);
/// A network that was just joined settles.
const SETTLE: Duration = Duration::from_millis(400);
const FIRST_PORT: u16 = 40_000;

/// What to try.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What happens.
    pub case: Case,
    /// To whom.
    pub peer: Peer,
    /// Which of the runs: their numbers.
    pub runs: Vec<usize>,
    /// The round trip between the ends, and of each to the server.
    pub rtt: Duration,
    /// The sender's.
    pub interval: Duration,
    /// The callee's network instead of the case's own.
    pub callee: Option<Network>,
    /// For all that is random.
    pub seed: u64,
    /// Where both ends' logs go.
    pub logs: Option<PathBuf>,
}

impl Trial {
    /// Builds a world, and hands over in it.
    pub fn run(
        &self,
        mut tell: impl FnMut(usize, &Outcome) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<Outcome>> {
        if self.runs.is_empty() {
            return Ok(Vec::new());
        }
        let mut world = World::build(Weather {
            rtt: self.rtt,
            seed: self.seed,
        })?;
        let mut ends = self.case.build(&mut world, self.callee)?;
        let hosts = [&ends.caller.host, &ends.callee.host];
        let mut cast = Cast::start(self.peer, &mut world, hosts, self.case.is_ours())?;
        let mut all = Vec::new();
        for number in &self.runs {
            let one = self.once(&mut ends, &mut cast, *number)?;
            tell(*number, &one)?;
            all.push(one);
            cast.repair()?;
        }
        Ok(all)
    }

    fn once(&self, ends: &mut Ends, cast: &mut Cast, number: usize) -> anyhow::Result<Outcome> {
        self.case.prepare(ends)?;
        let kernels = [
            Kernel::listen(&ends.caller.host)?,
            Kernel::listen(&ends.callee.host)?,
        ];
        std::thread::sleep(SETTLE);
        let port = FIRST_PORT + u16::try_from(number)?;
        let hosts = [&ends.caller.host, &ends.callee.host];
        let mut talk = match cast.talk(hosts, port, self.interval) {
            Ok(talk) => talk,
            Err(why) => return Ok(Outcome::never(&why)),
        };
        talk.go_on(BEFORE);
        let times = self.act(ends, cast, &kernels, &mut talk)?;
        self.go_on(&mut talk, times.usable);
        let outcome = Outcome::of(&talk, &times);
        self.keep(number, &talk, &kernels, &times)?;
        talk.end()?;
        Ok(outcome)
    }

    fn act(
        &self,
        ends: &mut Ends,
        cast: &mut Cast,
        kernels: &[Kernel; 2],
        talk: &mut Talk,
    ) -> anyhow::Result<Times> {
        let first = SystemTime::now();
        let moment = self.case.act(Scene {
            ends,
            talk,
            ours: cast.ours(),
            rtt: self.rtt,
        })?;
        // The kernel's last words may be on their way.
        talk.go_on(TAIL);
        let movers = if self.case.moves_both() { 2 } else { 1 };
        let by = self.case.usable_by();
        let told = |k: &Kernel| k.usable_since(by, &moment);
        let until = moment.done + CAP;
        while SystemTime::now() < until && kernels.iter().take(movers).any(|k| told(k).is_none()) {
            talk.go_on(TAIL);
        }
        let told = kernels.iter().take(movers).filter_map(told);
        Ok(Times {
            first,
            event: moment.event,
            usable: told.max().unwrap_or(moment.done),
            pace: self.interval,
            both: self.case.moves_both(),
        })
    }

    fn go_on(&self, talk: &mut Talk, usable: SystemTime) {
        talk.go_on(AFTER);
        let until = usable + CAP;
        while SystemTime::now() < until && !outcome::is_over(talk, usable) {
            talk.go_on(TAIL);
        }
        talk.hush();
        std::thread::sleep(self.rtt + TAIL);
    }
}
