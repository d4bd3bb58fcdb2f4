//! Each change as a statement, its condition included.

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

use ntm_account::record::{Account, Dc, Device, Enrolment, Hash, Invitation, Link, Rs};
use ntm_account::{Change, Note};
use ntm_account_api::text::Text;
use ntm_wire::id::{DcId, NodeId, RsId};
use ntm_wire::key::ServerKey;
use ntm_wire::time::Wall;
use serde::Serialize;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, SqliteConnection};

use super::super::{Conflict, StoreError};

type Statement<'q> = Query<'q, Sqlite, SqliteArguments<'q>>;

/// Notes kept; a DC that was away for more is told everything anew.
const NOTES: i64 = 100_000;

/// Makes one change; a change that finds its condition gone names the conflict.
pub(super) async fn change(
    connection: &mut SqliteConnection,
    change: &Change,
) -> Result<(), StoreError> {
    let (statement, conflict) = match change {
        Change::AddInvitation(invitation) => (add_invitation(invitation), Conflict::NumberTaken),
        Change::UseInvitation(hash) => (use_invitation(hash), Conflict::InvitationUsedUp),
        Change::VoidAdminInvitations => return void_admin_invitations(connection).await,
        Change::AddAccount(account) => (add_account(account), Conflict::AccountTaken),
        Change::AddDevice(device) => (add_device(device), Conflict::DeviceTaken),
        Change::Renewed(node, at) => (renewed(*node, *at), Conflict::DeviceRevoked),
        Change::Revoke(node, at) => (revoke(*node, *at), Conflict::DeviceRevoked),
        Change::AddEnrolment(enrolment) => (add_enrolment(enrolment), Conflict::NumberTaken),
        Change::UseEnrolment(hash, key, at) => {
            (use_enrolment(hash, key, *at), Conflict::EnrolmentSpent)
        }
        Change::AddDc(dc) => (add_dc(dc), Conflict::NumberTaken),
        Change::SetDcAddrs(dc, addrs) => (set_dc_addrs(*dc, addrs), Conflict::NumberTaken),
        Change::SetDcSecret(dc, secret) => (set_dc_secret(*dc, secret), Conflict::NumberTaken),
        Change::AddV4Block(dc, number) => (add_v4_block(*dc, *number), Conflict::NumberTaken),
        Change::AddRs(rs) => (add_rs(rs), Conflict::NumberTaken),
        Change::SetRsAddrs(rs, v4, v6) => (set_rs_addrs(*rs, *v4, *v6), Conflict::NumberTaken),
        Change::SetRsSecret(rs, secret) => (set_rs_secret(*rs, secret), Conflict::NumberTaken),
        Change::AddLink(link) => (add_link(link), Conflict::NumberTaken),
        Change::Tell(dc, note) => return tell(connection, *dc, note).await,
    };
    match statement.execute(connection).await {
        Ok(done) if done.rows_affected() == 0 => Err(StoreError::Conflict(conflict)),
        Ok(_) => Ok(()),
        Err(error) if is_taken(&error) => Err(StoreError::Conflict(conflict)),
        Err(error) => Err(error.into()),
    }
}

fn is_taken(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

fn use_invitation(hash: &Hash) -> Statement<'_> {
    sqlx::query("UPDATE invitation SET used = used + 1 WHERE hash = ? AND used < uses")
        .bind(hash.as_slice())
}

async fn void_admin_invitations(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query("UPDATE invitation SET uses = 0 WHERE makes_admin = 1")
        .execute(connection)
        .await?;
    Ok(())
}

fn renewed<'q>(node: NodeId, at: Wall) -> Statement<'q> {
    sqlx::query("UPDATE device SET renewed = ? WHERE node = ? AND revoked IS NULL")
        .bind(millis(at))
        .bind(node.0.to_vec())
}

fn revoke<'q>(node: NodeId, at: Wall) -> Statement<'q> {
    sqlx::query("UPDATE device SET revoked = ? WHERE node = ? AND revoked IS NULL")
        .bind(millis(at))
        .bind(node.0.to_vec())
}

fn use_enrolment<'q>(hash: &'q Hash, key: &ServerKey, at: Wall) -> Statement<'q> {
    let sql = "UPDATE enrolment SET used_by = ?, used_at = ? WHERE hash = ? AND used_by IS NULL";
    sqlx::query(sql)
        .bind(key.0.to_vec())
        .bind(millis(at))
        .bind(hash.as_slice())
}

fn set_dc_addrs<'q>(dc: DcId, addrs: &[SocketAddr]) -> Statement<'q> {
    sqlx::query("UPDATE dc SET addrs = ? WHERE id = ?")
        .bind(json(&addrs))
        .bind(dc.0)
}

fn set_dc_secret(dc: DcId, secret: &Hash) -> Statement<'_> {
    sqlx::query("UPDATE dc SET secret = ? WHERE id = ?")
        .bind(secret.as_slice())
        .bind(dc.0)
}

fn add_v4_block<'q>(dc: DcId, number: u8) -> Statement<'q> {
    sqlx::query("INSERT INTO v4_block (number, dc) VALUES (?, ?)")
        .bind(number)
        .bind(dc.0)
}

