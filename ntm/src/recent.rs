//! The last hand-overs, for whoever asks later than they happen.

use std::collections::VecDeque;

use ntm_proto::Handover;

const KEPT: usize = 32;

/// The latest last.
#[derive(Debug, Default)]
pub(crate) struct Recent(VecDeque<Handover>);

impl Recent {
    pub(crate) fn push(&mut self, handover: &Handover) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(handover.clone());
    }

    pub(crate) fn to_vec(&self) -> Vec<Handover> {
        self.0.iter().cloned().collect()
    }
}
