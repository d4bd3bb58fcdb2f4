//! `ntm-sim matrix`.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use clap::Args;
use ntm_networks::{Expectation, Network, UnknownNetwork};
use ntm_sim::matrix::{Tally, attempt};
use serde_json::json;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Tries of each pair; half of them lose 5 % on each access link, both ways.
    #[arg(long, default_value_t = 10)]
    runs: u64,
    /// The first try's seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these pairs: `home-nat:cgnat,v6-only:nat64`.
    #[arg(long, value_delimiter = ',', value_parser = pair)]
    pairs: Vec<Pair>,
    /// A JSON object per pair and line.
    #[arg(long)]
    json: bool,
    /// The story of each pair's first try that is not as it should be.
    #[arg(long)]
    trace: bool,
    /// Pairs at a time [default: as many as there are cores].
    #[arg(long)]
    jobs: Option<usize>,
}

const LOSS: f64 = 0.05;
/// A round trip between any two machines.
const ROUND_TRIP: Duration = Duration::from_millis(50);

type Pair = (Network, Network);

fn pair(text: &str) -> Result<Pair, String> {
    let (from, to) = text
        .split_once(':')
        .ok_or("write FROM:TO, like home-nat:cgnat")?;
    let read = |name: &str| name.parse().map_err(|e: UnknownNetwork| e.to_string());
    Ok((read(from)?, read(to)?))
}

pub(super) fn run(arguments: &Arguments) -> bool {
    let all = Network::ALL.into_iter();
    let all = all.flat_map(|a| Network::ALL.map(|b| (a, b)));
    let wanted = |p: &Pair| arguments.pairs.is_empty() || arguments.pairs.contains(p);
    let pairs: Vec<_> = all.filter(wanted).collect();
    if !arguments.json {
        println!(
            "{:<14} {:<14} {:>9} {:>7}  {:>23}  {:>15}",
            "from", "to", "worked", "direct", "first byte, median/worst", "direct, median"
        );
    }
    run_on_cores(arguments, &pairs)
}

/// Each pair's line is printed as soon as all before it are.
#[expect(
    clippy::disallowed_methods,
    reason = "the command decides nothing: it uses the cores there are"
)]
fn run_on_cores(arguments: &Arguments, pairs: &[Pair]) -> bool {
    let (next, (done, results)) = (AtomicUsize::new(0), mpsc::channel());
    let work = |done: &mpsc::Sender<_>| {
        while let Some((number, &(from, to))) = take(&next, pairs) {
            if done.send((number, run_pair(arguments, from, to))).is_err() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs(arguments) {
            let done = done.clone();
            scope.spawn(move || work(&done));
        }
        drop(done);
        print_in_order(arguments, pairs, results)
    })
}

fn jobs(arguments: &Arguments) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    arguments.jobs.unwrap_or_else(cores).max(1)
}

fn take<'a, T>(next: &AtomicUsize, of: &'a [T]) -> Option<(usize, &'a T)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    Some((number, of.get(number)?))
}

/// Whether all pairs came, and each was as it should be.
fn print_in_order(
    arguments: &Arguments,
    pairs: &[Pair],
    results: mpsc::Receiver<(usize, Tally)>,
) -> bool {
    let (mut waiting, mut printed, mut is_well) = (BTreeMap::new(), 0, true);
    for (number, tally) in results {
        waiting.insert(number, tally);
        progress(pairs.len(), printed + waiting.len());
        while let Some(mut tally) = waiting.remove(&printed) {
            if let Some(&(from, to)) = pairs.get(printed) {
                show(arguments, from, to, &mut tally);
            }
            is_well &= tally.wrong.is_empty();
            printed += 1;
        }
    }
    is_well && printed == pairs.len()
}

fn run_pair(arguments: &Arguments, from: Network, to: Network) -> Tally {
    let (mut tally, expectation) = (Tally::default(), Expectation::of(from, to));
    for run in 0..arguments.runs {
        let seed = arguments.seed.wrapping_add(run);
        // Two seeds without loss, two with: each half has one and two domains alike.
        let loss = if seed & 2 == 0 { 0.0 } else { LOSS };
        let done = attempt(from, to, seed, loss);
        let before = tally.wrong.len();
        tally.add(seed, &done, expectation);
        if arguments.trace && before == 0 && !tally.wrong.is_empty() {
            eprintln!(
                "{} to {}, seed {seed}:\n{}",
                from.name(),
                to.name(),
                done.story
            );
        }
    }
    tally
}

fn progress(of: usize, done: usize) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        // A terminal that went away is no reason to stop.
        let _ = write!(stderr, "\r{done}/{of} pairs\x1b[K\r");
    }
}

fn show(arguments: &Arguments, from: Network, to: Network, tally: &mut Tally) {
    let ms = |d: Duration| (d.as_secs_f64() * 10_000.0).round() / 10.0;
    let rounds = |d: Duration| (d.div_duration_f64(ROUND_TRIP) * 100.0).round() / 100.0;
    let mut of = |share| Tally::quantile(&mut tally.first_byte, share);
    let (p50, p95, max) = (of(0.5), of(0.95), of(1.0));
    let mut direct = |share| Tally::quantile(&mut tally.to_direct, share);
    let (direct_50, direct_95) = (direct(0.5), direct(0.95));
    if arguments.json {
        let route = if tally.direct * 2 > tally.tries {
            "direct"
        } else {
            "relay"
        };
        let line = json!({
            "from": from.name(), "to": to.name(), "tries": tally.tries, "ok": tally.ok,
            "direct": tally.direct, "route": route,
            "first_byte_ms": { "p50": ms(p50), "p95": ms(p95), "max": ms(max) },
            "first_byte_r": { "p50": rounds(p50), "p95": rounds(p95) },
            "direct_ms": { "p50": ms(direct_50), "p95": ms(direct_95) },
            "lost": tally.tries - tally.ok, "seed": arguments.seed,
        });
        println!("{line}");
        return;
    }
    let to_direct = if tally.to_direct.is_empty() {
        "relay".to_owned()
    } else {
        format!("{} ms, {} R", ms(direct_50), rounds(direct_50))
    };
    println!(
        "{:<14} {:<14} {:>4}/{:<4} {:>7}  {:>6} ms {:>5} R / {:>6} ms  {to_direct:>15}{}",
        from.name(),
        to.name(),
        tally.ok,
        tally.tries,
        tally.direct,
        ms(p50),
        rounds(p50),
        ms(max),
        told(&tally.wrong),
    );
}

fn told(wrong: &[u64]) -> String {
    let seeds: Vec<String> = wrong.iter().take(5).map(u64::to_string).collect();
    match seeds.as_slice() {
        [] => String::new(),
        _ => format!(
            "  NOT AS EXPECTED: {} seeds {}",
            wrong.len(),
            seeds.join(" ")
        ),
    }
}
