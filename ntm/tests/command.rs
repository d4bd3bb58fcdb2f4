//! The `ntm` binary against servers with static tickets: what it prints and how it exits.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use ntm::cli::exit::Exit;
use ntm::wire::fqdn::Fqdn;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::harness::{Minted, World, fqdn};

const NAMES: [&str; 3] = ["alice.example.org", "bob.example.org", "carol.example.org"];

pub(crate) fn command(profile: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ntm"));
    command
        .args(args)
        .env("NTM_PROFILE", profile)
        .env("NTM_KEYSTORE", "file")
        .env_remove("NTM_LOG");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(crate) async fn ntm(profile: &Path, args: &[&str]) -> Output {
    tokio::time::timeout(Duration::from_secs(60), command(profile, args).output())
        .await
        .expect("it ends")
        .unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {} {}", text(&output.stdout), text(&output.stderr)))
}

/// The command fails so, in words and in JSON.
async fn fails(profile: &Path, args: &[&str], exit: Exit, says: &str) {
    let words = ntm(profile, args).await;
    let shown = text(&words.stderr);
    assert_eq!(
        words.status.code(),
        Some(i32::from(exit.code())),
        "{args:?}: {shown}"
    );
    assert!(shown.contains(says), "{args:?} says {says:?}: {shown}");
}

struct Site {
    world: World,
    alice: tempfile::TempDir,
    bob: tempfile::TempDir,
}

async fn site(contacts: bool) -> Site {
    let world = World::start(&NAMES).await;
    let (alice, bob) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let a = world.device("laptop", "alice").keep(alice.path());
    let b = world.device("phone", "bob").keep(bob.path());
    if contacts {
        let both: [Fqdn; 2] = [fqdn(NAMES[0]), fqdn(NAMES[1])];
        a.set_contacts(&both).unwrap();
        b.set_contacts(&both).unwrap();
    }
    Site { world, alice, bob }
}

/// Starts a command that stays, and waits for its first line.
pub(crate) async fn serve(profile: &Path, args: &[&str]) -> (Child, String) {
    let mut child = command(profile, args).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = tokio::time::timeout(Duration::from_secs(20), lines.next_line()).await;
    let first = first.expect("it starts").unwrap().unwrap_or_default();
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, first)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ping_with_static_tickets_shows_round_trip_route_and_loss() {
    let site = site(true).await;
    let (_echo, first) = serve(site.bob.path(), &["echo"]).await;
    assert!(first.contains("bob@example.org (phone)"), "{first}");
    let output = ntm(
        site.alice.path(),
        &["ping", "bob@example.org", "-c", "10", "-i", "0.1"],
    )
    .await;
    let shown = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{shown}{}",
        text(&output.stderr)
    );
    assert!(shown.contains("10 sent, 10 answered, 0 % lost"), "{shown}");
    assert!(
        shown.contains("this device ═══ direct "),
        "contacts end up on a direct route: {shown}"
    );

    let report = json(
        &ntm(
            site.alice.path(),
            &["--json", "ping", "bob", "-c", "3", "-i", "0.1"],
        )
        .await,
    );
    assert_eq!(report["received"], 3);
    assert!(report["rtt_ms"]["mean"].as_f64().unwrap() > 0.0);
    assert_eq!(report["device"], "phone.bob.example.org");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_ping_over_the_relay() {
    let site = site(false).await;
    let (_echo, _) = serve(site.bob.path(), &["echo"]).await;
    let report = json(
        &ntm(
            site.alice.path(),
            &["--json", "ping", "bob", "-c", "5", "-i", "0.1"],
        )
        .await,
    );
    assert_eq!(report["route"]["kind"], "relay");
    assert!(
        report["picture"]
            .as_str()
            .unwrap()
            .contains("── relay rs1 ──"),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resolve_status_and_id_report() {
    let site = site(true).await;
    let (_echo, _) = serve(site.bob.path(), &["echo"]).await;
    let resolved = json(&ntm(site.alice.path(), &["--json", "resolve", "bob"]).await);
    assert_eq!(resolved["devices"][0]["device"], "phone.bob.example.org");
    let status = json(&ntm(site.alice.path(), &["--json", "status"]).await);
    assert_eq!(status["node"]["registered"], true, "{status}");
    assert_eq!(status["running"], false);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let running = json(&ntm(site.bob.path(), &["--json", "status"]).await);
    assert_eq!(
        running["running"], true,
        "the echo of another process is seen: {running}"
    );
    assert_eq!(running["node"]["registered"], true);
    let own = json(&ntm(site.bob.path(), &["--json", "id"]).await);
    assert_eq!(
        own["safety_number"], resolved["devices"][0]["safety_number"],
        "both ends show one number"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nc_carries_lines_both_ways() {
    let site = site(false).await;
    let mut listener = command(site.bob.path(), &["nc", "-u", "-l", "9000"]);
    let mut listener = listener.stdin(Stdio::piped()).spawn().unwrap();
    let mut heard = BufReader::new(listener.stdout.take().unwrap()).lines();
    // It is registered when it can be found.
    let mut talker = loop {
        let mut child = command(site.alice.path(), &["nc", "-u", "bob", "9000", "-w", "3"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .as_mut()
            .unwrap()
            .write_all(b"hello bob\n")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        if child.try_wait().unwrap().is_none() {
            break child;
        }
    };
    let line = tokio::time::timeout(Duration::from_secs(10), heard.next_line()).await;
    assert_eq!(
        line.expect("it arrives").unwrap().as_deref(),
        Some("hello bob")
    );
    listener
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"hello alice\n")
        .await
        .unwrap();
    let mut answers = BufReader::new(talker.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(Duration::from_secs(10), answers.next_line()).await;
    assert_eq!(
        line.expect("it answers").unwrap().as_deref(),
        Some("hello alice")
    );
    drop(talker.stdin.take());
    assert!(talker.wait().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn perf_measures_against_a_server_and_against_an_echo() {
    let site = site(true).await;
    for (answering, mode) in [(&["perf", "--serve"][..], "one_way"), (&["echo"], "echo")] {
        let (mut server, _) = serve(site.bob.path(), answering).await;
        let args = ["--json", "perf", "bob", "-t", "0.5", "-r", "2"];
        let report = json(&ntm(site.alice.path(), &args).await);
        assert_eq!(report["mode"], mode, "{report}");
        assert!(
            report["packets_per_second"].as_f64().unwrap() > 20.0,
            "{report}"
        );
        assert!(report["loss_percent"].as_f64().unwrap() < 50.0, "{report}");
        assert!(report["cpu_percent"].as_f64().unwrap() > 0.0, "{report}");
        server.kill().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_can_not_be_reached_have_exit_codes_of_their_own() {
    let mut site = site(false).await;
    fails(
        site.alice.path(),
        &["ping", "nobody"],
        Exit::UnknownName,
        "spelling",
    )
    .await;
    fails(
        site.alice.path(),
        &["ping", "carol"],
        Exit::PeerOffline,
        "online",
    )
    .await;
    fails(
        site.alice.path(),
        &["ping", "x@elsewhere.net"],
        Exit::NoCoordinator,
        "DNS",
    )
    .await;
    fails(
        site.alice.path(),
        &["ping", "b_b"],
        Exit::BadArguments,
        "letters, digits",
    )
    .await;
    let (_echo, _) = serve(site.bob.path(), &["echo"]).await;
    site.world.stop_relay().await;
    fails(
        site.alice.path(),
        &["ping", "bob"],
        Exit::RelayUnreachable,
        "relay",
    )
    .await;
    site.world.stop_coordinator().await;
    fails(
        site.alice.path(),
        &["ping", "bob"],
        Exit::CoordinatorUnreachable,
        "check the network",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_clocks_and_full_blocks_have_exit_codes_of_their_own() {
    let mut world = World::start(&NAMES).await;
    let day = Duration::from_secs(86_400);
    let early = tempfile::tempdir().unwrap();
    world.minted = Minted {
        ahead: day,
        ..Minted::default()
    };
    world.device("laptop", "alice").keep(early.path());
    fails(early.path(), &["ping", "bob"], Exit::ClockWrong, "set it").await;
    let full = World::with_blocks(&NAMES, Vec::new()).await;
    let without = tempfile::tempdir().unwrap();
    full.device("laptop", "alice").keep(without.path());
    fails(
        without.path(),
        &["ping", "bob"],
        Exit::BlockExhausted,
        "allocate another block",
    )
    .await;
    // The account server does not answer either: that is said first, for it is what can be helped.
    let late = tempfile::tempdir().unwrap();
    world.minted = Minted {
        behind: 8 * day,
        ..Minted::default()
    };
    world.device("laptop", "alice").keep(late.path());
    fails(
        late.path(),
        &["ping", "bob"],
        Exit::AccountServerUnreachable,
        "expired",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_machine_s_troubles_have_exit_codes_of_their_own() {
    let site = site(false).await;
    let empty = tempfile::tempdir().unwrap();
    fails(empty.path(), &["status"], Exit::NotSignedIn, "ntm sign-in").await;
    fails(empty.path(), &["frobnicate"], Exit::BadArguments, "Usage").await;
    let (_echo, _) = serve(site.bob.path(), &["echo"]).await;
    fails(
        site.bob.path(),
        &["ping", "alice"],
        Exit::ProfileInUse,
        "--profile",
    )
    .await;
    let taken = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    fails(
        site.alice.path(),
        &["--port", &port, "ping", "bob"],
        Exit::PortInUse,
        "choose another",
    )
    .await;
    std::fs::write(site.alice.path().join("profile.json"), "{").unwrap();
    fails(
        site.alice.path(),
        &["id"],
        Exit::ProfileDamaged,
        "sign in again",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_can_not_be_is_refused_before_anything_is_asked() {
    let site = site(false).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a good password\n").unwrap();
    let password = ["--password-file", file.path().to_str().unwrap()];
    // A file where the folder should be: nobody can make it, whatever their rights.
    let sign_in = |account| [&["sign-in", account], &password[..]].concat();
    fails(
        file.path(),
        &sign_in("alice@example.org"),
        Exit::ProfileUnwritable,
        "cannot",
    )
    .await;
    fails(
        site.alice.path(),
        &sign_in("alice@example.org"),
        Exit::NotAllowed,
        "sign-out",
    )
    .await;
    let empty = tempfile::tempdir().unwrap();
    fails(
        empty.path(),
        &sign_in("alice"),
        Exit::BadArguments,
        "name@domain",
    )
    .await;
    let down = ["--server", "https://127.0.0.1:1"];
    let args = [&sign_in("alice@example.org")[..], &down].concat();
    fails(
        empty.path(),
        &args,
        Exit::AccountServerUnreachable,
        "is the server running",
    )
    .await;
}

#[tokio::test]
async fn failures_are_json_too() {
    let empty = tempfile::tempdir().unwrap();
    let output = ntm(empty.path(), &["--json", "status"]).await;
    let report = json(&output);
    assert_eq!(report["error"]["code"], "not_signed_in");
    assert_eq!(report["error"]["exit"], 3);
}

#[tokio::test]
async fn contacts_are_added_listed_and_removed() {
    let site = site(false).await;
    let contact = |args: &'static [&'static str]| ntm(site.alice.path(), args);
    assert!(contact(&["contact", "add", "bob"]).await.status.success());
    assert!(
        contact(&["contact", "add", "bob@example.org"])
            .await
            .status
            .success()
    );
    let list = json(&contact(&["--json", "contact", "list"]).await);
    assert_eq!(
        list["contacts"],
        serde_json::json!(["bob.example.org"]),
        "once, however it is written"
    );
    assert!(
        contact(&["contact", "remove", "bob"])
            .await
            .status
            .success()
    );
    assert_eq!(
        contact(&["contact", "remove", "bob"]).await.status.code(),
        Some(5)
    );
}
