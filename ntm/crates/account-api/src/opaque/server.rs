//! The server's side.

use core::fmt;

use opaque_ke::{
    CredentialFinalization, CredentialRequest, RegistrationRequest, RegistrationUpload,
    ServerLogin, ServerLoginParameters, ServerRegistration, ServerSetup,
};

use super::seeded::Seeded;
use super::{OpaqueError, Suite};

/// The server's secret: without it, stolen records can't even be guessed at. Lost, nobody can sign in.
pub struct Setup(ServerSetup<Suite>);

/// What the server keeps of a password: an envelope that only the password opens.
#[derive(Clone)]
pub struct Record(ServerRegistration<Suite>);

impl Setup {
    /// A new one. `seed`: fresh random bytes.
    pub fn generate(seed: [u8; 32]) -> Self {
        Self(ServerSetup::new(&mut Seeded::new(seed)))
    }

    /// Reads [`Setup::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpaqueError> {
        Ok(Self(ServerSetup::deserialize(bytes)?))
    }

    /// To be kept secret, and for ever.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.serialize().to_vec()
    }

    /// Answers a sign-up's first half for this account.
    pub fn sign_up(&self, account: &[u8], request: &[u8]) -> Result<Vec<u8>, OpaqueError> {
        let request = RegistrationRequest::deserialize(request)?;
        let started = ServerRegistration::<Suite>::start(&self.0, request, account)?;
        Ok(started.message.serialize().to_vec())
    }

    /// Answers a sign-in's first half with the state to check the second half by, which is secret. An
    /// unknown account has no record, and gets an answer that looks like any other.
    pub fn sign_in(
        &self,
        record: Option<&Record>,
        account: &[u8],
        request: &[u8],
        seed: [u8; 32],
    ) -> Result<(Vec<u8>, Vec<u8>), OpaqueError> {
        let started = ServerLogin::<Suite>::start(
            &mut Seeded::new(seed),
            &self.0,
            record.map(|r| r.0.clone()),
            CredentialRequest::deserialize(request)?,
            account,
            ServerLoginParameters::default(),
        )?;
        Ok((
            started.state.serialize().to_vec(),
            started.message.serialize().to_vec(),
        ))
    }

    /// Checks a sign-in's second half: whether the other side knew the password.
    pub fn finish_sign_in(state: &[u8], finalization: &[u8]) -> Result<(), OpaqueError> {
        let finalization = CredentialFinalization::deserialize(finalization)?;
        ServerLogin::<Suite>::deserialize(state)?
            .finish(finalization, ServerLoginParameters::default())
            .map(drop)
            .map_err(|_| OpaqueError::WrongPassword)
    }
}

impl Record {
    /// From a sign-up's second half.
    pub fn of_upload(upload: &[u8]) -> Result<Self, OpaqueError> {
        let upload = RegistrationUpload::deserialize(upload)?;
        Ok(Self(ServerRegistration::finish(upload)))
    }

    /// Reads [`Record::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpaqueError> {
        Ok(Self(ServerRegistration::deserialize(bytes)?))
    }

    /// For the store.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.serialize().to_vec()
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Setup(..)")
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Record(..)")
    }
}
