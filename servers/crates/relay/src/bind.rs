//! Bind packets: a token is presented, for a leg or for a measurement (rules 2 and 8).

use ntm_wire::addr::RealAddr;
use ntm_wire::codec::Codec;
use ntm_wire::header::{Datagram, HEADER_LEN, Header, PADDED_LEN, PacketType};
use ntm_wire::id::PathId;
use ntm_wire::kdf::hmac_sha256;
use ntm_wire::key::SecretKey;
use ntm_wire::message::{BindStatus, LegBind, LegBindResponse, Message, Probe, ProbeReply};
use ntm_wire::noise::open_at_server;
use ntm_wire::seal::seal_salted;
use ntm_wire::time::Now;
use ntm_wire::token::{Grant, RelayToken, SealedToken};

use crate::counters::DropReason;
use crate::leg::{Addresses, Ids, Leg, Place};
use crate::limit::Bucket;
use crate::log;
use crate::relay::Relay;

/// Without state, a bind's counter must be this close to the server's clock, in milliseconds: an older
/// bind may be a replay from before a restart.
const CLOCK_WINDOW_MS: u64 = 30_000;

/// A bind whose token and HMAC are right.
struct Authentic {
    from: RealAddr,
    len: usize,
    counter: u64,
    token: RelayToken,
    token_ids: Ids,
    /// Those of the attachment that it comes from.
    ids: Ids,
    kbps: u32,
    dc: usize,
}

impl Authentic {
    fn place(&self) -> Place {
        Place {
            addr: self.from,
            ids: self.ids,
        }
    }
}

/// What a bind comes to, and the counter to answer with.
type Verdict = (BindStatus, u64);

impl Relay {
    /// A Bind packet arrived.
    pub(crate) fn handle_bind(
        &mut self,
        now: Now,
        from: RealAddr,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        let content = self.open_bind(now, from, datagram)?;
        let messages = log::opened(&content).map_err(|_| DropReason::BadBind)?;
        match messages.as_slice() {
            [Message::LegBind(bind)] => self.bind_leg(now, from, datagram.len(), bind),
            [Message::Measure(m), Message::Probe(probe)] => {
                self.measure(now, from, &m.token, probe)
            }
            _ => Err(DropReason::BadBind),
        }
    }

    fn open_bind(
        &mut self,
        now: Now,
        from: RealAddr,
        datagram: &[u8],
    ) -> Result<Vec<u8>, DropReason> {
        let d = Datagram::new_checked(datagram).map_err(|_| DropReason::Malformed)?;
        if d.selector() != self.selector {
            return Err(DropReason::BadBind);
        }
        if datagram.len() < PADDED_LEN {
            return Err(DropReason::Unpadded);
        }
        self.challenge(now, from, &d)?;
        self.allow_handshake(now, from)?;
        let prologue = [b"ntm bind 1", &datagram[..HEADER_LEN]].concat();
        open_at_server(&self.key, &prologue, d.body()).map_err(|_| DropReason::BadBind)
    }

    /// Opening costs a Diffie-Hellman, so strangers get so many and no more.
    pub(crate) fn allow_handshake(&mut self, now: Now, from: RealAddr) -> Result<(), DropReason> {
        let source = self.source_key.of_network(&from);
        let allowed = self.bind_limit.take(now.mono, source);
        allowed.then_some(()).ok_or(DropReason::BindLimited)
    }

    fn open_token(&self, sealed: &SealedToken) -> Result<(RelayToken, usize), DropReason> {
        let id = RelayToken::key_id(sealed).ok_or(DropReason::BadToken)?;
        let (link, dc) = self.token_keys.get(&id).ok_or(DropReason::BadToken)?;
        let token = RelayToken::open(sealed, link).map_err(|_| DropReason::BadToken)?;
        if token.rs != self.rs {
            return Err(DropReason::BadToken);
        }
        Ok((token, *dc))
    }

    fn bind_leg(
        &mut self,
        now: Now,
        from: RealAddr,
        len: usize,
        bind: &LegBind,
    ) -> Result<(), DropReason> {
        let bind = self.authenticate(from, len, bind)?;
        let (status, counter) = self.judge(now, &bind)?;
        tracing::debug!(path = %bind.token_ids.from_node, ?status, "leg bind");
        if status == BindStatus::Bound {
            self.answer_bound(now, from, bind.token_ids.from_node);
        } else {
            let response = LegBindResponse {
                status,
                counter,
                rs_time_ms: now.wall.as_millis(),
                observed: from,
                cookie: [0; 16],
            };
            let salt = self.fx.salt();
            let answer = leg_datagram(
                &bind.token.leg_key,
                bind.ids.to_node.0,
                salt,
                &[response.into()],
            );
            self.fx.send(from, answer);
        }
        Ok(())
    }

    fn authenticate(
        &self,
        from: RealAddr,
        len: usize,
        bind: &LegBind,
    ) -> Result<Authentic, DropReason> {
        let (token, dc) = self.open_token(&bind.token)?;
        let (token_ids, kbps) = match token.grant {
            Grant::Leg {
                from_node,
                to_node,
                limit_kbps,
            } if from_node != to_node => (Ids { from_node, to_node }, limit_kbps),
            Grant::Leg { .. } | Grant::Measure { .. } => return Err(DropReason::BadToken),
        };
        let is_family = bind.is_ipv6 != from.is_ipv4();
        if !is_family || !bind.is_authentic(self.rs, &token.leg_key) {
            return Err(DropReason::BadMac);
        }
        let counter = bind.counter;
        let ids = token_ids.of(&token.leg_key, bind.attachment);
        Ok(Authentic {
            from,
            len,
            counter,
            token,
            token_ids,
            ids,
            kbps,
            dc,
        })
    }

