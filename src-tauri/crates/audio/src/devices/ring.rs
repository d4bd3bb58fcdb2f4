//! Between a device's callback and the audio thread: a ring without locks at each direction.
//!
//! Callbacks come in whatever sizes the system likes; the audio thread wants 480 samples of 48 kHz.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
};

use rtrb::{Consumer, Producer, RingBuffer};

use crate::{BLOCK, RATE, resample::Resampler};

/// What a callback tells of itself.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// Callbacks so far.
    pub(crate) calls: AtomicU64,
    /// Frames of the last callback.
    pub(crate) frames: AtomicU32,
    /// Samples that found the capture ring full.
    pub(crate) dropped: AtomicU64,
    /// Callbacks that found the playback ring empty.
    pub(crate) starved: AtomicU64,
    /// Samples beyond one callback that playback keeps waiting.
    margin: AtomicU32,
}

impl Pulse {
    /// So much must wait for a loudspeaker, in a ring of this capacity.
    fn thirst(&self, capacity: usize) -> usize {
        let callback = self.frames.load(Relaxed) as usize;
        callback.clamp(32, capacity / 2) + self.margin.load(Relaxed) as usize
    }
}

/// Half a second: a capture ring fuller than that is of a thread that hangs.
const CAPTURE: usize = RATE as usize / 2;
const PLAYBACK: usize = RATE as usize / 2;

/// The audio thread's end of a microphone.
pub(crate) struct Capture {
    ring: Consumer<f32>,
    resampler: Option<Resampler>,
    /// Samples of 200 ms: more than that is the past.
    old: usize,
    pub(crate) pulse: Arc<Pulse>,
}

impl Capture {
    /// For a device of this rate, the two ends; `None` for a rate that no device has.
    pub(crate) fn new(rate: u32) -> Option<(CaptureEnd, Self)> {
        let resampler = if rate == RATE {
            None
        } else {
            Some(Resampler::to_engine(rate)?)
        };
        let (producer, ring) = RingBuffer::new(CAPTURE * rate.div_ceil(RATE) as usize);
        let pulse = Arc::<Pulse>::default();
        Some((
            CaptureEnd {
                ring: producer,
                block: resampler.as_ref().map_or(BLOCK, Resampler::wanted),
                pulse: pulse.clone(),
            },
            Self {
                ring,
                resampler,
                old: rate as usize / 5,
                pulse,
            },
        ))
    }

    /// The next 10 ms, if they are there.
    pub(crate) fn read(&mut self, block: &mut [f32; BLOCK]) -> bool {
        self.forget_the_past();
        let wanted = self.resampler.as_ref().map_or(BLOCK, Resampler::wanted);
        let Ok(chunk) = self.ring.read_chunk(wanted) else {
            return false;
        };
        let (first, second) = chunk.as_slices();
        let place = match &mut self.resampler {
            Some(resampler) => resampler.input(),
            None => &mut block[..],
        };
        place[..first.len()].copy_from_slice(first);
        place[first.len()..].copy_from_slice(second);
        chunk.commit_all();
        if let Some(resampler) = &mut self.resampler {
            block.copy_from_slice(resampler.convert());
        }
        true
    }

    /// A thread that hung goes on with the present, 20 ms of it.
    fn forget_the_past(&mut self) {
        let waiting = self.ring.slots();
        if waiting > self.old {
            let past = waiting - self.old / 10;
            self.pulse.dropped.fetch_add(past as u64, Relaxed);
            if let Ok(chunk) = self.ring.read_chunk(past) {
                chunk.commit_all();
            }
        }
    }
}

/// The callback's end of a microphone. It never waits, allocates or panics.
pub(crate) struct CaptureEnd {
    ring: Producer<f32>,
    /// Samples of 10 ms.
    block: usize,
    pulse: Arc<Pulse>,
}

impl CaptureEnd {
    /// Frames of one callback, already mixed to one channel. True when 10 ms are there: nobody need be woken for less.
    pub(crate) fn push(&mut self, frames: impl ExactSizeIterator<Item = f32>) -> bool {
        self.pulse.frames.store(frames.len() as u32, Relaxed);
        self.pulse.calls.fetch_add(1, Relaxed);
        let room = frames.len().min(self.ring.slots());
        self.pulse
            .dropped
            .fetch_add((frames.len() - room) as u64, Relaxed);
        if let Ok(chunk) = self.ring.write_chunk_uninit(room) {
            chunk.fill_from_iter(frames);
        }
        self.ring.buffer().capacity() - self.ring.slots() >= self.block
    }
}

