//! The task that drives the deciding [`Agent`]: one SIP socket, one timer, one socket for each call's
//! sound. There is no `if` about SIP here.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ntm::wire::fqdn::Fqdn;
use ntm::wire::time::Mono;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::core::{Agent, CallId, Config, Decline, Device, EndReason, Event, State, TextId, Want};
use crate::overlay::{Datagrams, News, Overlay};
use crate::phone::{Notice, PhoneConfig, StartError, Usage};
use crate::rtp::{RtpSocket, Shared};
use crate::sip;

/// Ports of sound: even ones, as RTP has always had them (RFC 3550, 11).
const FIRST_PORT: u16 = 16_384;
const LAST_PORT: u16 = 32_766;
/// So many taken ports in a row, and there is none.
const TRIES: u16 = 512;
/// Whose addresses are known without asking.
const KNOWN: usize = 1024;

/// What handles ask of the task.
#[derive(Debug)]
pub(crate) enum Command {
    Call {
        id: CallId,
        name: Fqdn,
    },
    Accept(CallId),
    Decline(CallId, Decline),
    HangUp(CallId),
    Hold(CallId, bool),
    Text {
        id: TextId,
        name: Fqdn,
        text: String,
    },
    Share(BTreeSet<Fqdn>),
    Refresh,
    State(CallId, oneshot::Sender<State>),
    Usage(oneshot::Sender<Usage>),
    Stop(oneshot::Sender<()>),
}

/// The socket of one call.
struct Bound {
    socket: Arc<dyn Datagrams>,
    shared: Arc<Shared>,
    open: watch::Sender<bool>,
}

/// What a turn is about.
enum Turn {
    Command(Option<Command>),
    Received(io::Result<(usize, SocketAddr)>),
    Found(Want, Result<Vec<Device>, EndReason>),
    News(News),
    Time,
    /// Somebody fetched an event.
    Room,
}

struct Driver {
    overlay: Arc<dyn Overlay>,
    agent: Agent,
    sip: Arc<dyn Datagrams>,
    origin: Instant,
    commands: mpsc::UnboundedReceiver<Command>,
    tell: mpsc::Sender<Notice>,
    news: mpsc::UnboundedReceiver<News>,
    questions: JoinSet<(Want, Result<Vec<Device>, EndReason>)>,
    known: BTreeMap<IpAddr, Device>,
    bound: BTreeMap<CallId, Bound>,
    next_port: u16,
}

/// Binds the SIP port and starts the task; it ends with its handles, or at [`Command::Stop`].
pub(crate) async fn start(
    config: PhoneConfig,
    commands: mpsc::UnboundedReceiver<Command>,
    tell: mpsc::Sender<Notice>,
) -> Result<(), StartError> {
    let overlay = config.overlay;
    let own = overlay.own().await.map_err(StartError::NotRegistered)?;
    let sip = overlay
        .bind(sip::PORT)
        .await
        .map_err(StartError::PortTaken)?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| StartError::Random)?;
    let agent = Agent::new(
        Config {
            name: own.name,
            v6: own.v6,
            v4: own.v4,
            wishes: config.wishes,
            limits: config.limits,
        },
        seed,
    );
    let driver = Driver {
        news: overlay.news(),
        overlay,
        agent,
        sip,
        origin: Instant::now(),
        commands,
        tell,
        questions: JoinSet::new(),
        known: BTreeMap::new(),
        bound: BTreeMap::new(),
        next_port: FIRST_PORT,
    };
    tokio::spawn(driver.run());
    Ok(())
}

