//! Rows to records.

use std::str::FromStr;

use ntm_account::Note;
use ntm_account::record::{Account, Dc, Device, Enrolment, Invitation, Link, Rs};
use ntm_wire::addr::VirtualPrefix;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{DcId, NodeId, RsId};
use ntm_wire::key::{IdentityKey, RootKey, SecretKey, ServerKey};
use ntm_wire::time::Wall;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::super::{StoreError, Told};

type Read<T> = Result<T, StoreError>;

pub(super) fn account(row: &SqliteRow) -> Read<Account> {
    Ok(Account {
        name: parsed(row, "name")?,
        opaque: row.try_get("opaque")?,
        root: RootKey(bytes(row, "root")?),
        sealed_root: row.try_get("sealed_root")?,
        dc: DcId(number(row, "dc")?),
        is_admin: row.try_get("is_admin")?,
        created: wall(row, "created")?,
    })
}

pub(super) fn device(row: &SqliteRow) -> Read<Device> {
    Ok(Device {
        node: NodeId(bytes(row, "node")?),
        account: parsed(row, "account")?,
        name: row.try_get("name")?,
        identity: IdentityKey(bytes(row, "identity")?),
        virtual_v6: bytes::<16>(row, "virtual_v6")?.into(),
        root_signature: bytes(row, "root_signature")?,
        node_key: SecretKey::new(bytes(row, "node_key")?),
        secret: bytes(row, "secret")?,
        created: wall(row, "created")?,
        renewed: wall(row, "renewed")?,
        revoked: optional_wall(row, "revoked")?,
    })
}

pub(super) fn invitation(row: &SqliteRow) -> Read<Invitation> {
    Ok(Invitation {
        hash: bytes(row, "hash")?,
        uses: number(row, "uses")?,
        used: number(row, "used")?,
        expires: wall(row, "expires")?,
        makes_admin: row.try_get("makes_admin")?,
        made_by: optional(row, "made_by")?,
    })
}

pub(super) fn enrolment(row: &SqliteRow) -> Read<Enrolment> {
    let used_by: Option<Vec<u8>> = row.try_get("used_by")?;
    let used_by = used_by.map(|b| array(&b, "used_by")).transpose()?;
    Ok(Enrolment {
        hash: bytes(row, "hash")?,
        role: json(row, "role")?,
        expires: wall(row, "expires")?,
        used: used_by.map(ServerKey).zip(optional_wall(row, "used_at")?),
    })
}

/// Without its blocks, which lie in a table of their own.
pub(super) fn dc(row: &SqliteRow) -> Read<Dc> {
    let domains: Vec<ntm_account_api::text::Text<Fqdn>> = json(row, "domains")?;
    Ok(Dc {
        id: DcId(number(row, "id")?),
        key: ServerKey(bytes(row, "key")?),
        domains: domains.into_iter().map(|d| d.0).collect(),
        addrs: json(row, "addrs")?,
        prefix: VirtualPrefix(bytes(row, "prefix")?),
        v4_blocks: Vec::new(),
        ticket_link: SecretKey::new(bytes(row, "ticket_link")?),
        secret: bytes(row, "secret")?,
    })
}

pub(super) fn rs(row: &SqliteRow) -> Read<Rs> {
    let dcs: Vec<u32> = json(row, "dcs")?;
    Ok(Rs {
        id: RsId(number(row, "id")?),
        key: ServerKey(bytes(row, "key")?),
        v4: optional(row, "v4")?,
        v6: optional(row, "v6")?,
        secret: bytes(row, "secret")?,
        dcs: dcs.into_iter().map(DcId).collect(),
    })
}

pub(super) fn link(row: &SqliteRow) -> Read<Link> {
    Ok(Link {
        key_id: number(row, "key_id")?,
        dc: DcId(number(row, "dc")?),
        rs: RsId(number(row, "rs")?),
        link: SecretKey::new(bytes(row, "key")?),
    })
}

pub(super) fn told(row: &SqliteRow) -> Read<Told> {
    let note = match row.try_get::<i64, _>("kind")? {
        0 => Note::NameAdded(parsed(row, "name")?),
        1 => Note::NameGone(parsed(row, "name")?),
        2 => Note::Revoked(NodeId(bytes(row, "node")?)),
        _ => Note::SetupChanged,
    };
    Ok(Told {
        seq: number(row, "seq")?,
        note,
    })
}

pub(super) fn number<N: TryFrom<i64>>(row: &SqliteRow, column: &'static str) -> Read<N> {
    let number: i64 = row.try_get(column)?;
    N::try_from(number).map_err(|_| StoreError::Damaged(column))
}

pub(super) fn bytes<const N: usize>(row: &SqliteRow, column: &'static str) -> Read<[u8; N]> {
    array(row.try_get::<&[u8], _>(column)?, column)
}

pub(super) fn parsed<T: FromStr>(row: &SqliteRow, column: &'static str) -> Read<T> {
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|_| StoreError::Damaged(column))
}

fn array<const N: usize>(bytes: &[u8], column: &'static str) -> Read<[u8; N]> {
    bytes.try_into().map_err(|_| StoreError::Damaged(column))
}

fn optional<T: FromStr>(row: &SqliteRow, column: &'static str) -> Read<Option<T>> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|t| t.parse().map_err(|_| StoreError::Damaged(column)))
        .transpose()
}

fn wall(row: &SqliteRow, column: &'static str) -> Read<Wall> {
    number(row, column).map(Wall::from_millis)
}

fn optional_wall(row: &SqliteRow, column: &'static str) -> Read<Option<Wall>> {
    let millis: Option<i64> = row.try_get(column)?;
    let wall = |ms| u64::try_from(ms).map_err(|_| StoreError::Damaged(column));
    Ok(millis.map(wall).transpose()?.map(Wall::from_millis))
}

fn json<T: DeserializeOwned>(row: &SqliteRow, column: &'static str) -> Read<T> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text).map_err(|_| StoreError::Damaged(column))
}
