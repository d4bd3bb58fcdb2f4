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
