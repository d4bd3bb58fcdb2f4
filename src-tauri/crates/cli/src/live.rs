//! A call on one screen of a terminal: its route, every way with delay and loss, levels, hand-overs, figures.

use std::io::{self, IsTerminal as _};
use std::time::{SystemTime, UNIX_EPOCH};

use ratatui::DefaultTerminal;
use voice_app::AppEvent;

use crate::show;

mod board;
mod draw;

use board::Board;

/// The screen, while it is ours; what was there before comes back when this is dropped.
#[derive(Debug)]
pub(crate) struct Live {
    terminal: DefaultTerminal,
    board: Board,
}

impl Live {
    /// Takes the screen, where there is one to look at and keys to press.
    pub(crate) fn begin() -> Option<Self> {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return None;
        }
        let terminal = ratatui::try_init().ok()?;
        Some(Self {
            terminal,
            board: Board::default(),
        })
    }

    /// Something happened.
    pub(crate) fn show(&mut self, event: &AppEvent) {
        self.board.handle(event);
    }

    /// A line of news.
    pub(crate) fn say(&mut self, text: &str) {
        self.board.say(text.to_owned());
    }

    /// What is being written, and whether the calls are recorded.
    pub(crate) fn set(&mut self, typing: Option<&str>, recording: bool) {
        self.board.typing = typing.map(str::to_owned);
        self.board.recording = recording;
    }

    /// Draws it as it is now.
    pub(crate) fn draw(&mut self) {
        let (board, now) = (&self.board, now_ms());
        // A terminal that went away ends the program by its own signal.
        let _ = self.terminal.draw(|frame| draw::all(frame, board, now));
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        ratatui::restore();
        for line in &self.board.news {
            show::line(false, line);
        }
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}
