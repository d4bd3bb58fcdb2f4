//! A recording: what the audio thread gives is written by a thread that may wait for the disk.

use std::{
    fs::File,
    io::{self, BufWriter},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use hound::{SampleFormat, WavSpec, WavWriter};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::{BLOCK, RATE, error::SoundError};

/// How many channels a recording has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channels {
    Mono = 1,
    Stereo = 2,
}

/// What waits for the disk at most: four seconds.
const WAITING: usize = 4 * RATE as usize;

/// How often the header is brought up to date: a crash loses no more than this.
const FLUSH: usize = RATE as usize;

/// The longest that a WAV header can say, less a second.
const LONGEST: u64 = u32::MAX as u64 - 200_000;

/// The audio thread's end of a recording. Dropping it completes the file.
pub(crate) struct Writer {
    ring: Option<Producer<f32>>,
    lost: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts a file: 48 kHz, 16 bit. `done` is told by the writing thread that the file is complete, or why it
    /// is not; in the latter case at once.
    ///
    /// # Errors
    /// The file can't be made, or the disk is full already.
    pub(crate) fn create(
        path: &Path,
        channels: Channels,
        done: impl FnOnce(Result<(), SoundError>) + Send + 'static,
    ) -> Result<Self, SoundError> {
        let file = File::create(path).map_err(|why| broken(path, &why))?;
        let spec = WavSpec {
            channels: channels as u16,
            sample_rate: RATE,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let wav =
            WavWriter::new(BufWriter::new(file), spec).map_err(|why| hound_broke(path, why))?;
        let (ring, consumer) = RingBuffer::new(WAITING * channels as usize);
        let lost = Arc::new(AtomicU64::new(0));
        let disk = Disk {
            wav,
            ring: consumer,
            path: path.to_owned(),
            lost: lost.clone(),
            since_flush: 0,
        };
        let thread = thread::Builder::new()
            .name("legato-wav-out".into())
            .spawn(move || done(disk.write_all()))
            .map_err(SoundError::stopped)?;
        Ok(Self {
            ring: Some(ring),
            lost,
            thread: Some(thread),
        })
    }

    /// 10 ms of one channel.
    pub(crate) fn write_mono(&mut self, block: &[f32; BLOCK]) {
        self.write(block.iter().copied(), BLOCK);
    }

    /// 10 ms of two.
    pub(crate) fn write_stereo(&mut self, left: &[f32; BLOCK], right: &[f32; BLOCK]) {
        self.write(
            left.iter()
                .zip(right)
                .flat_map(|(left, right)| [*left, *right]),
            2 * BLOCK,
        );
    }

    fn write(&mut self, samples: impl Iterator<Item = f32>, count: usize) {
        let Some(ring) = &mut self.ring else { return };
        match ring.write_chunk_uninit(count) {
            Ok(chunk) => {
                chunk.fill_from_iter(samples);
            }
            Err(_) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Completes the file, and waits for it.
    pub(crate) fn finish(mut self) {
        self.ring = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Disk {
    wav: WavWriter<BufWriter<File>>,
    ring: Consumer<f32>,
    path: PathBuf,
    /// Blocks that found no room.
    lost: Arc<AtomicU64>,
    since_flush: usize,
}

impl Disk {
    fn write_all(mut self) -> Result<(), SoundError> {
        loop {
            let abandoned = self.ring.is_abandoned();
            self.write_some()?;
            if abandoned {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let Self {
            wav, path, lost, ..
        } = self;
        wav.finalize().map_err(|why| hound_broke(&path, why))?;
        match lost.load(Ordering::Relaxed) * 10 {
            0 => Ok(()),
            millis => Err(SoundError::DiskTooSlow { path, millis }),
        }
    }

    fn write_some(&mut self) -> Result<(), SoundError> {
        while let Ok(sample) = self.ring.pop() {
            let number = (sample * 32_768.0).clamp(-32_768.0, 32_767.0).round() as i16;
            self.wav
                .write_sample(number)
                .map_err(|why| hound_broke(&self.path, why))?;
            self.since_flush += 1;
        }
        if self.since_flush >= FLUSH {
            self.since_flush = 0;
            self.wav
                .flush()
                .map_err(|why| hound_broke(&self.path, why))?;
            if u64::from(self.wav.len()) * 2 > LONGEST {
                return Err(SoundError::FileFull {
                    path: self.path.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Whether a file can be made there; one that is there stays as it is.
pub(crate) fn check(path: &Path) -> Result<(), SoundError> {
    let opened = File::options().append(true).create(true).open(path);
    opened.map(drop).map_err(|why| broken(path, &why))
}

fn hound_broke(path: &Path, why: hound::Error) -> SoundError {
    if let hound::Error::IoError(why) = &why {
        return broken(path, why);
    }
    SoundError::unwritable(path, why)
}

fn broken(path: &Path, why: &io::Error) -> SoundError {
    if [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded].contains(&why.kind()) {
        return SoundError::DiskFull {
            path: path.to_owned(),
        };
    }
    SoundError::unwritable(path, why)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("two.wav");
        let mut writer = Writer::create(&path, Channels::Stereo, |result| result.unwrap()).unwrap();
        for _ in 0..250 {
            writer.write_stereo(&[0.25; BLOCK], &[-2.0; BLOCK]);
        }
        writer.finish();
        let samples: Vec<i16> = hound::WavReader::open(&path)
            .unwrap()
            .into_samples()
            .map(Result::unwrap)
            .collect();
        assert_eq!(samples.len(), 250 * 2 * BLOCK);
        assert!(
            samples.chunks(2).all(|frame| frame == [8192, -32_768]),
            "clipped, not wrapped around"
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_told_once_and_the_call_goes_on() {
        let (tell, told) = mpsc::channel();
        let path = Path::new("/dev/full");
        let mut writer = Writer::create(path, Channels::Mono, move |result| {
            tell.send(result).unwrap()
        })
        .unwrap();
        for _ in 0..20_000 {
            writer.write_mono(&[0.1; BLOCK]);
        }
        writer.finish();
        let results: Vec<_> = told.iter().collect();
        assert_eq!(results, [Err(SoundError::DiskFull { path: path.into() })]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_no_place_for_a_recording() {
        let error = Writer::create(Path::new("/nonexistent/x.wav"), Channels::Mono, |_| ())
            .err()
            .unwrap();
        assert_eq!(error.code(), "file-unwritable");
    }
}
