//! What a server says when it can't start: each with its own exit code.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;

use crate::process::{command, run};
use crate::site::Site;

fn dc(data_dir: &Path, listen: SocketAddr) -> Command {
    let config = data_dir.with_extension("toml");
    std::fs::write(&config, "").unwrap();
    let mut command = command("ntm-dc");
    command
        .env("NTM_CONFIG", config)
        .env("NTM_DATA_DIR", data_dir)
        .env("NTM_DC__LISTEN", listen.to_string());
    command
}

#[track_caller]
fn expect(command: &mut Command, code: i32, words: &[&str]) {
    let ended = run(command);
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(code), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "should say {word:?}: {stderr}");
    }
}

fn any() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

#[test]
fn a_port_in_use_is_told_with_the_key_to_set() {
    let folder = tempfile::tempdir().unwrap();
    let taken = UdpSocket::bind(any()).unwrap().local_addr().unwrap();
    let held = UdpSocket::bind(taken).unwrap();
    let addr = held.local_addr().unwrap();
    let words = format!(
        "port {}/udp is in use by another program: stop it or set dc.listen",
        addr.port()
    );
    expect(&mut dc(&folder.path().join("data"), addr), 71, &[&words]);
}

#[test]
fn a_file_where_the_data_folder_should_be_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    expect(&mut dc(&file, any()), 73, &["can't be written", "data_dir"]);
}

#[test]
fn a_server_that_has_not_joined_is_told_how_to() {
    let folder = tempfile::tempdir().unwrap();
    expect(
        &mut dc(&folder.path().join("data"), any()),
        78,
        &["enrol.token_file", "ntm-as token"],
    );
}

#[test]
fn a_token_that_was_cut_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "ntm-enrol-AAAA").unwrap();
    let mut command = dc(&folder.path().join("data"), any());
    expect(
        command.env("NTM_ENROL__TOKEN_FILE", token),
        78,
        &["damaged"],
    );
}

#[test]
fn an_account_server_that_is_down_is_told() {
    use ntm_account_api::invitation::{Enrolment, Pin, ServerRef};
    let folder = tempfile::tempdir().unwrap();
    let token = Enrolment {
        server: ServerRef {
            url: "https://127.0.0.1:1".into(),
            domain: "ntm.internal".parse().unwrap(),
            pin: Some(Pin([1; 32])),
        },
        code: [1; 16],
    };
    let file = folder.path().join("token");
    std::fs::write(&file, token.to_string()).unwrap();
    let mut command = dc(&folder.path().join("data"), any());
    let words = ["the Account Server can't be reached", "127.0.0.1:1"];
    expect(command.env("NTM_ENROL__TOKEN_FILE", file), 69, &words);
}

#[test]
fn a_second_server_on_the_same_data_is_told() {
    let site = Site::new(8, "eight.test");
    let _running = site.start_dc("");
    expect(
        &mut dc(site.folder.path(), any()),
        75,
        &["another running server", "data_dir"],
    );
}

#[test]
fn a_damaged_database_is_told() {
    let site = Site::new(9, "nine.test");
    std::fs::write(
        site.folder.path().join("dc.sqlite"),
        "no database at all, but text",
    )
    .unwrap();
    expect(
        &mut dc(site.folder.path(), any()),
        65,
        &["dc.sqlite", "backup"],
    );
}
