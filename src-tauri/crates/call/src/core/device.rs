//! [`Device`]: who somebody is, as the overlay certifies it.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ntm::wire::fqdn::Fqdn;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// A device of the overlay: its certified name and its virtual addresses, which never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// `<device>.<account>.<domain>`.
    pub name: Fqdn,
    /// Valid everywhere.
    pub v6: Ipv6Addr,
    /// Valid on this node.
    pub v4: Ipv4Addr,
}

impl Device {
    /// Whose device it is.
    pub fn account(&self) -> Fqdn {
        self.name.parent().unwrap_or_else(|| self.name.clone())
    }

    /// Whether the address is this device's.
    pub fn owns(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V6(ip) => ip == self.v6,
            IpAddr::V4(ip) => ip == self.v4,
        }
    }
}

/// `alice.example.org` as people write it: `alice@example.org`.
pub(crate) fn person(name: &Fqdn) -> String {
    name.as_str().replacen('.', "@", 1)
}

/// `{"person": "bob@example.org", "device": "phone.bob.example.org"}`
impl Serialize for Device {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Device", 2)?;
        object.serialize_field("person", &person(&self.account()))?;
        object.serialize_field("device", self.name.as_str())?;
        object.end()
    }
}
