//! What each system has its own way of doing: one file a system, the choice between them here.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{guard, notify_call, notify_missed, plugins, single, withdraw_call};

#[cfg(any(windows, target_os = "macos"))]
mod desktop;
#[cfg(any(windows, target_os = "macos"))]
pub(crate) use desktop::{guard, notify_call, notify_missed, plugins, single, withdraw_call};

#[cfg(target_os = "android")]
mod android;
#[cfg(target_os = "android")]
pub(crate) use android::{
    guard, in_call, microphone, notify_call, notify_missed, plugins, ready, withdraw_call,
};

#[cfg(target_os = "ios")]
mod apple;
#[cfg(target_os = "ios")]
pub(crate) use apple::{
    guard, in_call, microphone, notify_call, notify_missed, plugins, ready, withdraw_call,
};

#[cfg(not(target_os = "linux"))]
mod notification;

#[cfg(desktop)]
mod session;
#[cfg(desktop)]
pub(crate) use session::{autostart, in_call, microphone, set_autostart, stay_off};

#[cfg(mobile)]
mod phone;
#[cfg(mobile)]
pub(crate) use phone::{autostart, set_autostart, stay_off};

use voice_app::view::CallView;

/// What a notification of a call says.
fn rings(call: &CallView) -> (String, String) {
    let from = call
        .device
        .as_deref()
        .map_or_else(String::new, |d| format!(" ({d})"));
    (call.with.clone(), format!("calls{from}"))
}

/// The phone's answer was no.
#[cfg(target_os = "android")]
fn microphone_refused() -> voice_app::AppError {
    voice_app::AppError {
        code: "permission-refused".to_owned(),
        message: "Legato may not use the microphone: allow it in the phone's settings".to_owned(),
    }
}

/// What one of a missed call says.
fn missed(call: &CallView) -> (String, String) {
    ("Missed call".to_owned(), call.with.clone())
}
