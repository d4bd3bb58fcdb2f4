//! The house's rule inside this crate: what decides has no clock, socket, task or random number of its own.

use std::path::{Path, PathBuf};

const DECIDES: [&str; 5] = ["core", "core.rs", "sip", "sip.rs", "sdp.rs"];
const ACTS: [&str; 8] = [
    "tokio",
    "Instant::",
    "SystemTime",
    "std::time",
    "UdpSocket",
    "getrandom",
    "std::fs",
    "std::thread",
];

fn sources(path: &Path, all: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            sources(&entry.unwrap().path(), all);
        }
    } else {
        all.push(path.to_owned());
    }
}

#[test]
fn what_decides_does_not_act() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    for part in DECIDES {
        sources(&root.join(part), &mut all);
    }
    assert!(all.len() > 20, "{}", all.len());
    for file in all {
        let text = std::fs::read_to_string(&file).unwrap();
        for word in ACTS {
            assert!(!text.contains(word), "{word} in {}", file.display());
        }
    }
}
