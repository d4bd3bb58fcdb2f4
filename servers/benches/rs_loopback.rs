//! How many packets a second a Relay Server forwards on one core: the real `ntm-rs` on loopback, and
//! beside it, in the same run, a loop that forwards blindly: what the sockets alone cost.
//!
//! `cargo bench -p ntm-servers --bench rs_loopback`. Packets are 120 bytes of UDP payload. One thread
//! sends and takes delivery, so a machine needs two idle cores for the packets a second by the clock;
//! packets per second of the server's own CPU time need no idle machine, and are what one core does.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints its result, and has none when it can't be set up"
)]

use std::io::{self, BufRead, BufReader, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use ntm_account_api::invitation::{Pin, ServerRef};
use ntm_account_api::server::{DcLinkInfo, RsEnrolled, RsSetup};
use ntm_account_api::text::Wire;
use ntm_wire::header::{Datagram, HEADER_LEN, Header, PADDED_LEN, PacketType};
use ntm_wire::id::{PathId, RsId};
use ntm_wire::kdf::sha256;
use ntm_wire::key::{KeyPair, SecretKey};
use ntm_wire::message::{LegBind, LegBindConfirm, Message, Messages, emit_all, pad_to};
use ntm_wire::noise::{NOISE_OVERHEAD, seal_to_server};
use ntm_wire::seal::{open_salted, seal_salted};
use ntm_wire::time::Wall;
use ntm_wire::token::{Grant, RelayToken};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use serde_json::json;
use tokio::io::Interest;

const RS: u32 = 1;
const KEY_ID: u32 = 1;
const PACKET: usize = 120;
/// Packets sent before delivery is taken.
const BURST: usize = 64;
/// Segments that a sender with segmentation offload hands over at once.
const SEGMENTS: usize = 48;
const RUN: Duration = Duration::from_secs(3);
const RUNS: usize = 3;
/// Of `/proc/PID/stat`; always 100 on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, how, sink] = args.as_slice()
        && let Some(how) = how.strip_prefix("blind-")
    {
        return forward_blindly(sink.parse().unwrap(), how == "batched");
    }
    println!("{}, {} cores; {PACKET}-byte packets", cpu(), cores());
    println!("                                     packets/s   per CPU s   µs CPU  lost");
    for (flows, segments) in [(1, 1), (1000, 1), (1, SEGMENTS)] {
        for mut target in targets(flows) {
            let mut runs: Vec<Sample> = (0..RUNS).map(|_| target.run(segments)).collect();
            runs.sort_by(|a, b| a.per_cpu_second().total_cmp(&b.per_cpu_second()));
            runs[RUNS / 2].print(target.name, flows, segments);
            target.child.kill().unwrap();
            target.child.wait().unwrap();
        }
    }
}

