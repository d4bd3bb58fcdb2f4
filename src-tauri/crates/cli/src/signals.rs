//! When a person or the system wants this to end: then whoever is talked to is told.

/// Ctrl-C, and SIGTERM where there is one. Made once, it hears what comes while nobody waits.
#[derive(Debug)]
pub(crate) struct Stop {
    #[cfg(unix)]
    streams: Option<[tokio::signal::unix::Signal; 2]>,
    #[cfg(windows)]
    stream: Option<tokio::signal::windows::CtrlC>,
}

impl Stop {
    #[cfg(unix)]
    pub(crate) fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let both = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        let streams = match both {
            [Ok(interrupt), Ok(terminate)] => Some([interrupt, terminate]),
            _ => None,
        };
        Self { streams }
    }

    #[cfg(windows)]
    pub(crate) fn new() -> Self {
        Self {
            stream: tokio::signal::windows::ctrl_c().ok(),
        }
    }

    /// Waits for the next.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        match &mut self.streams {
            Some([interrupt, terminate]) => tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            },
            None => std::future::pending().await,
        }
    }

    /// Waits for the next.
    #[cfg(windows)]
    pub(crate) async fn next(&mut self) {
        match &mut self.stream {
            Some(stream) => drop(stream.recv().await),
            None => std::future::pending().await,
        }
    }
}
