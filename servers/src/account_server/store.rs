//! Where accounts are kept. SQLite today; a second engine is a second implementation of [`Store`].

mod sqlite;

use async_trait::async_trait;
use ntm_account::Change;
use ntm_account::record::{Account, Device, Enrolment, Fleet, Hash, Invitation};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{DcId, NodeId};
use ntm_wire::time::Wall;

pub use sqlite::{MigrateError, OpenError};

pub(super) use sqlite::Sqlite;

/// Reads what decisions need, and makes their changes.
#[async_trait]
pub(super) trait Store: Send + Sync + 'static {
    /// What was first kept under this name: `value`, unless there was something.
    async fn keep(&self, name: &str, value: &[u8]) -> Result<Vec<u8>, StoreError>;
    /// What is kept under this name.
    async fn kept(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// The account of this name.
    async fn account(&self, name: &Fqdn) -> Result<Option<Account>, StoreError>;
    /// Whether anybody is an administrator.
    async fn has_admin(&self) -> Result<bool, StoreError>;
    /// The account's devices, revoked ones left out, oldest first.
    async fn devices(&self, account: &Fqdn) -> Result<Vec<Device>, StoreError>;
    /// The device known by this secret, revoked or not.
    async fn device_by_secret(&self, secret: &Hash) -> Result<Option<Device>, StoreError>;
    /// The invitation with this code.
    async fn invitation(&self, hash: &Hash) -> Result<Option<Invitation>, StoreError>;
    /// The enrolment token with this code.
    async fn enrolment(&self, hash: &Hash) -> Result<Option<Enrolment>, StoreError>;
    /// All servers.
    async fn fleet(&self) -> Result<Fleet, StoreError>;
    /// How many accounts each coordinator has.
    async fn accounts_per_dc(&self) -> Result<Vec<(DcId, u64)>, StoreError>;
    /// How many devices a coordinator ever had.
    async fn devices_ever(&self, dc: DcId) -> Result<u64, StoreError>;
    /// The number of the last note to this coordinator.
    async fn last_note(&self, dc: DcId) -> Result<u64, StoreError>;
    /// Notes to this coordinator after `since`, oldest first; `None` when some were thrown away.
    async fn notes(&self, dc: DcId, since: u64) -> Result<Option<Vec<Told>>, StoreError>;
    /// All names that this coordinator has.
    async fn names(&self, dc: DcId) -> Result<Vec<Fqdn>, StoreError>;
    /// Its nodes revoked after `since`.
    async fn revoked(&self, dc: DcId, since: Wall) -> Result<Vec<NodeId>, StoreError>;
    /// Makes all of the changes, or none.
    async fn apply(&self, changes: &[Change]) -> Result<(), StoreError>;
}

/// A note and its number.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) seq: u64,
    pub(super) note: ntm_account::Note,
}

/// Why the store does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// A change's condition does not hold any more.
    #[error("{0:?} in the meantime")]
    Conflict(Conflict),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] sqlx::Error),
    /// What is stored is not what was written.
    #[error("the database holds a {0} that can't be read")]
    Damaged(&'static str),
}

/// Which condition does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conflict {
    /// The account's name is taken.
    AccountTaken,
    /// The device's name, key or address is taken.
    DeviceTaken,
    /// The device was revoked.
    DeviceRevoked,
    /// The invitation is used up.
    InvitationUsedUp,
    /// The token is spent.
    EnrolmentSpent,
    /// A number, key or block is taken: decide again.
    NumberTaken,
}
