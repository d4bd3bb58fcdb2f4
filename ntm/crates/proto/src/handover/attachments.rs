//! To which networks both ends of a tunnel are attached, each by the number that its own end gave it (rule 13).
//!
//! What an end was attached to when the tunnel was set up has the number 0. Each network after that gets the next one,
//! but none that is more than [`WINDOW`] - 1 above the highest that the peer is known to have heard of: so nobody
//! sends under an id that the other end does not look for yet.

use std::collections::BTreeSet;

use super::locals::{Attachment, Locals};

/// A receiver looks for the newest number it was told, and for those that may follow: four in all.
pub(crate) const WINDOW: u16 = 4;
/// Networks that are gone are kept, for what is under way to them and for a peer who knows no later one.
const KEPT: usize = 4;

/// This end's attachments and what is known of the peer's.
#[derive(Debug)]
pub(crate) struct Numbers {
    /// In the order in which they came.
    own: Vec<Own>,
    newest: u16,
    /// The highest of this end's that the peer has heard of.
    heard: u16,
    /// The highest that the peer has told.
    peer: u16,
}

#[derive(Clone, Copy, Debug)]
struct Own {
    attachment: Attachment,
    number: u16,
    is_gone: bool,
}

impl Numbers {
    /// Of a tunnel that begins now.
    pub(crate) fn new(locals: &Locals) -> Self {
        let mut new = Self {
            own: Vec::new(),
            newest: 0,
            heard: 0,
            peer: 0,
        };
        locals.attachments().for_each(|a| new.add(a));
        new
    }

    fn add(&mut self, attachment: Attachment) {
        if self.number(attachment).is_none() {
            self.own.push(Own {
                attachment,
                number: self.newest,
                is_gone: false,
            });
        }
    }

    /// This end's addresses are others now.
    pub(crate) fn handle_change(&mut self, locals: &Locals) {
        let present: BTreeSet<Attachment> = locals.attachments().collect();
        for own in &mut self.own {
            own.is_gone = !present.contains(&own.attachment);
        }
        for attachment in present {
            if self.number(attachment).is_none() {
                self.newest = self.next();
                let newest = self.newest;
                self.own.retain(|o| !o.is_gone || o.number != newest);
                self.add(attachment);
            }
        }
        self.forget_old();
    }

    fn next(&self) -> u16 {
        let most = self.heard.saturating_add(WINDOW - 1);
        self.newest.saturating_add(1).min(most).max(self.newest)
    }

    fn forget_old(&mut self) {
        let gone = self.own.iter().filter(|o| o.is_gone).count();
        let mut too_many = gone.saturating_sub(KEPT);
        self.own.retain(|o| {
            let goes = o.is_gone && too_many > 0;
            too_many -= usize::from(goes);
            !goes
        });
    }

    /// The number of an attachment, if it is or was of late one of this end's.
    pub(crate) fn number(&self, attachment: Attachment) -> Option<u16> {
        let mut own = self.own.iter();
        own.find(|o| o.attachment == attachment).map(|o| o.number)
    }

    /// The newest of this end's.
    pub(crate) fn newest(&self) -> u16 {
        self.newest
    }

    /// Those of this end that something may come for.
    pub(crate) fn own(&self) -> BTreeSet<u16> {
        self.own
            .iter()
            .map(|o| o.number)
            .chain([self.newest])
            .collect()
    }

    /// The peer has heard of this end's attachments up to this one.
    pub(crate) fn peer_heard(&mut self, number: u16) {
        self.heard = self.heard.max(number.min(self.newest));
    }

    /// The peer tells its newest; true when that is news.
    pub(crate) fn peer_tells(&mut self, number: u16) -> bool {
        let is_news = number > self.peer;
        self.peer = self.peer.max(number);
        is_news
    }

    /// The newest of the peer's that is known.
    pub(crate) fn peer(&self) -> u16 {
        self.peer
    }

    /// Those of the peer that something may come from, beside the ones that its ways are known by.
    pub(crate) fn peer_window(&self) -> impl Iterator<Item = u16> {
        self.peer..=self.peer.saturating_add(WINDOW - 1)
    }
}

#[cfg(test)]
mod tests {
    use ntm_wire::addr::RealAddr;
    use ntm_wire::id::InterfaceId;

    use super::*;
    use crate::config::LocalAddr;

    /// A laptop that is carried through networks, with one interface.
    struct Laptop {
        locals: Locals,
        numbers: Numbers,
    }

    impl Laptop {
        fn new() -> Self {
            let mut locals = Locals::default();
            go(&mut locals, &[1]);
            let numbers = Numbers::new(&locals);
            Self { locals, numbers }
        }

        fn go(&mut self, networks: &[u8]) {
            go(&mut self.locals, networks);
            self.numbers.handle_change(&self.locals);
        }

        /// The number of the newest attachment there is.
        fn number(&self) -> u16 {
            let newest = self.locals.attachments().max().unwrap();
            self.numbers.number(newest).unwrap()
        }
    }

    fn go(locals: &mut Locals, networks: &[u8]) {
        let local = |n: &u8| LocalAddr {
            interface: InterfaceId((*n).into()),
            addr: RealAddr(([10, 0, *n, 2], 7).into()),
            attachment: 0,
        };
        let all: Vec<LocalAddr> = networks.iter().map(local).collect();
        let mut new = Locals::new(&all);
        let change = locals.change_to(&new);
        new.attach(locals, &change);
        *locals = new;
    }

    #[test]
    fn each_network_has_its_own_number_as_long_as_the_peer_hears() {
        let mut laptop = Laptop::new();
        assert_eq!(laptop.number(), 0);
        for n in 1..=100 {
            laptop.go(&[if n % 2 == 0 { 1 } else { 2 }]);
            assert_eq!(laptop.number(), n);
            laptop.numbers.peer_heard(n);
        }
    }

    #[test]
    fn who_moves_on_unheard_stays_in_the_window_of_a_peer_that_has_heard_of_none() {
        let mut laptop = Laptop::new();
        for n in 1..=10 {
            laptop.go(&[n + 1]);
            assert_eq!(laptop.number(), u16::from(n).min(3));
        }
        laptop.numbers.peer_heard(3);
        laptop.go(&[50]);
        assert_eq!(laptop.number(), 4, "the peer hears again");
    }

    #[test]
    fn a_peer_can_not_have_heard_of_what_does_not_exist() {
        let mut laptop = Laptop::new();
        laptop.numbers.peer_heard(1000);
        for n in 1..=10 {
            laptop.go(&[n + 1]);
        }
        assert_eq!(laptop.number(), 3);
    }

    #[test]
    fn an_interface_that_stays_keeps_its_number_however_often_another_comes_and_goes() {
        let mut laptop = Laptop::new();
        for n in 1..=20 {
            laptop.go(&[1, 2]);
            laptop.numbers.peer_heard(n);
            laptop.go(&[1]);
        }
        assert_eq!(laptop.number(), 0);
        assert_eq!(
            laptop.numbers.own().into_iter().collect::<Vec<_>>(),
            [0, 17, 18, 19, 20]
        );
    }

    #[test]
    fn of_the_peer_the_newest_that_it_told_and_three_more_are_looked_for() {
        let mut numbers = Laptop::new().numbers;
        assert!(numbers.peer_tells(7));
        assert!(!numbers.peer_tells(6), "it was told before, and comes late");
        assert_eq!(numbers.peer_window().collect::<Vec<_>>(), [7, 8, 9, 10]);
    }
}
