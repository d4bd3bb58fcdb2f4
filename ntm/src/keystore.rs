//! Where a device's secrets lie: in the keyring of the operating system, or, on machines without one,
//! in a file that only its owner may read.

mod file;
mod keyring;
mod platform;

use std::path::Path;

use ntm_wire::key::{KeyPair, SecretKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::files::FileError;

/// What never leaves the device.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Private half of the identity key.
    pub identity: SecretKey,
    /// Seals messages to the coordinator.
    pub node_key: SecretKey,
    /// Private half (seed) of the account's root key, on devices that hold it.
    pub root: Option<SecretKey>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

/// First byte of the stored form.
const FORM: u8 = 1;

impl Secrets {
    /// The identity key pair.
    pub fn identity_pair(&self) -> KeyPair {
        KeyPair::from_private(self.identity.clone())
    }

    /// One form byte, then 32 bytes per key.
    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(1 + 3 * 32));
        out.push(FORM);
        let keys = [
            Some(&self.identity),
            Some(&self.node_key),
            self.root.as_ref(),
        ];
        keys.into_iter()
            .flatten()
            .for_each(|k| out.extend_from_slice(k.expose()));
        out
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, KeystoreError> {
        let (keys, rest) = bytes
            .strip_prefix(&[FORM])
            .unwrap_or_default()
            .as_chunks::<32>();
        match (keys, rest) {
            ([identity, node_key, root @ ..], []) if root.len() <= 1 => Ok(Self {
                identity: SecretKey::new(*identity),
                node_key: SecretKey::new(*node_key),
                root: root.first().map(|k| SecretKey::new(*k)),
            }),
            _ => Err(KeystoreError::Damaged),
        }
    }
}

/// Which store is wished for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The keyring if it works, else the file.
    #[default]
    Auto,
    /// The keyring or nothing.
    Keyring,
    /// The file.
    File,
}

impl Choice {
    /// From `NTM_KEYSTORE` = `auto`, `keyring` or `file`; unset means auto.
    pub fn from_env() -> Result<Self, KeystoreError> {
        match std::env::var("NTM_KEYSTORE").as_deref() {
            Ok("auto" | "") | Err(_) => Ok(Self::Auto),
            Ok("keyring") => Ok(Self::Keyring),
            Ok("file") => Ok(Self::File),
            Ok(other) => Err(KeystoreError::BadChoice(other.to_owned())),
        }
    }
}

/// Which store holds a device's secrets; remembered in its profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The operating system's keyring.
    Keyring,
    /// A file in the profile folder.
    File,
}

/// Why secrets are not stored or found.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// The keyring refuses, or there is none.
    #[error("the keyring of this system does not work: {0}; unlock it, or set NTM_KEYSTORE=file")]
    Keyring(String),
    /// The file can't be written or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// There are no secrets for this device.
    #[error("the keys of this device are gone: sign in again")]
    Missing,
    /// What is stored is not what was written.
    #[error("the stored keys of this device are damaged: sign in again")]
    Damaged,
    /// `NTM_KEYSTORE` is set to something else.
    #[error("NTM_KEYSTORE is {0:?}: it takes auto, keyring or file")]
    BadChoice(String),
}

/// Where new secrets go, and why not into the keyring if that was wished.
#[derive(Debug)]
pub struct Chosen {
    /// The store.
    pub place: Place,
    /// Tell the person once: the keyring does not work, because of this.
    pub fallback: Option<String>,
}

/// Picks the store for new secrets; a keyring is trusted only after it kept a trial secret.
pub fn choose(choice: Choice) -> Result<Chosen, KeystoreError> {
    if choice == Choice::File {
        return Ok(Chosen {
            place: Place::File,
            fallback: None,
        });
    }
    match (keyring::probe(), choice) {
        (Ok(()), _) => Ok(Chosen {
            place: Place::Keyring,
            fallback: None,
        }),
        (Err(error), Choice::Keyring) => Err(error),
        (Err(error), Choice::Auto | Choice::File) => Ok(Chosen {
            place: Place::File,
            fallback: Some(error.to_string()),
        }),
    }
}

/// Stores the secrets of `device` (any text that is unique on this machine).
pub fn save(
    place: Place,
    folder: &Path,
    device: &str,
    secrets: &Secrets,
) -> Result<(), KeystoreError> {
    let bytes = secrets.to_bytes();
    match place {
        Place::Keyring => keyring::save(device, &bytes),
        Place::File => file::save(folder, device, &bytes),
    }
}

/// Loads the secrets of `device`.
pub fn load(place: Place, folder: &Path, device: &str) -> Result<Secrets, KeystoreError> {
    let bytes = match place {
        Place::Keyring => keyring::load(device),
        Place::File => file::load(folder, device),
    }?;
    Secrets::from_bytes(&bytes)
}

/// Removes the secrets of `device`; none there is fine.
pub fn delete(place: Place, folder: &Path, device: &str) -> Result<(), KeystoreError> {
    match place {
        Place::Keyring => keyring::delete(device),
        Place::File => file::delete(folder, device),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(root: bool) -> Secrets {
        Secrets {
            identity: SecretKey::new([1; 32]),
            node_key: SecretKey::new([2; 32]),
            root: root.then(|| SecretKey::new([3; 32])),
        }
    }

    #[test]
    fn secrets_read_back_with_and_without_the_root_key() {
        for root in [false, true] {
            let secrets = secrets(root);
            assert_eq!(Secrets::from_bytes(&secrets.to_bytes()).unwrap(), secrets);
        }
    }

    #[test]
    fn damaged_secrets_are_refused() {
        let good = secrets(true).to_bytes();
        for bad in [&good[..40], &good[1..], &[], &[FORM]] {
            assert!(
                matches!(Secrets::from_bytes(bad), Err(KeystoreError::Damaged)),
                "{} bytes",
                bad.len()
            );
        }
    }

    #[test]
    fn the_file_store_keeps_and_forgets() {
        let dir = tempfile::tempdir().unwrap();
        save(Place::File, dir.path(), "a", &secrets(true)).unwrap();
        assert_eq!(load(Place::File, dir.path(), "a").unwrap(), secrets(true));
        delete(Place::File, dir.path(), "a").unwrap();
        assert!(matches!(
            load(Place::File, dir.path(), "a"),
            Err(KeystoreError::Missing)
        ));
        delete(Place::File, dir.path(), "a").unwrap();
    }

    #[test]
    fn secrets_never_print() {
        assert_eq!(format!("{:?}", secrets(true)), "Secrets(..)");
    }
}
