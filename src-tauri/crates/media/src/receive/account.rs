//! The book of the peer's media time: every sample of it is entered once, as what it was heard as.

use crate::event::Origin;
use crate::stats::HeardStats;

/// Samples by origin.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    packet: u64,
    lbrr: u64,
    dred: u64,
    concealed: u64,
    pause: u64,
    skipped: u64,
    lost_speech: u64,
    inserted: u64,
    stretched: u64,
    /// Lost since the last frame that was heard: whether it was speech, the next one tells.
    undecided: u64,
    speech_before: bool,
}

impl Account {
    /// `samples` of media time were heard as `origin`; `speech` says what was decoded (unused for what was not).
    pub(crate) fn enter(&mut self, origin: Origin, samples: usize, speech: bool) {
        let samples = samples as u64;
        let heard = match origin {
            Origin::Packet => &mut self.packet,
            Origin::Lbrr => &mut self.lbrr,
            Origin::Dred => &mut self.dred,
            Origin::Pause => {
                self.pause += samples;
                return self.decide(false);
            }
            Origin::Concealed => {
                self.concealed += samples;
                self.undecided += samples;
                return;
            }
            Origin::Skipped => {
                self.skipped += samples;
                self.undecided += samples;
                return;
            }
        };
        *heard += samples;
        self.decide(speech);
    }

    /// What was just entered as decoded from its packet is left out after all, on purpose.
    pub(crate) fn take_back(&mut self, samples: usize, speech: bool) {
        let samples = samples as u64;
        self.packet = self.packet.saturating_sub(samples);
        self.skipped += samples;
        self.lost_speech += if speech { samples } else { 0 };
    }

    pub(crate) fn insert(&mut self, samples: usize) {
        self.inserted += samples as u64;
    }

    pub(crate) fn stretch(&mut self, samples: usize) {
        self.stretched += samples as u64;
    }

    /// Milliseconds of speech lost so far; what is undecided counts.
    pub(crate) fn lost_speech_ms(&self) -> u64 {
        let open = if self.speech_before {
            self.undecided
        } else {
            0
        };
        (self.lost_speech + open) / 48
    }

    /// Share of the media time that was invented or left out, and the time itself, in samples.
    pub(crate) fn damage(&self) -> (u64, u64) {
        let lost = self.concealed + self.skipped;
        (
            lost,
            lost + self.packet + self.lbrr + self.dred + self.pause,
        )
    }

    pub(crate) fn fill(&self, stats: &mut HeardStats) {
        stats.played_ms = self.packet / 48;
        stats.lbrr_ms = self.lbrr / 48;
        stats.dred_ms = self.dred / 48;
        stats.concealed_ms = self.concealed / 48;
        stats.pause_ms = self.pause / 48;
        stats.skipped_ms = self.skipped / 48;
        stats.lost_speech_ms = self.lost_speech_ms();
        stats.inserted_ms = self.inserted / 48;
        stats.stretched_ms = self.stretched / 48;
    }

    /// What was lost was speech if there was speech on either side of it.
    fn decide(&mut self, speech: bool) {
        if speech || self.speech_before {
            self.lost_speech += self.undecided;
        }
        self.undecided = 0;
        self.speech_before = speech;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_between_words_is_no_lost_speech_and_within_a_word_it_is() {
        let mut account = Account::default();
        account.enter(Origin::Packet, 960, false);
        account.enter(Origin::Concealed, 960, false);
        account.enter(Origin::Packet, 960, false);
        assert_eq!(account.lost_speech_ms(), 0);
        account.enter(Origin::Packet, 960, true);
        account.enter(Origin::Skipped, 1920, false);
        account.enter(Origin::Packet, 960, true);
        assert_eq!(account.lost_speech_ms(), 40);
    }
}
