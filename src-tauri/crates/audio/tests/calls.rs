//! Two audio threads that call each other, with real engines and Opus.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use voice_audio::{
    Line, Processing, Sink, Sound, SoundConfig, SoundEvent, Source,
    opus::{OpusDecoder, OpusEncoder},
};
use voice_media::{Config, Engine};

use crate::support::{read_wav, signal, wait, write_wav};

pub(crate) fn engine(seed: u8) -> Engine {
    let config = Config::new([seed; 32], "somebody");
    Engine::new(
        config,
        Box::new(OpusEncoder::new().unwrap()),
        Box::new(OpusDecoder::new().unwrap()),
    )
}

/// Carries datagrams from one line to another until it is closed.
pub(crate) fn carry(from: &Line, to: std::sync::Arc<Line>) {
    let out = from.outgoing();
    std::thread::spawn(move || {
        while let Ok(datagram) = out.recv_blocking() {
            to.datagram(datagram.bytes, Instant::now());
        }
    });
}

fn silent(source: Source, sink: Sink) -> SoundConfig {
    SoundConfig {
        source,
        sink,
        processing: Processing::OFF,
        ..SoundConfig::default()
    }
}

fn heard_by_the_other(folder: &Path, alice_is: impl FnOnce(&Sound, &Line)) -> Vec<f32> {
    let (spoken, heard) = (folder.join("in.wav"), folder.join("out.wav"));
    write_wav(&spoken, &signal::voice(3 * 48_000));
    let (alice, alice_tells) = Sound::start(silent(
        Source::File {
            path: spoken,
            repeat: false,
        },
        Sink::Nowhere,
    ))
    .unwrap();
    let (bob, bob_tells) = Sound::start(silent(
        Source::Silence,
        Sink::File {
            path: heard.clone(),
        },
    ))
    .unwrap();
    let (to_bob, to_alice) = (
        std::sync::Arc::new(alice.attach(engine(1))),
        std::sync::Arc::new(bob.attach(engine(2))),
    );
    alice_is(&alice, &to_bob);
    carry(&to_bob, to_alice.clone());
    carry(&to_alice, to_bob.clone());
    wait(&alice_tells, "the file's end", |event| {
        (event == SoundEvent::SourceEnded).then_some(())
    });
    std::thread::sleep(Duration::from_millis(300));
    bob.stop();
    wait(&bob_tells, "the recording", |event| {
        matches!(event, SoundEvent::Recorded(_)).then_some(())
    });
    read_wav(&heard)[0].clone()
}

#[test]
fn what_one_says_the_other_hears() {
    let folder = tempfile::tempdir().unwrap();
    let ear = heard_by_the_other(folder.path(), |_, _| ());
    let said = signal::voice(3 * 48_000);
    let (at, alike) = signal::find(&said[48_000..57_600], &ear, 38_400, 72_000);
    assert!(alike > 0.8, "found at {at}, {alike}");
}

#[test]
fn a_muted_microphone_is_not_heard_by_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let ear = heard_by_the_other(folder.path(), |sound, _| sound.mute(true));
    assert!(signal::rms(&ear) < 0.002, "{}", signal::rms(&ear));
}

#[test]
fn a_call_on_hold_is_not_heard_either_and_statistics_name_it() {
    let folder = tempfile::tempdir().unwrap();
    let ear = heard_by_the_other(folder.path(), |_, line| line.hold(true));
    assert!(signal::rms(&ear) < 0.002, "{}", signal::rms(&ear));
    let (sound, events) = Sound::start(silent(Source::Silence, Sink::Nowhere)).unwrap();
    let line = sound.attach(engine(3));
    let stats = wait(&events, "statistics", |event| {
        if let SoundEvent::Statistics(stats) = event {
            Some(stats)
        } else {
            None
        }
    });
    assert_eq!(
        stats.lines.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        [line.id()]
    );
}
