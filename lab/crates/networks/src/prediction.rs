//! Which outside port a NAT will take next, guessed from those it took.

/// The next ports, best guess first: the NAT is taken to count in steps.
pub fn guesses(seen: &[u16], count: u16) -> Vec<u16> {
    let Some(last) = seen.last() else {
        return Vec::new();
    };
    let differences = seen.windows(2).map(|w| w[1].wrapping_sub(w[0]));
    match differences.fold(0, greatest_common_divisor) {
        0 => vec![*last],
        step => (1..=count)
            .map(|n| last.wrapping_add(step.wrapping_mul(n)))
            .collect(),
    }
}

fn greatest_common_divisor(a: u16, b: u16) -> u16 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

/// Of consecutive mappings, the share that so many guesses would have met, each made from the `known` before it.
pub fn share(ports: &[u16], known: usize, count: u16) -> f64 {
    let tries = ports.windows(known + 1);
    let all = tries.len().max(1);
    let is_met = |w: &&[u16]| {
        let next = w.split_last();
        next.is_some_and(|(port, before)| guesses(before, count).contains(port))
    };
    tries.filter(is_met).count() as f64 / all as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_port_is_guessed_once_and_a_counting_nat_in_its_steps() {
        assert_eq!(guesses(&[5000, 5000, 5000], 3), [5000]);
        assert_eq!(guesses(&[5000, 5001, 5003], 3), [5004, 5005, 5006]);
        assert_eq!(guesses(&[5000, 5002, 5006], 2), [5008, 5010]);
        assert_eq!(guesses(&[], 3), [0; 0]);
    }

    #[test]
    fn the_share_counts_what_was_met() {
        assert!((share(&[1, 2, 3, 4, 5], 3, 1) - 1.0).abs() < 1e-9);
        assert!((share(&[10, 11, 12, 13, 99], 3, 1) - 0.5).abs() < 1e-9);
        assert!(share(&[1, 2], 3, 1).abs() < 1e-9, "too few to say");
    }
}
