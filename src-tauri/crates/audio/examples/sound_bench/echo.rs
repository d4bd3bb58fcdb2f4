//! Bar 10: echo in a simulated room, through the very wrapper that calls use, without a device and without a clock.
//!
//! The far end speaks for 22 s, and the room changes at 12 s (other walls, 140 ms further away); then the near end speaks alone. The echo
//! is the far end in a room with an RT60 of 250 ms, band-limited like a small loudspeaker, 40 ms late and 6 dB weaker, over noise at -65 dBFS.

use std::path::Path;

use voice_audio::{BLOCK, EchoCancellation, Processing, apm::Apm};

use crate::{option, result, signal};

const RATE: usize = 48_000;
/// When the room changes, when the far end falls silent, and the end.
const CHANGE: usize = 12 * RATE;
const ALONE: usize = 22 * RATE;
const END: usize = 32 * RATE;

pub(crate) fn run(arguments: &[String]) {
    let read =
        |name: &str, or: Vec<f32>| option(arguments, name).map_or(or, |file| wav(Path::new(file)));
    let far = looped(read("--far", signal::voice(ALONE)), ALONE);
    let near = read("--near", signal::voice(END).split_off(ALONE));
    let (microphone, render, near_only) = world(&far, &looped(near, END - ALONE));
    let cancelled = processed(&microphone, &render);
    // The same processor without any echo: what it does to a voice by itself is not the echo's fault.
    let reference = processed(&near_only, &vec![0.0; END]);
    report_far_end(&microphone, &cancelled);
    report_near_end(&reference, &cancelled);
    if let Some(folder) = option(arguments, "--out").map(Path::new) {
        let alone = ALONE + 2 * RATE..END;
        save(
            &folder.join("echo-near-reference.wav"),
            &reference[alone.clone()],
        );
        save(&folder.join("echo-near-degraded.wav"), &cancelled[alone]);
        save(&folder.join("echo-microphone.wav"), &microphone);
        save(&folder.join("echo-cancelled.wav"), &cancelled);
    }
}

fn report_far_end(microphone: &[f32], cancelled: &[f32]) {
    let erle = |from: f64, to: f64| {
        let range = (from * RATE as f64) as usize..(to * RATE as f64) as usize;
        let (before, after) = (&microphone[range.clone()], &cancelled[range]);
        20.0 * f64::from(signal::rms(before) / signal::rms(after).max(1e-7)).log10()
    };
    let windows = [
        (0.0, 1.0, None),
        (1.0, 2.0, None),
        (2.0, 5.0, Some(20.0)),
        (5.0, 10.0, Some(20.0)),
        (10.0, 12.0, Some(25.0)),
    ];
    for (from, to, bound) in windows {
        let (what, bound) = (format!("ERLE {from}-{to} s"), bound.map(|b| (">=", b)));
        result(
            10,
            "far end alone, room of 250 ms",
            &what,
            erle(from, to),
            "dB",
            bound,
            1,
        );
    }
    let moved = "room changes at 12 s";
    let at = |tenth: i32| 12.0 + f64::from(tenth) / 10.0;
    let recovered = (0..100).find(|tenth| erle(at(*tenth), at(*tenth) + 0.5) >= 20.0);
    let seconds = recovered.map_or(99.0, |tenth| f64::from(tenth) / 10.0);
    result(
        10,
        moved,
        "until ERLE is 20 dB again",
        seconds,
        "s",
        Some(("<=", 3.0)),
        1,
    );
    result(
        10,
        moved,
        "ERLE 15-22 s",
        erle(15.0, 22.0),
        "dB",
        Some((">=", 20.0)),
        1,
    );
}

/// How much the near end's voice is the same as without echo; PESQ judges the files of `--out`.
fn report_near_end(reference: &[f32], cancelled: &[f32]) {
    let from = ALONE + 2 * RATE;
    let (_, alike) = signal::find(&reference[from..], &cancelled[from - 480..], 0, 961);
    let metric = "correlation with the same processor without echo";
    result(10, "near end alone", metric, f64::from(alike), "1", None, 1);
}

