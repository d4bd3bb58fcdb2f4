//! Whatever comes from the network: no panic, bounded memory, and the call goes on.

use crate::shadow::{MS, ShadowDecoder, ShadowEncoder, engine};
use proptest::prelude::*;
use voice_media::{BLOCK, Config, Engine};

fn rtp(sequence: u16, timestamp: u32, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80, 111];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(timestamp.to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn feed(engine: &mut Engine, datagrams: &[Vec<u8>]) {
    for (step, bytes) in datagrams.iter().enumerate() {
        let now = MS(step as u64 * 7);
        engine.handle_datagram(now, bytes);
        let mut out = [0.0; BLOCK];
        engine.play(now, &mut out);
        assert!(out.iter().all(|x| x.is_finite()));
        engine.handle_capture(now, &[f32::NAN; BLOCK]);
        while engine.poll_transmit().is_some() {}
        while engine.poll_event().is_some() {}
    }
}

/// After all that, an honest stream is heard within two seconds.
fn assert_it_still_works(engine: &mut Engine, from: u64) {
    let before = engine.stats(MS(from)).heard.played_ms;
    for n in 0..200u16 {
        let now = MS(from + u64::from(n) * 20);
        let mut payload = u32::from(n).to_be_bytes().to_vec();
        payload.resize(80, 0);
        engine.handle_datagram(
            now,
            &rtp(40_000 + n, 5_000_000 + u32::from(n) * 960, 77, &payload),
        );
        for _ in 0..2 {
            engine.play(now, &mut [0.0; BLOCK]);
        }
    }
    let heard = engine.stats(MS(from + 4_000)).heard;
    assert!(heard.played_ms > before + 1_500, "{heard:?}");
}

/// With a payload type of its own (RFC 2198).
fn red(sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = rtp(sequence, timestamp, 5, payload);
    bytes[1] = 112;
    bytes
}

#[test]
fn headers_of_earlier_packets_that_are_cut_off_or_promise_too_much_are_refused_and_counted() {
    let bad: [&[u8]; 7] = [
        &[],
        &[0xEF],
        &[0xEF, 0x78, 0],
        &[0xEF, 0x78, 0, 4],
        &[0xEF, 0x78, 3, 0xFF, 111, 0, 0, 0, 0, 9],
        &[110, 0, 0, 0, 1, 0, 0, 9],
        &[0xFF; 60],
    ];
    let mut engine = engine(1);
    for (n, payload) in bad.iter().enumerate() {
        engine.handle_datagram(MS(n as u64 * 20), &red(n as u16, n as u32 * 960, payload));
    }
    let heard = engine.stats(MS(200)).heard;
    assert_eq!((heard.refused, heard.packets), (7, 0));
    assert_it_still_works(&mut engine, 60_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_octets_do_no_harm(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..100)) {
        let mut engine = engine(1);
        feed(&mut engine, &datagrams);
        assert_it_still_works(&mut engine, 60_000);
    }

    #[test]
    fn any_rtp_packets_do_no_harm(
        packets in prop::collection::vec((any::<u16>(), any::<u32>(), 0u32..3, prop::collection::vec(any::<u8>(), 0..40)), 0..300),
    ) {
        let datagrams: Vec<Vec<u8>> = packets.iter().map(|(s, t, ssrc, payload)| rtp(*s, *t, *ssrc, payload)).collect();
        let mut engine = engine(1);
        feed(&mut engine, &datagrams);
        assert_it_still_works(&mut engine, 60_000);
    }

    #[test]
    fn any_earlier_packets_do_no_harm(
        packets in prop::collection::vec((0u16..4, prop::collection::vec((any::<u32>(), any::<bool>()), 0..5), prop::collection::vec(any::<u8>(), 0..60)), 1..200),
    ) {
        let (mut sequence, mut datagrams) = (0u16, Vec::new());
        for (step, heads, rest) in packets {
            sequence = sequence.wrapping_add(step);
            let mut payload = Vec::new();
            for (head, is_usual) in heads {
                // as a rule whole frames of the right type and a length that fits
                let usual = 0xEF00_0000 | ((head % 18 * 960) << 10) | (head % 8);
                payload.extend(if is_usual { usual } else { head }.to_be_bytes());
            }
            payload.push(111);
            payload.extend(rest);
            datagrams.push(red(sequence, u32::from(sequence) * 960, &payload));
        }
        let mut engine = engine(1);
        feed(&mut engine, &datagrams);
        assert_it_still_works(&mut engine, 60_000);
    }

    #[test]
    fn a_stream_with_strange_timestamps_does_no_harm(
        steps in prop::collection::vec((0u16..4, any::<u32>()), 1..300),
    ) {
        let (mut sequence, mut datagrams) = (0u16, Vec::new());
        for (step, timestamp) in steps {
            sequence = sequence.wrapping_add(step);
            datagrams.push(rtp(sequence, timestamp, 5, &[0, 0, 0, 1, 0, 0, 9]));
        }
        let mut engine = engine(1);
        feed(&mut engine, &datagrams);
        assert_it_still_works(&mut engine, 60_000);
    }

    #[test]
    fn octets_behind_an_rtcp_header_do_no_harm(kind in 192u8..=223, body in prop::collection::vec(any::<u8>(), 0..120)) {
        let mut bytes = vec![0x81, kind];
        bytes.extend(body);
        let mut engine = engine(1);
        feed(&mut engine, &[bytes]);
    }

    #[test]
    fn any_report_does_no_harm(reports in prop::collection::vec((any::<u16>(), any::<u16>()), 1..100)) {
        let mut engine = Engine::new(Config::new([3; 32], "x"), Box::new(ShadowEncoder::default()), Box::new(ShadowDecoder));
        for (step, (base, bitmap)) in reports.iter().enumerate() {
            let now = MS(step as u64 * 20);
            let mut bytes = rtp(step as u16, step as u32 * 960, 5, &[]);
            bytes[0] |= 0x10;
            bytes.extend([0xBE, 0xDE, 0, 2, 0x13]);
            bytes.extend(base.to_be_bytes());
            bytes.extend(bitmap.to_be_bytes());
            bytes.extend([0, 0, 0, 1, 2, 3, 4]);
            engine.handle_datagram(now, &bytes);
            for _ in 0..2 {
                engine.handle_capture(now, &[0.3; BLOCK]);
            }
        }
        let sent = engine.stats(MS(2_000)).sent;
        prop_assert!(sent.backfilled <= 3 * sent.packets, "a packet goes again three times at most");
    }
}
