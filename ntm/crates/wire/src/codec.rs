//! Cursors: how every byte of every message is read and written. Big endian throughout.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes that are no valid message: truncated, over-long, or outside the values allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes end before the field does.
    #[error("message ends inside {0}")]
    Truncated(&'static str),
    /// A field holds a value that is not allowed.
    #[error("{0} has a value that is not allowed")]
    Invalid(&'static str),
    /// Bytes are left over behind the last field.
    #[error("bytes left over behind the message")]
    TrailingBytes,
}

/// A reading cursor over received bytes. Never panics, never allocates by a length it has not checked.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The next `n` bytes, or [`Malformed::Truncated`] naming `what`.
    pub fn take(&mut self, n: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self
            .bytes
            .split_at_checked(n)
            .ok_or(Malformed::Truncated(what))?;
        self.bytes = tail;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Malformed> {
        let (head, tail) = self
            .bytes
            .split_first_chunk()
            .ok_or(Malformed::Truncated(what))?;
        self.bytes = tail;
        Ok(*head)
    }

    /// One byte.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, Malformed> {
        self.array::<1>(what).map(|[b]| b)
    }

    /// Two bytes.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, Malformed> {
        self.array(what).map(u16::from_be_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, Malformed> {
        self.array(what).map(u32::from_be_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, Malformed> {
        self.array(what).map(u64::from_be_bytes)
    }

    /// A byte that may only be 0 or 1.
    pub fn bool(&mut self, what: &'static str) -> Result<bool, Malformed> {
        match self.u8(what)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed::Invalid(what)),
        }
    }

    /// A 16-bit length of at most `max`, then that many bytes.
    pub fn bytes16(&mut self, max: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let n = usize::from(self.u16(what)?);
        if n > max {
            return Err(Malformed::Invalid(what));
        }
        self.take(n, what)
    }

    /// Family (4 or 6) and address.
    pub fn ip(&mut self, what: &'static str) -> Result<IpAddr, Malformed> {
        match self.u8(what)? {
            4 => self.array::<4>(what).map(|b| IpAddr::V4(Ipv4Addr::from(b))),
            6 => self
                .array::<16>(what)
                .map(|b| IpAddr::V6(Ipv6Addr::from(b))),
            _ => Err(Malformed::Invalid(what)),
        }
    }

    /// Family, address and port.
    pub fn socket_addr(&mut self, what: &'static str) -> Result<SocketAddr, Malformed> {
        let ip = self.ip(what)?;
        Ok(SocketAddr::new(ip, self.u16(what)?))
    }

    /// `Some` behind a 1, `None` behind a 0.
    pub fn option<T>(
        &mut self,
        what: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        if self.bool(what)? {
            read(self).map(Some)
        } else {
            Ok(None)
        }
    }

    /// A count byte of at most `max`, then that many items.
    pub fn list<T>(
        &mut self,
        max: usize,
        what: &'static str,
        mut read: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let n = usize::from(self.u8(what)?);
        if n > max {
            return Err(Malformed::Invalid(what));
        }
        (0..n).map(|_| read(self)).collect()
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.bytes)
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// Succeeds when nothing is left.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(Malformed::TrailingBytes)
        }
    }
}

/// A writing cursor that appends to a buffer.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends bytes as they are.
    pub fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// One byte.
    pub fn u8(&mut self, v: u8) {
        self.bytes.push(v);
    }

    /// Two bytes.
    pub fn u16(&mut self, v: u16) {
        self.put(&v.to_be_bytes());
    }

    /// Four bytes.
    pub fn u32(&mut self, v: u32) {
        self.put(&v.to_be_bytes());
    }

    /// Eight bytes.
    pub fn u64(&mut self, v: u64) {
        self.put(&v.to_be_bytes());
    }

    /// 0 or 1.
    pub fn bool(&mut self, v: bool) {
        self.u8(u8::from(v));
    }

    /// A 16-bit length, then the bytes; longer input is cut, which the `Repr` types rule out.
    pub fn bytes16(&mut self, bytes: &[u8]) {
        let n = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.u16(n);
        self.put(&bytes[..usize::from(n)]);
    }

    /// Family and address.
    pub fn ip(&mut self, ip: IpAddr) {
        match ip {
            IpAddr::V4(a) => {
                self.u8(4);
                self.put(&a.octets());
            }
            IpAddr::V6(a) => {
                self.u8(6);
                self.put(&a.octets());
            }
        }
    }

    /// Family, address and port.
    pub fn socket_addr(&mut self, addr: SocketAddr) {
        self.ip(addr.ip());
        self.u16(addr.port());
    }

    /// A 1 and the value, or a 0.
    pub fn option<T>(&mut self, v: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        self.bool(v.is_some());
        if let Some(v) = v {
            write(self, v);
        }
    }

    /// A count byte, then the items; over 255 are cut, which the `Repr` types rule out.
    pub fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        let n = u8::try_from(items.len()).unwrap_or(u8::MAX);
        self.u8(n);
        items
            .iter()
            .take(usize::from(n))
            .for_each(|i| write(self, i));
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The buffer.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A value with one form on the wire.
pub trait Codec: Sized {
    /// Reads the value, leaving the cursor behind it.
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed>;
    /// Appends the value.
    fn write(&self, w: &mut Writer);

    /// Reads the value from exactly these bytes.
    fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        let v = Self::read(&mut r)?;
        r.finish()?;
        Ok(v)
    }

    /// The value's bytes.
    fn emit(&self) -> Vec<u8> {
        let mut w = Writer::new();
        self.write(&mut w);
        w.into_bytes()
    }
}
