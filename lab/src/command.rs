//! One run of a command: what it said and how it ended.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::binaries;
use crate::conversation::Conversation;
use crate::netns::Namespace;

/// What a command left behind.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// A run being prepared.
#[derive(Debug)]
pub struct Run {
    command: Command,
    patience: Duration,
}

impl Run {
    /// The binary `name` with none of this process's `NTM_` variables.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        Ok(Self::of(Command::new(binaries::find(name)?)))
    }

    /// The same inside a network namespace.
    pub fn inside(namespace: &Namespace, name: &str) -> anyhow::Result<Self> {
        Ok(Self::of(namespace.command(binaries::find(name)?)))
    }

    /// A program from elsewhere inside a network namespace.
    pub fn program_inside(namespace: &Namespace, program: &Path) -> Self {
        Self::of(namespace.command(program))
    }

    fn of(mut command: Command) -> Self {
        for (key, _) in std::env::vars_os().filter(|(k, _)| k.to_string_lossy().starts_with("NTM_"))
        {
            command.env_remove(key);
        }
        command.stdin(Stdio::null());
        Self {
            command,
            patience: Duration::from_secs(60),
        }
    }

    /// `ntm` with the profile in `folder`, keys in a file.
    pub fn ntm(profile: &Path) -> anyhow::Result<Self> {
        let run = Self::new("ntm")?
            .env("NTM_PROFILE", profile)
            .env("NTM_KEYSTORE", "file");
        Ok(run)
    }

    /// Arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// One argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// One environment variable.
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Runs to the end; a command that hangs is ended, and that is an error.
    pub fn finish(mut self) -> anyhow::Result<Outcome> {
        let child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting")?;
        let patience = self.patience;
        wait(child, patience)
    }

    /// Starts it to talk with it while it runs.
    pub fn converse(mut self) -> anyhow::Result<Conversation> {
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Conversation::begin(self.command.spawn().context("starting")?)
    }

    /// Starts it and goes on; output goes to the file `log`.
    pub fn start(mut self, log: &Path) -> anyhow::Result<Background> {
        let out = std::fs::File::create(log).context("log file")?;
        let child = self
            .command
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .context("starting")?;
        Ok(Background {
            child,
            log: log.to_owned(),
        })
    }
}

fn wait(mut child: Child, patience: Duration) -> anyhow::Result<Outcome> {
    let readers = (reader(child.stdout.take()), reader(child.stderr.take()));
    let until = Instant::now() + patience;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= until {
            child.kill()?;
            child.wait()?;
            bail!("the command did not end within {patience:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let text = |r: std::thread::JoinHandle<String>| r.join().unwrap_or_default();
    Ok(Outcome {
        code: status.code(),
        stdout: text(readers.0),
        stderr: text(readers.1),
    })
}

fn reader(pipe: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is all there is to show.
            drop(pipe.read_to_end(&mut bytes));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A process in the background, ended when dropped.
#[derive(Debug)]
pub struct Background {
    child: Child,
    log: std::path::PathBuf,
}

impl Background {
    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        let mut text = String::new();
        if let Ok(mut file) = std::fs::File::open(&self.log) {
            drop(file.read_to_string(&mut text));
        }
        text
    }

    /// Waits until `found` finds something in what it said.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        found: impl Fn(&str) -> Option<T>,
    ) -> anyhow::Result<T> {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(value) = found(&self.said()) {
                return Ok(value);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("ended ({status}) before {what}: {}", self.said());
            }
            if Instant::now() >= until {
                bail!("no {what} in time: {}", self.said());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it as an operator would (SIGTERM), and returns its exit code.
    pub fn terminate(mut self) -> anyhow::Result<Option<i32>> {
        let status = Command::new("kill")
            .arg(self.child.id().to_string())
            .status()?;
        anyhow::ensure!(status.success(), "kill failed");
        Ok(self.child.wait()?.code())
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Ended already, or ended now.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
