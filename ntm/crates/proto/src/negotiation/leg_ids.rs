//! The path ids of a leg: others for each of the node's attachments that it was bound from (rule 13).

use ntm_wire::id::PathId;
use ntm_wire::key::SecretKey;
use ntm_wire::path_id::{self, LegDirection};

use crate::handover::locals::Attachment;

/// Attachments whose ids are kept: that which the leg is bound from, one that it moves to, and some before.
const KEPT: usize = 4;

/// The ids of one leg, derived when it is first bound from an attachment.
#[derive(Debug)]
pub(crate) struct LegIds {
    key: SecretKey,
    first_out: PathId,
    first_in: PathId,
    /// Those used last at the end.
    all: Vec<Ids>,
    next: u32,
}

/// The ids in use from one attachment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids {
    /// None: no address of this node is known to lead to the relay.
    from: Option<Attachment>,
    /// As the relay is told in the bind.
    pub(crate) number: u32,
    /// Of what this node sends.
    pub(crate) out: PathId,
    inbound: PathId,
}

impl LegIds {
    /// Those of the token, which serve the attachment that is the first to be asked for.
    pub(crate) fn new(key: SecretKey, first_out: PathId, first_in: PathId) -> Self {
        Self {
            key,
            first_out,
            first_in,
            all: Vec::new(),
            next: 0,
        }
    }

    /// The ids of an attachment, and whether they are new.
    pub(crate) fn of(&mut self, from: Option<Attachment>) -> (Ids, bool) {
        let known = self.all.iter().position(|ids| ids.from == from);
        let ids = match known {
            Some(at) => self.all.remove(at),
            None => self.derive(from),
        };
        self.all.push(ids);
        if self.all.len() > KEPT {
            self.all.remove(0);
        }
        (ids, known.is_none())
    }

    fn derive(&mut self, from: Option<Attachment>) -> Ids {
        let number = self.next;
        self.next += 1;
        let id = |direction, first| match number {
            0 => first,
            later => path_id::leg(&self.key, direction, later),
        };
        Ids {
            from,
            number,
            out: id(LegDirection::FromNode, self.first_out),
            inbound: id(LegDirection::ToNode, self.first_in),
        }
    }

    /// Under which ids the relay may send now.
    pub(crate) fn ids_in(&self) -> impl Iterator<Item = PathId> {
        let first = self.all.is_empty().then_some(self.first_in);
        self.all.iter().map(|ids| ids.inbound).chain(first)
    }

    /// Whether this node has sent under it of late.
    pub(crate) fn has_sent_under(&self, id: PathId) -> bool {
        self.all.iter().any(|ids| ids.out == id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn leg() -> LegIds {
        LegIds::new(SecretKey::new([7; 32]), PathId(1), PathId(2))
    }

    fn at(n: u32) -> Option<Attachment> {
        Some(Attachment::numbered(n))
    }

    #[test]
    fn the_first_attachment_has_the_ids_of_the_token_and_each_other_its_own() {
        let mut leg = leg();
        assert_eq!(leg.ids_in().collect::<Vec<_>>(), [PathId(2)]);
        let first = leg.of(at(5)).0;
        assert_eq!((first.number, first.out), (0, PathId(1)));
        let mut ids = BTreeSet::from([first.out]);
        ids.extend((6..16).map(|n| leg.of(at(n)).0.out));
        assert_eq!(ids.len(), 11);
    }

    #[test]
    fn an_attachment_that_is_in_use_keeps_its_ids_whatever_else_is_tried() {
        let mut leg = leg();
        let home = leg.of(at(1)).0;
        for n in 2..12 {
            assert!(leg.of(at(n)).1);
            let (again, is_new) = leg.of(at(1));
            assert_eq!((again.out, is_new), (home.out, false));
        }
        assert_eq!(leg.ids_in().count(), KEPT);
        assert!(leg.has_sent_under(home.out));
    }

    #[test]
    fn no_number_comes_twice() {
        let mut leg = leg();
        let numbers = (1..=5).chain([1]).map(|n| leg.of(at(n)).0.number);
        assert_eq!(numbers.collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    }
}
