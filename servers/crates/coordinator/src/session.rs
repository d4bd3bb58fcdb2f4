//! Control sessions: two keys, a counter, a replay window; and the pair an endpoint holds.
//!
//! A DC holds a million of them, so a session keeps its keys, not their AES schedules: expanding one
//! costs less than the datagram's own encryption, and saves half a kilobyte.

use ntm_wire::header::{Datagram, Header, PacketType};
use ntm_wire::key::SecretKey;
use ntm_wire::noise::SessionKeys;
use ntm_wire::seal::{OpeningKey, SealingKey};

/// One established session.
#[derive(Debug)]
pub(crate) struct Session {
    sid: u64,
    peer_sid: u64,
    sealing: SecretKey,
    opening: SecretKey,
    counter: u64,
    window: Window,
    /// Whether the peer is known to hold the keys now.
    is_proven: bool,
}

/// Why a datagram of a session is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// Its session is gone.
    Unknown,
    /// Its counter was seen, or is too old.
    Replayed,
    /// Its seal does not hold.
    BadSeal,
}

impl Session {
    pub(crate) fn new(sid: u64, peer_sid: u64, keys: &SessionKeys) -> Self {
        Self {
            sid,
            peer_sid,
            sealing: keys.send.clone(),
            opening: keys.recv.clone(),
            counter: 0,
            window: Window::default(),
            is_proven: false,
        }
    }

    fn seal(&mut self, content: &[u8]) -> Vec<u8> {
        let header = Header {
            kind: PacketType::Control,
            selector: self.peer_sid,
            counter: self.counter,
        };
        self.counter += 1;
        let mut out = header.emit();
        let from = out.len();
        out.extend_from_slice(content);
        SealingKey::new(&self.sealing).seal(header.counter, &[header.first_byte()], &mut out, from);
        out
    }

    fn open<'a>(&mut self, d: Datagram<&'a mut [u8]>) -> Result<Opened<'a>, Unopened> {
        let (counter, aad) = (d.counter(), d.aad());
        if !self.window.is_fresh(counter) {
            return Err(Unopened::Replayed);
        }
        let content = OpeningKey::new(&self.opening)
            .open(counter, &aad, d.into_body_mut())
            .map_err(|_| Unopened::BadSeal)?;
        let is_newest = self.window.mark(counter);
        self.is_proven = true;
        Ok(Opened {
            content,
            is_newest,
            died: None,
        })
    }
}

/// What came out of a datagram.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    /// The messages, framed.
    pub(crate) content: &'a [u8],
    /// Whether it is the newest of the session in use: then it also tells where the peer is.
    pub(crate) is_newest: bool,
    /// A session that ended by it.
    pub(crate) died: Option<u64>,
}

/// Whether a session is proven to be with the peer as it lives now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It is: what opened it can't be a replay.
    Fresh,
    /// What opened it may have been recorded: the peer must use the session before we do.
    Unproven,
}

/// The sessions with one peer: the one in use, and one before or after it.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    current: Option<Session>,
    other: Option<Box<Other>>,
}

#[derive(Debug)]
struct Other {
    session: Session,
    is_newer: bool,
}

impl Sessions {
    /// Takes a new session; returns the id of one that ended by it.
    pub(crate) fn install(&mut self, mut session: Session, trust: Trust) -> Option<u64> {
        session.is_proven = trust == Trust::Fresh;
        let is_newer = !session.is_proven && self.current.as_ref().is_some_and(|c| c.is_proven);
        let other = if is_newer {
            Some(session)
        } else {
            self.current.replace(session)
        };
        let other = other.map(|session| Box::new(Other { session, is_newer }));
        let dead = core::mem::replace(&mut self.other, other);
        dead.map(|o| o.session.sid)
    }

    /// Seals content on the session in use; `None` without one.
    pub(crate) fn seal(&mut self, content: &[u8]) -> Option<Vec<u8>> {
        self.current.as_mut().map(|s| s.seal(content))
    }

    /// Opens a datagram of either session. A newer session that its peer has used is the one in use
    /// from then on; the older one ends when that is used again.
    pub(crate) fn open<'a>(&mut self, d: Datagram<&'a mut [u8]>) -> Result<Opened<'a>, Unopened> {
        let sid = d.selector();
        if let Some(current) = self.current.as_mut().filter(|s| s.sid == sid) {
            let mut opened = current.open(d)?;
            let is_outlived = self.other.as_ref().is_some_and(|o| !o.is_newer);
            // One more datagram may be on its way under the old session: it ends with the second use.
            if is_outlived && self.current.as_ref().is_some_and(|s| s.window.next > 2) {
                opened.died = self.other.take().map(|o| o.session.sid);
            }
            return Ok(opened);
        }
        let other = self.other.as_mut().filter(|o| o.session.sid == sid);
        let other = other.ok_or(Unopened::Unknown)?;
        let mut opened = other.session.open(d)?;
        if other.is_newer {
            self.promote();
        } else {
            opened.is_newest = false;
        }
        Ok(opened)
    }

    fn promote(&mut self) {
        if let Some(other) = self.other.take() {
            let old = self.current.replace(other.session);
            self.other = old.map(|session| {
                Box::new(Other {
                    session,
                    is_newer: false,
                })
            });
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.current.is_some()
    }

    /// Ends both; returns their ids.
    pub(crate) fn clear(&mut self) -> impl Iterator<Item = u64> + use<> {
        let current = self.current.take().map(|s| s.sid);
        let other = self.other.take().map(|o| o.session.sid);
        current.into_iter().chain(other)
    }
}

