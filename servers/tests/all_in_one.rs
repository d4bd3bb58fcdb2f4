//! `ntm-server` with its Account Server, and a relay that joins it from elsewhere.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::process::{Server, address, command, run};

fn all_roles(folder: &Path) -> Command {
    let config = folder.join("config.toml");
    std::fs::write(&config, "").unwrap();
    let mut command = command("ntm-server");
    command
        .env("NTM_CONFIG", config)
        .env("NTM_DATA_DIR", folder.join("data"))
        .env("NTM_PUBLIC_ADDRESSES", "127.0.0.1")
        .env("NTM_AS__LISTEN", "127.0.0.1:0")
        .env("NTM_DC__LISTEN", "127.0.0.1:0")
        .env("NTM_RS__LISTEN", "127.0.0.1:0");
    command
}

fn start(folder: &Path) -> (Server, serde_json::Value) {
    Server::start(&mut all_roles(folder), &folder.join("ready.json"))
}

#[test]
fn one_process_makes_its_keys_joins_itself_and_shows_the_set_up_link_once_each_start() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = start(folder.path());
    assert_eq!(
        address(&ready, "dc"),
        address(&ready, "rs"),
        "equal lists mean shared sockets"
    );
    let (code, said) = server.terminate();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("legato://invite/").count(), 1, "{said}");
    let (server, _) = start(folder.path());
    let (code, said) = server.terminate();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        !said.contains("joined the deployment"),
        "it has joined at its first start: {said}"
    );
}

#[test]
fn it_stops_at_once_although_its_dc_has_a_question_open() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = start(folder.path());
    let asked = Instant::now();
    let (code, said) = server.terminate();
    assert_eq!(code, Some(0), "{said}");
    assert!(asked.elapsed() < Duration::from_secs(4), "{said}");
}

#[test]
fn all_that_is_kept_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (_server, _) = start(folder.path());
    for file in std::fs::read_dir(folder.path().join("data")).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", file.path().display());
    }
}

#[test]
fn a_relay_joins_with_a_token_and_needs_it_once_only() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, ready) = start(folder.path());
    let port = address(&ready, "as");
    let token = run(all_roles(folder.path())
        .env("NTM_AS__URL", format!("https://{port}"))
        .args(["token", "rs"]));
    assert_eq!(token.status.code(), Some(0));
    let file = folder.path().join("token");
    std::fs::write(&file, &token.stdout).unwrap();

    let relay = |data: &str, ready: &str| {
        let mut command = command("ntm-rs");
        command
            .env("NTM_CONFIG", folder.path().join("config.toml"))
            .env("NTM_DATA_DIR", folder.path().join(data))
            .env("NTM_ENROL__TOKEN_FILE", &file)
            .env("NTM_RS__LISTEN", "127.0.0.1:0");
        (command, folder.path().join(ready))
    };
    let (mut first, ready) = relay("relay", "relay.json");
    let (server, _) = Server::start(&mut first, &ready);
    assert_eq!(server.terminate().0, Some(0));
    std::fs::remove_file(&file).unwrap();
    let (mut again, ready) = relay("relay", "relay.json");
    let (server, _) = Server::start(&mut again, &ready);
    assert_eq!(server.terminate().0, Some(0));

    std::fs::write(&file, &token.stdout).unwrap();
    let (mut other, _) = relay("other", "other.json");
    let refused = run(&mut other);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(
        refused.status.code(),
        Some(77),
        "a token is good for one: {stderr}"
    );
}

#[test]
fn a_tcp_port_in_use_is_told_with_the_key_to_set() {
    let folder = tempfile::tempdir().unwrap();
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = held.local_addr().unwrap();
    let ended = run(all_roles(folder.path()).env("NTM_AS__LISTEN", addr.to_string()));
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(71), "{stderr}");
    let words = format!(
        "port {}/tcp is in use by another program: stop it or set as.listen",
        addr.port()
    );
    assert!(stderr.contains(&words), "{stderr}");
}
