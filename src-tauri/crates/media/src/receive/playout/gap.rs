//! Later packets are there, the next one is not: wait for it, recover it, invent it, or go on without.

use super::{Filling, JOIN, LONGEST_FRAME, Playout, Position};
use crate::event::Origin;
use crate::time::ms;

/// The sender keeps one second; what is older will not come. A little more for its rounding.
const SENDERS_MEMORY: i64 = ms(1_100);
/// Holes of so many frames are recovered at once if they can be, even if they might come again. So is any hole that
/// DRED covers, unless the overlay says that the path changed: then the very packets come.
const SMALL: i64 = 2;
/// So much is invented in a row; the rest of a longer hole is left out.
const INVENTED: i64 = ms(100);

impl Playout {
    /// `first` is the first packet there, `next` what should be decoded.
    pub(super) fn bridge(&mut self, now: i64, next: Position, first: Position) {
        let frame = self.frame as i64;
        let lost = first.sequence - next.sequence;
        let hole = first.media - next.media;
        let missing = hole.min(lost * frame);
        let hopeless = (self.newest - SENDERS_MEMORY / frame - next.sequence).min(lost);
        if hopeless > 0 && self.waits(now) {
            return self.skip(next, hopeless * frame, hopeless);
        }
        // DRED tells of the time just before a packet, which here was a pause
        let is_covered = self.recoverable(first) >= missing && (lost <= SMALL || hole == missing);
        let at_once = is_covered && (lost <= SMALL || !self.path_changed);
        if self.waits(now) && !at_once {
            return self.fill(Filling::Gap);
        }
        if hole > missing {
            // among what will not come was a pause; where, nobody knows
            let pause = hole - missing;
            self.enter(Origin::Pause, next.media, &[], pause as usize);
            self.next = Some(Position {
                media: next.media + pause,
                ..next
            });
            return;
        }
        let overtaken = self.overtaken(now).min(lost);
        if overtaken > 0 {
            return self.skip(next, overtaken * frame, overtaken);
        }
        let too_long = hole - self.recoverable(first).max(INVENTED);
        if self.filling == Filling::Gap && self.behind(now) > self.delay.target() + frame {
            // what was invented while waiting has taken the place of what will not come
            let gone = (hole - self.recoverable(first)) / frame;
            if gone > 0 {
                return self.skip(next, gone * frame, gone);
            }
        } else if too_long > frame {
            return self.skip(next, too_long / frame * frame, too_long / frame);
        }
        self.recover(next, first);
    }

    /// Where bursts are usual the call goes on in time through one that is longer than the buffer: so many frames that will
    /// not come have had their time filled with something invented. To catch up costs more words than they.
    fn overtaken(&self, now: i64) -> i64 {
        let is_burst = self.path_is_bursty && !self.path_changed && self.filling == Filling::Gap;
        let late = (self.behind(now) - self.delay.target()).min(self.filler.run());
        if is_burst {
            late / self.frame as i64
        } else {
            0
        }
    }

    pub(super) fn waits(&self, now: i64) -> bool {
        self.wait_until.is_some_and(|until| now < until)
    }

    /// How much just before `first` it can replace, in samples.
    pub(super) fn recoverable(&mut self, first: Position) -> i64 {
        let Some(held) = self.packets.get(&first.media) else {
            return 0;
        };
        let by_lbrr = if self.decoder.has_fec(&held.payload) {
            self.frame
        } else {
            0
        };
        self.decoder.dred_reach(&held.payload).max(by_lbrr) as i64
    }

    fn skip(&mut self, next: Position, samples: i64, frames: i64) {
        self.enter(
            Origin::Skipped,
            next.media,
            &[],
            usize::try_from(samples).unwrap_or(0),
        );
        self.next = Some(Position {
            media: next.media + samples,
            sequence: next.sequence + frames,
        });
    }

    /// One frame from what a later packet tells of it: LBRR, then DRED, then invention.
    fn recover(&mut self, next: Position, first: Position) {
        let tail: Option<[f32; JOIN]> = self.end_filling();
        let offset = usize::try_from(first.media - next.media).unwrap_or(0);
        let samples = self.frame.min(offset).clamp(120, LONGEST_FRAME);
        let mut pcm = [0.0; LONGEST_FRAME];
        let pcm = &mut pcm[..samples];
        let later = self
            .packets
            .get(&first.media)
            .map(|held| held.payload.as_slice())
            .unwrap_or_default();
        let origin = if offset <= samples && self.decoder.decode_fec(later, pcm).is_ok() {
            Origin::Lbrr
        } else if self.decoder.decode_dred(later, offset, pcm).is_ok() {
            Origin::Dred
        } else {
            let _silence = self.decoder.conceal(pcm);
            Origin::Concealed
        };
        self.next = Some(Position {
            media: next.media + samples as i64,
            sequence: next.sequence + 1,
        });
        self.emit(origin, next.media, pcm, tail);
    }
}
