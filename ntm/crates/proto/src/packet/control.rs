//! Control messages inside a tunnel: probes and their answers, signs of life, goodbye.

use core::time::Duration;

use ntm_wire::header::HEADER_LEN;
use ntm_wire::message::{
    KeepAlive, Message, Messages, Probe, ProbeReply, TunnelClose, emit_all, pad_to,
};
use ntm_wire::seal::TAG_LEN;
use ntm_wire::time::{Mono, Now};

use super::compress::FORM_CONTROL;
use super::data::{Arrival, Live, Opened, Tunnel};
use crate::effects::Effects;
use crate::event::{Event, ProbeId, Route};
use crate::handover::path::BASE_PAYLOAD;
use crate::log;

/// A probe the application asked for is lost after this.
pub(super) const PROBE_LOST: Duration = Duration::from_secs(3);
/// Probes are padded so that no reply is longer (section 9).
const PROBE_CONTENT: usize = 32;

/// UDP payload of the least probe there is.
const LEAST_PROBE: usize = HEADER_LEN + 1 + PROBE_CONTENT + TAG_LEN;

/// A probe that the application asked for.
#[derive(Debug)]
pub(super) struct AppProbe {
    pub(super) id: u32,
    pub(super) sent: Mono,
    route: Route,
}

impl Tunnel {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever else there is, is not for this place"
    )]
    pub(super) fn handle_control(
        &mut self,
        now: Now,
        fx: &mut Effects,
        a: Arrival,
        messages: &[u8],
    ) -> Opened {
        let Ok(messages) = Messages::parse_all(messages) else {
            fx.counters.malformed += 1;
            return Opened::Nothing;
        };
        log::opened(&messages);
        for message in messages {
            match message {
                Message::Probe(probe) => self.handle_probe(now, fx, a, &probe),
                Message::ProbeReply(reply) => self.handle_probe_reply(now, fx, a, &reply),
                Message::RekeyRequest(request) => self.answer_rekey(now, fx, &request),
                Message::RekeyResponse(response) => self.finish_rekey(now, fx, &response),
                Message::KeepAlive(_) => {}
                Message::Whereabouts(w) => self.handle_whereabouts(now, fx, &w),
                Message::TunnelClose(_) => return Opened::Closed,
                _ => fx.counters.unexpected += 1,
            }
        }
        Opened::Nothing
    }

    /// What came before by another way comes by one that the peer has answered on: somebody may have passed the
    /// first copy on to steal the tunnel, and the way in use lives (rule 3; RFC 9000, 9.3.3). It is asked; what
    /// is recorded and sent again says nothing by itself, but an answer to a question that is out does.
    pub(super) fn handle_double(&mut self, now: Now, fx: &mut Effects, a: Arrival, content: &[u8]) {
        if let Some(live) = self.live_mut() {
            live.paths.note_double(a.way, now.mono);
        }
        let messages = content.strip_prefix(&[FORM_CONTROL]);
        let messages = messages.and_then(|m| Messages::parse_all(m).ok());
        for message in messages.unwrap_or_default() {
            self.handle_doubled(now.mono, fx, a, &message);
        }
        self.send_probes(now.mono, fx);
    }

    /// Questions and answers count on each way: whoever is quicker than the network takes them all otherwise.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "nothing else says anything of the way it came by"
    )]
    fn handle_doubled(&mut self, now: Mono, fx: &mut Effects, a: Arrival, message: &Message) {
        let Some(live) = self.live_mut() else { return };
        match message {
            Message::ProbeReply(reply) => {
                live.paths.probe_answered(a.way, reply.id, now);
            }
            Message::Probe(probe) if live.paths.may_echo(a.way, now) => {
                self.answer_probe(now, fx, a, probe);
            }
            _ => {}
        }
    }

    fn answer_probe(&mut self, now: Mono, fx: &mut Effects, a: Arrival, probe: &Probe) {
        let Some(attachment) = self.live().map(|l| l.numbers.peer()) else {
            return;
        };
        let reply = ProbeReply {
            id: probe.id,
            observed: a.from,
            attachment,
        };
        self.send_content(now, fx, a.way, &control(&[reply.into()]));
    }

    fn handle_probe(&mut self, now: Now, fx: &mut Effects, a: Arrival, probe: &Probe) {
        self.hear_of(fx, probe.attachment);
        self.answer_probe(now.mono, fx, a, probe);
        if let Some(claim) = probe.claim {
            self.handle_claim(now, fx, a.way, claim);
        }
    }

    /// The peer is attached to a network that it was not attached to before.
    fn hear_of(&mut self, fx: &mut Effects, attachment: u16) {
        if self
            .live_mut()
            .is_some_and(|l| l.numbers.peer_tells(attachment))
        {
            self.look_anew(fx);
        }
    }

    fn handle_probe_reply(&mut self, now: Now, fx: &mut Effects, a: Arrival, reply: &ProbeReply) {
        let Some(live) = self.live_mut() else { return };
        live.numbers.peer_heard(reply.attachment);
        let of_path = !a.is_astray && live.paths.probe_answered(a.way, reply.id, now.mono);
        let mut asked = live.probes.iter();
        let asked = asked
            .position(|p| p.id == reply.id)
            .map(|at| live.probes.swap_remove(at));
        if let Some(p) = &asked {
            fx.event(Event::ProbeAnswered {
                id: ProbeId(p.id),
                rtt: now.mono.since(p.sent),
                route: p.route,
            });
        }
        if !of_path && asked.is_none() {
            fx.counters.unexpected += 1;
        }
        self.choose_path(now, fx);
        if of_path {
            self.note_answered(now.mono);
        }
    }

    /// Measures the round trip over the way in use.
    pub(crate) fn probe(&mut self, now: Mono, fx: &mut Effects) -> Option<ProbeId> {
        let route = self.route()?;
        let id = fx.u32();
        let live = self.live_mut()?;
        live.probes.push(AppProbe {
            id,
            sent: now,
            route,
        });
        let (way, attachment) = (live.paths.current().way, live.numbers.newest());
        let probe = Probe {
            id,
            claim: None,
            attachment,
        };
        self.send_content(now, fx, way, &probe_content(probe, 0));
        Some(ProbeId(id))
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, now: Mono, fx: &mut Effects, reason: u8) {
        self.send_control(now, fx, &[TunnelClose { reason }.into()]);
    }

    /// The peer streams and hears nothing of this end: a sign of life.
    pub(crate) fn send_sign(&mut self, now: Mono, fx: &mut Effects) {
        let (tx, is_reply) = (fx.tx(), false);
        self.send_control(now, fx, &[KeepAlive { tx, is_reply }.into()]);
    }

    pub(crate) fn send_probes(&mut self, now: Mono, fx: &mut Effects) {
        let due = self.live_mut().map(|l| l.paths.probes_due(now));
        for (way, size) in due.unwrap_or_default() {
            let id = fx.u32();
            let Some(live) = self.live_mut() else { return };
            let (claim, is_first) = live.paths.claim_on(way, now);
            // What a claim brings is the credit for the answer (rule 18).
            let size = if is_first {
                size.max(BASE_PAYLOAD)
            } else {
                size
            };
            let affordable = live.paths.afford(way, size, LEAST_PROBE);
            live.paths.probe_sent(way, id, affordable, now);
            let probe = Probe {
                id,
                claim,
                attachment: live.numbers.newest(),
            };
            if let Some(size) = affordable {
                self.send_content(now, fx, way, &probe_content(probe, size));
            }
        }
    }
}

impl Live {
    pub(super) fn lose_probes(&mut self, now: Mono, fx: &mut Effects) {
        let is_lost = |p: &AppProbe| now >= p.sent + PROBE_LOST;
        for probe in self.probes.iter().filter(|p| is_lost(p)) {
            fx.event(Event::ProbeLost(ProbeId(probe.id)));
        }
        self.probes.retain(|p| !is_lost(p));
    }
}

pub(super) fn control(messages: &[Message]) -> Vec<u8> {
    log::sealed(messages);
    let mut content = vec![FORM_CONTROL];
    content.extend(emit_all(messages));
    content
}

/// A probe that makes a datagram of `size` bytes, or the least there is.
fn probe_content(probe: Probe, size: usize) -> Vec<u8> {
    let mut content = control(&[probe.into()]);
    pad_to(
        &mut content,
        size.saturating_sub(HEADER_LEN + TAG_LEN).max(PROBE_CONTENT),
    );
    content
}
