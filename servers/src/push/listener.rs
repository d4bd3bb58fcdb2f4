//! Where sleeping nodes connect: TCP at the ports of the DC, with bounds for strangers.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::WakeService;
use crate::config::Endpoint;
use crate::failure::Failure;

/// Connections of which nobody knows yet whose they are; more wait in the system's queue.
const STRANGERS: usize = 256;
/// Of these from one source.
const PER_SOURCE: usize = 16;
/// Below the five minutes after which the quickest carriers forget an idle connection.
const KEEP_ALIVE: Duration = Duration::from_secs(120);
const KEEP_ALIVE_AGAIN: Duration = Duration::from_secs(20);
/// Connections that the system may hold while they wait to be accepted.
const BACKLOG: i32 = 256;
/// After `accept` failed, as it does when files run out.
const PAUSE: Duration = Duration::from_millis(100);

/// The sockets, before anybody serves them.
pub(crate) struct Bound(Vec<std::net::TcpListener>);

impl Bound {
    /// Binds every address of `dc.push.listen`; port 0 stands for the port that the DC has.
    pub(crate) fn bind(listen: &[Endpoint], dc: &[SocketAddr]) -> Result<Self, Failure> {
        let bind = |endpoint: &Endpoint| {
            let addr = beside(endpoint.0, dc);
            socket(addr).map_err(|e| Failure::bind("dc.push.listen", "tcp", addr, e))
        };
        Ok(Self(listen.iter().map(bind).collect::<Result<_, _>>()?))
    }

    pub(crate) fn local_addrs(&self) -> Vec<SocketAddr> {
        self.0.iter().filter_map(|s| s.local_addr().ok()).collect()
    }

    /// Serves them until `stopped` says so.
    pub(crate) fn serve(
        self,
        service: &Arc<WakeService>,
        stopped: &watch::Receiver<bool>,
    ) -> io::Result<()> {
        let strangers = Arc::new(Strangers::default());
        for socket in self.0 {
            let door = Door {
                socket: TcpListener::from_std(socket)?,
                service: Arc::clone(service),
                strangers: Arc::clone(&strangers),
            };
            tokio::spawn(door.until(stopped.clone()));
        }
        Ok(())
    }
}

fn beside(addr: SocketAddr, dc: &[SocketAddr]) -> SocketAddr {
    let same = dc.iter().find(|d| d.is_ipv4() == addr.is_ipv4());
    match same.filter(|_| addr.port() == 0) {
        Some(dc) => SocketAddr::new(addr.ip(), dc.port()),
        None => addr,
    }
}

fn socket(addr: SocketAddr) -> io::Result<std::net::TcpListener> {
    let raw = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        raw.set_only_v6(true)?;
    }
    // A restart must not wait for the connections of the life before.
    #[cfg(unix)]
    raw.set_reuse_address(true)?;
    raw.set_nonblocking(true)?;
    raw.bind(&addr.into())?;
    raw.listen(BACKLOG)?;
    Ok(raw.into())
}

struct Door {
    socket: TcpListener,
    service: Arc<WakeService>,
    strangers: Arc<Strangers>,
}

impl Door {
    async fn until(self, mut stopped: watch::Receiver<bool>) {
        loop {
            let guests_stop = stopped.clone();
            tokio::select! {
                // An error means that whoever could have said "stop" is gone.
                _ = stopped.wait_for(|stop| *stop) => return,
                () = self.let_in(guests_stop) => {}
            }
        }
    }

    async fn let_in(&self, mut stopped: watch::Receiver<bool>) {
        let Ok(place) = Arc::clone(&self.strangers.room).acquire_owned().await else {
            return;
        };
        let (stream, from) = match self.socket.accept().await {
            Ok(arrived) => arrived,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                return tokio::time::sleep(PAUSE).await;
            }
        };
        let Some(stranger) = Stranger::new(&self.strangers, from.ip(), place) else {
            tracing::debug!("one source has too many connections open");
            return;
        };
        prepare(&stream);
        let talk = Arc::clone(&self.service).converse(stream, stranger);
        tokio::spawn(async move {
            tokio::select! {
                ended = talk => tracing::debug!(%ended, "a connection of the wake service ended"),
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        });
    }
}

/// Wishes only: without them it is slower to notice who is gone.
fn prepare(stream: &TcpStream) {
    let alive = TcpKeepalive::new()
        .with_time(KEEP_ALIVE)
        .with_interval(KEEP_ALIVE_AGAIN);
    drop(SockRef::from(stream).set_tcp_keepalive(&alive));
    drop(stream.set_nodelay(true));
}

struct Strangers {
    room: Arc<Semaphore>,
    by_source: Mutex<HashMap<IpAddr, usize>>,
}

impl Default for Strangers {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(STRANGERS)),
            by_source: Mutex::default(),
        }
    }
}

impl Strangers {
    fn by_source(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_source
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection nobody knows yet; its place is free again when this goes.
struct Stranger {
    all: Arc<Strangers>,
    source: IpAddr,
    _place: OwnedSemaphorePermit,
}

impl Stranger {
    fn new(all: &Arc<Strangers>, from: IpAddr, place: OwnedSemaphorePermit) -> Option<Self> {
        let source = source(from);
        let mut by_source = all.by_source();
        let count = by_source.entry(source).or_default();
        if *count >= PER_SOURCE {
            return None;
        }
        *count += 1;
        Some(Self {
            all: Arc::clone(all),
            source,
            _place: place,
        })
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut by_source = self.all.by_source();
        if let Some(count) = by_source.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                by_source.remove(&self.source);
            }
        }
    }
}

/// Over IPv6 a single customer has a /64.
fn source(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(all: &Arc<Strangers>, from: &str) -> Option<Stranger> {
        let place = Arc::clone(&all.room).try_acquire_owned().ok()?;
        Stranger::new(all, from.parse().unwrap(), place)
    }

    #[test]
    fn one_source_can_not_take_all_places() {
        let all = Arc::new(Strangers::default());
        let mut inside: Vec<_> = (0..PER_SOURCE)
            .map(|i| enter(&all, &format!("2001:db8::{i}")).unwrap())
            .collect();
        assert!(enter(&all, "2001:db8::ffff").is_none());
        assert!(enter(&all, "2001:db8:0:1::1").is_some());
        inside.pop();
        assert!(enter(&all, "2001:db8::ffff").is_some());
    }

    #[test]
    fn all_together_are_bounded_and_leave_nothing_behind() {
        let all = Arc::new(Strangers::default());
        let inside: Vec<_> = (0..STRANGERS)
            .map(|i| enter(&all, &format!("192.0.2.{}", i / PER_SOURCE)).unwrap())
            .collect();
        assert!(enter(&all, "198.51.100.1").is_none());
        drop(inside);
        assert!(all.by_source().is_empty());
        assert_eq!(all.room.available_permits(), STRANGERS);
    }

    #[test]
    fn port_0_is_the_port_of_the_coordinator() {
        let dc = [
            "[::1]:5000".parse().unwrap(),
            "127.0.0.1:4000".parse().unwrap(),
        ];
        let at = |text: &str| beside(text.parse().unwrap(), &dc);
        assert_eq!(at("127.0.0.1:0"), "127.0.0.1:4000".parse().unwrap());
        assert_eq!(at("[::1]:0"), "[::1]:5000".parse().unwrap());
        assert_eq!(at("127.0.0.1:7"), "127.0.0.1:7".parse().unwrap());
    }
}
