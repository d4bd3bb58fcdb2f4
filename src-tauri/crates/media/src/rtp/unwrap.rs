//! Counters that wrap (sequence numbers, timestamps) as ones that don't.

/// The number nearest to `near` whose lowest 16 bits are `low`.
pub(crate) fn near_u16(near: i64, low: u16) -> i64 {
    near + i64::from(low.wrapping_sub(near as u16) as i16)
}

/// The number nearest to `near` whose lowest 32 bits are `low`.
pub(crate) fn near_u32(near: i64, low: u32) -> i64 {
    near + i64::from(low.wrapping_sub(near as u32) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_near_enough_is_found_again(near in 0i64..1 << 40, step in -32_000i64..32_000) {
            let number = near + step;
            prop_assert_eq!(near_u16(near, number as u16), number);
            prop_assert_eq!(near_u32(near, number as u32), number);
        }
    }
}
