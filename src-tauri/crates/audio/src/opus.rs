//! Opus for `voice-media`: libopus 1.6.1 with LBRR, DRED and deep PLC.
