//! The files of a profile folder: JSON, binary values as hexadecimal.

use std::net::SocketAddr;
use std::path::Path;

use ntm_account_api::invitation::ServerRef;
use ntm_wire::addr::RealAddr;
use ntm_wire::codec::Codec;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::{AuthorityKey, RootKey, ServerKey};
use ntm_wire::ticket::SealedTicket;
use ntm_wire::time::Wall;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Membership, ProfileError, damaged};
use crate::files;
use crate::hex;
use crate::keystore::Place;
use crate::operators::Operator;

pub(super) const PROFILE: &str = "profile.json";
pub(super) const CONTACTS: &str = "contacts.json";
pub(super) const PINS: &str = "pins.json";
pub(super) const OPERATORS: &str = "operators.json";
pub(super) const STATUS: &str = "status.json";

/// `None` when there is no such file.
pub(super) fn read<T: DeserializeOwned>(
    folder: &Path,
    name: &str,
) -> Result<Option<T>, ProfileError> {
    match files::read_private(&folder.join(name)) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|e| damaged(folder, format!("{name}: {e}"))),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e.into()),
    }
}

pub(super) fn write<T: Serialize>(
    folder: &Path,
    name: &str,
    value: &T,
) -> Result<(), ProfileError> {
    let bytes =
        serde_json::to_vec_pretty(value).map_err(|e| damaged(folder, format!("{name}: {e}")))?;
    Ok(files::write_private(&folder.join(name), &bytes)?)
}

/// `profile.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    /// Of the device, for people who read the file; the certificate decides.
    device: String,
    pub(super) keys: Place,
    server: String,
    server_pin: Option<String>,
    domain: String,
    authority: String,
    dc_key: String,
    dc_addrs: Vec<SocketAddr>,
    certificate: String,
    ticket: String,
    ticket_expires_ms: u64,
}

impl Record {
    pub(super) fn new(keys: Place, m: &Membership) -> Self {
        Self {
            device: m.certificate.fqdn.to_string(),
            keys,
            server: m.server.clone(),
            server_pin: m.server_pin.map(|p| hex::encode(&p)),
            domain: m.domain.to_string(),
            authority: hex::encode(&m.authority.0),
            dc_key: hex::encode(&m.dc_key.0),
            dc_addrs: m.dc_addrs.iter().map(|a| a.0).collect(),
            certificate: hex::encode(&m.certificate.emit()),
            ticket: hex::encode(&m.ticket.0),
            ticket_expires_ms: m.ticket_expires.as_millis(),
        }
    }

    pub(super) fn into_membership(self) -> Result<Membership, String> {
        let certificate = hex::decode(&self.certificate).ok_or("certificate")?;
        Ok(Membership {
            certificate: Codec::parse(&certificate).map_err(|e| format!("certificate: {e}"))?,
            ticket: SealedTicket(hex::decode(&self.ticket).ok_or("ticket")?),
            ticket_expires: Wall::from_millis(self.ticket_expires_ms),
            server: self.server,
            server_pin: self
                .server_pin
                .map(|p| hex::array(&p).ok_or("server_pin"))
                .transpose()?,
            domain: Fqdn::parse(&self.domain).map_err(|e| format!("domain: {e}"))?,
            authority: AuthorityKey(hex::array(&self.authority).ok_or("authority")?),
            dc_key: ServerKey(hex::array(&self.dc_key).ok_or("dc_key")?),
            dc_addrs: self.dc_addrs.into_iter().map(RealAddr).collect(),
        })
    }
}

/// `contacts.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct ContactsFile {
    contacts: Vec<String>,
}

impl ContactsFile {
    pub(super) fn new(names: &[Fqdn]) -> Self {
        Self {
            contacts: names.iter().map(Fqdn::to_string).collect(),
        }
    }

    pub(super) fn names(&self) -> Result<Vec<Fqdn>, String> {
        self.contacts
            .iter()
            .map(|n| Fqdn::parse(n).map_err(|e| format!("{CONTACTS}: {e}")))
            .collect()
    }
}

/// `pins.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct PinsFile {
    pins: Vec<Pin>,
}

#[derive(Serialize, Deserialize)]
struct Pin {
    account: String,
    root: String,
}

impl PinsFile {
    pub(super) fn new(pins: &[(Fqdn, RootKey)]) -> Self {
        let pin = |(account, root): &(Fqdn, RootKey)| Pin {
            account: account.to_string(),
            root: root.to_string(),
        };
        Self {
            pins: pins.iter().map(pin).collect(),
        }
    }

    pub(super) fn pins(&self) -> Result<Vec<(Fqdn, RootKey)>, String> {
        let pin = |p: &Pin| {
            let account = Fqdn::parse(&p.account).map_err(|e| format!("{PINS}: {e}"))?;
            Ok((
                account,
                RootKey(hex::array(&p.root).ok_or(format!("{PINS}: root"))?),
            ))
        };
        self.pins.iter().map(pin).collect()
    }
}

/// `operators.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct OperatorsFile {
    operators: Vec<OperatorRecord>,
}

#[derive(Serialize, Deserialize)]
struct OperatorRecord {
    domain: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The link; without it the server is at the domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
}

impl OperatorsFile {
    pub(super) fn new(operators: &[Operator]) -> Self {
        let record = |o: &Operator| OperatorRecord {
            domain: o.domain.to_string(),
            key: o.key.map(|k| hex::encode(&k.0)),
            server: o.server.as_ref().map(ServerRef::to_string),
        };
        Self {
            operators: operators.iter().map(record).collect(),
        }
    }

    pub(super) fn operators(&self) -> Result<Vec<Operator>, String> {
        self.operators.iter().map(OperatorRecord::read).collect()
    }
}

impl OperatorRecord {
    fn read(&self) -> Result<Operator, String> {
        let key = |k: &String| hex::array(k).map(AuthorityKey);
        let server = |s: &String| s.parse().map_err(|e| format!("{OPERATORS}: {e}"));
        Ok(Operator {
            domain: Fqdn::parse(&self.domain).map_err(|e| format!("{OPERATORS}: {e}"))?,
            key: match &self.key {
                Some(text) => Some(key(text).ok_or(format!("{OPERATORS}: key"))?),
                None => None,
            },
            server: self.server.as_ref().map(server).transpose()?,
        })
    }
}
