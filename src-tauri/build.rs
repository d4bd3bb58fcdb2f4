//! What Tauri makes at build time: the configuration, and a permission for each command of this program.

use std::path::Path;

/// Every command that a page may be allowed; `capabilities` names them one by one.
const COMMANDS: &[&str] = &[
    "window",
    "start_link",
    "sign_up",
    "sign_in",
    "sign_out",
    "retry_start",
    "call",
    "accept",
    "decline",
    "hang_up",
    "hold",
    "mute",
    "ptt",
    "send_text",
    "record",
    "complete",
    "set_contact",
    "remove_contact",
    "clear_history",
    "mark_missed_seen",
    "safety_number",
    "set_verified",
    "set_settings",
    "sound_devices",
    "microphone_test",
    "echo_test",
    "watch_route",
    "watch_levels",
    "account_devices",
    "device_link",
    "invite",
    "doctor",
    "recent_log",
    "export_diagnostics",
    "autostart",
    "set_autostart",
    "show_window",
    "quit",
];

fn main() {
    let made = placeholder().and_then(|()| {
        let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
        let attributes = tauri_build::Attributes::new().app_manifest(manifest);
        tauri_build::try_build(attributes).map_err(|e| format!("{e:#}"))
    });
    if let Err(why) = made {
        println!("cargo::error={why}");
    }
}

/// The page is built by another tool; without it the program builds and says what is missing.
fn placeholder() -> Result<(), String> {
    println!("cargo::rerun-if-changed=../ui/dist");
    let page = Path::new("../ui/dist/index.html");
    if page.exists() {
        return Ok(());
    }
    let text = "<!doctype html><html lang=en><meta charset=utf-8><title>Legato</title><p>The window's page was not built: run make app.</p></html>\n";
    std::fs::create_dir_all("../ui/dist")
        .and_then(|()| std::fs::write(page, text))
        .map_err(|e| format!("{}: {e}", page.display()))
}
