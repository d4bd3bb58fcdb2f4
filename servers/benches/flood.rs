//! What a flood of spoofed datagrams does to calls: the real `ntm-server` on loopback, two nodes that ping
//! each other over its relay, a third that calls one of them meanwhile.
//!
//! `cargo bench -p ntm-servers --bench flood -- [--json] [--rate 100000] [--seconds 5]`. The flood takes a
//! core, DC and RS one each when there are so many.
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

use std::time::Duration;

use generator::{Kind, Sent};
use run::{Pings, Row};
use scene::Scene;
use serde_json::json;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: u32| {
        let at = args.iter().position(|a| a == name);
        at.map_or(default, |at| args[at + 1].parse().unwrap())
    };
    let (rate, seconds) = (number("--rate", 100_000), number("--seconds", 5));
    let is_json = args.iter().any(|a| a == "--json");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(all(rate, Duration::from_secs(seconds.into()), is_json));
}

async fn all(rate: u32, lasts: Duration, is_json: bool) {
    let scene = Scene::set().await;
    if !is_json {
        println!(
            "flood      sent/s    answers  bytes back  longer | pings lost   median      p95 | lost in flood   median      p95 | call     memory KiB"
        );
    }
    for kind in Kind::ALL {
        let row = run::run(&scene, kind, rate, lasts).await;
        if is_json {
            println!("{}", report(kind, &row));
        } else {
            print(kind, &row);
        }
    }
}

fn print(kind: Kind, row: &Row) {
    let flood = &row.flood;
    println!(
        "{:<8} {:>8.0} {:>10}  {:>9.3}x  {:>6} | {} | {}    | {:<8} {} -> {}",
        kind.name(),
        rate(flood),
        flood.answers,
        flood.amplification(),
        flood.too_long,
        pings(&row.before),
        pings(&row.during),
        row.call
            .map_or("failed".to_owned(), |c| format!("{:.0?}", c)),
        row.memory.0,
        row.memory.1,
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
        "datagrams_per_s": rate(&row.flood),
        "datagrams": row.flood.datagrams,
        "bytes": row.flood.bytes,
        "answers": row.flood.answers,
        "answer_bytes": row.flood.answer_bytes,
        "answers_longer_than_their_question": row.flood.too_long,
        "before": pings(&row.before),
        "during": pings(&row.during),
        "call_ms": row.call.map(millis),
        "memory_kib": { "before": row.memory.0, "after": row.memory.1 },
    })
}

fn rate(flood: &Sent) -> f64 {
    flood.datagrams as f64 / flood.seconds
}

/// The round trip that so many hundredths of those answered did not exceed.
fn percentile(pings: &Pings, hundredths: usize) -> Option<Duration> {
    let last = pings.rtts.len().checked_sub(1)?;
    pings.rtts.get(last * hundredths / 100).copied()
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
