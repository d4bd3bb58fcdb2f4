//! Settings, sound devices, the start with the session.

use serde::Deserialize;
use tauri::{AppHandle, Runtime, State};
use voice_app::view::SoundDevices;
use voice_app::{AppError, Code, SoundTest};

use super::On;
use crate::host::Host;
use crate::ipc::{self, Args, Whole};
use crate::platform;

/// What was chosen.
#[derive(Debug, Deserialize)]
pub struct Chosen {
    settings: Whole,
}

/// Takes other settings.
#[tauri::command]
pub async fn set_settings(host: State<'_, Host>, Args(a): Args<Chosen>) -> Result<(), AppError> {
    let Whole(settings) = a.settings;
    ipc::check(&settings)?;
    #[cfg(desktop)]
    crate::shortcut::check(&settings.ptt_shortcut)?;
    host.desk().app()?.set_settings(settings).await
}

/// What there is to speak into and to hear with.
#[tauri::command]
pub async fn sound_devices() -> Result<SoundDevices, AppError> {
    // The systems' lists take their time.
    let found = tauri::async_runtime::spawn_blocking(voice_app::sound_devices).await;
    found.map_err(|e| AppError::new(Code::System, e))?
}

/// Opens the microphone to see how loud it is, or closes it.
#[tauri::command]
pub async fn microphone_test<R: Runtime>(
    app: AppHandle<R>,
    host: State<'_, Host>,
    Args(a): Args<On>,
) -> Result<(), AppError> {
    platform::microphone(&app).await?;
    let test = a.on.then_some(SoundTest::Microphone);
    host.desk().app()?.test_sound(test).await
}

/// One hears oneself half a second later, or no longer.
#[tauri::command]
pub async fn echo_test<R: Runtime>(
    app: AppHandle<R>,
    host: State<'_, Host>,
    Args(a): Args<On>,
) -> Result<(), AppError> {
    platform::microphone(&app).await?;
    let test = a.on.then_some(SoundTest::Echo);
    host.desk().app()?.test_sound(test).await
}

/// Whether the program starts with the session.
#[tauri::command]
pub async fn autostart<R: Runtime>(app: AppHandle<R>) -> Result<bool, AppError> {
    platform::autostart(&app)
}

/// Starts the program with the session, or no longer.
#[tauri::command]
pub async fn set_autostart<R: Runtime>(
    app: AppHandle<R>,
    Args(a): Args<On>,
) -> Result<(), AppError> {
    platform::set_autostart(&app, a.on)
}
