//! What a flood of spoofed datagrams does to calls: the real `ntm-server` on loopback, two nodes that ping
//! each other over its relay, a third that calls one of them meanwhile.
//!
//! `cargo bench -p ntm-servers --bench flood -- [--json] [--rate 100000] [--seconds 5] [--pin] [--only KIND]`.
//! `--pin` gives the flood the first CPU and the server, both roles of it, the second.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints its result, and has none when it can't be set up"
)]

#[path = "../tests/flood/generator.rs"]
mod generator;
#[path = "../tests/flood/run.rs"]
mod run;
#[path = "../tests/flood/scene.rs"]
mod scene;
#[path = "../tests/flood/usage.rs"]
mod usage;

use std::time::Duration;

use generator::Kind;
use run::{Pings, Plan, Row};
use scene::Scene;
use serde_json::json;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: u32| {
        let at = args.iter().position(|a| a == name);
        at.map_or(default, |at| args[at + 1].parse().unwrap())
    };
    let has = |name: &str| args.iter().any(|a| a == name);
    let plan = Plan {
        rate: number("--rate", 100_000),
        lasts: Duration::from_secs(number("--seconds", 5).into()),
        cpu: has("--pin").then_some(0),
    };
    let only = args.iter().position(|a| a == "--only");
    let only = only.map(|at| args[at + 1].as_str());
    let kinds = Kind::ALL.into_iter();
    let kinds = kinds.filter(|kind| only.is_none_or(|only| only == kind.name()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(all(kinds, plan, has("--json")));
}

async fn all(kinds: impl Iterator<Item = Kind>, plan: Plan, is_json: bool) {
    let scene = Scene::set(plan.cpu.map(|cpu| cpu + 1)).await;
    if !is_json {
        println!(
            "flood      sent/s reached/s us each  busy | answers  bytes back  longer | pings lost   median      p95 | lost in flood   median      p95 | call     memory KiB"
        );
    }
    for kind in kinds {
        let row = run::run(&scene, kind, plan).await;
        if is_json {
            println!("{}", report(kind, &row));
        } else {
            print(kind, &row);
        }
    }
}

fn print(kind: Kind, row: &Row) {
    let (flood, usage) = (&row.flood, &row.usage);
    println!(
        "{:<8} {:>8.0}  {:>8.0} {:>7.2} {:>4.0}% | {:>7}  {:>9.3}x  {:>6} | {} | {}    | {:<8} {} -> {}",
        kind.name(),
        rate(row, flood.datagrams),
        rate(row, row.reached()),
        micros_each(row),
        share(row) * 100.0,
        flood.answers,
        flood.amplification(),
        flood.too_long,
        pings(&row.before),
        pings(&row.during),
        row.call
            .map_or("failed".to_owned(), |c| format!("{:.0?}", c)),
        usage.0.resident_kib,
        usage.1.resident_kib,
    );
}

fn pings(pings: &Pings) -> String {
    let ms = |hundredths| {
        let value = percentile(pings, hundredths).map(millis);
        value.map_or("-".to_owned(), |v| format!("{v:.2} ms"))
    };
    format!(
        "{:>3}/{:<5} {:>8} {:>8}",
        pings.lost(),
        pings.sent,
        ms(50),
        ms(95)
    )
}

fn report(kind: Kind, row: &Row) -> serde_json::Value {
    let pings = |p: &Pings| {
        json!({
            "sent": p.sent,
            "lost": p.lost(),
            "median_ms": percentile(p, 50).map(millis),
            "p95_ms": percentile(p, 95).map(millis),
        })
    };
    json!({
        "flood": kind.name(),
        "datagrams_per_s": rate(row, row.flood.datagrams),
        "datagrams": row.flood.datagrams,
        "reached_per_s": rate(row, row.reached()),
        "dropped_by_kernel": row.dropped(),
        "server_us_per_datagram": micros_each(row),
        "server_cpus": share(row),
        "bytes": row.flood.bytes,
        "answers": row.flood.answers,
        "answer_bytes": row.flood.answer_bytes,
        "answers_longer_than_their_question": row.flood.too_long,
        "before": pings(&row.before),
        "during": pings(&row.during),
        "call_ms": row.call.map(millis),
        "memory_kib": { "before": row.usage.0.resident_kib, "after": row.usage.1.resident_kib },
    })
}

fn rate(row: &Row, datagrams: u64) -> f64 {
    datagrams as f64 / row.flood.seconds
}

/// What the server spent on each datagram that it fetched.
fn micros_each(row: &Row) -> f64 {
    row.cpu().as_secs_f64() * 1e6 / row.reached().max(1) as f64
}

/// Of one CPU.
fn share(row: &Row) -> f64 {
    row.cpu().as_secs_f64() / row.flood.seconds
}

/// The round trip that so many hundredths of those answered did not exceed.
fn percentile(pings: &Pings, hundredths: usize) -> Option<Duration> {
    let last = pings.rtts.len().checked_sub(1)?;
    pings.rtts.get(last * hundredths / 100).copied()
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
