//! Rekey: a fresh handshake inside the tunnel (rule 4).

use crate::codec::{Codec, Malformed, Reader, Writer};

const MAX_NOISE: usize = 256;

macro_rules! rekey {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            /// The key epoch that the handshake leads to.
            pub key_epoch: u8,
            /// A Noise message.
            pub noise: Vec<u8>,
        }

        impl Codec for $name {
            fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
                Ok(Self {
                    key_epoch: r.u8("key epoch")?,
                    noise: r.bytes16(MAX_NOISE, "noise message")?.to_vec(),
                })
            }
            fn write(&self, w: &mut Writer) {
                w.u8(self.key_epoch);
                w.bytes16(&self.noise);
            }
        }
    };
}

rekey!(
    /// From the lower node id.
    RekeyRequest
);
rekey!(
    /// From the higher node id; both ends have the new keys now.
    RekeyResponse
);
