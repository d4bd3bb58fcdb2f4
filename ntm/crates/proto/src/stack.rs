//! The virtual IP stack behind the virtual sockets: UDP, formats by `smoltcp::wire`.

pub(crate) mod sockets;
pub(crate) mod udp;
