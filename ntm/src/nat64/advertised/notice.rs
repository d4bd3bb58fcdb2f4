//! What the kernel says, read from its bytes; they have the machine's own byte order, the options inside
//! that of the network.

use std::net::Ipv6Addr;
use std::time::Duration;

use crate::nat64::{Prefix, cut};

/// `struct nlmsghdr`, and the types of linux/rtnetlink.h that matter here.
const HEADER: usize = 16;
const NEW_LINK: u16 = 16;
const DEL_LINK: u16 = 17;
const USER_OPTION: u16 = 68;
/// `struct nduseroptmsg`.
const OPTION_HEADER: usize = 16;
const ROUTER_ADVERTISEMENT: u8 = 134;
const IFF_RUNNING: u32 = 0x40;
/// RFC 8781, 4; lengths of options count eight octets.
const PREF64: u8 = 38;
const PREF64_LEN: usize = 16;
const UNIT: usize = 8;

/// What matters of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// A router advertised a prefix for so long; for no time, to take it back.
    Prefix {
        interface: i32,
        prefix: Prefix,
        lifetime: Duration,
    },
    /// The interface has no network any more.
    Gone { interface: i32 },
}

/// The notices in a datagram of messages.
pub(super) fn read(mut bytes: &[u8]) -> impl Iterator<Item = Notice> {
    let mut out = Vec::new();
    while let Some((kind, body, rest)) = split_message(bytes) {
        match kind {
            USER_OPTION => out.extend(read_options(body)),
            NEW_LINK | DEL_LINK => out.extend(read_link(kind, body)),
            _ => {}
        }
        bytes = rest;
    }
    out.into_iter()
}

/// Type and body of the first message, and what follows it.
fn split_message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let len = usize::try_from(u32::from_ne_bytes(at(bytes, 0)?)).ok()?;
    let kind = u16::from_ne_bytes(at(bytes, 4)?);
    let body = bytes.get(HEADER..len)?;
    let rest = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, body, rest))
}

fn at<const N: usize>(bytes: &[u8], from: usize) -> Option<[u8; N]> {
    bytes.get(from..)?.first_chunk().copied()
}

/// `struct ifinfomsg`.
fn read_link(kind: u16, body: &[u8]) -> Option<Notice> {
    let interface = i32::from_ne_bytes(at(body, 4)?);
    let is_running = u32::from_ne_bytes(at(body, 8)?) & IFF_RUNNING != 0;
    (kind == DEL_LINK || !is_running).then_some(Notice::Gone { interface })
}

fn read_options(body: &[u8]) -> Vec<Notice> {
    let parts = || {
        let len = usize::from(u16::from_ne_bytes(at(body, 2)?));
        let interface = i32::from_ne_bytes(at(body, 4)?);
        let options = body.get(OPTION_HEADER..OPTION_HEADER + len)?;
        (*body.get(8)? == ROUTER_ADVERTISEMENT).then_some((interface, options))
    };
    let Some((interface, mut options)) = parts() else {
        return Vec::new();
    };
    let mut out = Vec::new();
    while let Some((option, rest)) = split_option(options) {
        out.extend(pref64(option).map(|(prefix, lifetime)| Notice::Prefix {
            interface,
            prefix,
            lifetime,
        }));
        options = rest;
    }
    out
}

fn split_option(options: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = usize::from(*options.get(1)?) * UNIT;
    (len > 0).then(|| options.split_at_checked(len))?
}