/// Forwarders to compare, each with its flows set up.
fn targets(flows: u32) -> Vec<Target> {
    let blind = |how: &str, name| {
        let sink = Sink::new();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([how, &sink.socket.local_addr().unwrap().to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let addr = line.trim().parse().unwrap();
        let flows = (0..flows).map(|n| Flow::new(n, addr)).collect();
        Target {
            name,
            child,
            flows,
            sink,
            _folder: None,
        }
    };
    vec![
        blind("blind-single", "blind, a call per packet"),
        blind("blind-batched", "blind, batched"),
        relay(flows),
    ]
}

struct Target {
    name: &'static str,
    child: Child,
    flows: Vec<Flow>,
    sink: Sink,
    /// The server's data, for as long as it runs.
    _folder: Option<tempfile::TempDir>,
}

struct Sample {
    sent: usize,
    delivered: usize,
    wall: Duration,
    cpu: f64,
}

impl Target {
    /// Sends for a while, as fast as delivery is taken by the same thread.
    fn run(&mut self, segments: usize) -> Sample {
        self.load(Duration::from_millis(300), segments);
        let (cpu, start) = (cpu_seconds(&self.child), Instant::now());
        let (sent, delivered) = self.load(RUN, segments);
        Sample {
            sent,
            delivered,
            wall: start.elapsed(),
            cpu: cpu_seconds(&self.child) - cpu,
        }
    }

    fn load(&mut self, time: Duration, segments: usize) -> (usize, usize) {
        let start = Instant::now();
        let (mut sent, mut delivered, mut next) = (0, 0, 0);
        while start.elapsed() < time {
            for _ in 0..BURST.div_ceil(segments) {
                self.flows[next].send(segments);
                sent += segments;
                next = (next + 1) % self.flows.len();
            }
            delivered += self.sink.drain();
        }
        std::thread::sleep(Duration::from_millis(50));
        (sent, delivered + self.sink.drain())
    }
}

impl Sample {
    fn per_cpu_second(&self) -> f64 {
        self.delivered as f64 / self.cpu
    }

    fn print(&self, name: &str, flows: u32, segments: usize) {
        let how = if segments > 1 { " (segmented)" } else { "" };
        println!(
            "{name:24} {flows:4} flows{how:12} {:9.0} {:11.0} {:8.2} {:4.1}%",
            self.delivered as f64 / self.wall.as_secs_f64(),
            self.per_cpu_second(),
            1e6 / self.per_cpu_second(),
            100.0 * (1.0 - self.delivered as f64 / self.sent as f64),
        );
    }
}

/// One sending node, with an address of its own.
struct Flow {
    socket: UdpSocket,
    state: UdpSocketState,
    to: SocketAddr,
    /// Several packets, one behind the other.
    packets: Vec<u8>,
}

impl Flow {
    fn new(n: u32, to: SocketAddr) -> Self {
        let [_, _, a, b] = n.to_be_bytes();
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 1, a, b), 0)).unwrap();
        let state = UdpSocketState::new(UdpSockRef::from(&socket)).unwrap();
        let header = Header {
            kind: PacketType::Data,
            selector: path(2 * n),
            counter: 1,
        };
        let mut packet = header.emit();
        packet.resize(PACKET, 0xab);
        let packets = packet.repeat(SEGMENTS);
        Self {
            socket,
            state,
            to,
            packets,
        }
    }

    fn send(&self, segments: usize) {
        let transmit = Transmit {
            destination: self.to,
            ecn: None,
            contents: &self.packets[..segments * PACKET],
            segment_size: (segments > 1).then_some(PACKET),
            src_ip: None,
        };
        // A full buffer is loss, and shows as such.
        drop(
            self.state
                .try_send(UdpSockRef::from(&self.socket), &transmit),
        );
    }
}

/// Where everything ends up.
struct Sink {
    socket: UdpSocket,
    slots: Slots,
}

impl Sink {
    fn new() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 2, 0, 1), 0)).unwrap();
        drop(socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20));
        let slots = Slots::new(UdpSockRef::from(&socket));
        Self { socket, slots }
    }

    fn drain(&mut self) -> usize {
        let mut packets = 0;
        while let Ok(filled) = self.slots.receive(UdpSockRef::from(&self.socket)) {
            let meta = &self.slots.meta[..filled];
            packets += meta
                .iter()
                .map(|m| m.len.div_ceil(m.stride.max(1)))
                .sum::<usize>();
        }
        packets
    }
}

struct Slots {
    state: UdpSocketState,
    bytes: Vec<u8>,
    meta: [RecvMeta; BATCH_SIZE],
}

const SLOT: usize = 1 << 16;

impl Slots {
    fn new(socket: UdpSockRef<'_>) -> Self {
        Self {
            state: UdpSocketState::new(socket).unwrap(),
            bytes: vec![0; SLOT * BATCH_SIZE],
            meta: std::array::from_fn(|_| RecvMeta::default()),
        }
    }

    fn receive(&mut self, socket: UdpSockRef<'_>) -> io::Result<usize> {
        let mut chunks = self.bytes.chunks_exact_mut(SLOT).map(IoSliceMut::new);
        let mut slices: [_; BATCH_SIZE] = std::array::from_fn(|_| chunks.next().unwrap());
        self.state.recv(socket, &mut slices, &mut self.meta)
    }
}

