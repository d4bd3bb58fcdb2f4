//! The NTM node that decides: negotiation, packets, tunnels, virtual stack
