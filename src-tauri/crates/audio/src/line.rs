//! One call on the audio thread.

use std::{
    thread::Thread,
    time::{Duration, Instant},
};

use async_channel::{Receiver, Sender};
use voice_media::{Datagram, PathEvent};

use crate::thread::Command;

/// Names a call among those that share the audio thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId(pub(crate) u64);

/// A datagram from the network, for an engine.
pub(crate) struct Arrived {
    pub(crate) line: LineId,
    pub(crate) bytes: Vec<u8>,
    pub(crate) at: Instant,
}

/// A call's connection to the audio thread. Dropping it ends the call's sound.
///
/// No method waits, so all may be called from async code.
#[derive(Debug)]
pub struct Line {
    pub(crate) id: LineId,
    pub(crate) arrived: Sender<Arrived>,
    pub(crate) commands: Sender<Command>,
    pub(crate) out: Receiver<Datagram>,
    pub(crate) thread: Thread,
}

impl Line {
    /// Its name in [`SoundEvent`](crate::SoundEvent)s.
    pub fn id(&self) -> LineId {
        self.id
    }

    /// A datagram came from the peer, at this time. False when so many wait already that it was dropped, as the network would.
    pub fn datagram(&self, bytes: Vec<u8>, at: Instant) -> bool {
        let taken = self
            .arrived
            .try_send(Arrived {
                line: self.id,
                bytes,
                at,
            })
            .is_ok();
        self.thread.unpark();
        taken
    }

    /// What is to be sent to the peer. A clone of this receiver takes from the same stream.
    pub fn outgoing(&self) -> Receiver<Datagram> {
        self.out.clone()
    }

    /// No path leads to the peer now.
    pub fn path_lost(&self) {
        self.path(|_| PathEvent::Lost);
    }

    /// A path leads to the peer again, or another one does.
    pub fn path_restored(&self) {
        self.path(|_| PathEvent::Restored);
    }

    /// Two paths live for so long: packets should go on both.
    pub fn two_paths(&self, lasting: Duration) {
        self.path(move |now| PathEvent::TwoPaths {
            until: now + lasting,
        });
    }

    /// On hold nothing is sent and nothing heard of this call.
    pub fn hold(&self, held: bool) {
        self.command(Command::Hold {
            line: self.id,
            held,
        });
    }

    /// `event` is told the engine's time, in the audio thread.
    fn path(&self, event: impl FnOnce(Duration) -> PathEvent + Send + 'static) {
        self.command(Command::Path {
            line: self.id,
            event: Box::new(event),
        });
    }

    fn command(&self, command: Command) {
        let _ = self.commands.try_send(command);
        self.thread.unpark();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.command(Command::Detach { line: self.id });
    }
}
