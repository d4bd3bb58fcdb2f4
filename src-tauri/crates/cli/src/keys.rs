//! What a person presses: single keys of a terminal, or lines of a script.

use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};
use tokio::sync::mpsc;

/// How soon the thread that reads a terminal sees that nobody wants its keys any more.
const GLANCE: Duration = Duration::from_millis(200);
/// What a text may be long (`voice-call` refuses longer ones).
const LONGEST: usize = 600;

/// What it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Enter,
    Letter(char),
    /// Write this to the other side.
    Text(String),
    /// Ctrl-C where the terminal gives it as a key.
    Stop,
    /// Nothing but what is seen changed.
    Look,
    /// Time passed.
    Tick,
}

/// Where keys come from.
#[derive(Debug)]
pub(crate) enum Keys {
    /// Lines of standard input; a script's that is closed says nothing.
    Lines(Option<Lines<BufReader<Stdin>>>),
    /// A terminal in raw mode.
    Terminal(Terminal),
}

/// A terminal's keys, and the text that is being written.
#[derive(Debug)]
pub(crate) struct Terminal {
    events: mpsc::UnboundedReceiver<Event>,
    typing: Typing,
}

impl Keys {
    pub(crate) fn lines() -> Self {
        Self::Lines(Some(BufReader::new(tokio::io::stdin()).lines()))
    }

    pub(crate) fn terminal() -> Self {
        let (told, events) = mpsc::unbounded_channel();
        std::thread::spawn(move || read(&told));
        Self::Terminal(Terminal {
            events,
            typing: Typing::default(),
        })
    }

    pub(crate) async fn next(&mut self) -> Key {
        match self {
            Self::Lines(lines) => {
                if let Some(open) = lines {
                    if let Ok(Some(line)) = open.next_line().await {
                        return of_line(&line);
                    }
                    *lines = None;
                }
                std::future::pending().await
            }
            Self::Terminal(terminal) => terminal.next().await,
        }
    }

    /// The text that is being written.
    pub(crate) fn typing(&self) -> Option<&str> {
        match self {
            Self::Lines(_) => None,
            Self::Terminal(terminal) => terminal.typing.0.as_deref(),
        }
    }
}

impl Terminal {
    async fn next(&mut self) -> Key {
        match self.events.recv().await {
            Some(Event::Key(key)) if key.kind != KeyEventKind::Release => self.typing.handle(key),
            Some(_) => Key::Look,
            None => std::future::pending().await,
        }
    }
}

fn read(told: &mpsc::UnboundedSender<Event>) {
    while !told.is_closed() {
        match event::poll(GLANCE) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(_) => return,
        }
        let Ok(event) = event::read() else { return };
        if told.send(event).is_err() {
            return;
        }
    }
}

/// A line: its first letter, or a text after `t`.
fn of_line(line: &str) -> Key {
    let line = line.trim();
    if let Some(text) = line.strip_prefix("t ").map(str::trim) {
        return Key::Text(text.to_owned());
    }
    line.chars().next().map_or(Key::Enter, Key::Letter)
}

/// A text that is being written; none while keys are orders.
#[derive(Debug, Default)]
struct Typing(Option<String>);

impl Typing {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "keyboards have more keys than this needs"
    )]
    fn handle(&mut self, key: KeyEvent) -> Key {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && matches!(key.code, KeyCode::Char('c' | 'd')) {
            return Key::Stop;
        }
        match self.0.as_mut() {
            Some(text) => match key.code {
                KeyCode::Enter => return self.done(),
                KeyCode::Esc => self.0 = None,
                KeyCode::Backspace => drop(text.pop()),
                KeyCode::Char(c) if !control && text.len() + c.len_utf8() <= LONGEST => {
                    text.push(c)
                }
                _ => {}
            },
            None => match key.code {
                KeyCode::Enter => return Key::Enter,
                KeyCode::Char('t') => self.0 = Some(String::new()),
                KeyCode::Char(c) if !control => return Key::Letter(c),
                _ => {}
            },
        }
        Key::Look
    }

    fn done(&mut self) -> Key {
        let text = self.0.take().unwrap_or_default();
        if text.trim().is_empty() {
            return Key::Look;
        }
        Key::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(typing: &mut Typing, code: KeyCode) -> Key {
        typing.handle(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn while_a_text_is_written_its_letters_are_no_orders() {
        let mut typing = Typing::default();
        assert_eq!(press(&mut typing, KeyCode::Char('q')), Key::Letter('q'));
        press(&mut typing, KeyCode::Char('t'));
        for c in "quiy".chars() {
            assert_eq!(press(&mut typing, KeyCode::Char(c)), Key::Look);
        }
        press(&mut typing, KeyCode::Backspace);
        assert_eq!(
            press(&mut typing, KeyCode::Enter),
            Key::Text("qui".to_owned())
        );
        assert_eq!(press(&mut typing, KeyCode::Char('h')), Key::Letter('h'));
    }

    #[test]
    fn a_text_is_given_up_by_escape_and_an_empty_one_is_not_sent() {
        let mut typing = Typing::default();
        press(&mut typing, KeyCode::Char('t'));
        press(&mut typing, KeyCode::Char('a'));
        press(&mut typing, KeyCode::Esc);
        assert_eq!(press(&mut typing, KeyCode::Enter), Key::Enter);
        press(&mut typing, KeyCode::Char('t'));
        assert_eq!(press(&mut typing, KeyCode::Enter), Key::Look);
    }

    #[test]
    fn ctrl_c_stops_whatever_is_written() {
        let mut typing = Typing(Some("half".to_owned()));
        let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(typing.handle(key), Key::Stop);
    }

    #[test]
    fn a_line_is_a_letter_or_a_text() {
        assert_eq!(of_line(""), Key::Enter);
        assert_eq!(of_line(" mute\n"), Key::Letter('m'));
        assert_eq!(of_line("t see you"), Key::Text("see you".to_owned()));
    }
}
