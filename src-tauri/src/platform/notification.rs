//! Notifications by Tauri's plugin, where the system's own way needs no more.

use tauri::{AppHandle, Runtime};
use tauri_plugin_notification::NotificationExt as _;

/// Shows one.
pub(super) fn show<R: Runtime>(app: &AppHandle<R>, (title, body): (String, String)) {
    let shown = app.notification().builder().title(title).body(body).show();
    if let Err(error) = shown {
        tracing::warn!(%error, "no notification was shown");
    }
}

/// Asks whether it may show any, once; phones show none before.
#[cfg(mobile)]
pub(super) fn ask<R: Runtime>(app: &AppHandle<R>) {
    let app = app.clone();
    // Waits until somebody chose.
    tauri::async_runtime::spawn_blocking(move || {
        if let Err(error) = app.notification().request_permission() {
            tracing::warn!(%error, "nobody was asked about notifications");
        }
    });
}
