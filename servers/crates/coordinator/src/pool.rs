//! The pool of virtual addresses: permanent, never doubled, never scanned.
//!
//! The virtual IPv6 address comes with the certificate; the IPv4 address is taken here, from the
//! blocks that the AS allocated. A lease is for ever: a node that comes back after a year, or after
//! this DC was restarted, finds both addresses as they were.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::{BTreeSet, HashMap};

use ntm_wire::addr::{VirtualAddrs, VirtualPrefix};
use ntm_wire::id::{Epoch, NodeId};

use crate::config::{ConfigError, Ipv4Block};
use crate::event::Assignment;

/// Who holds which addresses.
#[derive(Debug)]
pub(crate) struct Pool {
    prefix: VirtualPrefix,
    blocks: Vec<Block>,
    /// By the lower half of the IPv6 address; the upper one is the prefix.
    leases: HashMap<u64, Lease>,
    /// Leased addresses of blocks that are not ours any more.
    retired: BTreeSet<Ipv4Addr>,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    node: NodeId,
    v4: Ipv4Addr,
    /// The highest epoch seen when the node was last here (rule 9).
    epoch: Epoch,
}

#[derive(Debug)]
struct Block {
    base: u32,
    size: u32,
    /// A bit per address: taken, or never given out.
    taken: Vec<u64>,
    left: u32,
    /// Everything below is taken.
    next: u32,
}

/// Why no addresses are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAddress {
    /// The IPv6 address is not of our prefix, or another node's.
    WrongBlock,
    /// No IPv4 address is left.
    Exhausted,
}

impl Pool {
    pub(crate) fn new(
        prefix: VirtualPrefix,
        blocks: &[Ipv4Block],
        saved: &[Assignment],
    ) -> Result<Self, ConfigError> {
        let mut pool = Self {
            prefix,
            blocks: Vec::with_capacity(blocks.len()),
            leases: HashMap::with_capacity(saved.len()),
            retired: BTreeSet::new(),
        };
        blocks.iter().try_for_each(|b| pool.add_block(*b))?;
        saved.iter().try_for_each(|a| pool.restore(a))?;
        Ok(pool)
    }

    fn add_block(&mut self, block: Ipv4Block) -> Result<(), ConfigError> {
        let new = Block::new(block)?;
        if self.blocks.iter().any(|b| b.overlaps(&new)) {
            return Err(ConfigError::OverlappingBlocks(block.base));
        }
        self.blocks.push(new);
        Ok(())
    }

    fn restore(&mut self, saved: &Assignment) -> Result<(), ConfigError> {
        let VirtualAddrs { v6, v4 } = saved.addrs;
        let is_free = match self.block_of(v4) {
            Some(block) => block.take(v4),
            None => self.retired.insert(v4),
        };
        if !is_free {
            return Err(ConfigError::DuplicateAssignment(IpAddr::V4(v4)));
        }
        let lease = Lease {
            node: saved.node,
            v4,
            epoch: Epoch::default(),
        };
        match self.leases.insert(low_half(v6), lease) {
            Some(_) => Err(ConfigError::DuplicateAssignment(IpAddr::V6(v6))),
            None => Ok(()),
        }
    }

    /// The addresses of a node that has some; an error when the IPv6 address can't be this node's.
    pub(crate) fn find(
        &self,
        node: NodeId,
        v6: Ipv6Addr,
    ) -> Result<Option<VirtualAddrs>, NoAddress> {
        if !self.prefix.contains(&v6) {
            return Err(NoAddress::WrongBlock);
        }
        match self.leases.get(&low_half(v6)) {
            None => Ok(None),
            Some(lease) if lease.node == node => Ok(Some(VirtualAddrs { v6, v4: lease.v4 })),
            Some(_) => Err(NoAddress::WrongBlock),
        }
    }

