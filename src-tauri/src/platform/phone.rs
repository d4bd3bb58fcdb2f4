//! Phones start programs themselves.

use tauri::{AppHandle, Runtime};
use voice_app::{AppError, Code};

/// Never.
pub(crate) fn autostart<R: Runtime>(_app: &AppHandle<R>) -> Result<bool, AppError> {
    Ok(false)
}

/// Not to be had.
pub(crate) fn set_autostart<R: Runtime>(_app: &AppHandle<R>, on: bool) -> Result<(), AppError> {
    if !on {
        return Ok(());
    }
    let what = "on a phone the system decides which programs run";
    Err(AppError::new(Code::System, what))
}

/// Nothing to take back.
pub(crate) fn stay_off() -> Result<(), AppError> {
    Ok(())
}
