//! Measuring the relays of the DC, before any tunnel (rule 8): round trips, and this node's addresses as
//! they see them.

use core::time::Duration;

use ntm_wire::addr::RealAddr;
use ntm_wire::header::Datagram;
use ntm_wire::id::RsId;
use ntm_wire::key::SecretKey;
use ntm_wire::message::{Measure, Message, Messages, Probe, RelayInfo};
use ntm_wire::seal::open_salted;
use ntm_wire::time::Mono;

use super::bind::Asked;
use super::candidates::Sighting;
use super::reach::Reach;
use crate::effects::Effects;
use crate::handover::locals::{Attachment, Port};
use crate::log;
use crate::node::Node;
use crate::status::Sight;

/// A relay that does not answer is asked again after this, twice.
const AGAIN: Duration = Duration::from_millis(650);
/// One that has not answered by then is reported without a measurement.
const WAIT: Duration = Duration::from_secs(2);

/// One round of questions.
#[derive(Debug, Default)]
pub(crate) struct Measurements {
    all: Vec<Measurement>,
    again_at: Option<Mono>,
    report_at: Option<Mono>,
}

#[derive(Debug)]
struct Measurement {
    rs: RsId,
    id: u64,
    key: SecretKey,
    to: RealAddr,
    asked: Asked,
    /// Probes sent, and when: a late answer is measured from its own question.
    probes: Vec<(u32, Mono)>,
    rtt: Option<Duration>,
    /// What this node's questions leave from.
    from: Option<Attachment>,
    /// This node's address as the relay saw it.
    observed: Option<RealAddr>,
}

impl Measurements {
    pub(crate) fn rtt_of(&self, rs: RsId) -> Option<Duration> {
        let of_rs = self.all.iter().filter(|m| m.rs == rs);
        of_rs.filter_map(|m| m.rtt).min()
    }

    pub(crate) fn sights_of(&self, rs: RsId) -> Vec<Sight> {
        let of_rs = self.all.iter().filter(|m| m.rs == rs);
        let sight = |m: &Measurement| {
            Some(Sight {
                observer: m.to,
                observed: m.observed?,
            })
        };
        of_rs.filter_map(sight).collect()
    }

    /// This node's addresses as the relays saw them, and the attachments that they are of.
    pub(crate) fn observed(&self) -> impl Iterator<Item = Sighting> {
        self.all.iter().filter_map(|m| Some((m.observed?, m.from)))
    }

    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        [self.again_at, self.report_at].into_iter().flatten().min()
    }

    /// Whether it is time to report; says so once.
    pub(crate) fn is_due(&mut self, now: Mono) -> bool {
        self.report_at.take_if(|t| *t <= now).is_some()
    }

    /// There is nothing to wait for any more: the report is due.
    fn settle(&mut self, now: Mono) {
        if self.report_at.is_some() && self.all.iter().all(|m| m.rtt.is_some()) {
            self.report_at = Some(now);
            self.again_at = None;
        }
    }

    /// `true` when a measurement has its answer now.
    fn take_reply(&mut self, message: &Message, now: Mono) -> bool {
        let Message::ProbeReply(reply) = message else {
            return false;
        };
        let sent = |m: &Measurement| m.probes.iter().find(|p| p.0 == reply.id).map(|p| p.1);
        let waiting = self.all.iter_mut().filter(|m| m.rtt.is_none());
        let Some((m, sent)) = waiting.filter_map(|m| sent(m).map(|at| (m, at))).next() else {
            return false;
        };
        m.rtt = Some(now.since(sent));
        m.observed = Some(reply.observed);
        self.settle(now);
        true
    }
}

impl Node {
    /// Begins a round; its result is reported to the DC once.
    pub(crate) fn measure_relays(&mut self, now: Mono) {
        let reach = self.reach();
        let relays = self.registration.relay_infos();
        let all: Vec<Measurement> = relays.iter().flat_map(|i| ways_to(i, &reach)).collect();
        let is_any = !all.is_empty();
        self.registration.measurements = Measurements {
            all,
            again_at: is_any.then_some(now),
            report_at: is_any.then_some(now + WAIT),
        };
        self.ask_relays(now);
    }

