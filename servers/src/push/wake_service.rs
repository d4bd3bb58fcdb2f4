//! The wake service: nodes that sleep each hold one idle connection, and are told on it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ntm_wire::id::NodeId;
use ntm_wire::kdf::sha256;
use ntm_wire::key::{KeyPair, SecretKey};
use ntm_wire::push::{PushScheme, PushToken};
use ntm_wire::wake::{Greeting, Notice, NoticeSealer, SLEEPER_LEN, Sleeper};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{PushError, PushService};

/// For a newcomer to say who it is, and for each notice to leave.
const DAWDLE: Duration = Duration::from_secs(10);
/// Calls that a connection may fall behind: one of them wakes it.
const CALLS: usize = 4;

/// Who may wait: whoever the DC would wake by that token.
#[async_trait]
pub(crate) trait Roll: Send + Sync {
    /// Whether a push to this token wakes this node.
    async fn has(&self, node: NodeId, token: PushToken) -> bool;
}

/// The nodes that wait, at most a given number.
pub(crate) struct WakeService {
    dc: KeyPair,
    roll: Box<dyn Roll>,
    max_waiting: usize,
    patience: Duration,
    waiting: Mutex<Waiting>,
}

/// Tokens by their hash, so that looking one up tells nothing of another.
type TokenHash = [u8; 32];

#[derive(Default)]
struct Waiting {
    by_token: HashMap<TokenHash, Place>,
    by_node: HashMap<NodeId, TokenHash>,
    seats: u64,
}

struct Place {
    node: NodeId,
    seat: u64,
    calls: mpsc::Sender<u64>,
}

/// Why a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ended {
    #[error("it said nothing, or took nothing, in time")]
    Dawdled,
    #[error("it left")]
    Left,
    #[error("it said what is not understood")]
    Garbage,
    #[error("the coordinator does not know it")]
    Unknown,
    #[error("there is no room")]
    Full,
    #[error("the node waits on another connection")]
    Replaced,
    #[error("no random numbers")]
    Random,
}

#[async_trait]
impl PushService for WakeService {
    fn scheme(&self) -> PushScheme {
        PushScheme::WakeService
    }

    async fn push(&self, token: &PushToken, id: u64) -> Result<(), PushError> {
        let secret = token.wake_secret().ok_or(PushError::BadToken)?;
        let waiting = self.waiting();
        let place = waiting.by_token.get(&hash(&secret));
        let calls = &place.ok_or(PushError::NobodyWaits)?.calls;
        match calls.try_send(id) {
            // It is being told already.
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(PushError::NobodyWaits),
        }
    }
}

impl WakeService {
    pub(crate) fn new(dc: KeyPair, roll: Box<dyn Roll>, max_waiting: usize) -> Self {
        Self {
            dc,
            roll,
            max_waiting,
            patience: DAWDLE,
            waiting: Mutex::default(),
        }
    }

