//! No secret prints, whatever holds it.

use core::fmt::Debug;

use ntm_wire::key::{KeyPair, SecretKey};
use ntm_wire::message::Message;
use ntm_wire::noise::SessionKeys;
use ntm_wire::seal::{OpeningKey, SealingKey};

use crate::samples;

/// Bytes that no other field of the samples shares with the secrets.
const SECRETS: [u8; 5] = [0x51, 0x61, 0x62, 0x71, 0x81];

/// Whether `text` shows four bytes of a secret, in hexadecimal or as a list of numbers.
fn shows_secret(text: &str) -> bool {
    SECRETS.iter().any(|n| {
        let (hex, decimal) = (format!("{n:02x}"), format!("{n}, "));
        text.to_lowercase().contains(&hex.repeat(4))
            || text.contains(&decimal.repeat(4))
            || text
                .replace([' ', '\n'], "")
                .contains(&format!("{n},").repeat(4))
    })
}

fn assert_silent(value: &impl Debug) {
    for text in [
        format!("{value:?}"),
        format!("{value:#?}"),
        format!("{value:x?}"),
    ] {
        assert!(!shows_secret(&text), "a secret prints: {text}");
    }
}

#[test]
fn the_test_would_see_a_secret() {
    assert!(shows_secret(&format!(
        "{:?}",
        samples::secret(0x71).expose()
    )));
    assert!(shows_secret(&format!(
        "{:#?}",
        samples::secret(0x71).expose()
    )));
    assert!(shows_secret(
        &format!("{:x?}", samples::secret(0x71).expose()).replace(", ", "")
    ));
}

#[test]
fn keys_never_print() {
    let key = samples::secret(0x71);
    assert_eq!(format!("{key:?}"), "SecretKey(..)");
    assert_silent(&key);
    assert_silent(&KeyPair::from_private(SecretKey::new([0x71; 32])));
    assert_silent(&SealingKey::new(&key));
    assert_silent(&OpeningKey::new(&key));
    assert_silent(&SessionKeys {
        send: samples::secret(0x71),
        recv: samples::secret(0x81),
    });
}

#[test]
fn messages_tickets_and_tokens_never_print_the_keys_inside() {
    samples::messages()
        .iter()
        .for_each(|m: &Message| assert_silent(m));
    assert_silent(&samples::ticket());
    assert_silent(&samples::leg_token());
    assert_silent(&samples::measure_token());
}

#[test]
fn equal_keys_are_equal_and_others_are_not() {
    assert_eq!(samples::secret(1), samples::secret(1));
    let mut bytes = [1; 32];
    bytes[31] = 2;
    assert_ne!(samples::secret(1), SecretKey::new(bytes));
}
