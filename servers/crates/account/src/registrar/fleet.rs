//! DCs and RSs: enrolled by a token, given addresses and keys, told what changed.

use core::net::SocketAddr;
use core::time::Duration;

use ntm_account_api::error::ErrorCode;
use ntm_account_api::server::{
    DcEnrolled, DcLinkInfo, DcSetup, EnrolDc, EnrolRs, PeerLink, Prefix, RelayLink, RsEnrolled,
    RsSetup, ServerRole, V4Block,
};
use ntm_account_api::text::{Text, Wire};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{DcId, RsId};
use ntm_wire::key::{SecretKey, ServerKey};
use ntm_wire::time::Wall;

use super::{Decided, Registrar};
use crate::blocks::{free_v4_block, is_nearly_full, v4_block};
use crate::record::{Dc, Enrolment, Fleet, Link, Rs, hash_of};
use crate::{Change, Note, Refusal};

/// A server whose answer got lost may ask again with its token for so long.
const RETRY: Duration = Duration::from_secs(600);

/// A server as its token lets it in.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Newcomer {
    /// Never seen: spend the token.
    New,
    /// It asks again: the answer got lost.
    Again,
}

impl Registrar {
    /// Makes a DC of whoever holds the token.
    pub fn enrol_dc(
        &mut self,
        now: Wall,
        fleet: &Fleet,
        enrolment: Option<&Enrolment>,
        asked: &EnrolDc,
    ) -> Result<Decided<DcEnrolled>, Refusal> {
        let (enrolment, newcomer) = admit(now, enrolment, asked.key.0)?;
        let ServerRole::Dc { domains } = &enrolment.role else {
            return Err(wrong_role("a relay (ntm-rs)"));
        };
        let secret = self.secret();
        let known = fleet.dcs.iter().find(|d| d.key == asked.key.0);
        let mut changes = spend(&newcomer, enrolment, asked.key.0, now);
        let mut fleet = fleet.clone();
        let dc = match known {
            Some(dc) => {
                changes.push(Change::SetDcSecret(dc.id, hash_of(secret.expose())));
                changes.push(Change::SetDcAddrs(dc.id, asked.addrs.clone()));
                dc.id
            }
            None => {
                let dc = self.new_dc(&fleet, domains, asked, &secret)?;
                changes.extend(tell_all(&fleet));
                changes.push(Change::AddDc(dc.clone()));
                changes.extend(dc.v4_blocks.iter().map(|b| Change::AddV4Block(dc.id, *b)));
                changes.extend(self.links_of_dc(&mut fleet, dc.id));
                // Its news begin with a number above zero, which means "everything".
                changes.push(Change::Tell(dc.id, Note::SetupChanged));
                let id = dc.id;
                fleet.dcs.push(dc);
                id
            }
        };
        Ok(Decided {
            changes,
            answer: DcEnrolled {
                dc: dc.0,
                secret: Wire(secret),
                setup: self.dc_setup(&fleet, dc)?,
            },
        })
    }

    fn new_dc(
        &mut self,
        fleet: &Fleet,
        domains: &[Text<Fqdn>],
        asked: &EnrolDc,
        secret: &SecretKey,
    ) -> Result<Dc, Refusal> {
        let exhausted = || Refusal::new(ErrorCode::BlocksExhausted);
        let highest = fleet.dcs.iter().map(|d| d.id.0).max().unwrap_or(0);
        let id = DcId(highest.checked_add(1).ok_or_else(exhausted)?);
        let taken = fleet.dcs.iter().flat_map(|d| d.v4_blocks.iter().copied());
        let all = || self.policy.domains.clone();
        let chosen: Vec<Fqdn> = domains.iter().map(|d| d.0.clone()).collect();
        Ok(Dc {
            id,
            key: asked.key.0,
            domains: if chosen.is_empty() { all() } else { chosen },
            addrs: asked.addrs.clone(),
            prefix: self.deployment.prefix(id).ok_or_else(exhausted)?,
            v4_blocks: vec![free_v4_block(taken).ok_or_else(exhausted)?],
            ticket_link: self.secret(),
            secret: hash_of(secret.expose()),
        })
    }

