//! [`Uri`]: `sip:alice@example.org`, as much of it as is looked at.

use core::fmt;

use ntm::wire::fqdn::Fqdn;

/// An address of SIP. Parameters and headers of the address are read over: nothing here goes by them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uri {
    user: Option<String>,
    host: String,
}

impl Uri {
    /// The address of an account or device: `alice.example.org` becomes `sip:alice@example.org`.
    pub fn of(name: &Fqdn) -> Self {
        match name.as_str().split_once('.') {
            Some((user, host)) => Self {
                user: Some(user.to_owned()),
                host: host.to_owned(),
            },
            None => Self {
                user: None,
                host: name.as_str().to_owned(),
            },
        }
    }

    /// Reads `sip:` and `sips:` addresses; `None` for any other scheme and for what has no host.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        if !scheme.eq_ignore_ascii_case("sip") && !scheme.eq_ignore_ascii_case("sips") {
            return None;
        }
        // The user part may hold ';' and '?': the last '@' before the host ends it.
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (user.split(':').next().map(str::to_owned), rest),
            None => (None, rest),
        };
        let host = rest.split([';', '?']).next().unwrap_or_default();
        let is_legal = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
        (!host.is_empty() && host.chars().all(is_legal)).then(|| Self {
            user,
            host: host.to_ascii_lowercase(),
        })
    }

    /// The account or device it names, if it names one.
    pub fn name(&self) -> Option<Fqdn> {
        let host = self.host.split(':').next().unwrap_or_default();
        match &self.user {
            Some(user) => Fqdn::parse(&format!("{user}.{host}")).ok(),
            None => Fqdn::parse(host).ok(),
        }
    }

    /// Whether it names an address in place of a person.
    pub fn is_address(&self) -> bool {
        let host = self.host.trim_start_matches('[');
        let host = host.split(']').next().unwrap_or_default();
        let v4 = self.host.split(':').next().unwrap_or_default();
        host.parse::<std::net::Ipv6Addr>().is_ok() || v4.parse::<std::net::Ipv4Addr>().is_ok()
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user {
            Some(user) => write!(f, "sip:{user}@{}", self.host),
            None => write!(f, "sip:{}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Fqdn {
        Fqdn::parse(text).unwrap()
    }

    #[test]
    fn an_account_is_written_as_people_write_it_and_read_back() {
        let uri = Uri::of(&name("alice.example.org"));
        assert_eq!(uri.to_string(), "sip:alice@example.org");
        assert_eq!(Uri::parse(&uri.to_string()), Some(uri.clone()));
        assert_eq!(uri.name(), Some(name("alice.example.org")));
    }

    #[test]
    fn parameters_ports_and_odd_users_do_not_hide_the_name() {
        for text in [
            "sip:alice@example.org;transport=udp",
            "SIP:alice@Example.Org:5060?subject=x",
            "sips:alice:secret@example.org",
        ] {
            assert_eq!(
                Uri::parse(text).unwrap().name(),
                Some(name("alice.example.org")),
                "{text}"
            );
        }
        let odd = Uri::parse("sip:user;par=u%40example.net@example.com").unwrap();
        assert_eq!(odd.name(), None, "no account is called so");
    }

    #[test]
    fn addresses_are_told_from_names() {
        for text in ["sip:[fd00::1]:5060", "sip:192.0.2.7", "sip:a@192.0.2.7:9"] {
            assert!(Uri::parse(text).unwrap().is_address(), "{text}");
        }
        assert!(!Uri::of(&name("alice.example.org")).is_address());
    }

    #[test]
    fn other_schemes_and_missing_hosts_are_no_address() {
        for text in ["tel:+81", "sip:", "sip:alice@", "http://x", "", "sip:a b"] {
            assert_eq!(Uri::parse(text), None, "{text}");
        }
    }
}
