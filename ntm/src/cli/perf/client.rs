//! The asking side: sends the load, and learns what arrived.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use ntm_proto::Peer;
use tokio::time::timeout;

use super::wire::{Datagram, HEAD, Report};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::net::UdpSocket;
use crate::node::Node;

/// An answer is waited for so long, so often.
const ANSWER: Duration = Duration::from_millis(500);
const TRIES: u32 = 6;
/// What is on its way when the load ends still counts.
const TAIL: Duration = Duration::from_millis(500);

pub(super) struct Load {
    pub(super) time: Duration,
    pub(super) size: usize,
    /// 0: no limit.
    pub(super) bits_per_second: f64,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// The peer sent everything back, instead of counting.
    pub(super) echoed: bool,
    pub(super) size: usize,
    pub(super) sent: u64,
    pub(super) received: u64,
    /// Seconds over which `received` came.
    pub(super) seconds: f64,
    pub(super) cpu: Duration,
    pub(super) wall: Duration,
    pub(super) peer_cpu_percent: Option<f64>,
}

impl Outcome {
    pub(super) fn packets_per_second(&self) -> f64 {
        if self.seconds > 0.0 {
            self.received as f64 / self.seconds
        } else {
            0.0
        }
    }

    pub(super) fn megabits(&self) -> f64 {
        self.packets_per_second() * self.size as f64 * 8.0 / 1e6
    }

    pub(super) fn loss_percent(&self) -> f64 {
        let lost = self.sent.saturating_sub(self.received);
        if self.sent == 0 {
            0.0
        } else {
            lost as f64 * 100.0 / self.sent as f64
        }
    }

    pub(super) fn cpu_percent(&self) -> f64 {
        100.0 * self.cpu.as_secs_f64() / self.wall.as_secs_f64().max(1e-9)
    }

    pub(super) fn cpu_micros_per_packet(&self) -> f64 {
        if self.sent == 0 {
            0.0
        } else {
            self.cpu.as_secs_f64() * 1e6 / self.sent as f64
        }
    }
}

pub(super) async fn run(
    node: &Node,
    peer: &Peer,
    port: u16,
    load: &Load,
) -> Result<Outcome, Failure> {
    let socket = UdpSocket::bind_on(node, "[::]:0").await?;
    socket
        .connect(SocketAddr::new(peer.addrs.v6.into(), port))
        .await?;
    let run = fresh_run()?;
    let echoed = is_echo(&socket, run).await?;
    let (cpu, begun) = (ProcessTime::now(), Instant::now());
    let (sent, returned) = if echoed {
        tokio::join!(
            send_all(&socket, run, load),
            count_returned(&socket, run, load.time + TAIL)
        )
    } else {
        (send_all(&socket, run, load).await, Counted::default())
    };
    let outcome = Outcome {
        echoed,
        size: load.size,
        sent: sent?,
        cpu: cpu.elapsed(),
        wall: begun.elapsed(),
        ..Outcome::default()
    };
    if echoed {
        return Ok(Outcome {
            received: returned.packets,
            seconds: returned.seconds,
            ..outcome
        });
    }
    tokio::time::sleep(TAIL).await;
    let report = ask(&socket, run).await?;
    let seconds = report.micros as f64 / 1e6;
    let peer_cpu = (seconds > 0.0).then(|| report.cpu_micros as f64 / 1e4 / seconds);
    Ok(Outcome {
        received: report.packets,
        seconds,
        peer_cpu_percent: peer_cpu,
        ..outcome
    })
}

fn fresh_run() -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|e| Failure::new(Exit::Other, e))?;
    Ok(u64::from_be_bytes(bytes))
}

async fn is_echo(socket: &UdpSocket, run: u64) -> Result<bool, Failure> {
    let pick = |d| match d {
        Datagram::Hello { run: r } if r == run => Some(true),
        Datagram::Serving { run: r } if r == run => Some(false),
        Datagram::Hello { .. }
        | Datagram::Serving { .. }
        | Datagram::Data { .. }
        | Datagram::Ask { .. }
        | Datagram::Report { .. } => None,
    };
    exchange(socket, Datagram::Hello { run }, pick).await
}