    /// Talks to whoever connected until that ends; `admitted` goes when it is nobody's guess any more.
    pub(super) async fn converse<S, G>(self: Arc<Self>, mut stream: S, admitted: G) -> Ended
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut greeting = Greeting::default();
        if getrandom::fill(&mut greeting).is_err() {
            return Ended::Random;
        }
        let admission = timeout(self.patience, self.admit(&mut stream, &greeting));
        match admission.await.unwrap_or(Err(Ended::Dawdled)) {
            Ok((seat, sealer)) => {
                drop(admitted);
                self.wait(stream, seat, sealer).await
            }
            Err(ended) => ended,
        }
    }

    async fn admit<S>(
        self: &Arc<Self>,
        stream: &mut S,
        greeting: &Greeting,
    ) -> Result<(Seat, NoticeSealer), Ended>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut sealed = [0; SLEEPER_LEN];
        stream.write_all(greeting).await.map_err(|_| Ended::Left)?;
        let read = stream.read_exact(&mut sealed).await;
        read.map_err(|_| Ended::Left)?;
        let sleeper = Sleeper::open(&self.dc, greeting, &sealed).map_err(|_| Ended::Garbage)?;
        let mut sealer = sleeper.sealer(greeting);
        let seat = self.seat(&sleeper).await;
        let notice = match &seat {
            Ok(_) => Notice::Waiting,
            Err(Ended::Full) => Notice::Full,
            Err(_) => Notice::Unknown,
        };
        self.tell(stream, &mut sealer, notice).await?;
        Ok((seat?, sealer))
    }

    async fn seat(self: &Arc<Self>, sleeper: &Sleeper) -> Result<Seat, Ended> {
        let token = PushToken::wake_service(&sleeper.secret);
        if !self.roll.has(sleeper.node, token).await {
            return Err(Ended::Unknown);
        }
        let (calls, called) = mpsc::channel(CALLS);
        let token = hash(&sleeper.secret);
        let number = self
            .waiting()
            .sit(token, sleeper.node, calls, self.max_waiting);
        Ok(Seat {
            service: Arc::clone(self),
            token,
            number: number.ok_or(Ended::Full)?,
            called,
        })
    }

    /// Passes calls on until one of both ends is gone.
    async fn wait<S>(&self, mut stream: S, mut seat: Seat, mut sealer: NoticeSealer) -> Ended
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut nothing = [0; 1];
        loop {
            let call = tokio::select! {
                call = seat.called.recv() => call,
                // A sleeper has nothing more to say.
                read = stream.read(&mut nothing) => return match read {
                    Ok(0) | Err(_) => Ended::Left,
                    Ok(_) => Ended::Garbage,
                },
            };
            let Some(id) = call else {
                return Ended::Replaced;
            };
            if let Err(ended) = self
                .tell(&mut stream, &mut sealer, Notice::WakeUp(id))
                .await
            {
                return ended;
            }
        }
    }

    async fn tell<S>(
        &self,
        stream: &mut S,
        sealer: &mut NoticeSealer,
        notice: Notice,
    ) -> Result<(), Ended>
    where
        S: AsyncWrite + Unpin,
    {
        let sealed = sealer.seal(notice);
        match timeout(self.patience, stream.write_all(&sealed)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Ended::Left),
            Err(_) => Err(Ended::Dawdled),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// A node has one seat, the last it took; `None` when all are taken.
    fn sit(
        &mut self,
        token: TokenHash,
        node: NodeId,
        calls: mpsc::Sender<u64>,
        max: usize,
    ) -> Option<u64> {
        if let Some(old) = self.by_node.remove(&node) {
            self.by_token.remove(&old);
        }
        if self.by_token.len() >= max {
            return None;
        }
        self.seats += 1;
        let seat = self.seats;
        self.by_node.insert(node, token);
        self.by_token.insert(token, Place { node, seat, calls });
        Some(seat)
    }

    fn leave(&mut self, token: &TokenHash, seat: u64) {
        if self.by_token.get(token).is_some_and(|p| p.seat == seat)
            && let Some(place) = self.by_token.remove(token)
        {
            self.by_node.remove(&place.node);
        }
    }
}

/// A place among those that wait; given up when dropped.
struct Seat {
    service: Arc<WakeService>,
    token: TokenHash,
    number: u64,
    called: mpsc::Receiver<u64>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.service.waiting().leave(&self.token, self.number);
    }
}

fn hash(secret: &SecretKey) -> TokenHash {
    sha256(&[b"ntm wake token", secret.expose()])
}

#[cfg(test)]
mod tests {
    use ntm_wire::wake::NOTICE_LEN;
    use tokio::io::{DuplexStream, duplex};
    use tokio::task::JoinHandle;

    use super::*;

    /// Knows every node but one.
    struct All;
    const STRANGER: NodeId = NodeId([0xff; 16]);

    #[async_trait]
    impl Roll for All {
        async fn has(&self, node: NodeId, _: PushToken) -> bool {
            node != STRANGER
        }
    }

    fn service(max: usize) -> Arc<WakeService> {
        Arc::new(WakeService::new(dc(), Box::new(All), max))
    }

    fn impatient() -> Arc<WakeService> {
        let mut service = WakeService::new(dc(), Box::new(All), 1);
        service.patience = Duration::from_millis(50);
        Arc::new(service)
    }

    fn dc() -> KeyPair {
        KeyPair::from_private(SecretKey::new([5; 32]))
    }

    fn sleeper(node: NodeId, secret: u8) -> Sleeper {
        Sleeper {
            node,
            secret: SecretKey::new([secret; 32]),
        }
    }

    fn token(secret: u8) -> PushToken {
        PushToken::wake_service(&SecretKey::new([secret; 32]))
    }

    struct Guest {
        stream: DuplexStream,
        end: JoinHandle<Ended>,
        greeting: Greeting,
    }

    impl Guest {
        async fn connect(service: &Arc<WakeService>) -> Self {
            let (mut stream, theirs) = duplex(1024);
            let end = tokio::spawn(Arc::clone(service).converse(theirs, ()));
            let mut greeting = Greeting::default();
            stream.read_exact(&mut greeting).await.unwrap();
            Self {
                stream,
                end,
                greeting,
            }
        }

        async fn say(&mut self, bytes: &[u8]) {
            self.stream.write_all(bytes).await.unwrap();
        }

        async fn introduce(&mut self, who: &Sleeper) -> (Notice, ntm_wire::wake::NoticeOpener) {
            let sealed = who.seal([1; 32], &dc().server(), &self.greeting).unwrap();
            self.say(&sealed).await;
            let mut opener = who.opener(&self.greeting);
            (self.notice(&mut opener).await, opener)
        }

