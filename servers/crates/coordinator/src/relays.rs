//! Relays: which of them two ends are directed to, and the tokens that let them in.

use core::net::{SocketAddrV4, SocketAddrV6};
use core::time::Duration;
use std::collections::BTreeMap;

use ntm_wire::addr::Candidate;
use ntm_wire::id::{PathId, RsId};
use ntm_wire::message::{Leg, MAX_LEGS, MAX_RELAYS, RelayInfo, RelayReport, RelayRtt};
use ntm_wire::time::{Mono, Now, Wall};
use ntm_wire::token::{Grant, LEG_TOKEN_LIFETIME, RelayToken};

use crate::config::RelayConfig;
use crate::effects::Effects;

/// A relay reports every ten seconds; after three misses and a half it counts as down.
pub(crate) const SILENCE: Duration = Duration::from_secs(35);
/// What a leg counts that its end has not measured, in milliseconds, on top of the slowest that it has.
const DEFAULT_RTT_MS: u32 = 100;
/// What a full relay counts beside an idle one, in milliseconds: about a detour over an ocean.
const FULL_LOAD_MS: u32 = 200;
/// What a relay counts that has not reported: only when there is no other.
const UNHEARD_MS: u32 = 10_000;

/// All relays of this DC.
#[derive(Debug, Default)]
pub(crate) struct Relays {
    relays: BTreeMap<RsId, Relay>,
}

#[derive(Debug)]
struct Relay {
    config: RelayConfig,
    load: u8,
    is_draining: bool,
    /// Drained by this DC's operator, whatever the relay reports.
    is_drained: bool,
    last_report: Option<Mono>,
    is_up: bool,
}

/// What one end has measured, and over which families it can reach a relay.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    rtts: Vec<RelayRtt>,
    v4: bool,
    v6: bool,
}

impl Reach {
    pub(crate) fn new(rtts: &[RelayRtt], candidates: &[Candidate]) -> Self {
        Self {
            rtts: rtts.to_vec(),
            v4: candidates.iter().any(|c| c.addr.is_ipv4()),
            v6: candidates.iter().any(|c| !c.addr.is_ipv4()),
        }
    }

    /// An end of which nothing is known yet.
    pub(crate) fn unknown() -> Self {
        Self {
            rtts: Vec::new(),
            v4: true,
            v6: true,
        }
    }

    /// One that did not answer while others did is not taken for a near one: silence must not pay.
    fn rtt_ms(&self, rs: RsId) -> u32 {
        let measured = |m: &RelayRtt| u32::from(m.rtt_ms);
        let of_rs = self.rtts.iter().find(|m| m.rs == rs).map(measured);
        let slowest = self.rtts.iter().map(measured).max();
        of_rs.unwrap_or(slowest.unwrap_or_default() + DEFAULT_RTT_MS)
    }

    fn reaches(&self, relay: &RelayConfig) -> bool {
        self.v4 && relay.v4.is_some() || self.v6 && relay.v6.is_some()
    }
}

impl Relays {
    pub(crate) fn insert(&mut self, config: RelayConfig) {
        let rs = config.rs;
        match self.relays.get_mut(&rs) {
            Some(relay) => relay.config = config,
            None => {
                let relay = Relay {
                    config,
                    load: 0,
                    is_draining: false,
                    is_drained: false,
                    last_report: None,
                    is_up: false,
                };
                self.relays.insert(rs, relay);
            }
        }
    }

    /// Directs nobody there any more.
    pub(crate) fn drain(&mut self, rs: RsId) {
        if let Some(relay) = self.relays.get_mut(&rs) {
            relay.is_drained = true;
        }
    }

    pub(crate) fn is_drained(&self, rs: RsId) -> bool {
        self.relays.get(&rs).is_some_and(|r| r.is_drained)
    }

    /// Takes a relay's report; says whether the relay came up by it.
    pub(crate) fn report(&mut self, now: Mono, report: &RelayReport) -> bool {
        let Some(relay) = self.relays.get_mut(&report.rs) else {
            return false;
        };
        relay.load = report.load;
        relay.is_draining = report.draining;
        if let Some((ip, port)) = report.v4 {
            relay.config.v4 = Some(SocketAddrV4::new(ip, port));
        }
        if let Some((ip, port)) = report.v6 {
            relay.config.v6 = Some(SocketAddrV6::new(ip, port, 0, 0));
        }
        relay.last_report = Some(now);
        !core::mem::replace(&mut relay.is_up, true)
    }