    fn judge(&mut self, now: Now, bind: &Authentic) -> Result<Verdict, DropReason> {
        let is_revoked = |path| self.revoked.contains(bind.dc, path);
        if is_revoked(bind.token_ids.from_node) || is_revoked(bind.token_ids.to_node) {
            self.fx.counters.expired += 1;
            return Ok((BindStatus::Expired, bind.counter));
        }
        let name = bind.token_ids.from_node;
        if self.legs.by_name_mut(name).is_some() {
            self.bind_again(now, bind)
        } else {
            Ok(self.bind_first(now, bind))
        }
    }

    /// A leg that stands moves only on a higher counter; the token's expiry does not matter any more.
    fn bind_again(&mut self, now: Now, bind: &Authentic) -> Result<Verdict, DropReason> {
        let rate = self.dcs[bind.dc].rate(bind.kbps);
        let name = bind.token_ids.from_node;
        let leg = self.legs.by_name_mut(name);
        let leg = leg.filter(|leg| leg.dc == bind.dc && leg.token_ids == bind.token_ids);
        let leg = leg.ok_or(DropReason::PathTaken)?;
        let is_repeat = bind.counter == leg.counter && leg.addresses.is_bound_to(bind.from);
        if bind.counter <= leg.counter && !is_repeat {
            self.fx.counters.stale += 1;
            return Ok((BindStatus::Stale, leg.counter));
        }
        if is_repeat {
            self.fx.counters.repeats += 1;
        } else {
            self.fx.counters.rebound += 1;
        }
        self.legs.change(name, |leg| {
            leg.addresses.bind(now.mono, bind.place(), bind.len);
            leg.counter = bind.counter;
            leg.key = bind.token.leg_key.clone();
            (leg.token_kbps, leg.rate) = (bind.kbps, rate);
            leg.last_heard = now.mono;
        });
        Ok((BindStatus::Bound, bind.counter))
    }

    fn bind_first(&mut self, now: Now, bind: &Authentic) -> Verdict {
        let counters = &mut self.fx.counters;
        let status = if now.wall >= bind.token.expires {
            counters.expired += 1;
            BindStatus::Expired
        } else if now.wall.as_millis().abs_diff(bind.counter) > CLOCK_WINDOW_MS {
            counters.clock_off += 1;
            BindStatus::ClockOff
        } else if self.is_draining || self.dcs[bind.dc].is_draining || self.legs.is_full() {
            counters.refused += 1;
            BindStatus::Draining
        } else {
            counters.bound += 1;
            self.add_leg(now, bind);
            BindStatus::Bound
        };
        (status, bind.counter)
    }

    fn add_leg(&mut self, now: Now, bind: &Authentic) {
        self.legs.insert(Leg {
            addresses: Addresses::new(now.mono, bind.place(), bind.len),
            peer: None,
            rate: self.dcs[bind.dc].rate(bind.kbps),
            bucket: Bucket::default(),
            last_heard: now.mono,
            token_ids: bind.token_ids,
            counter: bind.counter,
            token_kbps: bind.kbps,
            dc: bind.dc,
            key: bind.token.leg_key.clone(),
        });
        self.legs_changed(now);
    }

    /// Tells the node at `to` that its leg is bound, with the cookie for that address.
    #[cold]
    pub(crate) fn answer_bound(&mut self, now: Now, to: RealAddr, name: PathId) {
        let Some(leg) = self.legs.by_name_mut(name) else {
            return;
        };
        let response = LegBindResponse {
            status: BindStatus::Bound,
            counter: leg.counter,
            rs_time_ms: now.wall.as_millis(),
            observed: to,
            cookie: cookie(&self.cookie_key, name, leg.counter, to),
        };
        let selector = leg.selector_at(to);
        let answer = leg_datagram(&leg.key, selector, self.fx.salt(), &[response.into()]);
        if leg.addresses.may_answer(to, answer.len()) {
            self.fx.send(to, answer);
        }
    }

    /// Answers a probe on a measure token, once.
    fn measure(
        &mut self,
        now: Now,
        from: RealAddr,
        token: &SealedToken,
        probe: &Probe,
    ) -> Result<(), DropReason> {
        let (token, _) = self.open_token(token)?;
        let id = match token.grant {
            Grant::Measure { id } if now.wall < token.expires => id,
            Grant::Measure { .. } | Grant::Leg { .. } => return Err(DropReason::BadToken),
        };
        if !self.measured.is_new((id, probe.id)) {
            return Err(DropReason::MeasureReplayed);
        }
        let reply = ProbeReply {
            id: probe.id,
            observed: from,
            attachment: 0,
        };
        let answer = leg_datagram(&token.leg_key, id, self.fx.salt(), &[reply.into()]);
        self.fx.counters.measured += 1;
        self.fx.send(from, answer);
        Ok(())
    }
}

/// Proves an address when it comes back from there; needs no state.
pub(crate) fn cookie(key: &SecretKey, name: PathId, counter: u64, addr: RealAddr) -> [u8; 16] {
    let parts = [
        &name.0.to_be_bytes()[..],
        &counter.to_be_bytes(),
        &addr.emit(),
    ];
    let mac = hmac_sha256(key, &parts);
    mac.first_chunk().copied().unwrap_or_default()
}

/// A Leg packet for a node.
pub(crate) fn leg_datagram(
    key: &SecretKey,
    selector: u64,
    salt: [u8; ntm_wire::seal::SALT_LEN],
    messages: &[Message],
) -> Vec<u8> {
    let header = Header {
        kind: PacketType::Leg,
        selector,
        counter: 0,
    };
    let mut out = header.emit();
    let content = log::sealed(messages);
    let aad = [header.first_byte()];
    out.extend(seal_salted(key, "ntm leg to node", salt, &aad, &content));
    out
}
