//! The path ids of what goes straight: another for each pair of networks that the ends are attached to (rule 13).

use std::collections::{BTreeMap, BTreeSet};

use ntm_wire::id::PathId;
use ntm_wire::key::SecretKey;
use ntm_wire::message::Role;
use ntm_wire::path_id::{Attachments, direct};

/// Ids to send under that are kept; when there are more, all are derived anew.
const KEPT: usize = 64;

/// The ids of one tunnel, derived when a network comes and never for a packet.
pub(crate) struct PathIds {
    /// The same as long as the tunnel lives, whatever keys come and go.
    secret: SecretKey,
    role: Role,
    first_out: PathId,
    first_in: PathId,
    sending: BTreeMap<Attachments, PathId>,
    looked_for: BTreeMap<PathId, Attachments>,
}

impl PathIds {
    /// `first_out`, `first_in`: between the networks in which the tunnel was set up.
    pub(crate) fn new(
        secret: SecretKey,
        role: Role,
        (first_out, first_in): (PathId, PathId),
    ) -> Self {
        Self {
            secret,
            role,
            first_out,
            first_in,
            sending: BTreeMap::new(),
            looked_for: BTreeMap::new(),
        }
    }

    /// What is sent between these attachments bears this.
    pub(crate) fn outbound(&mut self, between: Attachments) -> PathId {
        if let Some(known) = self.sending.get(&between) {
            return *known;
        }
        if self.sending.len() >= KEPT {
            self.sending.clear();
        }
        let id = self.derive(self.role, self.first_out, between);
        self.sending.insert(between, id);
        id
    }

    /// From now on looks for what comes from one of `peers` to one of `own`. True when that is not as before.
    pub(crate) fn look_for(&mut self, own: &BTreeSet<u16>, peers: &BTreeSet<u16>) -> bool {
        let pairs = |receiver: &u16| {
            let receiver = *receiver;
            peers.iter().map(move |sender| Attachments {
                sender: *sender,
                receiver,
            })
        };
        let wanted: BTreeSet<Attachments> = own.iter().flat_map(pairs).collect();
        let before = self.looked_for.len();
        self.looked_for
            .retain(|_, between| wanted.contains(between));
        let known: BTreeSet<Attachments> = self.looked_for.values().copied().collect();
        let mut is_news = self.looked_for.len() != before;
        for between in wanted.difference(&known) {
            let id = self.derive(self.role.other(), self.first_in, *between);
            self.looked_for.insert(id, *between);
            is_news = true;
        }
        is_news
    }

    /// The attachment of the peer that something under this id comes from.
    pub(crate) fn sender_of(&self, id: PathId) -> Option<u16> {
        self.looked_for.get(&id).map(|between| between.sender)
    }

    /// Every id that something may come under.
    pub(crate) fn looked_for(&self) -> impl Iterator<Item = PathId> {
        self.looked_for.keys().copied()
    }

    fn derive(&self, from: Role, first: PathId, between: Attachments) -> PathId {
        let is_first = between.sender == 0 && between.receiver == 0;
        if is_first {
            first
        } else {
            direct(&self.secret, from, between)
        }
    }
}

impl core::fmt::Debug for PathIds {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PathIds({} looked for)", self.looked_for.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: PathId = PathId(1);
    const BACK: PathId = PathId(2);

    fn pair() -> (PathIds, PathIds) {
        let secret = || SecretKey::new([7; 32]);
        let caller = PathIds::new(secret(), Role::Caller, (THERE, BACK));
        let callee = PathIds::new(secret(), Role::Callee, (BACK, THERE));
        (caller, callee)
    }

    fn between(sender: u16, receiver: u16) -> Attachments {
        Attachments { sender, receiver }
    }

    #[test]
    fn both_ends_derive_the_same_ids_and_each_direction_its_own() {
        let (mut caller, mut callee) = pair();
        callee.look_for(&BTreeSet::from([0, 1]), &(0..4).collect());
        assert_eq!(caller.outbound(between(0, 0)), THERE);
        for (sender, receiver) in [(0, 0), (3, 0), (2, 1)] {
            let id = caller.outbound(between(sender, receiver));
            assert_eq!(callee.sender_of(id), Some(sender));
            let back = callee.outbound(between(sender, receiver));
            assert_ne!(id, back);
        }
    }

    #[test]
    fn what_is_beyond_the_window_is_not_looked_for() {
        let (mut caller, mut callee) = pair();
        callee.look_for(&BTreeSet::from([0]), &(1..5).collect());
        for sender in [0, 5] {
            let id = caller.outbound(between(sender, 0));
            assert_eq!(callee.sender_of(id), None);
        }
    }

    #[test]
    fn the_same_again_is_no_news_and_what_is_no_longer_wanted_goes() {
        let (_, mut ids) = pair();
        let own = BTreeSet::from([0]);
        assert!(ids.look_for(&own, &(0..4).collect()));
        assert!(!ids.look_for(&own, &(0..4).collect()));
        assert!(ids.look_for(&own, &(0..3).collect()));
        assert_eq!(ids.looked_for().count(), 3);
    }
}