impl Driver {
    async fn run(mut self) {
        let mut buffer = vec![0; sip::MAX_DATAGRAM];
        loop {
            self.flush().await;
            match self.next_turn(&mut buffer).await {
                Turn::Command(Some(Command::Stop(done))) => {
                    self.stop().await;
                    let _ = done.send(());
                    return;
                }
                Turn::Command(None) => return self.stop().await,
                Turn::Command(Some(command)) => self.obey(command).await,
                Turn::Received(Ok((len, from))) => {
                    let datagram = buffer.get(..len).unwrap_or_default();
                    self.received(from, datagram).await;
                }
                Turn::Received(Err(error)) => {
                    tracing::info!(%error, "the network of the telephone is gone");
                    return self.stop().await;
                }
                Turn::Found(want, found) => self.agent.handle_found(self.now(), want, found),
                Turn::News(news) => self.heard_news(news),
                Turn::Time => self.timeout(),
                Turn::Room => {}
            }
        }
    }

    async fn next_turn(&mut self, buffer: &mut [u8]) -> Turn {
        let due = self.agent.poll_timeout();
        let due = due.map(|t| self.origin + t.since(Mono::default()));
        let has_events = self.agent.has_events();
        tokio::select! {
            command = self.commands.recv() => Turn::Command(command),
            received = self.sip.recv_from(buffer) => Turn::Received(received),
            // One that panicked was told by its panic.
            Some(Ok((want, found))) = self.questions.join_next() => Turn::Found(want, found),
            Some(news) = self.news.recv() => Turn::News(news),
            () = sleep_until(due) => Turn::Time,
            _ = self.tell.reserve(), if has_events => Turn::Room,
        }
    }

    fn now(&self) -> Mono {
        Mono::default() + self.origin.elapsed()
    }

    async fn obey(&mut self, command: Command) {
        let now = self.now();
        match command {
            Command::Call { id, name } => {
                if let Some(port) = self.bind(id).await {
                    self.agent.call(now, id, name, port);
                } else {
                    self.agent.give_up(id, EndReason::TooMany);
                }
            }
            Command::Accept(id) => {
                if let Some(port) = self.bind(id).await {
                    self.agent.accept(now, id, port);
                    // It may have been cancelled before it was taken: its end was told already.
                    if !self.agent.state(id).is_established() {
                        self.bound.remove(&id);
                    }
                } else {
                    self.agent.decline(now, id, Decline::Busy);
                }
            }
            Command::Decline(id, how) => self.agent.decline(now, id, how),
            Command::HangUp(id) => self.agent.hang_up(now, id),
            Command::Hold(id, hold) => self.agent.hold(now, id, hold),
            Command::Text { id, name, text } => {
                if let Err(error) = self.agent.send_text(id, name, &text) {
                    tracing::debug!(%error, "a text was not sent");
                }
            }
            Command::Share(with) => self.agent.share_presence(now, &with),
            Command::Refresh => self.agent.refresh_presence(now),
            Command::State(id, done) => {
                let _ = done.send(self.agent.state(id));
            }
            Command::Usage(done) => {
                let _ = done.send(self.usage());
            }
            Command::Stop(_) => {}
        }
    }

    fn usage(&self) -> Usage {
        Usage {
            calls: self.agent.calls(),
            sockets: self.bound.len(),
            remembered: self.agent.remembered(),
            questions: self.questions.len(),
            counters: self.agent.counters(),
        }
    }

    async fn received(&mut self, from: SocketAddr, datagram: &[u8]) {
        if !self.known.contains_key(&from.ip()) {
            let Some(device) = self.overlay.who(from.ip()).await else {
                tracing::debug!("a datagram from nobody");
                return;
            };
            if self.known.len() >= KNOWN {
                self.known.clear();
            }
            self.known.insert(from.ip(), device);
        }
        tracing::debug!(message = kind(datagram), "SIP came");
        let now = self.now();
        if let Some(device) = self.known.get(&from.ip()) {
            self.agent.handle_datagram(now, from, device, datagram);
        }
    }

    fn heard_news(&mut self, news: News) {
        // IPv4 addresses are lent: ask anew whose they are.
        self.known.clear();
        match news {
            News::Restored(device) => {
                let now = self.now();
                self.agent.handle_restored(now, &device);
            }
            News::Gone { device, has_left } => self.agent.handle_gone(&device, has_left),
            News::Missed => {}
        }
    }

