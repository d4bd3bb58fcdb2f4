//! The path ids that follow the first ones (rule 13): for each network that an end is attached to another, so that
//! who watches two networks finds none in both.

use crate::id::PathId;
use crate::kdf::derive;
use crate::key::SecretKey;
use crate::message::Role;

/// Which way a datagram goes between a node and its relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LegDirection {
    /// Node -> RS.
    FromNode = 0,
    /// RS -> node.
    ToNode = 1,
}

/// The attachments of both ends that a datagram goes between, each by the number that its end gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attachments {
    /// The sender's.
    pub sender: u16,
    /// The receiver's, as the sender knows it.
    pub receiver: u16,
}

/// The path id of what goes straight between two attachments; `from`: the end that sends.
///
/// `secret` is the tunnel's, the same for as long as it lives. Attachments 0 and 0 have the Route Direction's id,
/// not this one.
pub fn direct(secret: &SecretKey, from: Role, between: Attachments) -> PathId {
    let direction = [match from {
        Role::Caller => 0,
        Role::Callee => 1,
    }];
    let (sender, receiver) = (between.sender.to_be_bytes(), between.receiver.to_be_bytes());
    let context: [&[u8]; 3] = [&direction, &sender, &receiver];
    first_bytes(&derive(secret, "ntm path id", &context))
}

/// The path id of a leg that is bound from a node's attachment. Attachment 0 has the token's id, not this one.
pub fn leg(leg_key: &SecretKey, direction: LegDirection, attachment: u32) -> PathId {
    let context: [&[u8]; 2] = [&[direction as u8], &attachment.to_be_bytes()];
    first_bytes(&derive(leg_key, "ntm leg path id", &context))
}

fn first_bytes(key: &SecretKey) -> PathId {
    PathId(u64::from_be_bytes(core::array::from_fn(|i| {
        key.expose()[i]
    })))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_direction_and_pair_of_attachments_has_its_own_id() {
        let keys = [SecretKey::new([1; 32]), SecretKey::new([2; 32])];
        let mut ids = BTreeSet::new();
        for key in &keys {
            for (sender, receiver) in (0..8).flat_map(|s| (0..8).map(move |r| (s, r))) {
                let between = Attachments { sender, receiver };
                ids.insert(direct(key, Role::Caller, between));
                ids.insert(direct(key, Role::Callee, between));
            }
            for attachment in 0..8 {
                ids.insert(leg(key, LegDirection::FromNode, attachment));
                ids.insert(leg(key, LegDirection::ToNode, attachment));
            }
        }
        assert_eq!(ids.len(), 2 * (64 * 2 + 8 * 2));
    }
}
