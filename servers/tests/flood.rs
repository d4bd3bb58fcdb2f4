//! A flood of datagrams from everywhere: calls go on, memory stays where it is, and nobody gets back more
//! than was sent. The figures are the business of `cargo bench -p ntm-servers --bench flood`.

mod generator;
mod run;
mod scene;
mod usage;

use std::time::Duration;

use generator::Kind;
use run::Plan;
use scene::Scene;

/// Little enough for a machine that does much else.
const RATE: u32 = 5_000;
const LASTS: Duration = Duration::from_secs(1);
/// Buffers that fill for the first time.
const ROOM_KIB: u64 = 32 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_everywhere_ends_no_call_takes_no_memory_and_is_answered_with_less_than_it_was()
 {
    let scene = Scene::set(None).await;
    let plan = Plan {
        rate: RATE,
        lasts: LASTS,
        cpu: None,
    };
    for kind in Kind::ALL {
        let row = run::run(&scene, kind, plan).await;
        let name = kind.name();
        assert!(row.flood.datagrams > 0, "{name} floods");
        assert_eq!(row.flood.too_long, 0, "{name}: {:?}", row.flood);
        assert!(row.flood.amplification() <= 1.0, "{name}: {:?}", row.flood);
        assert!(row.flood.seconds >= LASTS.as_secs_f64(), "{name} lasts");
        assert!(
            row.before.lost() < row.before.sent,
            "{name}: there is a call"
        );
        assert!(
            row.during.lost() < row.during.sent,
            "{name}: it goes on; {} of {} datagrams fetched in {:?} of the server's time",
            row.reached(),
            row.flood.datagrams,
            row.cpu()
        );
        assert!(row.call.is_some(), "{name}: others call, too");
        let (before, after) = (row.usage.0.resident_kib, row.usage.1.resident_kib);
        assert!(after < before + ROOM_KIB, "{name}: {before} to {after} KiB");
        if kind == Kind::Hellos {
            assert!(row.flood.answers > 0, "Hellos are answered with Challenges");
        }
    }
}
