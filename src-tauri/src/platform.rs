//! What each system has its own way of doing: one file a system, the choice between them here.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{guard, has_tray, notify, notify_call, plugins, single, withdraw_call};

#[cfg(any(windows, target_os = "macos"))]
mod desktop;
#[cfg(any(windows, target_os = "macos"))]
pub(crate) use desktop::{guard, has_tray, notify, notify_call, plugins, single, withdraw_call};

#[cfg(target_os = "android")]
mod android;
#[cfg(target_os = "android")]
pub(crate) use android::{
    guard, in_call, microphone, notify, notify_call, plugins, ready, withdraw_call,
};

#[cfg(target_os = "ios")]
mod apple;
#[cfg(target_os = "ios")]
pub(crate) use apple::{
    guard, in_call, microphone, notify, notify_call, plugins, ready, withdraw_call,
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

use voice_app::settings::Language;
use voice_app::view::CallView;

/// A notification's title, and what is under it.
pub(crate) type Words = (String, String);

/// What a notification of a call says.
pub(crate) fn rings(call: &CallView, language: Language) -> Words {
    let device = call.device.as_deref();
    let from = device.map_or_else(String::new, |d| format!(" ({d})"));
    let calls = if is_japanese(language) {
        format!("着信{from}")
    } else {
        format!("calls{from}")
    };
    (call.with.clone(), calls)
}

/// What one of a missed call says.
pub(crate) fn missed(call: &CallView, language: Language) -> Words {
    let missed = if is_japanese(language) {
        "不在着信"
    } else {
        "Missed call"
    };
    (missed.to_owned(), call.with.clone())
}

/// What one of a text says.
pub(crate) fn wrote(from: &str, text: &str) -> Words {
    /// Longer ones are read in the window.
    const SHOWN: usize = 200;
    (from.to_owned(), text.chars().take(SHOWN).collect())
}

/// The language that was chosen, else the system's.
pub(crate) fn is_japanese(language: Language) -> bool {
    match language {
        Language::Ja => true,
        Language::En => false,
        Language::Auto => sys_locale::get_locale().is_some_and(|l| l.starts_with("ja")),
    }
}

/// The phone's answer was no.
#[cfg(target_os = "android")]
fn microphone_refused() -> voice_app::AppError {
    voice_app::AppError {
        code: "permission-refused".to_owned(),
        message: "Legato may not use the microphone: allow it in the phone's settings".to_owned(),
    }
}
