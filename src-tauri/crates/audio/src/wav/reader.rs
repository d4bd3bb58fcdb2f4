//! A file as a microphone.

use std::{fs::File, io::BufReader, path::Path, thread, time::Duration};

use hound::{SampleFormat, WavReader};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::{BLOCK, RATE, error::SoundError, resample::Resampler};

/// What is read ahead: two seconds outlast a busy disk.
const AHEAD: usize = 2 * RATE as usize;

/// Opens a file of any rate and number of channels; its first seconds are read at once, the rest by a thread that ends with the file
/// or with the consumer.
///
/// # Errors
/// The file is not there, or is no WAV file that anybody plays.
pub(crate) fn open(path: &Path, repeat: bool) -> Result<Consumer<f32>, SoundError> {
    let mut reader = Reader::open(path)?;
    let (mut ring, consumer) = RingBuffer::new(AHEAD);
    let path = path.to_owned();
    let name = "legato-wav-in".to_owned();
    thread::Builder::new()
        .name(name)
        .spawn(move || {
            loop {
                // An error in the middle of a file ends it there: what could be read was played.
                let read = reader.pour(&mut ring);
                if !repeat || !read || ring.is_abandoned() {
                    return;
                }
                match Reader::open(&path) {
                    Ok(again) => reader = again,
                    Err(_) => return,
                }
            }
        })
        .map_err(SoundError::stopped)?;
    Ok(consumer)
}

/// Whether [`open`] would.
pub(crate) fn check(path: &Path) -> Result<(), SoundError> {
    Reader::open(path).map(drop)
}

struct Reader {
    samples: Box<dyn Iterator<Item = f32> + Send>,
    resampler: Option<Resampler>,
}

impl Reader {
    fn open(path: &Path) -> Result<Self, SoundError> {
        let file = WavReader::open(path).map_err(|why| SoundError::unreadable(path, why))?;
        let rate = file.spec().sample_rate;
        let resampler =
            match rate {
                RATE => None,
                _ => Some(Resampler::to_engine(rate).ok_or_else(|| {
                    SoundError::unreadable(path, format!("{rate} samples a second"))
                })?),
            };
        Ok(Self {
            samples: mono(file),
            resampler,
        })
    }

    /// Everything into the ring, as fast as it is emptied; false when nothing came of the file.
    fn pour(&mut self, ring: &mut Producer<f32>) -> bool {
        let mut poured = false;
        loop {
            let block = self.block();
            if block.is_empty() || !push(ring, &block) {
                return poured;
            }
            poured = true;
        }
    }

    fn block(&mut self) -> Vec<f32> {
        let Some(resampler) = &mut self.resampler else {
            return self.samples.by_ref().take(BLOCK).collect();
        };
        let mut read = 0;
        for (place, sample) in resampler.input().iter_mut().zip(self.samples.by_ref()) {
            *place = sample;
            read += 1;
        }
        resampler.input()[read..].fill(0.0);
        if read == 0 {
            Vec::new()
        } else {
            resampler.convert().to_vec()
        }
    }
}

/// The mean of the channels, as numbers from -1 to 1.
fn mono(file: WavReader<BufReader<File>>) -> Box<dyn Iterator<Item = f32> + Send> {
    let spec = file.spec();
    let channels = usize::from(spec.channels.max(1));
    match spec.sample_format {
        SampleFormat::Float => Box::new(mix(
            file.into_samples::<f32>().map_while(Result::ok),
            channels,
        )),
        SampleFormat::Int => {
            let full = (1u64 << (spec.bits_per_sample - 1)) as f32;
            Box::new(mix(
                file.into_samples::<i32>()
                    .map_while(Result::ok)
                    .map(move |sample| sample as f32 / full),
                channels,
            ))
        }
    }
}

fn mix(mut samples: impl Iterator<Item = f32>, channels: usize) -> impl Iterator<Item = f32> {
    std::iter::from_fn(move || {
        let mut sum = samples.next()?;
        for _ in 1..channels {
            sum += samples.next()?;
        }
        Some(sum / channels as f32)
    })
}

/// Waits for room; false when nobody listens any more.
fn push(ring: &mut Producer<f32>, block: &[f32]) -> bool {
    for sample in block {
        while ring.push(*sample).is_err() {
            if ring.is_abandoned() {
                return false;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
    !ring.is_abandoned()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn file(
        rate: u32,
        channels: u16,
        format: SampleFormat,
        bits: u16,
        frames: u32,
    ) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: bits,
            sample_format: format,
        };
        let mut writer = hound::WavWriter::create(file.path(), spec).unwrap();
        for frame in 0..frames {
            for _ in 0..channels {
                let sample =
                    0.5 * (std::f32::consts::TAU * 440.0 * frame as f32 / rate as f32).sin();
                match format {
                    SampleFormat::Float => writer.write_sample(sample).unwrap(),
                    SampleFormat::Int => writer
                        .write_sample((sample * (1u64 << (bits - 1)) as f32) as i32)
                        .unwrap(),
                }
            }
        }
        writer.finalize().unwrap();
        file
    }

    fn all(mut ring: Consumer<f32>) -> Vec<f32> {
        let mut samples = Vec::new();
        let since = Instant::now();
        while !ring.is_abandoned() || ring.slots() > 0 {
            samples.extend(std::iter::from_fn(|| ring.pop().ok()));
            assert!(
                since.elapsed().as_secs() < 20,
                "the reader ends with its file"
            );
        }
        samples
    }

    #[test]
    fn every_kind_of_file_becomes_48_khz_mono_of_the_same_length_and_height() {
        for (rate, channels, format, bits) in [
            (48_000, 1, SampleFormat::Int, 16),
            (44_100, 2, SampleFormat::Int, 16),
            (16_000, 1, SampleFormat::Int, 24),
            (8_000, 1, SampleFormat::Int, 8),
            (96_000, 6, SampleFormat::Float, 32),
        ] {
            let samples =
                all(open(file(rate, channels, format, bits, rate).path(), false).unwrap());
            assert!(
                samples.len().abs_diff(48_000) <= 480,
                "{rate} Hz: {} samples of 48,000",
                samples.len()
            );
            let rms = (samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).sqrt();
            assert!((rms - 0.3535).abs() < 0.01, "{rate} Hz, {bits} bits: {rms}");
        }
    }

    #[test]
    fn a_repeated_file_has_no_end() {
        let file = file(48_000, 1, SampleFormat::Int, 16, 4800);
        let mut ring = open(file.path(), true).unwrap();
        let mut read = 0;
        while read < 20_000 {
            read += usize::from(ring.pop().is_ok());
            assert!(!ring.is_abandoned(), "it ended after {read} samples");
        }
    }

    #[test]
    fn what_is_no_wav_file_says_so() {
        let error = open(Path::new("/nonexistent.wav"), false).unwrap_err();
        assert_eq!(error.code(), "file-unreadable");
        let text = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(text.path(), "hello").unwrap();
        assert_eq!(
            open(text.path(), false).unwrap_err().code(),
            "file-unreadable"
        );
    }
}