/// What the microphone hears, what the loudspeaker plays, and the microphone had the far end never spoken.
fn world(far: &[f32], near: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let mut render = far.to_vec();
    render.resize(END, 0.0);
    let one = echo(&render, &room(1), 40);
    let other = echo(&render, &room(2), 180);
    let hiss: Vec<f32> = signal::noise(END)
        .iter()
        .map(|sample| sample * 0.0039)
        .collect();
    let near_only: Vec<f32> = (0..END)
        .map(|at| hiss[at] + if at < ALONE { 0.0 } else { near[at - ALONE] })
        .collect();
    let microphone = (0..END)
        .map(|at| near_only[at] + if at < CHANGE { one[at] } else { other[at] })
        .collect();
    (microphone, render, near_only)
}

/// Noise that dies away by 60 dB in 250 ms, after a strong direct sound.
fn room(seed: usize) -> Vec<f32> {
    let length = RATE / 4;
    let walls = signal::noise(length * (seed + 1)).split_off(length * seed);
    let decay = |at: usize| 10f32.powf(-3.0 * at as f32 / length as f32);
    let mut response: Vec<f32> = walls
        .iter()
        .enumerate()
        .map(|(at, wall)| wall * decay(at))
        .collect();
    response[0] = 1.0;
    let energy = response
        .iter()
        .map(|sample| sample * sample)
        .sum::<f32>()
        .sqrt();
    response
        .iter_mut()
        .for_each(|sample| *sample *= 0.5 / energy);
    response
}

/// The loudspeaker's band, the room, and the way through both sound cards.
fn echo(render: &[f32], room: &[f32], delay_ms: usize) -> Vec<f32> {
    let played = small_loudspeaker(render);
    let mut heard = vec![0.0; END];
    // Overlap-free and direct: the room is sparse enough to be summed over its loudest taps.
    let taps: Vec<(usize, f32)> = room.iter().copied().enumerate().step_by(7).collect();
    let gain = 0.5 / taps.iter().map(|(_, tap)| tap * tap).sum::<f32>().sqrt();
    let delay = delay_ms * RATE / 1000;
    for (offset, tap) in taps {
        let from = offset + delay;
        let tap = tap * gain;
        heard[from..]
            .iter_mut()
            .zip(&played)
            .for_each(|(heard, sample)| *heard += sample * tap);
    }
    heard
}

/// 150 to 9,000 Hz, by two one-pole filters each.
fn small_loudspeaker(samples: &[f32]) -> Vec<f32> {
    let pole = |hertz: f32| (-std::f32::consts::TAU * hertz / RATE as f32).exp();
    let (low, high) = (pole(150.0), pole(9000.0));
    let (mut slow, mut fast) = ([0.0f32; 2], [0.0f32; 2]);
    let filter = |sample: &f32| {
        let mut x = *sample;
        for state in &mut slow {
            *state = low * *state + (1.0 - low) * x;
            x -= *state;
        }
        for state in &mut fast {
            *state = high * *state + (1.0 - high) * x;
            x = *state;
        }
        x
    };
    samples.iter().map(filter).collect()
}

fn processed(microphone: &[f32], render: &[f32]) -> Vec<f32> {
    let mut apm = Apm::new(
        Processing {
            echo: EchoCancellation::On,
            ..Processing::OFF
        },
        false,
    );
    let mut out = Vec::with_capacity(microphone.len());
    let (blocks, _) = microphone.as_chunks::<BLOCK>();
    let (renders, _) = render.as_chunks::<BLOCK>();
    for (mine, theirs) in blocks.iter().zip(renders) {
        let mut block = *mine;
        apm.render(theirs);
        apm.capture(&mut block);
        out.extend(block);
    }
    out
}

fn looped(samples: Vec<f32>, length: usize) -> Vec<f32> {
    samples.into_iter().cycle().take(length).collect()
}

/// Mono WAV, 48 kHz.
fn wav(path: &Path) -> Vec<f32> {
    let reader = hound::WavReader::open(path).expect("a WAV file");
    assert_eq!(
        (reader.spec().sample_rate, reader.spec().channels),
        (48_000, 1),
        "48 kHz, mono"
    );
    if reader.spec().sample_format == hound::SampleFormat::Float {
        return reader
            .into_samples::<f32>()
            .map(|sample| sample.expect("a sample"))
            .collect();
    }
    reader
        .into_samples::<i16>()
        .map(|sample| f32::from(sample.expect("16 bits")) / 32_768.0)
        .collect()
}

fn save(path: &Path, samples: &[f32]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).expect("a folder to write to");
    for sample in samples {
        writer
            .write_sample((sample * 32_767.0) as i16)
            .expect("room on the disk");
    }
    writer.finalize().expect("room on the disk");
}
