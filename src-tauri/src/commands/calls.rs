//! Calls.

use serde::Deserialize;
use tauri::ipc::JavaScriptChannelId;
use tauri::{AppHandle, Runtime, State, Webview};
use voice_app::AppError;
use voice_app::view::CallView;

use super::{Call, On};
use crate::host::Host;
use crate::ipc::{Args, Name};
use crate::platform;

/// Whom to call.
#[derive(Debug, Deserialize)]
pub struct Whom {
    name: Name,
}

/// A line that is held or not.
#[derive(Debug, Deserialize)]
pub struct Hold {
    call: u64,
    held: bool,
}

/// A microphone that is muted or not.
#[derive(Debug, Deserialize)]
pub struct Mute {
    muted: bool,
}

/// A key that is held down or not.
#[derive(Debug, Deserialize)]
pub struct Key {
    down: bool,
}

/// A call to watch or not.
#[derive(Debug, Deserialize)]
pub struct Watch {
    call: u64,
    on: bool,
}

/// Where levels go, or go no longer.
#[derive(Deserialize)]
pub struct Levels {
    channel: JavaScriptChannelId,
    on: bool,
}

/// Calls somebody.
#[tauri::command]
pub async fn call<R: Runtime>(
    app: AppHandle<R>,
    host: State<'_, Host>,
    Args(a): Args<Whom>,
) -> Result<CallView, AppError> {
    platform::microphone(&app).await?;
    host.desk().app()?.call(a.name.as_str()).await
}

/// Takes a call that rings.
#[tauri::command]
pub async fn accept<R: Runtime>(
    app: AppHandle<R>,
    host: State<'_, Host>,
    Args(a): Args<Call>,
) -> Result<(), AppError> {
    platform::microphone(&app).await?;
    host.desk().app()?.accept(a.call).await
}

/// Refuses a call that rings.
#[tauri::command]
pub async fn decline(host: State<'_, Host>, Args(a): Args<Call>) -> Result<(), AppError> {
    host.desk().app()?.decline(a.call).await
}

/// Ends a call.
#[tauri::command]
pub async fn hang_up(host: State<'_, Host>, Args(a): Args<Call>) -> Result<(), AppError> {
    host.desk().app()?.hang_up(a.call).await
}

/// Holds the line, or takes it up again.
#[tauri::command]
pub async fn hold(host: State<'_, Host>, Args(a): Args<Hold>) -> Result<(), AppError> {
    host.desk().app()?.hold(a.call, a.held).await
}

/// Mutes the microphone, or no longer.
#[tauri::command]
pub async fn mute(host: State<'_, Host>, Args(a): Args<Mute>) -> Result<(), AppError> {
    host.desk().app()?.mute(a.muted).await
}

/// The push-to-talk key of the window went down or up.
#[tauri::command]
pub async fn ptt(host: State<'_, Host>, Args(a): Args<Key>) -> Result<(), AppError> {
    host.desk().app()?.push_to_talk(a.down).await
}

/// Records the calls, or ends that; the file that is written.
#[tauri::command]
pub async fn record(host: State<'_, Host>, Args(a): Args<On>) -> Result<Option<String>, AppError> {
    let file = host.desk().record(a.on).await?;
    Ok(file.map(|f| f.display().to_string()))
}

/// Tells the ways of a call once a second and at each hand-over, or no longer.
#[tauri::command]
pub async fn watch_route(host: State<'_, Host>, Args(a): Args<Watch>) -> Result<(), AppError> {
    host.desk().watch_route(a.call, a.on).await
}

/// Levels go into this channel from now on, or into none.
#[tauri::command]
pub async fn watch_levels<R: Runtime>(
    host: State<'_, Host>,
    webview: Webview<R>,
    Args(a): Args<Levels>,
) -> Result<(), AppError> {
    host.watch_levels(a.on.then(|| a.channel.channel_on(webview)));
    Ok(())
}
