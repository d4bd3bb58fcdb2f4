//! A further device of an account: recovers the account's root key, and signs the device with it.

use ed25519_dalek::SigningKey;
use ntm_account_api::error::ErrorCode;
use ntm_account_api::invitation::ServerRef;
use ntm_account_api::node::{
    AddDevice, DEVICES, DeviceAdded, SIGN_IN_FINISH, SIGN_IN_START, SignInFinish, SignInStart,
    SignInStarted, SignedIn,
};
use ntm_account_api::opaque::{ExportKey, open_root};
use ntm_account_api::text::Bytes;
use ntm_https::Client;

use super::membership::Candidate;
use super::opaque::Password;
use super::{AccountError, Device};

/// Adds this device to `account` (`alice` or `alice@example.org`). When the account has a device
/// called `device`, a number is put behind the name.
pub async fn sign_in(
    server: &ServerRef,
    account: &str,
    password: &str,
    device: &str,
) -> Result<Device, AccountError> {
    let client = Client::new(server)?;
    let (signed_in, export) = prove(&client, account, Password::new(password)).await?;
    let root = recover_root(&signed_in, &export)?;
    let mut taken = signed_in.devices.clone();
    loop {
        let name = free_name(device, &taken);
        let candidate = Candidate::new(root.clone(), &signed_in.account.0, &name)?;
        let add = AddDevice {
            grant: signed_in.grant.clone(),
            device: candidate.introduction(),
        };
        match client.post::<_, DeviceAdded>(DEVICES, &add).await {
            Ok(added) => return candidate.accept(server, added),
            // Another device took the name in between; an AS has few device names to go through.
            Err(e) if e.code() == Some(ErrorCode::DeviceTaken) && taken.len() < 100 => {
                taken.push(name);
            }
            Err(e) => return Err(e.into()),
        }
    }
}

async fn prove(
    client: &Client,
    account: &str,
    password: Password,
) -> Result<(SignedIn, ExportKey), AccountError> {
    let (state, request) = password.sign_in()?;
    let start = SignInStart {
        account: account.to_owned(),
        opaque: Bytes(request),
    };
    let started: SignInStarted = client.post(SIGN_IN_START, &start).await?;
    let (finalization, export) = password.finish_sign_in(state, started.opaque.0).await?;
    let finish = SignInFinish {
        state: started.state,
        opaque: Bytes(finalization),
    };
    Ok((client.post(SIGN_IN_FINISH, &finish).await?, export))
}

fn recover_root(signed_in: &SignedIn, export: &ExportKey) -> Result<SigningKey, AccountError> {
    let root = open_root(&signed_in.sealed_root.0, export)
        .map_err(|_| AccountError::Untrusted("it does not give the account's root key back"))?;
    let root = SigningKey::from_bytes(&root);
    if root.verifying_key().to_bytes() != signed_in.root.0.0 {
        return Err(AccountError::Untrusted("it names another root key"));
    }
    Ok(root)
}

fn free_name(wanted: &str, taken: &[String]) -> String {
    let is_free = |name: &String| !taken.contains(name);
    let numbered = (2..).map(|n| format!("{wanted}-{n}"));
    std::iter::once(wanted.to_ascii_lowercase())
        .chain(numbered)
        .find(is_free)
        .unwrap_or_default()
}