    /// Time has passed: relays that were silent are asked again, and what is known is reported.
    pub(crate) fn handle_measure_timeout(&mut self, now: Mono) -> bool {
        self.ask_relays(now);
        self.registration.measurements.is_due(now)
    }

    fn ask_relays(&mut self, now: Mono) {
        let relays = self.registration.relay_infos();
        let m = &mut self.registration.measurements;
        if m.again_at.is_none_or(|t| now < t) {
            return;
        }
        let next = now + AGAIN;
        m.again_at = m.report_at.filter(|end| next < *end).map(|_| next);
        for asked in m.all.iter_mut().filter(|m| m.rtt.is_none()) {
            if let Some(info) = relays.iter().find(|i| i.rs == asked.rs) {
                asked.asked.begin();
                asked.ask(info, now, &mut self.fx);
            }
        }
    }

    /// A relay under load wants a measurement's question again; `false` when it was none's.
    pub(crate) fn handle_measure_challenge(&mut self, now: Mono, d: &Datagram<&mut [u8]>) -> bool {
        let relays = self.registration.relay_infos();
        let mut all = self.registration.measurements.all.iter_mut();
        let Some(m) = all.find(|m| m.asked.is_asked(d.selector())) else {
            return false;
        };
        if let Some(info) = relays.iter().find(|i| i.rs == m.rs)
            && m.asked.take(&info.key, d, &mut self.fx)
        {
            m.ask(info, now, &mut self.fx);
        }
        true
    }

    /// Takes the answer to a measurement; `false` when the selector names none.
    pub(crate) fn handle_measured(&mut self, now: Mono, d: &Datagram<&mut [u8]>) -> bool {
        let measurements = &mut self.registration.measurements;
        let Some(m) = measurements.all.iter().find(|m| m.id == d.selector()) else {
            return false;
        };
        let opened = open_salted(&m.key, "ntm leg to node", &d.aad(), d.body()).ok();
        match opened.as_deref().map(Messages::parse_all) {
            Some(Ok(messages)) => {
                log::opened(&messages);
                let is_news = messages.iter().any(|x| measurements.take_reply(x, now));
                self.fx.counters.replayed += u64::from(!is_news);
            }
            Some(Err(_)) => self.fx.counters.malformed += 1,
            None => self.fx.counters.bad_seal += 1,
        }
        true
    }
}

/// A relay over each family that this network has.
fn ways_to(info: &RelayInfo, reach: &Reach) -> Vec<Measurement> {
    let v4 = info.v4.map(std::net::SocketAddr::from);
    let v6 = info.v6.map(std::net::SocketAddr::from);
    let way = |addr| reach.server([RealAddr(addr)]).first().copied();
    let ways = v4.into_iter().chain(v6).filter_map(way);
    let measurement = |to| Measurement {
        rs: info.rs,
        id: info.measure_id,
        key: info.measure_key.clone(),
        to,
        asked: Asked::default(),
        probes: Vec::new(),
        rtt: None,
        from: None,
        observed: None,
    };
    ways.map(measurement).collect()
}

impl Measurement {
    /// Each question is another: the RS answers the same one only once.
    fn ask(&mut self, info: &RelayInfo, now: Mono, fx: &mut Effects) {
        let (token, id) = (info.measure_token.clone(), fx.u32());
        let probe = Probe {
            id,
            claim: None,
            attachment: 0,
        };
        let messages = [Measure { token }.into(), probe.into()];
        if let Some(datagram) = self.asked.emit(&info.key, &messages, fx) {
            self.from = fx
                .locals
                .attachment_of(Port::of(fx.locals.home(self.to), self.to));
            fx.send_home(self.to, datagram);
            self.probes.push((id, now));
        }
    }
}