/// The child's part: the server's loop without the server.
fn forward_blindly(sink: SocketAddr, batched: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    runtime.block_on(async {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        drop(socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20));
        println!("{}", socket.local_addr().unwrap());
        let mut slots = batched.then(|| Slots::new(UdpSockRef::from(&socket)));
        let socket = tokio::net::UdpSocket::from_std(socket).unwrap();
        loop {
            socket.readable().await.unwrap();
            match &mut slots {
                Some(slots) => pass_batches(&socket, slots, sink),
                None => pass_singly(&socket, sink),
            }
        }
    });
}

fn pass_singly(socket: &tokio::net::UdpSocket, sink: SocketAddr) {
    let mut buffer = [0; 2048];
    while let Ok((len, _)) = socket.try_recv_from(&mut buffer) {
        drop(socket.try_send_to(&buffer[..len], sink));
    }
}

fn pass_batches(socket: &tokio::net::UdpSocket, slots: &mut Slots, sink: SocketAddr) {
    let receive = |slots: &mut Slots| {
        socket.try_io(Interest::READABLE, || {
            slots.receive(UdpSockRef::from(socket))
        })
    };
    while let Ok(filled) = receive(slots) {
        for (i, meta) in slots.meta[..filled].iter().enumerate() {
            let transmit = Transmit {
                destination: sink,
                ecn: None,
                contents: &slots.bytes[i * SLOT..i * SLOT + meta.len],
                segment_size: (meta.len > meta.stride).then_some(meta.stride),
                src_ip: None,
            };
            drop(slots.state.try_send(UdpSockRef::from(socket), &transmit));
        }
    }
}

/// The real server, with all legs bound: a sender and the sink for each flow.
fn relay(flows: u32) -> Target {
    let folder = tempfile::tempdir().unwrap();
    let (child, addr) = start_rs(folder.path());
    let sink = Sink::new();
    let flows: Vec<_> = (0..flows).map(|n| Flow::new(n, addr)).collect();
    for (n, flow) in (0..).zip(&flows) {
        bind(&flow.socket, addr, path(2 * n), path(2 * n + 1));
        bind(&sink.socket, addr, path(2 * n + 1), path(2 * n));
    }
    Target {
        name: "ntm-rs",
        child,
        flows,
        sink,
        _folder: Some(folder),
    }
}

/// A server that has joined a deployment whose Account Server is down just now.
fn start_rs(folder: &Path) -> (Child, SocketAddr) {
    let dc = DcLinkInfo {
        dc: 1,
        key_id: KEY_ID,
        link: Wire(secret(2)),
        key: Wire(KeyPair::from_private(secret(3)).server()),
        addrs: Vec::new(),
    };
    let enrolled = RsEnrolled {
        rs: RS,
        secret: Wire(secret(5)),
        setup: RsSetup { dcs: vec![dc] },
    };
    let server = ServerRef {
        url: "https://127.0.0.1:9".into(),
        domain: "bench.internal".parse().unwrap(),
        pin: Some(Pin([0; 32])),
    };
    let saved = json!({ "server": server.to_string(), "enrolled": enrolled });
    std::fs::write(folder.join("rs.json"), saved.to_string()).unwrap();
    std::fs::write(folder.join("rs.key"), "01".repeat(32)).unwrap();
    let config = format!(
        "data_dir = {folder:?}\npublic_addresses = [\"127.0.0.1\"]\n\
         [log]\nlevel = \"error\"\n[rs]\nlisten = [\"127.0.0.1:0\"]\n"
    );
    let (config_file, ready) = (folder.join("rs.toml"), folder.join("ready"));
    std::fs::write(&config_file, config).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_ntm-rs"))
        .arg("--config")
        .arg(config_file)
        .arg("run")
        .arg("--ready-file")
        .arg(&ready)
        .spawn()
        .unwrap();
    (child, addr_in(&ready))
}

