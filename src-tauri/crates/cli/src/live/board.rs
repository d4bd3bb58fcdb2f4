//! [`Board`]: what the screen shows, gathered from events.

use voice_app::AppEvent;
use voice_app::view::{CallState, CallView, HandoverView, RoutePicture, RouteView, StatsView};

use crate::show;
use crate::who::Who;

/// Hand-overs that are shown.
const HANDOVERS: usize = 6;
/// News that are remembered.
const NEWS: usize = 100;

/// Everything there is to see.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(super) me: String,
    pub(super) is_offline: bool,
    /// The latest call that is not over.
    pub(super) call: Option<CallView>,
    pub(super) picture: Option<RoutePicture>,
    pub(super) statistics: Option<StatsView>,
    /// Microphone and ear, dBFS.
    pub(super) levels: Option<(f32, f32)>,
    pub(super) handovers: Vec<String>,
    pub(super) news: Vec<String>,
    pub(super) typing: Option<String>,
    pub(super) recording: bool,
    pub(super) who: Who,
}

impl Board {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the rest is words, or for a window"
    )]
    pub(super) fn handle(&mut self, event: &AppEvent) {
        match event {
            AppEvent::Registered { me } => {
                self.me.clone_from(me);
                self.is_offline = false;
            }
            AppEvent::ServersLost => self.is_offline = true,
            AppEvent::Call(call) => self.call(call),
            AppEvent::Statistics { statistics, .. } => self.statistics = Some(statistics.clone()),
            AppEvent::Levels {
                microphone, ear, ..
            } => self.levels = Some((*microphone, *ear)),
            AppEvent::Handover { handover, .. } => self.handover(handover),
            AppEvent::Route { picture } => self.picture = Some((**picture).clone()),
            AppEvent::Contacts { contacts } => {
                let news = self.who.news(contacts);
                news.into_iter().for_each(|n| self.say(n));
            }
            _ => {}
        }
        if let Some(words) = show::words_of(event) {
            self.say(words);
        }
    }

    pub(super) fn say(&mut self, text: String) {
        self.news.push(text);
        let old = self.news.len().saturating_sub(NEWS);
        self.news.drain(..old);
    }

    fn call(&mut self, call: &CallView) {
        let known = self.call.as_ref().filter(|c| c.id == call.id);
        let is_news = known.is_none_or(|c| c.state != call.state || c.device != call.device);
        let is_known = known.is_some();
        if is_news {
            self.say(show::words(call));
        }
        if !is_known && call.state != CallState::Ended {
            (self.picture, self.statistics) = (None, None);
            self.handovers.clear();
        }
        if call.state != CallState::Ended {
            self.call = Some(call.clone());
        } else if is_known {
            self.call = None;
        }
    }

    fn handover(&mut self, handover: &HandoverView) {
        let began = self.call.as_ref().and_then(|c| c.answered_ms);
        let into = began.map(|b| handover.at_ms.saturating_sub(b) / 1000);
        self.handovers.push(time_line(handover, into));
        let old = self.handovers.len().saturating_sub(HANDOVERS);
        self.handovers.drain(..old);
    }
}

/// `0:12 the network changed: wlan0 > wwan0, direct, IPv4; asked 1, answered 52, heard 60, servers 110 ms`
fn time_line(h: &HandoverView, into: Option<u64>) -> String {
    let at = into.map_or_else(String::new, minutes);
    let cards = match (&h.old_interface, &h.new_interface) {
        (Some(old), Some(new)) if old != new => format!("{old} > {new}, "),
        (None, None) => String::new(),
        (_, Some(new)) => format!("{new}, "),
        (Some(old), None) => format!("from {old}, "),
    };
    let to = h.new.as_ref();
    let to = to.map_or_else(|| "nowhere yet".to_owned(), RouteView::words);
    let phases = [
        ("asked", h.probe_sent_ms),
        ("answered", h.peer_answered_ms),
        ("heard", h.data_resumed_ms),
        ("servers", h.dc_updated_ms),
    ];
    let phases = phases.into_iter();
    let phases = phases.filter_map(|(name, ms)| ms.map(|ms| format!("{name} {ms:.0}")));
    let phases: Vec<_> = phases.collect();
    format!("{at:>5} {}: {cards}{to}; {} ms", h.why(), phases.join(", "))
}

/// `1:05`.
pub(super) fn minutes(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_over_is_a_time_line_with_the_phases_that_are_known() {
        let handover = HandoverView {
            at_ms: 0,
            reason: "address_gone",
            old: None,
            new: Some(RouteView::Direct {
                remote: "203.0.113.9:4242".to_owned(),
            }),
            probe_sent_ms: Some(0.6),
            peer_answered_ms: Some(52.1),
            data_resumed_ms: None,
            dc_updated_ms: Some(110.0),
            old_interface: Some("wlan0".to_owned()),
            new_interface: Some("wwan0".to_owned()),
            lost_packets: None,
        };
        assert_eq!(
            time_line(&handover, Some(72)),
            " 1:12 the network changed: wlan0 > wwan0, direct, IPv4; asked 1, answered 52, servers 110 ms"
        );
    }

    #[test]
    fn news_of_a_long_day_are_bounded() {
        let mut board = Board::default();
        (0..1000).for_each(|n| board.say(n.to_string()));
        assert_eq!(board.news.len(), NEWS);
        assert_eq!(board.news.last().map(String::as_str), Some("999"));
    }
}
