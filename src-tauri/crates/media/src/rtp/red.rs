//! Redundant audio data (RFC 2198): a packet that carries earlier ones besides its own.
//!
//! ```text
//! |1|  payload type (7)  |   timestamp offset (14)   |   length (10)   |   an earlier packet, any number of these
//! |0|  payload type (7)  |                                                the packet itself
//! ```
//! Then the payloads in the same order, the last one without a length.

/// Packets with more are refused: nobody sends so many, and each is work.
const MOST: usize = 4;
/// What fits 14 and 10 bits.
const LONGEST_OFFSET: u32 = (1 << 14) - 1;
const LONGEST_PAYLOAD: usize = (1 << 10) - 1;
/// Octets that carrying one packet costs besides its payload: its header, and the one of the packet itself.
pub(crate) const AROUND: usize = 5;
/// The bit that says that another header follows.
const MORE: u8 = 0x80;

/// An earlier packet inside another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Earlier<'a> {
    /// How much earlier it was captured, in samples.
    pub(crate) offset: u32,
    pub(crate) payload: &'a [u8],
}

impl<'a> Earlier<'a> {
    /// `None` if it doesn't fit the header, or if there is nothing in it.
    pub(crate) fn new(offset: u32, payload: &'a [u8]) -> Option<Self> {
        let fits = (1..=LONGEST_OFFSET).contains(&offset)
            && (1..=LONGEST_PAYLOAD).contains(&payload.len());
        fits.then_some(Self { offset, payload })
    }
}

/// The earlier packets and the packet itself. `None` if a header is cut off, promises more than there is, or the packet
/// itself is not of the type `wanted`. Earlier ones of other types are passed over.
pub(crate) fn split(bytes: &[u8], wanted: u8) -> Option<(Vec<Earlier<'_>>, &[u8])> {
    let (heads, mut rest) = heads(bytes, wanted)?;
    let mut earlier = Vec::with_capacity(heads.len());
    for head in heads {
        let (payload, after) = rest.split_at_checked((head & 0x3FF) as usize)?;
        rest = after;
        let is_wanted = (head >> 24) as u8 & !MORE == wanted;
        earlier.extend(Earlier::new(head >> 10 & LONGEST_OFFSET, payload).filter(|_| is_wanted));
    }
    Some((earlier, rest))
}

fn heads(bytes: &[u8], wanted: u8) -> Option<(Vec<u32>, &[u8])> {
    let (mut heads, mut rest) = (Vec::new(), bytes);
    while rest.first()? & MORE != 0 {
        let (head, after) = rest.split_first_chunk::<4>()?;
        heads.push(u32::from_be_bytes(*head));
        rest = after;
    }
    let (&own, payloads) = rest.split_first()?;
    (own == wanted && heads.len() <= MOST).then_some((heads, payloads))
}

/// The payload of a packet with earlier ones, all of one type.
pub(crate) fn join(earlier: &[Earlier<'_>], payload: &[u8], of: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() * 2 + 8);
    for block in earlier {
        let head = u32::from(of | MORE) << 24 | block.offset << 10 | block.payload.len() as u32;
        bytes.extend(head.to_be_bytes());
    }
    bytes.push(of);
    for block in earlier {
        bytes.extend(block.payload);
    }
    bytes.extend(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earlier(offset: u32, payload: &[u8]) -> Earlier<'_> {
        Earlier::new(offset, payload).expect("it fits")
    }

    #[test]
    fn a_packet_with_an_earlier_one_has_these_octets() {
        let block = [earlier(7_680, &[0x78, 1])];
        let bytes = join(&block, &[0x79, 2, 3], 111);
        // 7,680 << 10 | 2
        assert_eq!(bytes, [0xEF, 0x78, 0, 2, 111, 0x78, 1, 0x79, 2, 3]);
        assert_eq!(
            split(&bytes, 111),
            Some((block.to_vec(), &[0x79, 2, 3][..]))
        );
    }

    #[test]
    fn the_example_of_the_rfc_has_several_blocks_and_types() {
        let blocks = [earlier(16_383, &[9; 1_023]), earlier(960, &[8])];
        let mut bytes = join(&blocks, &[7], 111);
        assert_eq!(split(&bytes, 111), Some((blocks.to_vec(), &[7][..])));
        bytes[0] = MORE | 5;
        assert_eq!(split(&bytes, 111), Some((vec![blocks[1]], &[7][..])));
    }

    #[test]
    fn what_is_cut_off_or_promises_too_much_is_refused() {
        let bytes = join(&[earlier(960, &[1, 2, 3])], &[4], 111);
        for length in 0..8 {
            assert_eq!(split(&bytes[..length], 111), None, "{length} octets");
        }
        assert_eq!(split(&bytes, 110), None, "another type");
        assert_eq!(split(&[0xFF; 40], 111), None, "headers without end");
        let many = [earlier(960, &[1]); MOST + 1];
        assert_eq!(split(&join(&many, &[4], 111), 111), None);
    }

    #[test]
    fn what_does_not_fit_the_header_is_no_block() {
        assert_eq!(Earlier::new(LONGEST_OFFSET + 1, &[1]), None);
        assert_eq!(Earlier::new(0, &[1]), None);
        assert_eq!(Earlier::new(960, &[0; 1_024]), None);
        assert_eq!(Earlier::new(960, &[]), None);
    }
}
