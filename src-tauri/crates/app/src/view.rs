//! What there is to see: whole models, serialised as they are for scripts and for the window. Times of day are
//! milliseconds since 1970.

use ntm::event::{Handover, Reason, Route};
use serde::Serialize;
use ts_rs::TS;
use voice_audio::{Level, SoundEvent, SoundStats};
use voice_media::{Outage, Quality, Stats};

use crate::contacts::Contact;
use crate::error::AppError;
use crate::history::PastCall;
use crate::settings::Settings;

mod machine;
mod route;
mod texts;
mod window;

pub use machine::{AccountDevice, DeviceView, DoctorLine, SoundDevices, Verdict};
pub use route::{
    Here, InterfaceKind, InterfaceView, PathKind, PathState, PathView, RelayView, RoutePicture,
    There,
};
pub use texts::{TextState, TextView};
pub use window::{Keystore, Stage, WindowView};

/// Something changed.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum AppEvent {
    /// The servers know this device: it can be called.
    Registered {
        /// `alice@example.org (laptop)`.
        me: String,
    },
    /// The servers don't answer; calls go on.
    ServersLost,
    /// A call began or changed; it is over when its state says so.
    Call(Box<CallView>),
    /// Figures of a call, once a second.
    Statistics {
        /// Which call.
        call: u64,
        /// The figures.
        statistics: StatsView,
    },
    /// A call went another way.
    Handover {
        /// Which call.
        call: u64,
        /// How.
        handover: HandoverView,
    },
    /// What a gap in a call's sound cost.
    Outage {
        /// Which call.
        call: u64,
        /// The cost.
        outage: OutageView,
    },
    /// How loud it is, some fifteen times a second in a call.
    Levels {
        /// The microphone, dBFS (rms).
        microphone: f32,
        /// The ear, dBFS (rms).
        ear: f32,
        /// Somebody speaks here.
        speaking: bool,
    },
    /// Somebody wrote.
    Text {
        /// `bob@example.org`.
        from: String,
        /// What.
        text: String,
    },
    /// A text was delivered, or was not.
    TextDone {
        /// Which.
        text: u64,
        /// Whether it arrived.
        delivered: bool,
        /// Why not.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<EndView>,
    },
    /// A device is used for sound.
    Sound {
        /// Its name.
        device: String,
        /// The chosen one is not there, and this one stands in.
        stands_in: bool,
    },
    /// The file that speaks for the microphone is at its end.
    SourceEnded,
    /// Something went wrong, and the program goes on.
    Problem(AppError),
    /// The whole window, whenever its stage changes.
    Window {
        /// As it is now.
        view: Box<WindowView>,
    },
    /// The people one knows, or whether they are there, changed.
    Contacts {
        /// As they are now.
        contacts: Vec<Contact>,
    },
    /// The past calls changed.
    History {
        /// As they are now, the latest first.
        history: Vec<PastCall>,
    },
    /// What was chosen changed.
    Settings {
        /// As it is now.
        settings: Box<Settings>,
    },
    /// The texts changed.
    Texts {
        /// As they are now, the oldest first.
        texts: Vec<TextView>,
    },
    /// The ways of a call that is watched, once a second and at each hand-over.
    Route {
        /// As they are now.
        picture: Box<RoutePicture>,
    },
    /// A part of the examination of this network is done.
    DoctorLine {
        /// What was found.
        line: DoctorLine,
    },
    /// A `legato:` or `sip:` link asks for a call; a person decides.
    DeepLink {
        /// Whom the link names.
        name: String,
    },
    /// The push-to-talk key went down or up.
    Ptt {
        /// It is held down.
        down: bool,
    },
}

/// All there is, for a window that opens.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Snapshot {
    /// `alice@example.org (laptop)`.
    pub me: String,
    /// The account's safety number.
    pub safety_number: String,
    /// Calls under way.
    pub calls: Vec<CallView>,
    /// People.
    pub contacts: Vec<Contact>,
    /// The last calls, the latest first.
    pub history: Vec<PastCall>,
    /// What was chosen.
    pub settings: Settings,
    /// What was written, the oldest first.
    pub texts: Vec<TextView>,
    /// The servers know this device: it can be called.
    pub online: bool,
    /// Where the keys lie.
    pub keystore: Keystore,
    /// This device's own name: `laptop`.
    pub device: String,
    /// Nothing of the microphone leaves this machine.
    pub muted: bool,
    /// The hand-overs of the calls under way.
    pub handovers: Vec<CallHandovers>,
    /// The file that the calls are recorded into.
    pub recording: Option<String>,
}

