//! The NTM node library: virtual sockets over tunnels that survive a change of network
