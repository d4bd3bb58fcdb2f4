//! Which node has which virtual addresses, for good: the only thing a DC must never forget.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use ntm_coordinator::Assignment;
use ntm_wire::addr::VirtualAddrs;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::NodeId;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{Connection as _, Row as _};

use crate::failure::Failure;

/// In order; the number of those that ran is the database's `user_version`.
const MIGRATIONS: &[&str] = &[include_str!("../migrations/dc/0001_assignments.sql")];

/// The table of assignments in its file.
pub(crate) struct Assignments {
    connection: SqliteConnection,
    path: PathBuf,
}

impl Assignments {
    /// Opens the file, makes it if need be, and brings it up to date.
    pub(crate) async fn open(path: &Path) -> Result<Self, Failure> {
        // SQLite would make the file readable by all; its companions take its mode over.
        crate::data_dir::private(OpenOptions::new().append(true).create(true), path)
            .map_err(|e| Failure::data_folder(path, e))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // An address once told must survive a power cut.
            .synchronous(SqliteSynchronous::Full);
        let connection = SqliteConnection::connect_with(&options)
            .await
            .map_err(|e| damaged(path, &e))?;
        let path = path.to_owned();
        let mut this = Self { connection, path };
        this.migrate().await?;
        Ok(this)
    }

    async fn migrate(&mut self) -> Result<(), Failure> {
        let ran: i64 = sqlx::query_scalar("PRAGMA user_version")
            .fetch_one(&mut self.connection)
            .await
            .map_err(|e| damaged(&self.path, &e))?;
        let ran = usize::try_from(ran).unwrap_or(usize::MAX);
        let Some(missing) = MIGRATIONS.get(ran..) else {
            let path = self.path.clone();
            return Err(Failure::DataTooNew { path });
        };
        for (i, migration) in missing.iter().enumerate() {
            self.run(migration, ran + i + 1)
                .await
                .map_err(|e| damaged(&self.path, &e))?;
        }
        Ok(())
    }

    async fn run(&mut self, migration: &'static str, version: usize) -> sqlx::Result<()> {
        let mut transaction = self.connection.begin().await?;
        sqlx::raw_sql(migration).execute(&mut *transaction).await?;
        let mark = format!("PRAGMA user_version = {version}");
        sqlx::raw_sql(&mark).execute(&mut *transaction).await?;
        transaction.commit().await
    }

    /// All of them.
    pub(crate) async fn all(&mut self) -> Result<Vec<Assignment>, Failure> {
        let rows = sqlx::query("SELECT node, fqdn, v6, v4 FROM assignment")
            .fetch_all(&mut self.connection)
            .await
            .map_err(|e| damaged(&self.path, &e))?;
        let read = rows.iter().map(|row| {
            assignment(row).ok_or_else(|| Failure::DataDamaged {
                path: self.path.clone(),
                why: "an assignment can't be read".to_owned(),
            })
        });
        read.collect()
    }

    /// Writes all or none; on disk when this returns.
    pub(crate) async fn put(&mut self, assignments: &[Assignment]) -> sqlx::Result<()> {
        let mut transaction = self.connection.begin().await?;
        for assignment in assignments {
            let addrs = &assignment.addrs;
            sqlx::query(
                "INSERT INTO assignment (node, fqdn, v6, v4) VALUES (?, ?, ?, ?)
                 ON CONFLICT (node) DO UPDATE
                 SET fqdn = excluded.fqdn, v6 = excluded.v6, v4 = excluded.v4",
            )
            .bind(assignment.node.0.as_slice())
            .bind(assignment.fqdn.as_str())
            .bind(addrs.v6.octets().as_slice())
            .bind(addrs.v4.octets().as_slice())
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await
    }
}

fn assignment(row: &SqliteRow) -> Option<Assignment> {
    Some(Assignment {
        node: NodeId(bytes(row, 0)?),
        fqdn: Fqdn::parse(row.try_get(1).ok()?).ok()?,
        addrs: VirtualAddrs {
            v6: bytes::<16>(row, 2)?.into(),
            v4: bytes::<4>(row, 3)?.into(),
        },
    })
}

fn bytes<const N: usize>(row: &SqliteRow, column: usize) -> Option<[u8; N]> {
    row.try_get::<&[u8], _>(column).ok()?.try_into().ok()
}

fn damaged(path: &Path, error: &sqlx::Error) -> Failure {
    Failure::DataDamaged {
        path: path.to_owned(),
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(n: u8) -> Assignment {
        Assignment {
            node: NodeId([n; 16]),
            fqdn: Fqdn::parse("laptop.alice.example.org").unwrap(),
            addrs: VirtualAddrs {
                v6: [n; 16].into(),
                v4: [100, 64, 0, n].into(),
            },
        }
    }

    #[tokio::test]
    async fn an_assignment_is_there_after_the_file_was_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dc.sqlite");
        let mut open = Assignments::open(&path).await.unwrap();
        open.put(&[assignment(1), assignment(2)]).await.unwrap();
        drop(open);
        let mut open = Assignments::open(&path).await.unwrap();
        assert_eq!(open.all().await.unwrap(), [assignment(1), assignment(2)]);
    }

    #[tokio::test]
    async fn two_nodes_with_one_address_are_refused_together() {
        let folder = tempfile::tempdir().unwrap();
        let mut open = Assignments::open(&folder.path().join("dc.sqlite"))
            .await
            .unwrap();
        let mut thief = assignment(2);
        thief.addrs = assignment(1).addrs;
        assert!(open.put(&[assignment(1), thief]).await.is_err());
        assert_eq!(open.all().await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_database_of_a_later_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dc.sqlite");
        let mut open = Assignments::open(&path).await.unwrap();
        sqlx::raw_sql("PRAGMA user_version = 99")
            .execute(&mut open.connection)
            .await
            .unwrap();
        drop(open);
        let failure = Assignments::open(&path).await.err().unwrap();
        assert_eq!(failure.code(), 65, "{failure}");
        assert!(failure.to_string().contains("newer version"), "{failure}");
    }
}
