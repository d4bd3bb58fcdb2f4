//! WAV files in real time: the disk is read and written by threads of their own, for the audio thread waits for nobody.

mod reader;
mod writer;

pub(crate) use reader::{check as can_read, open as read};
pub(crate) use writer::{Channels, Writer, check as can_write};
