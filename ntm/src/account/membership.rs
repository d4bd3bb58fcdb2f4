//! A device in the making: its keys, how it introduces itself, and what it believes of the answer.

use ed25519_dalek::SigningKey;
use ntm_account_api::invitation::ServerRef;
use ntm_account_api::node::{Credentials, DeviceAdded, NewDevice, device_secret};
use ntm_account_api::text::{Bytes, Wire};
use ntm_wire::addr::RealAddr;
use ntm_wire::certificate::sign_device;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::{IdentityKey, KeyPair, RootKey, SecretKey};
use ntm_wire::time::Wall;

use super::opaque::random;
use super::{AccountError, Device};
use crate::clock::Clock;
use crate::keystore::Secrets;
use crate::profile::Membership;

pub(super) struct Candidate {
    identity: KeyPair,
    root: SigningKey,
    fqdn: Fqdn,
}

impl Candidate {
    pub(super) fn new(root: SigningKey, account: &Fqdn, name: &str) -> Result<Self, AccountError> {
        Ok(Self {
            identity: KeyPair::from_private(SecretKey::new(random()?)),
            root,
            fqdn: account.child(name)?,
        })
    }

    pub(super) fn introduction(&self) -> NewDevice {
        let identity = self.identity.identity();
        NewDevice {
            name: self.fqdn.first_label().to_owned(),
            identity: Wire(identity),
            root_signature: Bytes(sign_device(&self.root, &self.fqdn, &identity).to_vec()),
            secret: Wire(device_secret(self.identity.private())),
        }
    }

    /// The device that the AS's answer makes of this, if the answer holds.
    pub(super) fn accept(
        self,
        server: &ServerRef,
        added: DeviceAdded,
    ) -> Result<Device, AccountError> {
        let expected = Expected {
            fqdn: &self.fqdn,
            identity: self.identity.identity(),
            root: RootKey(self.root.verifying_key().to_bytes()),
        };
        let membership = expected.membership(server, added.credentials)?;
        Ok(Device {
            membership,
            secrets: Secrets {
                identity: self.identity.private().clone(),
                node_key: added.node_key.0,
                root: Some(SecretKey::new(self.root.to_bytes())),
            },
        })
    }
}

/// What a certificate must say to be this device's.
pub(super) struct Expected<'a> {
    pub(super) fqdn: &'a Fqdn,
    pub(super) identity: IdentityKey,
    pub(super) root: RootKey,
}

impl Expected<'_> {
    pub(super) fn membership(
        &self,
        server: &ServerRef,
        given: Credentials,
    ) -> Result<Membership, AccountError> {
        let certificate = given.certificate.0;
        let is_ours = certificate.fqdn == *self.fqdn
            && certificate.identity == self.identity
            && certificate.root == self.root;
        if !is_ours {
            return Err(AccountError::Untrusted("it certifies another device"));
        }
        let authority = given
            .authorities
            .into_iter()
            .find(|a| self.fqdn.is_under(&a.domain.0))
            .ok_or(AccountError::Untrusted(
                "it names no key for its own domain",
            ))?;
        certificate.verify(
            &authority.key.0,
            &authority.domain.0,
            Clock::start().now().wall,
        )?;
        Ok(Membership {
            certificate,
            ticket: given.ticket.0,
            ticket_expires: Wall::from_millis(given.ticket_expires_ms),
            server: server.url.clone(),
            server_pin: server.pin.map(|p| p.0),
            domain: authority.domain.0,
            authority: authority.key.0,
            dc_key: given.dc.key.0,
            dc_addrs: given.dc.addrs.into_iter().map(RealAddr).collect(),
        })
    }
}
