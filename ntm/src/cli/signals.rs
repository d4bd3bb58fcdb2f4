//! When a person or the system wants a long command to end.

/// Ends on Ctrl-C, and on SIGTERM where there is one.
#[cfg(unix)]
pub(super) async fn stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
    }
}

/// Ends on Ctrl-C.
#[cfg(not(unix))]
pub(super) async fn stop() {
    let _ = tokio::signal::ctrl_c().await;
}
