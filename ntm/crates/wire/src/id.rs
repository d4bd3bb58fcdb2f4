//! Identifiers, each a type of its own so that look-alikes can't be exchanged.

use core::fmt;

use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::key::IdentityKey;

macro_rules! integer_id {
    ($(#[$doc:meta])* $name:ident, $int:ident, $read:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $int);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($what, ":{:x}"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:x}", self.0)
            }
        }

        impl Codec for $name {
            fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
                r.$read($what).map(Self)
            }
            fn write(&self, w: &mut Writer) {
                w.$read(self.0);
            }
        }
    };
}

integer_id!(
    /// Names one direction of one tunnel on the wire between two networks; random or derived
    /// ([`path_id`](crate::path_id)), so that neither two tunnels nor two networks can be linked.
    PathId, u64, u64, "path"
);
integer_id!(
    /// Names a control session at the end that chose it.
    SessionId, u64, u64, "session"
);
integer_id!(
    /// A Relay Server of one deployment.
    RsId, u32, u32, "rs"
);
integer_id!(
    /// A Direction Coordinator of one deployment.
    DcId, u32, u32, "dc"
);
integer_id!(
    /// Pairs a request with its response; chosen by the asker.
    TxId, u32, u32, "tx"
);
integer_id!(
    /// A local network interface, numbered by the node.
    InterfaceId, u16, u16, "interface"
);

/// A node for good: the first 16 bytes of SHA-256 over its identity key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub [u8; 16]);

impl NodeId {
    /// The id that belongs to this identity key.
    pub fn of(key: &IdentityKey) -> Self {
        let hash = crate::kdf::sha256(&[b"ntm node id", &key.0]);
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        Self(id)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node:{self}")
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl Codec for NodeId {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        r.array("node id").map(Self)
    }
    fn write(&self, w: &mut Writer) {
        w.put(&self.0);
    }
}

/// Orders what a node says of itself: milliseconds at process start, then a counter (rule 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch {
    /// Wall clock in milliseconds when the process started.
    pub start_ms: u64,
    /// Rises with every registration of that process.
    pub counter: u32,
}

impl Epoch {
    /// The epoch after this one.
    pub fn next(self) -> Self {
        Self {
            counter: self.counter.saturating_add(1),
            ..self
        }
    }
}

impl Codec for Epoch {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            start_ms: r.u64("epoch start")?,
            counter: r.u32("epoch counter")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u64(self.start_ms);
        w.u32(self.counter);
    }
}