/// The audio thread's end of a loudspeaker.
pub(crate) struct Playback {
    ring: Producer<f32>,
    capacity: usize,
    resampler: Option<Resampler>,
    rate: u32,
    starved: u64,
    calm: u32,
    /// Blocks of its first second that are left.
    young: u32,
    pub(crate) pulse: Arc<Pulse>,
}

/// What a dry ring adds to the margin, and the most it becomes: 5 ms and 60 ms.
const STEP: u32 = 240;
const MOST: u32 = 12 * STEP;
/// Blocks without a dry ring after which a step is taken back: 20 s.
const CALM: u32 = 2000;
const YOUNG: u32 = 100;

impl Playback {
    pub(crate) fn new(rate: u32) -> Option<(PlaybackEnd, Self)> {
        let resampler = if rate == RATE {
            None
        } else {
            Some(Resampler::from_engine(rate)?)
        };
        let capacity = PLAYBACK * rate.div_ceil(RATE) as usize;
        let (ring, consumer) = RingBuffer::new(capacity);
        let pulse = Arc::<Pulse>::default();
        let end = PlaybackEnd {
            ring: consumer,
            pulse: pulse.clone(),
            began: false,
        };
        Some((
            end,
            Self {
                ring,
                capacity,
                resampler,
                rate,
                starved: 0,
                calm: 0,
                young: YOUNG,
                pulse,
            },
        ))
    }

    /// Whether the device will be thirsty before the next chance to fill it: less than one callback and the margin wait.
    pub(crate) fn wants(&self) -> bool {
        self.waiting() < self.pulse.thirst(self.capacity)
    }

    /// Gives it 10 ms.
    pub(crate) fn write(&mut self, block: &[f32; BLOCK]) {
        self.adapt();
        let samples = match &mut self.resampler {
            Some(resampler) => {
                resampler.input().copy_from_slice(block);
                resampler.convert()
            }
            None => &block[..],
        };
        if let Ok(chunk) = self.ring.write_chunk_uninit(samples.len()) {
            chunk.fill_from_iter(samples.iter().copied());
        }
    }

    /// What waits in the ring, in ms.
    pub(crate) fn waiting_ms(&self) -> f32 {
        self.waiting() as f32 * 1000.0 / self.rate as f32
    }

    fn waiting(&self) -> usize {
        self.capacity - self.ring.slots()
    }

    /// Delay that a late moment cost is not kept for ever.
    fn adapt(&mut self) {
        let starved = self.pulse.starved.load(Relaxed);
        self.young = self.young.saturating_sub(1);
        if starved > self.starved && self.young > 0 {
            // While a device starts, its callbacks find their rhythm.
            self.starved = starved;
        } else if starved > self.starved {
            self.starved = starved;
            self.calm = 0;
            self.keep(|margin| (margin + STEP).min(MOST));
        } else {
            self.calm += 1;
            if self.calm >= CALM {
                self.calm = 0;
                self.keep(|margin| margin.saturating_sub(STEP));
            }
        }
    }

    /// The margin grows when the ring ran dry, and shrinks while it doesn't. Nobody else writes it.
    fn keep(&self, change: impl Fn(u32) -> u32) {
        let margin = self.pulse.margin.load(Relaxed);
        self.pulse.margin.store(change(margin), Relaxed);
    }
}

/// The callback's end of a loudspeaker.
pub(crate) struct PlaybackEnd {
    ring: Consumer<f32>,
    pulse: Arc<Pulse>,
    /// Sound has come once: before, an empty ring is no fault.
    began: bool,
}

