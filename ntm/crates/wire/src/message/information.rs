//! NTM Information Request and Response: DC <-> DC.

use core::net::Ipv4Addr;

use super::route::{Consent, Leg, MAX_LEGS};
use super::{DirectionError, MAX_DEVICES, MAX_RELAYS, RelayRtt, read_result, write_result};
use crate::addr::{Candidate, MAX_CANDIDATES, NatVerdict};
use crate::certificate::IdentityCertificate;
use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::fqdn::Fqdn;
use crate::id::{Epoch, PathId, TxId};
use crate::key::SecretKey;

/// The caller's DC asks for the callee and hands over all the callee needs to act at once (rule 18).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InformationRequest {
    /// Transaction.
    pub tx: TxId,
    /// A device or an account; of an account the most recently used device is directed, the rest is named.
    pub wanted: Fqdn,
    /// The caller's identity.
    pub caller: IdentityCertificate,
    /// The caller's virtual IPv4 address, for callees of the same operator.
    pub caller_v4: Option<Ipv4Addr>,
    /// The caller's real addresses.
    pub caller_candidates: Vec<Candidate>,
    /// The caller's NAT.
    pub caller_nat: NatVerdict,
    /// The caller's epoch.
    pub caller_epoch: Epoch,
    /// Path id of what the caller will send.
    pub path_from_caller: PathId,
    /// Path id of what the callee will send.
    pub path_from_callee: PathId,
    /// Pre-shared key of the handshake.
    pub path_key: SecretKey,
    /// The callee's legs: chosen relay and stand-by.
    pub legs: Vec<Leg>,
}

/// The callee's DC answers, after the callee did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InformationResponse {
    /// Transaction of the request.
    pub tx: TxId,
    /// The callee, or why not.
    pub result: Result<Information, DirectionError>,
}

/// What the callee's DC tells of the callee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Information {
    /// The callee's identity.
    pub callee: IdentityCertificate,
    /// The callee's virtual IPv4 address, when both are of one operator.
    pub callee_v4: Option<Ipv4Addr>,
    /// The callee's real addresses; empty unless it consents to all.
    pub candidates: Vec<Candidate>,
    /// The callee's NAT.
    pub nat: NatVerdict,
    /// The callee's epoch.
    pub epoch: Epoch,
    /// How far the callee goes along.
    pub consent: Consent,
    /// Other reachable devices of the callee's account, most recently used first. They travel as their
    /// first labels; a name outside the account is not written.
    pub others: Vec<Fqdn>,
    /// The callee's round trips to its own relays.
    pub relay_rtts: Vec<RelayRtt>,
}

impl Codec for InformationRequest {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            tx: Codec::read(r)?,
            wanted: Codec::read(r)?,
            caller: Codec::read(r)?,
            caller_v4: read_v4(r)?,
            caller_candidates: r.list(MAX_CANDIDATES, "candidates", Codec::read)?,
            caller_nat: Codec::read(r)?,
            caller_epoch: Codec::read(r)?,
            path_from_caller: Codec::read(r)?,
            path_from_callee: Codec::read(r)?,
            path_key: Codec::read(r)?,
            legs: r.list(MAX_LEGS, "legs", Codec::read)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.tx.write(w);
        self.wanted.write(w);
        self.caller.write(w);
        write_v4(w, self.caller_v4);
        w.list(&self.caller_candidates, |w, c| c.write(w));
        self.caller_nat.write(w);
        self.caller_epoch.write(w);
        self.path_from_caller.write(w);
        self.path_from_callee.write(w);
        self.path_key.write(w);
        w.list(&self.legs, |w, l| l.write(w));
    }
}

impl Codec for Information {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let callee: IdentityCertificate = Codec::read(r)?;
        let account = callee.account();
        Ok(Self {
            callee,
            callee_v4: read_v4(r)?,
            candidates: r.list(MAX_CANDIDATES, "candidates", Codec::read)?,
            nat: Codec::read(r)?,
            epoch: Codec::read(r)?,
            consent: Codec::read(r)?,
            others: r.list(MAX_DEVICES, "devices", |r| read_device(r, account.as_ref()))?,
            relay_rtts: r.list(MAX_RELAYS, "relay rtts", Codec::read)?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.callee.write(w);
        write_v4(w, self.callee_v4);
        w.list(&self.candidates, |w, c| c.write(w));
        self.nat.write(w);
        self.epoch.write(w);
        self.consent.write(w);
        write_devices(w, &self.others, self.callee.account().as_ref());
        w.list(&self.relay_rtts, |w, m| m.write(w));
    }
}

impl Codec for InformationResponse {
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

/// A device of `account` by its first label, which keeps eight of them within a datagram.
fn read_device(r: &mut Reader<'_>, account: Option<&Fqdn>) -> Result<Fqdn, Malformed> {
    const WHAT: &str = "device label";
    let n = r.u8(WHAT)?;
    let label = core::str::from_utf8(r.take(usize::from(n), WHAT)?)
        .map_err(|_| Malformed::Invalid(WHAT))?;
    account
        .and_then(|a| a.child(label).ok())
        .filter(|device| device.first_label() == label && device.fits_wire())
        .ok_or(Malformed::Invalid(WHAT))
}

fn write_devices(w: &mut Writer, devices: &[Fqdn], account: Option<&Fqdn>) {
    let of_account: Vec<&Fqdn> = devices
        .iter()
        .filter(|d| d.parent().as_ref() == account)
        .collect();
    w.list(&of_account, |w, device| {
        let label = device.first_label();
        w.u8(u8::try_from(label.len()).unwrap_or(u8::MAX));
        w.put(label.as_bytes());
    });
}

pub(super) fn read_v4(r: &mut Reader<'_>) -> Result<Option<Ipv4Addr>, Malformed> {
    r.option("virtual ipv4", |r| {
        r.array::<4>("virtual ipv4").map(Ipv4Addr::from)
    })
}

pub(super) fn write_v4(w: &mut Writer, addr: Option<Ipv4Addr>) {
    w.option(addr.as_ref(), |w, a| w.put(&a.octets()));
}
