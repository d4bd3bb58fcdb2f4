//! What the page may ask. Each command takes its arguments apart, asks the desk, and gives what comes or a code with
//! words. Their names are in `build.rs` and, one by one, in `capabilities`.

pub mod account;
pub mod calls;
pub mod machine;
pub mod people;
pub mod settings;
pub mod window;

use serde::Deserialize;
use tauri::{Builder, Runtime};

/// One of the calls.
#[derive(Debug, Deserialize)]
pub struct Call {
    call: u64,
}

/// A switch.
#[derive(Debug, Deserialize)]
pub struct On {
    on: bool,
}

/// Adds them to the app.
pub fn register<R: Runtime>(builder: Builder<R>) -> Builder<R> {
    builder.invoke_handler(tauri::generate_handler![
        window::window,
        window::start_link,
        window::show_window,
        window::quit,
        account::sign_up,
        account::sign_in,
        account::sign_out,
        account::retry_start,
        account::account_devices,
        account::device_link,
        account::invite,
        calls::call,
        calls::accept,
        calls::decline,
        calls::hang_up,
        calls::hold,
        calls::mute,
        calls::ptt,
        calls::record,
        calls::watch_route,
        calls::watch_levels,
        people::send_text,
        people::complete,
        people::set_contact,
        people::remove_contact,
        people::clear_history,
        people::mark_missed_seen,
        people::safety_number,
        people::set_verified,
        settings::set_settings,
        settings::sound_devices,
        settings::microphone_test,
        settings::echo_test,
        settings::autostart,
        settings::set_autostart,
        machine::doctor,
        machine::recent_log,
        machine::export_diagnostics,
    ])
}
