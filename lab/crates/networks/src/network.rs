//! The kinds of access network, and what RFC 4787 says about each.

/// A kind of access network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// A public IPv4 address.
    PublicV4,
    /// IPv4 behind a home router.
    HomeNat,
    /// IPv4 behind a router that takes a new port for each destination.
    SymmetricNat,
    /// IPv4 behind a home router behind a carrier's NAT.
    Cgnat,
    /// IPv6 and nothing else.
    V6Only,
    /// IPv4 behind a home router, and IPv6.
    DualStack,
    /// IPv6 behind a stateful firewall.
    V6Firewall,
    /// Both ends behind the same home router.
    SameLan,
    /// A home router whose way out carries 1,280 bytes.
    SmallMtu,
    /// A home router that lets UDP out to port 443 only.
    Udp443Only,
    /// IPv6 only, with NAT64 towards IPv4.
    Nat64,
}

/// How a NAT chooses outside ports (RFC 4787, 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// One for all destinations; or no NAT at all.
    EndpointIndependent,
    /// Another for each destination: "symmetric".
    EndpointDependent,
}

/// Who may answer (RFC 4787, 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filtering {
    /// Anybody.
    EndpointIndependent,
    /// Only the address and port that was written to.
    AddressAndPortDependent,
}

/// A way out over IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct V4 {
    /// What peers see of it.
    pub mapping: Mapping,
    /// What it lets in.
    pub filtering: Filtering,
}

/// What the expectation is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The way out over IPv4, if there is one of its own.
    pub v4: Option<V4>,
    /// Whether there is a global IPv6 address; a firewall before it maps nothing and so only needs opening.
    pub v6: bool,
    /// Whether IPv4 is reached by translation from IPv6.
    pub nat64: bool,
    /// Whether UDP reaches no other port than 443.
    pub only_443: bool,
}

impl Network {
    /// All eleven, in the order of tables.
    pub const ALL: [Self; 11] = [
        Self::PublicV4,
        Self::HomeNat,
        Self::SymmetricNat,
        Self::Cgnat,
        Self::V6Only,
        Self::DualStack,
        Self::V6Firewall,
        Self::SameLan,
        Self::SmallMtu,
        Self::Udp443Only,
        Self::Nat64,
    ];

    /// The name, as scripts write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::PublicV4 => "public-v4",
            Self::HomeNat => "home-nat",
            Self::SymmetricNat => "symmetric-nat",
            Self::Cgnat => "cgnat",
            Self::V6Only => "v6-only",
            Self::DualStack => "dual-stack",
            Self::V6Firewall => "v6-firewall",
            Self::SameLan => "same-lan",
            Self::SmallMtu => "small-mtu",
            Self::Udp443Only => "udp-443-only",
            Self::Nat64 => "nat64",
        }
    }

    /// One line for people.
    pub fn about(self) -> &'static str {
        match self {
            Self::PublicV4 => "a public IPv4 address, nothing in the way",
            Self::HomeNat => {
                "home router: one outside port for all, answers from whom one wrote to"
            }
            Self::SymmetricNat => "router that takes a random outside port for each destination",
            Self::Cgnat => "home router behind a carrier's NAT (100.64.0.0/10)",
            Self::V6Only => "a global IPv6 address and no IPv4",
            Self::DualStack => "IPv4 behind a home router, and a global IPv6 address",
            Self::V6Firewall => "IPv6 behind a stateful firewall, no IPv4",
            Self::SameLan => "two hosts on one LAN behind one home router",
            Self::SmallMtu => "home router whose way out carries packets of 1,280 bytes",
            Self::Udp443Only => "home router that lets UDP out to port 443 only",
            Self::Nat64 => "IPv6 only, IPv4 through NAT64 (prefix by RFC 7050)",
        }
    }

    /// What it does to packets.
    pub fn facts(self) -> Facts {
        let nothing = Facts {
            v4: None,
            v6: false,
            nat64: false,
            only_443: false,
        };
        let v4 = |mapping, filtering| Some(V4 { mapping, filtering });
        let home = v4(
            Mapping::EndpointIndependent,
            Filtering::AddressAndPortDependent,
        );
        match self {
            Self::PublicV4 => Facts {
                v4: v4(Mapping::EndpointIndependent, Filtering::EndpointIndependent),
                ..nothing
            },
            Self::HomeNat | Self::Cgnat | Self::SameLan | Self::SmallMtu => Facts {
                v4: home,
                ..nothing
            },
            Self::SymmetricNat => Facts {
                v4: v4(
                    Mapping::EndpointDependent,
                    Filtering::AddressAndPortDependent,
                ),
                ..nothing
            },
            Self::V6Only | Self::V6Firewall => Facts {
                v6: true,
                ..nothing
            },
            Self::DualStack => Facts {
                v4: home,
                v6: true,
                ..nothing
            },
            Self::Udp443Only => Facts {
                v4: home,
                only_443: true,
                ..nothing
            },
            Self::Nat64 => Facts {
                v6: true,
                nat64: true,
                ..nothing
            },
        }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// No network has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownNetwork(String);

impl std::fmt::Display for UnknownNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = Network::ALL.map(Network::name).join(", ");
        write!(f, "no network is called {:?}: there are {names}", self.0)
    }
}

impl std::error::Error for UnknownNetwork {}

impl std::str::FromStr for Network {
    type Err = UnknownNetwork;

    fn from_str(text: &str) -> Result<Self, UnknownNetwork> {
        let found = Self::ALL.into_iter().find(|n| n.name() == text);
        found.ok_or_else(|| UnknownNetwork(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_read_by_its_name_and_an_unknown_name_is_answered_with_those_there_are() {
        for network in Network::ALL {
            assert_eq!(network.name().parse(), Ok(network));
        }
        let said = "mars".parse::<Network>().unwrap_err().to_string();
        assert!(
            said.contains("mars") && said.contains("small-mtu"),
            "{said}"
        );
    }
}
