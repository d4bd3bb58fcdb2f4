//! [`Host`]: the one managed state.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

#[cfg(mobile)]
use tauri::Manager as _;
use tauri::ipc::Channel;
use tauri::{AppHandle, Runtime};
use voice_app::{AppConfig, AppError, AppEvent, AppEvents, Desk, DeskConfig};

use crate::args;
use crate::links::Links;
use crate::log::Log;

/// What commands and events stand on: the desk, the log, links, and the page's channel for levels.
pub struct Host {
    desk: Desk,
    log: Log,
    links: Links,
    levels: Mutex<Option<Channel<AppEvent>>>,
}

impl Host {
    /// Opens the desk of this person.
    ///
    /// # Errors
    /// The system has no place for a program's data.
    pub async fn open<R: Runtime>(
        app: &AppHandle<R>,
        log: Log,
    ) -> Result<(Self, AppEvents), AppError> {
        Ok(Self::at(&folder(app, &log)?, log))
    }

    /// Opens the desk in this folder; on a runtime.
    pub fn at(folder: &Path, log: Log) -> (Self, AppEvents) {
        let (desk, events) = Desk::open(DeskConfig {
            app: AppConfig::new(folder.to_owned()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            locale: locale(),
            recordings: recordings(folder),
        });
        let host = Self {
            desk,
            log,
            links: Links::default(),
            levels: Mutex::new(None),
        };
        (host, events)
    }

    /// The desk.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// What links ask for.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Levels go there from now on; a page that was loaded anew has a new one.
    pub fn watch_levels(&self, channel: Option<Channel<AppEvent>>) {
        *self.levels.lock().unwrap_or_else(PoisonError::into_inner) = channel;
    }

    /// Sends levels to the page, if it wants them: fifteen a second cost it something.
    pub fn send_levels(&self, event: AppEvent) {
        let channel = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = &*channel {
            // A page that is gone misses nothing.
            let _ = channel.send(event);
        }
    }
}

/// The same folder as `legato-cli`'s.
#[cfg(desktop)]
fn folder<R: Runtime>(_app: &AppHandle<R>, _log: &Log) -> Result<PathBuf, AppError> {
    args::folder()
}

/// A phone's programs have a folder each, known once they run; the log goes there too.
#[cfg(mobile)]
fn folder<R: Runtime>(app: &AppHandle<R>, log: &Log) -> Result<PathBuf, AppError> {
    let no_place = |e| AppError::new(voice_app::Code::System, e);
    log.keep_in(app.path().app_log_dir().map_err(no_place)?);
    Ok(app.path().app_data_dir().map_err(no_place)?.join("profile"))
}

/// `en` of `en_GB.UTF-8`.
fn locale() -> String {
    let locale = sys_locale::get_locale().unwrap_or_default();
    let language = locale.split(['-', '_', '.']).next().unwrap_or_default();
    if language.is_empty() || language == "C" || language == "POSIX" {
        return "en".to_owned();
    }
    language.to_lowercase()
}

/// Where people look for sound; else beside the profile.
fn recordings(folder: &Path) -> PathBuf {
    let dirs = directories::UserDirs::new();
    let music = dirs.as_ref().and_then(directories::UserDirs::audio_dir);
    music.map_or_else(|| folder.join("recordings"), |m| m.join("Legato"))
}

/// Signs out, and removes what was kept.
pub(crate) async fn forget(keep_keys: bool) -> Result<(), AppError> {
    let folder = args::folder()?;
    match voice_app::account::sign_out(&folder, !keep_keys).await {
        Err(error) if error.code == "not-signed-in" => {}
        other => other?,
    }
    crate::platform::stay_off()?;
    for file in ["settings.json", "diagnostics", "recordings"] {
        remove(&folder.join(file))?;
    }
    crate::log::remove()
}

fn remove(path: &Path) -> Result<(), AppError> {
    let removed = if path.is_dir() {
        std::fs::remove_dir_all(path)
    } else {
        std::fs::remove_file(path)
    };
    match removed {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            let what = format!("{}: {e}", path.display());
            Err(AppError::new(voice_app::Code::Storage, what))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