    /// Takes addresses for a node that has none yet.
    pub(crate) fn take(&mut self, node: NodeId, v6: Ipv6Addr) -> Result<VirtualAddrs, NoAddress> {
        if let Some(addrs) = self.find(node, v6)? {
            return Ok(addrs);
        }
        let v4 = self
            .blocks
            .iter_mut()
            .find_map(Block::take_next)
            .ok_or(NoAddress::Exhausted)?;
        let lease = Lease {
            node,
            v4,
            epoch: Epoch::default(),
        };
        self.leases.insert(low_half(v6), lease);
        Ok(VirtualAddrs { v6, v4 })
    }

    /// Gives addresses back that could not be stored.
    pub(crate) fn give_back(&mut self, addrs: VirtualAddrs) {
        self.leases.remove(&low_half(addrs.v6));
        if let Some(block) = self.block_of(addrs.v4) {
            block.give_back(addrs.v4);
        }
    }

    /// The highest epoch remembered of the node that holds this address.
    pub(crate) fn epoch(&self, v6: Ipv6Addr) -> Epoch {
        self.leases
            .get(&low_half(v6))
            .map(|l| l.epoch)
            .unwrap_or_default()
    }

    pub(crate) fn remember_epoch(&mut self, v6: Ipv6Addr, epoch: Epoch) {
        if let Some(lease) = self.leases.get_mut(&low_half(v6)) {
            lease.epoch = lease.epoch.max(epoch);
        }
    }

    /// IPv4 addresses left, and how many there are in all.
    pub(crate) fn left(&self) -> (u32, u32) {
        self.blocks
            .iter()
            .fold((0, 0), |(left, all), b| (left + b.left, all + b.size))
    }

    fn block_of(&mut self, v4: Ipv4Addr) -> Option<&mut Block> {
        self.blocks.iter_mut().find(|b| b.index(v4).is_some())
    }
}

impl Block {
    fn new(block: Ipv4Block) -> Result<Self, ConfigError> {
        let bad = ConfigError::BadBlock(block.base, block.prefix_len);
        let (base, len) = (u32::from(block.base), block.prefix_len);
        if !(10..=24).contains(&len)
            || base & 0xffc0_0000 != u32::from(Ipv4Addr::new(100, 64, 0, 0))
        {
            return Err(bad);
        }
        let size = 1u32 << (32 - len);
        if base & (size - 1) != 0 {
            return Err(bad);
        }
        let mut new = Self {
            base,
            size,
            taken: vec![0; (size / 64) as usize],
            left: size,
            next: 0,
        };
        // Some systems take these for network and broadcast addresses whatever the mask says.
        for low in (0..size).step_by(256) {
            new.mark(low);
            new.mark(low + 255);
        }
        Ok(new)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.base < other.base + other.size && other.base < self.base + self.size
    }

    fn index(&self, v4: Ipv4Addr) -> Option<u32> {
        u32::from(v4)
            .checked_sub(self.base)
            .filter(|i| *i < self.size)
    }

    fn take_next(&mut self) -> Option<Ipv4Addr> {
        while self.next < self.size {
            let index = self.next;
            self.next += 1;
            if self.mark(index) {
                return Some(Ipv4Addr::from(self.base + index));
            }
        }
        None
    }

    fn take(&mut self, v4: Ipv4Addr) -> bool {
        self.index(v4).is_some_and(|i| self.mark(i))
    }

    fn give_back(&mut self, v4: Ipv4Addr) {
        if let Some(i) = self.index(v4) {
            self.taken[(i / 64) as usize] &= !(1 << (i % 64));
            self.left += 1;
            self.next = self.next.min(i);
        }
    }

    /// Marks an address; `false` when it was marked.
    fn mark(&mut self, index: u32) -> bool {
        let (word, bit) = (&mut self.taken[(index / 64) as usize], 1 << (index % 64));
        let is_free = *word & bit == 0;
        *word |= bit;
        self.left -= u32::from(is_free);
        is_free
    }
}

