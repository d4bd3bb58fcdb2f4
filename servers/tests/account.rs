//! The Account Server over HTTPS, asked by the client that nodes use.

use std::path::Path;
use std::time::Duration;

use ntm::account::{self, AccountError, Device, Invitation, Pin, ServerRef, Session};
use ntm_account::Registration;
use ntm_account::limits::Rates;
use ntm_account_api::error::ErrorCode;
use ntm_account_api::server::{
    DC_ADDRS, DC_UPDATES, DcAddrs, DcEnrolled, DcUpdate, ENROL_DC, ENROL_RS, EnrolDc, EnrolRs,
    RS_SETUP, RsEnrolled, RsSetup, ServerRole,
};
use ntm_account_api::text::{Bytes, Wire};
use ntm_https::{Client, HttpsError};
use ntm_servers::account_server::{
    AccountServer, AccountServerConfig, MigrateError, OpenError, StartError, Tls,
};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::ServerKey;
use ntm_wire::ticket::Ticket;
use tempfile::TempDir;

const HOUR: Duration = Duration::from_secs(3600);
const PASSWORD: &str = "correct horse battery";

fn config(folder: &Path) -> AccountServerConfig {
    AccountServerConfig {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        url: None,
        data_dir: folder.join("as"),
        domains: vec![Fqdn::parse("example.org").unwrap()],
        registration: Registration::Invite,
        tls: Tls::SelfSigned,
        rates: Rates::default(),
    }
}

/// A server with one coordinator enrolled.
struct World {
    folder: TempDir,
    server: AccountServer,
    dc: DcEnrolled,
    dc_client: Client,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = AccountServer::start(config(folder.path())).await.unwrap();
        let (dc, dc_client) = enrol_dc(&server, 1).await;
        Self {
            folder,
            server,
            dc,
            dc_client,
        }
    }

    async fn sign_up(&self, account: &str) -> Device {
        let invitation = self.server.invite(1, HOUR).await.unwrap();
        account::sign_up(&invitation, account, PASSWORD, "phone")
            .await
            .unwrap()
    }

    async fn sign_in(&self, account: &str, password: &str) -> Result<Device, AccountError> {
        account::sign_in(self.server.server_ref(), account, password, "phone").await
    }

    async fn news(&self, since: u64, wait: u64) -> DcUpdate {
        let path = format!("{DC_UPDATES}?since={since}&wait={wait}");
        self.dc_client.get(&path).await.unwrap()
    }
}

async fn enrol_dc(server: &AccountServer, key: u8) -> (DcEnrolled, Client) {
    let role = ServerRole::Dc {
        domains: Vec::new(),
    };
    let token = server.enrolment(role).await.unwrap();
    let client = Client::new(&token.server).unwrap();
    let asked = EnrolDc {
        code: Bytes(token.code.to_vec()),
        key: Wire(ServerKey([key; 32])),
        addrs: vec!["192.0.2.1:7930".parse().unwrap()],
    };
    let enrolled: DcEnrolled = client.post(ENROL_DC, &asked).await.unwrap();
    let client = client.with_bearer(enrolled.secret.0.clone());
    (enrolled, client)
}

fn session(device: &Device) -> Session {
    Session::of(&device.membership, &device.secrets).unwrap()
}

fn code_of<T>(result: Result<T, AccountError>) -> Option<ErrorCode> {
    result.err().unwrap().code()
}

