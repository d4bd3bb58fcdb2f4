//! Opening a link: LinkHello and LinkAccept (Noise KK).

use ntm_wire::addr::RealAddr;
use ntm_wire::header::{Datagram, Header, PacketType};
use ntm_wire::id::TxId;
use ntm_wire::key::{KeyPair, ServerKey};
use ntm_wire::message::{Message, emit_all};
use ntm_wire::noise::{Handshake, link_initiator, link_responder};
use ntm_wire::time::Now;

use super::{Asked, LINK_HELLO_ROOM, MAX_ASKED, Mark};
use crate::coordinator::{Coordinator, Owner, To};
use crate::retry::RTO;
use crate::session::{Session, Trust};

impl Coordinator {
    /// Opens a link, with the request `first` and as many others as fit.
    pub(super) fn say_link_hello(&mut self, now: Now, index: usize, first: TxId) {
        let waiting = self.links.waiting(index, first);
        let Some(link) = self.links.list.get_mut(index) else {
            return;
        };
        let is_under_way = link
            .asked
            .back()
            .is_some_and(|a| now.mono.since(a.at) < RTO);
        let Some(to) = link.next_address().filter(|_| !is_under_way) else {
            return;
        };
        let sid = self.fx.u64();
        let (carried, content) = fill(waiting);
        let Some((datagram, handshake)) =
            link_hello(self.fx.bytes(), &self.config.key, &link.key, sid, &content)
        else {
            return;
        };
        link.asked.push_back(Asked {
            sid,
            at: now.mono,
            handshake,
            carried,
        });
        let forgotten = if link.asked.len() > MAX_ASKED {
            link.asked.pop_front()
        } else {
            None
        };
        self.forget_sessions(forgotten.map(|a| a.sid));
        self.owners.insert(sid, Owner::Link(index));
        self.fx.counters.sent.link_hellos += 1;
        self.fx.send(to, datagram);
    }

    /// A server opens a link to us.
    pub(crate) fn handle_link_hello(&mut self, now: Now, from: RealAddr, d: &Datagram<&mut [u8]>) {
        let Some(index) = self.links.by_selector.get(&d.selector()).copied() else {
            self.fx.counters.dropped.unknown_server += 1;
            return;
        };
        let Some(mark) = d.body().first_chunk().map(|e| (d.counter(), *e)) else {
            self.fx.counters.dropped.malformed += 1;
            return;
        };
        if let Some(accept) = self.links.list[index].accept_of(&mark) {
            self.fx.counters.duplicates += 1;
            self.fx.send(from, accept);
            return;
        }
        if !self.doors.sources.allow(from, now.mono) {
            self.fx.counters.dropped.rate_limited += 1;
            return;
        }
        self.open_link(now, from, index, mark, d);
    }

    fn open_link(
        &mut self,
        now: Now,
        from: RealAddr,
        index: usize,
        mark: Mark,
        d: &Datagram<&mut [u8]>,
    ) {
        let (seed, key) = (self.fx.bytes(), self.links.list[index].key);
        let opened = link_responder(seed, &self.config.key, &key, &prologue(&d.header()))
            .and_then(|mut h| h.read(d.body()).map(|content| (h, content)));
        let Ok((mut handshake, content)) = opened else {
            self.fx.counters.dropped.bad_seal += 1;
            return;
        };
        let Some(messages) = self.parse(&content) else {
            return;
        };
        let is_first = !self.links.list[index].sessions.is_open();
        if is_first {
            self.links.list[index].live = Some(from);
        }
        messages
            .into_iter()
            .for_each(|m| self.handle_link_message(now, index, m));
        let replies = self.take_replies(To::Link(index), LINK_HELLO_ROOM);
        let sid = self.fx.u64();
        let header = Header {
            kind: PacketType::LinkAccept,
            selector: d.counter(),
            counter: sid,
        };
        let Ok(noise) = handshake.write(&replies) else {
            return;
        };
        let accept = [header.emit(), noise].concat();
        if let Ok(keys) = handshake.finish() {
            self.install_link(
                index,
                Session::new(sid, d.counter(), &keys),
                sid,
                Trust::Unproven,
            );
        }
        self.links.list[index].keep_accept(mark, accept.clone());
        self.fx.counters.sent.link_accepts += 1;
        self.fx.send(from, accept);
    }

    /// A server took the link we asked for.
    pub(crate) fn handle_link_accept(&mut self, now: Now, from: RealAddr, d: &Datagram<&mut [u8]>) {
        let Some(Owner::Link(index)) = self.owners.get(&d.selector()).copied() else {
            self.fx.counters.dropped.unknown_session += 1;
            return;
        };
        let link = &mut self.links.list[index];
        let Some(at) = link.asked.iter().position(|a| a.sid == d.selector()) else {
            self.fx.counters.dropped.replayed += 1;
            return;
        };
        let Ok(content) = link.asked[at].handshake.read(d.body()) else {
            self.fx.counters.dropped.bad_seal += 1;
            return;
        };
        let Some(Asked {
            sid,
            mut handshake,
            carried,
            ..
        }) = link.asked.remove(at)
        else {
            return;
        };
        link.live = Some(from);
        if let Ok(keys) = handshake.finish() {
            self.install_link(
                index,
                Session::new(sid, d.counter(), &keys),
                sid,
                Trust::Fresh,
            );
        }
        carried
            .iter()
            .for_each(|tx| self.links.acknowledged(now.mono, index, *tx));
        for (tx, message) in self.links.waiting(index, TxId(0)) {
            if !carried.contains(&tx) {
                self.tell(To::Link(index), message);
            }
        }
        if let Some(messages) = self.parse(&content) {
            messages
                .into_iter()
                .for_each(|m| self.handle_link_message(now, index, m));
        }
    }

    fn install_link(&mut self, index: usize, session: Session, sid: u64, trust: Trust) {
        self.owners.insert(sid, Owner::Link(index));
        let dead = self.links.list[index].sessions.install(session, trust);
        self.forget_sessions(dead);
    }
}

fn link_hello(
    seed: [u8; 32],
    own: &KeyPair,
    peer: &ServerKey,
    sid: u64,
    content: &[u8],
) -> Option<(Vec<u8>, Handshake)> {
    let header = Header {
        kind: PacketType::LinkHello,
        selector: own.server().selector(),
        counter: sid,
    };
    let mut handshake = link_initiator(seed, own, peer, &prologue(&header)).ok()?;
    let noise = handshake.write(content).ok()?;
    Some(([header.emit(), noise].concat(), handshake))
}

fn prologue(header: &Header) -> Vec<u8> {
    [b"ntm link 1".as_slice(), &header.emit()].concat()
}

/// As many messages as a LinkHello takes.
fn fill(messages: Vec<(TxId, Message)>) -> (Vec<TxId>, Vec<u8>) {
    let (mut carried, mut content) = (Vec::new(), Vec::new());
    for (tx, message) in messages {
        let bytes = emit_all(core::slice::from_ref(&message));
        if content.len() + bytes.len() <= LINK_HELLO_ROOM {
            tracing::trace!(kind = ?message.kind(), "sealed");
            content.extend(bytes);
            carried.push(tx);
        }
    }
    (carried, content)
}
