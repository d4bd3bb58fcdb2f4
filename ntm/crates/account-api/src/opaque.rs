//! OPAQUE (RFC 9807), both sides: the server never sees the password, nor anything it could try
//! passwords against without its own secret.

mod client;
mod root;
mod seeded;
mod server;

pub use client::{ExportKey, SignIn, SignUp};
pub use root::{open_root, seal_root};
pub use server::{Record, Setup};

use opaque_ke::errors::ProtocolError;
use opaque_ke::{CipherSuite, Ristretto255, TripleDh};

/// ristretto255, triple Diffie-Hellman and SHA-512; Argon2id (19 MiB, 2 passes) stretches the password
/// on the client.
#[derive(Clone, Copy, Debug, Default)]
pub struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2_10::Sha512>;
    type Ksf = opaque_ke::argon2::Argon2<'static>;
}

/// Why OPAQUE did not come to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpaqueError {
    /// The password is wrong, or there is no such account.
    #[error("wrong account or password")]
    WrongPassword,
    /// The other side sent what is no OPAQUE message.
    #[error("the other side does not speak this version of the sign-in")]
    Malformed,
}

impl From<ProtocolError> for OpaqueError {
    fn from(error: ProtocolError) -> Self {
        if matches!(error, ProtocolError::InvalidLoginError) {
            Self::WrongPassword
        } else {
            Self::Malformed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &[u8] = b"alice.example.org";

    fn sign_up(setup: &Setup, password: &[u8]) -> (Record, ExportKey) {
        let (state, request) = SignUp::start(password, [1; 32]).unwrap();
        let response = setup.sign_up(ALICE, &request).unwrap();
        let (upload, key) = state.finish(password, &response).unwrap();
        (Record::of_upload(&upload).unwrap(), key)
    }

    fn sign_in(
        setup: &Setup,
        record: Option<&Record>,
        password: &[u8],
    ) -> Result<ExportKey, OpaqueError> {
        let (client, request) = SignIn::start(password, [2; 32])?;
        let (state, response) = setup.sign_in(record, ALICE, &request, [3; 32])?;
        let (finalization, key) = client.finish(password, &response)?;
        Setup::finish_sign_in(&state, &finalization)?;
        Ok(key)
    }

    #[test]
    fn the_right_password_gives_the_export_key_of_sign_up() {
        let setup = Setup::generate([9; 32]);
        let (record, key) = sign_up(&setup, b"correct horse");
        let again = sign_in(&setup, Some(&record), b"correct horse").unwrap();
        assert!(again == key, "the key that seals the account root");
    }

    #[test]
    fn a_wrong_password_and_an_unknown_account_look_alike() {
        let setup = Setup::generate([9; 32]);
        let (record, _) = sign_up(&setup, b"correct horse");
        let wrong = sign_in(&setup, Some(&record), b"battery").map(drop);
        let unknown = sign_in(&setup, None, b"battery").map(drop);
        assert_eq!(wrong, Err(OpaqueError::WrongPassword));
        assert_eq!(wrong, unknown);
    }

    #[test]
    fn answers_for_a_known_and_an_unknown_account_have_one_length() {
        let setup = Setup::generate([9; 32]);
        let (record, _) = sign_up(&setup, b"correct horse");
        let (_, request) = SignIn::start(b"x", [2; 32]).unwrap();
        let known = setup.sign_in(Some(&record), ALICE, &request, [3; 32]);
        let unknown = setup.sign_in(None, b"bob.example.org", &request, [3; 32]);
        assert_eq!(known.unwrap().1.len(), unknown.unwrap().1.len());
    }

    #[test]
    fn a_setup_read_back_knows_its_records() {
        let setup = Setup::generate([9; 32]);
        let (record, key) = sign_up(&setup, b"correct horse");
        let setup = Setup::from_bytes(&setup.to_bytes()).unwrap();
        assert!(sign_in(&setup, Some(&record), b"correct horse").unwrap() == key);
    }

    #[test]
    fn the_root_key_opens_only_with_its_own_export_key() {
        let setup = Setup::generate([9; 32]);
        let (_, key) = sign_up(&setup, b"correct horse");
        let (_, other) = sign_up(&setup, b"another");
        let sealed = seal_root(&[5; 32], &key, [0; 16]);
        assert_eq!(*open_root(&sealed, &key).unwrap(), [5; 32]);
        assert!(open_root(&sealed, &other).is_err());
    }
}
