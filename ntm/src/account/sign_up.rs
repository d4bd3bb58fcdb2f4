//! A new account, with this device as its first.

use ed25519_dalek::SigningKey;
use ntm_account_api::invitation::{Invitation, ServerRef};
use ntm_account_api::node::{
    DeviceAdded, SIGN_UP_FINISH, SIGN_UP_START, SignUpFinish, SignUpStart, SignUpStarted,
};
use ntm_account_api::opaque::seal_root;
use ntm_account_api::text::{Bytes, Text, Wire};
use ntm_https::Client;
use ntm_wire::key::RootKey;

use super::membership::Candidate;
use super::opaque::{Password, random};
use super::{AccountError, Device};

/// Makes the account `account` with the right that an invitation gives; `device` names this device.
pub async fn sign_up(
    invitation: &Invitation,
    account: &str,
    password: &str,
    device: &str,
) -> Result<Device, AccountError> {
    let code = Some(Bytes(invitation.code.to_vec()));
    run(&invitation.server, code, account, password, device).await
}

/// The same at an AS where registration is open.
pub async fn sign_up_open(
    server: &ServerRef,
    account: &str,
    password: &str,
    device: &str,
) -> Result<Device, AccountError> {
    run(server, None, account, password, device).await
}

async fn run(
    server: &ServerRef,
    code: Option<Bytes>,
    account: &str,
    password: &str,
    device: &str,
) -> Result<Device, AccountError> {
    let password = Password::chosen(password)?;
    let (state, request) = password.sign_up()?;
    let client = Client::new(server)?;
    let start = SignUpStart {
        code: code.clone(),
        account: account.to_owned(),
        opaque: Bytes(request),
    };
    let started: SignUpStarted = client.post(SIGN_UP_START, &start).await?;
    let account = started.account.0;
    let (upload, export) = password.finish_sign_up(state, started.opaque.0).await?;

    let root = SigningKey::from_bytes(&random()?);
    let root_key = RootKey(root.verifying_key().to_bytes());
    let sealed_root = seal_root(root.as_bytes(), &export, random()?);
    let candidate = Candidate::new(root, &account, device)?;
    let finish = SignUpFinish {
        code,
        account: Text(account),
        opaque: Bytes(upload),
        root: Wire(root_key),
        sealed_root: Bytes(sealed_root),
        device: candidate.introduction(),
    };
    let added: DeviceAdded = client.post(SIGN_UP_FINISH, &finish).await?;
    candidate.accept(server, added)
}
