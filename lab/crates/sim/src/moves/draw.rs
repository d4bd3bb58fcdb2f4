//! From a seed to a world of moves.

use core::time::Duration;

use ntm_networks::Network;
use ntm_wire::message::Consent;

use super::attacker::Powers;
use super::spec::{EndSpec, Kind, MoveSpec, Spec, Trouble};
use crate::net::Loss;
use crate::rng::Rng;

/// Moves of a world.
pub const MOVES: usize = 25;
/// Networks that an end moves among.
const PLACES: usize = 6;

/// The world of this seed.
pub fn draw(seed: u64) -> Spec {
    let mut rng = Rng::new(seed ^ 0x6d6f_7665_7300_0000);
    let is_rough = rng.chance(0.5);
    let domains = 1 + rng.index(2);
    // Node to node and back: 10 to 300 ms.
    let (there, share) = (rng.range(5_000, 150_000), rng.range(20, 81));
    let ends = [share, 100 - share].map(|s| draw_end(&mut rng, there * s / 100));
    Spec {
        seed,
        domains,
        relays: domains * (1 + rng.index(2)),
        server_delay: rng.millis(0, 10),
        loss: draw_loss(&mut rng, is_rough),
        jitter: rng.millis(0, if is_rough { 15 } else { 2 }),
        pace: Duration::from_millis(if rng.chance(0.8) { 20 } else { 50 }),
        consent: if rng.chance(0.85) {
            Consent::All
        } else {
            Consent::RelayOnly
        },
        powers: Powers {
            eagerness: rng.range(20, 100) as f64 / 100.0,
            races: is_rough,
            delays: is_rough,
        },
        ends,
        moves: (0..MOVES).map(|_| draw_move(&mut rng)).collect(),
    }
}

fn draw_loss(rng: &mut Rng, is_rough: bool) -> Loss {
    let share = rng.range(0, 50) as f64 / 1000.0;
    if is_rough {
        Loss::Random(share)
    } else {
        Loss::None
    }
}

fn draw_end(rng: &mut Rng, micros: u64) -> EndSpec {
    let place = |_| {
        let network = rng.pick(&Network::ALL).copied();
        let micros = rng.range(micros * 7 / 10, micros * 13 / 10);
        (
            network.unwrap_or(Network::HomeNat),
            Duration::from_micros(micros),
        )
    };
    EndSpec {
        places: (0..PLACES).map(place).collect(),
    }
}

pub(super) fn draw_move(rng: &mut Rng) -> MoveSpec {
    let (kind, trouble) = (draw_kind(rng), draw_trouble(rng));
    // Now and then the next one follows on the heels of this one.
    let rest = if rng.chance(0.2) {
        rng.millis(0, 300)
    } else {
        rng.millis(1000, 3000)
    };
    MoveSpec {
        end: rng.index(2),
        kind,
        trouble,
        to: [rng.index(PLACES), rng.index(PLACES)],
        rest,
    }
}

fn draw_kind(rng: &mut Rng) -> Kind {
    match rng.index(12) {
        0..=2 => Kind::Renumber,
        3 => Kind::Break(rng.millis(50, 2000)),
        4 => Kind::Bounce(rng.millis(20, 1000)),
        5 | 6 => Kind::Soft(rng.millis(0, 300)),
        7 => Kind::Cut,
        8 => Kind::Silent,
        9 | 10 => Kind::Both(rng.millis(0, 50)),
        _ => Kind::Rebind,
    }
}

fn draw_trouble(rng: &mut Rng) -> Trouble {
    match rng.index(16) {
        0 => Trouble::DcRestart,
        1 => Trouble::DcOff,
        2 => Trouble::RsRestart,
        3 => Trouble::RsOff,
        _ => Trouble::None,
    }
}
