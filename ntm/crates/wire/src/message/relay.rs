//! Relay Direction, its Response, and the RS's report: DC <-> RS.

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::codec::{Codec, Malformed, Reader, Writer};
use crate::id::{PathId, RsId, TxId};

/// What a DC orders of its RS; never waited for by a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayDirection {
    /// Transaction.
    pub tx: TxId,
    /// The order.
    pub order: RelayOrder,
}

/// The orders there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayOrder {
    /// At most this much from each leg, in kbit/s; 0: no limit.
    Limit {
        /// The limit.
        kbps: u32,
    },
    /// Take no new legs; serve those that stand.
    Drain,
    /// Forget this path at once.
    Revoke {
        /// Either of its path ids.
        path: PathId,
    },
}

/// The RS has obeyed, or had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayDirectionResponse {
    /// Transaction of the order.
    pub tx: TxId,
}

/// What an RS tells its DC, at start and every few seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayReport {
    /// Transaction.
    pub tx: TxId,
    /// Which RS.
    pub rs: RsId,
    /// Where nodes reach it over IPv4.
    pub v4: Option<(Ipv4Addr, u16)>,
    /// Where nodes reach it over IPv6.
    pub v6: Option<(Ipv6Addr, u16)>,
    /// 0 idle to 255 full.
    pub load: u8,
    /// Bound legs.
    pub legs: u32,
    /// Whether it takes no new legs.
    pub draining: bool,
}

impl Codec for RelayDirection {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let tx = Codec::read(r)?;
        let order = match r.u8("relay order")? {
            0 => RelayOrder::Limit {
                kbps: r.u32("limit")?,
            },
            1 => RelayOrder::Drain,
            2 => RelayOrder::Revoke {
                path: Codec::read(r)?,
            },
            _ => return Err(Malformed::Invalid("relay order")),
        };
        Ok(Self { tx, order })
    }
    fn write(&self, w: &mut Writer) {
        self.tx.write(w);
        match self.order {
            RelayOrder::Limit { kbps } => {
                w.u8(0);
                w.u32(kbps);
            }
            RelayOrder::Drain => w.u8(1),
            RelayOrder::Revoke { path } => {
                w.u8(2);
                path.write(w);
            }
        }
    }
}

impl Codec for RelayDirectionResponse {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Codec::read(r).map(|tx| Self { tx })
    }
    fn write(&self, w: &mut Writer) {
        self.tx.write(w);
    }
}

impl Codec for RelayReport {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            tx: Codec::read(r)?,
            rs: Codec::read(r)?,
            v4: read_v4(r)?,
            v6: read_v6(r)?,
            load: r.u8("load")?,
            legs: r.u32("legs")?,
            draining: r.bool("draining")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.tx.write(w);
        self.rs.write(w);
        write_v4(w, self.v4);
        write_v6(w, self.v6);
        w.u8(self.load);
        w.u32(self.legs);
        w.bool(self.draining);
    }
}

pub(super) fn read_v4(r: &mut Reader<'_>) -> Result<Option<(Ipv4Addr, u16)>, Malformed> {
    r.option("relay ipv4", |r| {
        Ok((
            Ipv4Addr::from(r.array::<4>("relay ipv4")?),
            r.u16("relay port")?,
        ))
    })
}

pub(super) fn read_v6(r: &mut Reader<'_>) -> Result<Option<(Ipv6Addr, u16)>, Malformed> {
    r.option("relay ipv6", |r| {
        Ok((
            Ipv6Addr::from(r.array::<16>("relay ipv6")?),
            r.u16("relay port")?,
        ))
    })
}

pub(super) fn write_v4(w: &mut Writer, addr: Option<(Ipv4Addr, u16)>) {
    w.option(addr.as_ref(), |w, (ip, port)| {
        w.put(&ip.octets());
        w.u16(*port);
    });
}

pub(super) fn write_v6(w: &mut Writer, addr: Option<(Ipv6Addr, u16)>) {
    w.option(addr.as_ref(), |w, (ip, port)| {
        w.put(&ip.octets());
        w.u16(*port);
    });
}
