//! Fresh random numbers, and Argon2 on a thread of its own.

use ntm_account_api::opaque::{ExportKey, OpaqueError, SignIn, SignUp};
use zeroize::Zeroizing;

use super::error::{AccountError, MIN_PASSWORD};

/// A password on its way to OPAQUE.
#[derive(Clone)]
pub(super) struct Password(Zeroizing<Vec<u8>>);

impl Password {
    pub(super) fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.as_bytes().to_vec()))
    }

    /// A password that is to be remembered by the server as good.
    pub(super) fn chosen(text: &str) -> Result<Self, AccountError> {
        if text.chars().count() < MIN_PASSWORD {
            return Err(AccountError::ShortPassword);
        }
        Ok(Self::new(text))
    }

    pub(super) fn sign_up(&self) -> Result<(SignUp, Vec<u8>), AccountError> {
        Ok(SignUp::start(&self.0, random()?)?)
    }

    pub(super) fn sign_in(&self) -> Result<(SignIn, Vec<u8>), AccountError> {
        Ok(SignIn::start(&self.0, random()?)?)
    }

    pub(super) async fn finish_sign_up(
        self,
        state: SignUp,
        response: Vec<u8>,
    ) -> Result<(Vec<u8>, ExportKey), AccountError> {
        slowly(move || state.finish(&self.0, &response)).await
    }

    pub(super) async fn finish_sign_in(
        self,
        state: SignIn,
        response: Vec<u8>,
    ) -> Result<(Vec<u8>, ExportKey), AccountError> {
        slowly(move || state.finish(&self.0, &response)).await
    }
}

async fn slowly<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OpaqueError> + Send + 'static,
) -> Result<T, AccountError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        // Only when the runtime is going down, or Argon2 found no memory.
        Err(_) => Err(AccountError::OtherVersion),
    }
}

/// Fresh random bytes of the operating system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], AccountError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(AccountError::Random)?;
    Ok(bytes)
}
