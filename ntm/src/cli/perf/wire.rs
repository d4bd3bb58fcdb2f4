//! The datagrams of a measurement: a kind, the run, a number.

use ntm_wire::codec::{Malformed, Reader, Writer};

/// Begins each of them.
const MAGIC: &[u8; 4] = b"NTMP";
/// Bytes of a data datagram before its filling.
pub(super) const HEAD: usize = 4 + 1 + 8 + 4;

/// One datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Datagram {
    /// Client to server: are you there, and what are you? An echo answers with just this.
    Hello { run: u64 },
    /// Server to client: a server that counts.
    Serving { run: u64 },
    /// Numbered load.
    Data { run: u64, number: u32 },
    /// Client to server: what did you get?
    Ask { run: u64 },
    /// Server to client.
    Report { run: u64, report: Report },
}

/// What a server counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    /// From the first to the last.
    pub(super) micros: u64,
    /// CPU time of the server's process in that time.
    pub(super) cpu_micros: u64,
}

impl Datagram {
    pub(super) fn emit(self) -> Vec<u8> {
        let mut w = Writer::new();
        w.put(MAGIC);
        match self {
            Self::Hello { run } => head(&mut w, 0, run),
            Self::Serving { run } => head(&mut w, 1, run),
            Self::Data { run, number } => {
                head(&mut w, 2, run);
                w.u32(number);
            }
            Self::Ask { run } => head(&mut w, 3, run),
            Self::Report { run, report: r } => {
                head(&mut w, 4, run);
                [r.packets, r.bytes, r.micros, r.cpu_micros]
                    .into_iter()
                    .for_each(|v| w.u64(v));
            }
        }
        w.into_bytes()
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        if r.array::<4>("magic")? != *MAGIC {
            return Err(Malformed::Invalid("magic"));
        }
        let kind = r.u8("kind")?;
        let run = r.u64("run")?;
        match kind {
            0 => Ok(Self::Hello { run }),
            1 => Ok(Self::Serving { run }),
            2 => Ok(Self::Data {
                run,
                number: r.u32("number")?,
            }),
            3 => Ok(Self::Ask { run }),
            4 => {
                let mut next = || r.u64("report");
                let report = Report {
                    packets: next()?,
                    bytes: next()?,
                    micros: next()?,
                    cpu_micros: next()?,
                };
                Ok(Self::Report { run, report })
            }
            _ => Err(Malformed::Invalid("kind")),
        }
    }
}

fn head(w: &mut Writer, kind: u8, run: u64) {
    w.u8(kind);
    w.u64(run);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_datagram_reads_back_and_rubbish_does_not() {
        let report = Report {
            packets: 1,
            bytes: 2,
            micros: 3,
            cpu_micros: 4,
        };
        let run = 77;
        let all = [
            Datagram::Hello { run },
            Datagram::Serving { run },
            Datagram::Data { run, number: 5 },
            Datagram::Ask { run },
            Datagram::Report { run, report },
        ];
        for datagram in all {
            assert_eq!(Datagram::parse(&datagram.emit()).unwrap(), datagram);
        }
        assert_eq!(Datagram::Data { run, number: 5 }.emit().len(), HEAD);
        assert!(Datagram::parse(b"hello").is_err());
    }
}
