//! A store in memory that makes changes as a real one does, and a world around it.

use std::time::Duration;

use ed25519_dalek::SigningKey;
use ntm_account::blocks::Deployment;
use ntm_account::record::{Account, Device, Enrolment, Fleet, Invitation, hash_of};
use ntm_account::registrar::Applicant;
use ntm_account::{Change, Decided, Note, Policy, Refusal, Registrar, Registration};
use ntm_account_api::node::{DeviceAdded, NewDevice, SignUpFinish};
use ntm_account_api::server::{DcEnrolled, EnrolDc, EnrolRs, RsEnrolled, ServerRole};
use ntm_account_api::text::{Bytes, Text, Wire};
use ntm_wire::certificate::sign_device;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::DcId;
use ntm_wire::key::{KeyPair, RootKey, SecretKey, ServerKey};
use ntm_wire::time::Wall;

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

pub(crate) struct Ledger {
    pub(crate) registrar: Registrar,
    pub(crate) now: Wall,
    pub(crate) fleet: Fleet,
    pub(crate) accounts: Vec<Account>,
    pub(crate) devices: Vec<Device>,
    pub(crate) invitations: Vec<Invitation>,
    pub(crate) enrolments: Vec<Enrolment>,
    pub(crate) told: Vec<(DcId, Note)>,
}

impl Ledger {
    pub(crate) fn new(registration: Registration) -> Self {
        let policy = Policy::new(vec![fqdn("example.org")], registration);
        let authority = SigningKey::from_bytes(&[1; 32]);
        let deployment = Deployment::from_random([2; 5]);
        Self {
            registrar: Registrar::new(policy, authority, deployment, [3; 32]),
            now: Wall::from_secs(1_800_000_000),
            fleet: Fleet::default(),
            accounts: Vec::new(),
            devices: Vec::new(),
            invitations: Vec::new(),
            enrolments: Vec::new(),
            told: Vec::new(),
        }
    }

    /// With one coordinator.
    pub(crate) fn with_dc(registration: Registration) -> Self {
        let mut ledger = Self::new(registration);
        ledger.enrol_dc(1).unwrap();
        ledger
    }

    pub(crate) fn carry_out<A>(&mut self, decided: Decided<A>) -> A {
        decided.changes.into_iter().for_each(|c| self.make(c));
        decided.answer
    }

    fn make(&mut self, change: Change) {
        match change {
            Change::AddInvitation(i) => self.invitations.push(i),
            Change::UseInvitation(hash) => {
                let i = self.invitations.iter_mut().find(|i| i.hash == hash);
                i.unwrap().used += 1;
            }
            Change::VoidAdminInvitations => {
                let admins = self.invitations.iter_mut().filter(|i| i.makes_admin);
                admins.for_each(|i| i.uses = 0);
            }
            Change::AddAccount(a) => self.accounts.push(a),
            Change::AddDevice(d) => self.devices.push(d),
            Change::Renewed(node, at) => {
                let d = self.devices.iter_mut().find(|d| d.node == node);
                d.unwrap().renewed = at;
            }
            Change::Revoke(node, at) => {
                let d = self.devices.iter_mut().find(|d| d.node == node);
                d.unwrap().revoked = Some(at);
            }
            Change::AddEnrolment(e) => self.enrolments.push(e),
            Change::UseEnrolment(hash, key, at) => {
                let e = self.enrolments.iter_mut().find(|e| e.hash == hash);
                e.unwrap().used = Some((key, at));
            }
            Change::AddDc(dc) => self.fleet.dcs.push(dc),
            Change::SetDcAddrs(id, addrs) => {
                let dc = self.fleet.dcs.iter_mut().find(|d| d.id == id);
                dc.unwrap().addrs = addrs;
            }
            Change::AddV4Block(id, block) => {
                let dc = self.fleet.dcs.iter_mut().find(|d| d.id == id).unwrap();
                // `AddDc` names its first blocks, too.
                if !dc.v4_blocks.contains(&block) {
                    dc.v4_blocks.push(block);
                }
            }
            Change::AddRs(rs) => self.fleet.relays.push(rs),
            Change::AddLink(link) => self.fleet.links.push(link),
            Change::Tell(dc, note) => self.told.push((dc, note)),
            Change::SetDcSecret(..) | Change::SetRsSecret(..) | Change::SetRsAddrs(..) => {}
        }
    }

    pub(crate) fn token(&mut self, role: ServerRole) -> Bytes {
        let now = self.now;
        let decided = self
            .registrar
            .operator_enrolment(now, &self.fleet, role, DAY)
            .unwrap();
        Bytes(self.carry_out(decided).to_vec())
    }

    pub(crate) fn enrol_dc(&mut self, key: u32) -> Result<DcEnrolled, Refusal> {
        let code = self.token(ServerRole::Dc {
            domains: Vec::new(),
        });
        self.enrol_dc_with(code, key)
    }

