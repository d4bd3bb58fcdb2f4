//! `ntm-lab list`.

use clap::Args;
use serde_json::json;

use super::print;
use crate::network::{Filtering, Mapping, Network, V4};

/// Lists the networks there are.
#[derive(Debug, Args)]
pub(super) struct List {
    /// One JSON object per line.
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(self) -> anyhow::Result<bool> {
        if !self.json {
            print(&format!("{:14}{:12}{:6}about", "network", "IPv4", "IPv6"));
        }
        for network in Network::ALL {
            print(&if self.json {
                object(network)
            } else {
                line(network)
            });
        }
        Ok(true)
    }
}

fn line(network: Network) -> String {
    let facts = network.facts();
    let v6 = if facts.v6 { "yes" } else { "-" };
    format!("{network:14}{:12}{v6:6}{}", v4(network), network.about())
}

fn v4(network: Network) -> &'static str {
    let facts = network.facts();
    match facts.v4 {
        None if facts.nat64 => "NAT64",
        None => "-",
        Some(V4 {
            mapping: Mapping::EndpointDependent,
            ..
        }) => "symmetric",
        Some(V4 {
            filtering: Filtering::EndpointIndependent,
            ..
        }) => "public",
        Some(_) => "NAT",
    }
}

fn object(network: Network) -> String {
    let facts = network.facts();
    json!({
        "network": network.name(),
        "v4": v4(network),
        "v6": facts.v6,
        "only_443": facts.only_443,
        "about": network.about(),
    })
    .to_string()
}
