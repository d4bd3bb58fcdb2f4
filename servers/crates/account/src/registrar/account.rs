//! Sign-up: an invitation becomes an account with its first device.

use ntm_account_api::error::ErrorCode;
use ntm_account_api::node::{DeviceAdded, SignUpFinish};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::DcId;
use ntm_wire::time::Wall;

use super::{Decided, Registrar, Registration};
use crate::record::{Account, Fleet, Invitation};
use crate::{Change, Note, Refusal, name};

/// What the store knows about somebody who wants to sign up.
#[derive(Clone, Copy, Debug)]
pub struct Applicant<'a> {
    /// The invitation shown, if there is one.
    pub invitation: Option<&'a Invitation>,
    /// Whether a code was shown at all.
    pub showed_code: bool,
    /// Whether the wanted account exists.
    pub is_taken: bool,
}

impl Registrar {
    /// Whether the applicant may have the account. Asked at both halves of the sign-up.
    pub fn may_sign_up(
        &self,
        now: Wall,
        account: &Fqdn,
        applicant: Applicant<'_>,
    ) -> Result<(), Refusal> {
        let is_invited = self.admit(now, applicant)?;
        if applicant.is_taken || (name::is_reserved(account) && !is_invited.by_server) {
            return Err(ErrorCode::AccountTaken.into());
        }
        Ok(())
    }

    fn admit(&self, now: Wall, applicant: Applicant<'_>) -> Result<Admitted, Refusal> {
        let by_server = applicant.invitation.is_some_and(|i| i.made_by.is_none());
        if self.policy.registration == Registration::Closed && !by_server {
            return Err(ErrorCode::RegistrationClosed.into());
        }
        match applicant.invitation {
            Some(i) if now > i.expires => Err(ErrorCode::InvitationExpired.into()),
            Some(i) if i.used >= i.uses => Err(ErrorCode::InvitationUsedUp.into()),
            Some(_) => Ok(Admitted { by_server }),
            None if applicant.showed_code => Err(ErrorCode::InvitationUnknown.into()),
            None if self.policy.registration == Registration::Open => Ok(Admitted { by_server }),
            None => Err(ErrorCode::InvitationNeeded.into()),
        }
    }

    /// Makes the account. `opaque`: the record that OPAQUE made of the upload; `accounts`: how many
    /// accounts each coordinator has.
    pub fn sign_up(
        &mut self,
        now: Wall,
        applicant: Applicant<'_>,
        fleet: &Fleet,
        accounts: &[(DcId, u64)],
        asked: &SignUpFinish,
        opaque: Vec<u8>,
    ) -> Result<Decided<DeviceAdded>, Refusal> {
        let name = self.account_name(asked.account.0.as_str())?;
        self.may_sign_up(now, &name, applicant)?;
        let account = Account {
            dc: least_loaded(fleet, accounts, &name)?,
            name,
            opaque,
            root: asked.root.0,
            sealed_root: asked.sealed_root.0.clone(),
            is_admin: applicant.invitation.is_some_and(|i| i.makes_admin),
            created: now,
        };
        let device = self.add_device(now, &account, fleet, &[], &asked.device)?;
        let mut changes: Vec<Change> = applicant
            .invitation
            .map(|i| Change::UseInvitation(i.hash))
            .into_iter()
            .collect();
        let told = Change::Tell(account.dc, Note::NameAdded(account.name.clone()));
        changes.extend([Change::AddAccount(account), told]);
        changes.extend(device.changes);
        Ok(Decided {
            changes,
            answer: device.answer,
        })
    }
}

struct Admitted {
    /// The server's own invitation: the operator's, who may have any name.
    by_server: bool,
}

fn least_loaded(fleet: &Fleet, accounts: &[(DcId, u64)], account: &Fqdn) -> Result<DcId, Refusal> {
    let load = |dc: DcId| {
        let known = accounts.iter().find(|(id, _)| *id == dc);
        known.map_or(0, |(_, n)| *n)
    };
    fleet
        .dcs
        .iter()
        .filter(|dc| account.parent().is_some_and(|d| dc.domains.contains(&d)))
        .map(|dc| dc.id)
        .min_by_key(|id| (load(*id), *id))
        .ok_or_else(|| ErrorCode::NoCoordinator.into())
}
