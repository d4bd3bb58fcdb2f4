//! The move from the relay to the direct path under a stream of 50 packets a second: nothing is lost,
//! and no server carries data afterwards.

use ntm_sim::capture::{Capture, Way};
use ntm_sim::net::HostId;
use ntm_wire::header::{Datagram, PacketType};
use ntm_wire::time::Mono;

use crate::stage::{Setting, Stage, delay, home, ms, secs};
use crate::stream::Stream;

const RUNS: u64 = 100;

#[test]
fn nothing_is_lost_on_the_move_and_no_server_carries_data_afterwards() {
    for seed in 0..RUNS {
        let mut stage = Stage::dark(Setting {
            seed,
            mn: home(),
            cn: home(),
            ..Setting::default()
        });
        let (mn, cn) = (stage.mn, stage.cn);
        for (host, ms) in [(mn, 3 + seed % 40), (cn, 1 + seed % 23)] {
            stage.connect(host, home(), delay(ms));
        }
        // The direct way is the longer one, so that the handshake comes over the relay.
        let [outside_mn, outside_cn] = ["198.18.0.1", "198.18.0.2"].map(|ip| ip.parse().unwrap());
        let net = &mut stage.world.net;
        net.set_extra_delay(outside_mn, outside_cn, ms(30));
        stage.world.run_for(secs(8));
        stage.world.capture = Some(Capture::default());
        until_up(&mut stage);
        assert!(!stage.is_direct(mn), "it begins at the relay");
        let mut stream = Stream::new(&mut stage);
        stream.run(&mut stage, ms(600));
        assert!(stage.is_direct(mn) && stage.is_direct(cn), "seed {seed}");
        let moved = stage.world.now();
        stream.run(&mut stage, secs(2));
        assert_eq!(stream.missing(&mut stage), 0, "seed {seed}");
        assert_eq!(data_at_servers_since(&stage, moved), 0, "seed {seed}");
    }
}

/// MN asks for CN, and nothing is sent yet.
fn until_up(stage: &mut Stage) {
    let (mn, name) = (stage.mn, stage.cn_name.clone());
    let end = stage.world.now() + secs(5);
    stage
        .world
        .with_node(mn, |n, now| n.node.resolve(now, &name));
    let is_up = stage.world.run_while(end, |w| {
        w.node(mn).unwrap().node.tunnels(w.now()).is_empty()
    });
    assert!(is_up, "{}", stage.world.story(40));
}

fn data_at_servers_since(stage: &Stage, since: Mono) -> usize {
    let servers: Vec<HostId> = (0..stage.deployment.relays.len())
        .map(|i| stage.rs(i))
        .chain((0..stage.deployment.domains.len()).map(|i| stage.dc(i)))
        .collect();
    // The relay's path goes on being asked whether it lives; those packets have other lengths.
    let is_data = |payload: &[u8]| {
        let kind = Datagram::new_checked(payload).map(|d| d.kind());
        kind == Ok(PacketType::Data) && payload.len() == Stream::ON_THE_WIRE
    };
    let capture = stage.world.capture.as_ref().unwrap();
    let came = capture.datagrams.iter().filter(|d| d.way == Way::Received);
    came.filter(|d| d.at > since && servers.contains(&d.host) && is_data(&d.payload))
        .count()
}