fn addr_in(ready: &Path) -> SocketAddr {
    for _ in 0..1000 {
        let text = std::fs::read_to_string(ready).unwrap_or_default();
        if let Ok(ready) = serde_json::from_str::<serde_json::Value>(&text) {
            return ready["rs"][0].as_str().unwrap().parse().unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    unreachable!("ntm-rs was not ready within ten seconds")
}

/// Binds a leg to the socket's address and proves the address.
fn bind(socket: &UdpSocket, rs: SocketAddr, from_node: u64, to_node: u64) {
    socket.set_nonblocking(false).unwrap();
    let wait = Duration::from_millis(100);
    socket.set_read_timeout(Some(wait)).unwrap();
    let mut answer = [0; 2048];
    // The server rations binds by source, and the sink has one for each flow.
    let len = (0..100).find_map(|_| {
        socket
            .send_to(&bind_datagram(from_node, to_node), rs)
            .unwrap();
        socket.recv(&mut answer).ok()
    });
    let confirm = confirmation(from_node, &answer[..len.unwrap()]);
    socket.send_to(&confirm, rs).unwrap();
    socket.set_nonblocking(true).unwrap();
}

fn bind_datagram(from_node: u64, to_node: u64) -> Vec<u8> {
    let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let wall = Wall::from_secs(since_epoch.as_secs());
    let grant = Grant::Leg {
        from_node: PathId(from_node),
        to_node: PathId(to_node),
        limit_kbps: 0,
    };
    let token = RelayToken {
        grant,
        rs: RsId(RS),
        leg_key: secret(4),
        expires: wall + Duration::from_secs(3600),
    };
    let token = token.seal(&secret(2), KEY_ID, wall, [0; 16]);
    let bind = LegBind::new(token, wall.as_millis(), 0, false, RsId(RS), &secret(4));
    let rs = KeyPair::from_private(secret(1)).server();
    let header = Header {
        kind: PacketType::Bind,
        selector: rs.selector(),
        counter: 0,
    };
    let mut out = header.emit();
    let prologue = [b"ntm bind 1".as_slice(), &out].concat();
    let mut content = emit_all(&[bind.into()]);
    pad_to(&mut content, PADDED_LEN - HEADER_LEN - NOISE_OVERHEAD);
    out.extend(seal_to_server([9; 32], &rs, &prologue, &content).unwrap());
    out
}

fn confirmation(from_node: u64, answer: &[u8]) -> Vec<u8> {
    let d = Datagram::new_checked(answer).unwrap();
    let content = open_salted(&secret(4), "ntm leg to node", &d.aad(), d.body()).unwrap();
    let messages = Messages::parse_all(&content).unwrap();
    let [Message::LegBindResponse(response)] = messages.as_slice() else {
        unreachable!("a bind is answered with {messages:?}")
    };
    let confirm = LegBindConfirm {
        counter: response.counter,
        cookie: response.cookie,
    };
    let header = Header {
        kind: PacketType::Leg,
        selector: from_node,
        counter: 0,
    };
    let mut out = header.emit();
    let (aad, content) = ([header.first_byte()], emit_all(&[confirm.into()]));
    out.extend(seal_salted(
        &secret(4),
        "ntm leg from node",
        [0; 16],
        &aad,
        &content,
    ));
    out
}

fn secret(n: u8) -> SecretKey {
    SecretKey::new([n; 32])
}

fn path(n: u32) -> u64 {
    let hash = sha256(&[&n.to_be_bytes()]);
    hash.first_chunk().map_or(0, |b| u64::from_be_bytes(*b))
}

/// User and system time of a child so far.
fn cpu_seconds(child: &Child) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    // Behind the name in brackets, which may hold anything, the times are fields 12 and 13.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let times = fields.split(' ').skip(11).take(2);
    times.map(|t| t.parse::<f64>().unwrap()).sum::<f64>() / TICKS_PER_SECOND
}

fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|l| l.strip_prefix("model name"));
    model
        .map_or("unknown", |m| m.trim_start_matches([' ', '\t', ':']))
        .to_owned()
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
