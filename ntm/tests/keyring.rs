//! The system's keyring, where there is one: run inside `dbus-run-session` with an unlocked
//! gnome-keyring, else this only shows that its absence is noticed and said.

use ntm::keystore::{self, Choice, Place};

use crate::harness::World;

#[tokio::test]
async fn a_keyring_is_used_if_it_keeps_a_trial_secret_and_else_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let device = World::start(&[]).await.device("laptop", "alice");
    let chosen = keystore::choose(Choice::Auto).unwrap();
    keystore::save(
        chosen.place,
        dir.path(),
        "laptop.alice.example.org#test",
        &device.secrets,
    )
    .unwrap();
    let read = keystore::load(chosen.place, dir.path(), "laptop.alice.example.org#test").unwrap();
    assert!(read == device.secrets, "what was kept reads back");
    keystore::delete(chosen.place, dir.path(), "laptop.alice.example.org#test").unwrap();
    assert_eq!(
        chosen.place == Place::File,
        chosen.fallback.is_some(),
        "a fallback has its reason"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_with_the_keys_is_0600_and_a_wider_one_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    World::start(&[])
        .await
        .device("laptop", "alice")
        .keep(dir.path());
    let files: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    for file in &files {
        assert_eq!(
            std::fs::metadata(file).unwrap().permissions().mode() & 0o777,
            0o600,
            "{file:?}"
        );
    }
    let secrets = files
        .iter()
        .find(|f| f.to_string_lossy().contains("secrets-"))
        .unwrap();
    std::fs::set_permissions(secrets, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = ntm::Profile::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("chmod 600"), "it says what to do: {error}");
}
