//! What people and their devices ask.

use std::net::IpAddr;
use std::time::Duration;

use ntm_account::record::{Account, Device, Invitation, hash_of};
use ntm_account::registrar::Applicant;
use ntm_account::{Decided, Refusal, Registrar};
use ntm_account_api::error::ErrorCode;
use ntm_account_api::invitation::{self, CODE_LEN};
use ntm_account_api::node::{
    AddDevice, Credentials, DeviceAdded, DeviceInfo, Invite, Invited, RevokeDevice, SignInFinish,
    SignInStart, SignInStarted, SignUpFinish, SignUpStart, SignUpStarted, SignedIn,
};
use ntm_account_api::opaque::{OpaqueError, Record, Setup};
use ntm_account_api::text::{Bytes, Text};
use ntm_account_api::well_known::WellKnown;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::SecretKey;

use super::{Service, seed};
use crate::account_server::problem::refusal;

impl Service {
    pub(in crate::account_server) async fn sign_up_start(
        &self,
        source: IpAddr,
        asked: SignUpStart,
    ) -> Result<SignUpStarted, Refusal> {
        self.attempt(source, None)?;
        let account = self.decide(|r| r.account_name(&asked.account))?;
        let (invitation, is_taken) = self.applicant(asked.code.as_ref(), &account).await?;
        let applicant = applicant(invitation.as_ref(), asked.code.as_ref(), is_taken);
        self.decide(|r| r.may_sign_up(self.now(), &account, applicant))?;
        let opaque = self.opaque.sign_up(id(&account), &asked.opaque.0);
        Ok(SignUpStarted {
            opaque: Bytes(opaque.map_err(unread)?),
            account: Text(account),
        })
    }

    pub(in crate::account_server) async fn sign_up_finish(
        &self,
        source: IpAddr,
        asked: SignUpFinish,
    ) -> Result<DeviceAdded, Refusal> {
        self.attempt(source, None)?;
        let record = Record::of_upload(&asked.opaque.0).map_err(unread)?;
        let (invitation, is_taken) = self
            .applicant(asked.code.as_ref(), &asked.account.0)
            .await?;
        let applicant = applicant(invitation.as_ref(), asked.code.as_ref(), is_taken);
        let fleet = self.store.fleet().await.map_err(refusal)?;
        let accounts = self.store.accounts_per_dc().await.map_err(refusal)?;
        let (now, record) = (self.now(), record.to_bytes());
        let decided =
            self.decide(|r| r.sign_up(now, applicant, &fleet, &accounts, &asked, record))?;
        let added = self.carry_out(decided).await?;
        tracing::info!("an account was made");
        tracing::debug!(account = %asked.account.0, "an account was made");
        Ok(added)
    }

    async fn applicant(
        &self,
        code: Option<&Bytes>,
        account: &Fqdn,
    ) -> Result<(Option<Invitation>, bool), Refusal> {
        let invitation = match code {
            Some(code) => self.store.invitation(&hash_of(&code.0)).await,
            None => Ok(None),
        };
        let taken = self.store.account(account).await.map_err(refusal)?;
        Ok((invitation.map_err(refusal)?, taken.is_some()))
    }

    pub(in crate::account_server) async fn sign_in_start(
        &self,
        source: IpAddr,
        asked: SignInStart,
    ) -> Result<SignInStarted, Refusal> {
        let name = self.decide(|r| r.account_name(&asked.account))?;
        self.attempt(source, Some(&name))?;
        let account = self.store.account(&name).await.map_err(refusal)?;
        // No record, and the answer looks like any other.
        let record = account.map(|a| Record::from_bytes(&a.opaque)).transpose();
        let record = record.map_err(|_| damaged())?;
        let (state, response) = self
            .opaque
            .sign_in(record.as_ref(), id(&name), &asked.opaque.0, seed()?)
            .map_err(unread)?;
        let state = self.decide(|r| r.seal_sign_in(self.now(), &name, &state));
        Ok(SignInStarted {
            state: Bytes(state),
            opaque: Bytes(response),
        })
    }

    pub(in crate::account_server) async fn sign_in_finish(
        &self,
        asked: SignInFinish,
    ) -> Result<SignedIn, Refusal> {
        let now = self.now();
        let (name, state) = self.decide(|r| r.open_sign_in(now, &asked.state.0))?;
        let wrong = || Refusal::new(ErrorCode::WrongPassword);
        Setup::finish_sign_in(&state, &asked.opaque.0).map_err(|_| wrong())?;
        let account = self.store.account(&name).await.map_err(refusal)?;
        let account = account.ok_or_else(wrong)?;
        self.attempt_succeeded(&name);
        let devices = self.store.devices(&name).await.map_err(refusal)?;
        Ok(self.decide(|r| r.signed_in(now, &account, &devices)))
    }

