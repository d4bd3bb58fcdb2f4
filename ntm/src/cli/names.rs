//! Names as people write and read them.

use ntm_wire::fqdn::Fqdn;

use super::exit::Exit;
use super::failure::Failure;

/// `alice@example.org`, `alice.example.org`, `laptop.alice.example.org`; without a domain, the own one.
pub(super) fn parse(text: &str, own_domain: &Fqdn) -> Result<Fqdn, Failure> {
    let full = if text.contains(['.', '@']) {
        text.to_owned()
    } else {
        format!("{text}.{own_domain}")
    };
    Fqdn::parse(&full).map_err(|e| Failure::new(Exit::BadArguments, e).about(text))
}

/// `alice@example.org` of an account's name.
pub(super) fn account(name: &Fqdn) -> String {
    name.as_str().replacen('.', "@", 1)
}

/// `alice@example.org (laptop)` of a device's name.
pub(super) fn device(name: &Fqdn) -> String {
    match name.parent() {
        Some(parent) => format!("{} ({})", account(&parent), name.first_label()),
        None => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_a_domain_are_of_the_own_one() {
        let own = Fqdn::parse("example.org").unwrap();
        assert_eq!(parse("bob", &own).unwrap().as_str(), "bob.example.org");
        assert_eq!(
            parse("bob@example.net", &own).unwrap().as_str(),
            "bob.example.net"
        );
        assert_eq!(
            parse("b_b@example.net", &own).unwrap_err().exit,
            Exit::BadArguments
        );
    }

    #[test]
    fn people_read_accounts_and_devices() {
        let phone = Fqdn::parse("phone.bob.example.org").unwrap();
        assert_eq!(device(&phone), "bob@example.org (phone)");
        assert_eq!(account(&phone.parent().unwrap()), "bob@example.org");
    }
}
