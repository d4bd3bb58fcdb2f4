//! The program with a page that a test speaks for.

use serde_json::Value;
use tauri::ipc::{CallbackFn, InvokeBody};
use tauri::test::{
    INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder, mock_context, noop_assets,
};
use tauri::webview::InvokeRequest;
use tauri::{App, Manager as _, WebviewWindow, WebviewWindowBuilder};
use tempfile::TempDir;

use legato_lib::host::Host;
use legato_lib::log::Log;

/// A program in which nobody is signed in.
pub(crate) struct Bridge {
    _app: App<MockRuntime>,
    page: WebviewWindow<MockRuntime>,
    _folder: TempDir,
}

impl Bridge {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let app = legato_lib::commands::register(mock_builder())
            .build(mock_context(noop_assets()))
            .unwrap();
        let open = async { Host::at(folder.path(), Log::in_folder(None)) };
        let (host, _events) = tauri::async_runtime::block_on(open);
        app.manage(host);
        let page = WebviewWindowBuilder::new(&app, "main", Default::default()).build();
        Self {
            page: page.unwrap(),
            _app: app,
            _folder: folder,
        }
    }

    /// What comes back to the page: the value, or what was refused.
    pub(crate) fn ask(&self, command: &str, args: impl Into<InvokeBody>) -> Result<Value, Value> {
        let request = InvokeRequest {
            cmd: command.to_owned(),
            callback: CallbackFn(0),
            error: CallbackFn(1),
            url: "tauri://localhost".parse().unwrap(),
            body: args.into(),
            headers: Default::default(),
            invoke_key: INVOKE_KEY.to_owned(),
        };
        get_ipc_response(&self.page, request).map(|body| body.deserialize().unwrap())
    }
}

/// The code of a refusal; a refusal without one fails the test.
pub(crate) fn code(command: &str, answer: Result<Value, Value>) -> String {
    let refused = answer.unwrap_err();
    let text = |name: &str| refused[name].as_str().map(str::to_owned);
    assert!(
        text("message").is_some_and(|m| !m.is_empty()),
        "{command}: no words: {refused}"
    );
    text("code").unwrap_or_else(|| panic!("{command}: no code: {refused}"))
}