        async fn notice(&mut self, opener: &mut ntm_wire::wake::NoticeOpener) -> Notice {
            let mut sealed = [0; NOTICE_LEN];
            self.stream.read_exact(&mut sealed).await.unwrap();
            opener.open(&mut sealed).unwrap()
        }
    }

    #[tokio::test]
    async fn whoever_waits_with_the_token_is_told_the_id() {
        let service = service(2);
        let mut guest = Guest::connect(&service).await;
        let (first, mut opener) = guest.introduce(&sleeper(NodeId([1; 16]), 7)).await;
        assert_eq!(first, Notice::Waiting);
        assert_eq!(service.push(&token(7), 99).await, Ok(()));
        assert_eq!(guest.notice(&mut opener).await, Notice::WakeUp(99));
        let other = service.push(&token(8), 99).await;
        assert_eq!(other, Err(PushError::NobodyWaits));
    }

    #[tokio::test]
    async fn a_token_that_the_coordinator_does_not_know_waits_for_nothing() {
        let service = service(2);
        let mut guest = Guest::connect(&service).await;
        let (notice, _) = guest.introduce(&sleeper(STRANGER, 7)).await;
        assert_eq!(notice, Notice::Unknown);
        assert_eq!(guest.end.await.unwrap(), Ended::Unknown);
        assert_eq!(
            service.push(&token(7), 1).await,
            Err(PushError::NobodyWaits)
        );
    }

    #[tokio::test]
    async fn a_full_service_says_so_and_has_room_again_when_one_leaves() {
        let service = service(1);
        let mut first = Guest::connect(&service).await;
        first.introduce(&sleeper(NodeId([1; 16]), 1)).await;
        let mut second = Guest::connect(&service).await;
        let (notice, _) = second.introduce(&sleeper(NodeId([2; 16]), 2)).await;
        assert_eq!(notice, Notice::Full);
        drop(first.stream);
        assert_eq!(first.end.await.unwrap(), Ended::Left);
        let mut third = Guest::connect(&service).await;
        let (notice, _) = third.introduce(&sleeper(NodeId([2; 16]), 2)).await;
        assert_eq!(notice, Notice::Waiting);
    }

    #[tokio::test]
    async fn a_node_waits_on_its_last_connection_only() {
        let service = service(1);
        let node = NodeId([1; 16]);
        let mut old = Guest::connect(&service).await;
        old.introduce(&sleeper(node, 1)).await;
        let mut new = Guest::connect(&service).await;
        let (notice, _) = new.introduce(&sleeper(node, 2)).await;
        assert_eq!(notice, Notice::Waiting);
        assert_eq!(old.end.await.unwrap(), Ended::Replaced);
        assert_eq!(
            service.push(&token(1), 1).await,
            Err(PushError::NobodyWaits)
        );
        assert_eq!(service.push(&token(2), 1).await, Ok(()));
    }

    #[tokio::test]
    async fn garbage_ends_the_connection() {
        let service = service(1);
        let mut guest = Guest::connect(&service).await;
        guest.say(&[0xaa; SLEEPER_LEN]).await;
        assert_eq!(guest.end.await.unwrap(), Ended::Garbage);
    }

    #[tokio::test]
    async fn a_sleeper_that_talks_is_shown_out() {
        let service = service(1);
        let mut guest = Guest::connect(&service).await;
        guest.introduce(&sleeper(NodeId([1; 16]), 1)).await;
        guest.say(b"more").await;
        assert_eq!(guest.end.await.unwrap(), Ended::Garbage);
        assert_eq!(
            service.push(&token(1), 1).await,
            Err(PushError::NobodyWaits)
        );
    }

    #[tokio::test]
    async fn silence_ends_the_connection_in_time_also_half_way() {
        let service = impatient();
        let began = tokio::time::Instant::now();
        let silent = Guest::connect(&service).await;
        let mut slow = Guest::connect(&service).await;
        slow.say(&[1; SLEEPER_LEN - 1]).await;
        assert_eq!(silent.end.await.unwrap(), Ended::Dawdled);
        assert_eq!(slow.end.await.unwrap(), Ended::Dawdled);
        assert!(began.elapsed() >= service.patience);
    }

    #[tokio::test]
    async fn a_sleeper_may_wait_longer_than_a_stranger() {
        let service = impatient();
        let mut guest = Guest::connect(&service).await;
        let (_, mut opener) = guest.introduce(&sleeper(NodeId([1; 16]), 1)).await;
        tokio::time::sleep(3 * service.patience).await;
        assert_eq!(service.push(&token(1), 5).await, Ok(()));
        assert_eq!(guest.notice(&mut opener).await, Notice::WakeUp(5));
    }
}
