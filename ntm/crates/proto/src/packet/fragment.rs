//! Fragmentation (rule 16): a virtual packet that does not fit travels in two sealed pieces.

use std::collections::VecDeque;

use ntm_wire::header::HEADER_LEN;
use ntm_wire::seal::TAG_LEN;

use super::compress::FORM_FRAGMENT;

const HEAD: usize = 4;
/// Halves that may wait for their other half.
const MAX_WAITING: usize = 16;

/// One content, or two fragments of it, for datagrams of at most `payload` bytes.
pub(crate) fn split(content: Vec<u8>, payload: usize, id: u16) -> Vec<Vec<u8>> {
    let room = payload - HEADER_LEN - TAG_LEN;
    if content.len() <= room {
        return vec![content];
    }
    let middle = content.len().div_ceil(2).min(room - HEAD);
    let (first, second) = content.split_at(middle);
    vec![part(id, 0, first), part(id, 1, second)]
}

fn part(id: u16, index: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![FORM_FRAGMENT];
    out.extend_from_slice(&id.to_be_bytes());
    out.push(index);
    out.extend_from_slice(body);
    out
}

/// Halves that wait for their other half, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Reassembly {
    waiting: VecDeque<(u16, u8, Vec<u8>)>,
}

impl Reassembly {
    /// Takes a fragment (behind its form byte); returns the content when both halves are there.
    pub(crate) fn take(&mut self, fragment: &[u8]) -> Option<Vec<u8>> {
        let (head, body) = fragment.split_first_chunk::<3>()?;
        let (id, index) = (u16::from_be_bytes([head[0], head[1]]), head[2]);
        if index > 1 {
            return None;
        }
        let other = self
            .waiting
            .iter()
            .position(|(i, n, _)| *i == id && *n != index);
        match other.and_then(|at| self.waiting.remove(at)) {
            Some((_, _, first)) if index == 1 => Some([&first, body].concat()),
            Some((_, _, second)) => Some([body, &second].concat()),
            None => {
                self.wait(id, index, body);
                None
            }
        }
    }

    fn wait(&mut self, id: u16, index: u8, body: &[u8]) {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((id, index, body.to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_meet_in_either_order_and_small_contents_stay_whole() {
        let content: Vec<u8> = (0..1281u16).map(|n| n as u8).collect();
        let parts = split(content.clone(), 1200, 7);
        assert!(parts.iter().all(|p| p.len() <= 1200 - 33), "each part fits");
        let mut in_order = Reassembly::default();
        assert_eq!(in_order.take(&parts[0][1..]), None);
        assert_eq!(in_order.take(&parts[1][1..]), Some(content.clone()));
        let mut reversed = Reassembly::default();
        assert_eq!(reversed.take(&parts[1][1..]), None);
        assert_eq!(reversed.take(&parts[0][1..]), Some(content));
        assert_eq!(split(vec![1; 1200 - 33], 1200, 8).len(), 1);
    }

    #[test]
    fn waiting_halves_are_bounded() {
        let mut r = Reassembly::default();
        (0..100u16).for_each(|id| assert_eq!(r.take(&part(id, 0, b"x")[1..]), None));
        assert_eq!(r.waiting.len(), MAX_WAITING);
    }
}
