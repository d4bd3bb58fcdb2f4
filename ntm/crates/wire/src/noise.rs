//! The Noise handshakes (crate `snow`), with random numbers from a seed.
//!
//! | who | pattern | where |
//! | --- | --- | --- |
//! | node -> DC | `NKpsk2`, psk: node key | [`hello_initiator`], [`hello_responder`] |
//! | server <-> server | `KK` | [`link_initiator`], [`link_responder`] |
//! | node -> RS, sleeping node -> DC | `N`, one way | [`seal_to_server`], [`open_at_server`] |
//! | node <-> node | `KKpsk0`, psk: path key | [`tunnel_initiator`], [`tunnel_responder`] |

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState};

use crate::key::{IdentityKey, KeyPair, SecretKey, ServerKey};

const HELLO: &str = "Noise_NKpsk2_25519_AESGCM_SHA256";
const LINK: &str = "Noise_KK_25519_AESGCM_SHA256";
const ONE_WAY: &str = "Noise_N_25519_AESGCM_SHA256";
const TUNNEL: &str = "Noise_KKpsk0_25519_AESGCM_SHA256";
/// Bytes that a first Noise message adds to its payload: ephemeral key and tag.
pub const NOISE_OVERHEAD: usize = 48;

/// A handshake that failed: wrong keys, altered bytes, or out of turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the handshake does not hold")]
pub struct BadHandshake;

impl From<snow::Error> for BadHandshake {
    fn from(_: snow::Error) -> Self {
        Self
    }
}

/// A handshake under way.
pub struct Handshake(HandshakeState);

/// The keys of a finished handshake, one per direction.
#[derive(Clone, Debug)]
pub struct SessionKeys {
    /// Seals what this end sends.
    pub send: SecretKey,
    /// Opens what it receives.
    pub recv: SecretKey,
}

impl Handshake {
    /// The next message, with `payload` sealed inside.
    pub fn write(&mut self, payload: &[u8]) -> Result<Vec<u8>, BadHandshake> {
        let mut out = vec![0; payload.len() + NOISE_OVERHEAD];
        let n = self.0.write_message(payload, &mut out)?;
        out.truncate(n);
        Ok(out)
    }

    /// Reads the peer's message; returns its payload.
    pub fn read(&mut self, message: &[u8]) -> Result<Vec<u8>, BadHandshake> {
        let mut out = vec![0; message.len()];
        let n = self.0.read_message(message, &mut out)?;
        out.truncate(n);
        Ok(out)
    }

    /// Gives a Hello responder the node key, which it learns from the ticket inside the first message.
    pub fn set_node_key(&mut self, node_key: &SecretKey) -> Result<(), BadHandshake> {
        Ok(self.0.set_psk(2, node_key.expose())?)
    }

    /// The session keys, once both messages were exchanged.
    pub fn finish(&mut self) -> Result<SessionKeys, BadHandshake> {
        if !self.0.is_handshake_finished() {
            return Err(BadHandshake);
        }
        let (a, b) = self.0.dangerously_get_raw_split();
        let (a, b) = (SecretKey::new(a), SecretKey::new(b));
        let initiator = self.0.is_initiator();
        Ok(if initiator {
            SessionKeys { send: a, recv: b }
        } else {
            SessionKeys { send: b, recv: a }
        })
    }
}

impl core::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Handshake(..)")
    }
}

/// Node's side of a Hello: the DC's key is known, the node key is mixed into the second message.
pub fn hello_initiator(
    seed: [u8; 32],
    dc: &ServerKey,
    node_key: &SecretKey,
    prologue: &[u8],
) -> Result<Handshake, BadHandshake> {
    let b = builder(HELLO, seed)?
        .prologue(prologue)?
        .remote_public_key(&dc.0)?
        .psk(2, node_key.expose())?;
    Ok(Handshake(b.build_initiator()?))
}

/// DC's side; call [`Handshake::set_node_key`] between reading and writing.
pub fn hello_responder(
    seed: [u8; 32],
    own: &KeyPair,
    prologue: &[u8],
) -> Result<Handshake, BadHandshake> {
    let b = builder(HELLO, seed)?
        .prologue(prologue)?
        .local_private_key(own.private().expose())?;
    Ok(Handshake(b.build_responder()?))
}

/// The asking server's side of a link.
pub fn link_initiator(
    seed: [u8; 32],
    own: &KeyPair,
    peer: &ServerKey,
    prologue: &[u8],
) -> Result<Handshake, BadHandshake> {
    let b = builder(LINK, seed)?
        .prologue(prologue)?
        .local_private_key(own.private().expose())?;
    Ok(Handshake(b.remote_public_key(&peer.0)?.build_initiator()?))
}

/// The answering server's side of a link.
pub fn link_responder(
    seed: [u8; 32],
    own: &KeyPair,
    peer: &ServerKey,
    prologue: &[u8],
) -> Result<Handshake, BadHandshake> {
    let b = builder(LINK, seed)?
        .prologue(prologue)?
        .local_private_key(own.private().expose())?;
    Ok(Handshake(b.remote_public_key(&peer.0)?.build_responder()?))
}

/// The caller's side of a tunnel.
pub fn tunnel_initiator(
    seed: [u8; 32],
    own: &KeyPair,
    peer: &IdentityKey,
    psk: &SecretKey,
    prologue: &[u8],
) -> Result<Handshake, BadHandshake> {
    let b = builder(TUNNEL, seed)?
        .prologue(prologue)?
        .local_private_key(own.private().expose())?;
    Ok(Handshake(
        b.remote_public_key(&peer.0)?
            .psk(0, psk.expose())?
            .build_initiator()?,
    ))
}

/// The callee's side of a tunnel.
pub fn tunnel_responder(
    seed: [u8; 32],
    own: &KeyPair,
    peer: &IdentityKey,
    psk: &SecretKey,
    prologue: &[u8],
) -> Result<Handshake, BadHandshake> {
    let b = builder(TUNNEL, seed)?
        .prologue(prologue)?
        .local_private_key(own.private().expose())?;
    Ok(Handshake(
        b.remote_public_key(&peer.0)?
            .psk(0, psk.expose())?
            .build_responder()?,
    ))
}

/// One message that only the server with this key can open.
pub fn seal_to_server(
    seed: [u8; 32],
    server: &ServerKey,
    prologue: &[u8],
    payload: &[u8],
) -> Result<Vec<u8>, BadHandshake> {
    let b = builder(ONE_WAY, seed)?
        .prologue(prologue)?
        .remote_public_key(&server.0)?;
    Handshake(b.build_initiator()?).write(payload)
}

/// Opens a message of [`seal_to_server`].
pub fn open_at_server(
    own: &KeyPair,
    prologue: &[u8],
    message: &[u8],
) -> Result<Vec<u8>, BadHandshake> {
    let b = builder(ONE_WAY, [0; 32])?
        .prologue(prologue)?
        .local_private_key(own.private().expose())?;
    Handshake(b.build_responder()?).read(message)
}

fn builder<'a>(pattern: &str, seed: [u8; 32]) -> Result<Builder<'a>, BadHandshake> {
    Ok(Builder::with_resolver(
        pattern.parse()?,
        Box::new(Seeded(seed)),
    ))
}

/// The default primitives, but random numbers from a seed that must be used for one handshake only.
struct Seeded([u8; 32]);

impl CryptoResolver for Seeded {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(SeededRng(ChaCha20Rng::from_seed(self.0))))
    }
    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }
    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }
    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

struct SeededRng(ChaCha20Rng);

impl Random for SeededRng {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        self.0.fill_bytes(dest);
        Ok(())
    }
}
