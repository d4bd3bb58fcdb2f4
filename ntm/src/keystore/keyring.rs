//! The operating system's keyring, by way of `keyring-core`.

use std::sync::mpsc;
use std::time::Duration;

use keyring_core::api::CredentialStoreApi as _;
use keyring_core::{Entry, Error};
use zeroize::Zeroizing;

use super::{KeystoreError, platform};

const SERVICE: &str = "ntm";
/// A keyring may ask the person for its password first.
const PATIENCE: Duration = Duration::from_secs(60);
/// A trial must not hold a machine without anybody in front of it.
const TRIAL_PATIENCE: Duration = Duration::from_secs(10);

/// Writes, reads and deletes a trial secret.
pub(super) fn probe() -> Result<(), KeystoreError> {
    let user = format!("trial-{}", std::process::id());
    on_own_thread(TRIAL_PATIENCE, move || {
        let entry = entry(&user)?;
        let trial = b"ntm trial secret";
        entry.set_secret(trial)?;
        let read = entry.get_secret();
        entry.delete_credential()?;
        if read? == trial {
            Ok(())
        } else {
            Err(Error::BadStoreFormat(
                "it gives back other bytes than it got".into(),
            ))
        }
    })
}

pub(super) fn save(device: &str, bytes: &[u8]) -> Result<(), KeystoreError> {
    let (device, bytes) = (device.to_owned(), Zeroizing::new(bytes.to_vec()));
    on_own_thread(PATIENCE, move || entry(&device)?.set_secret(&bytes))
}

pub(super) fn load(device: &str) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
    let device = device.to_owned();
    on_own_thread(PATIENCE, move || {
        entry(&device)?.get_secret().map(Zeroizing::new)
    })
}

pub(super) fn delete(device: &str) -> Result<(), KeystoreError> {
    let device = device.to_owned();
    match on_own_thread(PATIENCE, move || entry(&device)?.delete_credential()) {
        Ok(()) | Err(KeystoreError::Missing) => Ok(()),
        Err(error) => Err(error),
    }
}

fn entry(user: &str) -> Result<Entry, Error> {
    platform::open()?.build(SERVICE, user, None)
}

/// Stores of some systems block on an async runtime of their own, which must not happen on a thread of
/// another one; and one that hangs must not hang the caller for ever.
fn on_own_thread<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, KeystoreError> {
    let (done, answer) = mpsc::channel();
    std::thread::spawn(move || done.send(work()));
    match answer.recv_timeout(patience) {
        Ok(result) => result.map_err(explain),
        Err(mpsc::RecvTimeoutError::Timeout) => {
            Err(KeystoreError::Keyring("it does not answer".into()))
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            Err(KeystoreError::Keyring("it crashed".into()))
        }
    }
}

/// Never with the bytes that some of these errors carry.
fn explain(error: Error) -> KeystoreError {
    if let Error::NoEntry = error {
        return KeystoreError::Missing;
    }
    let why = if let Error::PlatformFailure(e) | Error::NoStorageAccess(e) = error {
        e.to_string()
    } else if let Error::BadStoreFormat(why) | Error::NotSupportedByStore(why) = error {
        why
    } else {
        "it refuses the entry".to_owned()
    };
    KeystoreError::Keyring(why)
}
