//! Starts a Direction Coordinator, with what works beside its loop.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ntm_account_api::server::{DC_BLOCK, DC_UPDATES, DcEnrolled, DcUpdate, ServerRole, V4Block};
use ntm_coordinator::{Assignment, Coordinator, Limits, PeerDc, StoreError};
use ntm_https::Client;
use ntm_wire::addr::RealAddr;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::NodeId;
use ntm_wire::key::{KeyPair, ServerKey};
use ntm_wire::push::PushToken;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::{AccountRole, Clock, Config, Failure, Neighbour, Role, thread};
use crate::assignments::Assignments;
use crate::config::Peer;
use crate::dc::{Command, Dc, Work};
use crate::dns::Finder;
use crate::driver::{Arrival, Driver, GRACE};
use crate::membership::{self, Member};
use crate::push::{Notifier, Roll, WakeService, listener};
use crate::udp::{Bound, Doors};
use crate::{data_dir, reach};

/// Questions to the name service at once; more wait.
const LOOKUPS: usize = 64;
/// Assignments written in one transaction.
const STORES: usize = 256;
/// What the loop has not taken yet.
const COMMANDS: usize = 4096;
/// How long the Account Server may hold a question open, in seconds.
const LONG_POLL_S: u64 = 25;
/// How long the start waits for the Account Server's first word.
const FIRST_WORD: Duration = Duration::from_secs(3);

/// What a coordinator is given.
pub(super) struct Inputs {
    pub(super) clock: Clock,
    /// Its own sockets; `None` when it shares its relay's.
    pub(super) bound: Option<Bound>,
    pub(super) shared: Option<Doors>,
    pub(super) neighbour: Option<Neighbour>,
    pub(super) arrivals: mpsc::Receiver<Arrival>,
    /// The wake service's sockets.
    pub(super) push: Option<listener::Bound>,
    pub(super) stop: watch::Receiver<bool>,
}

/// A coordinator that has joined, before it starts.
pub(super) struct Joined {
    key: KeyPair,
    member: Member<DcEnrolled>,
    saved: Vec<Assignment>,
    store: Assignments,
}

impl Joined {
    pub(super) fn key(&self) -> ServerKey {
        self.key.server()
    }
}

/// Resolves when the coordinator knows the names of its Account Server, or need not wait for it.
pub(super) struct FirstWord(oneshot::Receiver<()>);

impl FirstWord {
    pub(super) async fn wait(self) {
        if tokio::time::timeout(FIRST_WORD, self.0).await.is_err() {
            tracing::warn!(
                "starts without the Account Server: new names are known when it answers"
            );
        }
    }
}

/// Reads what is stored, and joins.
pub(super) async fn join(
    config: &Config,
    account: Option<&AccountRole>,
    bound: &[SocketAddr],
) -> Result<Joined, Failure> {
    let mut store = Assignments::open(&config.data_file("dc.sqlite")).await?;
    let saved = store.all().await?;
    let key = data_dir::key_pair(config, "dc.key")?;
    let public = reach::public(&config.dc.public, &config.public_addresses, bound);
    let asked = ServerRole::Dc {
        domains: Vec::new(),
    };
    let token = super::own_token(config, account, "dc", asked).await?;
    let member = membership::dc(config, token, key.server(), public).await?;
    Ok(Joined {
        key,
        member,
        saved,
        store,
    })
}

