//! The [`Board`] as a picture.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};
use voice_app::view::{CallState, PathKind, PathState, PathView, RouteView, StatsView};

use super::board::{Board, minutes};
use crate::show::printable;

/// The whole screen.
pub(super) fn all(frame: &mut Frame<'_>, board: &Board, now_ms: u64) {
    let ways = board.picture.as_ref().map_or(0, |p| p.paths.len());
    let [head, call, paths, moves, news, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(6),
        Constraint::Length(rows(ways, 6)),
        Constraint::Length(rows(board.handovers.len(), 6)),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(line(title(board)), head);
    boxed(frame, call, &heading(board, now_ms), state(board));
    boxed(frame, paths, "Ways", path_lines(board));
    boxed(frame, moves, "Hand-overs", board.handovers.clone());
    boxed(frame, news, "News", latest(&board.news, news));
    frame.render_widget(line(keys(board)), foot);
}

/// Lines in a box, one at least.
fn rows(lines: usize, most: usize) -> u16 {
    u16::try_from(lines.clamp(1, most) + 2).unwrap_or(3)
}

fn line(text: String) -> Paragraph<'static> {
    Paragraph::new(text).style(Style::new().add_modifier(Modifier::BOLD))
}

fn boxed(frame: &mut Frame<'_>, area: Rect, title: &str, lines: Vec<String>) {
    let block = Block::bordered().title(format!(" {title} "));
    let lines: Vec<Line<'_>> = lines.into_iter().map(Line::from).collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn latest(news: &[String], area: Rect) -> Vec<String> {
    let fit = usize::from(area.height.saturating_sub(2));
    news[news.len().saturating_sub(fit)..].to_vec()
}

fn title(board: &Board) -> String {
    let online = if board.is_offline {
        "the servers don't answer; calls under way go on"
    } else {
        "on the air"
    };
    format!(" Legato   {}   {online}", board.me)
}

fn heading(board: &Board, now_ms: u64) -> String {
    let Some(call) = &board.call else {
        return "No call".to_owned();
    };
    let with = match &call.device {
        Some(device) => format!("{} ({device})", call.with),
        None => call.with.clone(),
    };
    let state = match call.state {
        CallState::Calling => "calling",
        CallState::RingingThere => "it rings there",
        CallState::RingingHere => "calls you",
        CallState::Held if call.held_there => "holds the line",
        CallState::Held => "on hold",
        CallState::Talking => "talking",
        CallState::Ended => "over",
    };
    let since = call.answered_ms.map_or_else(String::new, |at| {
        format!(" {}", minutes(now_ms.saturating_sub(at) / 1000))
    });
    format!("{with}: {state}{since}")
}

fn state(board: &Board) -> Vec<String> {
    let Some(call) = &board.call else {
        return vec!["You can be called.".to_owned()];
    };
    let route = call.route.as_ref();
    let mut route = route.map_or_else(String::new, RouteView::words);
    if call.outage_ms > 0 {
        route = format!(
            "nothing heard for {:.1} s: looking for another way",
            call.outage_ms as f64 / 1000.0
        );
    }
    let mut marks = Vec::new();
    marks.extend(call.muted.then_some("muted"));
    marks.extend(board.recording.then_some("recording"));
    let (microphone, ear) = board.levels.unwrap_or((-120.0, -120.0));
    let figures = board.statistics.as_ref().map(figures).unwrap_or_default();
    let mut lines = vec![
        route,
        format!(
            "you {}  them {}  {}",
            bar(microphone),
            bar(ear),
            marks.join(", ")
        ),
    ];
    lines.extend(figures);
    lines
}

/// Statistics in plain words.
fn figures(s: &StatsView) -> Vec<String> {
    let trip = s.round_trip_ms;
    let trip = trip.map_or_else(
        || "delay not known yet".to_owned(),
        |ms| format!("{ms} ms there and back"),
    );
    let lost = match s.lost_speech_ms {
        0 => "nothing of what they said was lost".to_owned(),
        ms => format!("{ms} ms of what they said was lost"),
    };
    vec![
        format!(
            "sounds {}, {trip}, {:.1} % of packets lost, {} kbit/s",
            s.quality.unwrap_or("-"),
            s.loss * 100.0,
            s.bitrate / 1000
        ),
        format!("{lost}; {} packets were sent again", s.backfilled),
    ]
}

/// Sixteen steps from -60 dBFS to 0.
fn bar(dbfs: f32) -> String {
    let steps = ((dbfs + 60.0) / 3.75).clamp(0.0, 16.0) as usize;
    format!("{}{}", "█".repeat(steps), "░".repeat(16 - steps))
}

fn path_lines(board: &Board) -> Vec<String> {
    let paths = board.picture.iter().flat_map(|p| &p.paths);
    let lines: Vec<String> = paths.map(path).collect();
    if lines.is_empty() {
        return vec!["none yet".to_owned()];
    }
    lines
}

fn path(p: &PathView) -> String {
    let (mark, state) = match p.state {
        PathState::InUse => ('>', "in use"),
        PathState::Standby => (' ', "stands by"),
        PathState::Probing => (' ', "is tried"),
        PathState::Dead => (' ', "dead"),
    };
    let kind = match p.kind {
        PathKind::Direct => "direct",
        PathKind::Relay => "relay",
    };
    let trip = p
        .rtt_ms
        .map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0} ms"));
    let loss = p
        .loss
        .map_or_else(|| "-".to_owned(), |l| format!("{:.1} %", l * 100.0));
    let card = if p.interface.is_empty() {
        "-"
    } else {
        &p.interface
    };
    format!(
        "{mark} {card:10} {kind:6} {:4} {trip:>8} {loss:>8}  {state:9}  {}",
        p.family, p.remote
    )
}

fn keys(board: &Board) -> String {
    if let Some(text) = &board.typing {
        return format!(" text: {}_   (Enter sends, Esc does not)", printable(text));
    }
    let keys = match board.call.as_ref().map(|c| c.state) {
        Some(CallState::RingingHere) => "Enter take it   d decline",
        Some(CallState::Calling | CallState::RingingThere) => "q give up",
        Some(_) => "m mute   h hold   r record   t text   q hang up",
        None => "Ctrl-C end",
    };
    format!(" {keys}")
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn screen(board: &Board, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|f| all(f, board, 0)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn every_way_is_shown_with_its_delay_and_loss() {
        let way = |interface: &str, state| PathView {
            interface: interface.to_owned(),
            local: String::new(),
            remote: "203.0.113.9:4242".to_owned(),
            kind: PathKind::Direct,
            relay: None,
            family: "IPv4".to_owned(),
            rtt_ms: Some(23.4),
            loss: Some(0.015),
            heard_ms_ago: None,
            state,
        };
        assert_eq!(
            path(&way("wlan0", PathState::InUse)),
            "> wlan0      direct IPv4    23 ms    1.5 %  in use     203.0.113.9:4242"
        );
        assert!(path(&way("", PathState::Dead)).starts_with("  -  "));
    }

    #[test]
    fn a_screen_of_any_size_can_be_drawn() {
        let mut board = Board::default();
        board.say("hello".to_owned());
        for (width, height) in [(80, 24), (20, 5), (1, 1), (300, 100)] {
            screen(&board, width, height);
        }
        assert!(screen(&board, 80, 24).contains("hello"));
    }

    #[test]
    fn what_is_written_stands_in_the_place_of_the_keys() {
        let board = Board {
            typing: Some("see you".to_owned()),
            ..Board::default()
        };
        assert!(screen(&board, 80, 24).contains("text: see you_"));
    }
}
