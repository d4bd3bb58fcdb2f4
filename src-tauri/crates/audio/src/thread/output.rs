//! Where blocks go: a device's ring when it asks, or anything else at the pace of the clock.

use std::{sync::atomic::Ordering::Relaxed, time::Instant};

use super::input::{PATIENCE, Pacer};
use crate::{BLOCK, devices::ring::Playback, wav::Writer};

/// What stands behind [`Sink`](crate::Sink), opened.
pub(crate) enum Outgoing {
    Device,
    File(Writer),
    Nowhere,
}

/// For whom the next block is.
pub(super) enum Place {
    Device,
    File,
    Nowhere,
}

pub(super) struct Output {
    drain: Outgoing,
    device: Option<Playback>,
    pacer: Pacer,
    /// Callbacks seen, and when the last one came.
    calls: u64,
    last: Instant,
}

impl Output {
    pub(super) fn new(drain: Outgoing, now: Instant) -> Self {
        Self {
            drain,
            device: None,
            pacer: Pacer::new(now),
            calls: 0,
            last: now,
        }
    }

    pub(super) fn change(&mut self, drain: Outgoing, now: Instant) {
        self.drain = drain;
        self.device = None;
        self.pacer = Pacer::new(now);
    }

    pub(super) fn plug(&mut self, device: Playback, now: Instant) {
        self.device = Some(device);
        (self.calls, self.last) = (0, now);
    }

    pub(super) fn unplug(&mut self) {
        self.device = None;
    }

    pub(super) fn device(&self) -> Option<&Playback> {
        self.device.as_ref()
    }

    /// Whether it is time for 10 ms more.
    pub(super) fn next(&mut self, now: Instant) -> Option<Place> {
        match self.drain {
            Outgoing::Device => self.of_the_device(now),
            Outgoing::File(_) => self.pacer.due(now).then_some(Place::File),
            Outgoing::Nowhere => self.pacer.due(now).then_some(Place::Nowhere),
        }
    }

    /// What the device asks for, and while it doesn't, what the clock does: calls go on unheard.
    fn of_the_device(&mut self, now: Instant) -> Option<Place> {
        if let Some(device) = &self.device {
            let calls = device.pulse.calls.load(Relaxed);
            if calls != self.calls {
                (self.calls, self.last) = (calls, now);
                self.pacer = Pacer::new(now);
            }
            if device.wants() {
                return Some(Place::Device);
            }
        }
        let stands = now.saturating_duration_since(self.last) > PATIENCE;
        (stands && self.pacer.due(now)).then_some(Place::Nowhere)
    }

    pub(super) fn give(&mut self, place: Place, block: &[f32; BLOCK]) {
        match (place, &mut self.drain, &mut self.device) {
            (Place::Device, _, Some(device)) => device.write(block),
            (Place::File, Outgoing::File(writer), _) => writer.write_mono(block),
            _ => (),
        }
    }

    /// When to ask again, if no device wakes the thread.
    pub(super) fn due(&self) -> Option<Instant> {
        match (&self.drain, &self.device) {
            (Outgoing::Device, Some(_)) => None,
            _ => Some(self.pacer.next),
        }
    }

    pub(super) fn finish(self) {
        if let Outgoing::File(writer) = self.drain {
            writer.finish();
        }
    }
}
