//! The DC can't read: an attacker who has everything that DCs and RSs ever saw and ever drew, all
//! their keys, and all ciphertext between the nodes, opens no data packet.
//!
//! "Everything they drew" is stronger than their state: the machines take each secret they make from
//! one seeded stream, so whoever has the seed has every path key, leg key, token and ephemeral key.
//! Controls show that the attack is a real one: it does find the path key, and with a node's own
//! secrets it does open the data.

use ntm_sim::capture::{Capture, Captured, Way};
use ntm_sim::net::HostId;
use ntm_sim::process::Process;
use ntm_wire::header::{Datagram, PacketType};
use ntm_wire::kdf::derive;
use ntm_wire::key::{IdentityKey, KeyPair, SecretKey};
use ntm_wire::noise::{tunnel_initiator, tunnel_responder};
use ntm_wire::seal::{OpeningKey, open_salted};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use crate::stage::{Setting, Stage, home, secs};

/// Bytes of each server's random stream that are searched: more than it drew.
const SERVER_STREAM: usize = 1 << 16;
/// Of a node's, where the control finds its handshake: it drew few before.
const NODE_STREAM: usize = 1 << 13;
const SECRET: &[u8] = b"what nobody in the middle may read";

struct Scene {
    stage: Stage,
    wire: Vec<Captured>,
    data: Vec<Vec<u8>>,
}

/// Two nodes talk behind NATs, and everything is recorded.
fn scene() -> Scene {
    let mut stage = Stage::dark(Setting {
        mn: home(),
        cn: home(),
        ..Setting::default()
    });
    stage.world.capture = Some(Capture::default());
    let (mn, cn) = (stage.mn, stage.cn);
    stage.connect(mn, home(), crate::stage::delay(10));
    stage.connect(cn, home(), crate::stage::delay(10));
    stage.world.run_for(secs(8));
    stage.call_works();
    assert!(stage.send(SECRET));
    let wire = stage.world.capture.take().unwrap().datagrams;
    let data = of_kind(&wire, PacketType::Data, mn);
    assert!(data.len() > 3, "data was sent");
    Scene { stage, wire, data }
}

/// What a host sent of one type.
fn of_kind(wire: &[Captured], kind: PacketType, from: HostId) -> Vec<Vec<u8>> {
    let fits = |d: &&Captured| {
        let is_kind = Datagram::new_checked(d.payload.as_slice()).is_ok_and(|v| v.kind() == kind);
        is_kind && d.way == Way::Sent && d.host == from
    };
    wire.iter()
        .filter(fits)
        .map(|d| d.payload.clone())
        .collect()
}

/// Every 32 bytes at every word of what a machine with this seed ever draws.
fn stream(seed: [u8; 32], len: usize) -> Vec<[u8; 32]> {
    let mut bytes = vec![0; len];
    ChaCha20Rng::from_seed(seed).fill_bytes(&mut bytes);
    let windows = bytes.windows(32).step_by(4);
    windows.map(|w| w.try_into().unwrap()).collect()
}

/// All that the servers' operators have.
fn loot(scene: &Scene) -> Vec<[u8; 32]> {
    let mut keys = Vec::new();
    for (_, host) in scene.stage.world.hosts() {
        match &host.process {
            Process::Coordinator(dc) => {
                let config = dc.config();
                keys.push(*config.key.private().expose());
                keys.push(*config.ticket_link.expose());
                keys.extend(config.relays.iter().map(|r| *r.link.expose()));
                keys.extend(stream(dc.seed(), SERVER_STREAM));
            }
            Process::Relay(rs) => {
                keys.push(*rs.config().key.private().expose());
                keys.extend(rs.config().dcs.iter().map(|d| *d.link.expose()));
                keys.extend(stream(rs.seed(), SERVER_STREAM));
            }
            // The DC learns the node key from the ticket.
            Process::Node(node) => keys.push(*node.config().node_key.expose()),
            Process::Sink(_) => {}
        }
    }
    keys
}

/// The path key, found by trying all the loot on a punch.
fn path_key(scene: &Scene, loot: &[[u8; 32]]) -> Option<SecretKey> {
    let punch = of_kind(&scene.wire, PacketType::Punch, scene.stage.cn).pop()?;
    let view = Datagram::new_checked(punch.as_slice()).ok()?;
    let mut keys = loot.iter().map(|k| SecretKey::new(*k));
    keys.find(|k| open_salted(k, "ntm punch", &view.aad(), view.body()).is_ok())
}

fn opens(key: &SecretKey, datagram: &[u8]) -> Option<Vec<u8>> {
    let view = Datagram::new_checked(datagram).unwrap();
    let (counter, aad, mut body) = (view.counter(), view.aad(), view.body().to_vec());
    let opened = OpeningKey::new(key).open(counter, &aad, &mut body);
    opened.ok().map(|content| content.to_vec())
}

fn reads(key: &SecretKey, data: &[Vec<u8>]) -> bool {
    let has_it = |content: Vec<u8>| content.windows(SECRET.len()).any(|w| w == SECRET);
    data.iter().filter_map(|d| opens(key, d)).any(has_it)
}

