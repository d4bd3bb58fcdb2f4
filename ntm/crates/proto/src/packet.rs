//! Packet manipulation (paper A, III.B): the tunnel table, encapsulation and decapsulation.

pub(crate) mod ahead;
pub(crate) mod compress;
pub(crate) mod control;
pub(crate) mod data;
pub(crate) mod fragment;
pub(crate) mod keys;
pub(crate) mod naming;
pub(crate) mod path_ids;
pub(crate) mod rest;
pub(crate) mod table;
