//! One operator's site: a DC and an RS that have joined already, and devices that have signed in.
//! The Account Server is not running, as in a bad hour: both start from what they keep.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ed25519_dalek::SigningKey;
use ntm_account_api::invitation::{Pin, ServerRef};
use ntm_account_api::node::AuthorityInfo;
use ntm_account_api::server::{
    DcEnrolled, DcLinkInfo, DcSetup, Prefix, RelayLink, RsEnrolled, RsSetup, V4Block,
};
use ntm_account_api::text::{Text, Wire};
use ntm_proto::{Authority, Config, ConsentPolicy, DcEndpoint};
use ntm_wire::addr::{RealAddr, VirtualPrefix};
use ntm_wire::certificate::{IdentityCertificate, sign_device};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::{AuthorityKey, KeyPair, RootKey, SecretKey, ServerKey};
use ntm_wire::message::Consent;
use ntm_wire::ticket::{TICKET_LIFETIME, Ticket};
use ntm_wire::time::Wall;
use tempfile::TempDir;

use crate::process::{Server, address, command};

/// Told apart from other sites by its number.
pub(crate) struct Site {
    number: u8,
    pub(crate) folder: TempDir,
    pub(crate) domain: Fqdn,
    authority: SigningKey,
    dc: KeyPair,
    rs: KeyPair,
}

impl Site {
    pub(crate) fn new(number: u8, domain: &str) -> Self {
        let key = |n| KeyPair::from_private(SecretKey::new([n; 32]));
        let site = Self {
            number,
            folder: tempfile::tempdir().unwrap(),
            domain: Fqdn::parse(domain).unwrap(),
            authority: SigningKey::from_bytes(&[number; 32]),
            dc: key(100 + number),
            rs: key(200 + number),
        };
        site.keep("dc.key", &hex(site.dc.private().expose()));
        site.keep("rs.key", &hex(site.rs.private().expose()));
        site
    }

    fn keep(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(crate) fn dc_key(&self) -> ServerKey {
        self.dc.server()
    }

    pub(crate) fn authority(&self) -> AuthorityKey {
        AuthorityKey(self.authority.verifying_key().to_bytes())
    }

    fn link(&self) -> SecretKey {
        SecretKey::new([self.number; 32])
    }

    fn prefix(&self) -> VirtualPrefix {
        VirtualPrefix([0xfd, 0, 0, 0, 0, 0, 0, self.number])
    }

    fn server(&self) -> ServerRef {
        ServerRef {
            url: "https://127.0.0.1:1".into(),
            domain: self.domain.clone(),
            pin: Some(Pin([0; 32])),
        }
    }

    /// What a DC keeps of having joined.
    fn keep_dc(&self) {
        let setup = DcSetup {
            domains: vec![Text(self.domain.clone())],
            prefix: Text(Prefix(self.prefix())),
            v4_blocks: vec![V4Block {
                base: [100, 64 + self.number, 0, 0].into(),
                prefix_len: 18,
            }],
            ticket_link: Wire(self.link()),
            authorities: vec![AuthorityInfo {
                domain: Text(self.domain.clone()),
                key: Wire(self.authority()),
            }],
            relays: vec![RelayLink {
                rs: 1,
                key: Wire(self.rs.server()),
                link: Wire(self.link()),
                key_id: 1,
                v4: None,
                v6: None,
            }],
            peers: Vec::new(),
        };
        let enrolled = DcEnrolled {
            dc: u32::from(self.number),
            secret: Wire(self.link()),
            setup,
        };
        let saved =
            serde_json::json!({ "server": self.server().to_string(), "enrolled": enrolled });
        self.keep("dc.json", &saved.to_string());
    }

    fn keep_rs(&self, dc: SocketAddr) {
        let dc = DcLinkInfo {
            dc: u32::from(self.number),
            key_id: 1,
            link: Wire(self.link()),
            key: Wire(self.dc_key()),
            addrs: vec![dc],
        };
        let enrolled = RsEnrolled {
            rs: 1,
            secret: Wire(self.link()),
            setup: RsSetup { dcs: vec![dc] },
        };
        let saved =
            serde_json::json!({ "server": self.server().to_string(), "enrolled": enrolled });
        self.keep("rs.json", &saved.to_string());
    }

    fn command(&self, binary: &str) -> Command {
        let mut command = command(binary);
        command
            .env("NTM_CONFIG", self.folder.path().join("config.toml"))
            .env("NTM_DATA_DIR", self.folder.path())
            .env("NTM_LOG__LEVEL", "info,ntm_servers=trace")
            .env("NTM_DC__LISTEN", "127.0.0.1:0")
            .env("NTM_RS__LISTEN", "127.0.0.1:0");
        command
    }

    fn ready_file(&self, role: &str) -> PathBuf {
        self.folder.path().join(format!("{role}.ready"))
    }

    /// Starts the DC with `config` as its file.
    pub(crate) fn start_dc(&self, config: &str) -> (Server, SocketAddr) {
        self.keep_dc();
        self.keep("config.toml", config);
        let (server, ready) = Server::start(&mut self.command("ntm-dc"), &self.ready_file("dc"));
        (server, address(&ready, "dc"))
    }

    /// Starts the RS, linked to the DC at `dc`.
    pub(crate) fn start_rs(&self, dc: SocketAddr) -> (Server, SocketAddr) {
        self.keep_rs(dc);
        self.keep("config.toml", "");
        let (server, ready) = Server::start(&mut self.command("ntm-rs"), &self.ready_file("rs"));
        (server, address(&ready, "rs"))
    }

    /// A device that has signed in; `seed` makes its keys.
    pub(crate) fn device(&self, name: &str, seed: u8, dc: SocketAddr, trusts: &[&Self]) -> Config {
        let identity = KeyPair::from_private(SecretKey::new([seed; 32]));
        let fqdn = Fqdn::parse(&format!("{name}.{}", self.domain)).unwrap();
        let certificate = self.certify(&fqdn, &identity);
        let node_key = SecretKey::new([seed; 32]);
        let expires = now() + TICKET_LIFETIME;
        let ticket = Ticket {
            node_key: node_key.clone(),
            issued: now(),
            expires,
            certificate: certificate.clone(),
        };
        Config {
            certificate,
            identity,
            node_key,
            ticket: ticket.seal(&self.link(), [seed; 16]),
            ticket_expires: expires,
            dc: DcEndpoint {
                key: self.dc_key(),
                addrs: vec![RealAddr(dc)],
            },
            authorities: trusts.iter().map(|s| s.as_authority()).collect(),
            pins: Vec::new(),
            push_token: None,
            consent: ConsentPolicy {
                contacts: Vec::new(),
                for_contacts: Consent::All,
                for_others: Consent::All,
            },
        }
    }

    fn as_authority(&self) -> Authority {
        Authority {
            domain: self.domain.clone(),
            key: self.authority(),
        }
    }

    fn certify(&self, fqdn: &Fqdn, identity: &KeyPair) -> IdentityCertificate {
        let root = SigningKey::from_bytes(&[77; 32]);
        let node = ntm_wire::id::NodeId::of(&identity.identity());
        IdentityCertificate {
            fqdn: fqdn.clone(),
            identity: identity.identity(),
            virtual_v6: self.prefix().address_of(&node),
            not_before: now(),
            not_after: now() + Duration::from_secs(86_400),
            root: RootKey(root.verifying_key().to_bytes()),
            root_signature: sign_device(&root, fqdn, &identity.identity()),
            authority_signature: [0; 64],
        }
        .signed_by(&self.authority)
    }
}

fn now() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Wall::from_millis(since.as_millis().try_into().unwrap())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
