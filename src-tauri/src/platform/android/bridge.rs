//! The way to `PhonePlugin.kt` of `gen/android`: networks, the microphone's permission, the service that keeps a call.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tauri::ipc::{Channel, InvokeResponseBody};
use tauri::plugin::{Builder, PermissionState, PluginHandle, TauriPlugin};
use tauri::{AppHandle, Manager as _, Runtime};
use voice_app::{AppError, Code};

struct Bridge<R: Runtime>(PluginHandle<R>);

/// Where networks are told of.
#[derive(Serialize)]
struct Watch {
    changed: Channel<()>,
}

/// What is told: by which interface the system sends.
#[derive(Deserialize)]
struct Networks {
    preferred: Option<String>,
}

#[derive(Serialize)]
struct Wanted {
    permissions: [&'static str; 1],
}

#[derive(Deserialize)]
struct Permitted {
    microphone: PermissionState,
}

/// Finds the Kotlin side.
pub(super) fn plugin<R: Runtime>() -> TauriPlugin<R> {
    Builder::new("phone")
        .setup(|app, api| {
            let handle = api.register_android_plugin("org.legato.app", "PhonePlugin")?;
            app.manage(Bridge(handle));
            Ok(())
        })
        .build()
}

/// Nodes hear of networks from now on.
pub(super) fn watch_networks<R: Runtime>(app: &AppHandle<R>) {
    let changed = Channel::new(|told: InvokeResponseBody| {
        ntm::networks_changed(told.deserialize::<Networks>()?.preferred);
        Ok(())
    });
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        if let Err(error) = ask::<R, ()>(&app, "watchNetworks", Watch { changed }).await {
            tracing::warn!(%error, "no events about network changes from this system");
        }
    });
}

/// Asks for the microphone.
pub(super) async fn microphone<R: Runtime>(app: &AppHandle<R>) -> Result<(), AppError> {
    let permissions = ["microphone"];
    let asked = ask::<R, Permitted>(app, "requestPermissions", Wanted { permissions });
    if asked.await?.microphone == PermissionState::Granted {
        return Ok(());
    }
    Err(crate::platform::microphone_refused())
}

/// Starts or ends the service.
pub(super) async fn in_call<R: Runtime>(app: &AppHandle<R>, goes_on: bool) {
    let command = if goes_on { "startCall" } else { "endCall" };
    if let Err(error) = ask::<R, ()>(app, command, ()).await {
        tracing::warn!(%error, command, "the system may end a call in the background");
    }
}

async fn ask<R: Runtime, T: DeserializeOwned>(
    app: &AppHandle<R>,
    command: &str,
    payload: impl Serialize,
) -> Result<T, AppError> {
    let bridge = app.state::<Bridge<R>>();
    let answer = bridge.0.run_mobile_plugin_async(command, payload).await;
    answer.map_err(|e| AppError::new(Code::System, e))
}
