//! A Relay Server at work.

use ntm_relay::{Event, Forward, Relay};
use ntm_wire::addr::RealAddr;
use ntm_wire::header::{Datagram, PacketType};
use ntm_wire::time::{Mono, Now};
use ntm_wire::transmit::Transmit;

use crate::driver::{Machine, Onward};

/// The relay in the clothes of a role.
pub(crate) struct Rs {
    pub(crate) relay: Relay,
    /// Whether a DC answers on the same sockets.
    pub(crate) shares: bool,
}

/// Nothing is ever said to an RS but over the network.
pub(crate) enum Command {}

impl Machine for Rs {
    type Command = Command;

    fn handle_datagram(&mut self, now: Now, from: RealAddr, datagram: &mut [u8]) -> Onward {
        if self.shares && !from_neighbour(from) {
            match whose(datagram) {
                Whose::Coordinators => return Onward::Elsewhere,
                Whose::CoordinatorsFromAStranger => return Onward::StrangerElsewhere,
                Whose::Relays => {}
            }
        }
        match self.relay.forward(now, from, datagram) {
            Forward::To(to) => Onward::To(to),
            Forward::Dropped => Onward::Done,
            Forward::Consumed => {
                self.relay.handle_datagram(now, from, datagram);
                Onward::Done
            }
        }
    }

    fn set_pressed(&mut self, is_pressed: bool) {
        self.relay.set_pressed(is_pressed);
    }

    fn handle_command(&mut self, _now: Now, command: Command) {
        match command {}
    }

    fn handle_timeout(&mut self, now: Now) {
        self.relay.handle_timeout(now);
    }

    fn stop(&mut self, now: Now) {
        self.relay.drain(now);
    }

    fn act(&mut self) {
        while let Some(event) = self.relay.poll_event() {
            match event {
                Event::Linked { dc } => tracing::info!(%dc, "linked to a coordinator"),
                Event::Unlinked { dc } => tracing::warn!(%dc, "a coordinator does not answer"),
                Event::Draining { .. } => tracing::info!("takes no new legs"),
                Event::Drained => tracing::info!("the last leg is gone"),
            }
        }
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.relay.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Mono> {
        self.relay.poll_timeout()
    }

    fn is_done(&self) -> bool {
        self.relay.legs() == 0
    }
}

fn from_neighbour(from: RealAddr) -> bool {
    from.0 == crate::server::dc_inside()
}

/// For which of the two that share sockets a datagram is.
enum Whose {
    Relays,
    Coordinators,
    CoordinatorsFromAStranger,
}

/// The header says it: sessions and links are the DC's.
fn whose(datagram: &[u8]) -> Whose {
    let Ok(datagram) = Datagram::new_checked(datagram) else {
        return Whose::Relays;
    };
    match datagram.kind() {
        PacketType::Hello => Whose::CoordinatorsFromAStranger,
        PacketType::Challenge
        | PacketType::Accept
        | PacketType::Control
        | PacketType::LinkHello
        | PacketType::LinkAccept => Whose::Coordinators,
        PacketType::Bind
        | PacketType::Leg
        | PacketType::Hint
        | PacketType::BindChallenge
        | PacketType::TunnelRequest
        | PacketType::TunnelResponse
        | PacketType::Punch
        | PacketType::Data => Whose::Relays,
    }
}
