//! Whatever a person does wrong, or the network does to a person: each has its own message with what
//! to do, and its own exit code (`docs/exit-codes.md`, `docs/self-hosting.md`).

use std::net::UdpSocket;

use ntm_lab::command::{Outcome, Run};
use ntm_lab::deployment::{Deployment, PASSWORD};

/// What a run should have ended with, and words that its message must have.
#[track_caller]
fn expect(what: &str, outcome: &Outcome, code: i32, words: &[&str]) {
    let Outcome {
        code: got,
        stderr,
        stdout,
    } = outcome;
    assert_eq!(*got, Some(code), "{what}: exit code\n{stdout}{stderr}");
    for word in words {
        assert!(
            stderr.contains(word),
            "{what}: the message should say {word:?}: {stderr}"
        );
    }
    assert!(!stderr.contains("panicked"), "{what}: {stderr}");
    assert!(!stderr.contains(PASSWORD), "{what} tells the password");
}

#[test]
fn each_mistake_at_the_command_has_its_own_message_and_exit_code() {
    let mut d = Deployment::start().unwrap();
    d.sign_up_first("alice").unwrap();
    d.sign_up("bob", &d.invite("alice").unwrap()).unwrap();
    let link = d.invite("alice").unwrap();
    let ntm = |who: &str, args: &[&str]| d.ntm(who).unwrap().args(args).finish().unwrap();

    expect(
        "not signed in",
        &ntm("nobody", &["status"]),
        3,
        &["ntm sign-in"],
    );
    expect(
        "no such name",
        &ntm("alice", &["resolve", "charlie"]),
        5,
        &["spelling"],
    );
    expect(
        "nobody at home",
        &ntm("alice", &["ping", "bob"]),
        6,
        &["online"],
    );
    expect(
        "no coordinator",
        &ntm("alice", &["ping", "bob@nowhere.invalid"]),
        24,
        &["domain"],
    );
    expect(
        "nonsense",
        &ntm("alice", &["ping", "b o b"]),
        2,
        &["letters"],
    );

    let server = d.server_link("alice").unwrap();
    let sign_in = |account: &str| {
        let run = d.ntm("thief").unwrap();
        let run = run.env("NTM_PASSWORD", "not the password");
        run.args(["sign-in", "--server", &server, account])
            .finish()
            .unwrap()
    };
    let (wrong, unknown) = (sign_in("alice"), sign_in("zoe"));
    expect("wrong password", &wrong, 4, &["password", "try again"]);
    expect("no such account", &unknown, 4, &["password", "try again"]);
    assert_eq!(
        wrong.stderr, unknown.stderr,
        "who has an account is nobody's business"
    );

    let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    expect(
        "port in use",
        &ntm("alice", &["--port", &port, "status"]),
        15,
        &["in use", &port],
    );

    let file = d.folder().join("a-file");
    std::fs::write(&file, "in the way").unwrap();
    let unwritable = Run::ntm(&file.join("profile"))
        .unwrap()
        .env("NTM_PASSWORD", PASSWORD);
    let unwritable = unwritable
        .args(["sign-in", "--invite", &link, "carol"])
        .finish()
        .unwrap();
    expect("unwritable profile", &unwritable, 14, &["a-file"]);

    d.stop_server().unwrap();
    let ntm = |who: &str, args: &[&str]| d.ntm(who).unwrap().args(args).finish().unwrap();
    expect(
        "DC down",
        &ntm("alice", &["ping", "bob"]),
        7,
        &["coordinator", "network"],
    );
    let down = ntm("carol", &["sign-in", "--invite", &link, "carol"]);
    expect("AS down", &down, 9, &["server running"]);
}
