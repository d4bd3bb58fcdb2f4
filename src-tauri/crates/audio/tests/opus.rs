//! Opus does what the engine asks of it.

use voice_audio::opus::{OpusDecoder, OpusEncoder};
use voice_media::codec::{CodecError, Decoder, Encoder, EncoderSettings};

const FRAME: usize = 960;

/// A voice as far as a codec cares: a pitch that glides, with harmonics, in syllables.
fn voice(frame: usize) -> Vec<f32> {
    (0..FRAME)
        .map(|i| {
            let t = (frame * FRAME + i) as f32 / 48_000.0;
            let pitch = 140.0 + 30.0 * (t * 2.0).sin();
            let syllable = (t * 9.0).sin().max(0.0);
            let tone: f32 = (1..12)
                .map(|k| (t * pitch * k as f32 * std::f32::consts::TAU).sin() / k as f32)
                .sum();
            tone * syllable * 0.15
        })
        .collect()
}

fn packets(settings: EncoderSettings, count: usize) -> Vec<Vec<u8>> {
    let Ok(mut encoder) = OpusEncoder::new() else {
        return Vec::new(); // and every test fails
    };
    encoder.set(settings);
    (0..count)
        .map(|frame| {
            let mut out = [0; 1275];
            let octets = encoder.encode(&voice(frame), &mut out).unwrap_or(0);
            out[..octets].to_vec()
        })
        .collect()
}

fn decoded_until(decoder: &mut OpusDecoder, packets: &[Vec<u8>]) {
    for packet in packets {
        assert_eq!(decoder.decode(packet, &mut [0.0; FRAME]), Ok(FRAME));
    }
}

fn likeness(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-9)
}

const LOSSY: EncoderSettings = EncoderSettings {
    bitrate: 40_000,
    loss_percent: 20,
    fec: true,
    dred_ms: 300,
    dtx: false,
    complexity: 10,
};

#[test]
fn the_rate_is_about_what_was_asked_for() {
    for bitrate in [24_000, 32_000, 48_000] {
        let sent = packets(
            EncoderSettings {
                bitrate,
                dtx: false,
                ..EncoderSettings::default()
            },
            250,
        );
        let bits = sent.iter().map(Vec::len).sum::<usize>() * 8 / 5;
        // variable: this voice has pauses, so it needs less
        let share = bits as f64 / f64::from(bitrate);
        assert!((0.5..1.1).contains(&share), "{bits} for {bitrate}");
    }
}

#[test]
fn lbrr_brings_back_the_frame_before() {
    let sent = packets(LOSSY, 60);
    let n = (20..59)
        .find(|&n| OpusDecoder::new().expect("memory").has_fec(&sent[n + 1]))
        .expect("LBRR is sent");
    let (mut whole, mut lossy) = (
        OpusDecoder::new().expect("memory"),
        OpusDecoder::new().expect("memory"),
    );
    decoded_until(&mut whole, &sent[..n]);
    decoded_until(&mut lossy, &sent[..n]);
    let (mut original, mut recovered) = ([0.0; FRAME], [0.0; FRAME]);
    whole.decode(&sent[n], &mut original).expect("the packet");
    lossy
        .decode_fec(&sent[n + 1], &mut recovered)
        .expect("LBRR");
    assert!(
        likeness(&original, &recovered) > 0.8,
        "{}",
        likeness(&original, &recovered)
    );
}

#[test]
fn dred_reaches_further_back_than_lbrr() {
    let sent = packets(LOSSY, 80);
    let mut decoder = OpusDecoder::new().expect("memory");
    decoded_until(&mut decoder, &sent[..60]);
    let reach = decoder.dred_reach(&sent[66]);
    assert!(reach >= 5 * FRAME, "{reach} samples");
    for lost in 60..66 {
        let mut pcm = [0.0; FRAME];
        let offset = (66 - lost) * FRAME;
        let result = decoder.decode_dred(&sent[66], offset, &mut pcm);
        assert_eq!(
            result,
            if offset <= reach {
                Ok(())
            } else {
                Err(CodecError::Absent)
            }
        );
    }
}

#[test]
fn what_was_concealed_meanwhile_leaves_no_trace_after_a_rollback() {
    let sent = packets(EncoderSettings::default(), 50);
    let (mut whole, mut waited) = (
        OpusDecoder::new().expect("memory"),
        OpusDecoder::new().expect("memory"),
    );
    decoded_until(&mut whole, &sent[..40]);
    decoded_until(&mut waited, &sent[..40]);
    waited.checkpoint();
    for _ in 0..8 {
        waited.conceal(&mut [0.0; 480]).expect("concealment");
    }
    waited.rollback();
    for packet in &sent[40..] {
        let (mut a, mut b) = ([0.0; FRAME], [0.0; FRAME]);
        whole.decode(packet, &mut a).expect("a packet");
        waited.decode(packet, &mut b).expect("a packet");
        assert!(
            a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits()),
            "the very same sound"
        );
    }
}

#[test]
fn a_clean_packet_has_neither_lbrr_nor_dred() {
    let sent = packets(EncoderSettings::default(), 30);
    let mut decoder = OpusDecoder::new().expect("memory");
    assert!(sent.iter().all(|packet| !decoder.has_fec(packet)));
    assert_eq!(decoder.dred_reach(&sent[29]), 0);
    assert_eq!(
        decoder.decode_fec(&sent[29], &mut [0.0; FRAME]),
        Err(CodecError::Absent)
    );
}

#[test]
fn damaged_packets_are_errors_or_sound_and_the_decoder_goes_on() {
    let sent = packets(LOSSY, 40);
    let mut decoder = OpusDecoder::new().expect("memory");
    let mut state = 1u32;
    for packet in &sent {
        let mut damaged = packet.clone();
        for octet in &mut damaged {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *octet ^= if state >> 29 == 0 {
                (state >> 16) as u8
            } else {
                0
            };
        }
        let _error_or_noise = decoder.decode(&damaged, &mut [0.0; 5760]);
        let _reach = decoder.dred_reach(&damaged);
        let _fec = decoder.decode_fec(&damaged, &mut [0.0; FRAME]);
    }
    assert_eq!(
        decoder.decode(&[], &mut [0.0; FRAME]),
        Err(CodecError::Malformed)
    );
    decoded_until(&mut decoder, &sent);
}
