//! A tunnel's keys: one per direction and key epoch, old ones for a while (rule 4).

use core::time::Duration;

use ntm_wire::header::{DataCounter, Header, PacketType};
use ntm_wire::kdf::derive;
use ntm_wire::key::SecretKey;
use ntm_wire::noise::SessionKeys;
use ntm_wire::replay::ReplayWindow;
use ntm_wire::seal::{OpeningKey, SealingKey};
use ntm_wire::time::Mono;

/// After a rekey the old key is accepted for this long, for packets still under way.
const OLD_KEY_LIFE: Duration = Duration::from_secs(10);

/// Loss is counted over so many packets of the peer, 5 s of speech,
const RECENT: u64 = 256;
/// and not among the newest, which may only be late.
const LATE: u64 = 16;

struct Inbound {
    epoch: u8,
    key: OpeningKey,
    window: ReplayWindow,
    until: Option<Mono>,
}

/// Keys of a tunnel that stands.
pub(crate) struct KeyRing {
    epoch: u8,
    sealing: SealingKey,
    next_number: u64,
    inbound: Vec<Inbound>,
    /// Keys that wait until the peer is known to have them too.
    pending: Option<Pending>,
    /// Mixed into the next rekeying, so that whoever stole an identity key later learns nothing.
    chain: SecretKey,
    since: Mono,
}

struct Pending {
    epoch: u8,
    sealing: SealingKey,
    chain: SecretKey,
}

/// Why a data packet does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// No key of this epoch.
    UnknownEpoch,
    /// Seen before.
    Replayed,
    /// Altered or forged.
    BadSeal,
}

impl KeyRing {
    pub(crate) fn new(keys: &SessionKeys, path_key: &SecretKey, now: Mono) -> Self {
        Self {
            epoch: 0,
            sealing: SealingKey::new(&keys.send),
            next_number: 0,
            inbound: vec![Inbound::new(0, &keys.recv)],
            pending: None,
            chain: chain(path_key, keys),
            since: now,
        }
    }

    /// What this tunnel's path ids are derived from (rule 13). Asked for before any rekeying, it is the same at both
    /// ends for as long as the tunnel lives.
    pub(crate) fn path_id_secret(&self) -> SecretKey {
        derive(&self.chain, "ntm path id secret", &[])
    }

    /// Seals a content into a whole datagram but for its path id, which is that of the way it goes.
    pub(crate) fn seal(&mut self, content: &[u8]) -> Vec<u8> {
        let counter = DataCounter {
            key_epoch: self.epoch,
            number: self.next_number,
        }
        .to_u64();
        self.next_number += 1;
        let header = Header {
            kind: PacketType::Data,
            selector: 0,
            counter,
        };
        let mut out = header.emit();
        let from = out.len();
        out.extend_from_slice(content);
        self.sealing
            .seal(counter, &[header.first_byte()], &mut out, from);
        out
    }

    /// Opens a data packet's body in place; the length of the content is returned.
    pub(crate) fn open(
        &mut self,
        now: Mono,
        counter: u64,
        aad: &[u8],
        body: &mut [u8],
    ) -> Result<usize, OpenError> {
        let DataCounter { key_epoch, number } = DataCounter::from_u64(counter);
        let inbound = self
            .inbound
            .iter_mut()
            .find(|k| k.epoch == key_epoch)
            .ok_or(OpenError::UnknownEpoch)?;
        if !inbound.window.is_fresh(number) {
            return Err(OpenError::Replayed);
        }
        let len = inbound
            .key
            .open(counter, aad, body)
            .map_err(|_| OpenError::BadSeal)?
            .len();
        inbound.window.mark(number);
        self.switch_when_peer_has(key_epoch, now);
        Ok(len)
    }

    /// Opens once more what was seen before.
    pub(crate) fn open_double(&self, counter: u64, aad: &[u8], body: &mut [u8]) -> Option<usize> {
        let epoch = DataCounter::from_u64(counter).key_epoch;
        let inbound = self.inbound.iter().find(|k| k.epoch == epoch)?;
        inbound.key.open(counter, aad, body).ok().map(|c| c.len())
    }

    /// Installs the keys of a rekeying. The end that answered (`wait`) goes on with the old sending key
    /// until the peer shows that it has the new one; a second rekeying to the same epoch replaces a
    /// first one that came to nothing.
    pub(crate) fn install(&mut self, epoch: u8, keys: &SessionKeys, wait: bool, now: Mono) {
        self.inbound.retain(|k| k.epoch != epoch);
        self.inbound.push(Inbound::new(epoch, &keys.recv));
        let chain = chain(&self.chain, keys);
        self.pending = Some(Pending {
            epoch,
            sealing: SealingKey::new(&keys.send),
            chain,
        });
        self.since = now;
        if !wait {
            self.switch_when_peer_has(epoch, now);
        }
    }

    /// The share of the peer's last packets that did not come, by whatever way they went; nothing, as long as
    /// too few did.
    pub(crate) fn loss(&self) -> Option<f64> {
        let newest = self.inbound.iter().find(|k| k.epoch == self.epoch)?;
        let (missing, of) = newest.window.missing(LATE, RECENT);
        (of >= RECENT / 4).then(|| missing as f64 / of as f64)
    }

    /// Forgets old keys.
    pub(crate) fn expire(&mut self, now: Mono) {
        self.inbound.retain(|k| k.until.is_none_or(|t| now < t));
    }

    /// The pre-shared key of the next rekeying.
    pub(crate) fn rekey_psk(&self) -> SecretKey {
        derive(&self.chain, "ntm rekey psk", &[])
    }