async fn ask(socket: &UdpSocket, run: u64) -> Result<Report, Failure> {
    let pick = |d| match d {
        Datagram::Report { run: r, report } if r == run => Some(report),
        Datagram::Hello { .. }
        | Datagram::Serving { .. }
        | Datagram::Data { .. }
        | Datagram::Ask { .. }
        | Datagram::Report { .. } => None,
    };
    exchange(socket, Datagram::Ask { run }, pick).await
}

/// Sends until the answer that `pick` takes comes back.
async fn exchange<T>(
    socket: &UdpSocket,
    question: Datagram,
    pick: impl Fn(Datagram) -> Option<T>,
) -> Result<T, Failure> {
    for _ in 0..TRIES {
        socket.send(&question.emit()).await?;
        let until = tokio::time::Instant::now() + ANSWER;
        while let Ok(datagram) = tokio::time::timeout_at(until, receive(socket)).await {
            if let Some(answer) = datagram?.and_then(&pick) {
                return Ok(answer);
            }
        }
    }
    Err(Failure::new(
        Exit::NoAnswer,
        "nothing answers on that virtual port: run `ntm perf --serve` or `ntm echo` there",
    ))
}

async fn receive(socket: &UdpSocket) -> Result<Option<Datagram>, Failure> {
    let mut buffer = [0; 2048];
    let len = socket.recv(&mut buffer).await?;
    Ok(Datagram::parse(buffer.get(..len).unwrap_or_default()).ok())
}

async fn send_all(socket: &UdpSocket, run: u64, load: &Load) -> Result<u64, Failure> {
    let begun = Instant::now();
    let mut packet = vec![0; load.size.max(HEAD)];
    let mut sent: u64 = 0;
    while begun.elapsed() < load.time {
        let number = u32::try_from(sent).unwrap_or(u32::MAX);
        let head = Datagram::Data { run, number }.emit();
        packet.splice(..HEAD, head);
        socket.send(&packet).await?;
        sent += 1;
        pace(begun, sent, load).await;
    }
    Ok(sent)
}

/// Sleeps when ahead of the rate.
async fn pace(begun: Instant, sent: u64, load: &Load) {
    if load.bits_per_second <= 0.0 {
        return;
    }
    let due = sent as f64 * load.size as f64 * 8.0 / load.bits_per_second;
    let ahead = due - begun.elapsed().as_secs_f64();
    // The timer is no finer.
    if ahead > 0.001 {
        tokio::time::sleep(Duration::from_secs_f64(ahead)).await;
    }
}

#[derive(Default)]
struct Counted {
    packets: u64,
    seconds: f64,
}

async fn count_returned(socket: &UdpSocket, run: u64, most: Duration) -> Counted {
    let mut counted = Counted::default();
    let begun = Instant::now();
    let all = async {
        while let Ok(datagram) = receive(socket).await {
            if matches!(datagram, Some(Datagram::Data { run: r, .. }) if r == run) {
                counted.packets += 1;
                counted.seconds = begun.elapsed().as_secs_f64();
            }
        }
    };
    let _ = timeout(most, all).await;
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throughput_loss_and_cost_follow_from_the_counts() {
        let outcome = Outcome {
            size: 1000,
            sent: 200,
            received: 150,
            seconds: 1.5,
            cpu: Duration::from_millis(500),
            wall: Duration::from_secs(2),
            ..Outcome::default()
        };
        assert!((outcome.packets_per_second() - 100.0).abs() < 1e-9);
        assert!((outcome.megabits() - 0.8).abs() < 1e-9);
        assert!((outcome.loss_percent() - 25.0).abs() < 1e-9);
        assert!((outcome.cpu_percent() - 25.0).abs() < 1e-9);
        assert!((outcome.cpu_micros_per_packet() - 2500.0).abs() < 1e-9);
    }
}
