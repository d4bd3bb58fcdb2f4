//! Registration Request and Response: node <-> DC.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::relay::{read_v4, read_v6, write_v4, write_v6};
use super::{read_result, write_result};
use crate::addr::{Candidate, MAX_CANDIDATES, NatVerdict, RealAddr, VirtualAddrs};
use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::id::{Epoch, RsId, TxId};
use crate::key::{SecretKey, ServerKey};
use crate::push::PushToken;
use crate::token::SealedToken;

/// At most this many relays in a Registration Response: what fits a control datagram.
pub const MAX_RELAYS: usize = 4;

/// Where the node is and what it has measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationRequest {
    /// Transaction.
    pub tx: TxId,
    /// Void if lower than the highest known.
    pub epoch: Epoch,
    /// Every local address, by interface.
    pub candidates: Vec<Candidate>,
    /// What the node has found out of its NAT.
    pub nat: NatVerdict,
    /// How to wake the node; opaque to the DC.
    pub push_token: Option<PushToken>,
    /// Round trips to relays.
    pub relay_rtts: Vec<RelayRtt>,
}

/// A measured round trip to a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayRtt {
    /// Which relay.
    pub rs: RsId,
    /// In milliseconds.
    pub rtt_ms: u16,
}

/// The DC's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationResponse {
    /// Transaction of the request.
    pub tx: TxId,
    /// What the node is now, or why not.
    pub result: Result<Registered, RegistrationError>,
}

/// A registration that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Permanent addresses.
    pub addrs: VirtualAddrs,
    /// The address the request came from.
    pub observed: RealAddr,
    /// The DC's view of the node's NAT.
    pub nat: NatVerdict,
    /// The DC's relays.
    pub relays: Vec<RelayInfo>,
    /// Seconds until the next keep-alive, at the latest.
    pub keep_alive_s: u16,
    /// The highest epoch known of this node.
    pub highest_epoch: Epoch,
    /// The DC's wall clock in milliseconds.
    pub dc_time_ms: u64,
}

/// A relay the node may measure and be directed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayInfo {
    /// Which.
    pub rs: RsId,
    /// Its X25519 key.
    pub key: ServerKey,
    /// Its IPv4 address.
    pub v4: Option<(Ipv4Addr, u16)>,
    /// Its IPv6 address.
    pub v6: Option<(Ipv6Addr, u16)>,
    /// 0 idle to 255 full.
    pub load: u8,
    /// Lets the node measure the round trip.
    pub measure_token: SealedToken,
    /// Seals the measurement.
    pub measure_key: SecretKey,
    /// Selector of the answers.
    pub measure_id: u64,
}

/// Why a registration fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[repr(u8)]
pub enum RegistrationError {
    /// The ticket is past its end.
    #[error("the ticket has expired: sign in again")]
    TicketExpired = 0,
    /// The ticket is from the future, or the epoch is: a clock is wrong.
    #[error("the clock of this machine or of the server is wrong: set it and try again")]
    ClockWrong = 1,
    /// No virtual address is left.
    #[error(
        "the coordinator has no virtual address left: its operator must allocate another block"
    )]
    BlockExhausted = 2,
    /// The device was revoked.
    #[error("this device was revoked: sign in again from a device that is not")]
    Revoked = 3,
    /// The epoch is not above the highest known.
    #[error("another process of this device registered later")]
    StaleEpoch = 4,
    /// The coordinator takes no more.
    #[error("the coordinator is overloaded: try again in a minute")]
    Overloaded = 5,
    /// The certificate's address is not of this DC's block, or another node has it.
    #[error("the certificate's virtual address is not of this coordinator: sign in again")]
    WrongBlock = 6,
    /// The coordinator could not store the address.
    #[error(
        "the coordinator could not store the registration: its operator should look at its disk"
    )]
    Storage = 7,
}

impl Codec for RelayRtt {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            rs: Codec::read(r)?,
            rtt_ms: r.u16("rtt")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.rs.write(w);
        w.u16(self.rtt_ms);
    }
}

impl Codec for RegistrationRequest {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            tx: Codec::read(r)?,
            epoch: Codec::read(r)?,
            candidates: r.list(MAX_CANDIDATES, "candidates", Codec::read)?,
            nat: Codec::read(r)?,
            push_token: r.option("push token", Codec::read)?,
            relay_rtts: r.list(MAX_RELAYS, "relay rtts", Codec::read)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.tx.write(w);
        self.epoch.write(w);
        w.list(&self.candidates, |w, c| c.write(w));
        self.nat.write(w);
        w.option(self.push_token.as_ref(), |w, t| t.write(w));
        w.list(&self.relay_rtts, |w, m| m.write(w));
    }
}

impl Codec for RelayInfo {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            rs: Codec::read(r)?,
            key: Codec::read(r)?,
            v4: read_v4(r)?,
            v6: read_v6(r)?,
            load: r.u8("load")?,
            measure_token: Codec::read(r)?,
            measure_key: Codec::read(r)?,
            measure_id: r.u64("measure id")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.rs.write(w);
        self.key.write(w);
        write_v4(w, self.v4);
        write_v6(w, self.v6);
        w.u8(self.load);
        self.measure_token.write(w);
        self.measure_key.write(w);
        w.u64(self.measure_id);
    }
}

impl Codec for Registered {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            addrs: Codec::read(r)?,
            observed: Codec::read(r)?,
            nat: Codec::read(r)?,
            relays: r.list(MAX_RELAYS, "relays", Codec::read)?,
            keep_alive_s: r.u16("keep alive")?,
            highest_epoch: Codec::read(r)?,
            dc_time_ms: r.u64("dc time")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.addrs.write(w);
        self.observed.write(w);
        self.nat.write(w);
        w.list(&self.relays, |w, i| i.write(w));
        w.u16(self.keep_alive_s);
        self.highest_epoch.write(w);
        w.u64(self.dc_time_ms);
    }
}

impl Codec for RegistrationError {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match r.u8("registration error")? {
            0 => Self::TicketExpired,
            1 => Self::ClockWrong,
            2 => Self::BlockExhausted,
            3 => Self::Revoked,
            4 => Self::StaleEpoch,
            5 => Self::Overloaded,
            6 => Self::WrongBlock,
            7 => Self::Storage,
            _ => return Err(Malformed::Invalid("registration error")),
        })
    }
    fn write(&self, w: &mut Writer) {
        w.u8(*self as u8);
    }
}

impl Codec for RegistrationResponse {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            tx: Codec::read(r)?,
            result: read_result(r)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.tx.write(w);
        write_result(w, &self.result);
    }
}
