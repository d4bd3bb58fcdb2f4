//! The keys of other operators: fetched, pinned, and not believed from whoever answers strangely. The
//! account server here is a TLS socket that says whatever it is told to.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ed25519_dalek::SigningKey;
use ntm::Profile;
use ntm::account::{Pin, ServerRef};
use ntm::config::Keeper;
use ntm::operators::{Operator, OperatorError, find_key};
use ntm::profile::ProfileKeeper;
use ntm::wire::authority::sign_key_change;
use ntm::wire::fqdn::Fqdn;
use ntm::wire::key::AuthorityKey;
use ntm_account_api::node::AuthorityInfo;
use ntm_account_api::text::{Bytes, Text, Wire};
use ntm_account_api::well_known::{KeyChange, NoKey, WELL_KNOWN, WellKnown};
use ntm_https::{Client, HttpsError, Unreachable, tls};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::harness::{World, fqdn};

fn foreign() -> Fqdn {
    fqdn("two.example")
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn public(number: u8) -> AuthorityKey {
    AuthorityKey(key(number).verifying_key().to_bytes())
}

fn published(number: u8, key_changes: Vec<KeyChange>) -> String {
    let told = WellKnown {
        authorities: vec![AuthorityInfo {
            domain: Text(foreign()),
            key: Wire(public(number)),
        }],
        dcs: Vec::new(),
        key_changes,
    };
    ok(&serde_json::to_string(&told).unwrap())
}

fn ok(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// Somebody who answers every question with the same bytes.
struct Stranger {
    addr: SocketAddr,
    pin: Pin,
    asked: Arc<AtomicUsize>,
}

impl Stranger {
    async fn answering(answer: String) -> Self {
        tls::install_provider();
        let pair = rcgen::KeyPair::generate().unwrap();
        let names = rcgen::CertificateParams::new(vec!["two.example".to_owned()]).unwrap();
        let certificate = names.self_signed(&pair).unwrap().der().clone();
        let pin = tls::pin_of(&certificate).unwrap();
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], private)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                // A client that hangs up is one of the things tried here.
                let _ = say(&acceptor, tcp, &answer).await;
            }
        });
        Self { addr, pin, asked }
    }

    fn link(&self) -> ServerRef {
        ServerRef {
            url: format!("https://{}", self.addr),
            domain: foreign(),
            pin: Some(self.pin),
        }
    }
}

async fn say(acceptor: &TlsAcceptor, tcp: TcpStream, answer: &str) -> std::io::Result<()> {
    let mut stream = acceptor.accept(tcp).await?;
    let mut question = [0; 4096];
    let _ = stream.read(&mut question).await?;
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// A signed-in device that was told of a server, and knows a key of it already or none.
struct Told {
    profile: Profile,
    folder: tempfile::TempDir,
}

impl Told {
    async fn of(server: ServerRef, known: Option<AuthorityKey>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = World::start(&[]).await;
        let profile = world.device("phone", "alice").keep(folder.path());
        let operator = Operator {
            domain: foreign(),
            key: known,
            server: Some(server),
        };
        profile.set_operator(&operator).unwrap();
        Self { profile, folder }
    }

    fn kept_key(&self) -> Option<AuthorityKey> {
        Profile::open(self.folder.path())
            .unwrap()
            .operators()
            .unwrap()[0]
            .key
    }

    /// The profile's files, to see that a failure leaves nothing.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap().flatten();
        let read = |e: std::fs::DirEntry| {
            let name = e.file_name().into_string().unwrap();
            (name, std::fs::read(e.path()).unwrap())
        };
        let mut all: Vec<_> = entries.map(read).collect();
        all.sort();
        all
    }
}

/// What becomes of such an answer, when `known` was pinned; nothing is written.
async fn refused(answer: String, known: Option<AuthorityKey>) -> OperatorError {
    let stranger = Stranger::answering(answer).await;
    let told = Told::of(stranger.link(), known).await;
    let before = told.files();
    let error = find_key(&told.profile, &foreign()).await.unwrap_err();
    assert_eq!(told.files(), before, "nothing is half-written");
    error
}

#[tokio::test]
async fn the_first_key_is_pinned_and_the_next_node_starts_with_it() {
    let server = Stranger::answering(published(1, Vec::new())).await;
    let told = Told::of(server.link(), None).await;
    let found = find_key(&told.profile, &foreign()).await.unwrap();
    assert_eq!((found, told.kept_key()), (public(1), Some(public(1))));
    let believed = told.profile.config().identity.authorities;
    let foreign_one = believed.iter().find(|a| a.domain == foreign());
    assert_eq!(foreign_one.map(|a| a.key), Some(public(1)));
    assert_eq!(believed[0].domain, told.profile.membership().domain);
}