/// The option of RFC 8781: 13 bits of lifetime in units of eight seconds, three that stand for the
/// prefix' length, and its first 96 bits.
fn pref64(option: &[u8]) -> Option<(Prefix, Duration)> {
    if option.len() != PREF64_LEN || *option.first()? != PREF64 {
        return None;
    }
    let word = u16::from_be_bytes(at(option, 2)?);
    let len = match word & 7 {
        0 => 96,
        1 => 64,
        2 => 56,
        3 => 48,
        4 => 40,
        5 => 32,
        _ => return None,
    };
    let mut octets = [0; 16];
    octets[..12].copy_from_slice(&at::<12>(option, 4)?);
    let addr = cut(Ipv6Addr::from(octets), len);
    Some((
        Prefix { addr, len },
        Duration::from_secs((word & !7).into()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 64:ff9b::/96 for 600 seconds: scaled lifetime 75, length code 0.
    const OPTION: [u8; 16] = [
        38, 2, 0x02, 0x58, 0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let len = u32::try_from(HEADER + body.len()).unwrap();
        let mut out = [len.to_ne_bytes().as_slice(), &kind.to_ne_bytes(), &[0; 10]].concat();
        out.extend(body);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    fn user_option(interface: i32, icmp: u8, options: &[u8]) -> Vec<u8> {
        let len = u16::try_from(options.len()).unwrap();
        let mut body = vec![10, 0];
        body.extend(len.to_ne_bytes());
        body.extend(interface.to_ne_bytes());
        body.extend([icmp, 0, 0, 0, 0, 0, 0, 0]);
        body.extend(options);
        // NDUSEROPT_SRCADDR, which says who sent it.
        body.extend(20u16.to_ne_bytes());
        body.extend(1u16.to_ne_bytes());
        body.extend([0xfe; 16]);
        message(USER_OPTION, &body)
    }

    fn link(kind: u16, interface: i32, flags: u32) -> Vec<u8> {
        let mut body = vec![0; 4];
        body.extend(interface.to_ne_bytes());
        body.extend(flags.to_ne_bytes());
        body.extend([0; 4]);
        message(kind, &body)
    }

    fn of(bytes: &[u8]) -> Vec<Notice> {
        read(bytes).collect()
    }

    fn well_known(interface: i32, seconds: u64) -> Notice {
        let addr = "64:ff9b::".parse().unwrap();
        Notice::Prefix {
            interface,
            prefix: Prefix { addr, len: 96 },
            lifetime: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn the_option_of_rfc_8781_is_read_from_an_advertisement() {
        assert_eq!(
            of(&user_option(3, ROUTER_ADVERTISEMENT, &OPTION)),
            [well_known(3, 600)]
        );
        assert!(of(&user_option(3, 133, &OPTION)).is_empty(), "no RA");
    }

    #[test]
    fn every_length_code_stands_for_its_length_and_what_is_behind_the_prefix_is_cut() {
        for (code, len) in [(0, 96), (1, 64), (2, 56), (3, 48), (4, 40), (5, 32)] {
            let mut option = [0xff; 16];
            option[..4].copy_from_slice(&[38, 2, 0xff, 0xf8 | code]);
            let (prefix, lifetime) = pref64(&option).unwrap();
            assert_eq!(prefix.len, len);
            assert_eq!(prefix.addr.to_bits().leading_ones(), u32::from(len));
            assert_eq!(prefix.addr.to_bits().count_ones(), u32::from(len));
            assert_eq!(lifetime, Duration::from_secs(65_528), "8,191 units");
        }
        for code in [6, 7] {
            let mut option = OPTION;
            option[3] |= code;
            assert_eq!(pref64(&option), None, "code {code} is not assigned");
        }
    }

    #[test]
    fn options_of_other_kinds_and_a_lifetime_of_nothing_are_understood() {
        let mut last = OPTION;
        last[2..4].fill(0);
        let rdnss = [25, 1, 0, 0, 0, 0, 0, 0];
        let options = [&rdnss[..], &OPTION, &last].concat();
        assert_eq!(
            of(&user_option(1, ROUTER_ADVERTISEMENT, &options)),
            [well_known(1, 600), well_known(1, 0)]
        );
    }

    #[test]
    fn a_link_that_stops_running_or_goes_is_noticed() {
        let gone = [Notice::Gone { interface: 4 }];
        assert_eq!(of(&link(NEW_LINK, 4, 0x1003)), gone);
        assert_eq!(of(&link(DEL_LINK, 4, IFF_RUNNING)), gone);
        assert!(of(&link(NEW_LINK, 4, IFF_RUNNING)).is_empty());
    }

    #[test]
    fn several_messages_are_read_and_cut_ones_end_the_reading() {
        let two = [link(DEL_LINK, 1, 0), user_option(2, 134, &OPTION)].concat();
        assert_eq!(of(&two).len(), 2);
        for cut in 0..two.len() {
            assert!(of(&two[..cut]).len() < 2, "{cut} bytes");
        }
        let mut endless = user_option(2, 134, &OPTION);
        endless[HEADER + OPTION_HEADER + 1] = 0;
        assert!(of(&endless).is_empty(), "an option of length 0");
    }
}
