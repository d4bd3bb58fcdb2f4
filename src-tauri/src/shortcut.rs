//! The push-to-talk key, in whatever program.

use std::sync::Mutex;

use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Manager as _, Runtime};
use tauri_plugin_global_shortcut::{GlobalShortcutExt as _, Shortcut, ShortcutState};
use voice_app::settings::Settings;
use voice_app::{AppError, AppEvent, Code};

use crate::host::Host;

/// The key that is listened for.
static TAKEN: Mutex<Option<Shortcut>> = Mutex::new(None);

/// What hears the key.
pub(crate) fn plugin<R: Runtime>() -> TauriPlugin<R> {
    tauri_plugin_global_shortcut::Builder::new()
        .with_handler(|app: &AppHandle<R>, _key, event| {
            press(app, event.state() == ShortcutState::Pressed);
        })
        .build()
}

fn press<R: Runtime>(app: &AppHandle<R>, down: bool) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let telephone = app.try_state::<Host>().and_then(|h| h.desk().app().ok());
        if let Some(telephone) = telephone {
            // Without a telephone there is nothing to talk into.
            let _ = telephone.push_to_talk(down).await;
        }
    });
}

/// Whether a key can be meant.
///
/// # Errors
/// [`Code::BadInput`].
pub(crate) fn check(key: &str) -> Result<(), AppError> {
    key.parse::<Shortcut>().map(drop).map_err(|e| {
        AppError::new(
            Code::BadInput,
            format!("{key:?} is no key that can be listened for ({e}): try Ctrl+Shift+Space"),
        )
    })
}

/// Listens for the chosen key, or for none.
pub(crate) fn choose<R: Runtime>(app: &AppHandle<R>, settings: &Settings) {
    let key = settings.ptt_shortcut.parse::<Shortcut>().ok();
    let wanted = key.filter(|_| settings.push_to_talk);
    let Ok(mut taken) = TAKEN.lock() else { return };
    if *taken == wanted {
        return;
    }
    if let Some(before) = taken.take() {
        drop(app.global_shortcut().unregister(before));
    }
    let Some(key) = wanted else { return };
    match app.global_shortcut().register(key) {
        Ok(()) => *taken = Some(key),
        Err(error) => tell(app, &settings.ptt_shortcut, &error),
    }
}

fn tell<R: Runtime>(app: &AppHandle<R>, key: &str, why: &dyn std::fmt::Display) {
    let what = format!("another program has {key} ({why}): choose another key in the settings");
    if let Some(host) = app.try_state::<Host>() {
        let problem = AppError::new(Code::System, what);
        host.desk().tell(AppEvent::Problem(problem));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_none_is_refused_with_an_example() {
        assert!(check("Ctrl+Shift+Space").is_ok());
        let error = check("the big red one").unwrap_err();
        assert_eq!(error.code, "bad-input");
        assert!(error.message.contains("Ctrl+Shift+Space"), "{error}");
    }
}
