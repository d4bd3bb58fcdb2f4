//! [`Profile`]: what a device keeps between runs, in a folder of its own. Secrets lie in the
//! [`keystore`]; here is who the device is, where its servers are, whom it knows.

mod keeper;
mod record;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntm_proto::{Authority, ConsentPolicy, DcEndpoint, Renewal};
use ntm_wire::certificate::IdentityCertificate;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::RootKey;
use ntm_wire::ticket::SealedTicket;
use ntm_wire::time::Wall;

pub use keeper::{ProfileKeeper, TicketSource};
use record::{ContactsFile, OperatorsFile, PinsFile, Record};

use crate::config::Config;
use crate::files::{self, FileError, Lock};
use crate::keystore::{self, Choice, KeystoreError, Place, Secrets};
use crate::operators::Operator;

/// A signed-in device.
#[derive(Clone, Debug)]
pub struct Profile {
    folder: PathBuf,
    place: Place,
    membership: Membership,
    secrets: Secrets,
}

/// What an account server tells a device at sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Who the device is.
    pub certificate: IdentityCertificate,
    /// Its ticket.
    pub ticket: SealedTicket,
    /// When the ticket ends.
    pub ticket_expires: Wall,
    /// Where the account server is.
    pub server: String,
    /// SHA-256 of the account server's certificate or key, where no public authority vouches for it.
    pub server_pin: Option<[u8; 32]>,
    /// The domain the account server speaks for.
    pub domain: Fqdn,
    /// Its verification key.
    pub authority: ntm_wire::key::AuthorityKey,
    /// The coordinator's key.
    pub dc_key: ntm_wire::key::ServerKey,
    /// The coordinator's addresses.
    pub dc_addrs: Vec<ntm_wire::addr::RealAddr>,
}

/// Why a profile is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is none in this folder.
    #[error("not signed in: run `ntm sign-in` first (looked in {})", .0.display())]
    NotSignedIn(PathBuf),
    /// What is there is not what was written.
    #[error("the profile in {} is damaged ({why}): sign in again", folder.display())]
    Damaged {
        /// Where.
        folder: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Somebody is signed in already.
    #[error(
        "{device} is signed in here already: run `ntm sign-out` first, or use another folder with --profile"
    )]
    Taken {
        /// Who.
        device: Fqdn,
    },
    /// Another process runs this device's node.
    #[error(
        "another process uses this device's profile: end it first, or sign in with another --profile"
    )]
    InUse,
    /// The system has no place for a program's data.
    #[error("this system names no folder for data: pass --profile or set NTM_PROFILE")]
    NoFolder,
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The keys can't be read or written.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
}

impl Profile {
    /// `NTM_PROFILE`, or the folder this system has for a program's data.
    pub fn default_folder() -> Result<PathBuf, ProfileError> {
        if let Some(folder) = std::env::var_os("NTM_PROFILE").filter(|f| !f.is_empty()) {
            return Ok(folder.into());
        }
        let dirs = directories::ProjectDirs::from("", "", "ntm");
        Ok(dirs
            .ok_or(ProfileError::NoFolder)?
            .data_local_dir()
            .to_owned())
    }

    /// Opens the profile in `folder`.
    pub fn open(folder: &Path) -> Result<Self, ProfileError> {
        let record: Record = record::read(folder, record::PROFILE)?
            .ok_or_else(|| ProfileError::NotSignedIn(folder.to_owned()))?;
        let place = record.keys;
        let membership = record
            .into_membership()
            .map_err(|why| damaged(folder, why))?;
        let secrets = keystore::load(place, folder, &device_id(&membership))?;
        if secrets.identity_pair().identity() != membership.certificate.identity {
            return Err(damaged(folder, "the keys are another device's"));
        }
        Ok(Self {
            folder: folder.to_owned(),
            place,
            membership,
            secrets,
        })
    }

    /// Which device is signed in here, without asking for its keys.
    pub fn name_in(folder: &Path) -> Result<Fqdn, ProfileError> {
        let record: Record = record::read(folder, record::PROFILE)?
            .ok_or_else(|| ProfileError::NotSignedIn(folder.to_owned()))?;
        let membership = record
            .into_membership()
            .map_err(|why| damaged(folder, why))?;
        Ok(membership.certificate.fqdn)
    }