    fn links_of_dc(&mut self, fleet: &mut Fleet, dc: DcId) -> Vec<Change> {
        let serves = |rs: &Rs| rs.dcs.is_empty() || rs.dcs.contains(&dc);
        let relays: Vec<RsId> = fleet
            .relays
            .iter()
            .filter(|r| serves(r))
            .map(|r| r.id)
            .collect();
        let pairs = relays.into_iter().map(|rs| (dc, rs)).collect();
        self.add_links(fleet, pairs)
    }

    fn add_links(&mut self, fleet: &mut Fleet, pairs: Vec<(DcId, RsId)>) -> Vec<Change> {
        let first = fleet.links.iter().map(|l| l.key_id).max().unwrap_or(0);
        let new: Vec<Link> = (first.saturating_add(1)..)
            .zip(pairs)
            .map(|(key_id, (dc, rs))| Link {
                key_id,
                dc,
                rs,
                link: self.secret(),
            })
            .collect();
        fleet.links.extend(new.iter().cloned());
        new.into_iter().map(Change::AddLink).collect()
    }

    /// Makes an RS of whoever holds the token.
    pub fn enrol_rs(
        &mut self,
        now: Wall,
        fleet: &Fleet,
        enrolment: Option<&Enrolment>,
        asked: &EnrolRs,
    ) -> Result<Decided<RsEnrolled>, Refusal> {
        let (enrolment, newcomer) = admit(now, enrolment, asked.key.0)?;
        let ServerRole::Rs { dcs } = &enrolment.role else {
            return Err(wrong_role("a coordinator (ntm-dc)"));
        };
        let secret = self.secret();
        let mut changes = spend(&newcomer, enrolment, asked.key.0, now);
        let mut fleet = fleet.clone();
        let known = fleet.relays.iter().find(|r| r.key == asked.key.0);
        let rs = if let Some(rs) = known.map(|r| r.id) {
            changes.push(Change::SetRsSecret(rs, hash_of(secret.expose())));
            changes.push(Change::SetRsAddrs(rs, asked.v4, asked.v6));
            rs
        } else {
            let rs = new_rs(&fleet, dcs, asked, &secret);
            let id = rs.id;
            changes.push(Change::AddRs(rs.clone()));
            changes.extend(self.links_of_rs(&mut fleet, &rs));
            fleet.relays.push(rs);
            id
        };
        changes.extend(tell_all(&fleet));
        Ok(Decided {
            changes,
            answer: RsEnrolled {
                rs: rs.0,
                secret: Wire(secret),
                setup: self.rs_setup(&fleet, rs),
            },
        })
    }

    fn links_of_rs(&mut self, fleet: &mut Fleet, rs: &Rs) -> Vec<Change> {
        let serves = |dc: &Dc| rs.dcs.is_empty() || rs.dcs.contains(&dc.id);
        let dcs: Vec<DcId> = fleet
            .dcs
            .iter()
            .filter(|d| serves(d))
            .map(|d| d.id)
            .collect();
        let pairs = dcs.into_iter().map(|dc| (dc, rs.id)).collect();
        self.add_links(fleet, pairs)
    }

    /// The DC's new addresses.
    pub fn move_dc(&self, fleet: &Fleet, dc: &Dc, addrs: Vec<SocketAddr>) -> Decided<()> {
        let mut changes = Vec::new();
        if dc.addrs != addrs {
            changes.push(Change::SetDcAddrs(dc.id, addrs));
            changes.extend(tell_all(fleet));
        }
        Decided {
            changes,
            answer: (),
        }
    }

    /// The DC's blocks, with one more when the `devices` it ever had nearly fill them.
    pub fn more_room(
        &self,
        fleet: &Fleet,
        dc: &Dc,
        devices: u64,
    ) -> Result<Decided<Vec<V4Block>>, Refusal> {
        let mut blocks = dc.v4_blocks.clone();
        let mut changes = Vec::new();
        if is_nearly_full(devices, blocks.len()) {
            let taken = fleet.dcs.iter().flat_map(|d| d.v4_blocks.iter().copied());
            let new = free_v4_block(taken).ok_or(Refusal::new(ErrorCode::BlocksExhausted))?;
            blocks.push(new);
            changes.push(Change::AddV4Block(dc.id, new));
            changes.push(Change::Tell(dc.id, Note::SetupChanged));
        }
        Ok(Decided {
            changes,
            answer: blocks.into_iter().filter_map(v4_block).collect(),
        })
    }

