//! Signals, what is heard of them, and waiting for events.

#[cfg(all(feature = "device", target_os = "linux"))]
pub(crate) mod bus;
pub(crate) mod signal;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use async_channel::Receiver;
use voice_audio::{Sink, Sound, SoundEvent, Source};

/// The first event that this picks; a panic when none comes in 20 s.
pub(crate) fn wait<T>(
    events: &Receiver<SoundEvent>,
    what: &str,
    mut pick: impl FnMut(SoundEvent) -> Option<T>,
) -> T {
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        match events.try_recv() {
            Ok(event) => {
                if let Some(picked) = pick(event) {
                    return picked;
                }
            }
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    panic!("waited 20 s for {what}");
}

/// Whatever went wrong: a tone and a file in the devices' place are heard.
pub(crate) fn still_usable(sound: &Sound, events: &Receiver<SoundEvent>) {
    let folder = tempfile::tempdir().unwrap();
    let (hertz, dbfs) = (440.0, -20.0);
    sound.source(Source::Tone { hertz, dbfs }).unwrap();
    let path = folder.path().join("out.wav");
    sound.sink(Sink::File { path }).unwrap();
    sound.hear_myself(Some(Duration::ZERO));
    wait(events, "sound", |event| {
        let heard = matches!(event, SoundEvent::Levels { ear, .. } if ear.peak > -30.0);
        heard.then_some(())
    });
}

pub(crate) fn write_wav(path: &Path, samples: &[f32]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples
        .iter()
        .for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
}

/// A file of ours: 16 bit, one vector per channel.
pub(crate) fn read_wav(path: &Path) -> Vec<Vec<f32>> {
    let reader = hound::WavReader::open(path).unwrap();
    let channels = usize::from(reader.spec().channels);
    let samples: Vec<f32> = reader
        .into_samples::<i16>()
        .map(|sample| f32::from(sample.unwrap()) / 32_768.0)
        .collect();
    (0..channels)
        .map(|channel| {
            samples
                .iter()
                .skip(channel)
                .step_by(channels)
                .copied()
                .collect()
        })
        .collect()
}
