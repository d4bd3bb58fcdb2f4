//! What everybody said in a run, in one file, by time.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use super::Trial;
use super::outcome::Times;
use super::usable::Kernel;
use crate::conversation::Line;
use crate::talk::Talk;

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
            let mut add =
                |lines: Vec<Line>| all.extend(lines.into_iter().map(|l| (l.at, who, l.text)));
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
        let since = at.duration_since(event).map(|d| ms(d));
        let since = since.unwrap_or_else(|early| -ms(early.duration()));
        let _ = writeln!(out, "{since:9.1} {who} {said}");
    }
    out
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
