//! Linux: notifications by D-Bus, with buttons; the page's process, which may die without the call dying.

mod instance;
mod notifications;
mod tray;

use tauri::{AppHandle, Builder, Manager as _, Runtime, WebviewWindow};
use voice_app::settings::Language;
use voice_app::view::CallView;
use webkit2gtk::WebViewExt as _;

pub(crate) use instance::single;
pub(crate) use notifications::withdraw_call;
pub(crate) use tray::has_tray;

use crate::host::Host;

use super::{Words, is_japanese, rings};

/// Nothing more.
pub(crate) fn plugins<R: Runtime>(builder: Builder<R>) -> Builder<R> {
    builder
}

/// A page whose process dies is loaded anew; the call does not notice.
pub(crate) fn guard<R: Runtime>(window: &WebviewWindow<R>) {
    let app = window.app_handle().clone();
    let guarded = window.with_webview(move |page| {
        page.inner()
            .connect_web_process_terminated(move |page, why| {
                tracing::warn!(?why, "the page's process ended: it is loaded anew");
                if let Some(host) = app.try_state::<Host>() {
                    host.links().keep();
                }
                page.reload();
            });
    });
    if let Err(error) = guarded {
        tracing::warn!(%error, "a page whose process dies stays blank");
    }
}

/// Somebody calls.
pub(crate) fn notify_call<R: Runtime>(app: &AppHandle<R>, call: &CallView, language: Language) {
    notifications::ring(app, call.id, rings(call, language), is_japanese(language));
}

/// Somebody called in vain, or wrote.
pub(crate) fn notify<R: Runtime>(_app: &AppHandle<R>, words: Words) {
    notifications::tell(words);
}

/// The body of a notification is markup here, and what stands in one may be anybody's.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_puts_a_link_into_a_notification() {
        assert_eq!(
            plain("<a href='x'>1 & 2</a>"),
            "&lt;a href='x'&gt;1 &amp; 2&lt;/a&gt;"
        );
    }
}
