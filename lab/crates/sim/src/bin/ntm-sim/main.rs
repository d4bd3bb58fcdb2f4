//! `ntm-sim`: lives through many random worlds and says what came of them.

#![expect(
    clippy::print_stdout,
    reason = "the command's output is what it is for"
)]

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::{Parser, Subcommand};
use ntm_sim::log::LogBuffer;
use ntm_sim::scenario::{Report, Spec, Summary, draw};

mod matrix;
mod moves;
mod ports;

/// Random NTM worlds in virtual time. The same seed is the same world, to the bit.
#[derive(Parser, Debug)]
#[command(version)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// How many worlds.
    #[arg(long, default_value_t = 1000)]
    runs: u64,
    /// The first world's seed; the next ones follow it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only the world with this seed, with its story.
    #[arg(long)]
    only: Option<u64>,
    /// Show the whole trace of that world, with what the machines log.
    #[arg(long, requires = "only")]
    trace: bool,
    /// The summary as JSON.
    #[arg(long)]
    json: bool,
    /// Worlds at a time, each on a core.
    #[arg(long, default_value_t = 1)]
    jobs: u64,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Every ordered pair of eleven networks, many times: who meets whom, how soon, by which way.
    Matrix(matrix::Arguments),
    /// Random moves in random worlds, with an attacker in each: how soon tunnels recover.
    Moves(moves::Arguments),
    /// How often the next port of a symmetric NAT is guessed.
    Ports(ports::Arguments),
}

/// Lines of trace shown of a failing world.
const STORY: usize = 60;
/// Failing worlds told of; all are counted.
const TOLD: usize = 5;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let is_well = match (&arguments.what, arguments.only) {
        (Some(What::Matrix(matrix)), _) => matrix::run(matrix),
        (Some(What::Moves(moves)), _) => moves::run(moves),
        (Some(What::Ports(ports)), _) => ports::run(ports),
        (None, Some(seed)) => tell_one(seed, arguments.trace),
        (None, None) => run_many(&arguments),
    };
    if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn tell_one(seed: u64, is_whole: bool) -> bool {
    let spec = draw(seed);
    println!("{}", description(&spec));
    let log = LogBuffer::default();
    let report = if is_whole {
        let listen = || {
            Report::of(&spec, |lived| {
                lived.world.trace.keep(usize::MAX);
                lived.world.log = Some(log.clone());
            })
        };
        tracing::subscriber::with_default(log.subscriber(), listen)
    } else {
        Report::of(&spec, |_| {})
    };
    let lines = if is_whole { usize::MAX } else { STORY };
    print!("{}", report.world.world.story(lines));
    for call in &report.calls {
        println!("call: {call:?}");
    }
    println!("hash {:016x}", report.hash);
    report
        .violations
        .iter()
        .for_each(|v| println!("FOUND: {v}"));
    report.violations.is_empty()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command decides nothing: it measures itself, and uses cores if asked to"
)]
fn run_many(arguments: &Arguments) -> bool {
    let (began, done) = (Instant::now(), AtomicU64::new(0));
    let jobs = arguments.jobs.max(1);
    let mut summary = Summary::default();
    std::thread::scope(|scope| {
        let worker = |job: u64| run_share(arguments, job, jobs, &done);
        let others: Vec<_> = (1..jobs).map(|j| scope.spawn(move || worker(j))).collect();
        summary.merge(worker(0));
        for other in others {
            if let Ok(share) = other.join() {
                summary.merge(share);
            }
        }
    });
    summary.finish();
    show(arguments, &summary, began.elapsed().as_secs_f64());
    summary.failures.is_empty()
}

fn run_share(arguments: &Arguments, job: u64, jobs: u64, done: &AtomicU64) -> Summary {
    let mut summary = Summary::default();
    for run in (job..arguments.runs).step_by(usize::try_from(jobs).unwrap_or(1)) {
        let spec = draw(arguments.seed.wrapping_add(run));
        let report = Report::of(&spec, |_| {});
        if !report.violations.is_empty() && summary.failures.len() < TOLD {
            tell_failure(&spec, &report);
        }
        summary.add(&report);
        progress(arguments, done.fetch_add(1, Ordering::Relaxed) + 1);
    }
    summary
}

fn progress(arguments: &Arguments, done: u64) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() && (done.is_multiple_of(20) || done == arguments.runs) {
        let end = if done == arguments.runs { "\n" } else { "" };
        // A terminal that went away is no reason to stop.
        let _ = write!(stderr, "\r{done}/{} worlds{end}", arguments.runs);
    }
}

fn tell_failure(spec: &Spec, report: &Report) {
    eprintln!("\nworld {} is not as it should be:", spec.seed);
    report.violations.iter().for_each(|v| eprintln!("  {v}"));
    eprintln!("{}", description(spec));
    eprint!("{}", report.world.world.story(STORY));
    eprintln!(
        "again, with everything: ntm-sim --only {} --trace",
        spec.seed
    );
}

fn description(spec: &Spec) -> String {
    let mut text = format!("world {}: {:?}\n", spec.seed, spec.quality.node);
    let domains = spec.plan.domains.iter().map(|d| d.domain.as_str());
    text += &format!(
        "  domains {}, {} relays, one operator: {}, static map: {}\n",
        domains.collect::<Vec<_>>().join(" "),
        spec.plan.relays.len(),
        spec.plan.same_operator,
        spec.plan.is_static
    );
    for (index, node) in spec.nodes.iter().enumerate() {
        text += &format!("  node {index}: {node:?}\n");
    }
    for (at, call) in &spec.calls {
        text += &format!("  {at:?}: {call:?}\n");
    }
    for (at, disturbance) in &spec.disturbances {
        text += &format!("  {at:?}: {disturbance:?}\n");
    }
    text
}

fn show(arguments: &Arguments, summary: &Summary, seconds: f64) {
    if arguments.json {
        let mut value = serde_json::json!(summary);
        value["seconds"] = serde_json::json!(seconds);
        println!("{value}");
        return;
    }
    let (worlds, calm) = (summary.worlds, summary.calm);
    println!(
        "worlds        {worlds} ({calm} calm), seeds from {}",
        arguments.seed
    );
    println!(
        "calls         {} ({} resolutions)",
        summary.calls, summary.resolutions
    );
    for (end, count) in &summary.ends {
        println!("  {end:<24} {count}");
    }
    println!(
        "routes        {} direct, {} over a relay",
        summary.direct, summary.relayed
    );
    println!(
        "to a tunnel   median {:.0} ms, 99th percentile {:.0} ms",
        summary.median_ms, summary.p99_ms
    );
    println!(
        "time          {:.0} virtual s in {seconds:.1} s",
        summary.virtual_s
    );
    let failed: Vec<String> = summary.failures.iter().map(|f| f.0.to_string()).collect();
    if failed.is_empty() {
        println!("all as it should be");
    } else {
        println!(
            "NOT as it should be: {} worlds, seeds {}",
            failed.len(),
            failed.join(" ")
        );
    }
}
