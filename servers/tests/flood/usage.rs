//! What the kernel says of a server: its memory, its time, and what it did not fetch.

use std::time::Duration;

/// Of the times in /proc, a second; the same on every Linux.
const TICKS: f64 = 100.0;

/// So far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) resident_kib: u64,
    /// Of all its threads, in user and kernel mode. Receiving a datagram up to the socket's queue is
    /// the sender's time on loopback, and an interrupt's elsewhere.
    pub(crate) cpu: Duration,
    /// Datagrams that found the socket's queue full.
    pub(crate) dropped: u64,
}

impl Usage {
    /// Of this process, which listens on this port.
    pub(crate) fn of(process: u32, port: u16) -> Self {
        Self {
            resident_kib: resident_kib(process),
            cpu: cpu(process),
            dropped: dropped(port),
        }
    }
}

fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    number(line.unwrap(), 0)
}

/// Fields 14 and 15 of proc_pid_stat(5), counted behind the name in brackets.
fn cpu(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let ticks = number(rest, 11) + number(rest, 12);
    Duration::from_secs_f64(ticks as f64 / TICKS)
}

/// The last field of the socket's line.
fn dropped(port: u16) -> u64 {
    let sockets = std::fs::read_to_string("/proc/net/udp").unwrap();
    let end = format!(":{port:04X}");
    let local = |line: &&str| {
        line.split_whitespace()
            .nth(1)
            .is_some_and(|a| a.ends_with(&end))
    };
    let line = sockets.lines().find(local).unwrap();
    line.split_whitespace().last().unwrap().parse().unwrap()
}

fn number(line: &str, field: usize) -> u64 {
    let field = line.split_whitespace().nth(field);
    field.unwrap().parse().unwrap()
}
