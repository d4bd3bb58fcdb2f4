//! What is said and heard, brought together for a file.

use std::collections::VecDeque;

use crate::{
    BLOCK,
    tone::{Player, Tone},
    wav::{Channels, Writer},
};

/// Blocks of mine that wait for theirs: the two come by two clocks.
const APART: usize = 4;

pub(crate) struct Recording {
    writer: Writer,
    channels: Channels,
    mine: VecDeque<[f32; BLOCK]>,
    /// The tone that tells of the recording: for them, and for me.
    announce: Option<[Player; 2]>,
}

impl Recording {
    pub(crate) fn new(writer: Writer, channels: Channels, announce: bool) -> Self {
        let announce =
            announce.then(|| [Player::new(Tone::Recording), Player::new(Tone::Recording)]);
        Self {
            writer,
            channels,
            mine: VecDeque::with_capacity(APART + 1),
            announce,
        }
    }

    /// What I say; it is sent with the tone.
    pub(super) fn me(&mut self, block: &mut [f32; BLOCK]) {
        self.mine.push_back(*block);
        if self.mine.len() > APART {
            self.mine.pop_front();
        }
        if let Some([for_them, _]) = &mut self.announce {
            for_them.mix_into(block);
        }
    }

    /// What I hear; it is played with the tone.
    pub(super) fn them(&mut self, block: &mut [f32; BLOCK]) {
        let mine = self.mine.pop_front().unwrap_or([0.0; BLOCK]);
        match self.channels {
            Channels::Stereo => self.writer.write_stereo(&mine, block),
            Channels::Mono => {
                let mut mixed = mine;
                mixed
                    .iter_mut()
                    .zip(&*block)
                    .for_each(|(mixed, sample)| *mixed += sample);
                self.writer.write_mono(&mixed);
            }
        }
        if let Some([_, for_me]) = &mut self.announce {
            for_me.mix_into(block);
        }
    }

    pub(super) fn finish(self) {
        self.writer.finish();
    }
}
