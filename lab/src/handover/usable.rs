//! When the operating system's part is over: the moment when an address can be used, as the kernel tells
//! whoever listens in the host's namespace.

use std::process::Stdio;
use std::time::SystemTime;

use anyhow::Context as _;

use super::case::Moment;
use crate::conversation::{Conversation, Line};
use crate::host::{Host, Radio};

/// What makes a host able to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usable {
    /// An address and a default route of one family on this radio.
    Arrival(Radio),
    /// The same, and it comes long after the last command came back.
    Made(Radio),
    /// The kernel says that the radio in use went; the other was there all the time.
    Loss,
    /// Nothing says anything: it counts from the event.
    Unsaid,
}

/// The kernel's messages about a host's network.
#[derive(Debug)]
pub(super) struct Kernel(Conversation);

impl Kernel {
    pub(super) fn listen(host: &Host) -> anyhow::Result<Self> {
        let mut monitor = std::process::Command::new("ip");
        monitor.args(["-n", host.namespace().name(), "-o"]);
        monitor.args(["monitor", "link", "address", "route"]);
        let monitor = monitor
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(Self(Conversation::begin(
            monitor.spawn().context("ip monitor (iproute2)")?,
        )?))
    }

    /// The moment, if the kernel told of it after `event`.
    fn usable(&self, by: Usable, event: SystemTime) -> Option<SystemTime> {
        let said = self.0.out();
        let after = said.iter().filter(|l| l.at >= event);
        match by {
            Usable::Arrival(radio) | Usable::Made(radio) => arrival(after, radio.device()),
            Usable::Loss => after.filter(|l| is_loss(l)).map(|l| l.at).min(),
            Usable::Unsaid => None,
        }
    }

    /// The moment by this machine's best knowledge: what the kernel tells, or the last command's end, whichever
    /// is earlier; an address that the kernel makes is waited for.
    pub(super) fn usable_since(&self, by: Usable, moment: &Moment) -> Option<SystemTime> {
        let told = self.usable(by, moment.event);
        match by {
            Usable::Made(_) => told,
            Usable::Arrival(_) | Usable::Loss | Usable::Unsaid => {
                Some(told.map_or(moment.done, |at| at.min(moment.done)))
            }
        }
    }

    pub(super) fn said(&self) -> Vec<Line> {
        self.0.out()
    }
}

/// The family that is complete first counts.
fn arrival<'a>(lines: impl Iterator<Item = &'a Line> + Clone, device: &str) -> Option<SystemTime> {
    let complete = |is_v6: bool| {
        let address = lines.clone().find(|l| is_address(&l.text, device, is_v6))?;
        let route = lines.clone().find(|l| is_default(&l.text, device, is_v6))?;
        Some(address.at.max(route.at))
    };
    [complete(false), complete(true)]
        .into_iter()
        .flatten()
        .min()
}

/// A tentative address can't be used, an optimistic one can (RFC 4429).
fn is_address(text: &str, device: &str, is_v6: bool) -> bool {
    let family = if is_v6 { " inet6 " } else { " inet " };
    let waits = text.contains(" tentative") && !text.contains(" optimistic");
    is_news(text, device) && text.contains(family) && text.contains(" scope global") && !waits
}

fn is_default(text: &str, device: &str, is_v6: bool) -> bool {
    let via = text.strip_prefix("default via ");
    let gateway = via.and_then(|t| t.split(' ').next());
    let dev = format!(" dev {device} ");
    text.contains(&dev)
        && !text.contains(" table ")
        && gateway.is_some_and(|g| g.contains(':') == is_v6)
}

fn is_news(text: &str, device: &str) -> bool {
    let mut words = text.split_whitespace();
    // `2: w0    inet 192.168.1.2/24 …`
    words.next().is_some_and(|w| w.ends_with(':')) && words.next() == Some(device)
}

fn is_loss(line: &Line) -> bool {
    line.text.starts_with("Deleted ") || line.text.contains("NO-CARRIER")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn lines(texts: &[&str]) -> Vec<Line> {
        let line = |(ms, text): (u64, &&str)| Line {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(ms),
            text: (*text).to_owned(),
        };
        (0..).zip(texts).map(line).collect()
    }

    fn arrived(texts: &[&str]) -> Option<u128> {
        let at = arrival(lines(texts).iter(), "w0")?;
        at.duration_since(SystemTime::UNIX_EPOCH)
            .ok()
            .map(|d| d.as_millis())
    }

    #[test]
    fn an_address_can_be_used_when_it_and_its_default_route_are_there() {
        let told = [
            "Deleted 2: w0    inet 192.168.1.2/24 scope global w0\\       valid_lft forever",
            "2: w0    inet 192.168.1.3/24 scope global w0\\       valid_lft forever",
            "default via 192.168.1.1 dev w0 table 101 ",
            "default via 192.168.1.1 dev w0 metric 100 ",
        ];
        assert_eq!(arrived(&told), Some(3));
        assert_eq!(arrived(&told[..3]), None);
    }

    #[test]
    fn a_tentative_address_waits_and_an_optimistic_one_does_not() {
        let of = |flag: &str| format!("2: w0    inet6 2001:db8::2/64 scope global {flag}\\ valid");
        let route = "default via fe80::1 dev w0 proto ra metric 1024 ";
        let (tentative, optimistic) = (of("tentative dynamic"), of("optimistic tentative dynamic"));
        assert_eq!(arrived(&[route, &tentative]), None);
        assert_eq!(arrived(&[route, &tentative, &of("dynamic")]), Some(2));
        assert_eq!(arrived(&[route, &optimistic]), Some(1));
    }
}
