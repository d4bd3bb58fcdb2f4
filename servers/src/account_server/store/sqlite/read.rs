//! What decisions need to know.

use ntm_account::record::{Account, Device, Enrolment, Fleet, Hash, Invitation};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{DcId, NodeId};
use ntm_wire::time::Wall;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteRow;

use super::super::{StoreError, Told};
use super::row;
use super::write::millis;

type Read<T> = Result<T, StoreError>;

pub(super) async fn setting(pool: &SqlitePool, name: &str) -> Read<Option<Vec<u8>>> {
    Ok(
        sqlx::query_scalar("SELECT value FROM setting WHERE name = ?")
            .bind(name)
            .fetch_optional(pool)
            .await?,
    )
}

pub(super) async fn account(pool: &SqlitePool, name: &Fqdn) -> Read<Option<Account>> {
    let row = sqlx::query("SELECT * FROM account WHERE name = ?")
        .bind(name.as_str())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(row::account).transpose()
}

pub(super) async fn has_admin(pool: &SqlitePool) -> Read<bool> {
    let query = "SELECT EXISTS (SELECT 1 FROM account WHERE is_admin = 1)";
    Ok(sqlx::query_scalar(query).fetch_one(pool).await?)
}

pub(super) async fn devices(pool: &SqlitePool, account: &Fqdn) -> Read<Vec<Device>> {
    let query = "SELECT * FROM device WHERE account = ? AND revoked IS NULL ORDER BY created, name";
    let rows = sqlx::query(query)
        .bind(account.as_str())
        .fetch_all(pool)
        .await?;
    rows.iter().map(row::device).collect()
}

pub(super) async fn device_by_secret(pool: &SqlitePool, secret: &Hash) -> Read<Option<Device>> {
    let query = "SELECT * FROM device WHERE secret = ?";
    let row = one(pool, query, secret).await?;
    row.as_ref().map(row::device).transpose()
}

pub(super) async fn invitation(pool: &SqlitePool, hash: &Hash) -> Read<Option<Invitation>> {
    let row = one(pool, "SELECT * FROM invitation WHERE hash = ?", hash).await?;
    row.as_ref().map(row::invitation).transpose()
}

pub(super) async fn enrolment(pool: &SqlitePool, hash: &Hash) -> Read<Option<Enrolment>> {
    let row = one(pool, "SELECT * FROM enrolment WHERE hash = ?", hash).await?;
    row.as_ref().map(row::enrolment).transpose()
}

async fn one(pool: &SqlitePool, query: &'static str, hash: &Hash) -> Read<Option<SqliteRow>> {
    Ok(sqlx::query(query)
        .bind(hash.as_slice())
        .fetch_optional(pool)
        .await?)
}

pub(super) async fn fleet(pool: &SqlitePool) -> Read<Fleet> {
    // One transaction, so that no link names a server that is not in the list.
    let mut tx = pool.begin().await?;
    let dcs = sqlx::query("SELECT * FROM dc ORDER BY id");
    let relays = sqlx::query("SELECT * FROM rs ORDER BY id");
    let links = sqlx::query("SELECT * FROM link ORDER BY key_id");
    let blocks = sqlx::query("SELECT * FROM v4_block ORDER BY number");
    let mut fleet = Fleet {
        dcs: all(dcs.fetch_all(&mut *tx).await?, row::dc)?,
        relays: all(relays.fetch_all(&mut *tx).await?, row::rs)?,
        links: all(links.fetch_all(&mut *tx).await?, row::link)?,
    };
    for block in blocks.fetch_all(&mut *tx).await? {
        let owner = DcId(row::number(&block, "dc")?);
        let number = row::number(&block, "number")?;
        let dc = fleet.dcs.iter_mut().find(|d| d.id == owner);
        dc.ok_or(StoreError::Damaged("v4_block"))?
            .v4_blocks
            .push(number);
    }
    Ok(fleet)
}

fn all<T>(rows: Vec<SqliteRow>, read: fn(&SqliteRow) -> Read<T>) -> Read<Vec<T>> {
    rows.iter().map(read).collect()
}

pub(super) async fn accounts_per_dc(pool: &SqlitePool) -> Read<Vec<(DcId, u64)>> {
    let query = "SELECT dc, count(*) AS n FROM account GROUP BY dc ORDER BY dc";
    let rows = sqlx::query(query).fetch_all(pool).await?;
    let count = |r: &SqliteRow| Ok((DcId(row::number(r, "dc")?), row::number(r, "n")?));
    rows.iter().map(count).collect()
}

pub(super) async fn devices_ever(pool: &SqlitePool, dc: DcId) -> Read<u64> {
    let query = "SELECT count(*) AS n FROM device JOIN account ON device.account = account.name WHERE dc = ?";
    let row = sqlx::query(query).bind(dc.0).fetch_one(pool).await?;
    row::number(&row, "n")
}

pub(super) async fn last_note(pool: &SqlitePool, dc: DcId) -> Read<u64> {
    let query = "SELECT coalesce(max(seq), 0) AS n FROM note WHERE dc = ?";
    let row = sqlx::query(query).bind(dc.0).fetch_one(pool).await?;
    row::number(&row, "n")
}

pub(super) async fn notes(pool: &SqlitePool, dc: DcId, since: u64) -> Read<Option<Vec<Told>>> {
    let mut tx = pool.begin().await?;
    let oldest = sqlx::query("SELECT coalesce(min(seq), 1) AS n FROM note")
        .fetch_one(&mut *tx)
        .await?;
    let oldest: u64 = row::number(&oldest, "n")?;
    if since.saturating_add(1) < oldest {
        return Ok(None);
    }
    let rows = sqlx::query("SELECT * FROM note WHERE dc = ? AND seq > ? ORDER BY seq")
        .bind(dc.0)
        .bind(i64::try_from(since).unwrap_or(i64::MAX))
        .fetch_all(&mut *tx)
        .await?;
    all(rows, row::told).map(Some)
}

pub(super) async fn names(pool: &SqlitePool, dc: DcId) -> Read<Vec<Fqdn>> {
    let query = "SELECT name FROM account WHERE dc = ?1 UNION ALL \
                 SELECT device.name || '.' || account FROM device \
                 JOIN account ON device.account = account.name \
                 WHERE dc = ?1 AND revoked IS NULL";
    let rows = sqlx::query(query).bind(dc.0).fetch_all(pool).await?;
    rows.iter().map(|r| row::parsed(r, "name")).collect()
}

pub(super) async fn revoked(pool: &SqlitePool, dc: DcId, since: Wall) -> Read<Vec<NodeId>> {
    let query = "SELECT node FROM device JOIN account ON device.account = account.name \
                 WHERE dc = ? AND revoked >= ? ORDER BY revoked";
    let rows = sqlx::query(query)
        .bind(dc.0)
        .bind(millis(since))
        .fetch_all(pool)
        .await?;
    rows.iter()
        .map(|r| row::bytes(r, "node").map(NodeId))
        .collect()
}
