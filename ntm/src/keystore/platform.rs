//! The keyring of each system: one line of `cfg` each.

use std::sync::Arc;

use keyring_core::api::CredentialStoreApi;
use keyring_core::error::Result;

#[cfg(target_os = "linux")]
use dbus_secret_service_keyring_store::Store;

#[cfg(target_os = "macos")]
use apple_native_keyring_store::keychain::Store;

#[cfg(target_os = "ios")]
use apple_native_keyring_store::protected::Store;

#[cfg(windows)]
use windows_native_keyring_store::Store;

#[cfg(target_os = "android")]
use android_native_keyring_store::Store;

/// Opens the system's store.
#[cfg(any(
    target_os = "linux",
    target_os = "macos",
    target_os = "ios",
    target_os = "android",
    windows
))]
pub(super) fn open() -> Result<Arc<impl CredentialStoreApi>> {
    Store::new()
}