fn set_rs_addrs<'q>(rs: RsId, v4: Option<SocketAddrV4>, v6: Option<SocketAddrV6>) -> Statement<'q> {
    sqlx::query("UPDATE rs SET v4 = ?, v6 = ? WHERE id = ?")
        .bind(v4.map(|a| a.to_string()))
        .bind(v6.map(|a| a.to_string()))
        .bind(rs.0)
}

fn set_rs_secret(rs: RsId, secret: &Hash) -> Statement<'_> {
    sqlx::query("UPDATE rs SET secret = ? WHERE id = ?")
        .bind(secret.as_slice())
        .bind(rs.0)
}

fn add_invitation(i: &Invitation) -> Statement<'_> {
    let sql = "INSERT INTO invitation (hash, uses, used, expires, makes_admin, made_by) \
               VALUES (?, ?, ?, ?, ?, ?)";
    sqlx::query(sql)
        .bind(i.hash.as_slice())
        .bind(i.uses)
        .bind(i.used)
        .bind(millis(i.expires))
        .bind(i.makes_admin)
        .bind(i.made_by.as_ref().map(|n| n.as_str()))
}

fn add_account(a: &Account) -> Statement<'_> {
    let sql = "INSERT INTO account (name, opaque, root, sealed_root, dc, is_admin, created) \
               VALUES (?, ?, ?, ?, ?, ?, ?)";
    sqlx::query(sql)
        .bind(a.name.as_str())
        .bind(a.opaque.as_slice())
        .bind(a.root.0.to_vec())
        .bind(a.sealed_root.as_slice())
        .bind(a.dc.0)
        .bind(a.is_admin)
        .bind(millis(a.created))
}

fn add_device(d: &Device) -> Statement<'_> {
    let sql = "INSERT INTO device (node, account, name, identity, virtual_v6, root_signature, \
               node_key, secret, created, renewed, revoked) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    sqlx::query(sql)
        .bind(d.node.0.to_vec())
        .bind(d.account.as_str())
        .bind(d.name.as_str())
        .bind(d.identity.0.to_vec())
        .bind(d.virtual_v6.octets().to_vec())
        .bind(d.root_signature.to_vec())
        .bind(d.node_key.expose().to_vec())
        .bind(d.secret.as_slice())
        .bind(millis(d.created))
        .bind(millis(d.renewed))
        .bind(d.revoked.map(millis))
}

fn add_enrolment(e: &Enrolment) -> Statement<'_> {
    let sql = "INSERT INTO enrolment (hash, role, expires) VALUES (?, ?, ?)";
    sqlx::query(sql)
        .bind(e.hash.as_slice())
        .bind(json(&e.role))
        .bind(millis(e.expires))
}

fn add_dc(dc: &Dc) -> Statement<'_> {
    let sql = "INSERT INTO dc (id, key, domains, addrs, prefix, ticket_link, secret) \
               VALUES (?, ?, ?, ?, ?, ?, ?)";
    let domains: Vec<_> = dc.domains.iter().map(Text).collect();
    sqlx::query(sql)
        .bind(dc.id.0)
        .bind(dc.key.0.to_vec())
        .bind(json(&domains))
        .bind(json(&dc.addrs))
        .bind(dc.prefix.0.to_vec())
        .bind(dc.ticket_link.expose().to_vec())
        .bind(dc.secret.as_slice())
}

fn add_rs(rs: &Rs) -> Statement<'_> {
    let sql = "INSERT INTO rs (id, key, v4, v6, secret, dcs) VALUES (?, ?, ?, ?, ?, ?)";
    let dcs: Vec<u32> = rs.dcs.iter().map(|d| d.0).collect();
    sqlx::query(sql)
        .bind(rs.id.0)
        .bind(rs.key.0.to_vec())
        .bind(rs.v4.map(|a| a.to_string()))
        .bind(rs.v6.map(|a| a.to_string()))
        .bind(rs.secret.as_slice())
        .bind(json(&dcs))
}

fn add_link(link: &Link) -> Statement<'_> {
    sqlx::query("INSERT INTO link (key_id, dc, rs, key) VALUES (?, ?, ?, ?)")
        .bind(link.key_id)
        .bind(link.dc.0)
        .bind(link.rs.0)
        .bind(link.link.expose().to_vec())
}

async fn tell(connection: &mut SqliteConnection, dc: DcId, note: &Note) -> Result<(), StoreError> {
    let (kind, name, node) = match note {
        Note::NameAdded(name) => (0, Some(name.as_str()), None),
        Note::NameGone(name) => (1, Some(name.as_str()), None),
        Note::Revoked(node) => (2, None, Some(node.0.to_vec())),
        Note::SetupChanged => (3, None, None),
    };
    sqlx::query("INSERT INTO note (dc, kind, name, node) VALUES (?, ?, ?, ?)")
        .bind(dc.0)
        .bind(kind)
        .bind(name)
        .bind(node)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM note WHERE seq <= (SELECT max(seq) FROM note) - ?")
        .bind(NOTES)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) fn millis(wall: Wall) -> i64 {
    i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)
}

fn json(value: &impl Serialize) -> String {
    // Lists of numbers, names and addresses, and a role: nothing that JSON could not say.
    serde_json::to_string(value).unwrap_or_default()
}
