//! What must hold whatever the attacker does.

use core::net::SocketAddr;
use std::collections::BTreeSet;

use super::attacker::Mind;
use super::ground::Ground;
use crate::net::HostId;
use crate::process::Process;

/// Nobody sends more than so many times what came from an address that proved nothing (RFC 9000, 8).
const FACTOR: u64 = 3;

/// A DC that was lied to about where a node is tells the peer, who asks there: five Tunnel Requests and
/// three probes to each of the strangers' addresses (rule 10).
const TOLD: u64 = 8 * 200;

/// Keeps account of what strangers were sent.
#[derive(Debug, Default)]
pub(super) struct Judge {
    faults: usize,
    /// Senders of floods that were told of.
    flooders: BTreeSet<SocketAddr>,
}

impl Judge {
    /// Everything that should not be so.
    pub(super) fn look(&mut self, ground: &mut Ground) -> Vec<String> {
        let mut found = self.new_faults(ground);
        for end in 0..2 {
            found.extend(endpoints(ground, end));
            found.extend(deliveries(ground, end));
        }
        found.extend(self.floods(ground));
        ground.world.injected.clear();
        found
    }

    fn new_faults(&mut self, ground: &Ground) -> Vec<String> {
        let all = &ground.world.faults;
        let new = all.iter().skip(self.faults).cloned().collect();
        self.faults = all.len();
        new
    }

    fn floods(&mut self, ground: &mut Ground) -> Vec<String> {
        for host in ground.strangers {
            ground.world.with_process(host, |p, _| match p {
                Process::Sink(sink) => sink.received.clear(),
                Process::Node(_) | Process::Coordinator(_) | Process::Relay(_) => {}
            });
        }
        let mind = ground.mind.borrow();
        let asked = |a: &SocketAddr| mind.asked.get(a).copied().unwrap_or_default();
        let is_too_much =
            |(from, bytes): &(&SocketAddr, &u64)| **bytes > FACTOR * asked(from) + TOLD;
        let all = mind.answered.iter().filter(is_too_much);
        let new = all.filter(|(from, _)| self.flooders.insert(**from));
        let tell = |(from, bytes): (&SocketAddr, &u64)| {
            format!("{from} sent strangers {bytes} bytes for {}", asked(from))
        };
        new.map(tell).collect()
    }
}

/// A direct route leads to where the peer was truly seen.
fn endpoints(ground: &mut Ground, end: usize) -> Vec<String> {
    let (host, peer) = (ground.host(end), ground.host(1 - end));
    let in_use = ground.route(end).and_then(|r| match r {
        ntm_proto::Route::Direct { remote } => Some(remote.0),
        ntm_proto::Route::Relay { .. } => None,
    });
    let all = ground.world.with_node(host, |n, _| {
        n.app.handovers.clear();
        core::mem::take(&mut n.app.remotes)
    });
    let mind = ground.mind.borrow();
    if mind.truly.is_empty() {
        // Nobody listens, nobody attacks.
        return Vec::new();
    }
    let all = all.into_iter().flatten().chain(in_use);
    let wrong = all.filter(|a| !is_truly(&mind, peer, *a));
    wrong
        .map(|a| format!("end {end} was moved to {a}, where the peer never was"))
        .collect()
}

fn is_truly(mind: &Mind, host: HostId, addr: SocketAddr) -> bool {
    mind.truly
        .get(&host)
        .is_some_and(|known| known.contains(&addr))
}

/// The application gets what was sent, and once.
fn deliveries(ground: &Ground, end: usize) -> Vec<String> {
    let (Some(talk), Some(peer)) = (ground.talk_of(end), ground.talk_of(1 - end)) else {
        return vec![format!("end {end} talks no more")];
    };
    let heard = &talk.heard;
    let mut found = Vec::new();
    if heard.doubles + heard.foreign > 0 {
        let (doubles, foreign) = (heard.doubles, heard.foreign);
        found.push(format!(
            "end {end} got {doubles} packets twice and {foreign} that nobody sent"
        ));
    }
    if heard.end > peer.sent {
        found.push(format!("end {end} got packets before they were sent"));
    }
    found
}