impl PlaybackEnd {
    /// The samples for one callback of so many frames; silence for what is missing. True when more is wanted.
    pub(crate) fn pull(&mut self, frames: usize, mut each: impl FnMut(f32)) -> bool {
        self.pulse.frames.store(frames as u32, Relaxed);
        self.pulse.calls.fetch_add(1, Relaxed);
        let there = frames.min(self.ring.slots());
        if there < frames && self.began {
            self.pulse.starved.fetch_add(1, Relaxed);
        }
        self.began |= there > 0;
        if let Ok(chunk) = self.ring.read_chunk(there) {
            chunk.into_iter().for_each(&mut each);
        }
        (there..frames).for_each(|_| each(0.0));
        self.ring.slots() < self.pulse.thirst(self.ring.buffer().capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(end: &mut PlaybackEnd, frames: usize) -> Vec<f32> {
        let mut got = Vec::new();
        end.pull(frames, |sample| got.push(sample));
        got
    }

    #[test]
    fn callbacks_of_any_size_become_blocks_of_480_with_nothing_lost() {
        let (mut end, mut capture) = Capture::new(RATE).unwrap();
        let mut sent = 0;
        let mut read = 0;
        for size in [64, 256, 480, 1024, 37, 4096, 1, 333]
            .into_iter()
            .cycle()
            .take(64)
        {
            end.push((sent..sent + size).map(|n| n as f32));
            sent += size;
            let mut block = [0.0; BLOCK];
            while capture.read(&mut block) {
                for (at, sample) in block.iter().enumerate() {
                    assert_eq!(*sample, (read + at) as f32);
                }
                read += BLOCK;
            }
        }
        assert!(sent - read < BLOCK);
        assert_eq!(capture.pulse.dropped.load(Relaxed), 0);
    }

    #[test]
    fn a_microphone_wakes_nobody_before_ten_milliseconds_are_there() {
        let (mut end, mut capture) = Capture::new(RATE).unwrap();
        let mut block = [0.0; BLOCK];
        let mut woken = 0;
        for _ in 0..150 {
            let ready = end.push(std::iter::repeat_n(0.5, 256));
            woken += u32::from(ready);
            assert_eq!(ready, capture.read(&mut block));
        }
        assert_eq!(woken, 80, "150 callbacks of 256 are 80 blocks of 480");
    }

    #[test]
    fn a_loudspeaker_wakes_nobody_before_it_is_thirsty() {
        let (mut end, mut playback) = Playback::new(RATE).unwrap();
        pull(&mut end, 256);
        let mut woken = 0;
        for _ in 0..150 {
            while playback.wants() {
                playback.write(&[0.1; BLOCK]);
            }
            woken += u32::from(end.pull(256, drop));
        }
        assert_eq!(woken, 80, "150 callbacks of 256 are 80 blocks of 480");
    }

    #[test]
    fn a_microphone_that_nobody_reads_drops_and_counts() {
        let (mut end, capture) = Capture::new(RATE).unwrap();
        end.push(std::iter::repeat_n(0.5, CAPTURE + 100));
        assert_eq!(capture.pulse.dropped.load(Relaxed), 100);
    }

    #[test]
    fn after_a_hang_a_microphone_goes_on_with_the_present() {
        let (mut end, mut capture) = Capture::new(RATE).unwrap();
        end.push((0..20_000).map(|n| n as f32));
        let mut block = [0.0; BLOCK];
        assert!(capture.read(&mut block));
        assert_eq!(block[0], 20_000.0 - 960.0);
    }

    #[test]
    fn a_ring_holds_one_callback_and_no_more_than_a_block_beyond() {
        let (mut end, mut playback) = Playback::new(RATE).unwrap();
        pull(&mut end, 256);
        let mut deepest = 0.0f32;
        for round in 0..1000 {
            while playback.wants() {
                playback.write(&[0.1; BLOCK]);
            }
            deepest = deepest.max(playback.waiting_ms());
            let got = pull(&mut end, 256);
            assert!(
                got.iter().all(|sample| *sample == 0.1),
                "never dry when filled after each callback: {round}"
            );
        }
        assert!(deepest <= (256.0 + 480.0) / 48.0, "{deepest} ms");
    }

    #[test]
    fn a_late_thread_costs_delay_for_a_while_only() {
        let (mut end, mut playback) = Playback::new(RATE).unwrap();
        let fill = |playback: &mut Playback, end: &mut PlaybackEnd| {
            while playback.wants() {
                playback.write(&[0.1; BLOCK]);
            }
            let waiting = playback.waiting_ms();
            pull(end, 480);
            waiting
        };
        pull(&mut end, 480);
        let before = (0..2 * YOUNG)
            .map(|_| fill(&mut playback, &mut end))
            .last()
            .unwrap();
        for _ in 0..3 {
            pull(&mut end, 480);
        }
        fill(&mut playback, &mut end);
        let after = fill(&mut playback, &mut end);
        assert!(
            after > before,
            "more is kept after it ran dry: {before} {after}"
        );
        let later = (0..3 * CALM)
            .map(|_| fill(&mut playback, &mut end))
            .last()
            .unwrap();
        assert!(later <= before + 0.1, "and given back: {later}");
    }

    #[test]
    fn a_device_of_another_rate_is_served_at_its_own() {
        let (mut end, mut playback) = Playback::new(44_100).unwrap();
        let mut pulled = 0;
        let mut written = 0;
        while pulled < 44_100 {
            while playback.wants() {
                playback.write(&[0.1; BLOCK]);
                written += BLOCK;
            }
            pulled += pull(&mut end, 441).len();
        }
        assert!(
            (47_000..50_000).contains(&written),
            "{written} samples of 48 kHz for a second"
        );
    }
}
