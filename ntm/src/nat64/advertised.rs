//! The NAT64 prefixes that routers advertise (RFC 8781). Linux passes the options of router
//! advertisements that it has no use for itself on to whoever listens, and asks for no privilege.

mod heard;
mod notice;

use std::io;

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{AsyncSocket as _, AsyncSocketExt as _, TokioSocket};
use tokio::time::{Instant, sleep_until};

use super::Prefix;
use heard::Heard;

/// `RTNLGRP_LINK` and `RTNLGRP_ND_USEROPT` of linux/rtnetlink.h.
const GROUPS: [u32; 2] = [1, 20];
/// Port number of the kernel: nobody else's word is taken.
const KERNEL: u32 = 0;

/// Tells the prefix to use whenever it becomes another one, until nobody wants to know.
pub(crate) async fn follow(tell: impl Fn(Option<Prefix>) -> bool) -> io::Result<()> {
    let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
    socket.socket_mut().bind_auto()?;
    for group in GROUPS {
        socket.socket_mut().add_membership(group)?;
    }
    let (mut heard, mut told) = (Heard::default(), None);
    loop {
        let end = heard.next_end();
        tokio::select! {
            received = socket.recv_from_full() => take(&mut heard, &received?),
            () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => {}
        }
        let now = heard.current(Instant::now());
        if now != told && !tell(now) {
            return Ok(());
        }
        told = now;
    }
}

fn take(heard: &mut Heard, (bytes, from): &(Vec<u8>, netlink_sys::SocketAddr)) {
    if from.port_number() == KERNEL {
        let now = Instant::now();
        notice::read(bytes).for_each(|notice| heard.handle(now, notice));
    }
}
