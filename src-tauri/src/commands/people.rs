//! Contacts, texts, past calls, safety numbers.

use serde::Deserialize;
use tauri::State;
use voice_app::AppError;
use voice_app::contacts::Contact;

use crate::host::Host;
use crate::ipc::{Args, Name, Words};

/// A text to somebody.
#[derive(Debug, Deserialize)]
pub struct Text {
    name: Name,
    text: Words,
}

/// What somebody has typed so far.
#[derive(Debug, Deserialize)]
pub struct Typed {
    typed: Name,
}

/// Somebody to be kept.
#[derive(Debug, Deserialize)]
pub struct Person {
    contact: Known,
}

/// What the page may say of a contact.
#[derive(Debug, Deserialize)]
pub struct Known {
    name: Name,
    nick: Option<Name>,
    #[serde(default)]
    favourite: bool,
    #[serde(default)]
    verified: bool,
}

/// Somebody.
#[derive(Debug, Deserialize)]
pub struct Whom {
    name: Name,
}

/// Somebody, or oneself.
#[derive(Debug, Deserialize)]
pub struct WhomOrMe {
    name: Option<Name>,
}

/// Somebody whose number was compared, or was not.
#[derive(Debug, Deserialize)]
pub struct Verified {
    name: Name,
    verified: bool,
}

impl From<Known> for Contact {
    fn from(known: Known) -> Self {
        let text = |line: &Name| line.as_str().trim().to_owned();
        Self {
            name: text(&known.name),
            nick: known.nick.as_ref().map(text).unwrap_or_default(),
            favourite: known.favourite,
            verified: known.verified,
            presence: None,
        }
    }
}

/// Writes to somebody; its number.
#[tauri::command]
pub async fn send_text(host: State<'_, Host>, Args(a): Args<Text>) -> Result<u64, AppError> {
    let app = host.desk().app()?;
    app.send_text(a.name.as_str(), &a.text.0).await
}

/// Whom somebody may mean who has typed so much.
#[tauri::command]
pub async fn complete(
    host: State<'_, Host>,
    Args(a): Args<Typed>,
) -> Result<Vec<Contact>, AppError> {
    host.desk().app()?.complete(a.typed.as_str()).await
}

/// Adds a contact, or changes one.
#[tauri::command]
pub async fn set_contact(host: State<'_, Host>, Args(a): Args<Person>) -> Result<(), AppError> {
    host.desk().app()?.set_contact(a.contact.into()).await
}

/// Takes a contact out.
#[tauri::command]
pub async fn remove_contact(host: State<'_, Host>, Args(a): Args<Whom>) -> Result<(), AppError> {
    host.desk().app()?.remove_contact(a.name.as_str()).await
}

/// Forgets the past calls.
#[tauri::command]
pub async fn clear_history(host: State<'_, Host>) -> Result<(), AppError> {
    host.desk().app()?.clear_history().await
}

/// Somebody has seen the calls that were missed.
#[tauri::command]
pub async fn mark_missed_seen(host: State<'_, Host>) -> Result<(), AppError> {
    host.desk().app()?.mark_missed_seen().await
}

/// The number to compare: of somebody, or of this account.
#[tauri::command]
pub async fn safety_number(
    host: State<'_, Host>,
    Args(a): Args<WhomOrMe>,
) -> Result<String, AppError> {
    let name = a.name.as_ref().map(Name::as_str);
    host.desk().safety_number(name).await
}

/// Two people compared their numbers, or no longer trust that.
#[tauri::command]
pub async fn set_verified(host: State<'_, Host>, Args(a): Args<Verified>) -> Result<(), AppError> {
    host.desk().set_verified(a.name.as_str(), a.verified).await
}
