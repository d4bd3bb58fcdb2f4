//! `ntm-sim matrix`.

use std::io::{IsTerminal as _, Write as _};
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
    /// The story of the first try that is not as it should be.
    #[arg(long)]
    trace: bool,
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
    if !arguments.json {
        println!(
            "{:<14} {:<14} {:>9} {:>7}  {:>23}  {:>15}",
            "from", "to", "worked", "direct", "first byte, median/worst", "direct, median"
        );
    }
    let mut is_well = true;
    for (from, to) in all.filter(wanted) {
        is_well &= run_pair(arguments, from, to);
    }
    is_well
}

fn run_pair(arguments: &Arguments, from: Network, to: Network) -> bool {
    let (mut tally, expectation) = (Tally::default(), Expectation::of(from, to));
    for run in 0..arguments.runs {
        let seed = arguments.seed.wrapping_add(run);
        // Two seeds without loss, two with: each half has one and two domains alike.
        let loss = if seed & 2 == 0 { 0.0 } else { LOSS };
        let done = attempt(from, to, seed, loss);
        let before = tally.wrong.len();
        tally.add(seed, &done, expectation);
        if arguments.trace && before == 0 && !tally.wrong.is_empty() {
            eprintln!("{}", done.story);
        }
        progress(arguments, from, to, run + 1);
    }
    show(arguments, from, to, &mut tally);
    tally.wrong.is_empty()
}

fn progress(arguments: &Arguments, from: Network, to: Network, done: u64) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let end = if done == arguments.runs { "\r" } else { "" };
        let names = format!("{} to {}", from.name(), to.name());
        // A terminal that went away is no reason to stop.
        let _ = write!(
            stderr,
            "\r{names:<32} {done}/{}   \x1b[K{end}",
            arguments.runs
        );
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
