//! Where blocks come from: a device's ring, or anything else at the pace of the clock.

use std::time::{Duration, Instant};

use rtrb::Consumer;

use crate::{BLOCK, config::Source, devices::ring::Capture, error::SoundError, tone::Sine, wav};

/// What stands behind [`Source`], opened.
pub(crate) enum Feed {
    Device,
    File { ring: Consumer<f32>, ended: bool },
    Tone(Sine),
    Silence,
}

impl Feed {
    /// # Errors
    /// [`SoundError::Unreadable`].
    pub(crate) fn open(source: &Source) -> Result<Self, SoundError> {
        Ok(match source {
            Source::Device(_) => Self::Device,
            Source::File { path, repeat } => Self::File {
                ring: wav::read(path, *repeat)?,
                ended: false,
            },
            Source::Tone { hertz, dbfs } => Self::Tone(Sine::new(*hertz, dbfs.min(0.0))),
            Source::Silence => Self::Silence,
        })
    }
}

/// What [`Input::next`] found.
pub(super) enum Heard {
    Nothing,
    Block,
    /// The file ended in this block.
    LastBlock,
}

/// A device that is silent for so long is not waited for: calls go on with silence.
pub(super) const PATIENCE: Duration = Duration::from_millis(60);

pub(super) struct Input {
    feed: Feed,
    device: Option<Capture>,
    pacer: Pacer,
    last: Instant,
}

impl Input {
    pub(super) fn new(feed: Feed, now: Instant) -> Self {
        Self {
            feed,
            device: None,
            pacer: Pacer::new(now),
            last: now,
        }
    }

    pub(super) fn change(&mut self, feed: Feed, now: Instant) {
        self.feed = feed;
        self.device = None;
        self.pacer = Pacer::new(now);
    }

    pub(super) fn plug(&mut self, device: Capture, now: Instant) {
        self.device = Some(device);
        self.last = now;
    }

    pub(super) fn unplug(&mut self) {
        self.device = None;
    }

    pub(super) fn device(&self) -> Option<&Capture> {
        self.device.as_ref()
    }

    /// The next 10 ms, if it is time.
    pub(super) fn next(&mut self, block: &mut [f32; BLOCK], now: Instant) -> Heard {
        if let Feed::Device = self.feed {
            return self.of_the_device(block, now);
        }
        if !self.pacer.due(now) {
            return Heard::Nothing;
        }
        match &mut self.feed {
            Feed::File { ring, ended } => return of_a_file(ring, ended, block),
            Feed::Tone(sine) => sine.fill(block),
            Feed::Silence | Feed::Device => block.fill(0.0),
        }
        Heard::Block
    }

    fn of_the_device(&mut self, block: &mut [f32; BLOCK], now: Instant) -> Heard {
        if self
            .device
            .as_mut()
            .is_some_and(|device| device.read(block))
        {
            self.last = now;
            self.pacer = Pacer::new(now);
            return Heard::Block;
        }
        if now.saturating_duration_since(self.last) > PATIENCE && self.pacer.due(now) {
            block.fill(0.0);
            return Heard::Block;
        }
        Heard::Nothing
    }

    /// When to ask again, if no device wakes the thread.
    pub(super) fn due(&self) -> Option<Instant> {
        match (&self.feed, &self.device) {
            (Feed::Device, Some(_)) => None,
            _ => Some(self.pacer.next),
        }
    }
}

fn of_a_file(ring: &mut Consumer<f32>, ended: &mut bool, block: &mut [f32; BLOCK]) -> Heard {
    let abandoned = ring.is_abandoned();
    let mut read = 0;
    while read < BLOCK
        && let Ok(sample) = ring.pop()
    {
        block[read] = sample;
        read += 1;
    }
    block[read..].fill(0.0);
    if read < BLOCK && abandoned && !std::mem::replace(ended, true) {
        Heard::LastBlock
    } else {
        Heard::Block
    }
}

/// Every 10 ms of the system's clock.
pub(super) struct Pacer {
    pub(super) next: Instant,
}

const STEP: Duration = Duration::from_millis(10);
/// Further behind than this the machine slept: the time is left out.
const SLEPT: Duration = Duration::from_millis(500);

impl Pacer {
    pub(super) fn new(now: Instant) -> Self {
        Self { next: now + STEP }
    }

    pub(super) fn due(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        if now - self.next > SLEPT {
            self.next = now;
        }
        self.next += STEP;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pacer_gives_a_hundred_blocks_a_second_however_it_is_asked() {
        let began = Instant::now();
        let mut pacer = Pacer::new(began);
        let mut blocks = 0;
        for millis in [3, 10, 11, 25, 26, 70, 130, 500, 730, 1000] {
            while pacer.due(began + Duration::from_millis(millis)) {
                blocks += 1;
            }
        }
        assert_eq!(blocks, 100);
    }

    #[test]
    fn a_machine_that_slept_does_not_make_up_for_it() {
        let began = Instant::now();
        let mut pacer = Pacer::new(began);
        let woken = began + Duration::from_secs(3600);
        let blocks = (0..1000).filter(|_| pacer.due(woken)).count();
        assert_eq!(blocks, 1);
    }

    #[test]
    fn a_device_that_delivers_nothing_becomes_silence_in_real_time() {
        let began = Instant::now();
        let mut input = Input::new(Feed::Device, began);
        let mut block = [1.0; BLOCK];
        let mut blocks = 0;
        for millis in 0..1000 {
            if let Heard::Block = input.next(&mut block, began + Duration::from_millis(millis)) {
                blocks += 1;
                assert!(block.iter().all(|sample| *sample == 0.0));
            }
        }
        assert!((94..=100).contains(&blocks), "{blocks} blocks in a second");
    }

    #[test]
    fn a_file_tells_its_end_once() {
        let (mut fill, ring) = rtrb::RingBuffer::new(1000);
        (0..700).for_each(|_| fill.push(0.5).unwrap());
        drop(fill);
        let began = Instant::now();
        let mut input = Input::new(Feed::File { ring, ended: false }, began);
        let mut block = [0.0; BLOCK];
        let mut ends = Vec::new();
        for at in 1..=10 {
            if let Heard::LastBlock = input.next(&mut block, began + STEP * at) {
                ends.push(at);
                assert_eq!((block[219], block[220]), (0.5, 0.0));
            }
        }
        assert_eq!(ends, [2]);
    }
}
