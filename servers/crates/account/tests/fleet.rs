//! Servers: enrolment, addresses, link keys.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use ntm_account::Registration;
use ntm_account_api::error::ErrorCode;
use ntm_account_api::server::{ServerRole, V4Block};
use proptest::prelude::*;

use crate::ledger::{DAY, Ledger};

fn any_dc() -> ServerRole {
    ServerRole::Dc {
        domains: Vec::new(),
    }
}

fn range(block: &V4Block) -> std::ops::Range<u32> {
    let first = block.base.to_bits();
    first..first + (1 << (32 - block.prefix_len))
}

#[test]
fn blocks_never_overlap_over_as_many_dcs_as_there_can_be() {
    let mut ledger = Ledger::new(Registration::Open);
    let dcs: Vec<_> = (0..255).map(|n| ledger.enrol_dc(n).unwrap()).collect();
    let prefixes: BTreeSet<_> = dcs.iter().map(|d| d.setup.prefix.0.to_string()).collect();
    assert_eq!(prefixes.len(), 255, "each DC has a /64 of its own");
    let blocks: Vec<_> = dcs.iter().flat_map(|d| d.setup.v4_blocks.clone()).collect();
    for (i, a) in blocks.iter().enumerate() {
        let apart = |b: &V4Block| range(a).end <= range(b).start || range(b).end <= range(a).start;
        assert!(blocks[..i].iter().all(apart), "{a:?} overlaps another");
        assert!(
            a.base < Ipv4Addr::new(100, 127, 192, 0),
            "for local aliases"
        );
    }
    let refused = ledger.enrol_dc(255).expect_err("no block is left");
    assert_eq!(refused.code, ErrorCode::BlocksExhausted);
}

#[test]
fn a_dc_gets_another_block_only_when_its_own_are_nearly_full() {
    let mut ledger = Ledger::new(Registration::Open);
    ledger.enrol_dc(1).unwrap();
    ledger.enrol_dc(2).unwrap();
    let room = |ledger: &mut Ledger, devices| {
        let dc = ledger.fleet.dcs[0].clone();
        let decided = ledger
            .registrar
            .more_room(&ledger.fleet, &dc, devices)
            .unwrap();
        ledger.carry_out(decided).len()
    };
    assert_eq!(room(&mut ledger, 100), 1);
    assert_eq!(room(&mut ledger, 12_288), 2);
    assert_eq!(room(&mut ledger, 12_288), 2, "asked again, nothing more");
    assert_eq!(ledger.fleet.dcs[0].v4_blocks, [0, 2]);
}

#[test]
fn a_token_is_good_once_and_a_lost_answer_may_be_asked_for_again() {
    let mut ledger = Ledger::new(Registration::Open);
    let token = ledger.token(any_dc());
    let first = ledger.enrol_dc_with(token.clone(), 1).unwrap();
    let again = ledger.enrol_dc_with(token.clone(), 1).unwrap();
    assert_eq!((first.dc, &first.setup), (again.dc, &again.setup));
    let thief = ledger.enrol_dc_with(token.clone(), 2).unwrap_err();
    assert_eq!(thief.code, ErrorCode::EnrolmentRefused);
    ledger.now = ledger.now + Duration::from_secs(601);
    let late = ledger.enrol_dc_with(token, 1).unwrap_err();
    assert_eq!(late.code, ErrorCode::EnrolmentRefused);
}

#[test]
fn a_token_ends_and_serves_its_own_role_only() {
    let mut ledger = Ledger::new(Registration::Open);
    let token = ledger.token(any_dc());
    let wrong = ledger.enrol_rs_with(token.clone(), 1).unwrap_err();
    assert_eq!(wrong.code, ErrorCode::EnrolmentRefused);
    assert!(wrong.message.contains("ntm-dc"), "{}", wrong.message);
    ledger.now = ledger.now + DAY + Duration::from_millis(1);
    let late = ledger.enrol_dc_with(token, 1).unwrap_err();
    assert_eq!(late.code, ErrorCode::EnrolmentRefused);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn in_whatever_order_servers_come_each_pair_shares_one_key(order in prop::collection::vec(any::<bool>(), 1..12)) {
        let mut ledger = Ledger::new(Registration::Open);
        for (n, is_dc) in (0..).zip(&order) {
            if *is_dc {
                ledger.enrol_dc(n).unwrap();
            } else {
                ledger.enrol_rs(n).unwrap();
            }
        }
        let fleet = ledger.fleet.clone();
        prop_assert_eq!(fleet.links.len(), fleet.dcs.len() * fleet.relays.len());
        let ids: BTreeSet<_> = fleet.links.iter().map(|l| l.key_id).collect();
        prop_assert_eq!(ids.len(), fleet.links.len(), "a token names one key");
        for rs in &fleet.relays {
            for seen in ledger.registrar.rs_setup(&fleet, rs.id).dcs {
                let dc = fleet.dcs.iter().find(|d| d.id.0 == seen.dc).unwrap();
                let setup = ledger.registrar.dc_setup(&fleet, dc.id).unwrap();
                let same = setup.relays.iter().find(|l| l.rs == rs.id.0).unwrap();
                prop_assert_eq!((&same.link, same.key_id), (&seen.link, seen.key_id));
            }
        }
    }
}
