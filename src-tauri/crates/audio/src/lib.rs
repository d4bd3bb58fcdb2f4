//! `voice-audio`: what acts for voice. The codec, and with the feature `device` the sound devices.

pub mod opus;
