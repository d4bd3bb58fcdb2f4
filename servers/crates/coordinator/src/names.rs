//! Names: whose they are, and whether anybody has them.

use std::collections::HashSet;

use ntm_wire::fqdn::Fqdn;
use ntm_wire::kdf::sha256;

/// Every name that exists, as 64 bits of its hash: it only chooses between two error messages.
#[derive(Debug, Default)]
pub(crate) struct Names {
    hashes: HashSet<u64>,
}

/// What a name under a domain can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameKind {
    /// A person: all of her devices.
    Account,
    /// One device.
    Device,
}

impl Names {
    /// Adds a name; a device's makes its account known too.
    pub(crate) fn add(&mut self, name: &Fqdn) {
        self.hashes.insert(hash(name));
    }

    /// Forgets all names.
    pub(crate) fn clear(&mut self) {
        self.hashes.clear();
    }

    pub(crate) fn contains(&self, name: &Fqdn) -> bool {
        self.hashes.contains(&hash(name))
    }
}

/// What `name` is under `domain`; `None` for anything but an account or a device.
pub(crate) fn kind_under(name: &Fqdn, domain: &Fqdn) -> Option<NameKind> {
    if !name.is_under(domain) {
        return None;
    }
    match name.labels().count() - domain.labels().count() {
        1 => Some(NameKind::Account),
        2 => Some(NameKind::Device),
        _ => None,
    }
}

/// The longest of `domains` that `name` is under: a subdomain may have a coordinator of its own.
pub(crate) fn domain_of<'a>(
    name: &Fqdn,
    domains: impl Iterator<Item = &'a Fqdn>,
) -> Option<&'a Fqdn> {
    domains
        .filter(|d| name.is_under(d))
        .max_by_key(|d| d.as_str().len())
}

fn hash(name: &Fqdn) -> u64 {
    let hash = sha256(&[name.as_str().as_bytes()]);
    hash.first_chunk().map_or(0, |b| u64::from_be_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Fqdn {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_is_an_account_or_a_device_by_its_depth() {
        let domain = name("example.org");
        for (text, kind) in [
            ("alice.example.org", Some(NameKind::Account)),
            ("phone.alice.example.org", Some(NameKind::Device)),
            ("example.org", None),
            ("a.b.c.example.org", None),
            ("alice.other.org", None),
        ] {
            assert_eq!(kind_under(&name(text), &domain), kind, "{text}");
        }
    }

    #[test]
    fn the_nearest_domain_has_the_name() {
        let domains = [name("example.org"), name("lab.example.org")];
        assert_eq!(
            domain_of(&name("bob.lab.example.org"), domains.iter()),
            Some(&domains[1])
        );
        assert_eq!(
            domain_of(&name("bob.example.org"), domains.iter()),
            Some(&domains[0])
        );
        assert_eq!(domain_of(&name("bob.example.net"), domains.iter()), None);
    }
}
