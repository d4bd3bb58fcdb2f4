//! Invitations and enrolment tokens.

use core::time::Duration;

use ntm_account_api::error::ErrorCode;
use ntm_account_api::invitation::CODE_LEN;
use ntm_account_api::server::ServerRole;
use ntm_wire::time::Wall;

use super::device::check_signed_in;
use super::{Decided, Registrar, Registration};
use crate::record::{Account, Device, Enrolment, Fleet, Invitation, hash_of};
use crate::{Change, Refusal};

/// No invitation or token is good for longer.
const MAX_LIFETIME: Duration = Duration::from_secs(365 * 86_400);

/// The set-up link waits for the operator for a week; the next start makes a new one.
const SETUP_LIFETIME: Duration = Duration::from_secs(7 * 86_400);

impl Registrar {
    /// An invitation by a signed-in person.
    pub fn invite(
        &mut self,
        now: Wall,
        device: &Device,
        account: &Account,
        uses: u32,
        lifetime: Duration,
    ) -> Result<Decided<[u8; CODE_LEN]>, Refusal> {
        check_signed_in(device)?;
        if self.policy.registration == Registration::Closed && !account.is_admin {
            return Err(ErrorCode::RegistrationClosed.into());
        }
        if uses > self.policy.max_uses && !account.is_admin {
            let message = format!(
                "an invitation is good for {} people at most: ask for fewer",
                self.policy.max_uses
            );
            return Err(Refusal::because(ErrorCode::NotAllowed, message));
        }
        // While registration is closed an administrator's invitation is the server's own.
        let is_servers = self.policy.registration == Registration::Closed;
        Ok(self.invitation(now, lifetime, |hash, expires| Invitation {
            hash,
            uses: uses.max(1),
            used: 0,
            expires,
            makes_admin: false,
            made_by: (!is_servers).then(|| account.name.clone()),
        }))
    }

    /// The invitation by which the operator becomes an administrator; earlier ones are void.
    pub fn setup_invitation(&mut self, now: Wall) -> Decided<[u8; CODE_LEN]> {
        let mut decided = self.invitation(now, SETUP_LIFETIME, |hash, expires| Invitation {
            hash,
            uses: 1,
            used: 0,
            expires,
            makes_admin: true,
            made_by: None,
        });
        decided.changes.insert(0, Change::VoidAdminInvitations);
        decided
    }

    /// An invitation by whoever runs the server.
    pub fn operator_invitation(
        &mut self,
        now: Wall,
        uses: u32,
        lifetime: Duration,
    ) -> Decided<[u8; CODE_LEN]> {
        self.invitation(now, lifetime, |hash, expires| Invitation {
            hash,
            uses,
            used: 0,
            expires,
            makes_admin: false,
            made_by: None,
        })
    }

    fn invitation(
        &mut self,
        now: Wall,
        lifetime: Duration,
        make: impl FnOnce([u8; 32], Wall) -> Invitation,
    ) -> Decided<[u8; CODE_LEN]> {
        let code = self.code();
        let invitation = make(hash_of(&code), now + lifetime.min(MAX_LIFETIME));
        Decided {
            changes: vec![Change::AddInvitation(invitation)],
            answer: code,
        }
    }

    /// A token for a server, by an administrator.
    pub fn enrolment(
        &mut self,
        now: Wall,
        asker: (&Device, &Account),
        fleet: &Fleet,
        role: ServerRole,
        lifetime: Duration,
    ) -> Result<Decided<[u8; CODE_LEN]>, Refusal> {
        let (device, account) = asker;
        check_signed_in(device)?;
        if !account.is_admin {
            return Err(ErrorCode::NotAllowed.into());
        }
        self.operator_enrolment(now, fleet, role, lifetime)
    }

    /// A token for a server, by whoever runs the AS.
    pub fn operator_enrolment(
        &mut self,
        now: Wall,
        fleet: &Fleet,
        role: ServerRole,
        lifetime: Duration,
    ) -> Result<Decided<[u8; CODE_LEN]>, Refusal> {
        self.check_role(fleet, &role)?;
        let code = self.code();
        let enrolment = Enrolment {
            hash: hash_of(&code),
            role,
            expires: now + lifetime.min(MAX_LIFETIME),
            used: None,
        };
        Ok(Decided {
            changes: vec![Change::AddEnrolment(enrolment)],
            answer: code,
        })
    }

    fn check_role(&self, fleet: &Fleet, role: &ServerRole) -> Result<(), Refusal> {
        let unknown = match role {
            ServerRole::Dc { domains } => domains
                .iter()
                .find(|d| !self.policy.domains.contains(&d.0))
                .map(|d| format!("this server has no accounts under {}", d.0)),
            ServerRole::Rs { dcs } => dcs
                .iter()
                .find(|n| !fleet.dcs.iter().any(|dc| dc.id.0 == **n))
                .map(|n| format!("there is no coordinator number {n}")),
        };
        match unknown {
            Some(message) => Err(Refusal::because(ErrorCode::BadRequest, message)),
            None => Ok(()),
        }
    }
}
