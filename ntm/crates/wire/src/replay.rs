//! The replay window: which counters of a session were seen already.

/// How far behind the newest counter a packet may come.
pub const WINDOW: u64 = 4096;
const WORDS: usize = (WINDOW / 64) as usize;

/// A sliding window over 64-bit counters (RFC 6479: a ring of words, no shifting).
#[derive(Clone, Debug)]
pub struct ReplayWindow {
    next: u64,
    words: [u64; WORDS],
}

impl Default for ReplayWindow {
    fn default() -> Self {
        Self {
            next: 0,
            words: [0; WORDS],
        }
    }
}

impl ReplayWindow {
    /// Whether `counter` is new. Ask before opening; [`Self::mark`] after the seal held.
    pub fn is_fresh(&self, counter: u64) -> bool {
        if counter >= self.next {
            return counter != u64::MAX;
        }
        // One word is always being refilled, so the usable window is one word shorter.
        self.next - counter <= WINDOW - 64 && self.words[word(counter)] & bit(counter) == 0
    }

    /// Marks an authenticated counter as seen; one that is not fresh changes nothing.
    pub fn mark(&mut self, counter: u64) {
        if !self.is_fresh(counter) {
            return;
        }
        if counter >= self.next {
            self.advance(counter);
        }
        self.words[word(counter)] |= bit(counter);
    }

    /// The lowest counter not yet passed: one above the newest seen.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Of the `span` counters below the newest `late` ones, how many never came, and of how many: fewer in a
    /// session's beginning. Of what is out of the window nothing is known.
    pub fn missing(&self, late: u64, span: u64) -> (u64, u64) {
        let end = self.next.saturating_sub(late);
        let lowest = self.next.saturating_sub(WINDOW - 64);
        let counters = end.saturating_sub(span).max(lowest)..end;
        let of = end.saturating_sub(counters.start);
        let missing = counters.filter(|c| self.words[word(*c)] & bit(*c) == 0);
        (missing.count() as u64, of)
    }

    fn advance(&mut self, counter: u64) {
        let first_new = self.next.div_ceil(64);
        let last = counter / 64;
        let clear = (last + 1).saturating_sub(first_new).min(WORDS as u64);
        for w in 0..clear {
            self.words[word((last - w) * 64)] = 0;
        }
        self.next = counter + 1;
    }
}

fn word(counter: u64) -> usize {
    ((counter / 64) % WORDS as u64) as usize
}

fn bit(counter: u64) -> u64 {
    1 << (counter % 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_never_came_is_counted_but_not_among_the_newest() {
        let mut window = ReplayWindow::default();
        assert_eq!(window.missing(16, 256), (0, 0), "nothing is known yet");
        for counter in (0..1000).filter(|c| c % 10 != 7) {
            window.mark(counter);
        }
        assert_eq!(window.missing(0, 1000), (100, 1000));
        assert_eq!(window.missing(16, 200), (20, 200));
        window.mark(1200);
        assert_eq!(window.missing(1, 200), (200, 200));
        assert_eq!(window.missing(1, 9000), (300, 1200));
    }

    #[test]
    fn each_counter_passes_once_and_old_ones_never() {
        let mut window = ReplayWindow::default();
        for counter in [0, 1, 5, 3, 4000, 64, 100_000] {
            assert!(window.is_fresh(counter), "{counter} is new");
            window.mark(counter);
            assert!(!window.is_fresh(counter), "{counter} was seen");
        }
        assert!(!window.is_fresh(4000), "far behind the window");
        assert!(
            window.is_fresh(100_000 - 2048),
            "2,048 behind must still pass"
        );
    }

    #[test]
    fn the_window_agrees_with_a_set_over_a_pseudo_random_walk() {
        let (mut window, mut seen, mut x) = (ReplayWindow::default(), BTreeSet::new(), 1u64);
        let mut top = 0u64;
        for _ in 0..200_000 {
            x = x
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let counter = (top + (x >> 33) % 300).saturating_sub((x >> 50) % 2500);
            if top.saturating_sub(counter) < WINDOW - 64 {
                assert_eq!(
                    window.is_fresh(counter),
                    !seen.contains(&counter),
                    "counter {counter} top {top}"
                );
            }
            if window.is_fresh(counter) {
                window.mark(counter);
                seen.insert(counter);
                top = top.max(counter);
            }
        }
    }
}
