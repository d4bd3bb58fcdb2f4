//! What is told of the thread, and how often.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use async_channel::Sender;

use super::{input::Input, output::Output, patch::Patch};
use crate::{
    BLOCK,
    apm::Apm,
    devices::ring::Pulse,
    event::{DeviceStats, SoundEvent, SoundStats},
    level::Meter,
};

const LEVELS: Duration = Duration::from_micros(66_667);
const STATISTICS: Duration = Duration::from_secs(1);
/// Levels are told only while fewer events than this wait.
const CROWDED: usize = 256;

pub(super) struct Report {
    events: Sender<SoundEvent>,
    microphone: Meter,
    ear: Meter,
    speaking: bool,
    unsent: u64,
    busy: Duration,
    longest: Duration,
    levels_at: Instant,
    statistics_at: Instant,
}

impl Report {
    pub(super) fn new(events: Sender<SoundEvent>, now: Instant) -> Self {
        Self {
            events,
            microphone: Meter::default(),
            ear: Meter::default(),
            speaking: false,
            unsent: 0,
            busy: Duration::ZERO,
            longest: Duration::ZERO,
            levels_at: now + LEVELS,
            statistics_at: now + STATISTICS,
        }
    }

    pub(super) fn tell(&self, event: SoundEvent) {
        let _ = self.events.try_send(event);
    }

    pub(super) fn microphone(&mut self, block: &[f32; BLOCK], speaking: bool) {
        self.microphone.add(block);
        self.speaking = speaking;
    }

    pub(super) fn ear(&mut self, block: &[f32; BLOCK]) {
        self.ear.add(block);
    }

    pub(super) fn unsent(&mut self) {
        self.unsent += 1;
    }

    /// The end of a turn that began at `began`.
    pub(super) fn turn(
        &mut self,
        began: Instant,
        input: &Input,
        output: &Output,
        apm: &Apm,
        lines: &[Patch],
    ) {
        let now = Instant::now();
        if now >= self.levels_at {
            self.levels_at = now + LEVELS;
            self.tell_levels();
        }
        let took = now - began;
        self.busy += took;
        self.longest = self.longest.max(took);
        if now >= self.statistics_at {
            let over = STATISTICS + (now - self.statistics_at);
            self.statistics_at = now + STATISTICS;
            self.tell_statistics(over, now, input, output, apm, lines);
        }
    }

    fn tell_levels(&mut self) {
        let (microphone, ear) = (self.microphone.take(), self.ear.take());
        if self.events.len() < CROWDED {
            self.tell(SoundEvent::Levels {
                microphone,
                ear,
                speaking: self.speaking,
            });
        }
    }

    fn tell_statistics(
        &mut self,
        over: Duration,
        now: Instant,
        input: &Input,
        output: &Output,
        apm: &Apm,
        lines: &[Patch],
    ) {
        let stats = SoundStats {
            microphone: input.device().map(|device| device_stats(&device.pulse)),
            speaker: output.device().map(|device| device_stats(&device.pulse)),
            waiting_ms: output.device().map_or(0.0, |device| device.waiting_ms()),
            busy: self.busy.as_secs_f32() / over.as_secs_f32(),
            longest_turn_ms: self.longest.as_secs_f32() * 1000.0,
            unsent: self.unsent,
            echo_reduction: apm.echo_return_loss_enhancement(),
            echo_delay_ms: apm.echo_delay_ms(),
            lines: lines
                .iter()
                .map(|patch| (patch.id, patch.stats(now)))
                .collect(),
        };
        (self.busy, self.longest) = (Duration::ZERO, Duration::ZERO);
        self.tell(SoundEvent::Statistics(Box::new(stats)));
    }
}

fn device_stats(pulse: &Pulse) -> DeviceStats {
    DeviceStats {
        frames: pulse.frames.load(Relaxed),
        callbacks: pulse.calls.load(Relaxed),
        gaps: pulse.dropped.load(Relaxed) + pulse.starved.load(Relaxed),
    }
}
