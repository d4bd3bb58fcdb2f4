//! One run of one condition.

use crate::conditions::Condition;
use crate::log::{self, Cut, Figures, Log};
use crate::record;
use anyhow::{Context, Result};
use std::path::Path;
use std::time::Duration;
use voice_audio::opus::{OpusDecoder, OpusEncoder};
use voice_media::world::{Dice, Outage, Room, Side, World};
use voice_media::{BLOCK, Config, Engine, Origin};

/// Side A speaks, side B listens (its room has a faint noise).
struct Bench<'a> {
    speech: &'a [f32],
    noise: Dice,
    said: Vec<f32>,
    heard: Vec<f32>,
    unwarped: Vec<f32>,
    log: Log,
    keeps_sound: bool,
    blocks: u64,
}

pub(crate) fn run(condition: &Condition, seed: u64, speech: &[f32], folder: &Path) -> Result<()> {
    let outages: Vec<Outage> = condition
        .outages
        .iter()
        .map(|outage| Outage {
            at: outage.at + Duration::from_millis(613) * (seed as u32 - 1),
            ..*outage
        })
        .collect();
    let mut bench = Bench {
        speech,
        noise: Dice::new(seed),
        said: Vec::new(),
        heard: Vec::new(),
        unwarped: Vec::new(),
        log: Log {
            condition: condition.name.to_owned(),
            bar: condition.bar,
            seed,
            seconds: condition.seconds,
            path_ms: log::ms(condition.path.delay),
            outages: outages
                .iter()
                .map(|o| Cut {
                    at_ms: log::ms(o.at),
                    length_ms: log::ms(o.length),
                })
                .collect(),
            ..Log::default()
        },
        keeps_sound: condition.keeps_sound,
        blocks: 0,
    };
    let engines = [
        engine(condition, 1, false)?,
        engine(condition, 2, condition.keeps_sound)?,
    ];
    let mut world = World::new(engines, condition.path, outages, condition.skew_ppm, seed);
    world.run(Duration::from_secs(condition.seconds), &mut bench);
    bench.log.events = log::told(world.events());
    let [a, b] = world
        .engines
        .each_ref()
        .map(|engine| engine.stats(world.now()));
    bench.log.figures = Figures::new(&a, &b, condition.seconds);
    bench.write(folder)
}

fn engine(condition: &Condition, side: u8, tap: bool) -> Result<Engine> {
    let mut config = Config::new([side; 32], "bench");
    config.frame = condition.frame;
    config.tap = tap;
    if !condition.backfill {
        config.report_extension = None;
    }
    Ok(Engine::new(
        config,
        Box::new(OpusEncoder::new()?),
        Box::new(OpusDecoder::new()?),
    ))
}

impl Room for Bench<'_> {
    fn mic(&mut self, side: Side, block: u64) -> [f32; BLOCK] {
        if side == Side::B {
            return std::array::from_fn(|_| (self.noise.roll() as f32 - 0.5) * 1e-3);
        }
        let from = block as usize * BLOCK;
        let pcm = std::array::from_fn(|i| {
            self.speech
                .get((from + i) % self.speech.len())
                .copied()
                .unwrap_or(0.0)
        });
        if self.keeps_sound {
            self.said.extend_from_slice(&pcm);
        }
        pcm
    }

    fn ear(&mut self, side: Side, now: Duration, engine: &mut Engine, pcm: &[f32; BLOCK]) {
        if side == Side::A {
            return;
        }
        if self.keeps_sound {
            // the recording begins with the call: what is played now lies at `now`
            let at = (now.as_secs_f64() * 48_000.0).round() as usize;
            self.heard.resize(at.max(self.heard.len()), 0.0);
            self.heard.extend_from_slice(pcm);
        }
        while let Some(decoded) = engine.poll_decoded() {
            let (at, end) = (
                decoded.at.max(0) as usize,
                decoded.at.max(0) as usize + decoded.samples,
            );
            self.unwarped.resize(self.unwarped.len().max(end), 0.0);
            if decoded.origin != Origin::Skipped && decoded.pcm.len() == decoded.samples {
                self.unwarped[at..end].copy_from_slice(&decoded.pcm);
            }
        }
        self.blocks += 1;
        if self.blocks.is_multiple_of(2) {
            let heard = engine.stats(now).heard;
            self.log.delay.push([
                log::ms(now),
                log::ms(heard.playout_delay),
                log::ms(heard.delay_target),
            ]);
            self.log.lost.push(heard.lost_speech_ms);
        }
    }
}

impl Bench<'_> {
    fn write(&self, folder: &Path) -> Result<()> {
        let json = serde_json::to_vec(&self.log).context("the log can't be written as JSON")?;
        std::fs::write(folder.join("run.json"), json)
            .with_context(|| format!("can't write into {}", folder.display()))?;
        if self.keeps_sound {
            record::write(&folder.join("mouth.wav"), &self.said)?;
            record::write(&folder.join("heard.wav"), &self.heard)?;
            record::write(&folder.join("unwarped.wav"), &self.unwarped)?;
        }
        Ok(())
    }
}
