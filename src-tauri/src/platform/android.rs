//! Android. What it lets only Java do is in `gen/android`, and `bridge` reaches it.

mod bridge;

use tauri::{AppHandle, Builder, Runtime, WebviewWindow};
use voice_app::AppError;
use voice_app::settings::Language;
use voice_app::view::CallView;

use super::{Words, notification, rings};

/// What this system needs of Tauri.
pub(crate) fn plugins<R: Runtime>(builder: Builder<R>) -> Builder<R> {
    builder
        .plugin(tauri_plugin_notification::init())
        .plugin(bridge::plugin())
}

/// The system's web view starts its own processes anew.
pub(crate) fn guard<R: Runtime>(_window: &WebviewWindow<R>) {}

/// The window is there: networks are watched, and whoever uses this phone is asked about notifications.
pub(crate) fn ready<R: Runtime>(app: &AppHandle<R>) {
    bridge::watch_networks(app);
    notification::ask(app);
}

/// Asks for the microphone, unless it may be used already.
pub(crate) async fn microphone<R: Runtime>(app: &AppHandle<R>) -> Result<(), AppError> {
    bridge::microphone(app).await
}

/// Calls go on, or no longer: a service in the foreground keeps the program and its microphone.
pub(crate) async fn in_call<R: Runtime>(app: &AppHandle<R>, goes_on: bool) {
    bridge::in_call(app, goes_on).await;
}

/// Somebody calls.
pub(crate) fn notify_call<R: Runtime>(app: &AppHandle<R>, call: &CallView, language: Language) {
    notification::show(app, rings(call, language));
}

/// It rings no longer; the system takes the notification away itself.
pub(crate) fn withdraw_call<R: Runtime>(_app: &AppHandle<R>, _call: u64) {}

/// Somebody called in vain, or wrote.
pub(crate) fn notify<R: Runtime>(app: &AppHandle<R>, words: Words) {
    notification::show(app, words);
}
