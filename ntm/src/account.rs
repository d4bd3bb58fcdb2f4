//! The client of the Account Server: sign-up, sign-in, and what a signed-in device asks of it.
//!
//! The password never leaves this machine: both sides speak OPAQUE, whose export key also seals the
//! account's root key, so that a second device recovers it and the server can't.

mod device_name;
mod error;
mod membership;
mod opaque;
mod session;
mod sign_in;
mod sign_up;

pub use ntm_account_api::invitation::{Enrolment, Invitation, LinkError, Pin, ServerRef};
pub use ntm_account_api::node::DeviceInfo;
pub use ntm_account_api::server::ServerRole;

pub use device_name::default_device_name;
pub use error::AccountError;
pub use session::{Session, Tickets};
pub use sign_in::sign_in;
pub use sign_up::{sign_up, sign_up_open};

use crate::keystore::Secrets;
use crate::profile::Membership;

/// A device that has just signed in: to be kept with [`Profile::create`](crate::Profile::create).
#[derive(Clone, Debug)]
pub struct Device {
    /// What the AS said.
    pub membership: Membership,
    /// What never leaves the device.
    pub secrets: Secrets,
}