    /// What a DC needs to work.
    pub fn dc_setup(&self, fleet: &Fleet, dc: DcId) -> Result<DcSetup, Refusal> {
        let dc = fleet.dc(dc).ok_or(Refusal::new(ErrorCode::NotSignedIn))?;
        let links = fleet.links.iter().filter(|l| l.dc == dc.id);
        let peers = fleet.dcs.iter().filter(|d| d.id != dc.id);
        Ok(DcSetup {
            domains: texts(&dc.domains),
            prefix: Text(Prefix(dc.prefix)),
            v4_blocks: dc.v4_blocks.iter().filter_map(|n| v4_block(*n)).collect(),
            ticket_link: Wire(dc.ticket_link.clone()),
            authorities: self.authorities(),
            relays: links.filter_map(|l| relay_link(fleet, l)).collect(),
            peers: peers.map(|d| self.peer_link(d)).collect(),
        })
    }

    fn peer_link(&self, dc: &Dc) -> PeerLink {
        PeerLink {
            dc: dc.id.0,
            domains: texts(&dc.domains),
            key: Wire(dc.key),
            addrs: dc.addrs.clone(),
            authority: Wire(self.authority()),
        }
    }

    /// What an RS needs to work.
    pub fn rs_setup(&self, fleet: &Fleet, rs: RsId) -> RsSetup {
        let links = fleet.links.iter().filter(|l| l.rs == rs);
        let info = |l: &Link| {
            fleet.dc(l.dc).map(|dc| DcLinkInfo {
                dc: dc.id.0,
                key_id: l.key_id,
                link: Wire(l.link.clone()),
                key: Wire(dc.key),
                addrs: dc.addrs.clone(),
            })
        };
        RsSetup {
            dcs: links.filter_map(info).collect(),
        }
    }
}

fn admit(
    now: Wall,
    enrolment: Option<&Enrolment>,
    key: ServerKey,
) -> Result<(&Enrolment, Newcomer), Refusal> {
    let refused = || Refusal::new(ErrorCode::EnrolmentRefused);
    let enrolment = enrolment.ok_or_else(refused)?;
    match enrolment.used {
        None if now <= enrolment.expires => Ok((enrolment, Newcomer::New)),
        Some((by, at)) if by == key && now <= at + RETRY => Ok((enrolment, Newcomer::Again)),
        _ => Err(refused()),
    }
}

fn spend(newcomer: &Newcomer, enrolment: &Enrolment, key: ServerKey, now: Wall) -> Vec<Change> {
    match newcomer {
        Newcomer::New => vec![Change::UseEnrolment(enrolment.hash, key, now)],
        Newcomer::Again => Vec::new(),
    }
}

fn wrong_role(of: &str) -> Refusal {
    let message = format!("this enrolment token is for {of}: have one made for this server");
    Refusal::because(ErrorCode::EnrolmentRefused, message)
}

fn new_rs(fleet: &Fleet, dcs: &[u32], asked: &EnrolRs, secret: &SecretKey) -> Rs {
    let highest = fleet.relays.iter().map(|r| r.id.0).max().unwrap_or(0);
    Rs {
        id: RsId(highest.saturating_add(1)),
        key: asked.key.0,
        v4: asked.v4,
        v6: asked.v6,
        secret: hash_of(secret.expose()),
        dcs: dcs.iter().copied().map(DcId).collect(),
    }
}

fn tell_all(fleet: &Fleet) -> Vec<Change> {
    let tell = |dc: &Dc| Change::Tell(dc.id, Note::SetupChanged);
    fleet.dcs.iter().map(tell).collect()
}

fn relay_link(fleet: &Fleet, link: &Link) -> Option<RelayLink> {
    fleet.rs(link.rs).map(|rs| RelayLink {
        rs: rs.id.0,
        key: Wire(rs.key),
        link: Wire(link.link.clone()),
        key_id: link.key_id,
        v4: rs.v4,
        v6: rs.v6,
    })
}

fn texts(names: &[Fqdn]) -> Vec<Text<Fqdn>> {
    names.iter().cloned().map(Text).collect()
}
