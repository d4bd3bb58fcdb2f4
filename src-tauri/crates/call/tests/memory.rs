//! A network in memory for telephones on tokio's (paused) clock.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ntm::wire::fqdn::Fqdn;
use tokio::sync::mpsc;
use voice_call::core::{Device, EndReason, Event};
use voice_call::overlay::{Datagrams, News, Overlay};
use voice_call::{Events, Notice, Phone, PhoneConfig};

use crate::bench::device;

type Packet = (Vec<u8>, SocketAddr);

/// Devices and what lies between.
#[derive(Default)]
pub(crate) struct Network {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    devices: Vec<Device>,
    sockets: BTreeMap<SocketAddr, mpsc::UnboundedSender<Packet>>,
    news: Vec<(IpAddr, mpsc::UnboundedSender<News>)>,
    /// Nothing goes from or to these.
    cut: Vec<IpAddr>,
    /// SIP datagrams sent, by first line.
    sip: Vec<String>,
    /// Every n-th datagram is lost; 0: none.
    lose_every: u64,
    count: u64,
}

impl Network {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A telephone at a new device.
    pub(crate) async fn phone(self: &Arc<Self>, full: &str) -> (Phone, Events) {
        let overlay = self.join(full);
        Phone::start(PhoneConfig::over(overlay)).await.unwrap()
    }

    pub(crate) fn join(self: &Arc<Self>, full: &str) -> Arc<dyn Overlay> {
        let mut state = self.state.lock().unwrap();
        let n = u8::try_from(state.devices.len() + 1).unwrap();
        let own = device(n, full);
        state.devices.push(own.clone());
        let network = Arc::clone(self);
        Arc::new(Host { network, own })
    }

    pub(crate) fn ip(&self, n: usize) -> IpAddr {
        self.state.lock().unwrap().devices[n].v6.into()
    }

    pub(crate) fn cut(&self, n: usize) {
        let ip = self.ip(n);
        self.state.lock().unwrap().cut.push(ip);
    }

    /// The ways are back, and the overlay says so.
    pub(crate) fn mend(&self) {
        let mut state = self.state.lock().unwrap();
        state.cut.clear();
        let devices = state.devices.clone();
        for (own, tell) in &state.news {
            for device in devices.iter().filter(|d| !d.owns(*own)) {
                let _ = tell.send(News::Restored(device.clone()));
            }
        }
    }

    pub(crate) fn lose_every(&self, n: u64) {
        self.state.lock().unwrap().lose_every = n;
    }

    pub(crate) fn sip(&self) -> Vec<String> {
        self.state.lock().unwrap().sip.clone()
    }

    pub(crate) fn sockets(&self) -> usize {
        self.state.lock().unwrap().sockets.len()
    }

    fn send(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let mut state = self.state.lock().unwrap();
        if from.port() == 5060 {
            let text = String::from_utf8_lossy(bytes);
            let title = text.lines().next().unwrap_or_default().to_owned();
            state.sip.push(title);
        }
        state.count += 1;
        let lost = state.lose_every > 0 && state.count.is_multiple_of(state.lose_every);
        let cut = state.cut.contains(&from.ip()) || state.cut.contains(&to.ip());
        if lost || cut {
            return;
        }
        if let Some(socket) = state.sockets.get(&to).cloned() {
            let packet = (bytes.to_vec(), from);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let _ = socket.send(packet);
            });
        }
    }
}

struct Host {
    network: Arc<Network>,
    own: Device,
}

#[async_trait]
impl Overlay for Host {
    async fn own(&self) -> io::Result<Device> {
        Ok(self.own.clone())
    }

    async fn find(&self, name: &Fqdn) -> Result<Vec<Device>, EndReason> {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let state = self.network.state.lock().unwrap();
        let is_it = |d: &&Device| d.name == *name || d.account() == *name;
        let found: Vec<Device> = state.devices.iter().filter(is_it).cloned().collect();
        if found.is_empty() {
            return Err(EndReason::NoSuchPerson);
        }
        Ok(found)
    }

    async fn who(&self, ip: IpAddr) -> Option<Device> {
        let state = self.network.state.lock().unwrap();
        state.devices.iter().find(|d| d.owns(ip)).cloned()
    }

    async fn bind(&self, port: u16) -> io::Result<Arc<dyn Datagrams>> {
        let local = SocketAddr::new(self.own.v6.into(), port);
        let mut state = self.network.state.lock().unwrap();
        if state.sockets.contains_key(&local) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (sender, inbox) = mpsc::unbounded_channel();
        state.sockets.insert(local, sender);
        let network = Arc::clone(&self.network);
        let inbox = tokio::sync::Mutex::new(inbox);
        Ok(Arc::new(Socket {
            network,
            local,
            inbox,
        }))
    }

    fn news(&self) -> mpsc::UnboundedReceiver<News> {
        let (tell, news) = mpsc::unbounded_channel();
        let mut state = self.network.state.lock().unwrap();
        state.news.push((self.own.v6.into(), tell));
        news
    }
}

struct Socket {
    network: Arc<Network>,
    local: SocketAddr,
    inbox: tokio::sync::Mutex<mpsc::UnboundedReceiver<Packet>>,
}

#[async_trait]
impl Datagrams for Socket {
    async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let packet = self.inbox.lock().await.recv().await;
        Ok(copy(&packet.ok_or(io::ErrorKind::BrokenPipe)?, buf))
    }

    async fn send_to(&self, buf: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.try_send_to(buf, to)
    }

    fn try_send_to(&self, buf: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.network.send(self.local, to, buf);
        Ok(buf.len())
    }

    fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let mut inbox = self
            .inbox
            .try_lock()
            .map_err(|_| io::ErrorKind::WouldBlock)?;
        let packet = inbox.try_recv().map_err(|_| io::ErrorKind::WouldBlock)?;
        Ok(copy(&packet, buf))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.network
            .state
            .lock()
            .unwrap()
            .sockets
            .remove(&self.local);
    }
}

fn copy((bytes, from): &Packet, buf: &mut [u8]) -> (usize, SocketAddr) {
    let len = bytes.len().min(buf.len());
    buf[..len].copy_from_slice(&bytes[..len]);
    (len, *from)
}

/// Waits for an event that `pick` takes; others are passed over.
pub(crate) async fn until<T>(events: &mut Events, pick: impl Fn(&Notice) -> Option<T>) -> T {
    let found = async {
        loop {
            let notice = events.next().await.expect("the telephone runs");
            if let Some(found) = pick(&notice) {
                return found;
            }
            if let Event::Ended { reason, .. } = notice.event {
                panic!("ended: {reason:?}");
            }
        }
    };
    let patience = Duration::from_secs(120);
    tokio::time::timeout(patience, found)
        .await
        .expect("something happens")
}
