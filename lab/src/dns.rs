//! The smallest DNS64: `ipv4only.arpa` has its two well-known addresses, under a prefix for IPv6
//! (RFC 7050); no other name exists.

use std::net::{Ipv4Addr, Ipv6Addr};

pub(crate) const PORT: u16 = 53;

const HEADER: usize = 12;
const NAME: &[u8] = b"\x08ipv4only\x04arpa\x00";
const WELL_KNOWN: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 0, 170), Ipv4Addr::new(192, 0, 0, 171)];
const A: u16 = 1;
const AAAA: u16 = 28;
const TTL: u32 = 60;
/// A response to a query that wanted recursion, and gets it.
const ANSWERED: u16 = 0x8180;
const NO_SUCH_NAME: u16 = 0x8183;
/// Points to the name of the question.
const SAME_NAME: u16 = 0xc000 | HEADER as u16;

/// The answer to one question; `None` if it is none.
pub(crate) fn answer(query: &[u8], prefix: Ipv6Addr) -> Option<Vec<u8>> {
    let question = query.get(HEADER..)?;
    let end = question.iter().position(|b| *b == 0)? + 1;
    let (name, rest) = question.split_at_checked(end)?;
    let kind = u16::from_be_bytes(rest.get(..2)?.try_into().ok()?);
    let known = name.eq_ignore_ascii_case(NAME);
    let records = if known {
        records(kind, prefix)
    } else {
        Vec::new()
    };
    let flags = if known { ANSWERED } else { NO_SUCH_NAME };
    let mut out = query.get(..2)?.to_vec();
    for field in [flags, 1, u16::try_from(records.len()).ok()?, 0, 0] {
        out.extend(field.to_be_bytes());
    }
    out.extend(name);
    out.extend(rest.get(..4)?);
    records
        .iter()
        .for_each(|data| write_record(&mut out, kind, data));
    Some(out)
}

fn records(kind: u16, prefix: Ipv6Addr) -> Vec<Vec<u8>> {
    let synthetic = |v4: Ipv4Addr| {
        let mut octets = prefix.octets();
        octets
            .iter_mut()
            .skip(12)
            .zip(v4.octets())
            .for_each(|(to, from)| *to = from);
        octets.to_vec()
    };
    match kind {
        A => WELL_KNOWN.map(|v4| v4.octets().to_vec()).to_vec(),
        AAAA => WELL_KNOWN.map(synthetic).to_vec(),
        _ => Vec::new(),
    }
}

fn write_record(out: &mut Vec<u8>, kind: u16, data: &[u8]) {
    out.extend(SAME_NAME.to_be_bytes());
    out.extend(kind.to_be_bytes());
    out.extend(1_u16.to_be_bytes());
    out.extend(TTL.to_be_bytes());
    let len = u16::try_from(data.len()).unwrap_or(u16::MAX);
    out.extend(len.to_be_bytes());
    out.extend(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &[u8], kind: u16) -> Vec<u8> {
        let mut query = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend(name);
        query.extend(kind.to_be_bytes());
        query.extend(1_u16.to_be_bytes());
        query
    }

    #[test]
    fn the_well_known_name_tells_the_prefix() {
        let prefix = "2001:db8:64::".parse().unwrap();
        let answer = answer(&query(NAME, AAAA), prefix).unwrap();
        assert_eq!(answer[..8], [0xab, 0xcd, 0x81, 0x80, 0, 1, 0, 2]);
        let last: [u8; 16] = answer[answer.len() - 16..].try_into().unwrap();
        assert_eq!(
            Ipv6Addr::from(last),
            "2001:db8:64::192.0.0.171".parse::<Ipv6Addr>().unwrap()
        );
    }

    #[test]
    fn any_other_name_does_not_exist_and_nonsense_gets_no_answer() {
        let prefix = Ipv6Addr::UNSPECIFIED;
        let other = answer(&query(b"\x07example\x00", A), prefix).unwrap();
        assert_eq!(other[2..4], NO_SUCH_NAME.to_be_bytes());
        assert_eq!(answer(b"too short", prefix), None);
        assert_eq!(answer(&query(NAME, A)[..20], prefix), None);
    }
}
