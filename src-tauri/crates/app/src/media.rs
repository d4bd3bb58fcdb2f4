//! A call's sound on its way: an engine as both sides agreed, and the tasks that move datagrams between the
//! call's virtual socket and the audio thread.

use std::sync::Arc;
use std::time::Instant;

use ntm::event::Passage;
use ntm::wire::id::NodeId;
use tokio::task::JoinHandle;
use voice_audio::opus::{DRED_VERSION, OpusDecoder, OpusEncoder};
use voice_audio::{Line, LineId, Sound};
use voice_call::RtpSocket;
use voice_call::sdp::{Codec, Media, Wishes};
use voice_media::{Config, Engine, FrameLength};

use crate::error::{AppError, Code};
use crate::settings::Settings;

/// No voice packet is larger.
const DATAGRAM: usize = 2048;

/// What this device wants to hear.
pub fn wishes(settings: &Settings) -> Wishes {
    Wishes {
        ptime: settings.ptime(),
        dred: Some(DRED_VERSION),
    }
}

/// An engine for what both sides agreed on.
///
/// # Errors
/// [`Code::System`] when there is no memory or no random numbers, or the other side wants a codec for gateways.
pub fn engine(media: &Media) -> Result<Engine, AppError> {
    if media.codec != Codec::Opus {
        return Err(AppError::new(
            Code::System,
            "the other side wants a codec that is for gateways only",
        ));
    }
    let system = |e: &dyn std::fmt::Display| AppError::new(Code::System, e);
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| system(&e))?;
    // Random, and new for each call (RFC 7022): the name is certified elsewhere.
    let mut cname = [0; 8];
    getrandom::fill(&mut cname).map_err(|e| system(&e))?;
    let cname = format!("{:016x}", u64::from_be_bytes(cname));
    let encoder = OpusEncoder::new().map_err(|e| system(&e))?;
    let decoder = OpusDecoder::new().map_err(|e| system(&e))?;
    let mut config = Config::new(seed, cname);
    config.payload_type = media.payload_type;
    config.red_payload_type = media.red;
    config.report_extension = media.report_extension;
    config.peer_knows_dred = media.dred == Some(DRED_VERSION);
    config.frame = if media.ptime == 10 {
        FrameLength::Ms10
    } else {
        FrameLength::Ms20
    };
    config.encoder.dtx = media.dtx;
    config.encoder.fec = media.fec;
    Ok(Engine::new(config, Box::new(encoder), Box::new(decoder)))
}

/// A call whose sound flows. Dropping it ends that.
#[derive(Debug)]
pub struct Flow {
    line: Arc<Line>,
    tasks: [JoinHandle<()>; 2],
    /// The other device, to know what the node says of the way there.
    pub peer: Option<NodeId>,
    passage: Passage,
}

impl Flow {
    /// Joins a call's socket to the audio thread.
    ///
    /// # Errors
    /// As [`engine`].
    pub fn start(sound: &Sound, media: &Media, socket: RtpSocket) -> Result<Self, AppError> {
        let line = Arc::new(sound.attach(engine(media)?));
        let outgoing = line.outgoing();
        let sender = socket.clone();
        let send = tokio::spawn(async move {
            while let Ok(datagram) = outgoing.recv().await {
                // What can't be sent is lost on the way, as far as the engine is concerned.
                let _ = sender.send(&datagram.bytes).await;
            }
        });
        let receive = tokio::spawn(receive(Arc::clone(&line), socket));
        Ok(Self {
            line,
            tasks: [send, receive],
            peer: None,
            passage: Passage::Proved,
        })
    }

    /// Its name at the audio thread.
    pub fn line(&self) -> LineId {
        self.line.id()
    }

    /// The line is held, or no longer.
    pub fn hold(&self, held: bool) {
        self.line.hold(held);
    }

    /// The node says how packets fare on the way to the other device.
    pub fn handle_passage(&mut self, passage: Passage) {
        let before = std::mem::replace(&mut self.passage, passage);
        match passage {
            Passage::Blocked => self.line.path_lost(),
            // What was sent by the way before may be lost: the engine sends again what was not confirmed.
            Passage::Unproved => self.line.path_restored(),
            Passage::Proved if before != Passage::Proved => self.line.path_restored(),
            Passage::Proved => {}
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn receive(line: Arc<Line>, socket: RtpSocket) {
    let mut buffer = [0; DATAGRAM];
    loop {
        match socket.recv(&mut buffer).await {
            Ok(len) => {
                line.datagram(buffer[..len].to_vec(), Instant::now());
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotConnected => return,
            Err(error) => tracing::debug!(%error, "no sound came"),
        }
    }
}
