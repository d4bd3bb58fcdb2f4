//! Datagrams on their way out: runs of one destination and size go in one system call, and a full
//! kernel buffer holds the node back instead of losing packets.

use std::io;
use std::net::IpAddr;

use ntm_proto::Transmit;
use ntm_wire::addr::RealAddr;
use ntm_wire::id::InterfaceId;

use crate::interfaces::LocalIp;
use crate::sockets::Sockets;

/// No run is longer, whatever the system allows: the length field of IP.
const RUN: usize = 60_000;
/// Runs per turn, so that reading is never starved.
const BOUND: usize = 64;

/// What waits to be sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    run: Option<Run>,
    /// The datagram that did not fit the run.
    next: Option<Transmit>,
    /// Datagrams the system refused: news about a path, not a reason to stop.
    pub(crate) refused: u64,
}

#[derive(Debug)]
struct Run {
    from: InterfaceId,
    to: RealAddr,
    bytes: Vec<u8>,
    segment: usize,
}

/// How a flush ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// Everything is out.
    All,
    /// The bound is reached.
    More,
}

impl Outbox {
    /// The family whose socket is full, if one is.
    pub(crate) fn blocked(&self) -> Option<bool> {
        self.run.as_ref().map(|r| r.to.is_ipv4())
    }

    /// Sends what `poll` gives until it gives no more, the bound is reached or the kernel is full.
    pub(crate) fn flush(
        &mut self,
        sockets: &Sockets,
        locals: &[LocalIp],
        mut poll: impl FnMut() -> Option<Transmit>,
    ) -> Flushed {
        for _ in 0..BOUND {
            let run = match self.run.take() {
                Some(run) => run,
                None => match self.gather(sockets, &mut poll) {
                    Some(run) => run,
                    None => return Flushed::All,
                },
            };
            if let Err(run) = self.send(sockets, locals, run) {
                self.run = Some(run);
                return Flushed::All;
            }
        }
        Flushed::More
    }

    fn gather(
        &mut self,
        sockets: &Sockets,
        poll: &mut impl FnMut() -> Option<Transmit>,
    ) -> Option<Run> {
        let first = self.next.take().or_else(&mut *poll)?;
        let mut run = Run {
            from: first.from,
            to: first.to,
            segment: first.payload.len(),
            bytes: first.payload,
        };
        let most = sockets
            .segments(run.to.is_ipv4())
            .min(RUN / run.segment.max(1));
        for _ in 1..most {
            let Some(next) = poll() else { break };
            if !run.takes(&next) {
                self.next = Some(next);
                break;
            }
            run.bytes.extend_from_slice(&next.payload);
            if next.payload.len() < run.segment {
                break;
            }
        }
        Some(run)
    }

    /// The run comes back when the kernel is full.
    fn send(&mut self, sockets: &Sockets, locals: &[LocalIp], run: Run) -> Result<(), Run> {
        let src = source(locals, run.from, run.to);
        match sockets.try_send(run.to, src, &run.bytes, run.segment) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Err(run),
            Err(error) if run.bytes.len() > run.segment => {
                tracing::debug!(%error, "a run was refused; sending one by one");
                for one in run.bytes.chunks(run.segment.max(1)) {
                    self.note(sockets.try_send(run.to, src, one, one.len()));
                }
                Ok(())
            }
            Err(error) => {
                self.note(Err(error));
                Ok(())
            }
        }
    }

    fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.refused += 1;
            tracing::trace!(%error, "a datagram was refused");
        }
    }
}

impl Run {
    fn takes(&self, next: &Transmit) -> bool {
        next.from == self.from
            && next.to == self.to
            && next.payload.len() <= self.segment
            && !next.payload.is_empty()
    }
}

/// The address of the interface to send from; the system's choice when it has none of the family.
fn source(locals: &[LocalIp], from: InterfaceId, to: RealAddr) -> Option<IpAddr> {
    let fits = |l: &&LocalIp| l.interface == from && l.ip.is_ipv4() == to.is_ipv4();
    if from == InterfaceId(0) {
        return None;
    }
    locals.iter().find(fits).map(|l| l.ip)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;

    #[tokio::test]
    async fn datagrams_of_mixed_sizes_and_destinations_arrive_whole_and_in_order() {
        let out = Sockets::bind(0).unwrap();
        let mut inn = Sockets::bind(0).unwrap();
        let to = RealAddr(SocketAddr::new(
            Ipv4Addr::LOCALHOST.into(),
            inn.port(true).unwrap(),
        ));
        let sent: Vec<Vec<u8>> = (0..40_u8)
            .map(|i| vec![i; [300, 300, 300, 120][usize::from(i % 4)]])
            .collect();
        let mut queue: VecDeque<Transmit> = sent
            .iter()
            .map(|p| Transmit {
                from: InterfaceId(0),
                to,
                payload: p.clone(),
            })
            .collect();
        let mut outbox = Outbox::default();
        while outbox.flush(&out, &[], || queue.pop_front()) == Flushed::More
            || outbox.blocked().is_some()
        {
            out.writable(true).await;
        }
        let mut received = Vec::new();
        while received.len() < sent.len() {
            inn.readable().await;
            inn.receive(|i| received.push(i.datagram.to_vec()));
        }
        assert_eq!(received, sent);
        assert_eq!(outbox.refused, 0);
    }

    #[test]
    fn the_source_address_is_of_the_interface_and_the_family() {
        let local = |n, ip: &str| LocalIp {
            interface: InterfaceId(n),
            ip: ip.parse().unwrap(),
        };
        let locals = [
            local(1, "192.0.2.1"),
            local(1, "2001:db8::1"),
            local(2, "198.51.100.7"),
        ];
        let v4 = RealAddr("203.0.113.1:7930".parse().unwrap());
        let v6 = RealAddr("[2001:db8::9]:7930".parse().unwrap());
        assert_eq!(source(&locals, InterfaceId(2), v4), Some(locals[2].ip));
        assert_eq!(source(&locals, InterfaceId(1), v6), Some(locals[1].ip));
        assert_eq!(
            source(&locals, InterfaceId(2), v6),
            None,
            "it has no address of that family"
        );
        assert_eq!(
            source(&locals, InterfaceId(0), v4),
            None,
            "0 is the system's choice"
        );
    }
}
