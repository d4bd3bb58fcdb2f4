//! A server process of a test.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Generous, for a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
}

pub(crate) fn command(binary: &str) -> Command {
    let path = match binary {
        "ntm-dc" => env!("CARGO_BIN_EXE_ntm-dc"),
        "ntm-rs" => env!("CARGO_BIN_EXE_ntm-rs"),
        "ntm-as" => env!("CARGO_BIN_EXE_ntm-as"),
        "ntm-server" => env!("CARGO_BIN_EXE_ntm-server"),
        _ => panic!("{binary} is no binary of this package"),
    };
    let mut command = Command::new(path);
    let ours = std::env::vars_os().filter(|(k, _)| k.to_string_lossy().starts_with("NTM_"));
    ours.for_each(|(k, _)| {
        command.env_remove(k);
    });
    command
}

/// Runs to its end.
pub(crate) fn run(command: &mut Command) -> Output {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let end = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
            let said = child.wait_with_output().unwrap();
            panic!(
                "does not end by itself: {}",
                String::from_utf8_lossy(&said.stderr)
            );
        }
        sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

impl Server {
    /// Starts it, and waits until it says where it listens.
    pub(crate) fn start(command: &mut Command, ready_file: &Path) -> (Self, serde_json::Value) {
        drop(std::fs::remove_file(ready_file));
        command
            .arg("run")
            .arg("--ready-file")
            .arg(ready_file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut server = Self {
            child: command.spawn().unwrap(),
        };
        let end = Instant::now() + PATIENCE;
        loop {
            if let Ok(text) = std::fs::read_to_string(ready_file) {
                return (server, serde_json::from_str(&text).unwrap());
            }
            if server.child.try_wait().unwrap().is_some() || Instant::now() > end {
                panic!("does not start: {}", server.kill());
            }
            sleep(Duration::from_millis(10));
        }
    }

    /// SIGTERM, then its exit code and all it said.
    pub(crate) fn terminate(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        let end = Instant::now() + PATIENCE;
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            assert!(Instant::now() < end, "SIGTERM does not stop it");
            sleep(Duration::from_millis(10));
        };
        (code, self.said())
    }

    fn kill(&mut self) -> String {
        drop(self.child.kill());
        drop(self.child.wait());
        self.said()
    }

    fn said(&mut self) -> String {
        let mut said = String::new();
        if let Some(mut out) = self.child.stdout.take() {
            out.read_to_string(&mut said).unwrap();
        }
        if let Some(mut err) = self.child.stderr.take() {
            err.read_to_string(&mut said).unwrap();
        }
        said
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The first address a role listens on.
pub(crate) fn address(ready: &serde_json::Value, role: &str) -> SocketAddr {
    ready[role][0].as_str().unwrap().parse().unwrap()
}