/// The prologue is made of what the DC knows, so the attacker has it.
fn prologue(scene: &Scene) -> Vec<u8> {
    use ntm_wire::codec::Codec as _;
    let request = of_kind(&scene.wire, PacketType::TunnelRequest, scene.stage.mn).remove(0);
    let response = of_kind(&scene.wire, PacketType::TunnelResponse, scene.stage.cn).remove(0);
    let selector = |d: &[u8]| Datagram::new_checked(d).unwrap().path_id();
    let mut out = b"ntm tunnel 1".to_vec();
    out.push(1);
    out.extend(selector(&request).emit());
    out.extend(selector(&response).emit());
    for host in [scene.stage.mn, scene.stage.cn] {
        let certificate = &scene.stage.node(host).config().certificate;
        out.extend(certificate.node_id().emit());
        out.extend(certificate.fqdn.emit());
        out.extend(certificate.virtual_v6.octets());
    }
    out
}

fn identity(scene: &Scene, host: HostId) -> IdentityKey {
    scene.stage.node(host).config().certificate.identity
}

#[test]
fn the_attack_finds_the_path_key_but_no_key_of_the_servers_opens_data() {
    let scene = scene();
    let loot = loot(&scene);
    let path_key = path_key(&scene, &loot).expect("the servers' streams hold the path key");
    let one = &scene.data[scene.data.len() - 1..];
    for key in loot.iter().map(|k| SecretKey::new(*k)) {
        assert!(opens(&key, &one[0]).is_none(), "a server's key opens data");
    }
    for label in [
        "ntm data",
        "ntm tunnel",
        "ntm punch",
        "ntm leg to node",
        "ntm chain",
    ] {
        let derived = derive(&path_key, label, &[]);
        assert!(!reads(&derived, &scene.data), "derived as {label}");
    }
}

#[test]
fn the_servers_keys_answer_no_tunnel_request() {
    let scene = scene();
    let loot = loot(&scene);
    let path_key = path_key(&scene, &loot).unwrap();
    let request = of_kind(&scene.wire, PacketType::TunnelRequest, scene.stage.mn).remove(0);
    let noise = Datagram::new_checked(request.as_slice())
        .unwrap()
        .body()
        .to_vec();
    let peer = identity(&scene, scene.stage.mn);
    // Static keys only: the streams hold ephemeral ones, which are no identity.
    for (_, host) in scene.stage.world.hosts() {
        let own = match &host.process {
            Process::Coordinator(dc) => dc.config().key.clone(),
            Process::Relay(rs) => rs.config().key.clone(),
            Process::Node(_) | Process::Sink(_) => continue,
        };
        let prologue = prologue(&scene);
        let mut handshake = tunnel_responder([9; 32], &own, &peer, &path_key, &prologue).unwrap();
        assert!(handshake.read(&noise).is_err(), "{} answers", host.name);
    }
}

#[test]
fn a_coordinator_in_the_middle_is_no_peer_even_with_the_path_key() {
    let scene = scene();
    let path_key = path_key(&scene, &loot(&scene)).unwrap();
    let (own, prologue) = (
        KeyPair::from_private(SecretKey::new([7; 32])),
        prologue(&scene),
    );
    let (mn, cn) = (
        identity(&scene, scene.stage.mn),
        identity(&scene, scene.stage.cn),
    );
    let mut forged = tunnel_initiator([8; 32], &own, &cn, &path_key, &prologue).unwrap();
    let message = forged.write(b"").unwrap();
    let callee = scene.stage.node(scene.stage.cn).config().identity.clone();
    let mut honest = tunnel_responder([9; 32], &callee, &mn, &path_key, &prologue).unwrap();
    assert!(
        honest.read(&message).is_err(),
        "the caller's identity is missing"
    );
}

#[test]
fn the_control_with_the_callees_secrets_opens_the_data() {
    let scene = scene();
    let path_key = path_key(&scene, &loot(&scene)).unwrap();
    let request = of_kind(&scene.wire, PacketType::TunnelRequest, scene.stage.mn).remove(0);
    let response = of_kind(&scene.wire, PacketType::TunnelResponse, scene.stage.cn).remove(0);
    let body = |d: &[u8]| Datagram::new_checked(d).unwrap().body().to_vec();
    let callee = scene.stage.node(scene.stage.cn);
    let (own, peer) = (
        callee.config().identity.clone(),
        identity(&scene, scene.stage.mn),
    );
    let prologue = prologue(&scene);
    let keys = stream(callee.seed(), NODE_STREAM)
        .into_iter()
        .find_map(|seed| {
            let mut handshake = tunnel_responder(seed, &own, &peer, &path_key, &prologue).ok()?;
            handshake.read(&body(&request)).ok()?;
            // The answer's payload is one byte: the version.
            let answer = handshake.write(&[1]).ok()?;
            (answer == body(&response)).then(|| handshake.finish().ok())?
        });
    let keys = keys.expect("the callee's stream holds its handshake");
    assert!(
        reads(&keys.recv, &scene.data),
        "the very attack opens the data"
    );
}
