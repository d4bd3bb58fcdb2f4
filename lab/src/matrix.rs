//! [`Matrix`]: pairs of networks, each tried several times with the real binaries.

mod bench;
mod picture;
mod queue;
mod report;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use crate::network::Network;
use crate::servers::Families;

pub use bench::{Bench, Side};
pub use picture::picture;
pub use report::{Row, Spread};
pub use table::table;

use queue::Queue;

/// A caller's network and a callee's.
pub type Pair = (Network, Network);

/// What to try.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Which pairs.
    pub pairs: Vec<Pair>,
    /// How often each.
    pub tries: usize,
    /// The share of packets lost between the ends, in every second try.
    pub loss: f64,
    /// The round trip between the ends, and of each to the server.
    pub rtt: Duration,
    /// Which addresses the servers have.
    pub server: Families,
    /// 1, or 2: callers and callees have their accounts on two servers of two domains.
    pub operators: u8,
    /// For all that is random in the lab.
    pub seed: u64,
    /// How many pairs at once.
    pub jobs: usize,
    /// Where transcripts of tries go that did not end as they should.
    pub keep: Option<PathBuf>,
}

impl Matrix {
    /// One try of each pair at 50 ms, without loss.
    pub fn of(pairs: Vec<Pair>) -> Self {
        Self {
            pairs,
            tries: 1,
            loss: 0.0,
            rtt: Duration::from_millis(50),
            server: Families::Both,
            operators: 1,
            seed: 1,
            jobs: 1,
            keep: None,
        }
    }

    /// Every ordered pair of these.
    pub fn all_pairs(networks: &[Network]) -> Vec<Pair> {
        let with = |a: &Network| networks.iter().map(|b| (*a, *b)).collect::<Vec<_>>();
        networks.iter().flat_map(with).collect()
    }

    /// Builds a world, tries every pair in it, and tells each pair's row as it is done.
    pub fn run(&self, tell: impl Fn(&Row) + Sync) -> anyhow::Result<Vec<Row>> {
        let bench = Bench::build(self)?;
        let queue = Queue::new(&self.pairs);
        let work = || -> anyhow::Result<Vec<Row>> {
            let mut rows = Vec::new();
            while let Some(taken) = queue.take() {
                let row = bench.try_pair(self, taken.pair())?;
                tell(&row);
                rows.push(row);
            }
            Ok(rows)
        };
        let mut rows = Vec::new();
        std::thread::scope(|scope| -> anyhow::Result<()> {
            let workers: Vec<_> = (0..self.jobs.max(1)).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                let done = worker
                    .join()
                    .map_err(|_| anyhow::anyhow!("a worker panicked"))?;
                rows.extend(done?);
            }
            Ok(())
        })?;
        rows.sort_by_key(Row::pair);
        Ok(rows)
    }
}
