//! The task that owns the node, the telephone and the sound, and keeps what people see of them in step.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ntm::files::Lock;
use ntm::{Node, Profile};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::MissedTickBehavior;
use voice_audio::RecordTo;
use voice_call::core::{CallId, Decline, EndReason, Event as CallEvent};
use voice_call::{Events as Notices, Notice, Phone};

use crate::app::{AnswerRule, AppConfig, SoundTest};
use crate::calls::{self, Calls};
use crate::contacts::{Contact, Contacts};
use crate::echo::Echo;
use crate::error::{AppError, Code};
use crate::history::History;
use crate::media::Flow;
use crate::names;
use crate::presence::Presences;
use crate::ringing;
use crate::settings::Settings;
use crate::texts::Texts;
use crate::view::{AppEvent, CallHandovers, CallState, CallView, Snapshot, millis};

mod company;
mod network;
mod people;
mod sound;

use company::Company;
use network::TENTH;
use sound::Ears;

/// Calls of the history that a snapshot has.
const HISTORY: usize = 100;
/// Texts that a snapshot has.
const TEXTS: usize = 200;

/// Calls of one device that an echo answers at once.
const ECHOES_OF_ONE: usize = 4;

/// What a shell asks.
pub(crate) enum Command {
    Snapshot(oneshot::Sender<Snapshot>),
    Call {
        name: String,
        done: Done<CallView>,
    },
    Accept {
        call: u64,
        done: Done<()>,
    },
    Decline {
        call: u64,
        done: Done<()>,
    },
    HangUp {
        call: u64,
        done: Done<()>,
    },
    Hold {
        call: u64,
        held: bool,
        done: Done<()>,
    },
    Mute {
        muted: bool,
        done: oneshot::Sender<()>,
    },
    Text {
        name: String,
        text: String,
        done: Done<u64>,
    },
    ClearTexts {
        done: Done<()>,
    },
    Record {
        to: Option<RecordTo>,
        done: Done<()>,
    },
    Settings {
        settings: Box<Settings>,
        done: Done<()>,
    },
    SetContact {
        contact: Contact,
        done: Done<()>,
    },
    RemoveContact {
        name: String,
        done: Done<()>,
    },
    TestSound {
        test: Option<SoundTest>,
        done: Done<()>,
    },
    PushToTalk {
        down: bool,
        done: oneshot::Sender<()>,
    },
    View {
        call: u64,
        done: Done<CallView>,
    },
    Complete {
        typed: String,
        done: oneshot::Sender<Vec<Contact>>,
    },
    ClearHistory {
        done: Done<()>,
    },
    MarkMissedSeen {
        done: Done<()>,
    },
    Stop(oneshot::Sender<()>),
}

type Done<T> = oneshot::Sender<Result<T, AppError>>;

/// What a controller is made of.
pub(crate) struct Parts {
    pub(crate) profile: Profile,
    /// Keeps a second copy of the program out.
    #[expect(dead_code, reason = "held, never read")]
    pub(crate) lock: Lock,
    pub(crate) node: Node,
    pub(crate) phone: Phone,
    pub(crate) settings: Settings,
    pub(crate) contacts: Contacts,
    pub(crate) history: History,
    pub(crate) texts: Texts,
    pub(crate) presences: Presences,
    pub(crate) config: AppConfig,
    pub(crate) events: broadcast::Sender<AppEvent>,
}

pub(crate) struct Controller {
    parts: Parts,
    calls: Calls,
    ears: Ears,
    flows: BTreeMap<u64, Flow>,
    echo: Option<Echo>,
    /// Of the calls under way, for a window that opens in the middle.
    handovers: BTreeMap<u64, CallHandovers>,
    muted: bool,
    is_online: bool,
    company: Company,
}

