//! Keeps the wanted devices open, on a thread of its own: opening one takes a tenth of a second, and a device that hangs longer.
//!
//! No system tells every kind of change, so three things are watched: what a stream says of itself, whether its callbacks still come,
//! and, every two seconds, the list.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle, Thread},
    time::{Duration, Instant},
};

use async_channel::{Receiver, Sender};
use cpal::ErrorKind;

use super::{
    Device, DeviceChoice, DeviceKind, Direction, News, Why,
    choice::{choose, chosen},
    host::Listing,
    stream::{self, Open, Tell},
};
use crate::{
    config::{Latency, System},
    error::SoundError,
    event::SoundEvent,
};

/// Which devices to keep open; `None` for a direction that uses none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) system: Option<System>,
    pub(crate) microphone: Option<DeviceChoice>,
    pub(crate) speaker: Option<DeviceChoice>,
    pub(crate) latency: Latency,
}

impl Wanted {
    fn of(&self, direction: Direction) -> Option<&DeviceChoice> {
        match direction {
            Direction::Microphone => self.microphone.as_ref(),
            Direction::Speaker => self.speaker.as_ref(),
        }
    }
}

/// How often the list is read: no event tells that a device arrived.
const LOOK: Duration = Duration::from_secs(2);
/// How often the callbacks are counted, and how long none may come once they came. PipeWire's largest quantum is 43 ms at 48 kHz.
const WATCH: Duration = Duration::from_millis(100);
const STALLED: Duration = Duration::from_millis(400);
/// PulseAudio's first callback was seen 1.6 s after the start.
const FIRST_CALL: Duration = Duration::from_secs(3);
/// A device that failed is left alone for so long, if there is another.
const GRUDGE: Duration = Duration::from_secs(5);

/// The thread's handle. Dropping it closes the devices.
pub(crate) struct Keeper {
    wishes: Sender<Wanted>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// `thread` is woken by each callback.
    pub(crate) fn start(
        wanted: Wanted,
        news: Sender<News>,
        thread: Thread,
    ) -> Result<Self, SoundError> {
        let (wishes, wished) = async_channel::unbounded();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let handle = thread::Builder::new()
            .name("legato-devices".into())
            .spawn(move || Room::new(wanted, news, thread).keep(&wished, &stopped))
            .map_err(SoundError::stopped)?;
        Ok(Self {
            wishes,
            stop,
            thread: Some(handle),
        })
    }

