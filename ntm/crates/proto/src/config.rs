//! What a node is given at its start.

use ntm_wire::addr::RealAddr;
use ntm_wire::certificate::IdentityCertificate;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::InterfaceId;
use ntm_wire::key::{AuthorityKey, KeyPair, RootKey, SecretKey, ServerKey};
use ntm_wire::message::Consent;
use ntm_wire::push::PushToken;
use ntm_wire::ticket::SealedTicket;
use ntm_wire::time::Wall;

/// Identity, secrets and trust of a node.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who the node is, signed by its AS.
    pub certificate: IdentityCertificate,
    /// The key pair the certificate is for.
    pub identity: KeyPair,
    /// What the DC can be told and believed by.
    pub node_key: SecretKey,
    /// Shows the DC the node key.
    pub ticket: SealedTicket,
    /// When the ticket ends.
    pub ticket_expires: Wall,
    /// The node's own coordinator.
    pub dc: DcEndpoint,
    /// Whose certificates are believed, and for which domain.
    pub authorities: Vec<Authority>,
    /// Root keys of accounts met before.
    pub pins: Vec<(Fqdn, RootKey)>,
    /// How the DC can have this node woken while it sleeps.
    pub push_token: Option<PushToken>,
    /// Who may learn this node's real addresses.
    pub consent: ConsentPolicy,
}

/// Where a coordinator is and which key it has.
#[derive(Clone, Debug)]
pub struct DcEndpoint {
    /// Its X25519 key.
    pub key: ServerKey,
    /// Its addresses, best first; tried in turn.
    pub addrs: Vec<RealAddr>,
}

/// An AS and the one domain it speaks for (rule 12).
#[derive(Clone, Debug)]
pub struct Authority {
    /// The domain.
    pub domain: Fqdn,
    /// The AS's verification key.
    pub key: AuthorityKey,
}

/// Rule 11: how far the node goes along with a caller.
#[derive(Clone, Debug, Default)]
pub struct ConsentPolicy {
    /// Accounts that count as contacts; the node's own account always does.
    pub contacts: Vec<Fqdn>,
    /// For contacts.
    pub for_contacts: Consent,
    /// For everybody else.
    pub for_others: Consent,
}

impl ConsentPolicy {
    /// All for contacts, the relay only for everybody else.
    pub fn contacts(contacts: Vec<Fqdn>) -> Self {
        Self {
            contacts,
            for_contacts: Consent::All,
            for_others: Consent::RelayOnly,
        }
    }
}

/// A new ticket and certificate from the AS.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// The new ticket; its node key is the old one.
    pub ticket: SealedTicket,
    /// When it ends.
    pub ticket_expires: Wall,
    /// The new certificate for the same key and name.
    pub certificate: IdentityCertificate,
}

/// A local socket: the interface it stands for and the address it is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalAddr {
    /// The interface, numbered by the driver from 1; 0 means "whichever the system chooses".
    pub interface: InterfaceId,
    /// IP address of the interface and port of the socket.
    pub addr: RealAddr,
    /// Another number when the interface was attached anew: two networks may give it the same address.
    pub attachment: u32,
}