    pub(crate) fn enrol_dc_with(&mut self, code: Bytes, key: u32) -> Result<DcEnrolled, Refusal> {
        let token = self.enrolment(&code);
        let asked = EnrolDc {
            code,
            key: Wire(server_key(key)),
            addrs: vec!["192.0.2.1:7930".parse().unwrap()],
        };
        let decided = self
            .registrar
            .enrol_dc(self.now, &self.fleet, token.as_ref(), &asked)?;
        Ok(self.carry_out(decided))
    }

    pub(crate) fn enrol_rs(&mut self, key: u32) -> Result<RsEnrolled, Refusal> {
        let code = self.token(ServerRole::Rs { dcs: Vec::new() });
        self.enrol_rs_with(code, key)
    }

    pub(crate) fn enrol_rs_with(&mut self, code: Bytes, key: u32) -> Result<RsEnrolled, Refusal> {
        let token = self.enrolment(&code);
        let asked = EnrolRs {
            code,
            key: Wire(server_key(key)),
            v4: Some("192.0.2.2:7930".parse().unwrap()),
            v6: None,
        };
        let decided = self
            .registrar
            .enrol_rs(self.now, &self.fleet, token.as_ref(), &asked)?;
        Ok(self.carry_out(decided))
    }

    fn enrolment(&self, code: &Bytes) -> Option<Enrolment> {
        let hash = hash_of(&code.0);
        self.enrolments.iter().find(|e| e.hash == hash).cloned()
    }

    /// A code good for so many people and so long.
    pub(crate) fn invitation(&mut self, uses: u32, lifetime: Duration) -> Vec<u8> {
        let now = self.now;
        let mut decided = self.registrar.operator_invitation(now, uses, lifetime);
        // As if a person had made it.
        if let [Change::AddInvitation(i)] = decided.changes.as_mut_slice() {
            i.made_by = Some(fqdn("carol.example.org"));
        }
        self.carry_out(decided).to_vec()
    }

    pub(crate) fn sign_up(
        &mut self,
        code: Option<&[u8]>,
        person: &Person,
    ) -> Result<DeviceAdded, Refusal> {
        let invitation = code.and_then(|c| {
            let hash = hash_of(c);
            self.invitations.iter().find(|i| i.hash == hash).cloned()
        });
        let applicant = Applicant {
            invitation: invitation.as_ref(),
            showed_code: code.is_some(),
            is_taken: self.accounts.iter().any(|a| a.name == person.name),
        };
        let asked = person.sign_up();
        let decided = self.registrar.sign_up(
            self.now,
            applicant,
            &self.fleet,
            &[],
            &asked,
            b"opaque".to_vec(),
        )?;
        Ok(self.carry_out(decided))
    }

    pub(crate) fn account(&self, name: &Fqdn) -> Account {
        self.accounts
            .iter()
            .find(|a| a.name == *name)
            .unwrap()
            .clone()
    }

    /// Those that are not revoked.
    pub(crate) fn devices_of(&self, account: &Fqdn) -> Vec<Device> {
        let live = |d: &&Device| d.account == *account && d.revoked.is_none();
        self.devices.iter().filter(live).cloned().collect()
    }
}

/// Somebody with a root key.
pub(crate) struct Person {
    pub(crate) name: Fqdn,
    pub(crate) root: SigningKey,
}

impl Person {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: fqdn(name),
            root: SigningKey::from_bytes(&[42; 32]),
        }
    }

    /// A device with the identity key `n`.
    pub(crate) fn device(&self, name: &str, n: u8) -> NewDevice {
        let identity = KeyPair::from_private(SecretKey::new([n; 32])).identity();
        let signed = match self.name.child(name) {
            Ok(fqdn) => sign_device(&self.root, &fqdn, &identity),
            Err(_) => [0; 64],
        };
        NewDevice {
            name: name.into(),
            identity: Wire(identity),
            root_signature: Bytes(signed.to_vec()),
            secret: Wire(SecretKey::new([n.wrapping_add(100); 32])),
        }
    }

    fn sign_up(&self) -> SignUpFinish {
        SignUpFinish {
            code: None,
            account: Text(self.name.clone()),
            opaque: Bytes::default(),
            root: Wire(RootKey(self.root.verifying_key().to_bytes())),
            sealed_root: Bytes(vec![0; 64]),
            device: self.device("phone", 7),
        }
    }
}

pub(crate) fn fqdn(text: &str) -> Fqdn {
    Fqdn::parse(text).unwrap()
}

fn server_key(n: u32) -> ServerKey {
    let mut key = [0; 32];
    key[..4].copy_from_slice(&n.to_be_bytes());
    ServerKey(key)
}
