//! The bus of scripts/vsound: what A's microphone hears, what A plays, and the same for B, on one tape.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Whether this process runs in scripts/vsound.
pub(crate) fn is_there() -> bool {
    std::env::var_os("VSOUND").is_some()
}

/// A tape that runs until it is asked for.
pub(crate) struct Tape {
    child: Child,
    file: PathBuf,
}

impl Tape {
    pub(crate) fn start(folder: &Path) -> Self {
        let file = folder.join("bus.raw");
        let channels = "--channel-map=front-left,front-right,rear-left,rear-right";
        let child = Command::new("parec")
            .args([
                "-d",
                "bus.monitor",
                "--rate=48000",
                "--channels=4",
                channels,
                "--format=float32le",
                "--latency-msec=100",
                "--raw",
            ])
            .stdout(fs::File::create(&file).unwrap())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(500));
        Self { child, file }
    }

    /// The four channels.
    pub(crate) fn stop(mut self) -> [Vec<f32>; 4] {
        std::thread::sleep(Duration::from_millis(300));
        let _ = self.child.kill();
        let _ = self.child.wait();
        let bytes = fs::read(&self.file).unwrap();
        let samples: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        std::array::from_fn(|channel| samples.iter().skip(channel).step_by(4).copied().collect())
    }
}

/// Speaks a file into a sink, `mouthA` for A's microphone. A small buffer would be heard when the machine is busy.
pub(crate) fn speak(file: &Path, into: &str) -> Child {
    Command::new("paplay")
        .args(["-d", into, "--latency-msec=500"])
        .arg(file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// What pactl prints.
pub(crate) fn pactl(arguments: &[&str]) -> String {
    let output = Command::new("pactl").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "pactl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
