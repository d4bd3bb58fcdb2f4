//! What machines count as forged, altered, replayed or nonsense.

use crate::process::Process;

/// Datagrams that this process took for forged or altered: what never happens among honest machines.
pub fn forged(process: &Process) -> u64 {
    match process {
        Process::Sink(_) => 0,
        Process::Node(host) => {
            let c = host.node.counters();
            c.malformed + c.bad_seal + c.wrong_inner_address
        }
        Process::Coordinator(host) => {
            let d = host.coordinator.counters().dropped;
            d.malformed + d.bad_seal + d.bad_ticket + d.bad_proof + d.bad_certificate
        }
        Process::Relay(host) => {
            use ntm_relay::DropReason;
            let dropped = |r| host.relay.counters().dropped(r);
            dropped(DropReason::Malformed)
                + dropped(DropReason::BadBind)
                + dropped(DropReason::BadToken)
                + dropped(DropReason::BadMac)
                + dropped(DropReason::BadLeg)
                + dropped(DropReason::BadLink)
        }
    }
}

/// Datagrams that this process dropped for whatever reason.
pub fn dropped(process: &Process) -> u64 {
    match process {
        Process::Sink(_) => 0,
        Process::Node(host) => {
            let counters = host.node.counters();
            counters.rejected() + counters.punches
        }
        Process::Coordinator(host) => host.coordinator.counters().dropped.total(),
        Process::Relay(host) => {
            let all = ntm_relay::DropReason::ALL.into_iter();
            all.map(|r| host.relay.counters().dropped(r)).sum()
        }
    }
}

/// Datagrams that this process recognised as doubles and answered from memory, or refused as old.
pub fn doubles(process: &Process) -> u64 {
    match process {
        Process::Sink(_) | Process::Node(_) => 0,
        Process::Coordinator(host) => host.coordinator.counters().duplicates,
        Process::Relay(host) => {
            let counters = host.relay.counters();
            counters.stale + counters.repeats
        }
    }
}