/// Starts it.
pub(super) async fn spawn(
    config: &Config,
    joined: Joined,
    inputs: Inputs,
) -> Result<(Role, FirstWord), Failure> {
    let coordinator = coordinator(config, &joined)?;
    let (work, works) = mpsc::unbounded_channel();
    let (commands, taken) = mpsc::channel(COMMANDS);
    let machine = Dc {
        coordinator,
        work,
        names: BTreeSet::new(),
    };
    let (first, word) = oneshot::channel();
    let setup = Arc::new(static_map(config, &joined.member.enrolled));
    let client = joined.member.client;
    tokio::spawn(follow(
        config.clone(),
        client.clone(),
        commands.clone(),
        first,
    ));
    let finder = Finder::new(&config.dns)?;
    let roll = Box::new(Registered(commands.clone()));
    let wake_service = WakeService::new(joined.key, roll, config.dc.push.max_connections);
    let notifier = notifier(inputs.push, wake_service, &inputs.stop)?;
    let beside = Beside {
        finder,
        notifier,
        known: setup,
        client,
        commands,
    };
    tokio::spawn(beside.run(works, joined.store));
    let runtime = thread::runtime()?;
    let reads = inputs.bound.is_some();
    let doors = doors(&runtime, inputs.bound, inputs.shared)?;
    let driver = Driver {
        clock: inputs.clock,
        doors,
        reads,
        commands: taken,
        arrivals: inputs.arrivals,
        neighbour: inputs.neighbour,
        stop: inputs.stop,
    };
    let role = thread::spawn("ntm-dc", runtime, driver, machine, GRACE)?;
    Ok((role, FirstWord(word)))
}

fn doors(
    runtime: &tokio::runtime::Runtime,
    bound: Option<Bound>,
    shared: Option<Doors>,
) -> Result<Doors, Failure> {
    let _inside = runtime.enter();
    match (bound, shared) {
        (None, Some(shared)) => Ok(shared),
        (bound, _) => Doors::open(bound.unwrap_or_default())
            .map_err(|e| anyhow::anyhow!("no sockets to be had ({e})").into()),
    }
}

fn coordinator(config: &Config, joined: &Joined) -> Result<Coordinator, Failure> {
    let setup = &joined.member.enrolled.setup;
    let own = config.dc.peers.iter().map(pinned);
    let decided = ntm_coordinator::Config {
        dc: joined.member.enrolled.id(),
        key: joined.key.clone(),
        domains: setup.domains.iter().map(|d| d.0.clone()).collect(),
        prefix: setup.prefix.0.0,
        v4_blocks: membership::blocks(setup),
        ticket_link: setup.ticket_link.0.clone(),
        relays: setup.relays.iter().map(membership::relay).collect(),
        peers: setup
            .peers
            .iter()
            .map(membership::peer)
            .chain(own)
            .collect(),
        limits: Limits::default(),
    };
    Coordinator::new(decided, data_dir::seed()?, joined.saved.clone())
        .map_err(|e| Failure::Unusable(e.to_string()))
}

fn pinned(peer: &Peer) -> PeerDc {
    PeerDc {
        domains: peer.domains.iter().map(|d| d.0.clone()).collect(),
        key: peer.key.0,
        addr: peer.address.as_ref().map(|a| RealAddr(a.0)),
        same_operator: peer.same_operator,
        authority: peer.authority.0,
    }
}

/// Without sockets of its own the wake service is no push service.
fn notifier(
    sockets: Option<listener::Bound>,
    service: WakeService,
    stop: &watch::Receiver<bool>,
) -> Result<Notifier, Failure> {
    let Some(sockets) = sockets else {
        return Ok(Notifier::new(Vec::new()));
    };
    let service = Arc::new(service);
    sockets
        .serve(&service, stop)
        .map_err(|e| anyhow::anyhow!("no sockets to be had for the wake service ({e})"))?;
    Ok(Notifier::new(vec![service]))
}

/// What the coordinator knows of tokens.
struct Registered(mpsc::Sender<Command>);

#[async_trait]
impl Roll for Registered {
    async fn has(&self, node: NodeId, token: PushToken) -> bool {
        let (answer, answered) = oneshot::channel();
        let asked = self.0.send(Command::IsWokenBy(node, token, answer)).await;
        asked.is_ok() && answered.await.unwrap_or(false)
    }
}

type StaticMap = Vec<(Fqdn, Vec<RealAddr>)>;

fn static_map(config: &Config, enrolled: &DcEnrolled) -> StaticMap {
    let pinned = config.dc.peers.iter().filter_map(|p| {
        let addr = RealAddr(p.address.as_ref()?.0);
        Some(p.domains.iter().map(move |d| (d.0.clone(), vec![addr])))
    });
    let own = enrolled.setup.peers.iter().map(|p| {
        let addrs: Vec<_> = p.addrs.iter().copied().map(RealAddr).collect();
        let domains: Vec<_> = p
            .domains
            .iter()
            .map(|d| (d.0.clone(), addrs.clone()))
            .collect();
        domains
    });
    pinned.flatten().chain(own.flatten()).collect()
}

