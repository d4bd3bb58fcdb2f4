//! A call between two audio threads of this process, over a queue for a network.

use std::{sync::Arc, time::Instant};

use voice_audio::{
    Line,
    opus::{OpusDecoder, OpusEncoder},
};
use voice_media::{Config, Engine, FrameLength};

/// An engine with Opus; `low` is the 10 ms mode.
pub(crate) fn engine(seed: u8, low: bool) -> Engine {
    let mut config = Config::new([seed; 32], "bench");
    if low {
        config.frame = FrameLength::Ms10;
    }
    let encoder = OpusEncoder::new().expect("libopus has room for an encoder");
    let decoder = OpusDecoder::new().expect("libopus has room for a decoder");
    Engine::new(config, Box::new(encoder), Box::new(decoder))
}

/// Carries what one sends to the other, both ways.
pub(crate) fn join(a: Arc<Line>, b: Arc<Line>) {
    for (from, to) in [(a.clone(), b.clone()), (b, a)] {
        let out = from.outgoing();
        std::thread::spawn(move || {
            while let Ok(datagram) = out.recv_blocking() {
                to.datagram(datagram.bytes, Instant::now());
            }
        });
    }
}
