//! The person's side. Each half-way state is made from a fresh seed and used once.

use core::fmt;

use ntm_wire::kdf::derive;
use ntm_wire::key::SecretKey;
use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialResponse, RegistrationResponse,
};
use zeroize::Zeroize as _;

use super::seeded::Seeded;
use super::{OpaqueError, Suite};

/// A key that only the password gives; the same at sign-up and at every sign-in.
#[derive(Clone, PartialEq, Eq)]
pub struct ExportKey(SecretKey);

impl ExportKey {
    fn of(mut export: impl AsMut<[u8]>) -> Result<Self, OpaqueError> {
        let bytes = export.as_mut();
        let head = *bytes.first_chunk::<32>().ok_or(OpaqueError::Malformed)?;
        bytes.zeroize();
        Ok(Self(SecretKey::new(head)))
    }

    /// The key for one purpose.
    pub(super) fn derive(&self, label: &str) -> SecretKey {
        derive(&self.0, label, &[])
    }
}

impl fmt::Debug for ExportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExportKey(..)")
    }
}

/// A sign-up that waits for the server's response.
pub struct SignUp {
    state: ClientRegistration<Suite>,
    rng: Seeded,
}

impl SignUp {
    /// Begins; the bytes go into `SignUpStart::opaque`. `seed`: fresh random bytes.
    pub fn start(password: &[u8], seed: [u8; 32]) -> Result<(Self, Vec<u8>), OpaqueError> {
        let mut rng = Seeded::new(seed);
        let started = ClientRegistration::<Suite>::start(&mut rng, password)?;
        let request = started.message.serialize().to_vec();
        Ok((
            Self {
                state: started.state,
                rng,
            },
            request,
        ))
    }

    /// Ends; the bytes go into `SignUpFinish::opaque`. Slow on purpose: Argon2.
    pub fn finish(
        mut self,
        password: &[u8],
        response: &[u8],
    ) -> Result<(Vec<u8>, ExportKey), OpaqueError> {
        let response = RegistrationResponse::deserialize(response)?;
        let params = ClientRegistrationFinishParameters::default();
        let done = self
            .state
            .finish(&mut self.rng, password, response, params)?;
        Ok((
            done.message.serialize().to_vec(),
            ExportKey::of(done.export_key)?,
        ))
    }
}

/// A sign-in that waits for the server's response.
pub struct SignIn {
    state: ClientLogin<Suite>,
    rng: Seeded,
}

impl SignIn {
    /// Begins; the bytes go into `SignInStart::opaque`. `seed`: fresh random bytes.
    pub fn start(password: &[u8], seed: [u8; 32]) -> Result<(Self, Vec<u8>), OpaqueError> {
        let mut rng = Seeded::new(seed);
        let started = ClientLogin::<Suite>::start(&mut rng, password)?;
        let request = started.message.serialize().to_vec();
        Ok((
            Self {
                state: started.state,
                rng,
            },
            request,
        ))
    }

    /// Ends; the bytes go into `SignInFinish::opaque`. Slow on purpose: Argon2.
    pub fn finish(
        mut self,
        password: &[u8],
        response: &[u8],
    ) -> Result<(Vec<u8>, ExportKey), OpaqueError> {
        let response = CredentialResponse::deserialize(response)?;
        let params = ClientLoginFinishParameters::default();
        let done = self
            .state
            .finish(&mut self.rng, password, response, params)?;
        Ok((
            done.message.serialize().to_vec(),
            ExportKey::of(done.export_key)?,
        ))
    }
}

impl fmt::Debug for SignUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignUp(..)")
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignIn(..)")
    }
}
