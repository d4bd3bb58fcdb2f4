//! What a person's devices ask of the AS.

use core::net::SocketAddr;

use ntm_wire::certificate::IdentityCertificate;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::kdf::derive;
use ntm_wire::key::{AuthorityKey, IdentityKey, RootKey, SecretKey, ServerKey};
use ntm_wire::ticket::SealedTicket;
use serde::{Deserialize, Serialize};

use crate::text::{Bytes, Text, Wire};

/// `POST`: [`SignUpStart`] -> [`SignUpStarted`].
pub const SIGN_UP_START: &str = "/v1/sign-up/start";
/// `POST`: [`SignUpFinish`] -> [`DeviceAdded`].
pub const SIGN_UP_FINISH: &str = "/v1/sign-up/finish";
/// `POST`: [`SignInStart`] -> [`SignInStarted`].
pub const SIGN_IN_START: &str = "/v1/sign-in/start";
/// `POST`: [`SignInFinish`] -> [`SignedIn`].
pub const SIGN_IN_FINISH: &str = "/v1/sign-in/finish";
/// `POST`: [`AddDevice`] -> [`DeviceAdded`]. `GET`, with a device secret: a list of [`DeviceInfo`].
pub const DEVICES: &str = "/v1/devices";
/// `POST`, with a device secret: [`RevokeDevice`] -> nothing.
pub const REVOKE_DEVICE: &str = "/v1/devices/revoke";
/// `POST`, with a device secret, empty body: [`Credentials`].
pub const TICKET: &str = "/v1/ticket";
/// `POST`, with a device secret: [`Invite`] -> [`Invited`].
pub const INVITATIONS: &str = "/v1/invitations";

/// Sign-up, first half.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignUpStart {
    /// The invitation's code; absent where registration is open.
    pub code: Option<Bytes>,
    /// The wanted account: its name alone, or with the domain.
    pub account: String,
    /// OPAQUE registration request.
    pub opaque: Bytes,
}

/// Answer to [`SignUpStart`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignUpStarted {
    /// The account's whole name.
    pub account: Text<Fqdn>,
    /// OPAQUE registration response.
    pub opaque: Bytes,
}

/// Sign-up, second half: the account with its first device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignUpFinish {
    /// As in [`SignUpStart`].
    pub code: Option<Bytes>,
    /// The account's whole name.
    pub account: Text<Fqdn>,
    /// OPAQUE registration upload.
    pub opaque: Bytes,
    /// The account's root key, public half.
    pub root: Wire<RootKey>,
    /// Its private half, sealed under the OPAQUE export key: `opaque::seal_root`.
    pub sealed_root: Bytes,
    /// The first device.
    pub device: NewDevice,
}

/// A device as it introduces itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewDevice {
    /// The label in front of the account's name.
    pub name: String,
    /// Its identity key.
    pub identity: Wire<IdentityKey>,
    /// The root key's signature over name and identity key, 64 bytes.
    pub root_signature: Bytes,
    /// Shown to the AS as `Authorization: Bearer <base64url>` from now on: [`device_secret`].
    pub secret: Wire<SecretKey>,
}

/// What a device shows the AS to be known again. It comes from the identity key, so that a device
/// keeps one secret less, and no DC, which learns the node key, can speak for the device.
pub fn device_secret(identity: &SecretKey) -> SecretKey {
    derive(identity, "ntm device secret", &[])
}

/// Sign-in, first half.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignInStart {
    /// The account: its name alone, or with the domain.
    pub account: String,
    /// OPAQUE credential request.
    pub opaque: Bytes,
}

/// Answer to [`SignInStart`]; the same for accounts that don't exist.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignInStarted {
    /// What the server wants back; sealed, so that it keeps no state.
    pub state: Bytes,
    /// OPAQUE credential response.
    pub opaque: Bytes,
}

/// Sign-in, second half.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignInFinish {
    /// From [`SignInStarted`].
    pub state: Bytes,
    /// OPAQUE credential finalization.
    pub opaque: Bytes,
}

/// The password was right.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedIn {
    /// Good for adding one device within five minutes.
    pub grant: Bytes,
    /// The account's whole name.
    pub account: Text<Fqdn>,
    /// The account's root key.
    pub root: Wire<RootKey>,
    /// Its private half, which only the password opens.
    pub sealed_root: Bytes,
    /// Device names in use.
    pub devices: Vec<String>,
}

/// Adds a device to the account signed in to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddDevice {
    /// From [`SignedIn`].
    pub grant: Bytes,
    /// The device.
    pub device: NewDevice,
}

/// A device stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceAdded {
    /// The node key.
    pub node_key: Wire<SecretKey>,
    /// Certificate, ticket and whom to talk to.
    pub credentials: Credentials,
}

/// What a node needs to register, renewed before the ticket ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credentials {
    /// Who the device is.
    pub certificate: Wire<IdentityCertificate>,
    /// Sealed for the DC.
    pub ticket: Wire<SealedTicket>,
    /// When the ticket ends, milliseconds since 1970.
    pub ticket_expires_ms: u64,
    /// The device's coordinator.
    pub dc: DcContact,
    /// Whose certificates to believe.
    pub authorities: Vec<AuthorityInfo>,
}

/// Where a coordinator is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DcContact {
    /// Its key.
    pub key: Wire<ServerKey>,
    /// Its addresses, best first.
    pub addrs: Vec<SocketAddr>,
}

/// An AS's key and a domain it speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityInfo {
    /// The domain.
    pub domain: Text<Fqdn>,
    /// The verification key.
    pub key: Wire<AuthorityKey>,
}

/// One device of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// Its label.
    pub name: String,
    /// Its whole name.
    pub fqdn: Text<Fqdn>,
    /// Its identity key.
    pub identity: Wire<IdentityKey>,
    /// When it signed in, milliseconds since 1970.
    pub created_ms: u64,
    /// When it last renewed its ticket.
    pub renewed_ms: u64,
    /// Whether it is the one that asks.
    pub this: bool,
}

/// Takes a device's tickets away.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevokeDevice {
    /// Its label.
    pub name: String,
}

/// Asks for an invitation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invite {
    /// How many people may use it.
    pub uses: u32,
    /// For how long.
    pub lifetime_s: u64,
}

/// An invitation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invited {
    /// `legato://invite/...`: everything needed to sign up but a password.
    pub link: String,
}
