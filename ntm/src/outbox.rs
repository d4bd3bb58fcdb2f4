//! Datagrams on their way out: runs of one destination and size go in one system call, and a full
//! kernel buffer holds the node back instead of losing packets.

use std::io;

use ntm_proto::{Class, Transmit};
use ntm_wire::addr::RealAddr;
use ntm_wire::id::InterfaceId;

use crate::sockets::{Door, Sockets};

/// No run is longer, whatever the system allows: the length field of IP.
const RUN: usize = 60_000;
/// Ways that are told of as refused; more of them die together.
const REFUSED: usize = 8;
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
    refused_ways: Vec<(InterfaceId, RealAddr)>,
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
    /// The socket that is full, if one is.
    pub(crate) fn blocked(&self) -> Option<Door> {
        self.run.as_ref().map(|r| Door {
            interface: r.from,
            class: Class::of(r.to),
        })
    }

    /// Ways that the system refused since this was asked last.
    pub(crate) fn take_refused(&mut self) -> Vec<(InterfaceId, RealAddr)> {
        std::mem::take(&mut self.refused_ways)
    }

    /// Sends what `poll` gives until it gives no more, the bound is reached or the kernel is full.
    pub(crate) fn flush(
        &mut self,
        sockets: &Sockets,
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
            if let Err(run) = self.send(sockets, run) {
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
        let most = sockets.segments().min(RUN / run.segment.max(1));
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
    fn send(&mut self, sockets: &Sockets, run: Run) -> Result<(), Run> {
        let (from, to) = (run.from, run.to);
        match sockets.try_send(from, to, &run.bytes, run.segment) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Err(run),
            Err(error) if run.bytes.len() > run.segment => {
                tracing::debug!(%error, "a run was refused; sending one by one");
                for one in run.bytes.chunks(run.segment.max(1)) {
                    self.note(from, to, sockets.try_send(from, to, one, one.len()));
                }
                Ok(())
            }
            Err(error) => {
                self.note(from, to, Err(error));
                Ok(())
            }
        }
    }

    fn note(&mut self, from: InterfaceId, to: RealAddr, result: io::Result<()>) {
        let Err(error) = result else { return };
        self.refused += 1;
        tracing::trace!(%error, "a datagram was refused");
        // A probe that is too large for the path says nothing of the path's life.
        let is_path = !is_too_large(&error);
        if is_path && self.refused_ways.len() < REFUSED && !self.refused_ways.contains(&(from, to))
        {
            self.refused_ways.push((from, to));
        }
    }
}

/// EMSGSIZE, by its number on each system.
fn is_too_large(error: &io::Error) -> bool {
    const TOO_LARGE: i32 = if cfg!(windows) {
        10_040
    } else if cfg!(any(target_os = "macos", target_os = "ios")) {
        40
    } else {
        90
    };
    error.raw_os_error() == Some(TOO_LARGE)
}

impl Run {
    fn takes(&self, next: &Transmit) -> bool {
        next.from == self.from
            && next.to == self.to
            && next.payload.len() <= self.segment
            && !next.payload.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::sockets::tests::on_loopback;

    #[tokio::test]
    async fn datagrams_of_mixed_sizes_and_destinations_arrive_whole_and_in_order() {
        let (out, _) = on_loopback();
        let (mut inn, to) = on_loopback();
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
        let (interface, class) = (InterfaceId(1), Class::of(to));
        let door = Door { interface, class };
        while outbox.flush(&out, || queue.pop_front()) == Flushed::More
            || outbox.blocked().is_some()
        {
            out.writable(outbox.blocked().unwrap_or(door)).await;
        }
        let mut received = Vec::new();
        while received.len() < sent.len() {
            inn.readable().await;
            inn.receive(|i| received.push(i.datagram.to_vec()));
        }
        assert_eq!(received, sent);
        assert_eq!(outbox.refused, 0);
    }
}
