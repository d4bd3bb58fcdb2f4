//! The task that owns the node, the telephone and the sound, and keeps what people see of them in step.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ntm::event::{Event as NodeEvent, Passage};
use ntm::files::Lock;
use ntm::wire::id::NodeId;
use ntm::{Node, Profile};
use tokio::sync::{broadcast, mpsc, oneshot};
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
use crate::settings::Settings;
use crate::texts::Texts;
use crate::view::{AppEvent, CallState, CallView, HandoverView, Snapshot, millis};

mod company;
mod people;
mod sound;

use company::Company;
use sound::Ears;

/// Calls of the history that a snapshot has.
const HISTORY: usize = 100;
/// Texts that a snapshot has.
const TEXTS: usize = 200;

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
        self.go_online();
        self.share_presence();
        loop {
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(Command::Stop(done)) => {
                        self.stop().await;
                        // The profile is free when the answer comes.
                        drop(self);
                        let _ = done.send(());
                        return;
                    }
                    Some(command) => self.obey(command).await,
                    None => return self.stop().await,
                },
                Some(notice) = notices.next() => self.hear(notice).await,
                event = network.recv() => match event {
                    Ok(event) => self.note(event),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                event = self.ears.next() => self.listen(event),
                () = tokio::time::sleep(Duration::from_millis(100)), if self.has_outage() => self.count_outage(),
            }
        }
    }

    async fn stop(&mut self) {
        self.flows.clear();
        self.ears.close();
        self.parts.phone.stop().await;
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
                let view = self.known(call).map(|id| self.calls.get(id.0).cloned());
                drop(done.send(view.and_then(|v| v.ok_or_else(call_is_over))));
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
        let talking = self
            .calls
            .all()
            .into_iter()
            .filter(|c| c.state == CallState::Talking);
        talking.for_each(|c| self.parts.phone.hold(CallId(c.id)));
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
            self.parts.phone.resume(id);
        }
        Ok(())
    }

    fn mute(&mut self, muted: bool) {
        self.muted = muted;
        self.ears.mute(muted);
        for call in self.calls.all() {
            let changed = self.calls.change(call.id, |c| c.muted = muted);
            changed.into_iter().for_each(|c| self.show(c));
        }
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
            AnswerRule::Echo => phone.accept(call),
            AnswerRule::Busy => phone.decline(call, Decline::Busy),
            AnswerRule::Always if !is_alone => phone.decline(call, Decline::Busy),
            AnswerRule::Contacts if is_contact() && !is_alone => phone.decline(call, Decline::Busy),
            AnswerRule::Always => self.take(call),
            AnswerRule::Contacts if is_contact() => self.take(call),
            AnswerRule::Contacts | AnswerRule::Ask => {
                let opened = self.ears.open(&self.parts.settings);
                opened.unwrap_or_else(|e| self.tell(AppEvent::Problem(e)));
            }
        }
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

    async fn find_route(&mut self, call: u64, v6: std::net::Ipv6Addr) {
        let tunnels = self.parts.node.tunnels().await;
        let Some(tunnel) = tunnels.into_iter().find(|t| t.peer.addrs.v6 == v6) else {
            return;
        };
        if let Some(flow) = self.flows.get_mut(&call) {
            flow.peer = Some(tunnel.peer.node);
        }
        let routed = self.calls.set_route(call, tunnel.route.into());
        routed.into_iter().for_each(|c| self.show(c));
    }

    fn end(&mut self, call: u64, reason: EndReason, view: Option<&CallView>) {
        self.flows.remove(&call);
        self.echo.iter().for_each(|e| e.end(call));
        let Some(view) = view else { return };
        let kept = self.parts.history.push(calls::past(view, reason, now()));
        kept.unwrap_or_else(|e| self.tell(AppEvent::Problem(e)));
        self.tell_history();
        self.ears.say_goodbye(reason, view, self.calls.is_empty());
    }

    /// The node says something.
    fn note(&mut self, event: NodeEvent) {
        match event {
            NodeEvent::PassageChanged { peer, passage } => self.pass_on(peer, passage),
            NodeEvent::RouteChanged { peer, new, .. } => {
                for call in self.calls_with(peer) {
                    let changed = self.calls.set_route(call, new.into());
                    changed.into_iter().for_each(|c| self.show(c));
                }
            }
            NodeEvent::HandedOver(handover) => {
                let view = HandoverView::from(&*handover);
                for call in self.calls_with(handover.peer) {
                    let handover = view.clone();
                    self.tell(AppEvent::Handover { call, handover });
                    let changed = self.calls.change(call, |c| c.handovers += 1);
                    changed.into_iter().for_each(|c| self.show(c));
                }
            }
            NodeEvent::CoordinatorLost => {
                self.company.was_away = true;
                self.go_offline();
            }
            NodeEvent::Registered { .. } => {
                self.look_around();
                self.go_online();
            }
            NodeEvent::RegistrationFailed(_)
            | NodeEvent::TunnelUp { .. }
            | NodeEvent::TunnelDown { .. }
            | NodeEvent::Pinned { .. }
            | NodeEvent::PinChanged { .. }
            | NodeEvent::OperatorRefused(_)
            | NodeEvent::RelayLost(_)
            | NodeEvent::TicketRenewed { .. }
            | NodeEvent::RenewalFailed { .. } => {}
            NodeEvent::Slept(_) => self.company.was_away = true,
        }
    }

    fn go_online(&mut self) {
        self.is_online = true;
        self.tell(AppEvent::Registered {
            me: names::device(self.parts.node.fqdn()),
        });
    }

    fn go_offline(&mut self) {
        self.is_online = false;
        self.tell(AppEvent::ServersLost);
    }

    fn pass_on(&mut self, peer: NodeId, passage: Passage) {
        let flows = self.flows.values_mut().filter(|f| f.peer == Some(peer));
        flows.for_each(|f| f.handle_passage(passage));
    }

    fn calls_with(&self, peer: NodeId) -> Vec<u64> {
        let with = self.flows.iter().filter(|(_, f)| f.peer == Some(peer));
        with.map(|(call, _)| *call).collect()
    }

    fn has_outage(&self) -> bool {
        self.calls.all().iter().any(|c| c.outage_ms > 0)
    }

    fn count_outage(&mut self) {
        for call in self.calls.all().into_iter().filter(|c| c.outage_ms > 0) {
            let changed = self.calls.change(call.id, |c| c.outage_ms += 100);
            changed.into_iter().for_each(|c| self.show(c));
        }
    }

    fn show(&mut self, mut view: CallView) {
        view.muted = self.muted;
        self.tell(AppEvent::Call(Box::new(view)));
        let tone = crate::ringing::tone(&self.calls.all());
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
