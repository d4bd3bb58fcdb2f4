//! The icon beside the clock.

use tauri::menu::{Menu, MenuItem};
use tauri::tray::{MouseButton, MouseButtonState, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Runtime};
use voice_app::settings::Language;

use crate::platform::is_japanese;
use crate::window;

/// Its name.
pub(crate) const ID: &str = "legato";
const OPEN: &str = "open";
const QUIT: &str = "quit";

/// Adds it.
pub(crate) fn add<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<()> {
    let mut tray = TrayIconBuilder::with_id(ID)
        .menu(&menu(app, Language::Auto)?)
        .tooltip("Legato")
        .show_menu_on_left_click(false)
        .on_menu_event(|app, event| match event.id().as_ref() {
            OPEN => window::show(app),
            QUIT => window::quit(app),
            _ => {}
        })
        .on_tray_icon_event(|tray, event| {
            if let TrayIconEvent::Click {
                button: MouseButton::Left,
                button_state: MouseButtonState::Up,
                ..
            } = event
            {
                window::show(tray.app_handle());
            }
        });
    if let Some(icon) = app.default_window_icon() {
        tray = tray.icon(icon.clone());
    }
    tray.build(app)?;
    Ok(())
}

/// Its menu in another language.
pub(crate) fn speak<R: Runtime>(app: &AppHandle<R>, language: Language) {
    let Some(tray) = app.tray_by_id(ID) else {
        return;
    };
    let changed = menu(app, language).and_then(|m| tray.set_menu(Some(m)));
    if let Err(error) = changed {
        tracing::debug!(%error, "the tray's menu stays as it was");
    }
}

fn menu<R: Runtime>(app: &AppHandle<R>, language: Language) -> tauri::Result<Menu<R>> {
    let (open, quit) = if is_japanese(language) {
        ("Legato を開く", "終了")
    } else {
        ("Open Legato", "Quit")
    };
    let open = MenuItem::with_id(app, OPEN, open, true, None::<&str>)?;
    let quit = MenuItem::with_id(app, QUIT, quit, true, None::<&str>)?;
    Menu::with_items(app, &[&open, &quit])
}
