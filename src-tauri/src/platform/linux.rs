//! Linux: notifications by D-Bus, with buttons; the page's process, which may die without the call dying.

mod instance;
mod notifications;

use tauri::{AppHandle, Builder, Runtime, WebviewWindow};
use voice_app::view::CallView;
use webkit2gtk::WebViewExt as _;

pub(crate) use instance::single;
pub(crate) use notifications::withdraw_call;

use super::{missed, rings};

/// Nothing more.
pub(crate) fn plugins<R: Runtime>(builder: Builder<R>) -> Builder<R> {
    builder
}

/// A page whose process dies is loaded anew; the call does not notice.
pub(crate) fn guard<R: Runtime>(window: &WebviewWindow<R>) {
    let guarded = window.with_webview(|page| {
        page.inner().connect_web_process_terminated(|page, why| {
            tracing::warn!(?why, "the page's process ended: it is loaded anew");
            page.reload();
        });
    });
    if let Err(error) = guarded {
        tracing::warn!(%error, "a page whose process dies stays blank");
    }
}

/// Somebody calls.
pub(crate) fn notify_call<R: Runtime>(app: &AppHandle<R>, call: &CallView) {
    notifications::ring(app, call.id, rings(call));
}

/// Somebody called in vain.
pub(crate) fn notify_missed<R: Runtime>(_app: &AppHandle<R>, call: &CallView) {
    notifications::tell(missed(call));
}
