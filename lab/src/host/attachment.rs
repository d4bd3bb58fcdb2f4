//! What a radio has in a network, as lines for `ip`.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::Context as _;

use super::Radio;
use crate::access::{Lan, Seat};
use crate::netns::Namespace;

/// Routing tables of the two radios: what is sent from a radio's address leaves by it, as on a phone.
const TABLE: usize = 101;
/// The first radio's default route is preferred.
const METRIC: usize = 100;

/// A radio in a network.
#[derive(Debug)]
pub(super) struct Attachment {
    lan: Arc<Lan>,
    seat: Seat,
    radio: Radio,
}

impl Attachment {
    pub(super) fn new(lan: Arc<Lan>, radio: Radio) -> Self {
        let seat = lan.seat();
        Self { lan, seat, radio }
    }

    pub(super) fn lan(&self) -> &Arc<Lan> {
        &self.lan
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.seat.addresses.iter().map(|net| net.ip)
    }

    pub(super) fn bridge(&self) -> &str {
        &self.seat.bridge
    }

    /// Gives the host addresses, routes and rules; safe to repeat.
    pub(super) fn add(&self, to: &Namespace) -> anyhow::Result<()> {
        self.run(to, |seat, is_v6| self.addition(seat, is_v6))
    }

    /// Takes them away.
    pub(super) fn remove(&self, from: &Namespace) -> anyhow::Result<()> {
        self.run(from, |seat, is_v6| self.removal(seat, is_v6))
    }

    /// One batch per family that the network has.
    fn run(
        &self,
        namespace: &Namespace,
        lines: impl Fn(&Seat, bool) -> String,
    ) -> anyhow::Result<()> {
        namespace.ip(&lines(&self.seat, false))?;
        namespace.ip6(&lines(&self.seat, true))
    }

    fn addition(&self, seat: &Seat, is_v6: bool) -> String {
        let (device, table) = (self.radio.device(), TABLE + self.radio.index());
        let metric = METRIC + self.radio.index();
        let flag = if is_v6 { " nodad" } else { "" };
        let mut lines = String::new();
        for net in seat.addresses.iter().filter(|n| n.ip.is_ipv6() == is_v6) {
            lines += &format!("addr replace {net} dev {device}{flag}\n");
            lines += &format!("rule add from {} table {table}\n", net.ip);
        }
        for gateway in seat.gateways.iter().filter(|g| g.is_ipv6() == is_v6) {
            lines += &format!("route replace default via {gateway} dev {device} metric {metric}\n");
            lines += &format!("route replace default via {gateway} dev {device} table {table}\n");
        }
        lines
    }

    /// Routes over IPv4 go with their address; those over IPv6 do not.
    fn removal(&self, seat: &Seat, is_v6: bool) -> String {
        let (device, table) = (self.radio.device(), TABLE + self.radio.index());
        let mut lines = String::new();
        for gateway in seat.gateways.iter().filter(|g| is_v6 && g.is_ipv6()) {
            lines += &format!("route del default via {gateway} dev {device}\n");
            lines += &format!("route del default via {gateway} dev {device} table {table}\n");
        }
        for net in seat.addresses.iter().filter(|n| n.ip.is_ipv6() == is_v6) {
            lines += &format!("rule del from {} table {table}\n", net.ip);
            lines += &format!("addr del {net} dev {device}\n");
        }
        // What the kernel made of router advertisements; whoever manages networks takes it away too.
        if is_v6 && seat.addresses.iter().any(|n| n.ip.is_ipv6()) {
            lines += &format!(
                "addr flush dev {device} scope global\nroute flush dev {device} proto ra\n"
            );
        }
        lines
    }

    /// `ip netns exec` shows this file as /etc/resolv.conf.
    pub(super) fn tell_name_server(&self, namespace: &Namespace) -> anyhow::Result<()> {
        let Some(server) = self.seat.name_server else {
            return Ok(());
        };
        write_resolv_conf(namespace, server)
    }
}

fn write_resolv_conf(namespace: &Namespace, server: IpAddr) -> anyhow::Result<()> {
    let folder = std::path::Path::new("/etc/netns").join(namespace.name());
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    std::fs::write(folder.join("resolv.conf"), format!("nameserver {server}\n"))?;
    Ok(())
}
