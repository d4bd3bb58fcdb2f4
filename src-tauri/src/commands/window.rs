//! The window itself.

use tauri::{AppHandle, Runtime, State};
use voice_app::AppError;
use voice_app::view::WindowView;

use crate::host::Host;

/// The whole window.
#[tauri::command]
pub async fn window(host: State<'_, Host>) -> Result<WindowView, AppError> {
    tracing::info!("the page is there");
    Ok(host.desk().window().await)
}

/// The link that the program was started with, once; from now on the page is told of links.
#[tauri::command]
pub async fn start_link(host: State<'_, Host>) -> Result<Option<String>, AppError> {
    Ok(host.links().listen())
}

/// Shows the window, and puts it before others.
#[tauri::command]
pub async fn show_window<R: Runtime>(app: AppHandle<R>) -> Result<(), AppError> {
    crate::window::show(&app);
    Ok(())
}

/// Ends every call and the program.
#[tauri::command]
pub async fn quit<R: Runtime>(app: AppHandle<R>) -> Result<(), AppError> {
    crate::window::quit(&app);
    Ok(())
}
