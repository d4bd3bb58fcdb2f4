//! The window: where its page comes from, what the page may load, and when it closes.

use std::sync::atomic::{AtomicBool, Ordering};

use tauri::webview::NewWindowResponse;
use tauri::{
    AppHandle, Manager as _, Runtime, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder,
    WindowEvent,
};
use voice_app::settings::{Settings, Theme};

/// Its name.
pub(crate) const MAIN: &str = "main";
/// In a session without a language WebKit calls it `C`, and `Intl` takes that for an error.
const LANGUAGE: &str = "try { new Intl.NumberFormat(navigator.language) } \
    catch { Object.defineProperty(navigator, 'language', { value: 'en' }) }";
/// Closing the window leaves the program running, as the person chose.
static CLOSES_TO_TRAY: AtomicBool = AtomicBool::new(true);

/// Makes the window.
pub(crate) fn open<R: Runtime>(app: &AppHandle<R>, visible: bool) -> tauri::Result<()> {
    let builder = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::default())
        .initialization_script(LANGUAGE)
        .on_navigation(is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny);
    #[cfg(desktop)]
    let builder = builder
        .title("Legato")
        .inner_size(1000.0, 720.0)
        .min_inner_size(320.0, 480.0)
        .visible(visible);
    #[cfg(mobile)]
    let _ = visible;
    let window = builder.build()?;
    let handle = app.clone();
    window.on_window_event(move |event| {
        if let WindowEvent::CloseRequested { api, .. } = event
            && stays(&handle)
        {
            api.prevent_close();
            hide(&handle);
        }
    });
    crate::platform::guard(&window);
    Ok(())
}

/// Its own page, and in development the page's server; the web is for browsers.
fn is_ours(url: &Url) -> bool {
    let is_dev = cfg!(dev) && url.host_str() == Some("localhost");
    let is_page = match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => url.host_str() == Some("tauri.localhost"),
        _ => false,
    };
    is_page || is_dev
}

fn main_window<R: Runtime>(app: &AppHandle<R>) -> Option<WebviewWindow<R>> {
    app.get_webview_window(MAIN)
}

/// Shows the window, and puts it before others.
pub(crate) fn show<R: Runtime>(app: &AppHandle<R>) {
    #[cfg(desktop)]
    if let Some(window) = main_window(app) {
        let shown = window.show().and_then(|()| window.unminimize());
        if let Err(error) = shown.and_then(|()| window.set_focus()) {
            tracing::warn!(%error, "the window does not come to the front");
        }
    }
    #[cfg(mobile)]
    let _ = app;
}

/// Whether a person looks at it.
pub(crate) fn is_in_front<R: Runtime>(app: &AppHandle<R>) -> bool {
    main_window(app).is_some_and(|w| w.is_focused().unwrap_or_default())
}

fn hide<R: Runtime>(app: &AppHandle<R>) {
    #[cfg(desktop)]
    if let Some(window) = main_window(app) {
        drop(window.hide());
    }
    #[cfg(mobile)]
    let _ = app;
}

/// Whether the program goes on without its window: chosen so, and there is a way back.
pub(crate) fn stays<R: Runtime>(app: &AppHandle<R>) -> bool {
    #[cfg(desktop)]
    let way_back = main_window(app).is_some()
        && app.tray_by_id(crate::tray::ID).is_some()
        && crate::platform::has_tray();
    #[cfg(mobile)]
    let way_back = false;
    let _ = app;
    way_back && CLOSES_TO_TRAY.load(Ordering::Relaxed)
}

/// Takes what of the settings is about the window.
pub(crate) fn choose<R: Runtime>(app: &AppHandle<R>, settings: &Settings) {
    CLOSES_TO_TRAY.store(settings.close_to_tray, Ordering::Relaxed);
    #[cfg(desktop)]
    {
        let theme = match settings.theme {
            Theme::Auto => None,
            Theme::Light => Some(tauri::Theme::Light),
            Theme::Dark => Some(tauri::Theme::Dark),
        };
        app.set_theme(theme);
        crate::tray::speak(app, settings.language);
    }
    #[cfg(mobile)]
    let _ = (app, Theme::Auto);
}

/// Ends every call and the program.
pub(crate) fn quit<R: Runtime>(app: &AppHandle<R>) {
    app.exit(0);
}

/// What of the window is remembered; that it was hidden is not.
#[cfg(desktop)]
pub(crate) fn remembered() -> tauri_plugin_window_state::StateFlags {
    use tauri_plugin_window_state::StateFlags as F;
    F::SIZE | F::POSITION | F::MAXIMIZED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_leads_nowhere_else() {
        for (url, ours) in [
            ("tauri://localhost/", true),
            ("tauri://localhost/index.html#/people", true),
            ("https://example.org/", false),
            ("file:///etc/passwd", false),
            ("tauri://elsewhere/", false),
            ("data:text/html,x", false),
        ] {
            assert_eq!(is_ours(&url.parse().unwrap()), ours, "{url}");
        }
    }
}
