//! [`Heard`]: which advertised prefixes hold.

use tokio::time::Instant;

use super::notice::Notice;
use crate::nat64::Prefix;

/// What was heard and still holds, in the order in which it was first heard.
#[derive(Debug, Default)]
pub(super) struct Heard(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    interface: i32,
    prefix: Prefix,
    end: Instant,
}

impl Heard {
    /// An interface that lost its network takes along what was heard there.
    pub(super) fn handle(&mut self, now: Instant, notice: Notice) {
        match notice {
            Notice::Gone { interface } => self.0.retain(|e| e.interface != interface),
            Notice::Prefix {
                interface,
                prefix,
                lifetime,
            } => {
                let end = now + lifetime;
                let same = |e: &&mut Entry| e.interface == interface && e.prefix == prefix;
                match self.0.iter_mut().find(same) {
                    Some(known) => known.end = end,
                    None => self.0.push(Entry {
                        interface,
                        prefix,
                        end,
                    }),
                }
            }
        }
    }

    /// The one to use: of a length that the node synthesises with, if there is one.
    pub(super) fn current(&mut self, now: Instant) -> Option<Prefix> {
        self.0.retain(|e| e.end > now);
        let prefixes = || self.0.iter().map(|e| e.prefix);
        let usable = prefixes().find(|p| p.of_96_bits().is_some());
        usable.or_else(|| prefixes().next())
    }

    /// When the next one ends.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.0.iter().map(|e| e.end).min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn prefix(addr: &str, len: u8) -> Prefix {
        let addr = addr.parse().unwrap();
        Prefix { addr, len }
    }

    fn told(interface: i32, prefix: Prefix, seconds: u64) -> Notice {
        Notice::Prefix {
            interface,
            prefix,
            lifetime: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn a_prefix_holds_for_its_lifetime_or_until_it_is_taken_back() {
        let (mut heard, now) = (Heard::default(), Instant::now());
        let ours = prefix("64:ff9b::", 96);
        heard.handle(now, told(2, ours, 600));
        assert_eq!(heard.current(now), Some(ours));
        assert_eq!(heard.next_end(), Some(now + Duration::from_secs(600)));
        heard.handle(now, told(2, ours, 1200));
        assert_eq!(heard.current(now + Duration::from_secs(600)), Some(ours));
        assert_eq!(heard.current(now + Duration::from_secs(1200)), None);
        heard.handle(now, told(2, ours, 600));
        heard.handle(now, told(2, ours, 0));
        assert_eq!(heard.current(now), None);
    }

    #[test]
    fn an_interface_without_a_network_forgets_what_it_heard_and_no_other_does() {
        let (mut heard, now) = (Heard::default(), Instant::now());
        let (one, other) = (prefix("64:ff9b::", 96), prefix("2001:db8:64::", 96));
        heard.handle(now, told(2, one, 600));
        heard.handle(now, told(3, other, 600));
        heard.handle(now, Notice::Gone { interface: 2 });
        assert_eq!(heard.current(now), Some(other));
    }

    #[test]
    fn a_length_that_the_node_can_use_goes_first() {
        let (mut heard, now) = (Heard::default(), Instant::now());
        let (short, whole) = (prefix("2001:db8::", 48), prefix("64:ff9b::", 96));
        heard.handle(now, told(2, short, 600));
        assert_eq!(heard.current(now), Some(short));
        heard.handle(now, told(2, whole, 600));
        assert_eq!(heard.current(now), Some(whole));
    }
}
