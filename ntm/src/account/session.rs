//! What a signed-in device asks of its AS. It is known by a secret of its own; no password is needed.

use std::future::Future;
use std::pin::Pin as Pinned;
use std::time::Duration;

use ntm_account_api::invitation::{Enrolment, Invitation, Pin, ServerRef};
use ntm_account_api::node::{
    Credentials, DEVICES, DeviceInfo, INVITATIONS, Invite, Invited, REVOKE_DEVICE, RevokeDevice,
    TICKET, device_secret,
};
use ntm_account_api::server::{ENROLMENTS, EnrolmentToken, NewEnrolment, ServerRole};
use ntm_https::Client;
use ntm_proto::Renewal;

use super::AccountError;
use super::membership::Expected;
use crate::config::RenewError;
use crate::keystore::Secrets;
use crate::profile::{Membership, Profile, TicketSource};

/// A device and its AS.
#[derive(Clone, Debug)]
pub struct Session {
    client: Client,
    server: ServerRef,
    known: Membership,
}

impl Session {
    /// For the device of a profile.
    pub fn new(profile: &Profile) -> Result<Self, AccountError> {
        Self::of(profile.membership(), profile.secrets())
    }

    /// For a device that is not kept in a profile.
    pub fn of(membership: &Membership, secrets: &Secrets) -> Result<Self, AccountError> {
        let server = ServerRef {
            url: membership.server.clone(),
            domain: membership.domain.clone(),
            pin: membership.server_pin.map(Pin),
        };
        Ok(Self {
            client: Client::new(&server)?.with_bearer(device_secret(&secrets.identity)),
            server,
            known: membership.clone(),
        })
    }

    /// A new ticket and certificate.
    pub async fn renew(&self) -> Result<Renewal, AccountError> {
        let renewed = self.membership().await?;
        Ok(Renewal {
            ticket: renewed.ticket,
            ticket_expires: renewed.ticket_expires,
            certificate: renewed.certificate,
        })
    }

    /// Everything the AS tells this device, anew: the coordinator may have moved.
    pub async fn membership(&self) -> Result<Membership, AccountError> {
        let given: Credentials = self.client.post(TICKET, &()).await?;
        let expected = Expected {
            fqdn: &self.known.certificate.fqdn,
            identity: self.known.certificate.identity,
            root: self.known.certificate.root,
        };
        expected.membership(&self.server, given)
    }

    /// The account's devices.
    pub async fn devices(&self) -> Result<Vec<DeviceInfo>, AccountError> {
        Ok(self.client.get(DEVICES).await?)
    }

    /// Takes a device's tickets away; its name becomes free.
    pub async fn revoke(&self, device: &str) -> Result<(), AccountError> {
        let name = device.to_owned();
        Ok(self
            .client
            .post(REVOKE_DEVICE, &RevokeDevice { name })
            .await?)
    }

    /// An invitation for so many people and so long.
    pub async fn invite(&self, uses: u32, lifetime: Duration) -> Result<Invitation, AccountError> {
        let ask = Invite {
            uses,
            lifetime_s: lifetime.as_secs(),
        };
        let invited: Invited = self.client.post(INVITATIONS, &ask).await?;
        Ok(invited.link.parse()?)
    }

    /// A token by which one DC or RS joins; only for administrators.
    pub async fn enrolment(
        &self,
        role: ServerRole,
        lifetime: Duration,
    ) -> Result<Enrolment, AccountError> {
        let ask = NewEnrolment {
            role,
            lifetime_s: lifetime.as_secs(),
        };
        let made: EnrolmentToken = self.client.post(ENROLMENTS, &ask).await?;
        Ok(made.token.parse()?)
    }

    /// The AS: its text is what another device of this account signs in with.
    pub fn server(&self) -> &ServerRef {
        &self.server
    }
}

/// Tickets from the AS, for a running node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tickets;

impl TicketSource for Tickets {
    fn fetch(
        &self,
        profile: Profile,
    ) -> Pinned<Box<dyn Future<Output = Result<Renewal, RenewError>> + Send>> {
        Box::pin(async move {
            let renewal = async { Session::new(&profile)?.renew().await };
            renewal.await.map_err(|error| RenewError {
                why: error.to_string(),
                is_final: error.is_final(),
            })
        })
    }
}
