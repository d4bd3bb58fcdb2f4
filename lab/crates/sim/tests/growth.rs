//! Hand-overs without end leave nothing behind: neither bytes nor entries of any table.
#![expect(
    unsafe_code,
    reason = "a counting allocator is the measuring instrument"
)]
#![expect(
    clippy::unwrap_used,
    reason = "a helper that can't make its sample has failed the test"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ntm_sim::moves::Endless;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a stretch of hand-overs held, on average and at most.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    bytes: usize,
    entries: [usize; 3],
}

/// The mean of the bytes and the most of the entries: single hand-overs differ in what is under way.
fn stretch(world: &mut Endless, moves: usize, every: Duration) -> Held {
    let mut held = Held::default();
    for number in 0..moves {
        let done = world.step(every);
        assert!(done.is_ok(), "hand-over {number}: {done:?}");
        held.bytes += LIVE.load(Ordering::Relaxed) / moves;
        for (most, now) in held.entries.iter_mut().zip(world.sizes()) {
            *most = (*most).max(now);
        }
    }
    held
}

/// Tenths of all hand-overs: by the fifth one every network was visited, the last one shows what has grown.
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn grows(seed: u64, moves: usize, every: Duration) {
    let mut world = Endless::new(seed).unwrap();
    let tenths: Vec<Held> = (0..10)
        .map(|_| stretch(&mut world, moves / 10, every))
        .collect();
    for (number, held) in tenths.iter().enumerate() {
        println!(
            "seed {seed}, after {:>5} hand-overs: {held:?}",
            (number + 1) * moves / 10
        );
    }
    let (before, after) = (tenths[4], tenths[9]);
    assert_eq!(before.entries, after.entries, "tunnels, legs, nodes");
    let grown = after.bytes.saturating_sub(before.bytes);
    // A relay remembers its last 4,096 measurements, and a node makes one at each move.
    let remembered = if moves / 2 < 4096 { moves / 2 * 160 } else { 0 };
    assert!(grown < before.bytes / 20 + remembered, "{grown} bytes more");
}

#[test]
fn a_thousand_handovers_in_a_row_leave_nothing_behind() {
    grows(1, 1000, Duration::from_secs(2));
}

#[test]
fn an_hour_with_a_move_every_ten_seconds_leaves_nothing_behind() {
    grows(2, 360, Duration::from_secs(10));
}

#[test]
#[ignore = "a day of virtual time takes minutes"]
fn a_day_with_a_move_every_ten_seconds_leaves_nothing_behind() {
    grows(3, 8640, Duration::from_secs(10));
}