fn names(update: &DcUpdate) -> Vec<String> {
    let mut names: Vec<_> = update.names.iter().map(|n| n.0.to_string()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_invitation_and_a_password_are_all_it_takes_to_sign_up() {
    let world = World::new().await;
    let invitation = world.server.invite(1, HOUR).await.unwrap().to_string();
    let invitation: Invitation = invitation.parse().unwrap();
    let alice = account::sign_up(&invitation, "alice", PASSWORD, "phone")
        .await
        .unwrap();

    let member = &alice.membership;
    assert_eq!(member.certificate.fqdn.as_str(), "phone.alice.example.org");
    assert_eq!(member.dc_key, ServerKey([1; 32]));
    let prefix = world.dc.setup.prefix.0.0;
    assert!(prefix.contains(&member.certificate.virtual_v6));
    let link = &world.dc.setup.ticket_link.0;
    let ticket = Ticket::open(&member.ticket, link).unwrap();
    assert_eq!(ticket.node_key, alice.secrets.node_key);
    assert_eq!(ticket.certificate, member.certificate);
}

#[tokio::test]
async fn a_second_device_recovers_the_root_key_with_the_password() {
    let world = World::new().await;
    let phone = world.sign_up("alice").await;
    let laptop = world.sign_in("alice@example.org", PASSWORD).await.unwrap();
    assert_eq!(
        laptop.membership.certificate.fqdn.as_str(),
        "phone-2.alice.example.org",
        "the name was taken"
    );
    assert!(laptop.secrets.root == phone.secrets.root);
    let roots = |d: &Device| d.membership.certificate.root;
    assert_eq!(roots(&laptop), roots(&phone));
    let devices = session(&phone).devices().await.unwrap();
    let names: Vec<_> = devices.iter().map(|d| (d.name.as_str(), d.this)).collect();
    assert_eq!(names, [("phone", true), ("phone-2", false)]);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_get_the_same_answer() {
    let world = World::new().await;
    world.sign_up("alice").await;
    let wrong = world.sign_in("alice", "incorrect horse").await;
    let unknown = world.sign_in("bob", PASSWORD).await;
    let (wrong, unknown) = (wrong.unwrap_err(), unknown.unwrap_err());
    assert!(matches!(wrong, AccountError::WrongPassword), "{wrong}");
    assert_eq!(wrong.to_string(), unknown.to_string());
}

#[tokio::test]
async fn passwords_can_t_be_tried_for_long() {
    let world = World::new().await;
    world.sign_up("alice").await;
    for _ in 0..10 {
        let wrong = world.sign_in("alice", "incorrect horse").await;
        assert_eq!(code_of(wrong), Some(ErrorCode::WrongPassword));
    }
    let refused = world.sign_in("alice", PASSWORD).await;
    assert_eq!(code_of(refused), Some(ErrorCode::TooManyAttempts));
    world.sign_up("bob").await;
    world.sign_in("bob", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn expired_used_up_and_made_up_invitations_are_each_told() {
    let world = World::new().await;
    let sign_up = async |invitation: &Invitation, name: &str| {
        account::sign_up(invitation, name, PASSWORD, "phone").await
    };
    let once = world.server.invite(1, HOUR).await.unwrap();
    sign_up(&once, "alice").await.unwrap();
    let again = sign_up(&once, "bob").await;
    assert_eq!(code_of(again), Some(ErrorCode::InvitationUsedUp));

    let short = world.server.invite(1, Duration::ZERO).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let late = sign_up(&short, "bob").await;
    assert_eq!(code_of(late), Some(ErrorCode::InvitationExpired));

    let code = [0; 16];
    let made_up = Invitation { code, ..once };
    let unknown = sign_up(&made_up, "bob").await;
    assert_eq!(code_of(unknown), Some(ErrorCode::InvitationUnknown));
    let open = account::sign_up_open(world.server.server_ref(), "bob", PASSWORD, "phone").await;
    assert_eq!(code_of(open), Some(ErrorCode::InvitationNeeded));
}

#[tokio::test]
async fn one_invitation_for_two_makes_two_accounts_when_five_come_at_once() {
    let world = World::new().await;
    let invitation = world.server.invite(2, HOUR).await.unwrap();
    let mut arrivals = tokio::task::JoinSet::new();
    for n in 0..5 {
        let invitation = invitation.clone();
        arrivals.spawn(async move {
            account::sign_up(&invitation, &format!("guest{n}"), PASSWORD, "phone").await
        });
    }
    let outcomes = arrivals.join_all().await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 2);
    for refused in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(code_of(refused), Some(ErrorCode::InvitationUsedUp));
    }
}

#[tokio::test]
async fn a_revoked_device_can_t_renew_and_its_coordinator_hears_of_it_at_once() {
    let world = World::new().await;
    let phone = world.sign_up("alice").await;
    let laptop = world.sign_in("alice", PASSWORD).await.unwrap();
    let renewed = session(&laptop).renew().await.unwrap();
    let link = &world.dc.setup.ticket_link.0;
    assert!(Ticket::open(&renewed.ticket, link).is_ok());

    let known = world.news(0, 0).await;
    assert!(known.whole);
    let all = [
        "alice.example.org",
        "phone-2.alice.example.org",
        "phone.alice.example.org",
    ];
    assert_eq!(names(&known), all);

    let started = std::time::Instant::now();
    let (news, revoked) = tokio::join!(world.news(known.seq, 20), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        session(&phone).revoke("phone-2").await
    });
    revoked.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "not by time-out"
    );
    assert!(!news.whole);
    let node = laptop.membership.certificate.node_id();
    let told: Vec<_> = news.revoked.iter().map(|n| n.0).collect();
    assert_eq!(told, [node]);
    assert_eq!(news.gone[0].0.as_str(), "phone-2.alice.example.org");

    let refused = session(&laptop).renew().await;
    assert_eq!(code_of(refused), Some(ErrorCode::DeviceRevoked));
    let anew = world.news(0, 0).await;
    assert_eq!(names(&anew).len(), 2, "the name is free");
    assert_eq!(anew.revoked.len(), 1, "a coordinator that restarts, too");
}

#[tokio::test]
async fn a_relay_and_its_coordinators_share_a_key_each() {
    let world = World::new().await;
    let (_, second) = enrol_dc(&world.server, 2).await;
    let role = ServerRole::Rs { dcs: Vec::new() };
    let token = world.server.enrolment(role).await.unwrap();
    let client = Client::new(&token.server).unwrap();
    let asked = EnrolRs {
        code: Bytes(token.code.to_vec()),
        key: Wire(ServerKey([9; 32])),
        v4: Some("192.0.2.9:7930".parse().unwrap()),
        v6: None,
    };
    let rs: RsEnrolled = client.post(ENROL_RS, &asked).await.unwrap();
    let client = client.with_bearer(rs.secret.0.clone());
    let setup: RsSetup = client.get(RS_SETUP).await.unwrap();
    assert_eq!(setup, rs.setup);
    assert_eq!(setup.dcs.len(), 2);
    assert_ne!(setup.dcs[0].link, setup.dcs[1].link);
    let seen = world.news(0, 0).await.setup.relays;
    assert_eq!(
        (&seen[0].link, seen[0].key_id),
        (&setup.dcs[0].link, setup.dcs[0].key_id)
    );

    let addrs = vec!["198.51.100.2:443".parse().unwrap()];
    let moved = DcAddrs {
        addrs: addrs.clone(),
    };
    second.post::<_, ()>(DC_ADDRS, &moved).await.unwrap();
    let setup: RsSetup = client.get(RS_SETUP).await.unwrap();
    assert_eq!(setup.dcs[1].addrs, addrs);
    let refused = world.dc_client.get::<RsSetup>(RS_SETUP).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::NotSignedIn));
}

