//! A test for each rule of the design's section 10 that can be tested now.
//!
//! What waits for *Handover*: claims, move epochs and the window of path ids (most of rules 3 and 13),
//! doubles on two paths (part of 4), the credit of a moved leg's peer and bind + claim + data in one
//! datagram (part of 18), MTU search again at a move (part of 16). What waits for push: wake-ups
//! (part of 11). Of rule 8 the gateway, of rule 12 the fetching of foreign keys over HTTPS are not
//! the overlay's.

mod addressing;
mod floods;
mod keys;
mod legs;
mod people;
mod tunnels;
