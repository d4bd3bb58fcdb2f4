//! iOS. The microphone and the background modes are asked for in `Info.ios.plist`.

mod session;

use tauri::{AppHandle, Builder, Runtime, WebviewWindow};
use voice_app::AppError;
use voice_app::settings::Language;
use voice_app::view::CallView;

use super::{Words, notification, rings};

/// What this system needs of Tauri.
pub(crate) fn plugins<R: Runtime>(builder: Builder<R>) -> Builder<R> {
    builder.plugin(tauri_plugin_notification::init())
}

/// The system's web view starts its own processes anew.
pub(crate) fn guard<R: Runtime>(_window: &WebviewWindow<R>) {}

/// The window is there: whoever uses this phone is asked about notifications.
pub(crate) fn ready<R: Runtime>(app: &AppHandle<R>) {
    notification::ask(app);
}

/// Makes the phone one that records; it asks for the microphone itself, the first time that one is opened.
pub(crate) async fn microphone<R: Runtime>(_app: &AppHandle<R>) -> Result<(), AppError> {
    session::begin()
}

/// Calls go on, or no longer: then other programs may sound again.
pub(crate) async fn in_call<R: Runtime>(_app: &AppHandle<R>, goes_on: bool) {
    if !goes_on {
        session::end();
    }
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
