//! The audio thread: it owns the processing and every call's engine, and waits for nobody but the clock and the devices.
//!
//! Each turn: what was commanded, what the devices' keeper says, datagrams, then all the 10 ms blocks that the microphone has ready, all
//! that the loudspeaker asks for, what the engines want sent, and what is to be told. Callbacks, datagrams and commands wake it.

mod input;
mod output;
mod patch;
mod recording;
mod report;

use std::{
    thread::JoinHandle,
    time::{Duration, Instant},
};

use async_channel::{Receiver, Sender};
use voice_media::{Datagram, Engine, PathEvent};

pub(crate) use input::Feed;
use input::{Heard, Input};
pub(crate) use output::Outgoing;
use output::Output;
use patch::Patch;
pub(crate) use recording::Recording;
use report::Report;

use crate::{
    BLOCK,
    apm::Apm,
    config::{Latency, Processing, Sink, SoundConfig, Source},
    devices::{DeviceChoice, Direction, Keeper, News, Wanted},
    error::SoundError,
    event::SoundEvent,
    level::Speech,
    line::{Arrived, LineId},
    tone::{Player, Tone},
};

/// What the application wants of the thread.
pub(crate) enum Command {
    Attach {
        line: LineId,
        engine: Box<Engine>,
        out: Sender<Datagram>,
    },
    Detach {
        line: LineId,
    },
    Hold {
        line: LineId,
        held: bool,
    },
    Path {
        line: LineId,
        event: Box<dyn FnOnce(Duration) -> PathEvent + Send>,
    },
    Mute(bool),
    Volume(f32),
    Source {
        feed: Feed,
        device: Option<DeviceChoice>,
    },
    Sink {
        drain: Outgoing,
        device: Option<DeviceChoice>,
    },
    Latency(Latency),
    Processing(Processing),
    Tone(Option<Tone>),
    HearMyself(Option<Duration>),
    Record(Option<Box<Recording>>),
    Stop,
}

/// The thread's ends of its channels.
pub(crate) struct Ends {
    pub(crate) commands: Receiver<Command>,
    pub(crate) arrived: Receiver<Arrived>,
    pub(crate) events: Sender<SoundEvent>,
}

/// The longest sleep: devices, datagrams and commands wake it before.
const NAP: Duration = Duration::from_millis(10);
/// Blocks of one direction in one turn at most: what is more waits for the next turn, so that datagrams are not kept waiting.
const TURN: usize = 8;

/// Starts the thread, which starts the devices' keeper.
///
/// # Errors
/// [`SoundError::Stopped`]: the system has no room for a thread.
pub(crate) fn start(
    config: SoundConfig,
    feed: Feed,
    drain: Outgoing,
    ends: Ends,
) -> Result<JoinHandle<()>, SoundError> {
    std::thread::Builder::new()
        .name("legato-audio".into())
        .spawn(move || match Studio::open(config, feed, drain, &ends) {
            Ok(studio) => studio.run(&ends),
            Err(error) => {
                let _ = ends.events.try_send(SoundEvent::Problem(error));
            }
        })
        .map_err(SoundError::stopped)
}

struct Studio {
    input: Input,
    output: Output,
    apm: Apm,
    processing: Processing,
    headset: bool,
    lines: Vec<Patch>,
    muted: bool,
    volume: f32,
    tone: Option<Player>,
    /// Under an outage that lasts.
    soft: Option<Player>,
    myself: Option<Myself>,
    recording: Option<Box<Recording>>,
    speech: Speech,
    report: Report,
    wanted: Wanted,
    keeper: Keeper,
    news: Receiver<News>,
}

