//! The measurements answered lately, so that a recording of one gets no second answer.

use std::collections::{BTreeSet, VecDeque};

/// How many are remembered: more than come in the second or two that a node waits for its answer.
const MAX_REMEMBERED: usize = 4096;

/// Of one measurement: the token's id and the probe's.
type Mark = (u64, u32);

#[derive(Debug, Default)]
pub(crate) struct Measured {
    marks: BTreeSet<Mark>,
    in_order: VecDeque<Mark>,
}

impl Measured {
    /// Remembers a measurement; `false` when it is known already.
    pub(crate) fn is_new(&mut self, mark: Mark) -> bool {
        if !self.marks.insert(mark) {
            return false;
        }
        self.in_order.push_back(mark);
        if self.in_order.len() > MAX_REMEMBERED {
            let oldest = self.in_order.pop_front();
            oldest.map(|mark| self.marks.remove(&mark));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_is_new_once_and_the_oldest_are_forgotten() {
        let mut measured = Measured::default();
        assert!(measured.is_new((1, 0)));
        assert!(!measured.is_new((1, 0)));
        let others = (1..=MAX_REMEMBERED as u32).filter(|probe| measured.is_new((1, *probe)));
        assert_eq!(others.count(), MAX_REMEMBERED);
        assert!(measured.is_new((1, 0)), "forgotten");
        assert_eq!(measured.marks.len(), MAX_REMEMBERED);
    }
}
