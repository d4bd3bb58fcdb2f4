//! Rule 10, section 6: a private address that belongs to a stranger's LAN. Somebody in the caller's LAN
//! has the address and port that the callee has in its own, and answers.

use core::net::SocketAddr;

use ntm_proto::Route;
use ntm_sim::access::Access;
use ntm_sim::capture::Capture;
use ntm_sim::net::{HostId, ZoneId};
use ntm_sim::process::{Process, Sink};
use ntm_wire::header::{Datagram, PacketType};
use ntm_wire::id::InterfaceId;

use super::answers;
use crate::stage::{ETHERNET, Setting, Stage, delay, home, secs, symmetric};
use crate::stream::Stream;

/// In the LANs of both.
const NUMBER: u8 = 7;
/// Tunnel Requests of one call: five tries.
const REQUESTS: usize = 5;
/// Probes to an address never heard.
const PROBES: usize = 3;

struct Street {
    stage: Stage,
    neighbour: HostId,
    /// The neighbour's address, and the callee's in its own LAN.
    twin: SocketAddr,
}

fn street(access: Access, is_echo: bool) -> Street {
    let mut stage = Stage::dark(Setting::default());
    let (mn, cn) = (stage.mn, stage.cn);
    let mn_zone = stage.connect(mn, access, delay(10));
    let cn_zone = stage.connect(cn, access, delay(10));
    move_in(&mut stage, cn, cn_zone, access);
    let twin = stage.node(cn).locals()[0].addr.0;
    let sink = Process::Sink(Sink::new(twin.port(), is_echo));
    let neighbour = stage.world.add_host("neighbour", sink);
    move_in(&mut stage, neighbour, mn_zone, access);
    stage.world.run_for(secs(8));
    stage.world.capture = Some(Capture::default());
    Street {
        stage,
        neighbour,
        twin,
    }
}

fn move_in(stage: &mut Stage, host: HostId, zone: ZoneId, access: Access) {
    let (world, place) = (&mut stage.world, (host, ETHERNET));
    stage
        .neighbourhood
        .join(world, place, (zone, access), NUMBER, delay(1));
}

impl Street {
    /// Lives on for so long; the tunnel never leads to the neighbour.
    fn run(&mut self, seconds: u64) {
        let (mn, twin) = (self.stage.mn, self.twin);
        let end = self.stage.world.now() + secs(seconds);
        let strayed = self.stage.world.run_while(end, |world| {
            let tunnels = world.node(mn).unwrap().node.tunnels(world.now());
            let is_there = |r: &Route| matches!(r, Route::Direct { remote } if remote.0 == twin);
            !tunnels.iter().any(|t| is_there(&t.route))
        });
        assert!(
            !strayed,
            "moved to the neighbour:\n{}",
            self.stage.world.story(80)
        );
    }

    /// What the neighbour got, by type.
    fn heard(&self, kind: PacketType) -> Vec<Vec<u8>> {
        let mut heard = answers(&self.stage, self.neighbour);
        heard.retain(|d| Datagram::new_checked(d.as_slice()).is_ok_and(|d| d.kind() == kind));
        heard
    }

    /// Sends back everything heard so far, as every type there is.
    fn answer_everything(&mut self) {
        let heard = answers(&self.stage, self.neighbour);
        let mn = self.stage.node(self.stage.mn).locals()[0].addr.0;
        self.stage.world.with_process(self.neighbour, |p, _| {
            let Process::Sink(sink) = p else { return };
            for datagram in &heard {
                for kind in PacketType::ALL {
                    let mut forged = datagram.clone();
                    forged[0] = forged[0] & 0xf0 | kind as u8;
                    sink.send(InterfaceId(0), mn, forged);
                }
            }
        });
        self.run(1);
    }
}

/// Whatever the neighbour does, it gets no more than this and learns nothing from it.
fn assert_a_neighbour_gets_nothing(access: Access, is_echo: bool, is_forger: bool) {
    let mut street = street(access, is_echo);
    let id = street.stage.call();
    street.run(5);
    if is_forger {
        street.answer_everything();
    }
    let mn = street.stage.mn;
    street.stage.finish(mn, id);
    street.stage.call_works();
    let mut stream = Stream::new(&mut street.stage);
    stream.run(&mut street.stage, secs(5));
    street.run(300);
    assert_eq!(
        stream.missing(&mut street.stage),
        0,
        "and no packet is lost"
    );
    let requests = street.heard(PacketType::TunnelRequest);
    assert!(
        (1..=REQUESTS).contains(&requests.len()),
        "{}",
        requests.len()
    );
    assert!(
        requests.iter().all(|r| *r == requests[0]),
        "always the same bytes"
    );
    let data = street.heard(PacketType::Data);
    assert!(data.len() <= PROBES, "{} probes", data.len());
    assert!(
        data.iter().all(|d| d.len() != Stream::ON_THE_WIRE),
        "no data"
    );
    let all = answers(&street.stage, street.neighbour).len();
    assert_eq!(
        all,
        requests.len() + data.len() + street.heard(PacketType::Punch).len()
    );
    street.assert_nothing_in_clear();
}

impl Street {
    /// Neither names nor addresses, virtual or real.
    fn assert_nothing_in_clear(&self) {
        let stage = &self.stage;
        let mut secrets = vec![
            stage.mn_name.to_string().into_bytes(),
            stage.cn_name.to_string().into_bytes(),
        ];
        for host in [stage.mn, stage.cn] {
            let addrs = stage.node(host).node.status().addrs.unwrap();
            secrets.push(addrs.v6.octets().to_vec());
            secrets.push(addrs.v4.octets().to_vec());
        }
        for datagram in answers(stage, self.neighbour) {
            let has = |s: &Vec<u8>| datagram.windows(s.len()).any(|w| w == s);
            assert!(!secrets.iter().any(has), "in clear: {datagram:02x?}");
        }
    }
}

#[test]
fn rule_10_a_neighbour_with_the_peers_private_address_gets_a_few_sealed_probes() {
    assert_a_neighbour_gets_nothing(home(), false, false);
    assert_a_neighbour_gets_nothing(symmetric(), false, false);
}

#[test]
fn rule_10_a_neighbour_that_sends_everything_back_gets_no_more() {
    assert_a_neighbour_gets_nothing(home(), true, false);
    assert_a_neighbour_gets_nothing(symmetric(), true, false);
}

#[test]
fn rule_10_a_neighbour_that_makes_answers_of_what_it_heard_gets_no_more() {
    assert_a_neighbour_gets_nothing(home(), false, true);
    assert_a_neighbour_gets_nothing(symmetric(), true, true);
}
