//! What comes over the links: the DCs' orders, and their answers.

use ntm_wire::addr::RealAddr;
use ntm_wire::header::Datagram;
use ntm_wire::id::PathId;
use ntm_wire::message::{KeepAlive, Message, RelayDirectionResponse, RelayOrder};
use ntm_wire::time::Now;

use crate::counters::DropReason;
use crate::event::Event;
use crate::limit::Rate;
use crate::link::Link;
use crate::relay::Relay;

/// One DC: the link to it, and what it has ordered.
pub(crate) struct Dc {
    pub(crate) link: Link,
    pub(crate) is_draining: bool,
    kbps: u32,
}

impl Dc {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link,
            is_draining: false,
            kbps: 0,
        }
    }

    /// The rate of a leg whose token says so much: the lower of that and the DC's order.
    pub(crate) fn rate(&self, token_kbps: u32) -> Option<Rate> {
        let limits = [token_kbps, self.kbps].into_iter().filter(|k| *k > 0);
        limits.min().and_then(Rate::from_kbps)
    }
}

impl Relay {
    /// A Control packet arrived.
    pub(crate) fn handle_control(
        &mut self,
        now: Now,
        from: RealAddr,
        d: Datagram<&mut [u8]>,
    ) -> Result<(), DropReason> {
        let dc = self.dc_with_session(d.selector())?;
        let messages = self.dcs[dc].link.open(d)?;
        self.handle_link_messages(now, from, dc, messages)
    }

    /// A LinkAccept arrived.
    pub(crate) fn handle_link_accept(
        &mut self,
        now: Now,
        from: RealAddr,
        d: &Datagram<&mut [u8]>,
    ) -> Result<(), DropReason> {
        let dc = self.dc_with_session(d.selector())?;
        let messages = self.dcs[dc].link.handle_accept(d)?;
        self.handle_link_messages(now, from, dc, messages)
    }

    /// A LinkHello arrived.
    pub(crate) fn handle_link_hello(
        &mut self,
        now: Now,
        from: RealAddr,
        d: &Datagram<&mut [u8]>,
    ) -> Result<(), DropReason> {
        let dc = self
            .dcs
            .iter()
            .position(|dc| dc.link.has_selector(d.selector()));
        let dc = dc.ok_or(DropReason::BadLink)?;
        let accept = match self.dcs[dc].link.accept_again(d) {
            Some(accept) => accept,
            None => {
                self.allow_handshake(now, from)?;
                self.dcs[dc].link.handle_hello(&self.key, d, &mut self.fx)?
            }
        };
        self.fx.send(from, accept);
        Ok(())
    }

    fn dc_with_session(&self, sid: u64) -> Result<usize, DropReason> {
        let dc = self.dcs.iter().position(|dc| dc.link.has_session(sid));
        dc.ok_or(DropReason::BadLink)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "no other message is for a relay"
    )]
    fn handle_link_messages(
        &mut self,
        now: Now,
        from: RealAddr,
        dc: usize,
        messages: Vec<Message>,
    ) -> Result<(), DropReason> {
        let mut replies = Vec::new();
        let mut all_due = true;
        for message in messages {
            match message {
                Message::RelayDirection(direction) => {
                    self.obey(now, dc, direction.order);
                    replies.push(RelayDirectionResponse { tx: direction.tx }.into());
                }
                Message::KeepAlive(KeepAlive { tx, is_reply: true }) => {
                    self.dcs[dc].link.answered(now.mono, tx, &mut self.fx);
                }
                Message::KeepAlive(KeepAlive {
                    tx,
                    is_reply: false,
                }) => {
                    replies.push(KeepAlive { tx, is_reply: true }.into());
                }
                _ => all_due = false,
            }
        }
        self.dcs[dc].link.say(from, &replies, &mut self.fx);
        all_due.then_some(()).ok_or(DropReason::BadLink)
    }

    /// Every order may come twice.
    fn obey(&mut self, now: Now, dc: usize, order: RelayOrder) {
        tracing::debug!(dc = %self.dcs[dc].link.key(), ?order, "order");
        match order {
            RelayOrder::Limit { kbps } => {
                self.dcs[dc].kbps = kbps;
                let ordered = &self.dcs[dc];
                self.legs.limit(dc, |token_kbps| ordered.rate(token_kbps));
            }
            RelayOrder::Drain => self.drain_for(now, dc),
            RelayOrder::Revoke { path } => self.revoke(now, dc, path),
        }
    }

    fn drain_for(&mut self, now: Now, dc: usize) {
        let dc = &mut self.dcs[dc];
        if !dc.is_draining {
            dc.is_draining = true;
            let key = dc.link.key();
            self.fx.event(Event::Draining { dc: Some(key) });
            dc.link.nudge(now.mono);
        }
    }

    fn revoke(&mut self, now: Now, dc: usize, path: PathId) {
        let ids = self.legs.path_ids(dc, path).unwrap_or([path, path]);
        for id in ids {
            self.revoked.insert(now.wall, dc, id);
            let is_own = self.legs.by_name_mut(id).is_some_and(|leg| leg.dc == dc);
            if is_own && self.legs.remove(id).is_some() {
                self.fx.counters.revoked += 1;
            }
        }
        self.legs_changed(now);
    }
}
