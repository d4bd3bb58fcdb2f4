//! What came, what went, what was dropped and why.

/// Counts since the start; only ever rising.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams that came in.
    pub received: u64,
    /// Datagrams dropped, by reason.
    pub dropped: Dropped,
    /// Datagrams sent, by kind.
    pub sent: Sent,
    /// Sessions opened with nodes.
    pub sessions: u64,
    /// Registrations taken, first ones and renewals.
    pub registrations: u64,
    /// Registrations refused with an error.
    pub refused_registrations: u64,
    /// Direction requests that came in, duplicates not counted.
    pub directions: u64,
    /// Tunnels directed at both ends.
    pub directed: u64,
    /// Direction requests that ended with an error.
    pub failed_directions: u64,
    /// Wake-ups sent.
    pub wakes: u64,
    /// Duplicates answered from memory.
    pub duplicates: u64,
    /// Messages sent again because nobody answered.
    pub retransmissions: u64,
}

/// Datagrams and messages that changed nothing, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// No header of ours, or content that does not parse.
    pub malformed: u64,
    /// A type that no DC takes.
    pub unexpected_type: u64,
    /// For another key.
    pub wrong_key: u64,
    /// A Hello below 1,200 bytes.
    pub short_hello: u64,
    /// No session of this id.
    pub unknown_session: u64,
    /// A counter seen before, or too old.
    pub replayed: u64,
    /// A seal or handshake that does not hold.
    pub bad_seal: u64,
    /// A cookie that is not ours, not for this address, or too old; answered with a fresh one.
    pub bad_cookie: u64,
    /// A ticket that does not open.
    pub bad_ticket: u64,
    /// A proof not made with the ticket's node key.
    pub bad_proof: u64,
    /// Beyond a limit.
    pub rate_limited: u64,
    /// A table was full.
    pub table_full: u64,
    /// A server that is not pinned.
    pub unknown_server: u64,
    /// A message this sender may not send, or an answer that nobody waits for.
    pub out_of_order: u64,
    /// A foreign certificate that does not verify.
    pub bad_certificate: u64,
    /// An epoch below the highest known.
    pub stale_epoch: u64,
    /// A message that outgrew a datagram.
    pub oversized: u64,
}

impl Dropped {
    /// All of them.
    pub fn total(&self) -> u64 {
        [
            self.malformed,
            self.unexpected_type,
            self.wrong_key,
            self.short_hello,
            self.unknown_session,
            self.replayed,
            self.bad_seal,
            self.bad_cookie,
            self.bad_ticket,
            self.bad_proof,
            self.rate_limited,
            self.table_full,
            self.unknown_server,
            self.out_of_order,
            self.bad_certificate,
            self.stale_epoch,
            self.oversized,
        ]
        .iter()
        .sum()
    }
}

/// Datagrams sent, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Cookies.
    pub challenges: u64,
    /// Sessions opened.
    pub accepts: u64,
    /// On sessions and links.
    pub controls: u64,
    /// Links asked for.
    pub link_hellos: u64,
    /// Links opened.
    pub link_accepts: u64,
}