#[tokio::test]
async fn coordinators_that_join_at_once_get_blocks_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let server = AccountServer::start(config(folder.path())).await.unwrap();
    let server = &server;
    let joining = (1..=6).map(|n| enrol_dc(server, n));
    let mut joined = Vec::new();
    // `join_all` without the crate for it: six fixed futures, polled together.
    let mut joining: Vec<_> = joining.map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        joining.retain_mut(|j| match j.as_mut().poll(cx) {
            std::task::Poll::Ready((dc, _)) => {
                joined.push(dc);
                false
            }
            std::task::Poll::Pending => true,
        });
        match joining.is_empty() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    let mut blocks: Vec<_> = joined.iter().map(|d| d.setup.v4_blocks[0]).collect();
    blocks.sort();
    blocks.dedup();
    assert_eq!(blocks.len(), 6);
}

#[tokio::test]
async fn after_a_restart_keys_and_sessions_are_what_they_were() {
    let world = World::new().await;
    let alice = world.sign_up("alice").await;
    let (pin, authority) = (world.server.pin(), world.server.authority());
    let addr = world.server.local_addrs()[0];
    let World { folder, server, .. } = world;
    server.stop().await;

    let mut again = config(folder.path());
    again.listen = vec![addr];
    let server = AccountServer::start(again).await.unwrap();
    assert_eq!((server.pin(), server.authority()), (pin, authority));
    session(&alice).renew().await.unwrap();
    let laptop = account::sign_in(server.server_ref(), "alice", PASSWORD, "laptop").await;
    assert!(laptop.unwrap().secrets.root == alice.secrets.root);
}

