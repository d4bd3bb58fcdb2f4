//! A plain UDP socket: keeps what it gets, sends what it is told, and may echo.

use core::net::SocketAddr;
use std::collections::VecDeque;

use ntm_wire::id::InterfaceId;
use ntm_wire::time::{Mono, Now};

use super::{Effect, Outgoing};

/// A plain UDP socket.
#[derive(Debug)]
pub struct Sink {
    port: u16,
    is_echo: bool,
    outgoing: VecDeque<Outgoing>,
    /// What came in: when, from where, what.
    pub received: Vec<(Mono, SocketAddr, Vec<u8>)>,
}

impl Sink {
    /// A socket on this port; `is_echo`: whether it sends everything back.
    pub fn new(port: u16, is_echo: bool) -> Self {
        Self {
            port,
            is_echo,
            outgoing: VecDeque::new(),
            received: Vec::new(),
        }
    }

    pub(super) fn handle_datagram(
        &mut self,
        now: Now,
        on: InterfaceId,
        from: SocketAddr,
        datagram: &mut [u8],
    ) {
        self.received.push((now.mono, from, datagram.to_vec()));
        if self.is_echo {
            self.send(on, from, datagram.to_vec());
        }
    }

    pub(super) fn handle_timeout(&mut self, _: Now) {}

    pub(super) fn restart(&mut self, _: Now) {
        self.received.clear();
    }

    /// Sends a datagram.
    pub fn send(&mut self, from: InterfaceId, to: SocketAddr, payload: Vec<u8>) {
        self.outgoing.push_back(Outgoing { from, to, payload });
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Outgoing> {
        self.outgoing.pop_front()
    }

    pub(super) fn poll_effect(&mut self, _: Now) -> Option<Effect> {
        None
    }

    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        None
    }

    pub(super) fn has_port(&self, port: u16) -> bool {
        self.port == port
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}
