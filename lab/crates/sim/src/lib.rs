//! The NTM world in virtual time: nodes, servers, NATs, links, moves
