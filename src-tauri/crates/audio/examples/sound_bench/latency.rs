//! On the bus of scripts/vsound: mouth to ear, a device unplugged, and what it costs.

use std::{path::Path, sync::Arc, time::Duration};

use voice_audio::{
    EchoCancellation, Latency, Processing, Sink, Sound, SoundConfig, SoundEvent, Source, System,
};

use crate::{
    bus::{self, Tape, pactl, speak},
    call, option, result, signal,
};

fn device_ids(system: System) -> (String, String) {
    let host = match system {
        System::PipeWire => "pipewire",
        System::PulseAudio => "pulseaudio",
        System::Alsa => return ("default".into(), "default".into()),
    };
    (format!("{host}:micA"), format!("{host}:spkA"))
}

/// How a pipeline is set up.
#[derive(Clone, Copy)]
struct Setting {
    system: System,
    low: bool,
    processing: Processing,
    engines: bool,
}

/// Speech into A's microphone, through a call, to A's loudspeaker.
pub(crate) fn mouth_to_ear(arguments: &[String]) {
    assert!(bus::is_there(), "run it by scripts/vsound");
    let runs = option(arguments, "--runs")
        .and_then(|runs| runs.parse().ok())
        .unwrap_or(3);
    let low = arguments.iter().any(|argument| argument == "--low");
    let system = match option(arguments, "--system") {
        Some("pulseaudio") => System::PulseAudio,
        Some("alsa") => System::Alsa,
        _ => System::PipeWire,
    };
    let off = Setting {
        system,
        low,
        processing: Processing::OFF,
        engines: true,
    };
    let echo = Processing {
        echo: EchoCancellation::On,
        ..Processing::OFF
    };
    let name = |what: &str| {
        format!(
            "{system:?}, {}{what}",
            if low { "10 ms mode, " } else { "" }
        )
    };
    let speech = option(arguments, "--speech").map(Path::new);
    let bar = if low { 55.0 } else { 80.0 };
    let report = |what: &str, setting: Setting, bound: Option<f64>| {
        let mut measured: Vec<f64> = (0..runs).filter_map(|_| measure(setting, speech)).collect();
        measured.sort_by(f64::total_cmp);
        match measured.get(measured.len() / 2) {
            Some(median) => result(
                1,
                &name(what),
                "mouth to ear, median",
                *median,
                "ms",
                bound.map(|b| ("<=", b)),
                measured.len(),
            ),
            None => eprintln!("{}: void, nothing was heard whole", name(what)),
        }
    };
    report(
        "devices alone",
        Setting {
            engines: false,
            ..off
        },
        None,
    );
    report("call, processing off", off, Some(bar));
    if !low {
        report(
            "call, echo cancellation",
            Setting {
                processing: echo,
                ..off
            },
            Some(90.0),
        );
    }
}

/// One run of six seconds; `None` when the mouth was damaged or the ear too different.
fn measure(setting: Setting, speech: Option<&Path>) -> Option<f64> {
    for _ in 0..5 {
        if let Some(lag) = one_run(setting, speech) {
            return Some(lag);
        }
    }
    None
}

fn one_run(setting: Setting, speech: Option<&Path>) -> Option<f64> {
    let folder = tempfile::tempdir().ok()?;
    let spoken = match speech {
        Some(file) => file.to_owned(),
        None => synthetic(folder.path()),
    };
    let (microphone, speaker) = device_ids(setting.system);
    let latency = if setting.low {
        Latency::Low
    } else {
        Latency::Normal
    };
    let usual = SoundConfig {
        system: Some(setting.system),
        latency,
        processing: setting.processing,
        ..SoundConfig::default()
    };
    let source = Source::Device(microphone.parse().ok()?);
    let sink = Sink::Device(speaker.parse().ok()?);
    let _kept = if setting.engines {
        let (a, a_events) = Sound::start(SoundConfig {
            source,
            sink: Sink::Nowhere,
            ..usual.clone()
        })
        .ok()?;
        let (b, b_events) = Sound::start(SoundConfig {
            source: Source::Silence,
            sink,
            ..usual
        })
        .ok()?;
        let (one, other) = (
            Arc::new(a.attach(call::engine(1, setting.low))),
            Arc::new(b.attach(call::engine(2, setting.low))),
        );
        call::join(one.clone(), other.clone());
        vec![(a, a_events, Some(one)), (b, b_events, Some(other))]
    } else {
        let (sound, events) = Sound::start(SoundConfig {
            source,
            sink,
            ..usual
        })
        .ok()?;
        sound.hear_myself(Some(Duration::ZERO));
        vec![(sound, events, None)]
    };
    std::thread::sleep(Duration::from_secs(4));
    let tape = Tape::start(folder.path());
    speak(&spoken, "mouthA").wait().ok()?;
    let [mouth, ear, ..] = tape.stop();
    if setting.engines {
        tell_delays(&_kept[1].1);
    }
    lag(&mouth, &ear)
}

/// The second engine's own account, to standard error.
fn tell_delays(events: &async_channel::Receiver<SoundEvent>) {
    let mut last = None;
    while let Ok(event) = events.try_recv() {
        if let SoundEvent::Statistics(stats) = event {
            last = Some(stats);
        }
    }
    if let Some(stats) = last {
        let heard = stats.lines.first().map(|(_, line)| {
            (
                line.heard.playout_delay,
                line.heard.delay_target,
                line.heard.concealed_ms,
            )
        });
        eprintln!(
            "  waiting {:.1} ms, speaker {:?}, jitter buffer (now, target, concealed ms) {heard:?}",
            stats.waiting_ms, stats.speaker
        );
    }
}

