//! Signing up and in: makes this machine a device of an account.

use std::path::Path;
use std::time::Duration;

use ntm::account::{self, Device, Invitation, ServerRef, Session};
use ntm::keystore::Choice;
use ntm::profile::Profile;
use ntm::wire::fqdn::Fqdn;
use serde::Serialize;
use ts_rs::TS;

use crate::error::{AppError, Code};
use crate::names;

/// A server that is told of a sign-out has so long to answer.
const GOODBYE: Duration = Duration::from_secs(5);

/// What signing in gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct SignedIn {
    /// `alice@example.org (laptop)`.
    pub me: String,
    /// The keyring was not to be had, and the keys lie in a file: why.
    pub remark: Option<String>,
}

/// Makes the account that an invitation is for, and this machine its first device.
///
/// # Errors
/// [`Code::BadInput`] for an invitation that is none; [`Code::Account`] for what the server says;
/// [`Code::SignedIn`], [`Code::Storage`], [`Code::Keyring`]. Nothing is left behind then.
pub async fn sign_up(
    folder: &Path,
    invitation: &str,
    account: &str,
    password: &str,
    device: Option<&str>,
) -> Result<SignedIn, AppError> {
    Profile::prepare(folder)?;
    let invitation: Invitation = invitation
        .trim()
        .parse()
        .map_err(|e| AppError::new(Code::BadInput, e))?;
    let local = local_part(account, &invitation.server.domain)?;
    let device = device_name(device);
    let made = account::sign_up(&invitation, local, password, &device).await?;
    keep(folder, made)
}

/// Makes this machine another device of an account that is there. `server`: a link or an https address, when
/// the account's domain alone does not lead there.
///
/// # Errors
/// As [`sign_up`].
pub async fn sign_in(
    folder: &Path,
    server: Option<&str>,
    account: &str,
    password: &str,
    device: Option<&str>,
) -> Result<SignedIn, AppError> {
    Profile::prepare(folder)?;
    let server = server_of(server, account)?;
    let local = local_part(account, &server.domain)?;
    let device = device_name(device);
    let made = account::sign_in(&server, local, password, &device).await?;
    keep(folder, made)
}

/// Makes this machine no device any more: the server is told, if it answers, and what is kept here of the account
/// goes. The keys stay where they are unless `forget_keys`. No telephone of this profile may run.
///
/// # Errors
/// [`Code::NotSignedIn`]; [`Code::Storage`], [`Code::Keyring`]: it may be tried again then.
pub async fn sign_out(folder: &Path, forget_keys: bool) -> Result<(), AppError> {
    Profile::name_in(folder)?;
    match open_profile(folder).await {
        Ok(profile) => leave(profile, forget_keys).await?,
        // Keys that are gone or locked away can't be told to anybody, nor forgotten.
        Err(_) => Profile::forget(folder)?,
    }
    forget_people(folder)
}

async fn leave(profile: Profile, forget_keys: bool) -> Result<(), AppError> {
    let device = profile.membership().certificate.fqdn.clone();
    let session = Session::new(&profile)?;
    let told = tokio::time::timeout(GOODBYE, session.revoke(device.first_label())).await;
    if !matches!(told, Ok(Ok(()))) {
        tracing::warn!("the server could not be told of the sign-out");
    }
    if !forget_keys {
        return Ok(Profile::forget(profile.folder())?);
    }
    let deleted = tokio::task::spawn_blocking(move || profile.delete()).await;
    Ok(deleted.map_err(|e| AppError::new(Code::System, e))??)
}

/// The profile with its keys. A keyring's calls block.
pub(crate) async fn open_profile(folder: &Path) -> Result<Profile, AppError> {
    let folder = folder.to_owned();
    let opened = tokio::task::spawn_blocking(move || Profile::open(&folder)).await;
    let opened = opened.map_err(|e| AppError::new(Code::System, e))?;
    Ok(opened?)
}

fn forget_people(folder: &Path) -> Result<(), AppError> {
    for file in [
        "people.json",
        "history.jsonl",
        "texts.jsonl",
        "presence.json",
    ] {
        ntm::files::remove(&folder.join(file))?;
    }
    Ok(())
}

fn device_name(given: Option<&str>) -> String {
    given.map_or_else(account::default_device_name, str::to_owned)
}

fn server_of(server: Option<&str>, account: &str) -> Result<ServerRef, AppError> {
    match server {
        Some(link) if link.starts_with("https://") => Ok(ServerRef {
            url: link.to_owned(),
            domain: domain(account)?,
            pin: None,
        }),
        Some(link) => link.parse().map_err(|e| AppError::new(Code::BadInput, e)),
        None => Ok(ServerRef::of_domain(domain(account)?)),
    }
}

fn domain(account: &str) -> Result<Fqdn, AppError> {
    let (_, domain) = account.split_once('@').ok_or_else(|| {
        let what =
            format!("{account}: of which server? Write name@domain, or give the server's link");
        AppError::new(Code::BadInput, what)
    })?;
    Fqdn::parse(domain).map_err(|e| AppError::new(Code::BadInput, e).about(domain))
}

fn local_part<'a>(account: &'a str, domain: &Fqdn) -> Result<&'a str, AppError> {
    match account.split_once('@') {
        Some((local, at)) if at.eq_ignore_ascii_case(domain.as_str()) => Ok(local),
        Some((_, at)) => Err(AppError::new(
            Code::BadInput,
            format!("this server is for {domain}, not for {at}"),
        )),
        None => Ok(account),
    }
}

fn keep(folder: &Path, device: Device) -> Result<SignedIn, AppError> {
    let choice = Choice::from_env()?;
    let (profile, remark) = Profile::create(folder, device.membership, device.secrets, choice)?;
    Ok(SignedIn {
        me: names::device(&profile.membership().certificate.fqdn),
        remark: remark.map(|why| why.to_string()),
    })
}
