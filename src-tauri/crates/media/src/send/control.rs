//! What the encoder is to do: more redundancy when packets get lost, less of everything when the path fills up.
//!
//! The steps are those that were measured best (`docs/design/voice.md`): none on a clean link, LBRR against single
//! losses, earlier packets inside later ones against bursts (LBRR with DRED where the way is long), and room left for lost packets that go again. Redundancy may cost bandwidth only while the delay doesn't grow with it: loss together
//! with a growing round trip is congestion, and then the rate falls (RFC 8085 section 3.1.1: bulk or not, an
//! application reacts to congestion).

use super::history::Loss;
use super::history::carried::NEARBY;
use crate::codec::EncoderSettings;
use std::time::Duration;

/// Decisions are taken so often.
const INTERVAL: Duration = Duration::from_millis(500);
/// Redundancy begins at this loss ...
const BEGIN: f32 = 0.012;
/// ... and ends below this one, after `CALM`.
const END: f32 = 0.004;
/// How long it must be quiet before redundancy ends.
const CALM: Duration = Duration::from_secs(10);
/// Losses in a row, in the mean, from which DRED is worth its bits. Independent losses of 20 % give 1.25.
const BURSTY: f32 = 1.7;
/// DRED stays on for so long after the last bursts: a few of them a minute look like single losses in between.
const BURSTS_OVER: Duration = Duration::from_secs(30);
/// A round trip longer than the least by this means that a queue fills.
const QUEUE: Duration = Duration::from_millis(150);
/// Below this Opus sends no LBRR, and speech begins to suffer.
const LEAST: u32 = 16_000;

/// What the peer can make use of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Deep redundancy of this libopus.
    pub(crate) knows_dred: bool,
    /// Earlier packets inside later ones; and it reports what came.
    pub(crate) knows_red: bool,
}

/// Which redundancy is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Redundancy {
    None,
    Single,
    Burst,
}

/// Decides, twice a second.
#[derive(Debug)]
pub(crate) struct Control {
    clean: EncoderSettings,
    max_bitrate: u32,
    peer: Peer,
    /// The way is short enough for the peer's reports to tell what was lost while that is still of use.
    near: bool,
    redundancy: Redundancy,
    lossy_at: Duration,
    bursty_at: Duration,
    next: Duration,
    least_rtt: Option<Duration>,
    /// Share of the wanted rate that congestion leaves, 0.25-1.
    share: f32,
}

impl Control {
    pub(crate) fn new(clean: EncoderSettings, max_bitrate: u32, peer: Peer) -> Self {
        Self {
            clean,
            max_bitrate,
            peer,
            near: false,
            redundancy: Redundancy::None,
            lossy_at: Duration::ZERO,
            bursty_at: Duration::ZERO,
            next: Duration::ZERO,
            least_rtt: None,
            share: 1.0,
        }
    }

    /// The settings from now on.
    pub(crate) fn decide(
        &mut self,
        now: Duration,
        loss: Loss,
        rtt: Option<Duration>,
    ) -> EncoderSettings {
        if now >= self.next {
            self.next = now + INTERVAL;
            self.near = rtt.is_some_and(|rtt| rtt <= NEARBY);
            self.choose_redundancy(now, loss);
            self.mind_congestion(loss, rtt);
        }
        self.settings(loss)
    }

    /// Another path: its round trip is not comparable with the old one's.
    pub(crate) fn handle_restored(&mut self) {
        self.least_rtt = None;
        self.share = 1.0;
    }

    /// Packets carry earlier ones that the peer may lack.
    pub(crate) fn carries(&self) -> bool {
        self.redundancy == Redundancy::Burst && self.near && self.peer.knows_red
    }

    const fn covers_bursts(&self) -> bool {
        self.peer.knows_dred || self.near && self.peer.knows_red
    }

    fn choose_redundancy(&mut self, now: Duration, loss: Loss) {
        if loss.rate >= END {
            self.lossy_at = now;
        }
        if loss.burst >= BURSTY {
            self.bursty_at = now;
        }
        let wanted = match loss {
            Loss { rate, .. } if rate < BEGIN => Redundancy::None,
            Loss { burst, .. } if burst >= BURSTY && self.covers_bursts() => Redundancy::Burst,
            Loss { .. } => Redundancy::Single,
        };
        if wanted > self.redundancy || now >= self.lossy_at + CALM {
            self.redundancy = wanted;
        } else if wanted == Redundancy::Single && now >= self.bursty_at + BURSTS_OVER {
            self.redundancy = Redundancy::Single;
        }
    }

