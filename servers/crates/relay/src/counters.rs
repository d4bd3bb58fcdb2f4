//! What happened so far, as plain numbers.

/// Why a datagram was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// Shorter than a header, of another version, or of an unknown type.
    Malformed,
    /// Of a type that no Relay Server takes.
    NotForRelay,
    /// No leg sends under this path id.
    UnknownPath,
    /// The leg is bound to another address.
    WrongAddress,
    /// The other end has not bound its leg.
    NoPeer,
    /// The other end has not proved its address, and has had three times what it sent.
    NoCredit,
    /// Over the leg's limit.
    OverLimit,
    /// Too many binds from one source, or altogether.
    BindLimited,
    /// A Bind without the cookie that is asked for under load.
    Challenged,
    /// A Bind that is not padded.
    Unpadded,
    /// A Bind that this server's key does not open, or whose content is no bind.
    BadBind,
    /// A token by no DC known, altered, of another server, or of another kind than the request.
    BadToken,
    /// A bind whose HMAC is wrong, or whose family is not the one it came over.
    BadMac,
    /// A token for path ids that another DC's leg holds.
    PathTaken,
    /// A Leg packet that the leg key does not open, or that holds none of the messages due.
    BadLeg,
    /// A cookie that is not the one sent to that address.
    BadCookie,
    /// A link packet of an unknown session or DC, forged, or with none of the messages due.
    BadLink,
    /// A link packet that came before.
    LinkReplayed,
    /// A measurement that was answered before.
    MeasureReplayed,
    /// More answers wait to be sent than the server keeps.
    QueueFull,
}

impl DropReason {
    /// Every reason, in order of declaration.
    pub const ALL: [Self; 20] = [
        Self::Malformed,
        Self::NotForRelay,
        Self::UnknownPath,
        Self::WrongAddress,
        Self::NoPeer,
        Self::NoCredit,
        Self::OverLimit,
        Self::BindLimited,
        Self::Challenged,
        Self::Unpadded,
        Self::BadBind,
        Self::BadToken,
        Self::BadMac,
        Self::PathTaken,
        Self::BadLeg,
        Self::BadCookie,
        Self::BadLink,
        Self::LinkReplayed,
        Self::MeasureReplayed,
        Self::QueueFull,
    ];

    /// The reason as a metric's label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotForRelay => "not_for_relay",
            Self::UnknownPath => "unknown_path",
            Self::WrongAddress => "wrong_address",
            Self::NoPeer => "no_peer",
            Self::NoCredit => "no_credit",
            Self::OverLimit => "over_limit",
            Self::BindLimited => "bind_limited",
            Self::Challenged => "challenged",
            Self::Unpadded => "unpadded",
            Self::BadBind => "bad_bind",
            Self::BadToken => "bad_token",
            Self::BadMac => "bad_mac",
            Self::PathTaken => "path_taken",
            Self::BadLeg => "bad_leg",
            Self::BadCookie => "bad_cookie",
            Self::BadLink => "bad_link",
            Self::LinkReplayed => "link_replayed",
            Self::MeasureReplayed => "measure_replayed",
            Self::QueueFull => "queue_full",
        }
    }
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams received, whatever became of them.
    pub received: u64,
    /// Datagrams forwarded; one that goes to two addresses of a moving node counts once.
    pub forwarded: u64,
    /// Bytes of them.
    pub forwarded_bytes: u64,
    /// Datagrams that went to two addresses.
    pub doubled: u64,
    /// Datagrams of the server's own: answers, hints, reports.
    pub sent: u64,
    /// Legs bound for the first time.
    pub bound: u64,
    /// Binds of a leg that stood.
    pub rebound: u64,
    /// New addresses proved by their cookie.
    pub confirmed: u64,
    /// Binds and confirmations that came twice from one address: answered alike, nothing changes.
    pub repeats: u64,
    /// Binds answered with `Stale`.
    pub stale: u64,
    /// Binds answered with `ClockOff`.
    pub clock_off: u64,
    /// Binds answered with `Expired`: the token's day is over, or its path was revoked.
    pub expired: u64,
    /// Binds answered with `Draining`: drained, or the table is full.
    pub refused: u64,
    /// Round trips measured with a measure token.
    pub measured: u64,
    /// Hints sent.
    pub hints: u64,
    /// Binds asked to come again with a cookie.
    pub challenges: u64,
    /// Legs forgotten because nothing came from their node.
    pub idle: u64,
    /// Legs forgotten because the DC revoked their path.
    pub revoked: u64,
    /// Reports that a DC has answered.
    pub reports: u64,
    dropped: [u64; DropReason::ALL.len()],
}

impl Counters {
    /// Datagrams dropped for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// Datagrams dropped altogether.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().sum()
    }

    pub(crate) fn drop_for(&mut self, reason: DropReason) {
        self.dropped[reason as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_place_and_label() {
        for (i, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, i, "{reason:?} is where its number says");
            let same = |other: &DropReason| other.label() == reason.label();
            assert_eq!(DropReason::ALL.iter().filter(|r| same(r)).count(), 1);
        }
    }

    #[test]
    fn a_drop_counts_for_its_reason_alone() {
        let mut counters = Counters::default();
        counters.drop_for(DropReason::NoPeer);
        assert_eq!(counters.dropped(DropReason::NoPeer), 1);
        assert_eq!(counters.dropped_total(), 1);
    }
}
