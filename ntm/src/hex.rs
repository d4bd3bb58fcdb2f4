//! Hexadecimal, for binary values in text files.

/// Lower case.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let pair = |p: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(p).ok()?, 16).ok();
    if rest.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        pairs.iter().map(pair).collect()
    } else {
        None
    }
}

pub(crate) fn array<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_reads_back_and_nothing_else_does() {
        assert_eq!(decode(&encode(&[0, 127, 255])), Some(vec![0, 127, 255]));
        assert_eq!(decode("abc"), None);
        assert_eq!(decode("+1"), None);
        assert_eq!(array::<2>("0102"), Some([1, 2]));
        assert_eq!(array::<2>("010203"), None);
    }
}
