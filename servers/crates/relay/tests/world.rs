//! One Relay Server, the DC's key that makes its tokens, and nodes as plain values.

use core::time::Duration;

use ntm_relay::{Config, DcLink, DropReason, Relay, Transmit};
use ntm_wire::addr::RealAddr;
use ntm_wire::header::{
    Datagram, HEADER_LEN, Header, MAX_CONTROL_DATAGRAM, PADDED_LEN, PacketType,
};
use ntm_wire::id::{PathId, RsId};
use ntm_wire::kdf::sha256;
use ntm_wire::key::{KeyPair, SecretKey, ServerKey};
use ntm_wire::message::{
    BindStatus, LegBind, LegBindConfirm, LegBindResponse, Message, Messages, emit_all, pad_to,
};
use ntm_wire::noise::{NOISE_OVERHEAD, seal_to_server};
use ntm_wire::path_id::{self, LegDirection};
use ntm_wire::seal::{open_salted, seal_salted};
use ntm_wire::time::{Mono, Now, Wall};
use ntm_wire::token::{Grant, RelayToken, SealedToken};

pub(crate) const RS: RsId = RsId(7);
pub(crate) const KEY_ID: u32 = 3;
/// What tokens of this test live.
pub(crate) const TOKEN_LIFE: Duration = Duration::from_secs(3600);

pub(crate) fn secret(n: u8) -> SecretKey {
    SecretKey::new([n; 32])
}

pub(crate) fn dc_key() -> KeyPair {
    KeyPair::from_private(secret(0xdc))
}

pub(crate) fn rs_key() -> KeyPair {
    KeyPair::from_private(secret(0x55))
}

pub(crate) fn dc_addr() -> RealAddr {
    addr("198.51.100.1:7930")
}

pub(crate) fn addr(text: &str) -> RealAddr {
    RealAddr(text.parse().unwrap())
}

pub(crate) struct World {
    pub(crate) relay: Relay,
    pub(crate) now: Now,
    /// Makes salts and seeds differ.
    fresh: u64,
}

impl World {
    /// A server that knows one DC's link key, and has no address to report to.
    pub(crate) fn new() -> Self {
        Self::with(100, None)
    }

    pub(crate) fn with(max_legs: usize, dc: Option<RealAddr>) -> Self {
        Self {
            relay: Relay::new(config(max_legs, dc), [1; 32]),
            now: Now {
                mono: Mono::from_micros(1_000_000),
                wall: Wall::from_secs(1_750_000_000),
            },
            fresh: 0,
        }
    }

    /// The server's process starts anew.
    pub(crate) fn restart(&mut self) {
        self.relay = Relay::new(config(100, None), [2; 32]);
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now.mono = self.now.mono + time;
        self.now.wall = self.now.wall + time;
        while self
            .relay
            .poll_timeout()
            .is_some_and(|t| t <= self.now.mono)
        {
            self.relay.handle_timeout(self.now);
        }
    }

    /// What the server sends when this arrives.
    pub(crate) fn send(&mut self, from: RealAddr, datagram: &[u8]) -> Vec<Transmit> {
        let mut datagram = datagram.to_vec();
        self.relay.handle_datagram(self.now, from, &mut datagram);
        self.sent()
    }

    pub(crate) fn sent(&mut self) -> Vec<Transmit> {
        core::iter::from_fn(|| self.relay.poll_transmit()).collect()
    }

    pub(crate) fn dropped(&self, reason: DropReason) -> u64 {
        self.relay.counters().dropped(reason)
    }

    pub(crate) fn salt(&mut self) -> [u8; 16] {
        let mut salt = [0; 16];
        self.fresh += 1;
        salt[..8].copy_from_slice(&self.fresh.to_be_bytes());
        salt
    }

    pub(crate) fn seed(&mut self) -> [u8; 32] {
        sha256(&[&self.salt()])
    }