impl Controller {
    pub(crate) fn new(parts: Parts) -> Result<Self, AppError> {
        let echo = (parts.config.answer == AnswerRule::Echo).then(Echo::start);
        let muted = parts.settings.push_to_talk;
        let mut ears = Ears::new(parts.config.sound.clone());
        ears.mute(muted);
        Ok(Self {
            ears,
            parts,
            calls: Calls::default(),
            flows: BTreeMap::new(),
            echo: echo.transpose()?,
            handovers: BTreeMap::new(),
            muted,
            is_online: true,
            company: Company::default(),
        })
    }

    pub(crate) async fn run(
        mut self,
        mut inbox: mpsc::UnboundedReceiver<Command>,
        mut notices: Notices,
    ) {
        let mut network = self.parts.node.events();
        let mut tenths = tokio::time::interval(TENTH);
        tenths.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.go_online();
        self.share_presence();
        loop {
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(Command::Stop(done)) => {
                        self.stop(notices).await;
                        // The profile is free when the answer comes.
                        drop(self);
                        let _ = done.send(());
                        return;
                    }
                    Some(command) => self.obey(command).await,
                    None => return self.stop(notices).await,
                },
                Some(notice) = notices.next() => self.hear(notice).await,
                event = network.recv() => match event {
                    Ok(event) => self.note(event),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                event = self.ears.next() => self.listen(event),
                _ = tenths.tick(), if self.has_outage() => self.count_outage(),
            }
        }
    }

    /// Ends every call, and the history has each.
    async fn stop(&mut self, mut notices: Notices) {
        self.flows.clear();
        self.ears.close();
        self.parts.phone.stop().await;
        while let Some(notice) = notices.next().await {
            self.hear(notice).await;
        }
        self.parts.node.shutdown().await;
    }

    async fn obey(&mut self, command: Command) {
        // Whoever asked and went away misses the answer.
        match command {
            Command::Snapshot(done) => drop(done.send(self.snapshot())),
            Command::Call { name, done } => drop(done.send(self.call(&name))),
            Command::Accept { call, done } => drop(done.send(self.accept(call))),
            Command::Decline { call, done } => {
                let phone = self.parts.phone.clone();
                drop(
                    done.send(
                        self.known(call)
                            .map(|id| phone.decline(id, Decline::Declined)),
                    ),
                );
            }
            Command::HangUp { call, done } => {
                let phone = self.parts.phone.clone();
                drop(done.send(self.known(call).map(|id| phone.hang_up(id))));
            }
            Command::Hold { call, held, done } => drop(done.send(self.hold(call, held))),
            Command::Mute { muted, done } => {
                self.mute(muted);
                let _ = done.send(());
            }
            Command::Text { name, text, done } => drop(done.send(self.text(&name, &text))),
            Command::Record { to, done } => drop(done.send(self.ears.record(to))),
            Command::Settings { settings, done } => drop(done.send(self.choose(*settings))),
            Command::ClearTexts { done } => drop(done.send(self.clear_texts())),
            Command::SetContact { contact, done } => drop(done.send(self.set_contact(contact))),
            Command::RemoveContact { name, done } => drop(done.send(self.remove_contact(&name))),
            Command::TestSound { test, done } => drop(done.send(self.test_sound(test))),
            Command::PushToTalk { down, done } => {
                self.push_to_talk(down);
                let _ = done.send(());
            }
            Command::View { call, done } => {
                let view = self.shown_calls().into_iter().find(|c| c.id == call);
                drop(done.send(view.ok_or_else(call_is_over)));
            }
            Command::Complete { typed, done } => {
                let found = self.parts.contacts.complete(&typed);
                drop(done.send(found.into_iter().cloned().collect()));
            }
            Command::ClearHistory { done } => drop(done.send(self.clear_history())),
            Command::MarkMissedSeen { done } => drop(done.send(self.mark_missed_seen())),
            Command::Stop(done) => drop(done),
        }
    }

    fn snapshot(&self) -> Snapshot {
        let certificate = &self.parts.profile.membership().certificate;
        Snapshot {
            me: names::device(&certificate.fqdn),
            safety_number: ntm::profile::safety_number(&certificate.root),
            calls: self.shown_calls(),
            contacts: self.shown_contacts(),
            history: self.parts.history.latest(HISTORY),
            settings: self.parts.settings.clone(),
            texts: self.parts.texts.latest(TEXTS),
            online: self.is_online,
            keystore: self.parts.profile.place().into(),
            device: certificate.fqdn.first_label().to_owned(),
            muted: self.muted,
            handovers: self.handovers.clone().into_values().collect(),
            recording: self.ears.recording().map(|p| p.display().to_string()),
        }
    }

    fn call(&mut self, text: &str) -> Result<CallView, AppError> {
        let known = self.parts.contacts.find(text).map(|c| c.name.clone());
        let own = &self.parts.profile.membership().domain;
        let name = names::parse(known.as_deref().unwrap_or(text), own)?;
        self.ears.open(&self.parts.settings)?;
        let id = self.parts.phone.call(&name);
        let view = self.calls.begin(id.0, &name, now());
        self.show(view.clone());
        Ok(view)
    }

    fn accept(&mut self, call: u64) -> Result<(), AppError> {
        let id = self.known(call)?;
        self.hold_others(call);
        self.ears.open(&self.parts.settings)?;
        self.parts.phone.accept(id);
        Ok(())
    }

    fn known(&self, call: u64) -> Result<CallId, AppError> {
        let found = self.calls.get(call).map(|c| CallId(c.id));
        found.ok_or_else(call_is_over)
    }

    fn hold(&mut self, call: u64, held: bool) -> Result<(), AppError> {
        let id = self.known(call)?;
        if held {
            self.parts.phone.hold(id);
        } else {
            self.hold_others(call);
            self.parts.phone.resume(id);
        }
        Ok(())
    }

    /// One talks to one at a time: the others hear nothing of it.
    fn hold_others(&self, but: u64) {
        let all = self.calls.all().into_iter();
        // One that the other side holds may be resumed there at any time.
        let open = |c: &CallView| matches!(c.state, CallState::Talking | CallState::Held);
        let others = all.filter(|c| c.id != but && open(c) && !c.held_here);
        others.for_each(|c| self.parts.phone.hold(CallId(c.id)));
    }

    fn mute(&mut self, muted: bool) {
        self.muted = muted;
        self.ears.mute(muted);
        self.calls.all().into_iter().for_each(|c| self.show(c));
    }

    fn choose(&mut self, settings: Settings) -> Result<(), AppError> {
        self.ears.choose(&settings);
        let before = std::mem::replace(&mut self.parts.settings, settings);
        if before.push_to_talk != self.parts.settings.push_to_talk {
            self.mute(self.parts.settings.push_to_talk);
        }
        self.tell(AppEvent::Settings {
            settings: Box::new(self.parts.settings.clone()),
        });
        self.share_presence();
        self.parts.settings.save(self.parts.profile.folder())
    }

    /// The telephone says something.
    async fn hear(&mut self, notice: Notice) {
        let view = self.calls.handle(&notice.event, now());
        if let Some(view) = view.clone() {
            self.show(view);
        }
        match notice.event {
            CallEvent::Incoming { call, .. } => self.rings(call),
            CallEvent::Answered {
                call,
                ref device,
                media,
            } => {
                if let Some(socket) = notice.socket {
                    if self.echo.is_none() {
                        self.hold_others(call.0);
                    }
                    let begun = self.begin_sound(call.0, &media, socket);
                    begun.unwrap_or_else(|e| self.give_up(call, e));
                    self.find_route(call.0, device.v6).await;
                }
            }
            CallEvent::Held { call, here, there } => {
                let flow = self.flows.get(&call.0);
                flow.into_iter().for_each(|f| f.hold(here || there));
            }
            CallEvent::Ended { call, reason, .. } => self.end(call.0, reason, view.as_ref()),
            CallEvent::Text { from, text } => self.receive_text(&from, text),
            CallEvent::TextDone { text, outcome } => self.text_done(text, &outcome),
            CallEvent::Presence { person, presence } => self.heard_of(&person, presence),
            CallEvent::Calling { .. } | CallEvent::Ringing { .. } => {}
        }
    }

    fn rings(&mut self, call: CallId) {
        let phone = self.parts.phone.clone();
        let is_alone = self.calls.all().len() == 1;
        let from = self.calls.get(call.0).map(|c| c.with.clone());
        let is_contact = || {
            from.as_deref()
                .is_some_and(|n| self.parts.contacts.find(n).is_some())
        };
        match self.parts.config.answer {
            AnswerRule::Echo if self.has_enough(call) => phone.decline(call, Decline::Busy),
            AnswerRule::Echo => phone.accept(call),
            AnswerRule::Busy => phone.decline(call, Decline::Busy),
            AnswerRule::Always if !is_alone => phone.decline(call, Decline::Busy),
            AnswerRule::Contacts if is_contact() && !is_alone => phone.decline(call, Decline::Busy),
            AnswerRule::Always => self.take(call),
            AnswerRule::Contacts if is_contact() => self.take(call),
            AnswerRule::Contacts | AnswerRule::Ask => {
                let opened = self.ears.open(&self.parts.settings);
                opened.unwrap_or_else(|e| self.tell(AppEvent::Problem(e)));
                // What was shown before the devices were open has not been heard.
                self.ears.sound(ringing::tone(&self.calls.all()));
            }
        }
    }

    /// Nobody needs more than this of an echo, and it is there for everybody.
    fn has_enough(&self, call: CallId) -> bool {
        let all = self.calls.all();
        let from = all.iter().find(|c| c.id == call.0);
        let same =
            |c: &&CallView| from.is_some_and(|f| (&f.with, &f.device) == (&c.with, &c.device));
        all.iter().filter(same).count() > ECHOES_OF_ONE
    }

    fn take(&mut self, call: CallId) {
        let taken = self.accept(call.0);
        taken.unwrap_or_else(|e| self.give_up(call, e));
    }

    fn begin_sound(
        &mut self,
        call: u64,
        media: &voice_call::sdp::Media,
        socket: voice_call::RtpSocket,
    ) -> Result<(), AppError> {
        if let Some(echo) = &self.echo {
            return echo.begin(call, media, socket);
        }
        let sound = self.ears.talk(&self.parts.settings)?;
        let flow = Flow::start(sound, media, socket)?;
        self.flows.insert(call, flow);
        Ok(())
    }

    /// A call that can't be heard is ended rather than left silent.
    fn give_up(&mut self, call: CallId, error: AppError) {
        self.tell(AppEvent::Problem(error));
        self.parts.phone.hang_up(call);
    }

    fn end(&mut self, call: u64, reason: EndReason, view: Option<&CallView>) {
        self.flows.remove(&call);
        self.handovers.remove(&call);
        self.echo.iter().for_each(|e| e.end(call));
        let Some(view) = view else { return };
        let kept = self.parts.history.push(calls::past(view, reason, now()));
        kept.unwrap_or_else(|e| self.tell(AppEvent::Problem(e)));
        self.tell_history();
        self.ears.say_goodbye(reason, view, self.calls.is_empty());
        if self.calls.is_empty() && self.parts.settings.push_to_talk {
            // Whoever held the key when it ended: the next call begins silent.
            self.mute(true);
        }
    }

    fn show(&mut self, mut view: CallView) {
        view.muted = self.muted;
        self.tell(AppEvent::Call(Box::new(view)));
        let tone = ringing::tone(&self.calls.all());
        self.ears.sound(tone);
    }

    fn tell(&self, event: AppEvent) {
        // Nobody listening is fine.
        let _ = self.parts.events.send(event);
    }
}

fn call_is_over() -> AppError {
    AppError::new(Code::NoSuchCall, "this call is over")
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, millis)
}

/// Never reached; keeps a select arm quiet.
async fn never<T>() -> T {
    std::future::pending().await
}

/// How long a farewell tone may take before the devices are closed.
fn farewell_over() -> Instant {
    Instant::now() + Duration::from_secs(5)
}
