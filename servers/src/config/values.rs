//! Values that are text in the file and more than text in the program, each with an error that
//! says how to write it.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::{AuthorityKey, ServerKey};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that is written as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<T>(pub T);

/// A domain name.
pub type Domain = Text<Fqdn>;
/// An address and port.
pub type Endpoint = Text<SocketAddr>;
/// A DC's or RS's public key, hexadecimal.
pub type ServerPublic = Text<ServerKey>;
/// An Account Server's verification key, hexadecimal.
pub type Authority = Text<AuthorityKey>;

/// How a kind of value is read from text.
pub trait FromText: Sized {
    /// Reads it, or says how it is written.
    fn from_text(text: &str) -> Result<Self, String>;
}

impl FromText for SocketAddr {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::from_str(text).map_err(|_| {
            format!("{text:?} is no address and port: write it like 0.0.0.0:7930 or [::]:7930")
        })
    }
}

impl FromText for Fqdn {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|e| format!("{text:?} is no domain: {e}"))
    }
}

impl FromText for ServerKey {
    fn from_text(text: &str) -> Result<Self, String> {
        key(text).map(Self)
    }
}

impl FromText for AuthorityKey {
    fn from_text(text: &str) -> Result<Self, String> {
        key(text).map(Self)
    }
}

fn key(text: &str) -> Result<[u8; 32], String> {
    hex(text).ok_or_else(|| {
        let len = text.len();
        format!("a key is 64 hexadecimal digits, and this has {len} characters: copy it from `ntm-server keys` of the other side")
    })
}

/// 32 bytes from 64 hexadecimal digits.
pub(crate) fn hex(text: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(out)
}

/// What UDP is used for most.
pub(crate) const QUIC_PORT: u16 = 443;

impl Endpoint {
    /// Every address of the machine, over both families.
    pub fn any(port: u16) -> Vec<Self> {
        let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        vec![Text(v4), Text(v6)]
    }

    /// Where DCs and RSs answer: NTM's port, and QUIC's for networks that let UDP out to it only.
    pub fn ntm() -> Vec<Self> {
        let ports = [ntm_wire::header::NTM_PORT, QUIC_PORT];
        ports.into_iter().flat_map(Self::any).collect()
    }
}

impl Default for Domain {
    /// For a server without a domain of its own.
    fn default() -> Self {
        let Ok(domain) = Fqdn::parse("ntm.internal") else {
            unreachable!("a literal that is a name")
        };
        Text(domain)
    }
}

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromText> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        T::from_text(&text).map(Text).map_err(D::Error::custom)
    }
}
