//! A node made by hand: just enough to speak to a DC, and to misbehave.

use ed25519_dalek::SigningKey;
use ntm_wire::addr::{Candidate, CandidateKind, NatVerdict, RealAddr, VirtualPrefix};
use ntm_wire::certificate::{IdentityCertificate, sign_device};
use ntm_wire::codec::Codec;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::header::{Datagram, HEADER_LEN, Header, PADDED_LEN, PacketType};
use ntm_wire::id::{Epoch, InterfaceId, NodeId, TxId};
use ntm_wire::kdf::{derive, hmac_sha256, sha256};
use ntm_wire::key::{KeyPair, RootKey, SecretKey, ServerKey};
use ntm_wire::message::{
    Consent, DirectionRequest, Message, Messages, RegistrationRequest, RouteDirectionResponse,
    emit_all, pad_to,
};
use ntm_wire::noise::{Handshake, NOISE_OVERHEAD, SessionKeys, hello_initiator};
use ntm_wire::push::PushToken;
use ntm_wire::seal::{OpeningKey, SealingKey, open_salted};
use ntm_wire::ticket::{SealedTicket, TICKET_LIFETIME, Ticket};
use ntm_wire::time::Wall;

/// What an AS knows that makes tickets for one DC.
pub(crate) struct Authority {
    pub(crate) key: SigningKey,
    pub(crate) link: SecretKey,
    pub(crate) dc: ServerKey,
    pub(crate) prefix: VirtualPrefix,
}

pub(crate) struct TestNode {
    pub(crate) id: NodeId,
    pub(crate) addr: RealAddr,
    pub(crate) host: RealAddr,
    pub(crate) ticket: SealedTicket,
    pub(crate) node_key: SecretKey,
    pub(crate) epoch: Epoch,
    pub(crate) consent: Consent,
    pub(crate) push_token: Option<PushToken>,
    /// Everything that was received.
    pub(crate) got: Vec<Message>,
    /// Whether it answers Route Directions by itself.
    pub(crate) answers: bool,
    dc: ServerKey,
    hello: Option<(Handshake, Vec<u8>, u64)>,
    session: Option<Session>,
    next: u64,
}

struct Session {
    sid: u64,
    dc_sid: u64,
    keys: SessionKeys,
    counter: u64,
}

impl TestNode {
    pub(crate) fn new(authority: &Authority, n: u8, fqdn: &str, addr: &str, issued: Wall) -> Self {
        let fqdn: Fqdn = fqdn.parse().unwrap();
        let identity = KeyPair::from_private(SecretKey::new([n; 32])).identity();
        let root = SigningKey::from_bytes(&[n.wrapping_add(100); 32]);
        let id = NodeId::of(&identity);
        let certificate = IdentityCertificate {
            fqdn: fqdn.clone(),
            identity,
            virtual_v6: authority.prefix.address_of(&id),
            not_before: issued,
            not_after: issued + TICKET_LIFETIME * 10,
            root: RootKey(root.verifying_key().to_bytes()),
            root_signature: sign_device(&root, &fqdn, &identity),
            authority_signature: [0; 64],
        }
        .signed_by(&authority.key);
        let node_key = SecretKey::new([n.wrapping_add(50); 32]);
        let expires = issued + TICKET_LIFETIME;
        let ticket = Ticket {
            node_key: node_key.clone(),
            issued,
            expires,
            certificate,
        };
        let addr = RealAddr(addr.parse().unwrap());
        Self {
            id,
            addr,
            host: addr,
            ticket: ticket.seal(&authority.link, [n; 16]),
            node_key,
            epoch: Epoch {
                start_ms: issued.as_millis(),
                counter: 1,
            },
            consent: Consent::All,
            push_token: None,
            got: Vec::new(),
            answers: true,
            dc: authority.dc,
            hello: None,
            session: None,
            next: u64::from(n) << 32,
        }
    }

    pub(crate) fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn tx(&mut self) -> TxId {
        TxId(self.fresh() as u32)
    }

    pub(crate) fn registration(&mut self) -> Message {
        RegistrationRequest {
            tx: self.tx(),
            epoch: self.epoch,
            candidates: vec![Candidate {
                kind: CandidateKind::Host,
                interface: InterfaceId(1),
                addr: self.host,
            }],
            nat: NatVerdict::Unknown,
            push_token: self.push_token.clone(),
            relay_rtts: Vec::new(),
        }
        .into()
    }

    pub(crate) fn direction(&mut self, name: &str) -> Message {
        DirectionRequest {
            tx: self.tx(),
            name: name.parse().unwrap(),
        }
        .into()
    }

    /// A Hello with its registration and other messages, without a cookie yet.
    pub(crate) fn hello(&mut self, others: &[Message]) -> Vec<u8> {
        let mut messages = vec![self.registration()];
        messages.extend_from_slice(others);
        self.hello_of(&messages)
    }