    /// When the relay counts as down if it goes on being silent; `None` when it does already.
    pub(crate) fn silent_at(&self, rs: RsId) -> Option<Mono> {
        let relay = self.relays.get(&rs).filter(|r| r.is_up)?;
        relay.last_report.map(|at| at + SILENCE)
    }

    pub(crate) fn take_down(&mut self, rs: RsId) {
        if let Some(relay) = self.relays.get_mut(&rs) {
            relay.is_up = false;
        }
    }

    /// The relay for two ends, and the stand-by: the least sum of both round trips and load.
    pub(crate) fn choose(&self, caller: &Reach, callee: &Reach) -> Vec<RsId> {
        let usable = self.relays.values().filter(|r| r.is_usable());
        let mut scored: Vec<_> = usable
            .filter(|r| caller.reaches(&r.config) && callee.reaches(&r.config))
            .map(|r| {
                (
                    caller.rtt_ms(r.config.rs) + callee.rtt_ms(r.config.rs) + r.penalty_ms(),
                    r.config.rs,
                )
            })
            .collect();
        scored.sort_unstable();
        scored
            .into_iter()
            .take(MAX_LEGS)
            .map(|(_, rs)| rs)
            .collect()
    }

    /// Both ends' legs at this relay: the caller's, then the callee's.
    pub(crate) fn legs(
        &self,
        fx: &mut Effects,
        wall: Wall,
        rs: RsId,
        paths: Paths,
        limit_kbps: u32,
    ) -> Option<(Leg, Leg)> {
        let relay = &self.relays.get(&rs)?.config;
        let Paths {
            from_caller,
            from_callee,
        } = paths;
        let caller = Grant::Leg {
            from_node: from_caller,
            to_node: from_callee,
            limit_kbps,
        };
        let callee = Grant::Leg {
            from_node: from_callee,
            to_node: from_caller,
            limit_kbps,
        };
        Some((leg(relay, fx, wall, caller), leg(relay, fx, wall, callee)))
    }

    /// What a registered node is told: the least busy relays, each with a token to measure it.
    pub(crate) fn infos(&self, fx: &mut Effects, now: Now) -> Vec<RelayInfo> {
        let mut best: Vec<_> = self.relays.values().filter(|r| r.is_usable()).collect();
        if best.len() > MAX_RELAYS {
            best.sort_by_key(|r| (r.penalty_ms(), r.config.rs));
        }
        best.into_iter()
            .take(MAX_RELAYS)
            .map(|r| r.info(fx, now.wall))
            .collect()
    }
}

/// The path ids of a tunnel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paths {
    pub(crate) from_caller: PathId,
    pub(crate) from_callee: PathId,
}

impl Relay {
    fn is_usable(&self) -> bool {
        !self.is_draining
            && !self.is_drained
            && (self.config.v4.is_some() || self.config.v6.is_some())
    }

    fn penalty_ms(&self) -> u32 {
        let unheard = if self.is_up { 0 } else { UNHEARD_MS };
        u32::from(self.load) * FULL_LOAD_MS / 255 + unheard
    }

    fn info(&self, fx: &mut Effects, wall: Wall) -> RelayInfo {
        let measure_id = fx.u64();
        let token = token(&self.config, fx, wall, Grant::Measure { id: measure_id });
        RelayInfo {
            rs: self.config.rs,
            key: self.config.key,
            v4: self.config.v4.map(|a| (*a.ip(), a.port())),
            v6: self.config.v6.map(|a| (*a.ip(), a.port())),
            load: self.load,
            measure_token: token.seal(&self.config.link, self.config.key_id, wall, fx.bytes()),
            measure_key: token.leg_key,
            measure_id,
        }
    }
}

fn leg(relay: &RelayConfig, fx: &mut Effects, wall: Wall, grant: Grant) -> Leg {
    let token = token(relay, fx, wall, grant);
    Leg {
        rs: relay.rs,
        rs_key: relay.key,
        v4: relay.v4.map(|a| (*a.ip(), a.port())),
        v6: relay.v6.map(|a| (*a.ip(), a.port())),
        token: token.seal(&relay.link, relay.key_id, wall, fx.bytes()),
        leg_key: token.leg_key,
    }
}