    fn mind_congestion(&mut self, loss: Loss, rtt: Option<Duration>) {
        let Some(rtt) = rtt else { return };
        let least = self.least_rtt.map_or(rtt, |least| least.min(rtt));
        self.least_rtt = Some(least);
        let queue = rtt > least + QUEUE;
        if queue && loss.rate > 0.02 || loss.rate > 0.3 {
            self.share = (self.share * 0.75).max(0.25);
        } else if !queue {
            self.share = (self.share + 0.05).min(1.0);
        }
    }

    fn settings(&self, loss: Loss) -> EncoderSettings {
        // in steps of 5 %, so that the encoder isn't told something new with every packet
        let measured = ((loss.rate * 20.0).ceil() * 5.0).clamp(0.0, 30.0) as u8;
        let wanted = match self.redundancy {
            Redundancy::None => self.clean,
            Redundancy::Burst if self.carries() => EncoderSettings {
                bitrate: self.clean.bitrate + self.clean.bitrate * 3 / 16,
                loss_percent: 0,
                fec: false,
                ..self.clean
            },
            Redundancy::Burst if self.peer.knows_dred => EncoderSettings {
                bitrate: self.clean.bitrate + self.clean.bitrate * 5 / 16,
                loss_percent: measured.max(20),
                fec: true,
                dred_ms: 300,
                ..self.clean
            },
            Redundancy::Single | Redundancy::Burst => EncoderSettings {
                bitrate: self.clean.bitrate + self.clean.bitrate / 16,
                loss_percent: measured.clamp(10, 15),
                fec: true,
                ..self.clean
            },
        };
        let bitrate = (wanted.bitrate.min(self.max_bitrate) as f32 * self.share) as u32;
        EncoderSettings {
            bitrate: bitrate.max(LEAST),
            ..wanted
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEGATO: Peer = Peer {
        knows_dred: true,
        knows_red: true,
    };
    const BURSTS: Loss = Loss {
        rate: 0.1,
        burst: 3.0,
    };

    fn after(loss: Loss, rtts: impl Iterator<Item = u64>) -> EncoderSettings {
        talking_to(LEGATO, loss, rtts).1
    }

    /// Whether earlier packets are carried, and the encoder's settings.
    fn talking_to(
        peer: Peer,
        loss: Loss,
        rtts: impl Iterator<Item = u64>,
    ) -> (bool, EncoderSettings) {
        let mut control = Control::new(EncoderSettings::default(), 48_000, peer);
        let mut settings = EncoderSettings::default();
        for (step, rtt) in rtts.enumerate() {
            settings = control.decide(
                INTERVAL * step as u32,
                loss,
                Some(Duration::from_millis(rtt)),
            );
        }
        (control.carries(), settings)
    }

    #[test]
    fn a_clean_link_pays_for_no_redundancy() {
        assert_eq!(
            after(Loss::default(), [50; 9].into_iter()),
            EncoderSettings::default()
        );
    }

    #[test]
    fn single_losses_bring_lbrr_within_40_kbit() {
        let settings = after(
            Loss {
                rate: 0.1,
                burst: 1.1,
            },
            [50; 9].into_iter(),
        );
        assert!(
            settings.fec && settings.dred_ms == 0 && settings.bitrate <= 40_000,
            "{settings:?}"
        );
        assert!(settings.loss_percent >= 10, "below that Opus sends no LBRR");
    }

    #[test]
    fn bursts_on_a_short_way_bring_earlier_packets_and_a_plain_stream() {
        let (carries, settings) = talking_to(LEGATO, BURSTS, [50; 9].into_iter());
        assert!(carries && !settings.fec && settings.dred_ms == 0);
        // a fifth of the packets is carried or goes again
        assert!(settings.bitrate * 6 / 5 <= 48_000, "{settings:?}");
    }

    #[test]
    fn bursts_on_a_long_way_or_with_a_peer_without_red_bring_dred_within_48_kbit() {
        let without = Peer {
            knows_red: false,
            ..LEGATO
        };
        for (peer, rtt) in [(LEGATO, 90), (without, 50)] {
            let (carries, settings) = talking_to(peer, BURSTS, [rtt; 9].into_iter());
            assert!(!carries && settings.dred_ms > 0 && settings.bitrate <= 48_000);
        }
    }

    #[test]
    fn bursts_that_the_peer_has_nothing_against_bring_lbrr() {
        let old = Peer {
            knows_dred: false,
            knows_red: false,
        };
        let (carries, settings) = talking_to(old, BURSTS, [50; 9].into_iter());
        assert!(!carries && settings.fec && settings.dred_ms == 0);
    }

    #[test]
    fn loss_with_a_growing_queue_lowers_the_rate_and_loss_alone_does_not() {
        let loss = Loss {
            rate: 0.1,
            burst: 1.1,
        };
        assert!(after(loss, (0..20).map(|i| 50 + 40 * i)).bitrate <= 24_000);
        assert!(after(loss, [50; 20].into_iter()).bitrate > 32_000);
    }
}
