//! Answers for machines: a thread that decodes what each caller says and says it back to them.
//!
//! It is decoded and encoded anew, not passed on: each direction is then a stream of its own, with its own
//! recovery, and a person hears what the other end of a call would have heard.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use voice_call::RtpSocket;
use voice_call::sdp::Media;
use voice_media::{BLOCK, Engine};

use crate::error::{AppError, Code};
use crate::media;

const STEP: Duration = Duration::from_millis(10);
/// A thread that was held up catches up with so many steps; the rest is left out.
const MOST_BEHIND: u32 = 20;
/// What was heard is said so much later, so that people tell it from an echo of their own room.
const DELAY_BLOCKS: usize = 50;

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub struct Echo {
    calls: mpsc::Sender<Order>,
}

enum Order {
    Begin(u64, Box<Talk>),
    End(u64),
}

struct Talk {
    socket: RtpSocket,
    engine: Engine,
    began: Instant,
    said: VecDeque<[f32; BLOCK]>,
}

impl Echo {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Code::System`].
    pub fn start() -> Result<Self, AppError> {
        let (calls, orders) = mpsc::channel();
        thread::Builder::new()
            .name("echo".to_owned())
            .spawn(move || run(&orders))
            .map_err(|e| AppError::new(Code::System, e))?;
        Ok(Self { calls })
    }

    /// Answers a call from now on.
    ///
    /// # Errors
    /// As [`media::engine`].
    pub fn begin(&self, call: u64, media: &Media, socket: RtpSocket) -> Result<(), AppError> {
        let talk = Talk {
            socket,
            engine: media::engine(media)?,
            began: Instant::now(),
            said: VecDeque::from(vec![[0.0; BLOCK]; DELAY_BLOCKS]),
        };
        let _ = self.calls.send(Order::Begin(call, Box::new(talk)));
        Ok(())
    }

    /// The call is over.
    pub fn end(&self, call: u64) {
        let _ = self.calls.send(Order::End(call));
    }
}

fn run(orders: &mpsc::Receiver<Order>) {
    let mut talks: Vec<(u64, Box<Talk>)> = Vec::new();
    let mut next = Instant::now();
    loop {
        if !take_orders(orders, &mut talks) {
            return;
        }
        talks.retain_mut(|(_, talk)| talk.step());
        next = (next + STEP).max(
            Instant::now()
                .checked_sub(STEP * MOST_BEHIND)
                .unwrap_or(next),
        );
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// Waits while there is nobody to answer; false at the end.
fn take_orders(orders: &mpsc::Receiver<Order>, talks: &mut Vec<(u64, Box<Talk>)>) -> bool {
    loop {
        let order = if talks.is_empty() {
            orders.recv().map_err(|_| mpsc::TryRecvError::Disconnected)
        } else {
            orders.try_recv()
        };
        match order {
            Ok(Order::Begin(call, talk)) => talks.push((call, talk)),
            Ok(Order::End(call)) => talks.retain(|(c, _)| *c != call),
            Err(mpsc::TryRecvError::Empty) => return true,
            Err(mpsc::TryRecvError::Disconnected) => return false,
        }
    }
}

impl Talk {
    /// Ten milliseconds; false when the call is over.
    fn step(&mut self) -> bool {
        let now = self.began.elapsed();
        if !self.hear(now) {
            return false;
        }
        if self.engine.poll_timeout().is_some_and(|at| at <= now) {
            self.engine.handle_timeout(now);
        }
        let mut block = [0.0; BLOCK];
        self.engine.play(now, &mut block);
        self.said.push_back(block);
        if let Some(block) = self.said.pop_front() {
            self.engine.handle_capture(now, &block);
        }
        while let Some(datagram) = self.engine.poll_transmit() {
            let _ = self.socket.try_send(&datagram.bytes);
        }
        while self.engine.poll_event().is_some() {}
        true
    }

    fn hear(&mut self, now: Duration) -> bool {
        let mut buffer = [0; 2048];
        loop {
            match self.socket.try_recv(&mut buffer) {
                Ok(len) => self.engine.handle_datagram(now, &buffer[..len]),
                Err(error) => return error.kind() != ErrorKind::NotConnected,
            }
        }
    }
}
