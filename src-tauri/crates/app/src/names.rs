//! Names as people write and read them.

use ntm::wire::fqdn::Fqdn;

use crate::error::{AppError, Code};

/// `alice@example.org`, `sip:alice@example.org`, `legato:alice@example.org`, `alice.example.org`,
/// `laptop.alice.example.org`; without a domain it is of `own_domain`.
///
/// # Errors
/// [`Code::BadInput`].
pub fn parse(text: &str, own_domain: &Fqdn) -> Result<Fqdn, AppError> {
    let text = text.trim();
    let bare = ["sip:", "legato:"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .unwrap_or(text);
    if bare.is_empty() {
        return Err(AppError::new(
            Code::BadInput,
            "whom to call? Write a name, such as bob@example.org",
        ));
    }
    let full = if bare.contains(['.', '@']) {
        bare.to_owned()
    } else {
        format!("{bare}.{own_domain}")
    };
    Fqdn::parse(&full).map_err(|e| AppError::new(Code::BadInput, e).about(bare))
}

/// `alice@example.org` of an account's name.
pub fn person(account: &Fqdn) -> String {
    account.as_str().replacen('.', "@", 1)
}

/// `alice@example.org (laptop)` of a device's name.
pub fn device(name: &Fqdn) -> String {
    match name.parent() {
        Some(account) => format!("{} ({})", person(&account), name.first_label()),
        None => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_however_people_write_it() {
        let own = Fqdn::parse("example.org").unwrap();
        for text in [
            "bob",
            "bob@example.org",
            " sip:bob@example.org",
            "legato:bob",
        ] {
            assert_eq!(
                parse(text, &own).unwrap().as_str(),
                "bob.example.org",
                "{text}"
            );
        }
        for text in ["", "  ", "sip:", "b b@example.org", "@", "bob@@x"] {
            assert_eq!(parse(text, &own).unwrap_err().code, "bad-input", "{text:?}");
        }
    }

    #[test]
    fn people_see_persons_and_devices() {
        let phone = Fqdn::parse("phone.bob.example.org").unwrap();
        assert_eq!(device(&phone), "bob@example.org (phone)");
    }
}
