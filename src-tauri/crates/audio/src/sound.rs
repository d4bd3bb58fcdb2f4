//! The handle of the audio thread.

use std::{
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread::{JoinHandle, Thread},
    time::Duration,
};

use async_channel::{Receiver, Sender};
use voice_media::Engine;

use crate::{
    config::{Latency, Processing, Sink, SoundConfig, Source},
    devices::{DeviceChoice, Direction},
    error::SoundError,
    event::SoundEvent,
    line::{Arrived, Line, LineId},
    thread::{self, Command, Ends, Outgoing, Recording},
    tone::Tone,
    wav::{Channels, Writer},
};

/// What a recording holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecordAs {
    /// Both voices in one channel.
    #[default]
    Mixed,
    /// Mine on the left, the others' on the right.
    MeAndThem,
}

/// How a call is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordTo {
    /// A WAV file, 48 kHz, 16 bit; one that is there is overwritten.
    pub path: PathBuf,
    /// What it holds.
    pub form: RecordAs,
    /// Everybody in the call hears a short tone every 15 s. Many countries' laws want it.
    pub announce: bool,
}

/// Sound: one thread that moves it between devices or files and any number of calls.
///
/// It works without a call too: for ringing, for a look at one's own level, for an echo test. Methods return at once, and errors of
/// devices arrive as events. Dropping it closes the devices and completes the files.
#[derive(Debug)]
pub struct Sound {
    commands: Sender<Command>,
    arrived: Sender<Arrived>,
    events: Sender<SoundEvent>,
    thread: Thread,
    handle: Mutex<Option<JoinHandle<()>>>,
    lines: AtomicU64,
}

/// Events that wait at most. Past it they are dropped: nobody reads them.
const EVENTS: usize = 1024;
/// Datagrams that wait for the audio thread or for the network at most: 64 calls' worth of 80 ms.
const DATAGRAMS: usize = 512;

impl Sound {
    /// Starts the thread. Devices are opened behind the caller's back; [`SoundEvent::Using`] or [`SoundEvent::Problem`] tells how it went.
    ///
    /// # Errors
    /// A file that stands for a device can't be used, or the thread can't be started.
    pub fn start(config: SoundConfig) -> Result<(Self, Receiver<SoundEvent>), SoundError> {
        let (events, told) = async_channel::bounded(EVENTS);
        let (commands, commanded) = async_channel::unbounded();
        let (arrived, arriving) = async_channel::bounded(DATAGRAMS);
        let input = thread::Feed::open(&config.source)?;
        let output = open_sink(&config.sink, &events)?;
        let ends = Ends {
            commands: commanded,
            arrived: arriving,
            events: events.clone(),
        };
        let handle = thread::start(config, input, output, ends)?;
        let thread = handle.thread().clone();
        let sound = Self {
            commands,
            arrived,
            events,
            thread,
            handle: Mutex::new(Some(handle)),
            lines: AtomicU64::new(0),
        };
        Ok((sound, told))
    }

    /// Gives the thread a call to serve. The engine's time begins now.
    pub fn attach(&self, engine: Engine) -> Line {
        let id = LineId(self.lines.fetch_add(1, Ordering::Relaxed));
        let (send, out) = async_channel::bounded(DATAGRAMS);
        self.command(Command::Attach {
            line: id,
            engine: Box::new(engine),
            out: send,
        });
        Line {
            id,
            arrived: self.arrived.clone(),
            commands: self.commands.clone(),
            out,
            thread: self.thread.clone(),
        }
    }

    /// Muted, nothing of the microphone leaves this machine.
    pub fn mute(&self, muted: bool) {
        self.command(Command::Mute(muted));
    }

    /// Loudness of what is heard, 0.0 to 2.0.
    pub fn volume(&self, volume: f32) {
        self.command(Command::Volume(volume.clamp(0.0, 2.0)));
    }

