//! Signing up, in and out; the account's devices.

use serde::Deserialize;
use tauri::State;
use voice_app::AppError;
use voice_app::account::SignedIn;
use voice_app::view::AccountDevice;

use crate::host::Host;
use crate::ipc::{Args, Link, Name, Secret};

/// What an account is made with.
#[derive(Debug, Deserialize)]
pub struct SignUp {
    invitation: Link,
    account: Name,
    password: Secret,
    device: Option<Name>,
}

/// What a device signs in with.
#[derive(Debug, Deserialize)]
pub struct SignIn {
    server: Option<Link>,
    account: Name,
    password: Secret,
    device: Option<Name>,
}

/// How a device signs out.
#[derive(Debug, Deserialize)]
pub struct SignOut {
    #[serde(alias = "forgetKeys")]
    forget_keys: bool,
}

/// Makes an account with an invitation.
#[tauri::command]
pub async fn sign_up(host: State<'_, Host>, Args(a): Args<SignUp>) -> Result<SignedIn, AppError> {
    let device = a.device.as_ref().map(Name::as_str);
    let desk = host.desk();
    let made = desk.sign_up(
        a.invitation.as_str(),
        a.account.as_str(),
        a.password.as_str(),
        device,
    );
    made.await
}

/// Makes this machine a device of an account.
#[tauri::command]
pub async fn sign_in(host: State<'_, Host>, Args(a): Args<SignIn>) -> Result<SignedIn, AppError> {
    let server = a.server.as_ref().map(Link::as_str);
    let device = a.device.as_ref().map(Name::as_str);
    let (name, password) = (a.account.as_str(), a.password.as_str());
    host.desk().sign_in(server, name, password, device).await
}

/// Makes this machine no device any more.
#[tauri::command]
pub async fn sign_out(host: State<'_, Host>, Args(a): Args<SignOut>) -> Result<(), AppError> {
    host.desk().sign_out(a.forget_keys).await
}

/// Starts the telephone anew.
#[tauri::command]
pub async fn retry_start(host: State<'_, Host>) -> Result<(), AppError> {
    host.desk().retry().await;
    Ok(())
}

/// The account's devices.
#[tauri::command]
pub async fn account_devices(host: State<'_, Host>) -> Result<Vec<AccountDevice>, AppError> {
    host.desk().account_devices().await
}

/// What another machine signs in with.
#[tauri::command]
pub async fn device_link(host: State<'_, Host>) -> Result<String, AppError> {
    host.desk().device_link().await
}

/// An invitation for one person.
#[tauri::command]
pub async fn invite(host: State<'_, Host>) -> Result<String, AppError> {
    host.desk().invite().await
}
