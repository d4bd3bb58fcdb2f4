//! `legato` (acts): the window. A thin shell around [`voice_app::Desk`], which holds everything: sound and network go on
//! without the page, whatever becomes of it.
//!
//! - [`host`]: the one managed state
//! - [`commands`]: what the page may ask, a file a subject; [`ipc`] takes the arguments apart
//! - [`events`]: what the page is told, and what the system is told with it
//! - `window`, `tray`, `links`: the window, the icon beside the clock, links that ask for a call
//! - `platform`: what each system has its own way of doing

pub mod args;
pub mod commands;
pub mod events;
pub mod host;
pub mod ipc;
pub mod links;
pub mod log;
mod platform;
#[cfg(desktop)]
mod shortcut;
#[cfg(desktop)]
mod tray;
mod window;

use std::process::ExitCode;

use tauri::{AppHandle, Manager as _, RunEvent, Runtime};

use crate::args::{Args, Start};
use crate::host::Host;
use crate::log::Log;

/// Runs the app until it is quit.
pub fn run() -> ExitCode {
    let start = match args::parse(std::env::args().skip(1)) {
        Args::Run(start) => start,
        Args::Answer { text, code } => return args::answer(&text, code),
        Args::Uninstall { keep_keys } => return args::uninstall(keep_keys),
    };
    open(start).unwrap_or_else(|error| {
        tracing::error!(%error, "the window can't be opened");
        args::answer(&format!("legato: {error}"), 1)
    })
}

#[cfg(mobile)]
#[tauri::mobile_entry_point]
fn start_on_a_phone() {
    run();
}

fn open(start: Start) -> tauri::Result<ExitCode> {
    let log = Log::open();
    let app = builder(start, log).build(tauri::generate_context!())?;
    let code = app.run_return(handle);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

fn builder(start: Start, log: Log) -> tauri::Builder<tauri::Wry> {
    let builder = plugins(tauri::Builder::default());
    commands::register(builder).setup(move |app| {
        let app = app.handle();
        let (host, events) = tauri::async_runtime::block_on(Host::open(app, log))?;
        app.manage(host);
        events::forward(app.clone(), events);
        window::open(app, !start.hidden)?;
        links::listen(app);
        #[cfg(desktop)]
        desktop(app);
        #[cfg(mobile)]
        platform::ready(app);
        start.links.iter().for_each(|l| links::follow(app, l));
        Ok(())
    })
}

/// What a machine without a tray or a shortcut can do without.
#[cfg(desktop)]
fn desktop<R: Runtime>(app: &AppHandle<R>) {
    if let Err(error) = tray::add(app) {
        tracing::info!(%error, "no icon beside the clock: closing the window ends the program");
    }
    #[cfg(unix)]
    tauri::async_runtime::spawn(end_with_the_session(app.clone()));
}

/// A session that ends sends SIGTERM: whoever is talked to is told, and the history has the call.
#[cfg(all(unix, desktop))]
async fn end_with_the_session<R: Runtime>(app: AppHandle<R>) {
    use tokio::signal::unix::{SignalKind, signal};
    if let Ok(mut term) = signal(SignalKind::terminate()) {
        term.recv().await;
        window::quit(&app);
    }
}

#[cfg(desktop)]
fn plugins<R: Runtime>(builder: tauri::Builder<R>) -> tauri::Builder<R> {
    let second = |app: &AppHandle<R>, args: Vec<String>| {
        window::show(app);
        args.iter().skip(1).for_each(|l| links::follow(app, l));
    };
    // The first of all: a second start must not get any further.
    let builder = builder.plugin(platform::single(second));
    let hidden = Some(vec!["--hidden"]);
    let autostart =
        tauri_plugin_autostart::init(tauri_plugin_autostart::MacosLauncher::LaunchAgent, hidden);
    let state = tauri_plugin_window_state::Builder::new()
        .with_state_flags(window::remembered())
        .build();
    platform::plugins(
        builder
            .plugin(tauri_plugin_deep_link::init())
            .plugin(autostart)
            .plugin(state)
            .plugin(shortcut::plugin()),
    )
}

#[cfg(mobile)]
fn plugins<R: Runtime>(builder: tauri::Builder<R>) -> tauri::Builder<R> {
    platform::plugins(builder.plugin(tauri_plugin_deep_link::init()))
}

fn handle<R: Runtime>(app: &AppHandle<R>, event: RunEvent) {
    match event {
        // The last window closed is no end: the telephone stays on. `quit` gives a code.
        RunEvent::ExitRequested {
            code: None, api, ..
        } if window::stays(app) => api.prevent_exit(),
        RunEvent::Exit => {
            if let Some(host) = app.try_state::<Host>() {
                tauri::async_runtime::block_on(host.desk().stop());
            }
        }
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window::show(app),
        _ => {}
    }
}