    /// Takes my voice from somewhere else.
    ///
    /// # Errors
    /// [`SoundError::Unreadable`]; then everything stays as it was.
    pub fn source(&self, source: Source) -> Result<(), SoundError> {
        let feed = thread::Feed::open(&source)?;
        let device = if let Source::Device(choice) = source {
            Some(choice)
        } else {
            None
        };
        self.command(Command::Source { feed, device });
        Ok(())
    }

    /// Plays somewhere else.
    ///
    /// # Errors
    /// [`SoundError::Unwritable`], [`SoundError::DiskFull`]; then everything stays as it was.
    pub fn sink(&self, sink: Sink) -> Result<(), SoundError> {
        let drain = open_sink(&sink, &self.events)?;
        let device = if let Sink::Device(choice) = sink {
            Some(choice)
        } else {
            None
        };
        self.command(Command::Sink { drain, device });
        Ok(())
    }

    /// Takes another microphone or loudspeaker.
    ///
    /// # Errors
    /// None for devices; the type is that of [`Sound::source`].
    pub fn device(&self, direction: Direction, choice: DeviceChoice) -> Result<(), SoundError> {
        match direction {
            Direction::Microphone => self.source(Source::Device(choice)),
            Direction::Speaker => self.sink(Sink::Device(choice)),
        }
    }

    /// How small the devices' buffers are; they are opened anew.
    pub fn latency(&self, latency: Latency) {
        self.command(Command::Latency(latency));
    }

    /// Switches parts of the processing on and off.
    pub fn processing(&self, processing: Processing) {
        self.command(Command::Processing(processing));
    }

    /// Plays a tone to the person here, under whatever is heard, in place of the one before; `None` stops it.
    pub fn tone(&self, tone: Option<Tone>) {
        self.command(Command::Tone(tone));
    }

    /// An echo test: the microphone is heard after this time; `None` ends it.
    pub fn hear_myself(&self, after: Option<Duration>) {
        self.command(Command::HearMyself(after));
    }

    /// Records what is said and heard, in place of the recording before.
    ///
    /// # Errors
    /// [`SoundError::Unwritable`], [`SoundError::DiskFull`].
    pub fn record(&self, to: &RecordTo) -> Result<(), SoundError> {
        let channels = match to.form {
            RecordAs::Mixed => Channels::Mono,
            RecordAs::MeAndThem => Channels::Stereo,
        };
        let writer = create(&to.path, channels, &self.events)?;
        self.command(Command::Record(Some(Box::new(Recording::new(
            writer,
            channels,
            to.announce,
        )))));
        Ok(())
    }

    /// Completes the recording; [`SoundEvent::Recorded`] tells when.
    pub fn stop_recording(&self) {
        self.command(Command::Record(None));
    }

    /// Closes everything, completes the files, and waits until that is done.
    pub fn stop(&self) {
        self.command(Command::Stop);
        let handle = self.handle.lock().map_or(None, |mut handle| handle.take());
        if let Some(handle) = handle {
            let _ = handle.join();
        }
    }

    fn command(&self, command: Command) {
        let _ = self.commands.try_send(command);
        self.thread.unpark();
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        self.stop();
    }
}

fn open_sink(sink: &Sink, events: &Sender<SoundEvent>) -> Result<Outgoing, SoundError> {
    Ok(match sink {
        Sink::Device(_) => Outgoing::Device,
        Sink::File { path } => Outgoing::File(create(path, Channels::Mono, events)?),
        Sink::Nowhere => Outgoing::Nowhere,
    })
}

/// A file whose end, good or bad, is told as an event.
fn create(
    path: &std::path::Path,
    channels: Channels,
    events: &Sender<SoundEvent>,
) -> Result<Writer, SoundError> {
    let (events, done) = (events.clone(), path.to_owned());
    Writer::create(path, channels, move |result| {
        let event = match result {
            Ok(()) => SoundEvent::Recorded(done),
            Err(error) => SoundEvent::Problem(error),
        };
        let _ = events.try_send(event);
    })
}
