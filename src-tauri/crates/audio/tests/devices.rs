//! Sound devices of a real server: scripts/vsound starts a private one, and in it this very program runs the tests named `inside_*`.

use std::{path::Path, process::Command, time::Duration};

use async_channel::Receiver;
use voice_audio::{
    Device, DeviceChoice, DeviceKind, Direction, Processing, Sink, Sound, SoundConfig, SoundEvent,
    Source, System, Why, devices,
};

use crate::support::{
    bus::{self, Tape, pactl, speak},
    signal, still_usable, wait, write_wav,
};

/// Runs one of the tests below beside a private sound server.
fn run_inside(test: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../scripts/vsound");
    if !tools_are_there() {
        eprintln!(
            "SKIPPED {test}: no PipeWire here (scripts/test installs it where apt-get works)"
        );
        return;
    }
    let status = Command::new(script)
        .arg("-r")
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("devices::{test}"),
            "--ignored",
            "--nocapture",
        ])
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed, see above");
}

fn tools_are_there() -> bool {
    let there = |tool: &str| {
        std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
        })
    };
    [
        "pipewire",
        "wireplumber",
        "pipewire-pulse",
        "dbus-daemon",
        "pactl",
        "paplay",
        "parec",
    ]
    .iter()
    .all(|tool| there(tool))
}

#[test]
fn the_list_holds_devices_and_neither_monitors_nor_programs() {
    run_inside("inside_list");
}

#[test]
fn pipewire_carries_every_sample_from_mouth_to_ear() {
    run_inside("inside_loopback_pipewire");
}

#[test]
fn pulseaudio_carries_sound_from_mouth_to_ear() {
    run_inside("inside_loopback_pulseaudio");
}

#[test]
fn alsa_carries_sound_from_mouth_to_ear() {
    run_inside("inside_loopback_alsa");
}

#[test]
fn an_unplugged_device_is_replaced_within_a_second_and_taken_again_when_it_is_back() {
    run_inside("inside_unplugged");
}

#[test]
fn a_machine_without_any_sound_says_so_and_stays_usable() {
    let status = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "devices::inside_nothing",
            "--ignored",
            "--nocapture",
        ])
        .env("XDG_RUNTIME_DIR", "/nonexistent")
        .env("PIPEWIRE_RUNTIME_DIR", "/nonexistent")
        .env("PULSE_SERVER", "unix:/nonexistent")
        .env("ALSA_CONFIG_PATH", "/nonexistent")
        .status()
        .unwrap();
    assert!(status.success());
}

fn usual(system: System) -> SoundConfig {
    SoundConfig {
        system: Some(system),
        processing: Processing::OFF,
        ..SoundConfig::default()
    }
}

fn ids(system: System) -> (Source, Sink) {
    let (microphone, speaker) = match system {
        System::PipeWire => ("pipewire:micA", "pipewire:spkA"),
        System::PulseAudio => ("pulseaudio:micA", "pulseaudio:spkA"),
        // The plugin takes the server's defaults, which are A's.
        System::Alsa => ("default", "default"),
    };
    (
        Source::Device(microphone.parse().unwrap()),
        Sink::Device(speaker.parse().unwrap()),
    )
}

/// Waits until both directions are open.
fn both_open(events: &Receiver<SoundEvent>) -> Vec<(Device, Why)> {
    let mut open = Vec::new();
    wait(events, "both devices", |event| {
        if let SoundEvent::Using { device, why, .. } = event {
            open.push((device, why));
        } else if let SoundEvent::Problem(error) = event {
            panic!("{error}");
        }
        (open.len() == 2).then(|| open.clone())
    })
}

#[test]
#[ignore = "runs in scripts/vsound"]
fn inside_list() {
    assert!(bus::is_there());
    for system in [System::PipeWire, System::PulseAudio] {
        let list = devices::list(Some(system)).unwrap();
        let names = |direction| -> Vec<String> {
            let mine = list.iter().filter(|device| device.direction == direction);
            mine.map(|device| device.id.split(':').nth(1).unwrap().to_owned())
                .collect()
        };
        let (microphones, speakers) = (names(Direction::Microphone), names(Direction::Speaker));
        assert!(
            ["micA", "micB"]
                .iter()
                .all(|id| microphones.iter().any(|there| there == id)),
            "{system:?}: {microphones:?}"
        );
        assert!(
            ["spkA", "spkB"]
                .iter()
                .all(|id| speakers.iter().any(|there| there == id)),
            "{system:?}: {speakers:?}"
        );
        assert!(
            !microphones
                .iter()
                .any(|id| id.contains("monitor") || id.starts_with("input.") || id == "bus"),
            "{microphones:?}"
        );
        assert!(
            !speakers
                .iter()
                .any(|id| id.starts_with("output.") || id == "sink_default"),
            "{speakers:?}"
        );
        assert_eq!(
            list.iter().filter(|device| device.default).count(),
            2,
            "{list:?}"
        );
        assert!(
            list.iter()
                .all(|device| !device.name.is_empty() && device.kind != DeviceKind::Headset),
            "{list:?}"
        );
    }
}

#[test]
#[ignore = "runs in scripts/vsound"]
fn inside_loopback_pipewire() {
    let (mouth, ear, at) = loopback(System::PipeWire);
    // Every sample of two seconds, wherever the thread put them.
    let lost = (0..96_000)
        .filter(|n| (mouth[at.0 + n] - ear[at.1 + n]).abs() > 1e-4)
        .count();
    assert_eq!(lost, 0, "samples that differ, of 96,000");
}

