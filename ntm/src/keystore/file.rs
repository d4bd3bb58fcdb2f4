//! The file for machines without a keyring.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::KeystoreError;
use crate::files;

/// Named after the device, so that a new sign-in never overwrites keys that a record still points to.
fn path(folder: &Path, device: &str) -> PathBuf {
    let fingerprint = device.rsplit('#').next().unwrap_or(device);
    folder.join(format!("secrets-{fingerprint}"))
}

pub(super) fn save(folder: &Path, device: &str, bytes: &[u8]) -> Result<(), KeystoreError> {
    Ok(files::write_private(&path(folder, device), bytes)?)
}

pub(super) fn load(folder: &Path, device: &str) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
    files::read_private(&path(folder, device)).map_err(|e| {
        if e.is_not_found() {
            KeystoreError::Missing
        } else {
            e.into()
        }
    })
}

pub(super) fn delete(folder: &Path, device: &str) -> Result<(), KeystoreError> {
    Ok(files::remove(&path(folder, device))?)
}
