//! Reads the fuzzer's bytes as a script: what happens to a machine, step by step.

/// One step.
pub enum Step<'a> {
    /// A datagram as it is.
    Raw(&'a [u8]),
    /// Content that the harness seals as whoever it plays, of the kind numbered.
    Sealed(u8, &'a [u8]),
    /// So many times 100 ms pass.
    Wait(u8),
}

/// The steps in `bytes`: an operation, a 16-bit length, content.
pub fn steps(mut bytes: &[u8]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    while let Some(([op, high, low], rest)) = bytes.split_first_chunk::<3>() {
        let wanted = usize::from(u16::from_be_bytes([*high, *low]));
        let (content, rest) = rest.split_at(wanted.min(rest.len()));
        steps.push(match op % 8 {
            0 => Step::Raw(content),
            1 => Step::Wait(*low),
            kind => Step::Sealed(kind, content),
        });
        bytes = if op % 8 == 1 { &bytes[3..] } else { rest };
        if steps.len() == 32 {
            break;
        }
    }
    steps
}
