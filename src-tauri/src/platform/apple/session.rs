//! The phone's one audio session: nothing records before it is said to be a call, and then it may go on behind others.
#![expect(
    unsafe_code,
    reason = "no safe crate has it; messages to one object of the system, which lives as long as the process"
)]

use objc2_avf_audio::{
    AVAudioSession, AVAudioSessionCategoryOptions, AVAudioSessionCategoryPlayAndRecord,
    AVAudioSessionModeVoiceChat,
};
use voice_app::{AppError, Code};

/// A call begins.
pub(super) fn begin() -> Result<(), AppError> {
    // SAFETY: constants of the system, absent only on systems older than this program runs on.
    let named = unsafe { AVAudioSessionCategoryPlayAndRecord.zip(AVAudioSessionModeVoiceChat) };
    let Some((category, mode)) = named else {
        return Err(AppError::new(Code::System, "this system has no calls"));
    };
    // Headsets by Bluetooth come with the mode.
    let options = AVAudioSessionCategoryOptions::empty();
    // SAFETY: the singleton, with the system's own constants.
    let begun = unsafe {
        let session = AVAudioSession::sharedInstance();
        session
            .setCategory_mode_options_error(category, mode, options)
            .and_then(|()| session.setActive_error(true))
    };
    begun.map_err(|e| AppError::new(Code::System, e.localizedDescription()))
}

/// The last one is over.
pub(super) fn end() {
    // SAFETY: as above.
    let ended = unsafe { AVAudioSession::sharedInstance().setActive_error(false) };
    if let Err(error) = ended {
        tracing::debug!(error = %error.localizedDescription(), "other programs stay silent");
    }
}