#[tokio::test]
async fn a_key_that_the_old_one_signed_takes_its_place() {
    let signature = sign_key_change(&key(1), &foreign(), &public(2));
    let change = KeyChange {
        domain: Text(foreign()),
        old: Wire(public(1)),
        new: Wire(public(2)),
        signature: Bytes(signature.to_vec()),
    };
    let server = Stranger::answering(published(2, vec![change])).await;
    let told = Told::of(server.link(), Some(public(1))).await;
    assert_eq!(
        find_key(&told.profile, &foreign()).await.unwrap(),
        public(2)
    );
    assert_eq!(told.kept_key(), Some(public(2)));
}

#[tokio::test]
async fn a_key_that_the_old_one_did_not_sign_is_not_believed() {
    let error = refused(published(2, Vec::new()), Some(public(1))).await;
    assert!(
        matches!(
            error,
            OperatorError::Key {
                why: NoKey::Changed,
                ..
            }
        ),
        "{error}"
    );
    let said = error.to_string();
    assert!(said.contains("ntm operator forget two.example"), "{said}");
}

#[tokio::test]
async fn an_answer_for_another_domain_gives_no_key() {
    let answer = published(1, Vec::new()).replace("two.example", "six.example");
    let error = refused(answer, None).await;
    assert!(
        matches!(
            error,
            OperatorError::Key {
                why: NoKey::OtherDomain,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_read_to_its_end() {
    let mut body = String::new();
    for n in 0..20_000 {
        write!(body, "{n:08}").unwrap();
    }
    for answer in [ok(&body), format!("HTTP/1.1 200 OK\r\n\r\n{body}")] {
        let error = refused(answer, None).await;
        assert!(
            matches!(error, OperatorError::Server(HttpsError::TooLong { .. })),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Stranger::answering(published(1, Vec::new())).await;
    let answer = format!(
        "HTTP/1.1 302 Found\r\nlocation: https://{}{WELL_KNOWN}\r\ncontent-length: 0\r\n\r\n",
        elsewhere.addr
    );
    let error = refused(answer, None).await;
    assert!(
        matches!(error, OperatorError::Server(HttpsError::Redirect { .. })),
        "{error}"
    );
    assert_eq!(elsewhere.asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_answer_that_is_no_json_or_no_http_gives_no_key() {
    for answer in [
        ok("<html>It works!</html>"),
        ok("{\"authorities\":7}"),
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
    ] {
        let error = refused(answer, None).await;
        assert!(
            matches!(
                error,
                OperatorError::Server(HttpsError::NotAnAccountServer { .. })
            ),
            "{error}"
        );
    }
    let error = refused("220 mail.two.example ready\r\n".to_owned(), None).await;
    let broken = |e: &OperatorError| {
        matches!(
            e,
            OperatorError::Server(HttpsError::Unreachable {
                why: Unreachable::Http(_),
                ..
            })
        )
    };
    assert!(broken(&error), "{error}");
}

#[tokio::test]
async fn a_server_with_another_tls_key_than_the_links_gives_no_key() {
    let stranger = Stranger::answering(published(1, Vec::new())).await;
    let mut link = stranger.link();
    link.pin = Some(Pin([9; 32]));
    let told = Told::of(link, None).await;
    let error = find_key(&told.profile, &foreign()).await.unwrap_err();
    assert!(
        matches!(error, OperatorError::Server(HttpsError::WrongPin { .. })),
        "{error}"
    );
    assert_eq!(told.kept_key(), None);
}

#[tokio::test]
async fn a_name_that_leads_into_this_network_is_not_connected_to() {
    let stranger = Stranger::answering(published(1, Vec::new())).await;
    let client = Client::new(&stranger.link()).unwrap().public_only();
    let error = client.get::<WellKnown>(WELL_KNOWN).await.unwrap_err();
    let hidden = |e: &HttpsError| {
        matches!(
            e,
            HttpsError::Unreachable {
                why: Unreachable::NotPublic(_),
                ..
            }
        )
    };
    assert!(hidden(&error), "{error}");
    assert_eq!(stranger.asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_operator_is_asked_once_however_often_its_people_call() {
    struct NoTickets;
    impl ntm::profile::TicketSource for NoTickets {
        fn fetch(&self, _: Profile) -> ntm::config::Renewing {
            unreachable!("no ticket is near its end")
        }
    }
    let stranger = Stranger::answering(published(2, Vec::new())).await;
    let told = Told::of(stranger.link(), Some(public(1))).await;
    let keeper = ProfileKeeper::new(told.profile.clone(), Arc::new(NoTickets));
    let first = keeper.authority(&foreign()).await.unwrap_err();
    assert_eq!(first.domain, foreign());
    assert_eq!(keeper.authority(&foreign()).await, Err(first));
    assert_eq!(stranger.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn the_own_domains_key_is_never_fetched() {
    let stranger = Stranger::answering(published(1, Vec::new())).await;
    let told = Told::of(stranger.link(), None).await;
    let home = told.profile.membership().domain.clone();
    let error = find_key(&told.profile, &home).await.unwrap_err();
    assert!(matches!(error, OperatorError::Home(_)), "{error}");
}
