//! The store in one SQLite file. One writer at a time, readers beside it (WAL).

mod migrate;
mod read;
mod row;
mod write;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use ntm_account::Change;
use ntm_account::record::{Account, Device, Enrolment, Fleet, Hash, Invitation};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{DcId, NodeId};
use ntm_wire::time::Wall;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::{Store, StoreError, Told};

pub use migrate::MigrateError;

/// The store in a file.
pub(in crate::account_server) struct Sqlite {
    pool: SqlitePool,
}

/// Why the file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite does not open it.
    #[error("{path} can't be used ({source}): is it the Account Server's database, whole and writable?", path = path.display())]
    Engine {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// Its form is not this version's.
    #[error("{path}: {source}", path = path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: MigrateError,
    },
}

/// Another process may write: wait for it so long.
const BUSY: Duration = Duration::from_secs(5);
/// Readers beside the writer; on two cores more bring nothing.
const CONNECTIONS: u32 = 4;

impl Sqlite {
    /// Opens the file, makes it if need be, and brings it to this version's form.
    pub(in crate::account_server) async fn open(path: &Path) -> Result<Self, OpenError> {
        let engine = |source| OpenError::Engine {
            path: path.to_owned(),
            source,
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An account that was confirmed must survive a power cut: FULL, not NORMAL.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect_with(options)
            .await
            .map_err(engine)?;
        migrate::run(&pool)
            .await
            .map_err(|source| OpenError::Migrate {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self { pool })
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn keep(&self, name: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        sqlx::query("INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(name)
            .bind(value)
            .execute(&self.pool)
            .await?;
        let kept = self.kept(name).await?;
        kept.ok_or(StoreError::Damaged("setting"))
    }

    async fn kept(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        read::setting(&self.pool, name).await
    }

    async fn account(&self, name: &Fqdn) -> Result<Option<Account>, StoreError> {
        read::account(&self.pool, name).await
    }

    async fn has_admin(&self) -> Result<bool, StoreError> {
        read::has_admin(&self.pool).await
    }

    async fn devices(&self, account: &Fqdn) -> Result<Vec<Device>, StoreError> {
        read::devices(&self.pool, account).await
    }

    async fn device_by_secret(&self, secret: &Hash) -> Result<Option<Device>, StoreError> {
        read::device_by_secret(&self.pool, secret).await
    }

    async fn invitation(&self, hash: &Hash) -> Result<Option<Invitation>, StoreError> {
        read::invitation(&self.pool, hash).await
    }

    async fn enrolment(&self, hash: &Hash) -> Result<Option<Enrolment>, StoreError> {
        read::enrolment(&self.pool, hash).await
    }

    async fn fleet(&self) -> Result<Fleet, StoreError> {
        read::fleet(&self.pool).await
    }

    async fn accounts_per_dc(&self) -> Result<Vec<(DcId, u64)>, StoreError> {
        read::accounts_per_dc(&self.pool).await
    }

    async fn devices_ever(&self, dc: DcId) -> Result<u64, StoreError> {
        read::devices_ever(&self.pool, dc).await
    }

    async fn last_note(&self, dc: DcId) -> Result<u64, StoreError> {
        read::last_note(&self.pool, dc).await
    }

    async fn notes(&self, dc: DcId, since: u64) -> Result<Option<Vec<Told>>, StoreError> {
        read::notes(&self.pool, dc, since).await
    }

    async fn names(&self, dc: DcId) -> Result<Vec<Fqdn>, StoreError> {
        read::names(&self.pool, dc).await
    }

    async fn revoked(&self, dc: DcId, since: Wall) -> Result<Vec<NodeId>, StoreError> {
        read::revoked(&self.pool, dc, since).await
    }

    async fn apply(&self, changes: &[Change]) -> Result<(), StoreError> {
        // Takes the write lock at once: a transaction that read first could not wait for it.
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for change in changes {
            write::change(&mut transaction, change).await?;
        }
        Ok(transaction.commit().await?)
    }
}
