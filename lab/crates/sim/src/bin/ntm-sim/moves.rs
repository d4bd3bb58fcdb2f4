//! `ntm-sim moves`.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use ntm_sim::log::LogBuffer;
use ntm_sim::moves::{MOVES, Report, Row, Spec, Tally, draw, quantile};
use serde_json::json;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Moves; a world has 25 of them.
    #[arg(long, default_value_t = 1000)]
    runs: u64,
    /// The first world's seed; the next ones follow it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A JSON object per kind of move and line.
    #[arg(long)]
    json: bool,
    /// The story of each failing world; of one world alone everything, with what the machines log.
    #[arg(long)]
    trace: bool,
    /// Worlds at a time [default: as many as there are cores].
    #[arg(long)]
    jobs: Option<usize>,
}

/// Failing worlds whose story is told.
const TOLD: u64 = 3;

/// What came of many worlds.
#[derive(Default)]
struct Sum {
    tally: Tally,
    deeds: u64,
    wrong: Vec<(u64, usize, String)>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command decides nothing: it measures itself"
)]
pub(super) fn run(arguments: &Arguments) -> bool {
    let began = Instant::now();
    let worlds = arguments.runs.div_ceil(MOVES as u64);
    let mut sum = if arguments.trace && worlds == 1 {
        tell_one(arguments)
    } else {
        run_on_cores(arguments, worlds)
    };
    sum.wrong.sort();
    show(arguments, &mut sum, began.elapsed());
    sum.wrong.is_empty()
}

/// How many moves of the world with this number are asked for.
fn share(arguments: &Arguments, number: u64) -> usize {
    let left = arguments.runs.saturating_sub(number * MOVES as u64);
    usize::try_from(left).unwrap_or(MOVES).min(MOVES)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command decides nothing: it uses the cores there are"
)]
fn run_on_cores(arguments: &Arguments, worlds: u64) -> Sum {
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    let (next, told) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        let mut sum = Sum::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= worlds {
                return sum;
            }
            let spec = draw(arguments.seed.wrapping_add(number));
            let report = Report::of(&spec, share(arguments, number), |_| {});
            if !report.wrong.is_empty() && told.fetch_add(1, Ordering::Relaxed) < TOLD {
                tell_failure(arguments, &spec, &report);
            }
            sum.add(report);
        }
    };
    let mut sum = Sum::default();
    std::thread::scope(|scope| {
        let jobs = arguments.jobs.unwrap_or_else(cores).max(1);
        let all: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let done = all.into_iter().filter_map(|t| t.join().ok());
        done.for_each(|part| sum.merge(part));
    });
    sum
}

fn tell_one(arguments: &Arguments) -> Sum {
    let (spec, log) = (draw(arguments.seed), LogBuffer::default());
    println!("{}", description(&spec));
    let listen = || {
        Report::of(&spec, share(arguments, 0), |world| {
            world.trace.keep(usize::MAX);
            world.log = Some(log.clone());
        })
    };
    let report = tracing::subscriber::with_default(log.subscriber(), listen);
    print!("{}", report.story);
    for done in &report.done {
        println!("{}: {done:?}", done.name());
    }
    let mut sum = Sum::default();
    sum.add(report);
    sum
}

fn tell_failure(arguments: &Arguments, spec: &Spec, report: &Report) {
    let (seed, moves) = (spec.seed, report.done.len().clamp(1, MOVES));
    eprintln!("\nworld {seed} is not as it should be:");
    for wrong in &report.wrong {
        eprintln!("  move {}: {}", wrong.at, wrong.what);
    }
    if arguments.trace {
        eprintln!("{}", description(spec));
        let story = report.wrong.first().map(|w| w.story.as_str());
        eprint!("{}", story.unwrap_or_default());
    }
    eprintln!("again, with everything: ntm-sim moves --seed {seed} --runs {moves} --trace");
}

fn description(spec: &Spec) -> String {
    let mut text = format!(
        "world {}: {} domains, {} relays, servers {:?} away\n",
        spec.seed, spec.domains, spec.relays, spec.server_delay
    );
    text += &format!(
        "  {:?}, jitter {:?}, a packet each {:?}, consent {:?}, attacker {:?}\n",
        spec.loss, spec.jitter, spec.pace, spec.consent, spec.powers
    );
    for end in &spec.ends {
        text += &format!("  {:?}\n", end.places);
    }
    for (number, one) in spec.moves.iter().enumerate() {
        text += &format!("  {number}: {one:?}\n");
    }
    text
}

