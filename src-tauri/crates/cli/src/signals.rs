//! When a person or the system wants this to end: then whoever is talked to is told.

/// Waits for Ctrl-C, or for SIGTERM where there is one.
pub(crate) async fn stop() {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = term() => {}
    }
}

#[cfg(unix)]
async fn term() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut term) => drop(term.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn term() {
    std::future::pending().await
}
