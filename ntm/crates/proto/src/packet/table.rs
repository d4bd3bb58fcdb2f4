//! The tunnel table: by virtual address on the way out, by path id on the way in (paper A, III.B). A tunnel's name
//! here is the id of what it receives first; it is found under every id that it looks for (rule 13).

use core::net::{IpAddr, Ipv4Addr};
use std::collections::{BTreeMap, BTreeSet};

use ntm_wire::addr::VirtualAddrs;
use ntm_wire::id::{NodeId, PathId};
use ntm_wire::time::Mono;

use super::data::Tunnel;
use crate::handover::locals::Locals;

/// Aliases for peers of other operators; no AS allocates this block (100.127.192.0/18).
const ALIAS_BASE: u32 = 0x647f_c000;
const ALIAS_COUNT: u32 = (1 << 14) - 1;

/// Every tunnel of a node, whatever its phase.
#[derive(Debug, Default)]
pub(crate) struct TunnelTable {
    by_path: BTreeMap<PathId, Tunnel>,
    /// The names of tunnels, by the ids that they look for.
    by_id: BTreeMap<PathId, PathId>,
    looked_for: BTreeMap<PathId, Vec<PathId>>,
    by_addr: BTreeMap<IpAddr, PathId>,
    aliases: BTreeMap<NodeId, Ipv4Addr>,
}

impl TunnelTable {
    pub(crate) fn insert(&mut self, tunnel: Tunnel) {
        let name = tunnel.path_in;
        self.by_path.insert(name, tunnel);
        self.look_anew(name);
    }

    /// The tunnel that looks for this id.
    pub(crate) fn name_of(&self, id: PathId) -> Option<PathId> {
        self.by_id.get(&id).copied()
    }

    /// A tunnel looks for other ids now. One that another tunnel looks for is never taken over: a DC chooses the first.
    pub(crate) fn look_anew(&mut self, name: PathId) {
        for id in self.looked_for.remove(&name).unwrap_or_default() {
            if self.by_id.get(&id) == Some(&name) {
                self.by_id.remove(&id);
            }
        }
        let Some(tunnel) = self.by_path.get(&name) else {
            return;
        };
        let ids = tunnel.looked_for();
        for id in &ids {
            self.by_id.entry(*id).or_insert(name);
        }
        self.looked_for.insert(name, ids);
    }

    pub(crate) fn get(&self, path_in: PathId) -> Option<&Tunnel> {
        self.by_path.get(&path_in)
    }

    pub(crate) fn get_mut(&mut self, path_in: PathId) -> Option<&mut Tunnel> {
        self.by_path.get_mut(&path_in)
    }

    /// The tunnel that packets to this virtual address take.
    pub(crate) fn toward(&mut self, addr: IpAddr) -> Option<&mut Tunnel> {
        let path = self.by_addr.get(&addr)?;
        self.by_path.get_mut(path)
    }

    /// Makes a tunnel the one for its peer's addresses. Rule 7: an address that belongs to another
    /// identity is never taken over. Returns the tunnel that was used before.
    pub(crate) fn activate(&mut self, path_in: PathId) -> Option<PathId> {
        let tunnel = self.by_path.get(&path_in)?;
        let VirtualAddrs { v6, v4 } = tunnel.peer.addrs;
        let node = tunnel.peer.node;
        let mut before = None;
        for addr in [IpAddr::V6(v6), IpAddr::V4(v4)] {
            let holder = self.by_addr.get(&addr).copied();
            let foreign = holder
                .and_then(|p| self.by_path.get(&p))
                .is_some_and(|t| t.peer.node != node);
            if !foreign {
                before = self
                    .by_addr
                    .insert(addr, path_in)
                    .filter(|p| *p != path_in)
                    .or(before);
            }
        }
        before
    }

    /// Removes a tunnel; its addresses lead nowhere then, unless a newer tunnel has them.
    pub(crate) fn remove(&mut self, path_in: PathId) -> Option<Tunnel> {
        self.by_addr.retain(|_, p| *p != path_in);
        let removed = self.by_path.remove(&path_in);
        self.look_anew(path_in);
        removed
    }

    /// Whether this tunnel is the one for its peer.
    pub(crate) fn is_active(&self, path_in: PathId) -> bool {
        self.by_addr.values().any(|p| *p == path_in)
    }

    /// Whether an address belongs to another identity than `node` (rule 7).
    pub(crate) fn is_taken(&self, addr: IpAddr, node: NodeId) -> bool {
        self.by_addr
            .get(&addr)
            .and_then(|p| self.by_path.get(p))
            .is_some_and(|t| t.peer.node != node)
    }

    /// The IPv4 address of a peer: its own if it has one here and nobody else does, or else an alias.
    pub(crate) fn v4_of(&mut self, node: NodeId, own_v4: Option<Ipv4Addr>) -> Ipv4Addr {
        if let Some(addr) = own_v4.filter(|a| !self.is_taken((*a).into(), node)) {
            return addr;
        }
        if let Some(alias) = self.aliases.get(&node) {
            return *alias;
        }
        let alias = self.free_alias();
        self.aliases.insert(node, alias);
        alias
    }

    /// An alias that nobody has. When all are given, one whose owner has no tunnel is taken back.
    fn free_alias(&mut self) -> Ipv4Addr {
        if self.aliases.len() >= ALIAS_COUNT as usize {
            let in_use: BTreeSet<NodeId> = self.by_path.values().map(|t| t.peer.node).collect();
            self.aliases.retain(|node, _| in_use.contains(node));
        }
        let given: BTreeSet<Ipv4Addr> = self.aliases.values().copied().collect();
        let next = u32::try_from(self.aliases.len()).unwrap_or(0);
        (next..next + ALIAS_COUNT)
            .map(|n| Ipv4Addr::from(ALIAS_BASE + 1 + n % ALIAS_COUNT))
            .find(|alias| !given.contains(alias))
            .unwrap_or(Ipv4Addr::from(ALIAS_BASE + 1))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tunnel> {
        self.by_path.values()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Tunnel> {
        self.by_path.values_mut()
    }

    pub(crate) fn paths(&self) -> Vec<PathId> {
        self.by_path.keys().copied().collect()
    }

    /// The live tunnel with this node that packets take.
    pub(crate) fn live_with(&self, node: NodeId) -> Option<&Tunnel> {
        self.by_path
            .values()
            .find(|t| t.peer.node == node && t.is_up() && self.is_active(t.path_in))
    }

    pub(crate) fn poll_timeout(&self, locals: &Locals) -> Option<Mono> {
        let due = |t: &Tunnel| t.poll_timeout(locals, self.is_active(t.path_in));
        self.by_path.values().filter_map(due).min()
    }
}
