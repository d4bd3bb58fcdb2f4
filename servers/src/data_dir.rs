//! The data folder: 0600 files, written whole or not at all, and a lock per role.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ntm_wire::key::{KeyPair, SecretKey};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::failure::Failure;

/// Held as long as a role runs on the folder.
#[derive(Debug)]
pub(crate) struct Lock(
    #[expect(dead_code, reason = "held, not read: the lock ends with the file")] File,
);

/// Makes the folder if need be, and takes it for `role`.
pub(crate) fn claim(config: &Config, role: &str) -> Result<Lock, Failure> {
    let folder = &config.data_dir;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| Failure::data_folder(folder, e))?;
    let path = config.data_file(&format!("{role}.lock"));
    let file = private(OpenOptions::new().write(true).create(true), &path)
        .map_err(|e| Failure::data_folder(folder, e))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(Failure::DataInUse { path }),
        Err(TryLockError::Error(e)) => Err(Failure::data_folder(&path, e)),
    }
}

/// The key pair in `name`; made at the first start.
pub(crate) fn key_pair(config: &Config, name: &str) -> Result<KeyPair, Failure> {
    let path = config.data_file(name);
    if let Some(text) = read(&path)? {
        let text = Zeroizing::new(text);
        let Some(bytes) = crate::config::hex(text.trim()) else {
            let why = "a key is 64 hexadecimal digits".to_owned();
            return Err(Failure::DataDamaged { path, why });
        };
        return Ok(KeyPair::from_private(SecretKey::new(bytes)));
    }
    let bytes = Zeroizing::new(seed()?);
    let text: Zeroizing<String> = Zeroizing::new(hex_text(&*bytes));
    write(&path, text.as_bytes())?;
    Ok(KeyPair::from_private(SecretKey::new(*bytes)))
}

/// The file as text; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) if e.kind() == io::ErrorKind::InvalidData => Err(Failure::DataDamaged {
            path: path.to_owned(),
            why: "not a text".to_owned(),
        }),
        Err(e) => Err(Failure::data_folder(path, e)),
    }
}

/// Replaces the file as a whole, readable by this user only; on disk when this returns.
pub(crate) fn write(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    write_whole(path, contents).map_err(|e| Failure::data_folder(path, e))
}

/// 32 random bytes of the system.
pub(crate) fn seed() -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|e| anyhow::anyhow!("the system gives no random numbers ({e})"))?;
    Ok(seed)
}

fn write_whole(path: &Path, contents: &[u8]) -> io::Result<()> {
    let next = next_name(path);
    let mut file = private(
        OpenOptions::new().write(true).create(true).truncate(true),
        &next,
    )?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(&next, path)?;
    // The parent of a bare name is the empty path, which names no folder.
    let folder = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Opens for this user only.
pub(crate) fn private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.mode(0o600).open(path)
}

fn next_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn hex_text(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let written = write!(text, "{byte:02x}");
        debug_assert!(written.is_ok(), "a string takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn config(folder: &Path) -> Config {
        Config {
            data_dir: folder.to_owned(),
            ..Config::default()
        }
    }

    #[test]
    fn a_key_is_made_once_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let first = key_pair(&config, "dc.key").unwrap();
        let again = key_pair(&config, "dc.key").unwrap();
        assert_eq!(first.server(), again.server());
        let mode = std::fs::metadata(config.data_file("dc.key")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        std::fs::write(config.data_file("dc.key"), "no key").unwrap();
        let failure = key_pair(&config, "dc.key").unwrap_err();
        assert_eq!(failure.code(), 65, "{failure}");
    }

    #[test]
    fn two_servers_do_not_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let held = claim(&config, "dc").unwrap();
        assert_eq!(claim(&config, "dc").unwrap_err().code(), 75);
        drop(held);
        claim(&config, "dc").unwrap();
    }

    #[test]
    fn a_file_where_the_folder_should_be_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let failure = claim(&config(&path), "dc").unwrap_err();
        assert_eq!(failure.code(), 73, "{failure}");
    }
}
