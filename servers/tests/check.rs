//! `check` and its sisters.

use std::path::PathBuf;
use std::process::Output;

use crate::process::{command, run};

struct File(tempfile::TempDir);

impl File {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), text).unwrap();
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("config.toml")
    }
}

fn check(text: &str) -> Output {
    let file = File::new(text);
    run(command("ntm-server")
        .arg("check")
        .arg("--config")
        .arg(file.path()))
}

#[test]
fn each_broken_configuration_is_explained_by_key_and_place() {
    let table = [
        ("domain = 7", "line 1, column 10: domain:"),
        ("domain = \"nodots\"", "domain: \"nodots\" is no domain"),
        (
            "[dc]\nlisen = []",
            "line 2, column 1: dc.lisen: no such key: did you mean dc.listen?",
        ),
        (
            "[dc]\nlisten = []",
            "line 2, column 10: dc.listen: is empty",
        ),
        (
            "[dc]\nlisten = [\"7930\"]",
            "\"7930\" is no address and port",
        ),
        (
            "[dc]\nlisten = [\"[::]:1\", \"[::]:1\"]",
            "names [::]:1 twice",
        ),
        ("[dc]\npoll_s = 0", "dc.poll_s: must be at least 1"),
        ("[[dc.peers]]\ndomains = []", "missing field `key`"),
        (
            "[dc.push]\nlisten = [\"0.0.0.0:7931\"]",
            "line 2, column 10: dc.push.listen: has port 7931, where no node looks",
        ),
        (
            "[dc.push]\nmax_connections = 0",
            "dc.push.max_connections: must be at least 1",
        ),
        (
            "[rs]\nmax_legs = \"many\"",
            "line 2, column 12: rs.max_legs:",
        ),
        ("[as]\ntls = \"acme\"", "unknown variant `acme`"),
        ("[as]\nurl = \"http://a\"", "does not begin with https://"),
        (
            "[log]\nlevel = \"loud\"",
            "line 2, column 9: log.level: \"loud\" is no level",
        ),
        ("log = 1", "log: is a section"),
        ("dc = [", "line 1, column"),
        (
            "public_addresses = [\"0.0.0.0\"]",
            "others can't send to 0.0.0.0",
        ),
        ("[relay]\na = 1", "relay: no such key"),
    ];
    for (text, words) in table {
        let told = check(text);
        let stderr = String::from_utf8_lossy(&told.stderr);
        assert_eq!(told.status.code(), Some(78), "{text}: {stderr}");
        assert!(
            stderr.contains(words),
            "{text} should be told {words:?}: {stderr}"
        );
    }
}

#[test]
fn the_printed_example_is_a_configuration_without_problems() {
    let example = run(command("ntm-server").arg("example-config"));
    assert_eq!(example.status.code(), Some(0));
    let told = check(&String::from_utf8(example.stdout).unwrap());
    assert_eq!(
        told.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
}

#[test]
fn a_wrong_variable_is_told_by_its_name() {
    let file = File::new("");
    let mut command = command("ntm-rs");
    let told = run(command
        .arg("check")
        .arg("-c")
        .arg(file.path())
        .env("NTM_RS__MAX_LEG", "1"));
    let stderr = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.status.code(), Some(78), "{stderr}");
    let words = "environment NTM_RS__MAX_LEG: rs.max_leg: no such key: did you mean rs.max_legs?";
    assert!(stderr.contains(words), "{stderr}");
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let told = run(command("ntm-dc").args(["check", "-c", "/no/such/file"]));
    let stderr = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.status.code(), Some(66), "{stderr}");
    assert!(stderr.contains("/no/such/file"), "{stderr}");
}