    pub(crate) fn token(&mut self, grant: Grant, leg_key: &SecretKey) -> SealedToken {
        let token = RelayToken {
            grant,
            rs: RS,
            leg_key: leg_key.clone(),
            expires: self.now.wall + TOKEN_LIFE,
        };
        token.seal(&secret(9), KEY_ID, self.now.wall, self.salt())
    }

    /// A Bind datagram with these messages, padded as it must be.
    pub(crate) fn bind(&mut self, messages: &[Message]) -> Vec<u8> {
        self.bind_of(messages, PADDED_LEN)
    }

    pub(crate) fn bind_of(&mut self, messages: &[Message], len: usize) -> Vec<u8> {
        let header = Header {
            kind: PacketType::Bind,
            selector: rs_key().server().selector(),
            counter: 0,
        };
        let mut out = header.emit();
        let prologue = [b"ntm bind 1".as_slice(), &out].concat();
        let mut content = emit_all(messages);
        pad_to(&mut content, len - HEADER_LEN - NOISE_OVERHEAD);
        out.extend(seal_to_server(self.seed(), &rs_key().server(), &prologue, &content).unwrap());
        out
    }

    /// Both ends of a path, neither bound.
    pub(crate) fn pair(&mut self) -> (Node, Node) {
        self.pair_with(1, 0)
    }

    /// Pair number `n`, limited to `kbps`.
    pub(crate) fn pair_with(&mut self, n: u16, kbps: u32) -> (Node, Node) {
        let (p, q) = (0x1000_0000 + u64::from(n), 0x2000_0000 + u64::from(n));
        let a = addr(&format!("192.0.2.{}:{}", 1 + n % 200, 4000 + n));
        let b = addr(&format!("[2001:db8::{n:x}]:5000"));
        (self.node(p, q, a, kbps), self.node(q, p, b, kbps))
    }

    pub(crate) fn node(&mut self, from_node: u64, to_node: u64, addr: RealAddr, kbps: u32) -> Node {
        let key = SecretKey::new(sha256(&[b"leg", &from_node.to_be_bytes()]));
        let grant = Grant::Leg {
            from_node: PathId(from_node),
            to_node: PathId(to_node),
            limit_kbps: kbps,
        };
        Node {
            token: self.token(grant, &key),
            key,
            from_node,
            to_node,
            addr,
            counter: self.now.wall.as_millis(),
            attachment: 0,
        }
    }

    /// Both ends of a path, bound and proved.
    pub(crate) fn bound_pair(&mut self) -> (Node, Node) {
        let (mut a, mut b) = self.pair();
        a.bind_and_confirm(self);
        b.bind_and_confirm(self);
        (a, b)
    }
}

fn config(max_legs: usize, dc: Option<RealAddr>) -> Config {
    Config {
        rs: RS,
        key: rs_key(),
        dcs: vec![DcLink {
            key_id: KEY_ID,
            link: secret(9),
            key: dc_key().server(),
            addr: dc,
        }],
        v4: Some("203.0.113.5:7930".parse().unwrap()),
        v6: Some("[2001:db8:5::5]:7930".parse().unwrap()),
        max_legs,
    }
}

/// One end of a relayed path.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) token: SealedToken,
    pub(crate) key: SecretKey,
    pub(crate) from_node: u64,
    pub(crate) to_node: u64,
    pub(crate) addr: RealAddr,
    /// Of the next bind.
    pub(crate) counter: u64,
    /// Where the node is attached, by its own count.
    pub(crate) attachment: u32,
}

impl Node {
    /// The path id of what the node sends now, and of what it receives.
    pub(crate) fn ids(&self) -> (u64, u64) {
        let id = |direction| path_id::leg(&self.key, direction, self.attachment).0;
        match self.attachment {
            0 => (self.from_node, self.to_node),
            _ => (id(LegDirection::FromNode), id(LegDirection::ToNode)),
        }
    }

    /// The node is in another network.
    pub(crate) fn go(&mut self, addr: RealAddr) {
        self.addr = addr;
        self.attachment += 1;
    }

