//! WAV files of 48 kHz, mono, 16 bit.

use anyhow::{Context, Result, ensure};
use std::path::Path;

const FORMAT: hound::WavSpec = hound::WavSpec {
    channels: 1,
    sample_rate: 48_000,
    bits_per_sample: 16,
    sample_format: hound::SampleFormat::Int,
};

pub(crate) fn read(path: &Path) -> Result<Vec<f32>> {
    let file =
        hound::WavReader::open(path).with_context(|| format!("can't read {}", path.display()))?;
    ensure!(
        file.spec() == FORMAT,
        "{} is not 48 kHz mono 16 bit",
        path.display()
    );
    let samples = file
        .into_samples::<i16>()
        .map(|sample| sample.map(|s| f32::from(s) / 32_768.0));
    samples
        .collect::<Result<_, _>>()
        .with_context(|| format!("{} is damaged", path.display()))
}

pub(crate) fn write(path: &Path, pcm: &[f32]) -> Result<()> {
    let mut file = hound::WavWriter::create(path, FORMAT)
        .with_context(|| format!("can't write {}", path.display()))?;
    for sample in pcm {
        file.write_sample((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16)?;
    }
    file.finalize()
        .with_context(|| format!("can't write {}", path.display()))
}