fn low_half(v6: Ipv6Addr) -> u64 {
    u128::from(v6) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: VirtualPrefix = VirtualPrefix([0xfd, 0, 0, 0, 0, 0, 0, 1]);

    fn node(n: u32) -> (NodeId, Ipv6Addr) {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&n.to_be_bytes());
        (NodeId(id), PREFIX.address_of(&NodeId(id)))
    }

    fn block(base: [u8; 4], prefix_len: u8) -> Ipv4Block {
        Ipv4Block {
            base: base.into(),
            prefix_len,
        }
    }

    #[test]
    fn a_full_block_gave_every_address_once_and_no_network_or_broadcast_address() {
        let mut pool = Pool::new(PREFIX, &[block([100, 64, 64, 0], 23)], &[]).unwrap();
        let mut given = BTreeSet::new();
        for n in 0..508 {
            let (id, v6) = node(n);
            let addrs = pool.take(id, v6).unwrap();
            assert!(given.insert(addrs.v4), "{} twice", addrs.v4);
            assert!(![0, 255].contains(&addrs.v4.octets()[3]), "{}", addrs.v4);
        }
        let (id, v6) = node(508);
        assert_eq!(pool.take(id, v6), Err(NoAddress::Exhausted));
        let (id, v6) = node(7);
        assert!(
            pool.take(id, v6).is_ok(),
            "who has an address keeps it when the block is full"
        );
    }

    #[test]
    fn saved_addresses_come_back_and_are_not_given_to_others() {
        let blocks = [block([100, 64, 0, 0], 24)];
        let mut pool = Pool::new(PREFIX, &blocks, &[]).unwrap();
        let saved: Vec<_> = (0..3)
            .map(|n| {
                let (node, v6) = node(n);
                let addrs = pool.take(node, v6).unwrap();
                Assignment {
                    node,
                    fqdn: "a.b.example.org".parse().unwrap(),
                    addrs,
                }
            })
            .collect();
        let mut pool = Pool::new(PREFIX, &blocks, &saved[1..]).unwrap();
        let (id, v6) = node(2);
        assert_eq!(pool.find(id, v6), Ok(Some(saved[2].addrs)));
        let (id, v6) = node(9);
        let fresh = pool.take(id, v6).unwrap();
        assert!(saved[1..].iter().all(|s| s.addrs.v4 != fresh.v4));
        let twice = [
            saved[1].clone(),
            Assignment {
                node: NodeId([9; 16]),
                ..saved[1].clone()
            },
        ];
        assert!(matches!(
            Pool::new(PREFIX, &blocks, &twice),
            Err(ConfigError::DuplicateAssignment(_))
        ));
    }

    #[test]
    fn an_address_outside_the_prefix_or_of_another_node_is_refused() {
        let mut pool = Pool::new(PREFIX, &[block([100, 64, 0, 0], 18)], &[]).unwrap();
        let (id, v6) = node(1);
        pool.take(id, v6).unwrap();
        assert_eq!(pool.find(NodeId([5; 16]), v6), Err(NoAddress::WrongBlock));
        assert_eq!(
            pool.take(id, "fd00::2:0:0:0:1".parse().unwrap()),
            Err(NoAddress::WrongBlock)
        );
    }

    #[test]
    fn what_could_not_be_stored_is_given_to_the_next() {
        let mut pool = Pool::new(PREFIX, &[block([100, 64, 0, 0], 24)], &[]).unwrap();
        let ((a, a6), (b, b6)) = (node(1), node(2));
        let first = pool.take(a, a6).unwrap();
        pool.give_back(first);
        assert_eq!(pool.take(b, b6).unwrap().v4, first.v4);
    }

    #[test]
    fn bad_and_overlapping_blocks_are_refused() {
        for bad in [
            block([10, 0, 0, 0], 18),
            block([100, 64, 1, 0], 18),
            block([100, 64, 0, 0], 25),
        ] {
            assert!(
                matches!(
                    Pool::new(PREFIX, &[bad], &[]),
                    Err(ConfigError::BadBlock(..))
                ),
                "{bad:?}"
            );
        }
        let two = [block([100, 64, 0, 0], 17), block([100, 64, 64, 0], 18)];
        assert_eq!(
            Pool::new(PREFIX, &two, &[]).err(),
            Some(ConfigError::OverlappingBlocks([100, 64, 64, 0].into()))
        );
    }
}