/// Asks the Account Server for news, for ever: each question stays open until there is some.
async fn follow(
    config: Config,
    client: Client,
    commands: mpsc::Sender<Command>,
    first: oneshot::Sender<()>,
) {
    let mut since = 0;
    let mut first = Some(first);
    let mut well = true;
    let pause = Duration::from_secs(config.dc.poll_s);
    loop {
        let question = format!("{DC_UPDATES}?since={since}&wait={LONG_POLL_S}");
        let answer = tokio::select! {
            answer = client.get::<DcUpdate>(&question) => answer,
            // The loop has ended: an open question would only keep the Account Server from stopping.
            () = commands.closed() => return,
        };
        match answer {
            Ok(update) => {
                well = true;
                since = update.seq;
                if let Err(error) = membership::keep_setup(&config, &update.setup) {
                    tracing::error!(%error, "the set-up was not kept");
                }
                drop(commands.send(Command::Updated(Box::new(update))).await);
                answered(&mut first);
            }
            Err(error) => {
                answered(&mut first);
                if std::mem::take(&mut well) {
                    tracing::warn!(
                        "the Account Server does not answer: nodes are served as before"
                    );
                }
                tracing::debug!(%error, "no news");
                tokio::time::sleep(pause).await;
            }
        }
    }
}

fn answered(first: &mut Option<oneshot::Sender<()>>) {
    if let Some(Err(())) = first.take().map(|f| f.send(())) {
        tracing::debug!("nobody waits for the first word any more");
    }
}

/// What takes time.
#[derive(Clone)]
struct Beside {
    finder: Finder,
    notifier: Notifier,
    known: Arc<StaticMap>,
    client: Client,
    commands: mpsc::Sender<Command>,
}

impl Beside {
    async fn run(self, mut works: mpsc::UnboundedReceiver<Work>, mut store: Assignments) {
        let lookups = Arc::new(Semaphore::new(LOOKUPS));
        let mut taken = Vec::new();
        while works.recv_many(&mut taken, STORES).await > 0 {
            let mut assignments = Vec::new();
            for work in taken.drain(..) {
                match work {
                    Work::Store(assignment) => assignments.push(assignment),
                    Work::Resolve(query, name) => {
                        let lookups = Arc::clone(&lookups);
                        tokio::spawn(self.clone().find(lookups, query, name));
                    }
                    Work::Wake(token, id) => {
                        tokio::spawn(self.notifier.clone().wake(token, id));
                    }
                    Work::MoreBlocks => {
                        tokio::spawn(self.clone().more_blocks());
                    }
                }
            }
            self.put(&mut store, &assignments).await;
        }
    }

    async fn find(self, lookups: Arc<Semaphore>, query: ntm_coordinator::QueryId, name: Fqdn) {
        let _turn = lookups.acquire().await;
        let found = self.finder.find(&name, &self.known).await;
        tracing::debug!(%name, ?found, "a domain was looked up");
        drop(self.commands.send(Command::Resolved(query, found)).await);
    }

    /// In one transaction; if that fails one by one, so that one bad row harms no other node.
    async fn put(&self, store: &mut Assignments, assignments: &[Assignment]) {
        if assignments.is_empty() {
            return;
        }
        let together = store.put(assignments).await.is_ok();
        for assignment in assignments {
            let stored = match together {
                true => Ok(()),
                false => store.put(std::slice::from_ref(assignment)).await,
            };
            let stored = stored.map_err(|error| {
                tracing::error!(%error, "an assignment was not stored: is the disk full?");
                StoreError
            });
            let told = Command::Stored(assignment.node, stored);
            drop(self.commands.send(told).await);
        }
    }

    async fn more_blocks(self) {
        match self.client.post::<(), V4Block>(DC_BLOCK, &()).await {
            Ok(_) => tracing::warn!("a further block was given: it is used from the next start"),
            Err(error) => tracing::error!(%error, "no further block to be had"),
        }
    }
}
