//! One call: its engine, its clock, and where its datagrams go.

use std::time::{Duration, Instant};

use async_channel::Sender;
use voice_media::{Datagram, Engine, Event};

use super::report::Report;
use crate::{BLOCK, event::SoundEvent, line::LineId};

pub(super) struct Patch {
    pub(super) id: LineId,
    pub(super) engine: Engine,
    /// An outage lasts so long that a tone is due.
    pub(super) waits: bool,
    out: Sender<Datagram>,
    began: Instant,
    /// The engine's time never goes back; a datagram's may have come before the last block.
    latest: Duration,
}

impl Patch {
    pub(super) fn new(id: LineId, engine: Engine, out: Sender<Datagram>, now: Instant) -> Self {
        Self {
            id,
            engine,
            waits: false,
            out,
            began: now,
            latest: Duration::ZERO,
        }
    }

    /// The engine's time.
    pub(super) fn clock(&mut self, at: Instant) -> Duration {
        self.latest = self.latest.max(at.saturating_duration_since(self.began));
        self.latest
    }

    pub(super) fn play_into(&mut self, mix: &mut [f32; BLOCK], now: Instant) {
        let mut block = [0.0; BLOCK];
        let at = self.clock(now);
        self.engine.play(at, &mut block);
        mix.iter_mut()
            .zip(block)
            .for_each(|(mix, sample)| *mix += sample);
    }

    /// Sends and tells; true when an outage that is heard began or ended.
    pub(super) fn serve(&mut self, now: Instant, report: &mut Report) -> bool {
        let at = self.clock(now);
        if self.engine.poll_timeout().is_some_and(|due| due <= at) {
            self.engine.handle_timeout(at);
        }
        while let Some(datagram) = self.engine.poll_transmit() {
            if self.out.try_send(datagram).is_err() {
                report.unsent();
            }
        }
        let before = self.waits;
        while let Some(event) = self.engine.poll_event() {
            match event {
                Event::SoftTone => self.waits = true,
                Event::OutageEnded(_) => self.waits = false,
                Event::FirstSound
                | Event::OutageBegan
                | Event::SwitchingNetwork
                | Event::CaughtUp(_)
                | Event::QualityChanged(_)
                | Event::EncoderChanged(_)
                | Event::PeerRestarted => (),
            }
            report.tell(SoundEvent::Line {
                line: self.id,
                event,
            });
        }
        before != self.waits
    }

    pub(super) fn stats(&self, now: Instant) -> voice_media::Stats {
        self.engine
            .stats(self.latest.max(now.saturating_duration_since(self.began)))
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.engine.poll_timeout().map(|due| self.began + due)
    }
}