fn token(relay: &RelayConfig, fx: &mut Effects, wall: Wall, grant: Grant) -> RelayToken {
    RelayToken {
        grant,
        rs: relay.rs,
        leg_key: fx.key(),
        expires: wall + LEG_TOKEN_LIFETIME,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ntm_wire::id::TxId;
    use ntm_wire::key::{SecretKey, ServerKey};

    fn relays(loads: &[u8]) -> Relays {
        let mut relays = Relays::default();
        for (n, load) in (1u32..).zip(loads) {
            relays.insert(RelayConfig {
                rs: RsId(n),
                key: ServerKey([n as u8; 32]),
                link: SecretKey::new([n as u8; 32]),
                key_id: n,
                v4: Some(format!("192.0.2.{n}:7930").parse().unwrap()),
                v6: None,
            });
            relays.report(Mono::default(), &report(n, *load));
        }
        relays
    }

    fn report(rs: u32, load: u8) -> RelayReport {
        RelayReport {
            tx: TxId(1),
            rs: RsId(rs),
            v4: None,
            v6: None,
            load,
            legs: 0,
            draining: false,
        }
    }

    fn reach(rtts: &[(u32, u16)]) -> Reach {
        let rtts = rtts
            .iter()
            .map(|(rs, rtt_ms)| RelayRtt {
                rs: RsId(*rs),
                rtt_ms: *rtt_ms,
            })
            .collect();
        Reach {
            rtts,
            v4: true,
            v6: false,
        }
    }

    #[test]
    fn the_least_sum_of_both_round_trips_is_chosen_and_the_next_stands_by() {
        let relays = relays(&[0, 0, 0]);
        let caller = reach(&[(1, 5), (2, 40), (3, 60)]);
        let callee = reach(&[(1, 200), (2, 30), (3, 20)]);
        assert_eq!(relays.choose(&caller, &callee), [RsId(2), RsId(3)]);
    }

    #[test]
    fn an_unmeasured_leg_counts_as_middling_and_load_counts_too() {
        let idle = relays(&[0, 0]);
        assert_eq!(
            idle.choose(&reach(&[(2, 90)]), &Reach::unknown())[0],
            RsId(2)
        );
        let busy = relays(&[0, 250]);
        assert_eq!(
            busy.choose(&reach(&[(2, 90)]), &Reach::unknown())[0],
            RsId(1)
        );
    }

    #[test]
    fn a_relay_that_says_it_is_idle_gains_the_load_it_hides_and_silence_gains_nothing() {
        let honest_is_full = relays(&[0, 255]);
        let choose = |liar_ms| {
            let end = reach(&[(1, liar_ms), (2, 20)]);
            honest_is_full.choose(&end, &end)[0]
        };
        assert_eq!(choose(119), RsId(1));
        assert_eq!(choose(121), RsId(2), "200 ms in all, over both legs");
        let all_idle = relays(&[0, 0]);
        let silent = reach(&[(2, 300)]);
        assert_eq!(all_idle.choose(&silent, &silent)[0], RsId(2));
    }

    #[test]
    fn a_relay_that_is_drained_silent_or_out_of_reach_is_not_the_first_choice() {
        let mut relays = relays(&[0, 0, 0]);
        relays.drain(RsId(1));
        relays.take_down(RsId(2));
        assert_eq!(
            relays.choose(&Reach::unknown(), &Reach::unknown()),
            [RsId(3), RsId(2)]
        );
        let v6_only = Reach {
            rtts: Vec::new(),
            v4: false,
            v6: true,
        };
        assert!(
            relays.choose(&v6_only, &Reach::unknown()).is_empty(),
            "no relay here speaks IPv6"
        );
    }

    #[test]
    fn the_two_legs_mirror_each_other_and_open_at_the_relay() {
        let relays = relays(&[0]);
        let mut fx = Effects::new([1; 32]);
        let paths = Paths {
            from_caller: PathId(7),
            from_callee: PathId(8),
        };
        let (a, b) = relays
            .legs(&mut fx, Wall::from_secs(1_000_000), RsId(1), paths, 64)
            .unwrap();
        let open = |leg: &Leg| RelayToken::open(&leg.token, &SecretKey::new([1; 32])).unwrap();
        assert_eq!(
            open(&a).grant,
            Grant::Leg {
                from_node: PathId(7),
                to_node: PathId(8),
                limit_kbps: 64
            }
        );
        assert_eq!(
            open(&b).grant,
            Grant::Leg {
                from_node: PathId(8),
                to_node: PathId(7),
                limit_kbps: 64
            }
        );
        assert_eq!(open(&a).leg_key, a.leg_key);
        assert!(a.leg_key != b.leg_key);
    }
}
