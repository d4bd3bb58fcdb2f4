//! Opening a device: always a fixed buffer, in the first form that it takes.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    thread::Thread,
    time::Duration,
};

use async_channel::Sender;
use cpal::{
    BufferSize, Error, ErrorKind, FromSample, SampleFormat, SizedSample, StreamConfig,
    traits::{DeviceTrait, StreamTrait},
};

use super::{
    Direction,
    ring::{Capture, CaptureEnd, Playback, PlaybackEnd, Pulse},
};
use crate::{RATE, config::Latency};

/// What goes wrong with an open stream: its number, and how.
pub(super) type Failures = Sender<(u64, ErrorKind)>;

/// Waiting longer than this for a device to open, it counts as unusable.
const PATIENCE: Duration = Duration::from_secs(2);

/// An open device. Dropping it closes it.
pub(super) struct Open {
    _stream: cpal::Stream,
    pub(super) pulse: Arc<Pulse>,
    /// Frames a callback, as granted; callbacks may differ.
    pub(super) granted: u32,
    pub(super) rate: u32,
}

/// Whom a stream tells what.
#[derive(Clone)]
pub(super) struct Tell {
    pub(super) number: u64,
    pub(super) failures: Failures,
    /// The audio thread, woken by each callback.
    pub(super) thread: Thread,
}

pub(super) fn microphone(
    device: &cpal::Device,
    latency: Latency,
    tell: &Tell,
) -> Result<(Open, Capture), Error> {
    first_that_works(device, Direction::Microphone, latency, |config, format| {
        let (end, capture) =
            Capture::new(config.sample_rate).ok_or(ErrorKind::UnsupportedConfig)?;
        let pulse = capture.pulse.clone();
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "every device converts to f32, or has one of the three"
        )]
        let stream = match format {
            SampleFormat::I16 => record::<i16>(device, config, end, tell),
            SampleFormat::I32 => record::<i32>(device, config, end, tell),
            SampleFormat::U8 => record::<u8>(device, config, end, tell),
            _ => record::<f32>(device, config, end, tell),
        }?;
        Ok((opened(stream, pulse, config)?, capture))
    })
}

pub(super) fn loudspeaker(
    device: &cpal::Device,
    latency: Latency,
    tell: &Tell,
) -> Result<(Open, Playback), Error> {
    first_that_works(device, Direction::Speaker, latency, |config, format| {
        let (end, playback) =
            Playback::new(config.sample_rate).ok_or(ErrorKind::UnsupportedConfig)?;
        let pulse = playback.pulse.clone();
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "every device converts to f32, or has one of the three"
        )]
        let stream = match format {
            SampleFormat::I16 => play::<i16>(device, config, end, tell),
            SampleFormat::I32 => play::<i32>(device, config, end, tell),
            SampleFormat::U8 => play::<u8>(device, config, end, tell),
            _ => play::<f32>(device, config, end, tell),
        }?;
        Ok((opened(stream, pulse, config)?, playback))
    })
}

fn opened(stream: cpal::Stream, pulse: Arc<Pulse>, config: StreamConfig) -> Result<Open, Error> {
    stream.play()?;
    let granted = stream.buffer_size().unwrap_or(0);
    // Until the first callback tells: better too little waits than a second too much.
    pulse
        .frames
        .store(granted.min(config.sample_rate / 20), Relaxed);
    Ok(Open {
        _stream: stream,
        pulse,
        granted,
        rate: config.sample_rate,
    })
}

/// Mono at 48 kHz if the device or its server converts, else what it has by itself; 10 ms of buffer, or the nearest that it allows.
fn first_that_works<T>(
    device: &cpal::Device,
    direction: Direction,
    latency: Latency,
    open: impl Fn(StreamConfig, SampleFormat) -> Result<T, Error>,
) -> Result<T, Error> {
    let own = match direction {
        Direction::Microphone => device.default_input_config(),
        Direction::Speaker => device.default_output_config(),
    }?;
    let (channels, rate, format) = (own.channels(), own.sample_rate(), own.sample_format());
    let forms = [
        (1, RATE, SampleFormat::F32),
        (2, RATE, SampleFormat::F32),
        (channels, RATE, format),
        (channels, rate, format),
    ];
    let mut failed = Error::from(ErrorKind::UnsupportedConfig);
    for (channels, sample_rate, format) in forms {
        for frames in sizes(&own, latency, sample_rate) {
            let config = StreamConfig {
                channels,
                sample_rate,
                buffer_size: BufferSize::Fixed(frames),
            };
            match open(config, format) {
                Ok(stream) => return Ok(stream),
                // Another form may do; anything else is no matter of form.
                Err(error) if another_form_may_do(error.kind()) => failed = error,
                Err(error) => return Err(error),
            }
        }
    }
    Err(failed)
}

fn another_form_may_do(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnsupportedConfig
            | ErrorKind::InvalidInput
            | ErrorKind::UnsupportedOperation
            | ErrorKind::BackendError
    )
}

/// The wanted size, and if that is outside what the device allows, the nearest inside.
fn sizes(own: &cpal::SupportedStreamConfig, latency: Latency, rate: u32) -> Vec<u32> {
    let wanted = (latency.frames() * rate).div_ceil(RATE);
    if let cpal::SupportedBufferSize::Range { min, max } = *own.buffer_size()
        && min <= max
        && max > 0
        && !(min..=max).contains(&wanted)
    {
        return vec![wanted.clamp(min, max), wanted];
    }
    vec![wanted]
}

fn record<T>(
    device: &cpal::Device,
    config: StreamConfig,
    mut end: CaptureEnd,
    tell: &Tell,
) -> Result<cpal::Stream, Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels.max(1));
    let share = 1.0 / channels as f32;
    let thread = tell.thread.clone();
    let heard = move |data: &[T], _: &cpal::InputCallbackInfo| {
        let frames = data.chunks_exact(channels);
        let ready = end.push(frames.map(|frame| {
            frame
                .iter()
                .map(|sample| f32::from_sample_(*sample))
                .sum::<f32>()
                * share
        }));
        if ready {
            thread.unpark();
        }
    };
    device.build_input_stream::<T, _, _>(config, heard, failure(tell), Some(PATIENCE))
}

fn play<T>(
    device: &cpal::Device,
    config: StreamConfig,
    mut end: PlaybackEnd,
    tell: &Tell,
) -> Result<cpal::Stream, Error>
where
    T: SizedSample + FromSample<f32>,
{
    let channels = usize::from(config.channels.max(1));
    let thread = tell.thread.clone();
    let filled = move |data: &mut [T], _: &cpal::OutputCallbackInfo| {
        let count = data.len() / channels;
        let mut frames = data.chunks_exact_mut(channels);
        let thirsty = end.pull(count, |sample| {
            if let Some(frame) = frames.next() {
                frame.fill(T::from_sample_(sample));
            }
        });
        if thirsty {
            thread.unpark();
        }
    };
    device.build_output_stream::<T, _, _>(config, filled, failure(tell), Some(PATIENCE))
}

/// An error callback may run in the real-time thread: gaps are not worth a message there.
fn failure(tell: &Tell) -> impl FnMut(Error) + Send + 'static {
    let (number, failures) = (tell.number, tell.failures.clone());
    move |error| {
        if !matches!(error.kind(), ErrorKind::Xrun | ErrorKind::RealtimeDenied) {
            let _ = failures.try_send((number, error.kind()));
        }
    }
}
