//! Sign-in: what lies between its halves travels sealed through the person's device.

use ntm_account_api::error::ErrorCode;
use ntm_account_api::node::SignedIn;
use ntm_account_api::text::{Bytes, Text, Wire};
use ntm_wire::codec::{Codec, Reader, Writer};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::time::Wall;

use super::Registrar;
use crate::Refusal;
use crate::record::{Account, Device};
use crate::voucher::Purpose;

/// Who may add a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The account.
    pub account: Fqdn,
}

impl Registrar {
    /// Seals the OPAQUE state for the second half.
    pub fn seal_sign_in(&mut self, now: Wall, account: &Fqdn, opaque: &[u8]) -> Vec<u8> {
        let mut w = Writer::new();
        account.write(&mut w);
        w.put(opaque);
        self.seal(Purpose::SignIn, now, &w.into_bytes())
    }

    /// The account and OPAQUE state that [`Registrar::seal_sign_in`] sealed, within a minute.
    pub fn open_sign_in(&self, now: Wall, sealed: &[u8]) -> Result<(Fqdn, Vec<u8>), Refusal> {
        let content = self.open(Purpose::SignIn, now, sealed)?;
        let mut r = Reader::new(&content);
        let account = Fqdn::read(&mut r).map_err(|_| Refusal::new(ErrorCode::BadRequest))?;
        Ok((account, r.rest().to_vec()))
    }

    /// The password was right. `devices`: those the account has, revoked ones left out.
    pub fn signed_in(&mut self, now: Wall, account: &Account, devices: &[Device]) -> SignedIn {
        SignedIn {
            grant: Bytes(self.seal(Purpose::Grant, now, &account.name.emit())),
            account: Text(account.name.clone()),
            root: Wire(account.root),
            sealed_root: Bytes(account.sealed_root.clone()),
            devices: devices.iter().map(|d| d.name.clone()).collect(),
        }
    }

    /// Whose grant this is.
    pub fn open_grant(&self, now: Wall, sealed: &[u8]) -> Result<Grant, Refusal> {
        let content = self.open(Purpose::Grant, now, sealed)?;
        let account =
            <Fqdn as Codec>::parse(&content).map_err(|_| Refusal::new(ErrorCode::BadRequest))?;
        Ok(Grant { account })
    }
}
