//! The account root key on its way through a server that must not read it.

use ntm_wire::seal::{BadSeal, SALT_LEN, open_salted, seal_salted};
use zeroize::{Zeroize as _, Zeroizing};

use super::ExportKey;

const LABEL: &str = "ntm account root";

/// Seals the root key's private half. `salt`: fresh random bytes.
pub fn seal_root(root: &[u8; 32], key: &ExportKey, salt: [u8; SALT_LEN]) -> Vec<u8> {
    seal_salted(&key.derive(LABEL), LABEL, salt, &[], root)
}

/// Opens what [`seal_root`] sealed.
pub fn open_root(sealed: &[u8], key: &ExportKey) -> Result<Zeroizing<[u8; 32]>, BadSeal> {
    let mut opened = open_salted(&key.derive(LABEL), LABEL, &[], sealed)?;
    let root = opened
        .as_slice()
        .try_into()
        .map(Zeroizing::new)
        .map_err(|_| BadSeal);
    opened.zeroize();
    root
}
