//! The answering side: counts each run and reports.

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use serde_json::json;

use super::wire::{Datagram, Report};
use crate::cli::Context;
use crate::cli::echo::who;
use crate::cli::failure::Failure;
use crate::cli::session::Running;
use crate::net::UdpSocket;

/// Runs remembered; the oldest goes.
const RUNS: usize = 64;

struct Run {
    first: Instant,
    last: Instant,
    cpu: ProcessTime,
    report: Report,
}

pub(super) async fn run(context: &Context, running: &Running, port: u16) -> Result<(), Failure> {
    let socket = UdpSocket::bind_on(&running.node, (Ipv6Addr::UNSPECIFIED, port)).await?;
    context.out.line(format!(
        "{} answers measurements on virtual port {port}",
        crate::cli::names::device(running.node.fqdn())
    ));
    context
        .out
        .json(&json!({ "serving": running.node.fqdn().to_string(), "port": port }));
    let mut runs: BTreeMap<u64, Run> = BTreeMap::new();
    let mut buffer = vec![0; 2048];
    loop {
        let (len, from) = socket.recv_from(&mut buffer).await?;
        let Ok(datagram) = Datagram::parse(buffer.get(..len).unwrap_or_default()) else {
            continue;
        };
        match datagram {
            Datagram::Hello { run } => {
                context
                    .out
                    .line(format!("from {}", who(running, from.ip()).await));
                answer(&socket, Datagram::Serving { run }, from).await;
            }
            Datagram::Data { run, .. } => count(&mut runs, run, len),
            Datagram::Ask { run } => {
                let report = runs.get(&run).map(|r| r.report).unwrap_or_default();
                answer(&socket, Datagram::Report { run, report }, from).await;
            }
            Datagram::Serving { .. } | Datagram::Report { .. } => {}
        }
    }
}

fn count(runs: &mut BTreeMap<u64, Run>, id: u64, len: usize) {
    let now = Instant::now();
    if runs.len() >= RUNS && !runs.contains_key(&id) {
        let oldest = runs.iter().min_by_key(|(_, r)| r.last).map(|(id, _)| *id);
        oldest.map(|id| runs.remove(&id));
    }
    let fresh = || Run {
        first: now,
        last: now,
        cpu: ProcessTime::now(),
        report: Report::default(),
    };
    let run = runs.entry(id).or_insert_with(fresh);
    run.last = now;
    run.report.packets += 1;
    run.report.bytes += len as u64;
    run.report.micros = micros(now - run.first);
    run.report.cpu_micros = micros(run.cpu.elapsed());
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The client asks again when an answer is lost.
async fn answer(socket: &UdpSocket, datagram: Datagram, to: SocketAddr) {
    let _ = socket.send_to(&datagram.emit(), to).await;
}
