//! The replay window: once each, never far behind, and at least 2,048 wide.

use std::collections::BTreeSet;

use ntm_wire::replay::{ReplayWindow, WINDOW};
use proptest::collection::vec;
use proptest::prelude::*;

/// What every session may rely on.
const PROMISED: u64 = 2048;
/// A whole window less the word that is being refilled.
const USABLE: u64 = WINDOW - 64;

const _: () = assert!(USABLE >= PROMISED);

proptest! {
    /// Against the plainest model there is: the set of all counters seen.
    #[test]
    fn the_window_is_a_set_with_a_lower_edge(
        start in 0..u64::MAX / 2,
        steps in vec((0..3u8, 0..3 * WINDOW), 1..400),
    ) {
        let (mut window, mut seen, mut next) = (ReplayWindow::default(), BTreeSet::new(), 0u64);
        for (kind, amount) in steps {
            let counter = match kind {
                0 => next.saturating_sub(amount),
                1 => next + amount % 5,
                _ if next == 0 => start,
                _ => next + amount,
            };
            let inside = counter >= next || next - counter <= USABLE;
            let expected = inside && !seen.contains(&counter);
            prop_assert_eq!(window.is_fresh(counter), expected, "{} of next {}", counter, next);
            window.mark(counter);
            prop_assert!(!window.is_fresh(counter), "{} was marked", counter);
            if expected {
                seen.insert(counter);
                next = next.max(counter + 1);
            }
            prop_assert_eq!(window.next(), next);
        }
    }

    #[test]
    fn what_is_2048_behind_still_passes_and_only_once(top in PROMISED..u64::MAX - 1) {
        let mut window = ReplayWindow::default();
        window.mark(top);
        for behind in (1..PROMISED).chain([PROMISED]) {
            prop_assert!(window.is_fresh(top - behind));
            window.mark(top - behind);
            prop_assert!(!window.is_fresh(top - behind));
        }
        prop_assert!(!window.is_fresh(top));
    }
}

#[test]
fn the_last_counter_is_never_used_and_never_wraps() {
    let mut window = ReplayWindow::default();
    assert!(!window.is_fresh(u64::MAX));
    window.mark(u64::MAX);
    assert_eq!(
        window.next(),
        0,
        "marking what is not fresh changes nothing"
    );
    window.mark(u64::MAX - 1);
    assert_eq!(window.next(), u64::MAX);
    assert!(!window.is_fresh(u64::MAX - 1));
    assert!(window.is_fresh(u64::MAX - 2));
}

#[test]
fn marking_a_counter_far_behind_forges_no_newer_one() {
    let mut window = ReplayWindow::default();
    window.mark(3 * WINDOW);
    window.mark(WINDOW + 100);
    assert!(
        window.is_fresh(2 * WINDOW + 100),
        "it shares its bit with the one that is too old"
    );
}