    pub(crate) fn hello_of(&mut self, messages: &[Message]) -> Vec<u8> {
        let sid = self.fresh();
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&sid.to_be_bytes());
        let header = Header {
            kind: PacketType::Hello,
            selector: self.dc.selector(),
            counter: sid,
        };
        let prologue = [b"ntm hello 1".as_slice(), &header.emit()].concat();
        let mut handshake = hello_initiator(seed, &self.dc, &self.node_key, &prologue).unwrap();
        let ticket = self.ticket.emit();
        let mut body = emit_all(messages);
        let room = PADDED_LEN - HEADER_LEN - 1 - NOISE_OVERHEAD - ticket.len() - 32;
        pad_to(&mut body, room);
        let proof_key = derive(&self.node_key, "ntm hello proof", &[]);
        let proof = hmac_sha256(
            &proof_key,
            &[&sid.to_be_bytes(), &self.dc.0, &sha256(&[&body])],
        );
        let noise = handshake
            .write(&[ticket, proof.to_vec(), body].concat())
            .unwrap();
        let datagram = [header.emit(), vec![0], noise.clone()].concat();
        self.hello = Some((handshake, noise, sid));
        datagram
    }

    /// The Hello again, with the cookie of a Challenge.
    pub(crate) fn hello_with_cookie(&mut self, challenge: &[u8]) -> Vec<u8> {
        let (_, noise, sid) = self.hello.as_ref().unwrap();
        let key = SecretKey::new(sha256(&[b"ntm challenge key", &self.dc.0, &noise[..32]]));
        let d = Datagram::new_checked(challenge).unwrap();
        let content = open_salted(&key, "ntm challenge", &d.aad(), d.body()).unwrap();
        let header = Header {
            kind: PacketType::Hello,
            selector: self.dc.selector(),
            counter: *sid,
        };
        [
            header.emit(),
            vec![24],
            content[..24].to_vec(),
            noise.clone(),
        ]
        .concat()
    }

    /// Takes a datagram; returns what it answers.
    pub(crate) fn receive(&mut self, mut datagram: Vec<u8>) -> Vec<Vec<u8>> {
        let kind = Datagram::new_checked(&datagram).unwrap().kind();
        let messages = match kind {
            PacketType::Challenge => return vec![self.hello_with_cookie(&datagram)],
            PacketType::Accept => self.take_accept(&datagram),
            PacketType::Control => self.open(&mut datagram),
            other => panic!("a DC sends no {other:?} to a node"),
        };
        let answers: Vec<Message> = if self.answers {
            messages.iter().filter_map(|m| self.answer(m)).collect()
        } else {
            Vec::new()
        };
        self.got.extend(messages);
        answers.into_iter().map(|a| self.control(&[a])).collect()
    }

    fn answer(&self, message: &Message) -> Option<Message> {
        let Message::RouteDirection(direction) = message else {
            return None;
        };
        Some(
            RouteDirectionResponse {
                tx: direction.tx,
                consent: self.consent,
            }
            .into(),
        )
    }

    fn take_accept(&mut self, datagram: &[u8]) -> Vec<Message> {
        let d = Datagram::new_checked(datagram).unwrap();
        let Some((mut handshake, _, sid)) = self.hello.take() else {
            return Vec::new();
        };
        let payload = handshake.read(d.body()).expect("the DC's Accept must open");
        let dc_sid = u64::from_be_bytes(*payload.first_chunk().unwrap());
        let keys = handshake.finish().unwrap();
        if dc_sid != 0 {
            self.session = Some(Session {
                sid,
                dc_sid,
                keys,
                counter: 0,
            });
        }
        Messages::parse_all(&payload[8..]).unwrap()
    }

    fn open(&mut self, datagram: &mut [u8]) -> Vec<Message> {
        let d = Datagram::new_checked(datagram).unwrap();
        let Some(session) = self.session.as_ref().filter(|s| s.sid == d.selector()) else {
            return Vec::new();
        };
        let (counter, aad) = (d.counter(), d.aad());
        let content = OpeningKey::new(&session.keys.recv)
            .open(counter, &aad, d.into_body_mut())
            .unwrap();
        Messages::parse_all(content).unwrap()
    }

    /// Seals messages on the session.
    pub(crate) fn control(&mut self, messages: &[Message]) -> Vec<u8> {
        let session = self.session.as_mut().expect("a session stands");
        let header = Header {
            kind: PacketType::Control,
            selector: session.dc_sid,
            counter: session.counter,
        };
        session.counter += 1;
        let mut out = header.emit();
        out.extend(emit_all(messages));
        SealingKey::new(&session.keys.send).seal(
            header.counter,
            &[header.first_byte()],
            &mut out,
            HEADER_LEN,
        );
        out
    }

    pub(crate) fn has_session(&self) -> bool {
        self.session.is_some()
    }
}

/// Picks one kind of message out of what was received.
macro_rules! got {
    ($node:expr, $kind:ident) => {
        $node
            .got
            .iter()
            .filter_map(|m| {
                if let ntm_wire::message::Message::$kind(m) = m {
                    Some(m)
                } else {
                    None
                }
            })
            .collect::<Vec<_>>()
    };
}
pub(crate) use got;