    /// Checks, before anything is asked of a server, that a profile can be made in `folder`.
    pub fn prepare(folder: &Path) -> Result<(), ProfileError> {
        files::create_private_dir(folder)?;
        if let Some(record) = record::read::<Record>(folder, record::PROFILE)? {
            let membership = record
                .into_membership()
                .map_err(|why| damaged(folder, why))?;
            return Err(ProfileError::Taken {
                device: membership.certificate.fqdn,
            });
        }
        let trial = folder.join("trial");
        files::write_private(&trial, b"trial")?;
        Ok(files::remove(&trial)?)
    }

    /// Keeps a fresh membership. Keys first: without the record nobody looks for them. The text says
    /// why the keys are not in the keyring, if they were meant to be.
    pub fn create(
        folder: &Path,
        membership: Membership,
        secrets: Secrets,
        choice: Choice,
    ) -> Result<(Self, Option<String>), ProfileError> {
        Self::prepare(folder)?;
        let chosen = keystore::choose(choice)?;
        keystore::save(chosen.place, folder, &device_id(&membership), &secrets)?;
        let profile = Self {
            folder: folder.to_owned(),
            place: chosen.place,
            membership,
            secrets,
        };
        profile.write()?;
        Ok((profile, chosen.fallback))
    }

    fn write(&self) -> Result<(), ProfileError> {
        record::write(
            &self.folder,
            record::PROFILE,
            &Record::new(self.place, &self.membership),
        )
    }

    /// Forgets the device in `folder` and leaves its keys where they are: for keys that can't be had, or are to
    /// be kept.
    pub fn forget(folder: &Path) -> Result<(), ProfileError> {
        for file in [
            record::PROFILE,
            record::CONTACTS,
            record::PINS,
            record::OPERATORS,
            record::STATUS,
        ] {
            files::remove(&folder.join(file))?;
        }
        Ok(())
    }

    /// Forgets the device. The record first: keys without one are only litter.
    pub fn delete(self) -> Result<(), ProfileError> {
        Self::forget(&self.folder)?;
        Ok(keystore::delete(
            self.place,
            &self.folder,
            &device_id(&self.membership),
        )?)
    }

    /// Takes a new ticket and certificate, on disk first.
    pub fn renew(&mut self, renewal: &Renewal) -> Result<(), ProfileError> {
        self.membership.ticket = renewal.ticket.clone();
        self.membership.ticket_expires = renewal.ticket_expires;
        self.membership.certificate = renewal.certificate.clone();
        self.write()
    }

    /// Keeps every other process from running this device's node, as long as the lock is held.
    pub fn lock(folder: &Path) -> Result<Lock, ProfileError> {
        files::try_lock(&folder.join("lock"))?.ok_or(ProfileError::InUse)
    }

    /// What a node is started with; nothing renews its ticket (see [`Profile::config_with`]).
    pub fn config(&self) -> Config {
        let m = &self.membership;
        let identity = ntm_proto::Config {
            certificate: m.certificate.clone(),
            identity: self.secrets.identity_pair(),
            node_key: self.secrets.node_key.clone(),
            ticket: m.ticket.clone(),
            ticket_expires: m.ticket_expires,
            dc: DcEndpoint {
                key: m.dc_key,
                addrs: m.dc_addrs.clone(),
            },
            authorities: self.authorities(),
            pins: self.pins().unwrap_or_default(),
            push_token: None,
            consent: ConsentPolicy::contacts(self.contacts().unwrap_or_default()),
        };
        Config::new(identity)
    }

    /// The own AS, and those of other operators met before.
    fn authorities(&self) -> Vec<Authority> {
        let own = Authority {
            domain: self.membership.domain.clone(),
            key: self.membership.authority,
        };
        let met = self.operators().unwrap_or_default();
        let met = met.into_iter().filter_map(|o| {
            let (domain, key) = (o.domain, o.key?);
            Some(Authority { domain, key })
        });
        let others = met.filter(|a| a.domain != own.domain);
        std::iter::once(own.clone()).chain(others).collect()
    }

