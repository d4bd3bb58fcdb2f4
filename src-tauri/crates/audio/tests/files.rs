//! Sound without devices.

use std::{path::Path, time::Duration};

use voice_audio::{
    Processing, RecordAs, RecordTo, Sink, Sound, SoundConfig, SoundError, SoundEvent, Source, Tone,
};

use crate::support::{read_wav, signal, wait, write_wav};

fn config(source: Source, sink: &Path) -> SoundConfig {
    SoundConfig {
        source,
        sink: Sink::File { path: sink.into() },
        processing: Processing::OFF,
        ..SoundConfig::default()
    }
}

fn recorded(event: SoundEvent) -> Option<std::path::PathBuf> {
    if let SoundEvent::Recorded(path) = event {
        Some(path)
    } else {
        None
    }
}

#[test]
fn a_file_goes_through_the_thread_with_not_a_sample_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (spoken, heard) = (folder.path().join("in.wav"), folder.path().join("out.wav"));
    let voice = signal::voice(96_000);
    write_wav(&spoken, &voice);
    let (sound, events) = Sound::start(config(
        Source::File {
            path: spoken,
            repeat: false,
        },
        &heard,
    ))
    .unwrap();
    sound.hear_myself(Some(Duration::ZERO));
    wait(&events, "the file's end", |event| {
        (event == SoundEvent::SourceEnded).then_some(())
    });
    std::thread::sleep(Duration::from_millis(200));
    sound.stop();
    wait(&events, "the recording", recorded);
    let ear = &read_wav(&heard)[0];
    let (at, alike) = signal::find(&voice[4800..14_400], ear, 0, 48_000);
    assert!(alike > 0.999_99, "{alike}");
    // The first blocks may precede the wish to hear oneself; from there to the end every sample is there, to 16 bits.
    let start = at - 4800;
    for (n, (said, got)) in voice[4800..].iter().zip(&ear[start + 4800..]).enumerate() {
        assert!(
            (said - got).abs() < 2.0 / 32_768.0,
            "sample {n}: {said} became {got}"
        );
    }
}

#[test]
fn a_tone_is_heard_without_a_call_and_tells_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let heard = folder.path().join("out.wav");
    let (sound, events) = Sound::start(config(Source::Silence, &heard)).unwrap();
    sound.tone(Some(Tone::End));
    wait(&events, "the tone's end", |event| {
        (event == SoundEvent::ToneEnded(Tone::End)).then_some(())
    });
    sound.tone(Some(Tone::Ringback));
    std::thread::sleep(Duration::from_millis(500));
    sound.stop();
    wait(&events, "the recording", recorded);
    let ear = &read_wav(&heard)[0];
    assert!(signal::rms(ear) > 0.01, "{}", signal::rms(ear));
}

#[test]
fn levels_come_about_fifteen_times_a_second_and_tell_who_speaks_though_muted() {
    let source = Source::Tone {
        hertz: 440.0,
        dbfs: -20.0,
    };
    let nowhere = SoundConfig {
        source,
        sink: Sink::Nowhere,
        processing: Processing::OFF,
        ..SoundConfig::default()
    };
    let (sound, events) = Sound::start(nowhere).unwrap();
    sound.mute(true);
    sound.hear_myself(Some(Duration::ZERO));
    let mut levels = Vec::new();
    wait(&events, "three statistics", |event| {
        if let SoundEvent::Levels {
            microphone, ear, ..
        } = event
        {
            levels.push((microphone, ear));
        } else if let SoundEvent::Statistics(_) = event {
            return (levels.len() >= 20).then_some(());
        }
        None
    });
    let (microphone, ear) = levels[levels.len() - 1];
    assert!(
        (microphone.peak + 20.0).abs() < 0.1 && (microphone.rms + 23.0).abs() < 0.1,
        "{microphone:?}"
    );
    assert!(
        ear.peak < -100.0,
        "nothing of a muted microphone goes on: {ear:?}"
    );
    assert!(
        levels.len() <= 45,
        "{} levels in two or three seconds",
        levels.len()
    );
}

#[test]
fn a_recording_holds_me_on_the_left() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("call.wav");
    let source = Source::Tone {
        hertz: 440.0,
        dbfs: -20.0,
    };
    let nowhere = SoundConfig {
        source,
        sink: Sink::Nowhere,
        processing: Processing::OFF,
        ..SoundConfig::default()
    };
    let (sound, events) = Sound::start(nowhere).unwrap();
    sound
        .record(&RecordTo {
            path: tape.clone(),
            form: RecordAs::MeAndThem,
            announce: true,
        })
        .unwrap();
    std::thread::sleep(Duration::from_millis(700));
    sound.stop_recording();
    assert_eq!(wait(&events, "the recording", recorded), tape);
    let [me, them] = &read_wav(&tape)[..] else {
        panic!("two channels")
    };
    assert!(
        me.len() > 24_000 && (signal::rms(me) - 0.0707).abs() < 0.01,
        "{} samples, {}",
        me.len(),
        signal::rms(me)
    );
    assert_eq!(
        signal::rms(them),
        0.0,
        "nobody speaks, and the tone that tells of the recording is not in it"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_ends_the_recording_and_nothing_else() {
    let nowhere = SoundConfig {
        source: Source::Silence,
        sink: Sink::Nowhere,
        ..SoundConfig::default()
    };
    let (sound, events) = Sound::start(nowhere).unwrap();
    sound
        .record(&RecordTo {
            path: "/dev/full".into(),
            form: RecordAs::Mixed,
            announce: false,
        })
        .unwrap();
    let error = wait(&events, "the full disk", |event| {
        if let SoundEvent::Problem(error) = event {
            Some(error)
        } else {
            None
        }
    });
    assert_eq!(
        (error.code(), error),
        (
            "disk-full",
            SoundError::DiskFull {
                path: "/dev/full".into()
            }
        )
    );
    wait(&events, "life after it", |event| {
        matches!(event, SoundEvent::Levels { .. }).then_some(())
    });
}

#[test]
fn a_file_that_is_not_there_is_told_at_once() {
    let source = Source::File {
        path: "/nonexistent.wav".into(),
        repeat: false,
    };
    let error = Sound::start(SoundConfig {
        source: source.clone(),
        sink: Sink::Nowhere,
        ..SoundConfig::default()
    })
    .unwrap_err();
    assert_eq!(error.code(), "file-unreadable");
    let silent = SoundConfig {
        source: Source::Silence,
        sink: Sink::Nowhere,
        ..SoundConfig::default()
    };
    let (sound, _events) = Sound::start(silent).unwrap();
    assert_eq!(sound.source(source).unwrap_err().code(), "file-unreadable");
}