/// What became of a call's networks so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, TS)]
pub struct CallHandovers {
    /// Which call.
    pub call: u64,
    /// Its hand-overs, the oldest first.
    pub handovers: Vec<HandoverView>,
}

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// The other side is looked for.
    Calling,
    /// It rings there.
    RingingThere,
    /// It rings here.
    RingingHere,
    /// People talk.
    Talking,
    /// Somebody holds the line.
    Held,
    /// It is over.
    Ended,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct CallView {
    /// Its number in this program.
    pub id: u64,
    /// With whom, as certified: `bob@example.org`.
    pub with: String,
    /// Which device of theirs, once one took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub device: Option<String>,
    /// This device called.
    pub outgoing: bool,
    /// Where it is.
    pub state: CallState,
    /// When it began to ring.
    pub began_ms: u64,
    /// When it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub answered_ms: Option<u64>,
    /// Nothing of the microphone leaves this machine.
    pub muted: bool,
    /// This side holds the line.
    pub held_here: bool,
    /// The other one does.
    pub held_there: bool,
    /// How long nothing has been heard that should have been; 0 while all is well.
    pub outage_ms: u64,
    /// Which way it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub route: Option<RouteView>,
    /// Hand-overs so far.
    pub handovers: u32,
    /// The other's speech that was never heard, milliseconds so far.
    pub lost_ms: u64,
    /// Why it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub ended: Option<EndView>,
}

/// Why a call is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct EndView {
    /// For programs.
    pub reason: &'static str,
    /// For people.
    pub words: String,
}

/// Which way packets go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RouteView {
    /// Straight to the other device.
    Direct {
        /// Its address.
        remote: String,
    },
    /// By a relay server.
    Relay {
        /// Its address.
        via: String,
    },
}

impl RouteView {
    /// In two words or three.
    pub fn words(&self) -> String {
        match self {
            Self::Direct { remote } => format!("direct, {}", family(remote)),
            Self::Relay { via } => format!("by a relay, {}", family(via)),
        }
    }
}

fn family(address: &str) -> &'static str {
    if address.starts_with('[') {
        "IPv6"
    } else {
        "IPv4"
    }
}

impl From<Route> for RouteView {
    fn from(route: Route) -> Self {
        match route {
            Route::Direct { remote } => Self::Direct {
                remote: remote.0.to_string(),
            },
            Route::Relay { via, .. } => Self::Relay {
                via: via.0.to_string(),
            },
        }
    }
}

/// A hand-over: phases in milliseconds since it was noticed.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct HandoverView {
    /// When it was noticed.
    pub at_ms: u64,
    /// `address_gone`, `better_interface`, `path_silent`, `peer_moved`.
    pub reason: &'static str,
    /// The way before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub old: Option<RouteView>,
    /// The way after.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub new: Option<RouteView>,
    /// The first probe left.
    pub probe_sent_ms: Option<f64>,
    /// The peer answered.
    pub peer_answered_ms: Option<f64>,
    /// The peer's packets came again.
    pub data_resumed_ms: Option<f64>,
    /// The coordinator knows.
    pub dc_updated_ms: Option<f64>,
    /// The network card before, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub old_interface: Option<String>,
    /// The network card after, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub new_interface: Option<String>,
    /// Packets that were lost between the two ways, where the node knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub lost_packets: Option<u64>,
}

impl From<&Handover> for HandoverView {
    fn from(h: &Handover) -> Self {
        let ms =
            |d: Option<std::time::Duration>| d.map(|d| (d.as_secs_f64() * 10_000.0).round() / 10.0);
        Self {
            at_ms: h.at.as_millis(),
            reason: reason(h.reason),
            old: h.old.map(RouteView::from),
            new: h.new.map(RouteView::from),
            probe_sent_ms: ms(h.probe_sent),
            peer_answered_ms: ms(h.peer_answered),
            data_resumed_ms: ms(h.data_resumed),
            dc_updated_ms: ms(h.dc_updated),
            old_interface: h.old_interface.as_ref().and_then(|i| i.name.clone()),
            new_interface: h.new_interface.as_ref().and_then(|i| i.name.clone()),
            lost_packets: None,
        }
    }
}

impl HandoverView {
    /// Why it was, in plain words.
    pub fn why(&self) -> &'static str {
        match self.reason {
            "address_gone" => "the network changed",
            "better_interface" => "a better network came",
            "path_silent" => "the way fell silent",
            _ => "the other side moved",
        }
    }

    /// What a person reads of it.
    pub fn words(&self) -> String {
        let why = self.why();
        let to = self
            .new
            .as_ref()
            .map_or_else(|| "nowhere yet".to_owned(), RouteView::words);
        let took = self.data_resumed_ms.or(self.peer_answered_ms);
        let took = took.map_or_else(String::new, |ms| format!(", {ms:.0} ms"));
        format!("{why}: now {to}{took}")
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::AddressGone => "address_gone",
        Reason::BetterInterface => "better_interface",
        Reason::PathSilent => "path_silent",
        Reason::PeerMoved => "peer_moved",
    }
}

