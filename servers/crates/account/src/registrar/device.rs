//! Devices: added, certified, given tickets, listed, revoked.

use ntm_account_api::error::ErrorCode;
use ntm_account_api::node::{Credentials, DeviceAdded, DeviceInfo, NewDevice};
use ntm_account_api::text::{Text, Wire};
use ntm_wire::certificate::{IdentityCertificate, root_signature_holds};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::NodeId;
use ntm_wire::ticket::{TICKET_LIFETIME, Ticket};
use ntm_wire::time::Wall;

use super::{CERTIFICATE_LIFETIME, Decided, Registrar, contact};
use crate::record::{Account, Dc, Device, Fleet, hash_of};
use crate::{Change, Note, Refusal, name};

/// A sealed root key is 64 bytes; more room than that is nobody's business.
const MAX_SEALED_ROOT: usize = 256;

impl Registrar {
    /// Adds a device to an account. `devices`: those it has, revoked ones left out.
    pub fn add_device(
        &mut self,
        now: Wall,
        account: &Account,
        fleet: &Fleet,
        devices: &[Device],
        new: &NewDevice,
    ) -> Result<Decided<DeviceAdded>, Refusal> {
        let fqdn = name::device(&new.name, &account.name)?;
        if account.sealed_root.len() > MAX_SEALED_ROOT {
            return Err(ErrorCode::BadRequest.into());
        }
        if devices.iter().any(|d| d.name == new.name) {
            return Err(ErrorCode::DeviceTaken.into());
        }
        if devices.len() >= self.policy.max_devices {
            return Err(ErrorCode::TooManyDevices.into());
        }
        let dc = dc_of(account, fleet)?;
        let device = self.device(now, account, dc, &fqdn, new)?;
        let answer = DeviceAdded {
            node_key: Wire(device.node_key.clone()),
            credentials: self.credentials(now, &device, account, dc)?,
        };
        let told = Change::Tell(dc.id, Note::NameAdded(fqdn));
        Ok(Decided {
            changes: vec![Change::AddDevice(device), told],
            answer,
        })
    }

    fn device(
        &mut self,
        now: Wall,
        account: &Account,
        dc: &Dc,
        fqdn: &Fqdn,
        new: &NewDevice,
    ) -> Result<Device, Refusal> {
        let identity = new.identity.0;
        let root_signature = signature(&new.root_signature.0)?;
        if !root_signature_holds(&account.root, fqdn, &identity, &root_signature) {
            return Err(ErrorCode::BadRootSignature.into());
        }
        let node = NodeId::of(&identity);
        Ok(Device {
            node,
            account: account.name.clone(),
            name: new.name.clone(),
            identity,
            virtual_v6: dc.prefix.address_of(&node),
            root_signature,
            node_key: self.secret(),
            secret: hash_of(new.secret.0.expose()),
            created: now,
            renewed: now,
            revoked: None,
        })
    }

    /// A new ticket and certificate for a device that showed its secret.
    pub fn renew(
        &mut self,
        now: Wall,
        device: &Device,
        account: &Account,
        fleet: &Fleet,
    ) -> Result<Decided<Credentials>, Refusal> {
        check_signed_in(device)?;
        let dc = dc_of(account, fleet)?;
        Ok(Decided {
            changes: vec![Change::Renewed(device.node, now)],
            answer: self.credentials(now, device, account, dc)?,
        })
    }

    fn credentials(
        &mut self,
        now: Wall,
        device: &Device,
        account: &Account,
        dc: &Dc,
    ) -> Result<Credentials, Refusal> {
        let certificate = self.certify(now, device, account)?;
        let ticket = Ticket {
            node_key: device.node_key.clone(),
            issued: now,
            expires: now + TICKET_LIFETIME,
            certificate: certificate.clone(),
        };
        let salt = self.random();
        Ok(Credentials {
            ticket: Wire(ticket.seal(&dc.ticket_link, salt)),
            ticket_expires_ms: ticket.expires.as_millis(),
            certificate: Wire(certificate),
            dc: contact(dc),
            authorities: self.authorities(),
        })
    }

    fn certify(
        &self,
        now: Wall,
        device: &Device,
        account: &Account,
    ) -> Result<IdentityCertificate, Refusal> {
        let unsigned = IdentityCertificate {
            fqdn: name::device(&device.name, &account.name)?,
            identity: device.identity,
            virtual_v6: device.virtual_v6,
            not_before: now,
            not_after: now + CERTIFICATE_LIFETIME,
            root: account.root,
            root_signature: device.root_signature,
            authority_signature: [0; 64],
        };
        Ok(unsigned.signed_by(&self.authority))
    }

    /// The account's devices as its owner sees them.
    pub fn list(&self, asker: &Device, devices: &[Device]) -> Result<Vec<DeviceInfo>, Refusal> {
        check_signed_in(asker)?;
        let info = |d: &Device| {
            Ok(DeviceInfo {
                name: d.name.clone(),
                fqdn: Text(name::device(&d.name, &d.account)?),
                identity: Wire(d.identity),
                created_ms: d.created.as_millis(),
                renewed_ms: d.renewed.as_millis(),
                this: d.node == asker.node,
            })
        };
        devices.iter().map(info).collect()
    }

    /// Revokes one of the account's devices, the asking one included.
    pub fn revoke(
        &self,
        now: Wall,
        asker: &Device,
        account: &Account,
        devices: &[Device],
        name: &str,
    ) -> Result<Decided<()>, Refusal> {
        check_signed_in(asker)?;
        let device = devices
            .iter()
            .find(|d| d.name == name)
            .ok_or_else(|| Refusal::new(ErrorCode::DeviceUnknown))?;
        let fqdn = name::device(&device.name, &account.name)?;
        let tell = |note| Change::Tell(account.dc, note);
        let changes = vec![
            Change::Revoke(device.node, now),
            tell(Note::Revoked(device.node)),
            tell(Note::NameGone(fqdn)),
        ];
        Ok(Decided {
            changes,
            answer: (),
        })
    }
}

/// A device that was revoked is told so, rather than that nobody knows it.
pub(super) fn check_signed_in(device: &Device) -> Result<(), Refusal> {
    match device.revoked {
        Some(_) => Err(ErrorCode::DeviceRevoked.into()),
        None => Ok(()),
    }
}

fn dc_of<'a>(account: &Account, fleet: &'a Fleet) -> Result<&'a Dc, Refusal> {
    fleet
        .dc(account.dc)
        .ok_or_else(|| ErrorCode::NoCoordinator.into())
}

fn signature(bytes: &[u8]) -> Result<[u8; 64], Refusal> {
    bytes
        .try_into()
        .map_err(|_| ErrorCode::BadRootSignature.into())
}
