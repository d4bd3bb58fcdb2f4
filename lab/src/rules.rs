//! Rule sets of routers, for nftables.

use std::net::Ipv4Addr;

/// How IPv4 goes out of a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nat {
    /// Linux as it is: ports are kept, one mapping for all destinations while no two hosts clash.
    Home,
    /// A random port for each destination.
    Symmetric,
}

/// What a router lets out and in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forward {
    /// Everything out; in only what was asked for.
    Stateful,
    /// The same for IPv4, and IPv6 unhindered.
    OpenV6,
    /// As `Stateful`, and UDP only to port 443.
    Udp443,
}

/// Masquerading towards `wan`.
pub(crate) fn nat(nat: Nat) -> String {
    let udp = match nat {
        Nat::Home => "",
        Nat::Symmetric => "oifname wan meta l4proto udp masquerade fully-random\n",
    };
    format!(
        "table ip nat {{
            chain post {{
                type nat hook postrouting priority srcnat;
                {udp}
                oifname wan masquerade
            }}
        }}"
    )
}

/// The filter. An unsolicited packet to the router itself is dropped before it makes a mapping of its
/// own, which would cost the host behind it its port.
pub(crate) fn filter(forward: Forward) -> String {
    let first = match forward {
        Forward::Stateful => "",
        Forward::OpenV6 => "meta nfproto ipv6 accept",
        Forward::Udp443 => "iifname lan udp dport != 443 drop",
    };
    format!(
        "table inet filter {{
            chain input {{
                type filter hook input priority filter; policy accept;
                iifname wan meta l4proto {{ tcp, udp }} ct state new drop
            }}
            chain forward {{
                type filter hook forward priority filter; policy drop;
                ct state established,related accept
                {first}
                iifname lan accept
                iifname nat64 accept
            }}
        }}"
    )
}

/// Whoever asks this router for a name gets no answer.
pub(crate) const SILENT_NAMES: &str = "table inet names {
    chain input {
        type filter hook input priority filter; policy accept;
        udp dport 53 drop
    }
}";

/// A router with two LANs that see nothing of each other. With `hairpin`, what they send to the router's
/// outside address comes back to whoever has the port there, and seems to come from outside (RFC 4787, 6).
pub(crate) fn split(outside: Ipv4Addr, hairpin: bool) -> String {
    let (back, forth) = if hairpin {
        (
            format!(
                "chain pre {{
                    type nat hook prerouting priority dstnat;
                    iifname != wan ip daddr {outside} dnat ip to udp dport map @ports
                }}"
            ),
            format!("ct status dnat snat to {outside}"),
        )
    } else {
        (String::new(), String::new())
    };
    format!(
        "table ip nat {{
            map ports {{
                type inet_service : ipv4_addr . inet_service
                flags dynamic
                size 65535
            }}
            {back}
            chain post {{
                type nat hook postrouting priority srcnat;
                oifname wan meta l4proto udp update @ports {{ udp sport : ip saddr . udp sport }}
                oifname wan masquerade
                {forth}
            }}
        }}
        table inet filter {{
            chain input {{
                type filter hook input priority filter; policy accept;
                iifname wan meta l4proto {{ tcp, udp }} ct state new drop
            }}
            chain forward {{
                type filter hook forward priority filter; policy drop;
                ct state established,related accept
                ct status dnat accept
                oifname wan accept
            }}
        }}"
    )
}