    pub(crate) fn leg_bind(&self) -> LegBind {
        let is_ipv6 = !self.addr.is_ipv4();
        let (token, counter) = (self.token.clone(), self.counter);
        LegBind::new(token, counter, self.attachment, is_ipv6, RS, &self.key)
    }

    /// Binds from where the node is, with a counter above the last one, and returns the answer.
    pub(crate) fn bind(&mut self, world: &mut World) -> LegBindResponse {
        self.counter += 1;
        self.bind_with_counter(world)
    }

    pub(crate) fn bind_with_counter(&mut self, world: &mut World) -> LegBindResponse {
        let datagram = world.bind(&[self.leg_bind().into()]);
        let sent = world.send(self.addr, &datagram);
        let [answer] = sent.as_slice() else {
            panic!("one answer to a bind, not {sent:?}")
        };
        assert_eq!(
            answer.to, self.addr,
            "the answer goes where the bind came from"
        );
        self.response(&answer.payload)
    }

    pub(crate) fn response(&self, datagram: &[u8]) -> LegBindResponse {
        match self.open(datagram).as_slice() {
            [Message::LegBindResponse(r)] => r.clone(),
            other => panic!("a bind response, not {other:?}"),
        }
    }

    pub(crate) fn bind_and_confirm(&mut self, world: &mut World) {
        let response = self.bind(world);
        assert_eq!(response.status, BindStatus::Bound);
        self.confirm(world, &response);
    }

    pub(crate) fn confirm(&self, world: &mut World, response: &LegBindResponse) {
        let confirm = LegBindConfirm {
            counter: response.counter,
            cookie: response.cookie,
        };
        let sent = self.tell(world, &[confirm.into()]);
        assert!(
            sent.is_empty(),
            "nothing to say to a confirmation: {sent:?}"
        );
    }

    /// Sends messages in a Leg packet.
    pub(crate) fn tell(&self, world: &mut World, messages: &[Message]) -> Vec<Transmit> {
        let datagram = self.leg_packet(world, messages);
        world.send(self.addr, &datagram)
    }

    pub(crate) fn leg_packet(&self, world: &mut World, messages: &[Message]) -> Vec<u8> {
        let header = Header {
            kind: PacketType::Leg,
            selector: self.ids().0,
            counter: 0,
        };
        let mut out = header.emit();
        let (salt, aad) = (world.salt(), [header.first_byte()]);
        let content = emit_all(messages);
        out.extend(seal_salted(
            &self.key,
            "ntm leg from node",
            salt,
            &aad,
            &content,
        ));
        out
    }

    /// Opens a Leg packet of the server.
    pub(crate) fn open(&self, datagram: &[u8]) -> Vec<Message> {
        let d = Datagram::new_checked(datagram).unwrap();
        assert_eq!((d.kind(), d.selector()), (PacketType::Leg, self.ids().1));
        let content = open_salted(&self.key, "ntm leg to node", &d.aad(), d.body()).unwrap();
        Messages::parse_all(&content).unwrap()
    }

    /// A packet for the other end, which the server can't read.
    pub(crate) fn packet(&self, kind: PacketType, len: usize) -> Vec<u8> {
        let header = Header {
            kind,
            selector: self.ids().0,
            counter: 42,
        };
        let mut out = header.emit();
        out.resize(len.min(MAX_CONTROL_DATAGRAM), 0xab);
        out
    }

    pub(crate) fn data(&self) -> Vec<u8> {
        self.packet(PacketType::Data, 120)
    }
}

/// Whether this is a genuine hint for a path.
pub(crate) fn is_hint(datagram: &[u8], rs: &ServerKey, path: u64) -> bool {
    let d = Datagram::new_checked(datagram).unwrap();
    let key = SecretKey::new(sha256(&[b"ntm hint key", &rs.0]));
    d.kind() == PacketType::Hint
        && d.selector() == path
        && open_salted(&key, "ntm hint", &d.aad(), d.body()).is_ok_and(|c| c.is_empty())
}