    pub(crate) fn want(&self, wanted: Wanted) {
        let _ = self.wishes.try_send(wanted);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// One direction.
struct Side {
    direction: Direction,
    open: Option<(Device, Open, Beat)>,
    /// What was last said, so that it is said once.
    complained: Option<SoundError>,
    failed: Vec<(String, Instant)>,
    /// Which one faltered last, and when: once is forgiven, for servers falter while devices come and go.
    faltered: Option<(String, Instant)>,
}

/// When callbacks were last seen.
struct Beat {
    number: u64,
    calls: u64,
    at: Instant,
}

struct Room {
    wanted: Wanted,
    news: Sender<News>,
    thread: Thread,
    sides: [Side; 2],
    list: Vec<Device>,
    number: u64,
    failures: (stream::Failures, Receiver<(u64, ErrorKind)>),
}

impl Room {
    fn new(wanted: Wanted, news: Sender<News>, thread: Thread) -> Self {
        let side = |direction| Side {
            direction,
            open: None,
            complained: None,
            failed: Vec::new(),
            faltered: None,
        };
        Self {
            wanted,
            news,
            thread,
            sides: [side(Direction::Microphone), side(Direction::Speaker)],
            list: Vec::new(),
            number: 0,
            failures: async_channel::bounded(64),
        }
    }

    fn keep(mut self, wished: &Receiver<Wanted>, stop: &AtomicBool) {
        let mut look = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            let mut now = false;
            while let Ok(wanted) = wished.try_recv() {
                now |= self.wish(wanted);
            }
            now |= self.notice_failures() | self.notice_silence();
            if now || Instant::now() >= look {
                self.look();
                look = Instant::now() + LOOK;
            }
            thread::park_timeout(WATCH);
        }
    }

    /// Another choice: what is open and no longer wanted is closed.
    fn wish(&mut self, wanted: Wanted) -> bool {
        let rebuild = (wanted.system, wanted.latency) != (self.wanted.system, self.wanted.latency);
        for side in &mut self.sides {
            if rebuild || wanted.of(side.direction).is_none() {
                side.open = None;
            }
            side.complained = None;
            side.failed.clear();
        }
        self.wanted = wanted;
        true
    }

    /// What the streams said of themselves.
    fn notice_failures(&mut self) -> bool {
        let mut any = false;
        while let Ok((number, kind)) = self.failures.1.try_recv() {
            // A new default is no fault of the old one, which may still be there.
            any |= self.lose(number, kind != ErrorKind::DeviceChanged);
        }
        any
    }

    /// A stream whose callbacks stopped without a word.
    fn notice_silence(&mut self) -> bool {
        let mut lost = Vec::new();
        for side in &mut self.sides {
            let Some((_, open, beat)) = &mut side.open else {
                continue;
            };
            let calls = open.pulse.calls.load(Ordering::Relaxed);
            if calls != beat.calls {
                (beat.calls, beat.at) = (calls, Instant::now());
            } else if beat.at.elapsed() > if calls == 0 { FIRST_CALL } else { STALLED } {
                lost.push(beat.number);
            }
        }
        lost.into_iter()
            .fold(false, |any, number| self.lose(number, true) | any)
    }

    fn lose(&mut self, number: u64, failed: bool) -> bool {
        let mine = |side: &&mut Side| {
            side.open
                .as_ref()
                .is_some_and(|(_, _, beat)| beat.number == number)
        };
        let Some(side) = self.sides.iter_mut().find(mine) else {
            return false;
        };
        let Some((device, open, _)) = side.open.take() else {
            return false;
        };
        drop(open);
        if failed {
            let before = side.faltered.replace((device.id.clone(), Instant::now()));
            if before.is_some_and(|(id, at)| id == device.id && at.elapsed() < GRUDGE) {
                side.failed.push((device.id, Instant::now()));
            }
        }
        let direction = side.direction;
        self.send(News::Gone(direction));
        true
    }

    /// Reads the list, tells of changes, and opens what should be open.
    fn look(&mut self) {
        if self.wanted.microphone.is_none() && self.wanted.speaker.is_none() {
            return;
        }
        match Listing::take(self.wanted.system) {
            Ok(listing) => {
                self.tell_changes(listing.devices().cloned().collect());
                for at in 0..self.sides.len() {
                    self.mend(at, &listing);
                }
            }
            Err(error) => self.complain(0, error),
        }
    }

    fn tell_changes(&mut self, list: Vec<Device>) {
        if list != self.list {
            self.list.clone_from(&list);
            self.send(News::Tell(SoundEvent::Devices(list)));
        }
    }

    fn mend(&mut self, at: usize, listing: &Listing) {
        let direction = self.sides[at].direction;
        let Some(choice) = self.wanted.of(direction).cloned() else {
            return;
        };
        self.tell_unplugged(at);
        let side = &mut self.sides[at];
        side.failed.retain(|(_, when)| when.elapsed() < GRUDGE);
        let failed: Vec<String> = side.failed.iter().map(|(id, _)| id.clone()).collect();
        let Some((device, why)) = choose(&self.list, direction, &choice, &failed) else {
            return self.complain(at, SoundError::missing(direction));
        };
        if side
            .open
            .as_ref()
            .is_some_and(|(open, ..)| open.id == device.id)
        {
            return;
        }
        let device = device.clone();
        if why == Why::StandsIn && chosen(&self.list, direction, &choice).is_none() {
            self.complain(
                at,
                SoundError::NotConnected {
                    direction,
                    wanted: choice.to_string(),
                },
            );
        }
        match self.open(at, &device, listing) {
            Ok(()) => self.tell_opened(at, device, why),
            Err(error) => {
                self.sides[at]
                    .failed
                    .push((device.id.clone(), Instant::now()));
                self.complain(at, in_words(&error, direction, &device));
            }
        }
    }

    /// The open device is no longer in the list, though its stream may live on: servers move streams to another device by themselves.
    fn tell_unplugged(&mut self, at: usize) {
        let side = &mut self.sides[at];
        let Some((device, ..)) = &side.open else {
            return;
        };
        if self
            .list
            .iter()
            .any(|listed| listed.id == device.id && listed.direction == device.direction)
        {
            return;
        }
        let (direction, device) = (side.direction, device.name.clone());
        side.open = None;
        self.send(News::Gone(direction));
        self.send(News::Tell(SoundEvent::Problem(SoundError::Unplugged {
            direction,
            device,
        })));
    }

    /// What was open before stays so until this one is: a chosen device that refuses must not silence the one that stands in.
    fn open(&mut self, at: usize, device: &Device, listing: &Listing) -> Result<(), cpal::Error> {
        let handle = listing
            .handle(device)
            .ok_or(ErrorKind::DeviceNotAvailable)?;
        self.number += 1;
        let tell = Tell {
            number: self.number,
            failures: self.failures.0.clone(),
            thread: self.thread.clone(),
        };
        let (open, news) = match device.direction {
            Direction::Microphone => {
                let (open, capture) = stream::microphone(handle, self.wanted.latency, &tell)?;
                (open, News::Capture(capture))
            }
            Direction::Speaker => {
                let (open, playback) = stream::loudspeaker(handle, self.wanted.latency, &tell)?;
                (open, News::Playback(playback))
            }
        };
        self.send(news);
        let beat = Beat {
            number: self.number,
            calls: 0,
            at: Instant::now(),
        };
        self.sides[at].open = Some((device.clone(), open, beat));
        Ok(())
    }

    fn tell_opened(&mut self, at: usize, device: Device, why: Why) {
        let side = &mut self.sides[at];
        if why == Why::Chosen {
            side.complained = None;
        }
        let Some((_, open, _)) = &side.open else {
            return;
        };
        let (frames, rate) = (open.granted, open.rate);
        if side.direction == Direction::Speaker {
            let headset = device.kind == DeviceKind::Headset;
            self.send(News::Headset(headset));
        }
        self.send(News::Tell(SoundEvent::Using {
            device,
            why,
            frames,
            rate,
        }));
    }

    fn complain(&mut self, at: usize, error: SoundError) {
        if self.sides[at].complained.as_ref() != Some(&error) {
            self.sides[at].complained = Some(error.clone());
            self.send(News::Tell(SoundEvent::Problem(error)));
        }
    }

    fn send(&self, news: News) {
        let _ = self.news.try_send(news);
        self.thread.unpark();
    }
}

fn in_words(error: &cpal::Error, direction: Direction, device: &Device) -> SoundError {
    let name = device.name.clone();
    let kind = error.kind();
    if kind == ErrorKind::DeviceBusy {
        match direction {
            Direction::Microphone => SoundError::MicrophoneTaken { device: name },
            Direction::Speaker => SoundError::SpeakerTaken { device: name },
        }
    } else if kind == ErrorKind::PermissionDenied {
        SoundError::PermissionRefused { device: name }
    } else if kind == ErrorKind::DeviceNotAvailable {
        // Listed, and not there: ALSA has a default without any card.
        SoundError::missing(direction)
    } else if kind == ErrorKind::HostUnavailable {
        SoundError::NoSoundSystem {
            why: error.to_string(),
        }
    } else {
        SoundError::Unusable {
            device: name,
            why: error.to_string(),
        }
    }
}
