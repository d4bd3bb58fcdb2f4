//! [`Phone`] and [`Events`]: what the application holds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ntm::Node;
use ntm::wire::fqdn::Fqdn;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::core::{CallId, Counters, Decline, Event, Limits, MAX_TEXT, State, TextError, TextId};
use crate::driver::{self, Command};
use crate::overlay::{NodeOverlay, Overlay};
use crate::rtp::RtpSocket;
use crate::sdp::Wishes;

/// Events that wait to be fetched, before they wait in the telephone and others are refused.
const EVENTS: usize = 1024;

/// What a telephone is started with.
#[derive(Clone)]
pub struct PhoneConfig {
    /// The network.
    pub overlay: Arc<dyn Overlay>,
    /// What this device wants to hear.
    pub wishes: Wishes,
    /// What others may occupy.
    pub limits: Limits,
}

impl PhoneConfig {
    /// A telephone on this node.
    pub fn on(node: Node) -> Self {
        Self::over(Arc::new(NodeOverlay::new(node)))
    }

    /// A telephone over any network.
    pub fn over(overlay: Arc<dyn Overlay>) -> Self {
        Self {
            overlay,
            wishes: Wishes::default(),
            limits: Limits::default(),
        }
    }
}

/// Why a telephone does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The network does not know this device.
    #[error("the network does not know this device")]
    NotRegistered(#[source] std::io::Error),
    /// Another program of this node has the SIP port.
    #[error("port 5060 of this node is taken: another telephone runs on it")]
    PortTaken(#[source] std::io::Error),
    /// No random numbers.
    #[error("this machine gives no random numbers")]
    Random,
}

/// A running telephone. Clones are the same one; it ends with [`Phone::stop`], or when the last is gone.
/// Every call returns at once: what comes of it is told by [`Events`].
#[derive(Clone, Debug)]
pub struct Phone {
    commands: mpsc::UnboundedSender<Command>,
    next: Arc<AtomicU64>,
}

/// What a telephone tells.
#[derive(Debug)]
pub struct Events(mpsc::Receiver<Notice>);

/// One thing told. As JSON it is the event alone.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Notice {
    /// What happened.
    pub event: Event,
    /// With [`Event::Answered`]: where the sound goes and comes from.
    #[serde(skip)]
    pub socket: Option<RtpSocket>,
}

/// How much a telephone holds: nothing of it may grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls, in whatever state.
    pub calls: usize,
    /// Sockets for sound.
    pub sockets: usize,
    /// Requests and answers remembered for repeats; each goes about a minute after it was needed.
    pub remembered: usize,
    /// Questions to the overlay without an answer.
    pub questions: usize,
    /// What was received, sent and refused.
    pub counters: Counters,
}

impl Phone {
    /// Starts a telephone: it rings from now on.
    pub async fn start(config: PhoneConfig) -> Result<(Self, Events), StartError> {
        let (commands, inbox) = mpsc::unbounded_channel();
        let (tell, events) = mpsc::channel(EVENTS);
        driver::start(config, inbox, tell).await?;
        let next = Arc::new(AtomicU64::new(0));
        Ok((Self { commands, next }, Events(events)))
    }

    /// Calls a person (all devices ring) or one device.
    pub fn call(&self, name: &Fqdn) -> CallId {
        let id = CallId(self.number() * 2);
        let name = name.clone();
        self.tell(Command::Call { id, name });
        id
    }

    /// Takes a call that rings.
    pub fn accept(&self, call: CallId) {
        self.tell(Command::Accept(call));
    }

    /// Refuses a call that rings.
    pub fn decline(&self, call: CallId, how: Decline) {
        self.tell(Command::Decline(call, how));
    }

    /// Takes a call back that was not answered.
    pub fn cancel(&self, call: CallId) {
        self.hang_up(call);
    }

    /// Ends a call in whatever state.
    pub fn hang_up(&self, call: CallId) {
        self.tell(Command::HangUp(call));
    }

    /// Holds the line: this side stops at once, the other is told.
    pub fn hold(&self, call: CallId) {
        self.tell(Command::Hold(call, true));
    }

    /// Takes it up again.
    pub fn resume(&self, call: CallId) {
        self.tell(Command::Hold(call, false));
    }

    /// Writes to a person: to all devices that are reachable.
    pub fn send_text(&self, name: &Fqdn, text: &str) -> Result<TextId, TextError> {
        match text.len() {
            0 => return Err(TextError::Empty),
            1..=MAX_TEXT => {}
            _ => return Err(TextError::TooLong),
        }
        let id = TextId(self.number());
        let (name, text) = (name.clone(), text.to_owned());
        self.tell(Command::Text { id, name, text });
        Ok(id)
    }

    /// Shares presence with these people (accounts) from now on, and with no others: whoever of them shares it
    /// with this person too is told that this device is there, and [`Event::Presence`] tells the same of them.
    pub fn share_presence(&self, with: BTreeSet<Fqdn>) {
        self.tell(Command::Share(with));
    }

    /// This device was away: asks again after those who are not known to be there.
    pub fn refresh_presence(&self) {
        self.tell(Command::Refresh);
    }

    /// Where a call is; [`State::Idle`] for one that is over or never was.
    pub async fn state(&self, call: CallId) -> State {
        let answer = self.ask(|done| Command::State(call, done)).await;
        answer.unwrap_or(State::Idle)
    }

    /// How much the telephone holds.
    pub async fn usage(&self) -> Usage {
        self.ask(Command::Usage).await.unwrap_or_default()
    }

    /// Ends every call and the telephone.
    pub async fn stop(&self) {
        let _ = self.ask(Command::Stop).await;
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn tell(&self, command: Command) {
        // A telephone that was stopped does nothing more.
        let _ = self.commands.send(command);
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (done, answer) = oneshot::channel();
        self.tell(command(done));
        answer.await.ok()
    }
}

impl Events {
    /// The next thing told; `None` once the telephone is gone.
    pub async fn next(&mut self) -> Option<Notice> {
        self.0.recv().await
    }
}