impl Sum {
    fn add(&mut self, report: Report) {
        let seed = report.seed;
        let all = report.done.iter().enumerate();
        all.for_each(|(number, done)| self.tally.add(seed, number, done));
        self.deeds += report.deeds;
        let wrong = report.wrong.into_iter().map(|w| (seed, w.at, w.what));
        self.wrong.extend(wrong);
    }

    fn merge(&mut self, other: Self) {
        self.tally.merge(other.tally);
        self.deeds += other.deeds;
        self.wrong.extend(other.wrong);
    }
}

fn show(arguments: &Arguments, sum: &mut Sum, took: Duration) {
    if !arguments.json {
        println!(
            "{:<36} {:>7} {:>9}  {:>26}  {:>26}",
            "move", "moves", "recovered", "both hear: median/p95/max", "at peer: median/p95/max"
        );
    }
    let mut was_rough = false;
    for ((is_rough, name), row) in &mut sum.tally.rows {
        if !arguments.json && *is_rough && !was_rough {
            println!("with loss, jitter, an attacker that races, or on the heels of another move:");
        }
        was_rough = *is_rough;
        show_row(arguments, *is_rough, name, row);
    }
    if arguments.json {
        return;
    }
    let (moves, seconds) = (sum.tally.moves(), took.as_secs_f64());
    println!(
        "{moves} moves, {} deeds of attackers, in {seconds:.1} s: {:.0} moves a second",
        sum.deeds,
        moves as f64 / seconds
    );
    for (seed, at, what) in sum.wrong.iter().take(40) {
        println!("NOT as it should be: seed {seed}, move {at}: {what}");
    }
    if sum.wrong.len() > 40 {
        println!("and {} more", sum.wrong.len() - 40);
    }
}

fn show_row(arguments: &Arguments, is_rough: bool, name: &str, row: &mut Row) {
    let mut both = Figures::of(&row.both);
    let mut at_peer = Figures::of(&row.at_peer);
    if arguments.json {
        let line = json!({
            "move": name, "calm": !is_rough, "moves": row.moves, "recovered": row.recovered,
            "both_ms": both.ms.json(), "both_r": both.rounds.json(),
            "at_peer_ms": at_peer.ms.json(), "at_peer_r": at_peer.rounds.json(),
            "lost": Spread(row.lost.iter().map(|l| *l as f64).collect()).json(),
            "seed": arguments.seed,
        });
        println!("{line}");
        return;
    }
    let (_, seed, at) = row.slowest.unwrap_or_default();
    println!(
        "{name:<36} {:>7} {:>9}  {} ms {} R  {} ms {} R  {seed}:{at}",
        row.moves,
        row.recovered,
        both.ms.text(0),
        both.rounds.text(1),
        at_peer.ms.text(0),
        at_peer.rounds.text(1)
    );
}

struct Spread(Vec<f64>);

struct Figures {
    ms: Spread,
    rounds: Spread,
}

impl Figures {
    fn of(all: &[(Duration, Duration)]) -> Self {
        let ms = |(d, _): &(Duration, Duration)| d.as_secs_f64() * 1e3;
        let rounds = |(d, r): &(Duration, Duration)| d.div_duration_f64(*r);
        Self {
            ms: Spread(all.iter().map(ms).collect()),
            rounds: Spread(all.iter().map(rounds).collect()),
        }
    }
}

impl Spread {
    fn at(&mut self) -> [f64; 3] {
        [0.5, 0.95, 1.0].map(|share| quantile(&mut self.0, share))
    }

    fn text(&mut self, digits: usize) -> String {
        let [p50, p95, max] = self.at();
        format!("{p50:.digits$}/{p95:.digits$}/{max:.digits$}")
    }

    fn json(&mut self) -> serde_json::Value {
        let [p50, p95, max] = self.at().map(|v| (v * 100.0).round() / 100.0);
        json!({ "p50": p50, "p95": p95, "max": max })
    }
}