/// The last three seconds of speech, a second and a half each: from the mouth to the ear in ms, when the two agree.
fn lag(mouth: &[f32], ear: &[f32]) -> Option<f64> {
    let loud = mouth
        .chunks(480)
        .rposition(|block| signal::rms(block) > 0.01)?
        * 480;
    let piece = |from: usize| {
        let (at, alike) = signal::find(&mouth[from..from + 72_000], ear, from, from + 14_400);
        eprintln!("  {:.1} ms, alike {alike:.3}", (at - from) as f64 / 48.0);
        (alike > 0.5).then_some((at - from) as f64 / 48.0)
    };
    let (first, second) = (piece(loud.checked_sub(150_000)?)?, piece(loud - 75_000)?);
    ((first - second).abs() < 10.0).then_some((first + second) / 2.0)
}

fn synthetic(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("speech.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(&path, spec).expect("a folder of our own");
    signal::voice(8 * 48_000)
        .iter()
        .for_each(|sample| writer.write_sample(*sample).expect("room for a file"));
    writer.finalize().expect("room for a file");
    path
}

/// A headset that goes and comes back: how long nothing is heard.
pub(crate) fn unplug() {
    assert!(bus::is_there(), "run it by scripts/vsound");
    let mut gone = Vec::new();
    for _ in 0..5 {
        gone.extend(one_unplug());
    }
    let worst = gone.iter().copied().max().unwrap_or(usize::MAX);
    result(
        9,
        "headset unplugged, PipeWire",
        "silence until another device is heard, worst",
        worst as f64,
        "ms",
        Some(("<=", 1000.0)),
        gone.len(),
    );
}

fn one_unplug() -> Option<usize> {
    let folder = tempfile::tempdir().ok()?;
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
    let sink = Sink::Device("pipewire:headset".parse().ok()?);
    let (sound, _events) = Sound::start(SoundConfig {
        source,
        sink,
        processing: Processing::OFF,
        ..SoundConfig::default()
    })
    .ok()?;
    sound.hear_myself(Some(Duration::ZERO));
    std::thread::sleep(Duration::from_secs(2));
    let tape = Tape::start(folder.path());
    std::thread::sleep(Duration::from_secs(1));
    pactl(&["unload-module", &module]);
    std::thread::sleep(Duration::from_secs(4));
    let [_, ear, ..] = tape.stop();
    let loud: Vec<bool> = ear
        .chunks(480)
        .map(|block| signal::rms(block) > 0.01)
        .collect();
    let (first, last) = (
        loud.iter().position(|on| *on)?,
        loud.iter().rposition(|on| *on)?,
    );
    if loud.len() - last > 20 {
        return Some(usize::MAX);
    }
    loud[first..last]
        .split(|on| *on)
        .map(|silence| silence.len() * 10)
        .max()
}

/// One call with everything on, both ways, on devices: the audio thread's share of a core, by its CPU time.
pub(crate) fn cpu() {
    assert!(bus::is_there(), "run it by scripts/vsound");
    for (name, processing) in [
        ("processing off", Processing::OFF),
        (
            "echo, noise and gain",
            Processing {
                echo: EchoCancellation::On,
                ..Processing::default()
            },
        ),
    ] {
        let Some(shares) = cpu_of(processing) else {
            return;
        };
        for (thread, share) in shares {
            result(
                0,
                &format!("one call, {name}"),
                &format!("CPU of the thread {thread}"),
                share,
                "% of a core",
                None,
                1,
            );
        }
    }
}

fn cpu_of(processing: Processing) -> Option<Vec<(String, f64)>> {
    let folder = tempfile::tempdir().ok()?;
    let config = SoundConfig {
        source: Source::Device("pipewire:micA".parse().ok()?),
        sink: Sink::Device("pipewire:spkA".parse().ok()?),
        processing,
        ..SoundConfig::default()
    };
    let (sound, _events) = Sound::start(config).ok()?;
    let line = Arc::new(sound.attach(call::engine(1, false)));
    // Its own datagrams come back: it hears itself, which costs what hearing another costs.
    call::join(line.clone(), line.clone());
    let mut speaker = speak(&synthetic(folder.path()), "mouthA");
    std::thread::sleep(Duration::from_secs(1));
    let before = threads();
    std::thread::sleep(Duration::from_secs(6));
    let after = threads();
    let _ = speaker.wait();
    let share = |(id, name, ticks): (String, String, f64)| {
        let was = before
            .iter()
            .find(|(other, ..)| *other == id)
            .map_or(0.0, |(_, _, ticks)| *ticks);
        (name, (ticks - was) / 6.0)
    };
    let mut shares: Vec<(String, f64)> = after
        .into_iter()
        .map(share)
        .filter(|(_, share)| *share >= 0.1)
        .collect();
    let sum = shares.iter().map(|(_, share)| share).sum();
    shares.push(("(all of them)".into(), sum));
    Some(shares)
}

/// Id, name and CPU time in hundredths of a second of this process's threads.
fn threads() -> Vec<(String, String, f64)> {
    let Ok(folder) = std::fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    let stat = |id: String| {
        let text = std::fs::read_to_string(format!("/proc/self/task/{id}/schedstat")).ok()?;
        let nanos: f64 = text.split(' ').next()?.parse().ok()?;
        let name = std::fs::read_to_string(format!("/proc/self/task/{id}/comm")).ok()?;
        Some((id, name.trim().to_owned(), nanos / 1e7))
    };
    folder
        .flatten()
        .filter_map(|entry| stat(entry.file_name().into_string().ok()?))
        .collect()
}
