//! What everybody said in a run, in one file, by time.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use super::Trial;
use super::outcome::Times;
use super::usable::Kernel;
use crate::conversation::Line;
use crate::talk::Talk;

const DAY: u64 = 24 * 60 * 60;

impl Trial {
    /// Writes both ends' and both kernels' words, and what came, with the time since the event in ms.
    pub(super) fn keep(
        &self,
        number: usize,
        talk: &Talk,
        kernels: &[Kernel; 2],
        times: &Times,
    ) -> anyhow::Result<()> {
        let Some(folder) = &self.logs else {
            return Ok(());
        };
        std::fs::create_dir_all(folder)?;
        let name = format!("{}-{}-{number}.log", self.case, self.peer);
        let mut all = vec![(times.usable, "lab", "usable".to_owned())];
        for ((end, kernel), who) in talk.ends().iter().zip(kernels).zip(["caller", "callee"]) {
            let mut add = |lines: Vec<Line>| {
                all.extend(lines.into_iter().map(|l| (stamp(&l), who, l.text)));
            };
            add(kernel.said());
            add(end.err());
            add(end.out());
        }
        for (at, who) in talk.sent_at().iter().zip(["caller", "callee"]) {
            let said = at.iter().enumerate();
            all.extend(said.map(|(n, at)| (*at, who, format!("says {n}"))));
        }
        all.sort_by_key(|(at, ..)| *at);
        Ok(std::fs::write(folder.join(name), text(&all, times.event))?)
    }
}

fn text(all: &[(SystemTime, &str, String)], event: SystemTime) -> String {
    let mut out = String::new();
    for (at, who, said) in all {
        let since = at.duration_since(event).map(ms);
        let since = since.unwrap_or_else(|early| -ms(early.duration()));
        let _ = writeln!(out, "{since:9.1} {who} {said}");
    }
    out
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A node stamps its lines itself, and they may have been read late on a busy machine.
fn stamp(line: &Line) -> SystemTime {
    within_day(&line.text).map_or(line.at, |own| {
        let read = line.at.duration_since(SystemTime::UNIX_EPOCH);
        let read = read.unwrap_or_default();
        let day = Duration::from_secs(read.as_secs() / DAY * DAY);
        let at = SystemTime::UNIX_EPOCH + day + own;
        // Written just before midnight and read just after it.
        if at > line.at {
            at - Duration::from_secs(DAY)
        } else {
            at
        }
    })
}

/// The time of day of `2026-01-01T12:34:56.123456Z DEBUG …`.
fn within_day(text: &str) -> Option<Duration> {
    let (_, rest) = text.split_once('T')?;
    let (clock, _) = rest.split_once("Z ")?;
    let mut parts = clock.split(':');
    let mut next = || parts.next()?.parse::<f64>().ok();
    let (hours, minutes, seconds) = (next()?, next()?, next()?);
    Duration::try_from_secs_f64(hours * 3600.0 + minutes * 60.0 + seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_s_own_stamp_counts() {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(20_000 * DAY + DAY / 2);
        let line = |text: &str| Line {
            at: noon + Duration::from_millis(900),
            text: text.to_owned(),
        };
        let own = line("2024-10-04T12:00:00.250000Z DEBUG ntm::driver: event");
        assert_eq!(stamp(&own), noon + Duration::from_millis(250));
        let plain = line("Two: w0");
        assert_eq!(stamp(&plain), plain.at);
    }
}
