//! [`Registrar`]: told what the store holds and what is asked, it says what to answer and what to write.

mod account;
mod device;
mod fleet;
mod invitation;
mod sign_in;

use core::time::Duration;

use ed25519_dalek::SigningKey;
use ntm_account_api::error::ErrorCode;
use ntm_account_api::invitation::CODE_LEN;
use ntm_account_api::node::{AuthorityInfo, DcContact};
use ntm_account_api::text::{Text, Wire};
use ntm_account_api::well_known::{PublishedDc, WellKnown};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::{AuthorityKey, SecretKey};
use ntm_wire::time::Wall;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use crate::blocks::Deployment;
use crate::record::{Dc, Fleet};
use crate::voucher::{self, Purpose};
use crate::{Change, Refusal, name};

pub use account::Applicant;
pub use sign_in::Grant;

/// What the operator chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The domains that accounts lie under; the first is the one of bare names.
    pub domains: Vec<Fqdn>,
    /// Who may sign up.
    pub registration: Registration,
    /// Devices of one account, at most.
    pub max_devices: usize,
    /// People that one invitation of an ordinary account is good for, at most.
    pub max_uses: u32,
}

/// Who may sign up. An invitation made by the server itself, as the set-up link is, always may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Nobody.
    Closed,
    /// Whoever holds an invitation.
    Invite,
    /// Everybody.
    Open,
}

impl Policy {
    /// The defaults for these domains.
    pub fn new(domains: Vec<Fqdn>, registration: Registration) -> Self {
        Self {
            domains,
            registration,
            max_devices: 32,
            max_uses: 100,
        }
    }
}

/// A certificate lives twice as long as a ticket and is renewed with it, so that a revoked device is
/// believed by peers for two weeks at most.
const CERTIFICATE_LIFETIME: Duration = Duration::from_secs(14 * 86_400);

/// An answer, and what to write before it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided<A> {
    /// To be made together; nothing is answered when they can't be.
    pub changes: Vec<Change>,
    /// What to answer then.
    pub answer: A,
}

/// The AS that decides. It holds the keys that outlive it, and random numbers; no records.
///
/// Verbs take the records they need and return a [`Decided`] or a [`Refusal`]; none waits.
pub struct Registrar {
    policy: Policy,
    authority: SigningKey,
    deployment: Deployment,
    vouchers: SecretKey,
    rng: ChaCha20Rng,
}

impl Registrar {
    /// With the AS's signing key and the deployment's prefix, both kept for ever, and a fresh seed.
    pub fn new(
        policy: Policy,
        authority: SigningKey,
        deployment: Deployment,
        seed: [u8; 32],
    ) -> Self {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let mut vouchers = [0; 32];
        rng.fill_bytes(&mut vouchers);
        Self {
            policy,
            authority,
            deployment,
            vouchers: SecretKey::new(vouchers),
            rng,
        }
    }

    /// The whole name of the account that a person means.
    pub fn account_name(&self, text: &str) -> Result<Fqdn, Refusal> {
        name::account(text, &self.policy.domains)
    }

    /// A code for an invitation or enrolment.
    pub fn code(&mut self) -> [u8; CODE_LEN] {
        self.random()
    }

    /// What the world is told.
    pub fn well_known(&self, fleet: &Fleet) -> WellKnown {
        let published = |dc: &Dc| PublishedDc {
            domains: dc.domains.iter().cloned().map(Text).collect(),
            contact: contact(dc),
        };
        WellKnown {
            authorities: self.authorities(),
            dcs: fleet.dcs.iter().map(published).collect(),
            key_changes: Vec::new(),
        }
    }

    /// The verification key.
    pub fn authority(&self) -> AuthorityKey {
        AuthorityKey(self.authority.verifying_key().to_bytes())
    }

    /// What the operator chose.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    fn authorities(&self) -> Vec<AuthorityInfo> {
        let info = |domain: &Fqdn| AuthorityInfo {
            domain: Text(domain.clone()),
            key: Wire(self.authority()),
        };
        self.policy.domains.iter().map(info).collect()
    }

    fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    fn secret(&mut self) -> SecretKey {
        SecretKey::new(self.random())
    }

    fn seal(&mut self, purpose: Purpose, now: Wall, content: &[u8]) -> Vec<u8> {
        let salt = self.random();
        voucher::seal(&self.vouchers, purpose, now, salt, content)
    }

    fn open(&self, purpose: Purpose, now: Wall, sealed: &[u8]) -> Result<Vec<u8>, Refusal> {
        voucher::open(&self.vouchers, purpose, now, sealed)
            .ok_or_else(|| ErrorCode::SignInExpired.into())
    }
}

impl core::fmt::Debug for Registrar {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Registrar")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

fn contact(dc: &Dc) -> DcContact {
    DcContact {
        key: Wire(dc.key),
        addrs: dc.addrs.clone(),
    }
}
