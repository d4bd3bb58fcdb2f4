//! Windows and macOS.

use tauri::{AppHandle, Builder, Runtime, WebviewWindow};
use voice_app::settings::Language;
use voice_app::view::CallView;

use super::{Words, notification, rings};

/// What this system needs of Tauri.
pub(crate) fn plugins<R: Runtime>(builder: Builder<R>) -> Builder<R> {
    builder.plugin(tauri_plugin_notification::init())
}

/// The system's web view starts its own processes anew.
pub(crate) fn guard<R: Runtime>(_window: &WebviewWindow<R>) {}

/// There always is a place for an icon.
pub(crate) fn has_tray() -> bool {
    true
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

/// `second` is called in the first program, with what a later start was given.
pub(crate) fn single<R, F>(second: F) -> tauri::plugin::TauriPlugin<R>
where
    R: Runtime,
    F: Fn(&AppHandle<R>, Vec<String>) + Send + Sync + 'static,
{
    tauri_plugin_single_instance::init(move |app, args, _| second(app, args))
}
