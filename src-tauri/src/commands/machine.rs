//! What helps when something does not work.

use tauri::State;
use voice_app::AppError;
use voice_app::view::DoctorLine;

use crate::host::Host;

/// Examines this network.
#[tauri::command]
pub async fn doctor(host: State<'_, Host>) -> Result<Vec<DoctorLine>, AppError> {
    host.desk().doctor().await
}

/// The last lines of the log.
#[tauri::command]
pub async fn recent_log(host: State<'_, Host>) -> Result<Vec<String>, AppError> {
    Ok(host.log().recent())
}

/// Writes what helps whoever helps; the file.
#[tauri::command]
pub async fn export_diagnostics(host: State<'_, Host>) -> Result<String, AppError> {
    let file = host.desk().export_diagnostics(&host.log().recent()).await?;
    Ok(file.display().to_string())
}
