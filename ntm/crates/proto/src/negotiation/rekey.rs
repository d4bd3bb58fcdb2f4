//! Rekeying inside the tunnel (rule 4): the lower node id asks, nothing is lost on the way.

use core::time::Duration;

use ntm_wire::key::{KeyPair, SecretKey};
use ntm_wire::message::{RekeyRequest, RekeyResponse};
use ntm_wire::noise::{Handshake, tunnel_initiator, tunnel_responder};
use ntm_wire::time::{Mono, Now};

use super::retry::{Due, Retry};
use crate::effects::Effects;
use crate::packet::data::{Live, Tunnel};

/// Keys are renewed after this time.
const REKEY_AFTER: Duration = Duration::from_secs(600);
/// Or after so many packets: far below the 2^32 that AES-GCM allows with any margin.
const REKEY_PACKETS: u64 = 1 << 28;
/// After a rekeying that failed.
const REKEY_AGAIN: Duration = Duration::from_secs(60);

/// A rekeying under way, or the answer to the last.
#[derive(Debug, Default)]
pub(crate) struct Rekey {
    asked: Option<Asked>,
    answered: Option<(RekeyRequest, RekeyResponse)>,
    not_before: Option<Mono>,
    /// This end's key pair and whether this end asks.
    own: Option<(KeyPair, bool)>,
}

#[derive(Debug)]
struct Asked {
    request: RekeyRequest,
    handshake: Handshake,
    retry: Retry,
}

impl Rekey {
    pub(crate) fn new(own: KeyPair, asks: bool) -> Self {
        Self {
            own: Some((own, asks)),
            ..Self::default()
        }
    }
}

impl Live {
    /// When the next rekeying is due, or its retransmission.
    pub(crate) fn rekey_due(&self, asks: bool) -> Mono {
        if !asks {
            return Mono::from_micros(u64::MAX);
        }
        if let Some(asked) = &self.rekey.asked {
            return asked.retry.next();
        }
        let (since, packets) = self.keys.age();
        let due = if packets >= REKEY_PACKETS {
            since
        } else {
            since + REKEY_AFTER
        };
        self.rekey.not_before.map_or(due, |t| t.max(due))
    }
}

impl Tunnel {
    /// Whether this end has the lower node id, and so asks for new keys.
    pub(crate) fn asks_for_keys(&self) -> bool {
        self.live()
            .and_then(|l| l.rekey.own.as_ref())
            .is_some_and(|(_, asks)| *asks)
    }

    pub(crate) fn rekey_if_due(&mut self, now: Now, fx: &mut Effects) {
        let asks = self.asks_for_keys();
        let Some(live) = self.live_mut() else { return };
        if now.mono < live.rekey_due(asks) {
            return;
        }
        let due = live.rekey.asked.as_mut().map(|a| a.retry.due(now.mono));
        match due {
            None => self.ask_rekey(now, fx),
            Some(Due::Wait) => {}
            Some(Due::Again) => self.send_rekey(now.mono, fx),
            Some(Due::GiveUp) => {
                live.rekey.asked = None;
                live.rekey.not_before = Some(now.mono + REKEY_AGAIN);
            }
        }
    }

    fn ask_rekey(&mut self, now: Now, fx: &mut Effects) {
        let Some((own, psk, epoch)) = self.rekey_material() else {
            return;
        };
        let prologue = self.rekey_prologue(epoch);
        let handshake = tunnel_initiator(fx.seed(), &own, &self.peer_identity, &psk, &prologue);
        let written = handshake.and_then(|mut h| h.write(&[]).map(|noise| (h, noise)));
        let (Ok((handshake, noise)), Some(live)) = (written, self.live_mut()) else {
            return;
        };
        let request = RekeyRequest {
            key_epoch: epoch,
            noise,
        };
        live.rekey.asked = Some(Asked {
            request,
            handshake,
            retry: Retry::new(now.mono, None),
        });
        self.send_rekey(now.mono, fx);
    }

    fn send_rekey(&mut self, now: Mono, fx: &mut Effects) {
        let request = self
            .live()
            .and_then(|l| l.rekey.asked.as_ref())
            .map(|a| a.request.clone());
        if let Some(request) = request {
            self.send_control(now, fx, &[request.into()]);
        }
    }

    /// The other end asks; a double gets the cached answer.
    pub(crate) fn answer_rekey(&mut self, now: Now, fx: &mut Effects, request: &RekeyRequest) {
        let cached = self
            .live()
            .and_then(|l| l.rekey.answered.clone())
            .filter(|(q, _)| q == request);
        if let Some((_, response)) = cached {
            return self.send_control(now.mono, fx, &[response.into()]);
        }
        let Some((own, psk, epoch)) = self
            .rekey_material()
            .filter(|(_, _, e)| *e == request.key_epoch)
        else {
            fx.counters.unexpected += 1;
            return;
        };
        let prologue = self.rekey_prologue(epoch);
        let handshake = tunnel_responder(fx.seed(), &own, &self.peer_identity, &psk, &prologue);
        let answered = handshake.and_then(|mut h| {
            h.read(&request.noise)?;
            let noise = h.write(&[])?;
            Ok((h.finish()?, noise))
        });
        let Ok((keys, noise)) = answered else {
            fx.counters.bad_seal += 1;
            return;
        };
        let response = RekeyResponse {
            key_epoch: epoch,
            noise,
        };
        self.send_control(now.mono, fx, &[response.clone().into()]);
        if let Some(live) = self.live_mut() {
            live.rekey.answered = Some((request.clone(), response));
            live.keys.install(epoch, &keys, true, now.mono);
            live.stats.rekeys += 1;
        }
    }

    /// The answer came: both ends have the new keys.
    pub(crate) fn finish_rekey(&mut self, now: Now, fx: &mut Effects, response: &RekeyResponse) {
        let Some(live) = self.live_mut() else { return };
        let Some(mut asked) = live
            .rekey
            .asked
            .take_if(|a| a.request.key_epoch == response.key_epoch)
        else {
            fx.counters.unexpected += 1;
            return;
        };
        let keys = asked
            .handshake
            .read(&response.noise)
            .and_then(|_| asked.handshake.finish());
        let Ok(keys) = keys else {
            fx.counters.bad_seal += 1;
            return;
        };
        live.keys
            .install(response.key_epoch, &keys, false, now.mono);
        live.stats.rekeys += 1;
        // The other end switches when it sees the new epoch: show it at once.
        let hello = ntm_wire::message::KeepAlive {
            tx: fx.tx(),
            is_reply: false,
        };
        self.send_control(now.mono, fx, &[hello.into()]);
    }

    fn rekey_material(&self) -> Option<(KeyPair, SecretKey, u8)> {
        let live = self.live()?;
        let (own, _) = live.rekey.own.clone()?;
        Some((own, live.keys.rekey_psk(), live.keys.next_epoch()))
    }

    /// The same at both ends: the caller's prologue says who is who.
    fn rekey_prologue(&self, epoch: u8) -> Vec<u8> {
        [b"ntm rekey 1".as_slice(), &self.prologue, &[epoch]].concat()
    }
}