/// What a gap cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
pub struct OutageView {
    /// Nothing came for so long.
    pub silence_ms: u64,
    /// From the first packet after it to the first sound.
    pub resumed_after_ms: u64,
    /// Speech of that time that is never heard.
    pub lost_speech_ms: u64,
    /// Packets that were sent again, and came in time.
    pub backfilled: u32,
    /// How much later than before one was heard, at the most.
    pub extra_delay_ms: u64,
    /// From the first packet after it until the delay was as before; 0 as long as it is not.
    pub caught_up_after_ms: u64,
}

impl From<Outage> for OutageView {
    fn from(o: Outage) -> Self {
        Self {
            silence_ms: millis(o.silence),
            resumed_after_ms: millis(o.resumed_after),
            lost_speech_ms: millis(o.lost_speech),
            backfilled: o.backfilled,
            extra_delay_ms: millis(o.extra_delay),
            caught_up_after_ms: millis(o.caught_up_after),
        }
    }
}

/// Figures of a call: sums since its start, unless it says now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, TS)]
pub struct StatsView {
    /// Round trip now.
    pub round_trip_ms: Option<u64>,
    /// Share of the other's packets lost on the way, now.
    pub loss: f32,
    /// Jitter now.
    pub jitter_ms: u64,
    /// From arrival to ear, now.
    pub playout_delay_ms: u64,
    /// Bits of Opus a second that leave, now.
    pub bitrate: u32,
    /// Packets sent.
    pub sent: u64,
    /// Packets heard.
    pub heard: u64,
    /// Recovered from later packets.
    pub recovered_ms: u64,
    /// Invented in the place of lost ones.
    pub concealed_ms: u64,
    /// Speech never heard.
    pub lost_speech_ms: u64,
    /// Packets that came because they were sent again.
    pub backfilled: u64,
    /// Opinion score, 1 to 4.5, now.
    pub mos: Option<f32>,
    /// The same in a word.
    pub quality: Option<&'static str>,
    /// The audio thread's share of a core, now.
    pub audio_busy: f32,
}

impl StatsView {
    /// Of a call's engine and the audio thread.
    pub fn new(s: &Stats, sound: &SoundStats) -> Self {
        Self {
            round_trip_ms: s.round_trip.map(millis),
            loss: s.heard.loss,
            jitter_ms: millis(s.heard.jitter),
            playout_delay_ms: millis(s.heard.playout_delay),
            bitrate: s.sent.bitrate,
            sent: s.sent.packets,
            heard: s.heard.packets,
            recovered_ms: s.heard.lbrr_ms + s.heard.dred_ms,
            concealed_ms: s.heard.concealed_ms,
            lost_speech_ms: s.heard.lost_speech_ms,
            backfilled: s.heard.backfilled,
            mos: s.mos,
            quality: s.quality.map(quality),
            audio_busy: sound.busy,
        }
    }
}

fn quality(quality: Quality) -> &'static str {
    match quality {
        Quality::Bad => "bad",
        Quality::Poor => "poor",
        Quality::Fair => "fair",
        Quality::Good => "good",
    }
}

pub(crate) fn millis(d: std::time::Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

/// What of the audio thread's news a shell shows as it is.
pub(crate) fn of_sound(event: &SoundEvent) -> Option<AppEvent> {
    match event {
        SoundEvent::Levels {
            microphone,
            ear,
            speaking,
        } => Some(AppEvent::Levels {
            microphone: dbfs(*microphone),
            ear: dbfs(*ear),
            speaking: *speaking,
        }),
        SoundEvent::Using { device, why, .. } => Some(AppEvent::Sound {
            device: device.name.clone(),
            stands_in: *why == voice_audio::Why::StandsIn,
        }),
        SoundEvent::SourceEnded => Some(AppEvent::SourceEnded),
        SoundEvent::Problem(error) => Some(AppEvent::Problem(error.clone().into())),
        SoundEvent::Statistics(_)
        | SoundEvent::Line { .. }
        | SoundEvent::Devices(_)
        | SoundEvent::ToneEnded(_)
        | SoundEvent::Recorded(_) => None,
    }
}

fn dbfs(level: Level) -> f32 {
    level.rms
}