    /// The epoch that the next rekeying leads to.
    pub(crate) fn next_epoch(&self) -> u8 {
        self.epoch.wrapping_add(1)
    }

    /// Since when the newest keys stand, and how many packets the sending key has sealed.
    pub(crate) fn age(&self) -> (Mono, u64) {
        (self.since, self.next_number)
    }

    fn switch_when_peer_has(&mut self, epoch: u8, now: Mono) {
        let Some(pending) = self.pending.take_if(|p| p.epoch == epoch) else {
            return;
        };
        for old in self.inbound.iter_mut().filter(|k| k.epoch != epoch) {
            old.until.get_or_insert(now + OLD_KEY_LIFE);
        }
        self.sealing = pending.sealing;
        self.chain = pending.chain;
        self.epoch = epoch;
        self.next_number = 0;
    }
}

impl Inbound {
    fn new(epoch: u8, key: &SecretKey) -> Self {
        Self {
            epoch,
            key: OpeningKey::new(key),
            window: ReplayWindow::default(),
            until: None,
        }
    }
}

impl core::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "KeyRing(epoch {})", self.epoch)
    }
}

/// Both ends order the two keys alike.
fn chain(previous: &SecretKey, keys: &SessionKeys) -> SecretKey {
    let (a, b) = (keys.send.expose(), keys.recv.expose());
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    derive(previous, "ntm rekey chain", &[low, high])
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Mono = Mono::from_micros(0);

    fn key(n: u8) -> SecretKey {
        SecretKey::new([n; 32])
    }

    fn keys(n: u8, flip: bool) -> SessionKeys {
        let (send, recv) = if flip {
            (key(n + 1), key(n))
        } else {
            (key(n), key(n + 1))
        };
        SessionKeys { send, recv }
    }

    fn pair() -> (KeyRing, KeyRing) {
        let ring = |flip| KeyRing::new(&keys(1, flip), &key(9), FIRST);
        (ring(false), ring(true))
    }

    fn open(ring: &mut KeyRing, now: Mono, mut datagram: Vec<u8>) -> Result<usize, OpenError> {
        let d = ntm_wire::header::Datagram::new_checked(&mut datagram[..]).unwrap();
        let (counter, aad) = (d.counter(), d.aad());
        ring.open(now, counter, &aad, d.into_body_mut())
    }

    #[test]
    fn a_rekeying_loses_no_packet_in_either_direction() {
        let (mut asker, mut answerer) = pair();
        let late = asker.seal(b"sent before, arrives after");
        answerer.install(1, &keys(3, true), true, FIRST);
        let old = answerer.seal(b"the answerer still sends with the old key");
        asker.install(1, &keys(3, false), false, FIRST);
        assert_eq!(open(&mut asker, FIRST, old), Ok(41));
        assert_eq!(open(&mut answerer, FIRST, late), Ok(26));
        let new = asker.seal(b"new");
        assert_eq!(open(&mut answerer, FIRST, new), Ok(3));
        let switched = answerer.seal(b"the answerer has seen the new epoch");
        assert_eq!(switched[9], 1, "the key epoch is in the header");
        assert!(open(&mut asker, FIRST, switched).is_ok());
        assert!(
            asker.rekey_psk() == answerer.rekey_psk(),
            "both ends agree on the next one"
        );
    }

    #[test]
    fn an_answerer_whose_answer_was_lost_goes_on_with_the_old_key_for_ever() {
        let (mut asker, mut answerer) = pair();
        answerer.install(1, &keys(3, true), true, FIRST);
        let much_later = FIRST + Duration::from_secs(600);
        answerer.expire(much_later);
        assert!(open(&mut answerer, much_later, asker.seal(b"old")).is_ok());
        answerer.install(1, &keys(5, true), true, much_later);
        asker.install(1, &keys(5, false), false, much_later);
        assert!(open(&mut answerer, much_later, asker.seal(b"second try")).is_ok());
    }

    #[test]
    fn loss_is_that_of_the_peers_last_packets() {
        let (mut a, mut b) = pair();
        for n in 0..80 {
            assert_eq!(b.loss(), None, "too few to tell");
            let packet = a.seal(b"one in eight is lost");
            if n % 8 != 0 {
                open(&mut b, FIRST, packet).unwrap();
            }
        }
        assert_eq!(b.loss(), Some(0.125));
    }

    #[test]
    fn an_old_key_is_refused_after_ten_seconds() {
        let (mut asker, mut answerer) = pair();
        let late = asker.seal(b"late");
        answerer.install(1, &keys(3, true), true, FIRST);
        asker.install(1, &keys(3, false), false, FIRST);
        assert!(open(&mut answerer, FIRST, asker.seal(b"new")).is_ok());
        let after = FIRST + OLD_KEY_LIFE;
        answerer.expire(after);
        assert_eq!(
            open(&mut answerer, after, late),
            Err(OpenError::UnknownEpoch)
        );
    }

    #[test]
    fn replayed_and_altered_packets_are_told_apart() {
        let (mut a, mut b) = pair();
        let packet = a.seal(b"once");
        assert!(open(&mut b, FIRST, packet.clone()).is_ok());
        assert_eq!(open(&mut b, FIRST, packet), Err(OpenError::Replayed));
        let mut altered = a.seal(b"altered");
        *altered.last_mut().unwrap() ^= 1;
        assert_eq!(open(&mut b, FIRST, altered), Err(OpenError::BadSeal));
    }
}
