//! Which addresses a DC gives out: a /64 of the deployment's unique local /48, and /18 blocks of
//! 100.64.0.0/10. Blocks are numbered; a number is given once.

use core::net::Ipv4Addr;

use ntm_account_api::server::V4Block;
use ntm_wire::addr::VirtualPrefix;
use ntm_wire::id::DcId;

/// The deployment's /48.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployment(pub [u8; 6]);

impl Deployment {
    /// A unique local prefix (RFC 4193) from 40 random bits.
    pub fn from_random([a, b, c, d, e]: [u8; 5]) -> Self {
        Self([0xfd, a, b, c, d, e])
    }

    /// The /64 of a DC; its number is the subnet's.
    pub fn prefix(self, dc: DcId) -> Option<VirtualPrefix> {
        let subnet = u16::try_from(dc.0).ok()?.to_be_bytes();
        let mut prefix = [0; 8];
        prefix[..6].copy_from_slice(&self.0);
        prefix[6..].copy_from_slice(&subnet);
        Some(VirtualPrefix(prefix))
    }
}

/// 100.64.0.0/10 holds 256 blocks of /18; the last, 100.127.192.0/18, is for aliases that are local to
/// a node and is never given to a DC.
pub const V4_BLOCKS: u8 = 255;

/// Addresses in a block.
pub const V4_BLOCK_LEN: u64 = 1 << 14;

/// The block with this number.
pub fn v4_block(number: u8) -> Option<V4Block> {
    let first = u32::from(Ipv4Addr::new(100, 64, 0, 0));
    (number < V4_BLOCKS).then(|| V4Block {
        base: Ipv4Addr::from(first + (u32::from(number) << 14)),
        prefix_len: 18,
    })
}

/// The lowest number that nobody has.
pub fn free_v4_block(taken: impl IntoIterator<Item = u8>) -> Option<u8> {
    let mut is_taken = [false; 256];
    taken
        .into_iter()
        .for_each(|n| is_taken[usize::from(n)] = true);
    (0..V4_BLOCKS).find(|n| !is_taken[usize::from(*n)])
}

/// Whether a DC with so many devices, ever, needs a block beside its `blocks`: three quarters are used.
pub fn is_nearly_full(devices: u64, blocks: usize) -> bool {
    let room = V4_BLOCK_LEN.saturating_mul(u64::try_from(blocks).unwrap_or(u64::MAX));
    devices.saturating_mul(4) >= room.saturating_mul(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_lie_in_the_shared_range_and_leave_the_aliases_alone() {
        assert_eq!(v4_block(0).unwrap().base, Ipv4Addr::new(100, 64, 0, 0));
        let last = v4_block(V4_BLOCKS - 1).unwrap();
        assert_eq!(last.base, Ipv4Addr::new(100, 127, 128, 0));
        assert_eq!(v4_block(V4_BLOCKS), None);
    }

    #[test]
    fn blocks_run_out_by_themselves() {
        assert_eq!(free_v4_block(0..V4_BLOCKS), None);
        assert_eq!(free_v4_block((0..V4_BLOCKS).filter(|n| *n != 77)), Some(77));
    }

    #[test]
    fn a_block_is_nearly_full_at_three_quarters() {
        assert!(!is_nearly_full(12_287, 1));
        assert!(is_nearly_full(12_288, 1));
        assert!(!is_nearly_full(12_288, 2));
    }
}
