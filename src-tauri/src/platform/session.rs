//! Desktops: starting with the session; and what only phones have to be asked.

use tauri::{AppHandle, Runtime};
use tauri_plugin_autostart::ManagerExt as _;
use voice_app::{AppError, Code};

/// Whether the program starts with the session.
pub(crate) fn autostart<R: Runtime>(app: &AppHandle<R>) -> Result<bool, AppError> {
    app.autolaunch()
        .is_enabled()
        .map_err(|e| AppError::new(Code::System, e))
}

/// Starts the program with the session, or no longer.
pub(crate) fn set_autostart<R: Runtime>(app: &AppHandle<R>, on: bool) -> Result<(), AppError> {
    if autostart(app)? == on {
        return Ok(());
    }
    let changed = if on {
        app.autolaunch().enable()
    } else {
        app.autolaunch().disable()
    };
    changed.map_err(|e| AppError::new(Code::System, e))
}

/// Desktops ask for the microphone themselves, if at all, when it is opened.
pub(crate) async fn microphone<R: Runtime>(_app: &AppHandle<R>) -> Result<(), AppError> {
    Ok(())
}

/// They end no program behind others.
pub(crate) async fn in_call<R: Runtime>(_app: &AppHandle<R>, _goes_on: bool) {}

/// The same without an app: an uninstall.
pub(crate) fn stay_off() -> Result<(), AppError> {
    let Some(dirs) = directories::BaseDirs::new() else {
        return Ok(());
    };
    let entry = dirs.config_dir().join("autostart").join("Legato.desktop");
    Ok(ntm::files::remove(&entry)?)
}