impl Studio {
    fn open(
        config: SoundConfig,
        feed: Feed,
        drain: Outgoing,
        ends: &Ends,
    ) -> Result<Self, SoundError> {
        let microphone = if let Source::Device(choice) = config.source {
            Some(choice)
        } else {
            None
        };
        let speaker = if let Sink::Device(choice) = config.sink {
            Some(choice)
        } else {
            None
        };
        let wanted = Wanted {
            system: config.system,
            microphone,
            speaker,
            latency: config.latency,
        };
        let (tell, news) = async_channel::unbounded();
        let keeper = Keeper::start(wanted.clone(), tell, std::thread::current())?;
        let now = Instant::now();
        Ok(Self {
            input: Input::new(feed, now),
            output: Output::new(drain, now),
            apm: Apm::new(config.processing, false),
            processing: config.processing,
            headset: false,
            lines: Vec::new(),
            muted: false,
            volume: config.volume.clamp(0.0, 2.0),
            tone: None,
            soft: None,
            myself: None,
            recording: None,
            speech: Speech::default(),
            report: Report::new(ends.events.clone(), now),
            wanted,
            keeper,
            news,
        })
    }

    fn run(mut self, ends: &Ends) {
        loop {
            let now = Instant::now();
            if !self.obey(&ends.commands, now) {
                break;
            }
            self.take_news(now);
            self.take_datagrams(&ends.arrived, now);
            (0..TURN)
                .take_while(|_| self.capture(Instant::now()))
                .count();
            (0..TURN).take_while(|_| self.play(Instant::now())).count();
            self.serve_lines(Instant::now());
            self.report
                .turn(now, &self.input, &self.output, &self.apm, &self.lines);
            std::thread::park_timeout(self.rest(Instant::now()));
        }
        let Self {
            output,
            recording,
            keeper,
            ..
        } = self;
        drop(keeper);
        output.finish();
        if let Some(recording) = recording {
            recording.finish();
        }
    }

    /// False when told to stop, or when nobody is left to tell.
    fn obey(&mut self, commands: &Receiver<Command>, now: Instant) -> bool {
        loop {
            match commands.try_recv() {
                Ok(Command::Stop) | Err(async_channel::TryRecvError::Closed) => return false,
                Ok(command) => self.command(command, now),
                Err(async_channel::TryRecvError::Empty) => return true,
            }
        }
    }

    fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Attach { line, engine, out } => {
                let mut patch = Patch::new(line, *engine, out, now);
                patch.engine.set_muted(self.muted);
                self.lines.push(patch);
            }
            Command::Detach { line } => {
                self.lines.retain(|patch| patch.id != line);
                self.follow_outages();
            }
            Command::Hold { line, held } => self.line(line, |patch| patch.engine.set_held(held)),
            Command::Path { line, event } => self.line(line, |patch| {
                let at = patch.clock(now);
                patch.engine.handle_path(at, event(at));
            }),
            Command::Mute(muted) => {
                self.muted = muted;
                self.lines
                    .iter_mut()
                    .for_each(|patch| patch.engine.set_muted(muted));
            }
            Command::Volume(volume) => self.volume = volume,
            Command::Source { feed, device } => {
                self.input.change(feed, now);
                self.wanted.microphone = device;
                self.keeper.want(self.wanted.clone());
            }
            Command::Sink { drain, device } => {
                self.output.change(drain, now);
                self.wanted.speaker = device;
                self.keeper.want(self.wanted.clone());
            }
            Command::Latency(latency) => {
                self.wanted.latency = latency;
                self.keeper.want(self.wanted.clone());
            }
            Command::Processing(processing) => {
                self.processing = processing;
                self.apm.set(processing, self.headset);
            }
            Command::Tone(tone) => self.tone = tone.map(Player::new),
            Command::HearMyself(after) => self.myself = after.map(Myself::new),
            Command::Record(recording) => self.recording = recording,
            Command::Stop => (),
        }
    }

    fn line(&mut self, line: LineId, act: impl FnOnce(&mut Patch)) {
        if let Some(patch) = self.lines.iter_mut().find(|patch| patch.id == line) {
            act(patch);
        }
    }

    fn take_news(&mut self, now: Instant) {
        while let Ok(news) = self.news.try_recv() {
            match news {
                News::Capture(capture) => self.input.plug(capture, now),
                News::Playback(playback) => self.output.plug(playback, now),
                News::Gone(Direction::Microphone) => self.input.unplug(),
                News::Gone(Direction::Speaker) => self.output.unplug(),
                News::Headset(headset) => {
                    self.headset = headset;
                    self.apm.set(self.processing, headset);
                }
                News::Tell(event) => self.report.tell(event),
            }
        }
    }

    fn take_datagrams(&mut self, arrived: &Receiver<Arrived>, now: Instant) {
        while let Ok(Arrived { line, bytes, at }) = arrived.try_recv() {
            self.line(line, |patch| {
                let at = patch.clock(at.min(now));
                patch.engine.handle_datagram(at, &bytes);
            });
        }
    }

    /// One block from the microphone to all who listen; false when none is ready.
    fn capture(&mut self, now: Instant) -> bool {
        let mut block = [0.0; BLOCK];
        match self.input.next(&mut block, now) {
            Heard::Nothing => return false,
            Heard::Block => (),
            Heard::LastBlock => self.report.tell(SoundEvent::SourceEnded),
        }
        self.apm.capture(&mut block);
        self.report.microphone(&block, self.speech.hear(&block));
        if self.muted {
            block.fill(0.0);
        }
        if let Some(myself) = &mut self.myself {
            myself.said(&block);
        }
        if let Some(recording) = &mut self.recording {
            recording.me(&mut block);
        }
        for patch in &mut self.lines {
            let at = patch.clock(now);
            patch.engine.handle_capture(at, &block);
        }
        true
    }

    /// One block for the loudspeaker, from all that speak; false when it wants none.
    fn play(&mut self, now: Instant) -> bool {
        let Some(place) = self.output.next(now) else {
            return false;
        };
        let mut mix = [0.0; BLOCK];
        for patch in &mut self.lines {
            patch.play_into(&mut mix, now);
        }
        if let Some(recording) = &mut self.recording {
            recording.them(&mut mix);
        }
        if let Some(myself) = &mut self.myself {
            myself.play_into(&mut mix);
        }
        self.play_tones(&mut mix);
        for sample in &mut mix {
            *sample = (*sample * self.volume).clamp(-1.0, 1.0);
        }
        self.report.ear(&mix);
        self.apm.render(&mix);
        self.output.give(place, &mix);
        true
    }

    fn play_tones(&mut self, mix: &mut [f32; BLOCK]) {
        if let Some(player) = &mut self.soft {
            player.mix_into(mix);
        }
        if let Some(player) = &mut self.tone
            && !player.mix_into(mix)
        {
            self.report.tell(SoundEvent::ToneEnded(player.tone()));
            self.tone = None;
        }
    }

    /// What the engines want sent, and what they tell.
    fn serve_lines(&mut self, now: Instant) {
        let mut outages = false;
        for patch in &mut self.lines {
            outages |= patch.serve(now, &mut self.report);
        }
        if outages {
            self.follow_outages();
        }
    }

    /// The soft tone sounds while any call waits for its network.
    fn follow_outages(&mut self) {
        let waits = self.lines.iter().any(|patch| patch.waits);
        if waits != self.soft.is_some() {
            self.soft = waits.then(|| Player::new(Tone::SwitchingNetwork));
        }
    }

    fn rest(&self, now: Instant) -> Duration {
        let lines = self.lines.iter().filter_map(|patch| patch.due());
        let due = lines.chain(self.input.due()).chain(self.output.due()).min();
        due.map_or(NAP, |due| due.saturating_duration_since(now).min(NAP))
    }
}

/// The microphone, heard later.
struct Myself {
    waiting: std::collections::VecDeque<[f32; BLOCK]>,
    /// Blocks of delay.
    delay: usize,
    started: bool,
}

impl Myself {
    fn new(after: Duration) -> Self {
        Self {
            waiting: Default::default(),
            delay: (after.as_millis() as usize / 10).min(1000),
            started: false,
        }
    }

    fn said(&mut self, block: &[f32; BLOCK]) {
        self.waiting.push_back(*block);
        // Two clocks: what the loudspeaker's can't take is dropped, five blocks late.
        while self.waiting.len() > self.delay + 5 {
            self.waiting.pop_front();
        }
    }

    fn play_into(&mut self, mix: &mut [f32; BLOCK]) {
        self.started |= self.waiting.len() > self.delay;
        if !self.started {
            return;
        }
        if let Some(block) = self.waiting.pop_front() {
            mix.iter_mut()
                .zip(block)
                .for_each(|(mix, sample)| *mix += sample);
        }
    }
}