    fn timeout(&mut self) {
        let now = self.now();
        for (id, bound) in &self.bound {
            if bound.shared.take_heard() {
                self.agent.handle_heard(now, *id);
            }
        }
        self.agent.handle_timeout(now);
    }

    /// Carries out what the agent wants, until it wants nothing more.
    async fn flush(&mut self) {
        while let Some(transmit) = self.agent.poll_transmit() {
            tracing::debug!(message = kind(&transmit.payload), "SIP leaves");
            if let Err(error) = self.sip.send_to(&transmit.payload, transmit.to).await {
                // No way at the moment: it is sent again.
                tracing::trace!(%error, "a datagram of SIP was not sent");
            }
        }
        while let Some(ask) = self.agent.poll_ask() {
            let overlay = Arc::clone(&self.overlay);
            self.questions
                .spawn(async move { (ask.want, overlay.find(&ask.name).await) });
        }
        loop {
            match self.tell.clone().try_reserve_owned() {
                Ok(room) => match self.agent.poll_event() {
                    Some(event) => {
                        let notice = self.notice(event);
                        room.send(notice);
                    }
                    None => return,
                },
                Err(mpsc::error::TrySendError::Full(_)) => return,
                Err(mpsc::error::TrySendError::Closed(_)) => {
                    // Nobody listens; calls go on until they are ended.
                    let Some(event) = self.agent.poll_event() else {
                        return;
                    };
                    drop(self.notice(event));
                }
            }
        }
    }

    /// An event with its socket; a call that ended loses its own.
    fn notice(&mut self, event: Event) -> Notice {
        let socket = match &event {
            Event::Answered { call, media, .. } => self.bound.get(call).map(|b| {
                let socket = Arc::clone(&b.socket);
                RtpSocket::new(
                    socket,
                    media.remote,
                    Arc::clone(&b.shared),
                    b.open.subscribe(),
                )
            }),
            Event::Ended { call, .. } => {
                if let Some(bound) = self.bound.remove(call) {
                    bound.open.send_replace(false);
                }
                None
            }
            Event::Incoming { .. }
            | Event::Calling { .. }
            | Event::Ringing { .. }
            | Event::Held { .. }
            | Event::Text { .. }
            | Event::TextDone { .. }
            | Event::Presence { .. } => None,
        };
        Notice { event, socket }
    }

    /// The port of a new socket for this call; `None` when there is none to be had.
    async fn bind(&mut self, id: CallId) -> Option<u16> {
        if self.bound.contains_key(&id) {
            return None;
        }
        for _ in 0..TRIES {
            let port = self.next_port;
            self.next_port = if port >= LAST_PORT {
                FIRST_PORT
            } else {
                port + 2
            };
            match self.overlay.bind(port).await {
                Ok(socket) => {
                    let shared = Arc::new(Shared::default());
                    let (open, _) = watch::channel(true);
                    let bound = Bound {
                        socket,
                        shared,
                        open,
                    };
                    self.bound.insert(id, bound);
                    return Some(port);
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => {
                    tracing::info!(%error, "no socket for the sound of a call");
                    return None;
                }
            }
        }
        None
    }

    async fn stop(&mut self) {
        self.agent.stop(self.now());
        self.flush().await;
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// `INVITE` or `SIP/2.0 200`: nothing of who calls whom goes into a log.
fn kind(message: &[u8]) -> &str {
    let words = if message.starts_with(b"SIP/") { 2 } else { 1 };
    let mut spaces = message.iter().enumerate().filter(|(_, b)| **b == b' ');
    let end = spaces.nth(words - 1).map_or(0, |(at, _)| at);
    let kind = message.get(..end).unwrap_or_default();
    core::str::from_utf8(kind).unwrap_or_default()
}