#[test]
#[ignore = "runs in scripts/vsound"]
fn inside_loopback_pulseaudio() {
    loopback(System::PulseAudio);
}

#[test]
#[ignore = "runs in scripts/vsound"]
fn inside_loopback_alsa() {
    loopback(System::Alsa);
}

/// Speaks four seconds into A's microphone, hears them in A's loudspeaker, and tells where one second in each is. A run whose mouth was
/// damaged, or in which the machine was too busy, says nothing; of five, one must be good.
fn loopback(system: System) -> (Vec<f32>, Vec<f32>, (usize, usize)) {
    assert!(bus::is_there());
    let folder = tempfile::tempdir().unwrap();
    let spoken = folder.path().join("in.wav");
    let voice = signal::voice(4 * 48_000);
    write_wav(&spoken, &voice);
    let (source, sink) = ids(system);
    let (sound, events) = Sound::start(SoundConfig {
        source,
        sink,
        ..usual(system)
    })
    .unwrap();
    sound.hear_myself(Some(Duration::ZERO));
    both_open(&events);
    std::thread::sleep(Duration::from_secs(2));
    for run in 1.. {
        let tape = Tape::start(folder.path());
        speak(&spoken, "mouthA").wait().unwrap();
        let [mouth, ear, ..] = tape.stop();
        let piece = &voice[48_000..52_800];
        let (said, whole) = signal::find(piece, &mouth, 0, mouth.len());
        let (heard, alike) = signal::find(&mouth[said..said + 4800], &ear, said, said + 24_000);
        let all = signal::find(&mouth[said..said + 96_000], &ear, heard, heard + 1).1;
        eprintln!(
            "{system:?}: mouth to ear {:.1} ms, alike {alike:.5}, two seconds {all:.5}, mouth {whole:.5}",
            (heard - said) as f32 / 48.0
        );
        let enough = if system == System::PipeWire {
            0.999_999
        } else {
            0.99
        };
        if whole > 0.999 && all > enough {
            return (mouth, ear, (said, heard));
        }
        assert!(run < 5, "five runs, and none was heard whole");
    }
    unreachable!("the loop ends by itself")
}

#[test]
#[ignore = "runs in scripts/vsound"]
fn inside_unplugged() {
    assert!(bus::is_there());
    let folder = tempfile::tempdir().unwrap();
    let headset = [
        "load-module",
        "module-remap-sink",
        "sink_name=headset",
        "master=bus",
        "channels=1",
        "channel_map=mono",
        "master_channel_map=front-right",
        "remix=no",
    ];
    let module = pactl(&headset);
    let source = Source::Tone {
        hertz: 440.0,
        dbfs: -20.0,
    };
    let sink = Sink::Device(DeviceChoice::Id("pipewire:headset".into()));
    let (sound, events) = Sound::start(SoundConfig {
        source,
        sink,
        ..usual(System::PipeWire)
    })
    .unwrap();
    sound.hear_myself(Some(Duration::ZERO));
    let using = |why: Why| {
        wait(&events, "a loudspeaker", |event| {
            if let SoundEvent::Using {
                device, why: given, ..
            } = event
            {
                return (given == why).then_some(device.id);
            }
            None
        })
    };
    assert_eq!(using(Why::Chosen), "pipewire:headset");
    std::thread::sleep(Duration::from_secs(2));
    let tape = Tape::start(folder.path());
    std::thread::sleep(Duration::from_secs(1));
    pactl(&["unload-module", &module]);
    assert_ne!(using(Why::StandsIn), "pipewire:headset");
    pactl(&headset);
    assert_eq!(
        using(Why::Chosen),
        "pipewire:headset",
        "the chosen one is taken again"
    );
    std::thread::sleep(Duration::from_secs(2));
    let [_, ear, ..] = tape.stop();
    let gaps = gaps(&ear);
    eprintln!("unplugged and plugged in again: silent for {gaps:?} ms");
    assert!(
        gaps.iter().all(|gap| *gap <= 1000),
        "each change is silent for a second at most: {gaps:?} ms"
    );
    assert!(
        signal::rms(&ear[ear.len() - 24_000..]) > 0.05,
        "and it is heard at the end"
    );
}

/// Silences of more than 20 ms between the first sound and the last, in ms.
fn gaps(ear: &[f32]) -> Vec<usize> {
    let loud: Vec<bool> = ear
        .chunks(480)
        .map(|block| signal::rms(block) > 0.01)
        .collect();
    let (first, last) = (
        loud.iter().position(|on| *on).unwrap(),
        loud.iter().rposition(|on| *on).unwrap(),
    );
    let silences = loud[first..last]
        .split(|on| *on)
        .map(|silence| silence.len() * 10);
    silences.filter(|length| *length > 20).collect()
}

#[test]
#[ignore = "runs with nothing to hear by"]
fn inside_nothing() {
    let (sound, events) = Sound::start(SoundConfig::default()).unwrap();
    let error = wait(&events, "a word about it", |event| {
        if let SoundEvent::Problem(error) = event {
            Some(error)
        } else {
            None
        }
    });
    assert!(
        ["no-sound-system", "no-microphone", "device-unusable"].contains(&error.code()),
        "{error}"
    );
    still_usable(&sound, &events);
}
