//! The database's form, version by version. Forwards only: an older program does not know what a newer
//! one wrote, and would spoil it.

use sqlx::{Executor as _, SqlitePool};

/// Each version's step from the one before.
const STEPS: [&str; 1] = [include_str!(
    "../../../../migrations/sqlite/0001_accounts.sql"
)];

/// Why the form is not brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A newer program wrote it.
    #[error(
        "the database has form {found}, this version knows {known}: start the newer version again, or restore the backup made before the upgrade"
    )]
    Newer {
        /// The database's.
        found: i64,
        /// The highest this program knows.
        known: i64,
    },
    /// SQLite refuses.
    #[error("the database can't be brought to this version's form ({0}): restore the backup")]
    Engine(#[from] sqlx::Error),
}

pub(super) async fn run(pool: &SqlitePool) -> Result<(), MigrateError> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let found: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *transaction)
        .await?;
    if found > known {
        return Err(MigrateError::Newer { found, known });
    }
    let done = usize::try_from(found).unwrap_or(0);
    for step in &STEPS[done..] {
        transaction.execute(sqlx::raw_sql(step)).await?;
    }
    // A pragma takes no bound value.
    let version = format!("PRAGMA user_version = {known}");
    transaction.execute(version.as_str()).await?;
    Ok(transaction.commit().await?)
}
