//! A ported program differs from its plain tokio twin by the import and the registration.

use std::collections::BTreeSet;

fn lines(text: &str) -> BTreeSet<&str> {
    let meant = |l: &&str| !l.is_empty() && !l.starts_with("//");
    text.lines().map(str::trim).filter(meant).collect()
}

fn differences(
    plain: &'static str,
    ported: &'static str,
) -> (Vec<&'static str>, Vec<&'static str>) {
    let (plain, ported) = (lines(plain), lines(ported));
    (
        plain.difference(&ported).copied().collect(),
        ported.difference(&plain).copied().collect(),
    )
}

#[test]
fn the_echo_server_differs_by_the_import_and_one_call() {
    let (gone, new) = differences(
        include_str!("../examples/tokio/echo_server.rs"),
        include_str!("../examples/echo_server.rs"),
    );
    assert_eq!(gone, ["use tokio::net::UdpSocket;"]);
    assert_eq!(
        new,
        ["ntm::start_default().await?;", "use ntm::net::UdpSocket;"]
    );
}

#[test]
fn the_echo_client_differs_by_the_import_and_one_call() {
    let (gone, new) = differences(
        include_str!("../examples/tokio/echo_client.rs"),
        include_str!("../examples/echo_client.rs"),
    );
    assert_eq!(gone, ["use tokio::net::{UdpSocket, lookup_host};"]);
    assert_eq!(
        new,
        [
            "ntm::start_default().await?;",
            "use ntm::net::{UdpSocket, lookup_host};"
        ]
    );
}
