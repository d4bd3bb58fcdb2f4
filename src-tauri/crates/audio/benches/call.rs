//! What a second of a call costs one side, beside libopus alone: `cargo bench -p voice-audio`.
//! A second is 100 blocks; 10 ms of CPU time are 1 % of a core.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use voice_audio::opus::{OpusDecoder, OpusEncoder};
use voice_media::codec::{Decoder, Encoder};
use voice_media::{BLOCK, Config, Engine};

fn voice(block: u64) -> [f32; BLOCK] {
    std::array::from_fn(|i| {
        let t = (block * BLOCK as u64 + i as u64) as f32 / 48_000.0;
        let tone: f32 = (1..9)
            .map(|k| (t * 150.0 * k as f32 * std::f32::consts::TAU).sin() / k as f32)
            .sum();
        tone * (t * 8.0).sin().max(0.0) * 0.2
    })
}

fn opus_alone(bench: &mut Criterion) {
    let Ok((mut encoder, mut decoder)) =
        OpusEncoder::new().and_then(|e| Ok((e, OpusDecoder::new()?)))
    else {
        return;
    };
    let second: Vec<f32> = (0..100).flat_map(voice).collect();
    bench.bench_function("libopus alone, a second encoded and decoded", |b| {
        b.iter(|| {
            for frame in second.chunks_exact(960) {
                let (mut out, mut pcm) = ([0; 1275], [0.0; 960]);
                let octets = encoder.encode(frame, &mut out).unwrap_or(0);
                let _samples = black_box(decoder.decode(&out[..octets], &mut pcm));
            }
        });
    });
}

fn engine(seed: u8) -> Option<Engine> {
    let (encoder, decoder) = (OpusEncoder::new().ok()?, OpusDecoder::new().ok()?);
    Some(Engine::new(
        Config::new([seed; 32], "bench"),
        Box::new(encoder),
        Box::new(decoder),
    ))
}

/// One engine that hears itself: it sends and receives as one side of a call does.
fn whole_engine(bench: &mut Criterion) {
    let Some(mut engine) = engine(1) else { return };
    let mut block = 0u64;
    bench.bench_function("an engine with libopus, a second both ways", |b| {
        b.iter(|| {
            for _ in 0..100 {
                let now = Duration::from_millis(block * 10);
                engine.handle_capture(now, &voice(block));
                while let Some(datagram) = engine.poll_transmit() {
                    engine.handle_datagram(now, &datagram.bytes);
                }
                let mut out = [0.0; BLOCK];
                engine.play(now, &mut out);
                while engine.poll_event().is_some() {}
                black_box(out);
                block += 1;
            }
        });
    });
}

criterion_group!(benches, opus_alone, whole_engine);
criterion_main!(benches);