    pub(in crate::account_server) async fn add_device(
        &self,
        asked: AddDevice,
    ) -> Result<DeviceAdded, Refusal> {
        let now = self.now();
        let grant = self.decide(|r| r.open_grant(now, &asked.grant.0))?;
        let account = self.store.account(&grant.account).await.map_err(refusal)?;
        let account = account.ok_or_else(damaged)?;
        let devices = self.store.devices(&account.name).await.map_err(refusal)?;
        let fleet = self.store.fleet().await.map_err(refusal)?;
        let decided =
            self.decide(|r| r.add_device(now, &account, &fleet, &devices, &asked.device))?;
        self.carry_out(decided).await
    }

    pub(in crate::account_server) async fn renew(
        &self,
        secret: &SecretKey,
    ) -> Result<Credentials, Refusal> {
        let asker = self.asker(secret).await?;
        let fleet = self.store.fleet().await.map_err(refusal)?;
        let now = self.now();
        let decided = self.decide(|r| r.renew(now, &asker.device, &asker.account, &fleet))?;
        self.carry_out(decided).await
    }

    pub(in crate::account_server) async fn devices(
        &self,
        secret: &SecretKey,
    ) -> Result<Vec<DeviceInfo>, Refusal> {
        let asker = self.asker(secret).await?;
        let devices = self.store.devices(&asker.account.name).await;
        let devices = devices.map_err(refusal)?;
        self.decide(|r| r.list(&asker.device, &devices))
    }

    pub(in crate::account_server) async fn revoke(
        &self,
        secret: &SecretKey,
        asked: RevokeDevice,
    ) -> Result<(), Refusal> {
        let asker = self.asker(secret).await?;
        let devices = self.store.devices(&asker.account.name).await;
        let devices = devices.map_err(refusal)?;
        let now = self.now();
        let decided =
            self.decide(|r| r.revoke(now, &asker.device, &asker.account, &devices, &asked.name))?;
        self.carry_out(decided).await
    }

    pub(in crate::account_server) async fn invite(
        &self,
        secret: &SecretKey,
        asked: Invite,
    ) -> Result<Invited, Refusal> {
        let asker = self.asker(secret).await?;
        let lifetime = Duration::from_secs(asked.lifetime_s);
        let now = self.now();
        let decided =
            self.decide(|r| r.invite(now, &asker.device, &asker.account, asked.uses, lifetime))?;
        let invitation = invitation::Invitation {
            code: self.carry_out(decided).await?,
            server: self.server.clone(),
        };
        Ok(Invited {
            link: invitation.to_string(),
        })
    }

    /// The operator's own invitation.
    pub(in crate::account_server) async fn own_invitation(
        &self,
        uses: u32,
        lifetime: Duration,
    ) -> Result<[u8; CODE_LEN], Refusal> {
        let now = self.now();
        let decided = self.decide(|r| r.operator_invitation(now, uses, lifetime));
        self.carry_out(decided).await
    }

    /// The set-up link's code, while there is no administrator.
    pub(in crate::account_server) async fn setup_invitation(
        &self,
    ) -> Result<Option<[u8; CODE_LEN]>, Refusal> {
        if self.store.has_admin().await.map_err(refusal)? {
            return Ok(None);
        }
        let now = self.now();
        let decided: Decided<_> = self.decide(|r: &mut Registrar| r.setup_invitation(now));
        self.carry_out(decided).await.map(Some)
    }

    pub(in crate::account_server) async fn well_known(&self) -> Result<WellKnown, Refusal> {
        let fleet = self.store.fleet().await.map_err(refusal)?;
        Ok(self.decide(|r| r.well_known(&fleet)))
    }

    /// Whose secret this is.
    pub(super) async fn asker(&self, secret: &SecretKey) -> Result<Asker, Refusal> {
        let device = self.store.device_by_secret(&hash_of(secret.expose())).await;
        let device = device.map_err(refusal)?;
        let device = device.ok_or(Refusal::new(ErrorCode::NotSignedIn))?;
        let account = self.store.account(&device.account).await.map_err(refusal)?;
        Ok(Asker {
            account: account.ok_or_else(damaged)?,
            device,
        })
    }
}

/// A device that showed its secret, revoked or not, and its account.
pub(super) struct Asker {
    pub(super) device: Device,
    pub(super) account: Account,
}

fn applicant<'a>(
    invitation: Option<&'a Invitation>,
    code: Option<&Bytes>,
    is_taken: bool,
) -> Applicant<'a> {
    Applicant {
        invitation,
        showed_code: code.is_some(),
        is_taken,
    }
}

/// What OPAQUE calls the account by.
fn id(account: &Fqdn) -> &[u8] {
    account.as_str().as_bytes()
}

fn unread(_: OpaqueError) -> Refusal {
    ErrorCode::BadRequest.into()
}

fn damaged() -> Refusal {
    tracing::error!("the store holds an account or device that can't be read");
    ErrorCode::Internal.into()
}
