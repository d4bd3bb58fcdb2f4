//! Coming back to the delay wished for: faster after a gap, unheard otherwise.

use super::{Filling, Playout};
use crate::receive::stretch::{self, LONGEST, LOOK, Need};
use crate::time::ms;
use crate::{BLOCK, event::Origin};

/// From this much behind on, catching up is on ...
const BEGIN: i64 = ms(100);
/// ... until so little is left.
const END: i64 = ms(5);
/// More than this, and speech goes at 1.5 times its speed, else at 1.25 (`voice.md` section 2).
const FAR: i64 = ms(400);
/// So much the delay may differ from its target before anything is done.
const SLACK: i64 = ms(15);
/// Both speak for this many frames: then who is far behind skips.
const DOUBLE_TALK: u32 = 15;

impl Playout {
    pub(super) fn adapt(&mut self, now: i64) {
        if self.filling != Filling::Nothing || self.pausing || !self.heard {
            return;
        }
        let excess = self.behind(now) - self.delay.target();
        self.catching_up = excess > if self.catching_up { END } else { BEGIN };
        if excess > FAR
            && self.near_speech >= DOUBLE_TALK
            && self.activity.speech_run() >= DOUBLE_TALK
        {
            self.skip_ahead(excess - FAR);
        }
        match excess {
            e if self.catching_up => self.catch_up(now, e),
            e if e > SLACK => self.trim(e - SLACK / 2),
            e if e < -SLACK / 2 => self.wait_a_little(-e),
            _ => self.credit = 0.0,
        }
    }

    fn catch_up(&mut self, now: i64, excess: i64) {
        self.look_ahead(now);
        let quiet = stretch::is_quiet(&self.sound, self.activity.floor());
        let speed = if excess > FAR { 0.5 } else { 0.25 };
        // a pause goes three times as fast as speech
        self.credit += BLOCK as f32 * if quiet { 2.0 } else { speed };
        while self.credit >= ms(5) as f32 {
            let need = if self.credit > ms(25) as f32 || quiet {
                Need::Urgent
            } else {
                Need::Firm
            };
            let most = (self.credit as usize).min(LONGEST).min(excess as usize);
            let gone = stretch::shorten(&mut self.sound, most, need);
            self.account.stretch(gone);
            if gone == 0 {
                break;
            }
            self.credit -= gone as f32;
        }
        self.credit = self.credit.min(ms(40) as f32);
    }

    /// A little too late: in a pause of speech at once, else now and then a period less, where it isn't heard.
    fn trim(&mut self, excess: i64) {
        let (need, most) = self.leave(excess);
        let gone = stretch::shorten(&mut self.sound, most, need);
        self.spend(gone);
    }

    /// Too early: a period more, likewise.
    fn wait_a_little(&mut self, lack: i64) {
        let (need, most) = self.leave(lack + ms(5));
        let come = stretch::lengthen(&mut self.sound, most, need);
        self.spend(come);
    }

    /// How much may be changed now, and how well it must fit: 3 % of speech, all of a pause.
    fn leave(&mut self, wanted: i64) -> (Need, usize) {
        let wanted = usize::try_from(wanted).unwrap_or(0);
        if stretch::is_quiet(&self.sound, self.activity.floor()) {
            return (Need::Firm, wanted);
        }
        self.credit = (self.credit + BLOCK as f32 * 0.03).min(LONGEST as f32);
        (Need::Gentle, wanted.min(self.credit as usize))
    }

    fn spend(&mut self, samples: usize) {
        self.account.stretch(samples);
        if samples > 0 {
            self.credit = 0.0;
        }
    }

    /// Decodes as much as stretching wants to look at, if it is there.
    fn look_ahead(&mut self, now: i64) {
        while self.sound.len() < BLOCK + LOOK {
            let before = self.sound.len();
            let ready = self
                .next
                .is_some_and(|next| self.packets.contains_key(&next.media));
            if !ready || self.pausing {
                return;
            }
            self.refill(now);
            if self.sound.len() == before {
                return;
            }
        }
    }

    /// In double talk: what is too far behind is left out, with a soft cut.
    fn skip_ahead(&mut self, samples: i64) {
        let mut left = samples;
        while left > 0 {
            let Some(next) = self.next else { return };
            if !self.packets.contains_key(&next.media) {
                return;
            }
            let kept = self.sound.len();
            self.decode_next();
            let frame = self.sound.split_off(kept);
            self.account
                .take_back(frame.len(), self.activity.speaking());
            if let Some(tap) = &mut self.tap
                && let Some(entry) = tap.back_mut()
            {
                entry.origin = Origin::Skipped;
            }
            left -= frame.len() as i64;
            // the last of what is left out fades into what follows
            if left <= 0 && kept >= 240 {
                let at = kept - 240;
                let tail = self.sound.split_off(at);
                let mut end = frame
                    .get(frame.len().saturating_sub(240)..)
                    .unwrap_or_default()
                    .to_vec();
                stretch::join(&tail, &mut end);
                self.sound.append(&mut end);
            }
        }
    }
}