/// A replay window of 128 counters: control messages are few, and a node's share of memory is small.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    next: u64,
    seen: [u64; 2],
}

const WINDOW: u64 = 128;

impl Window {
    fn is_fresh(&self, counter: u64) -> bool {
        if counter >= self.next {
            return counter != u64::MAX;
        }
        let age = self.next - 1 - counter;
        age < WINDOW && self.bits() >> age & 1 == 0
    }

    /// Marks an authenticated counter; says whether it is the newest.
    fn mark(&mut self, counter: u64) -> bool {
        let is_newest = counter >= self.next;
        let mut bits = self.bits();
        if is_newest {
            let shift = counter - self.next + 1;
            bits = u32::try_from(shift)
                .ok()
                .and_then(|s| bits.checked_shl(s))
                .unwrap_or(0)
                | 1;
            self.next = counter + 1;
        } else {
            bits |= 1 << ((self.next - 1 - counter) % WINDOW);
        }
        self.seen = [(bits >> 64) as u64, bits as u64];
        is_newest
    }

    fn bits(&self) -> u128 {
        u128::from(self.seen[0]) << 64 | u128::from(self.seen[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_counter_passes_once_and_old_ones_never() {
        let (mut window, mut seen, mut x, mut top) =
            (Window::default(), BTreeSet::new(), 7u64, 0u64);
        for _ in 0..50_000 {
            x = x
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let counter = (top + (x >> 33) % 9).saturating_sub((x >> 50) % 200);
            let is_old = top.saturating_sub(counter) >= WINDOW;
            assert_eq!(
                window.is_fresh(counter),
                !is_old && !seen.contains(&counter),
                "{counter} of {top}"
            );
            if window.is_fresh(counter) {
                assert_eq!(window.mark(counter), seen.is_empty() || counter > top);
                seen.insert(counter);
                top = top.max(counter);
            }
        }
    }

    fn ends(sid: u64) -> (Session, Session) {
        let keys = |a, b| SessionKeys {
            send: SecretKey::new([a; 32]),
            recv: SecretKey::new([b; 32]),
        };
        let (a, b) = (sid as u8, sid as u8 + 100);
        (
            Session::new(sid, sid + 1000, &keys(a, b)),
            Session::new(sid + 1000, sid, &keys(b, a)),
        )
    }

    fn open(sessions: &mut Sessions, mut bytes: Vec<u8>) -> Result<Vec<u8>, Unopened> {
        sessions
            .open(Datagram::new_checked(bytes.as_mut_slice()).unwrap())
            .map(|o| o.content.to_vec())
    }

    #[test]
    fn an_unproven_session_is_used_only_after_its_peer_used_it() {
        let ((old, mut old_peer), (new, mut new_peer)) = (ends(1), ends(2));
        let mut sessions = Sessions::default();
        sessions.install(old, Trust::Fresh);
        sessions.install(new, Trust::Unproven);
        assert!(
            old_peer
                .open(Datagram::new_checked(sessions.seal(b"x").unwrap().as_mut_slice()).unwrap())
                .is_ok()
        );
        assert_eq!(open(&mut sessions, new_peer.seal(b"y")), Ok(b"y".to_vec()));
        assert!(
            new_peer
                .open(Datagram::new_checked(sessions.seal(b"z").unwrap().as_mut_slice()).unwrap())
                .is_ok()
        );
        assert_eq!(
            open(&mut sessions, old_peer.seal(b"late")),
            Ok(b"late".to_vec()),
            "the old one still opens"
        );
    }

    #[test]
    fn a_session_opens_nothing_twice_and_nothing_altered() {
        let (ours, mut peer) = ends(1);
        let mut sessions = Sessions::default();
        sessions.install(ours, Trust::Fresh);
        let bytes = peer.seal(b"x");
        assert_eq!(open(&mut sessions, bytes.clone()), Ok(b"x".to_vec()));
        assert_eq!(open(&mut sessions, bytes), Err(Unopened::Replayed));
        let mut bytes = peer.seal(b"x");
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(open(&mut sessions, bytes), Err(Unopened::BadSeal));
    }
}