#[tokio::test]
async fn the_set_up_link_makes_the_administrator_and_is_not_made_again() {
    let world = World::new().await;
    let link = world.server.setup_link().unwrap().clone();
    let admin = account::sign_up(&link, "operator", PASSWORD, "desk")
        .await
        .unwrap();
    let role = ServerRole::Rs { dcs: Vec::new() };
    session(&admin).enrolment(role, HOUR).await.unwrap();
    let guest = session(&admin).invite(1, HOUR).await.unwrap();
    account::sign_up(&guest, "guest", PASSWORD, "phone")
        .await
        .unwrap();
    let World { folder, server, .. } = world;
    server.stop().await;
    let server = AccountServer::start(config(folder.path())).await.unwrap();
    assert!(server.setup_link().is_none());
}

#[tokio::test]
async fn another_tls_key_than_the_pinned_one_is_never_spoken_to() {
    let world = World::new().await;
    let server = ServerRef {
        pin: Some(Pin([0; 32])),
        ..world.server.server_ref().clone()
    };
    let refused = account::sign_in(&server, "alice", PASSWORD, "phone").await;
    let error = refused.unwrap_err();
    assert!(
        matches!(error, AccountError::Server(HttpsError::WrongPin { .. })),
        "{error}"
    );
    let server = ServerRef {
        pin: None,
        ..server
    };
    let refused = account::sign_in(&server, "alice", PASSWORD, "phone").await;
    let error = refused.unwrap_err();
    assert!(
        matches!(
            error,
            AccountError::Server(HttpsError::BadCertificate { .. })
        ),
        "without a pin only the public roots count: {error}"
    );
}

#[tokio::test]
async fn a_database_of_a_later_version_is_left_alone() {
    let World { folder, server, .. } = World::new().await;
    server.stop().await;
    let file = folder.path().join("as/as.sqlite");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", file.display()))
        .await
        .unwrap();
    sqlx::query("PRAGMA user_version = 99")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    let refused = AccountServer::start(config(folder.path())).await;
    let Err(StartError::Database(OpenError::Migrate { source, .. })) = refused else {
        panic!("started on a newer form: {refused:?}");
    };
    assert!(matches!(source, MigrateError::Newer { found: 99, .. }));
    assert!(source.to_string().contains("newer version"), "{source}");
}

#[tokio::test]
async fn what_keeps_a_server_from_starting_has_its_own_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("as"), "a file").unwrap();
    let unwritable = AccountServer::start(config(folder.path())).await;
    assert!(
        matches!(unwritable, Err(StartError::DataFolder { .. })),
        "{unwritable:?}"
    );

    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("as")).unwrap();
    std::fs::write(folder.path().join("as/as.sqlite"), "x".repeat(4096)).unwrap();
    let damaged = AccountServer::start(config(folder.path())).await;
    assert!(
        matches!(damaged, Err(StartError::Database(OpenError::Engine { .. }))),
        "{damaged:?}"
    );

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut busy = config(folder.path());
    busy.listen = vec![taken.local_addr().unwrap()];
    let refused = AccountServer::start(busy).await;
    assert!(
        matches!(refused, Err(StartError::Listen { .. })),
        "{refused:?}"
    );

    let mut files = config(folder.path());
    files.tls = Tls::Files {
        certificate: folder.path().join("none.pem"),
        key: folder.path().join("none.pem"),
    };
    let refused = AccountServer::start(files).await;
    assert!(matches!(refused, Err(StartError::Tls(_))), "{refused:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_database_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new().await;
    for file in std::fs::read_dir(world.folder.path().join("as")).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
}
