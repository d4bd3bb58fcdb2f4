//! The server itself.

use std::collections::VecDeque;

use ntm_wire::addr::RealAddr;
use ntm_wire::time::{Mono, Now};
use ntm_wire::transmit::Transmit;

use crate::config::Config;
use crate::counters::Counters;
use crate::event::Event;
use crate::forward::Forward;

/// A Relay Server, without sockets or clock.
///
/// The driver calls, for each datagram, [`Relay::forward`], and sends it on as told; when the answer
/// is [`Forward::Consumed`], it hands the datagram to [`Relay::handle_datagram`]. (Handing everything
/// to `handle_datagram` is right too: forwarded packets then come out of `poll_transmit`, copied.)
/// After any call it sends what [`Relay::poll_transmit`] yields until `None`, reads
/// [`Relay::poll_event`] likewise, and calls [`Relay::handle_timeout`] when [`Relay::poll_timeout`] is
/// due, which it is from the start.
pub struct Relay {
    config: Config,
    counters: Counters,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
}

impl Relay {
    /// A server without legs; `seed` must be fresh random bytes for each process start.
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        let _ = seed;
        Self {
            config,
            counters: Counters::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Where a datagram goes, without a copy.
    pub fn forward(&mut self, _now: Now, _from: RealAddr, _datagram: &[u8]) -> Forward {
        Forward::Consumed
    }

    /// A datagram arrived.
    pub fn handle_datagram(&mut self, now: Now, from: RealAddr, datagram: &mut [u8]) {
        let _ = self.forward(now, from, datagram);
    }

    /// The time of [`Relay::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, _now: Now) {}

    /// Takes no new legs from now on, serves those that stand, and tells the DCs.
    pub fn drain(&mut self, _now: Now) {}

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`Relay::handle_timeout`]; a time that has passed means at once.
    pub fn poll_timeout(&self) -> Option<Mono> {
        None
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many legs are bound.
    pub fn legs(&self) -> usize {
        0
    }

    /// How busy the server is, from 0 (idle) to 255 (full).
    pub fn load(&self) -> u8 {
        0
    }

    /// Whether no new legs are taken.
    pub fn is_draining(&self) -> bool {
        self.config.max_legs == 0
    }
}