    /// The same, with tickets renewed from `tickets` and pins kept.
    pub fn config_with(&self, tickets: Arc<dyn TicketSource>) -> Config {
        self.config()
            .with_keeper(Arc::new(ProfileKeeper::new(self.clone(), tickets)))
    }

    /// Accounts that may learn this device's real addresses.
    pub fn contacts(&self) -> Result<Vec<Fqdn>, ProfileError> {
        let file: Option<ContactsFile> = record::read(&self.folder, record::CONTACTS)?;
        file.map_or(Ok(Vec::new()), |f| {
            f.names().map_err(|why| damaged(&self.folder, why))
        })
    }

    /// Replaces the contacts.
    pub fn set_contacts(&self, contacts: &[Fqdn]) -> Result<(), ProfileError> {
        record::write(&self.folder, record::CONTACTS, &ContactsFile::new(contacts))
    }

    /// Root keys of accounts met before.
    pub fn pins(&self) -> Result<Vec<(Fqdn, RootKey)>, ProfileError> {
        let file: Option<PinsFile> = record::read(&self.folder, record::PINS)?;
        file.map_or(Ok(Vec::new()), |f| {
            f.pins().map_err(|why| damaged(&self.folder, why))
        })
    }

    /// Pins `root` for `account`, in place of what was pinned.
    pub fn set_pin(&self, account: &Fqdn, root: &RootKey) -> Result<(), ProfileError> {
        let mut pins = self.pins()?;
        pins.retain(|(name, _)| name != account);
        pins.push((account.clone(), *root));
        record::write(&self.folder, record::PINS, &PinsFile::new(&pins))
    }

    /// Forgets what was pinned for `account`: the next key met is believed.
    pub fn forget_pin(&self, account: &Fqdn) -> Result<(), ProfileError> {
        let mut pins = self.pins()?;
        pins.retain(|(name, _)| name != account);
        record::write(&self.folder, record::PINS, &PinsFile::new(&pins))
    }

    /// Other operators: those that were introduced, and those met before.
    pub fn operators(&self) -> Result<Vec<Operator>, ProfileError> {
        let file: Option<OperatorsFile> = record::read(&self.folder, record::OPERATORS)?;
        file.map_or(Ok(Vec::new()), |f| {
            f.operators().map_err(|why| damaged(&self.folder, why))
        })
    }

    /// Keeps what is known of an operator, in place of what was.
    pub fn set_operator(&self, operator: &Operator) -> Result<(), ProfileError> {
        let mut all = self.operators()?;
        all.retain(|o| o.domain != operator.domain);
        all.push(operator.clone());
        record::write(&self.folder, record::OPERATORS, &OperatorsFile::new(&all))
    }

    /// Forgets all about an operator; whether anything was known.
    pub fn forget_operator(&self, domain: &Fqdn) -> Result<bool, ProfileError> {
        let mut all = self.operators()?;
        let before = all.len();
        all.retain(|o| o.domain != *domain);
        record::write(&self.folder, record::OPERATORS, &OperatorsFile::new(&all))?;
        Ok(all.len() < before)
    }

    /// Who the device is and where its servers are.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// The device's secrets.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Where the secrets lie.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The number that two people compare: six groups of five digits from a hash of the account's root key: 99 bits, short enough to read aloud.
pub fn safety_number(root: &RootKey) -> String {
    let hash = ntm_wire::kdf::sha256(&[b"ntm safety number", &root.0]);
    let (groups, _) = hash.as_chunks::<5>();
    let digits = |g: &[u8; 5]| {
        format!(
            "{:05}",
            g.iter().fold(0_u64, |n, b| (n << 8) | u64::from(*b)) % 100_000
        )
    };
    groups.iter().map(digits).collect::<Vec<_>>().join(" ")
}

/// Names a device's secrets: unlike the name alone, unique over servers with the same made-up domain.
fn device_id(membership: &Membership) -> String {
    format!(
        "{}#{}",
        membership.certificate.fqdn,
        membership.certificate.node_id()
    )
}

/// Where a running node says how it is, for other processes of the same person.
#[cfg(feature = "cli")]
pub(crate) fn status_file(profile: &Profile) -> PathBuf {
    profile.folder.join(record::STATUS)
}

fn damaged(folder: &Path, why: impl Into<String>) -> ProfileError {
    ProfileError::Damaged {
        folder: folder.to_owned(),
        why: why.into(),
    }
}

#[cfg(test)]
mod tests {
    use ntm_wire::key::{AuthorityKey, KeyPair, SecretKey, ServerKey};

