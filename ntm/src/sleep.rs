//! Sleep: the node is gone, and one idle connection to the coordinator's wake service is left of it.
//!
//! A node that was started with [`Config::that_sleeps`](crate::Config::that_sleeps) goes to sleep with
//! [`Node::sleep`](crate::Node::sleep). Once [`Asleep::woken`] returns, start it again with the same identity: it
//! has the addresses it had, and the coordinator sends the call that waits right behind its registration.

use std::io;
use std::time::Duration;

use ntm_wire::id::NodeId;
use ntm_wire::key::ServerKey;
use ntm_wire::wake::{Greeting, NOTICE_LEN, Notice, NoticeOpener, Sleeper};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::config::{Config, Interfaces};
use crate::error::SleepError;
use crate::interfaces::Watch;

/// For one address of the coordinator: connection, greeting and first notice.
const CONNECTING: Duration = Duration::from_secs(5);
/// The first wait before a lost connection is made again; doubled up to the last.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_secs(60);
/// Below the five minutes after which the quickest carriers forget an idle connection.
const KEEP_ALIVE: Duration = Duration::from_secs(120);
const KEEP_ALIVE_AGAIN: Duration = Duration::from_secs(20);

/// A node that sleeps. Dropped, it is no longer woken.
#[derive(Debug)]
pub struct Asleep {
    bed: Bed,
    line: Line,
}

/// Why a sleeping node should start again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Somebody calls.
    Called,
    /// The coordinator forgot the node, as it does in a restart: it must register before it sleeps on.
    Forgotten,
}

/// Where and as whom a node waits.
#[derive(Clone, Debug)]
pub(crate) struct Bed {
    dc: ServerKey,
    addrs: Vec<std::net::SocketAddr>,
    sleeper: Sleeper,
    interfaces: Interfaces,
}

impl Bed {
    /// `None` for a node that has no token of the wake service.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        let identity = &config.identity;
        let secret = identity.push_token.as_ref()?.wake_secret()?;
        Some(Self {
            dc: identity.dc.key,
            addrs: identity.dc.addrs.iter().map(|a| a.0).collect(),
            sleeper: Sleeper {
                node: NodeId::of(&identity.certificate.identity),
                secret,
            },
            interfaces: config.interfaces.clone(),
        })
    }

    /// Takes a place at the wake service.
    pub(crate) async fn lie_down(self) -> Result<Asleep, SleepError> {
        let line = self.connect().await?;
        Ok(Asleep { bed: self, line })
    }

    /// The wake service is where the coordinator is, over TCP: its addresses are tried in turn.
    async fn connect(&self) -> Result<Line, SleepError> {
        let mut outcome = SleepError::NoWakeService;
        for addr in &self.addrs {
            match timeout(CONNECTING, Line::open(self, *addr)).await {
                Ok(Ok((line, Notice::Waiting))) => return Ok(line),
                Ok(Ok((_, Notice::Unknown))) => return Err(SleepError::Unknown),
                Ok(Ok((_, Notice::Full))) => outcome = SleepError::Full,
                Ok(Ok((_, Notice::WakeUp(_)))) | Err(_) => {}
                Ok(Err(error)) => tracing::debug!(%error, "no wake service at this address"),
            }
        }
        Err(outcome)
    }
}

impl Asleep {
    /// Waits until the node is to start again. A connection that breaks is made again.
    pub async fn woken(mut self) -> Woken {
        let mut watch = Watch::start(self.bed.interfaces.clone()).await;
        loop {
            let lost = tokio::select! {
                notice = self.line.next() => match notice {
                    Ok(Notice::WakeUp(id)) => {
                        tracing::debug!(id, "woken");
                        return Woken::Called;
                    }
                    Ok(Notice::Unknown) => return Woken::Forgotten,
                    Ok(Notice::Waiting | Notice::Full) => false,
                    Err(_) => true,
                },
                // The old connection may be dead without a word.
                () = watch.changed() => true,
            };
            if lost && !self.connect_again().await {
                return Woken::Forgotten;
            }
        }
    }

    /// Tries until the wake service lets it wait again; `false` when its coordinator forgot it.
    async fn connect_again(&mut self) -> bool {
        let mut wait = FIRST_WAIT;
        loop {
            match self.bed.connect().await {
                Ok(line) => {
                    self.line = line;
                    return true;
                }
                Err(SleepError::Unknown) => return false,
                Err(error) => tracing::debug!(%error, "the wake service is out of reach"),
            }
            sleep(wait).await;
            wait = (wait * 2).min(LAST_WAIT);
        }
    }
}

/// A connection to the wake service.
#[derive(Debug)]
struct Line {
    stream: TcpStream,
    opener: NoticeOpener,
    /// Of a notice that has begun to come in: waiting for the rest may be broken off.
    begun: Vec<u8>,
}

impl Line {
    async fn open(bed: &Bed, addr: std::net::SocketAddr) -> io::Result<(Self, Notice)> {
        let mut stream = TcpStream::connect(addr).await?;
        keep_alive(&stream);
        let mut greeting = Greeting::default();
        stream.read_exact(&mut greeting).await?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| io::ErrorKind::Unsupported)?;
        let hello = bed.sleeper.seal(seed, &bed.dc, &greeting);
        stream.write_all(&hello.map_err(io::Error::other)?).await?;
        let opener = bed.sleeper.opener(&greeting);
        let mut line = Self {
            stream,
            opener,
            begun: Vec::new(),
        };
        let notice = line.next().await?;
        Ok((line, notice))
    }

    /// The next notice. Loses nothing when it is dropped before it is done.
    async fn next(&mut self) -> io::Result<Notice> {
        while self.begun.len() < NOTICE_LEN {
            let mut more = [0; NOTICE_LEN];
            let room = more.get_mut(self.begun.len()..).unwrap_or_default();
            let read = self.stream.read(room).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.begun
                .extend_from_slice(room.get(..read).unwrap_or_default());
        }
        let sealed = std::mem::take(&mut self.begun);
        let sealed: Result<[u8; NOTICE_LEN], _> = sealed.try_into();
        let mut sealed = sealed.map_err(|_| io::ErrorKind::InvalidData)?;
        self.opener.open(&mut sealed).map_err(io::Error::other)
    }
}

/// A wish only: without it a dead connection is noticed when the network changes.
fn keep_alive(stream: &TcpStream) {
    let alive = TcpKeepalive::new()
        .with_time(KEEP_ALIVE)
        .with_interval(KEEP_ALIVE_AGAIN);
    let _ = SockRef::from(stream).set_tcp_keepalive(&alive);
}
