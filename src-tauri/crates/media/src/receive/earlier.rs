//! Packets that came inside later ones (RFC 2198).

use super::Receiver;
use super::arrivals::Place;
use crate::rtp::red::Earlier;

impl Receiver {
    /// Each fills its place if that is empty, and the delay learns how long it is to be waited for.
    pub(super) fn handle_earlier(&mut self, arrival: i64, place: &Place, earlier: &[Earlier<'_>]) {
        let frame = self.playout.frame() as i64;
        let frozen = self.path_lost || self.playout.is_waiting(arrival);
        for one in earlier {
            let offset = i64::from(one.offset);
            let (sequence, timestamp) = (place.sequence - offset / frame, place.timestamp - offset);
            if offset % frame != 0 || !self.arrivals.bring(sequence) {
                continue;
            }
            if !frozen {
                self.playout.delay.replaced(arrival - timestamp);
            }
            if self
                .playout
                .insert_earlier(sequence, timestamp, one.payload)
            {
                self.counts.carried += 1;
            }
        }
    }
}