    use super::*;

    fn identity() -> SecretKey {
        SecretKey::new([7; 32])
    }

    fn membership() -> Membership {
        let certificate = IdentityCertificate {
            fqdn: Fqdn::parse("laptop.alice.example.org").unwrap(),
            identity: KeyPair::from_private(identity()).identity(),
            virtual_v6: "fd00::1".parse().unwrap(),
            not_before: Wall::from_secs(1),
            not_after: Wall::from_secs(2),
            root: RootKey([9; 32]),
            root_signature: [1; 64],
            authority_signature: [2; 64],
        };
        Membership {
            certificate,
            ticket: SealedTicket(vec![1, 2, 3]),
            ticket_expires: Wall::from_secs(99),
            server: "https://as.example.org".into(),
            server_pin: Some([4; 32]),
            domain: Fqdn::parse("example.org").unwrap(),
            authority: AuthorityKey([5; 32]),
            dc_key: ServerKey([6; 32]),
            dc_addrs: vec![ntm_wire::addr::RealAddr(
                "[2001:db8::1]:7930".parse().unwrap(),
            )],
        }
    }

    fn secrets() -> Secrets {
        Secrets {
            identity: identity(),
            node_key: SecretKey::new([8; 32]),
            root: None,
        }
    }

    fn create(folder: &Path) -> Profile {
        Profile::create(folder, membership(), secrets(), Choice::File)
            .unwrap()
            .0
    }

    #[test]
    fn a_profile_reads_back_as_it_was_kept() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path());
        let read = Profile::open(dir.path()).unwrap();
        assert_eq!(*read.membership(), membership());
        assert_eq!(*read.secrets(), secrets());
    }

    #[test]
    fn a_second_sign_in_does_not_overwrite_the_first() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path());
        let again = Profile::create(dir.path(), membership(), secrets(), Choice::File);
        assert!(matches!(again, Err(ProfileError::Taken { .. })));
    }

    #[test]
    fn an_empty_folder_means_not_signed_in() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(
            Profile::open(dir.path()),
            Err(ProfileError::NotSignedIn(_))
        ));
    }

    #[test]
    fn a_deleted_profile_leaves_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path()).delete().unwrap();
        assert!(matches!(
            Profile::open(dir.path()),
            Err(ProfileError::NotSignedIn(_))
        ));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_profile_says_so() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path());
        files::write_private(&dir.path().join(record::PROFILE), b"{ \"keys\":").unwrap();
        assert!(matches!(
            Profile::open(dir.path()),
            Err(ProfileError::Damaged { .. })
        ));
    }

    #[test]
    fn contacts_and_pins_are_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let profile = create(dir.path());
        let bob = Fqdn::parse("bob@example.org").unwrap();
        profile.set_contacts(std::slice::from_ref(&bob)).unwrap();
        profile.set_pin(&bob, &RootKey([1; 32])).unwrap();
        profile.set_pin(&bob, &RootKey([2; 32])).unwrap();
        assert_eq!(profile.contacts().unwrap(), std::slice::from_ref(&bob));
        assert_eq!(profile.pins().unwrap(), [(bob, RootKey([2; 32]))]);
    }

    #[test]
    fn one_process_at_a_time_runs_a_device() {
        let dir = tempfile::tempdir().unwrap();
        let held = Profile::lock(dir.path()).unwrap();
        assert!(matches!(
            Profile::lock(dir.path()),
            Err(ProfileError::InUse)
        ));
        drop(held);
        assert!(Profile::lock(dir.path()).is_ok());
    }
}
