//! Private files that are whole or not there; the one place that knows how systems differ in this.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Why a private file can't be read, written or made.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refuses.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others than its owner may read the file, so its content is no secret.
    #[error("{} can be read by others (mode {mode:o}): run `chmod 600 {}`, and sign in again if you do not trust them", path.display(), path.display())]
    TooOpen {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl FileError {
    fn io<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io {
            what,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether there is no such file.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Makes a folder that only its owner may enter.
pub fn create_private_dir(path: &Path) -> Result<(), FileError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    system::only_owner_dir(&mut builder);
    builder
        .create(path)
        .map_err(FileError::io("cannot make the folder", path))
}

/// Writes a file that only its owner may read: beside, synced, then renamed, so that whoever reads, and
/// whatever crashes, the old content is there or the new.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let beside = beside(path);
    let written = write_new(&beside, content)
        .map_err(FileError::io("cannot write", &beside))
        .and_then(|()| fs::rename(&beside, path).map_err(FileError::io("cannot write", path)));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written?;
    // The parent of a bare name is the empty path, which names no folder.
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or(Path::new("."));
    system::sync_dir(dir).map_err(FileError::io("cannot sync", dir))
}

/// Unique in this process and among processes.
fn beside(path: &Path) -> PathBuf {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(
        ".{}-{}.tmp",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    ));
    path.with_file_name(name)
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    system::only_owner(&mut options);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Reads a file of [`write_private`]; refuses one that others may read.
pub fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let metadata = fs::metadata(path).map_err(FileError::io("cannot read", path))?;
    if let Some(mode) = system::open_to_others(&metadata) {
        return Err(FileError::TooOpen {
            path: path.to_owned(),
            mode,
        });
    }
    fs::read(path)
        .map(Zeroizing::new)
        .map_err(FileError::io("cannot read", path))
}

/// Removes a file; one that is not there is fine.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(FileError::io("cannot remove", path)(e))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Held by the one process that uses something; ends with the process, however that ends.
#[derive(Debug)]
pub struct Lock(File);

/// Takes the lock, or `None` when another process has it.
pub fn try_lock(path: &Path) -> Result<Option<Lock>, FileError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    system::only_owner(&mut options);
    let file = options
        .open(path)
        .map_err(FileError::io("cannot write", path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock(file))),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(e)) => Err(FileError::io("cannot lock", path)(e)),
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

#[cfg(unix)]
mod system {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
    use std::path::Path;

    pub(super) fn only_owner(options: &mut OpenOptions) {
        options.mode(0o600);
    }

    pub(super) fn only_owner_dir(builder: &mut DirBuilder) {
        builder.mode(0o700);
    }

    pub(super) fn open_to_others(metadata: &Metadata) -> Option<u32> {
        let mode = metadata.permissions().mode() & 0o777;
        (mode & 0o077 != 0).then_some(mode)
    }

    /// The rename itself must survive a power cut.
    pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
        let dir = if dir.as_os_str().is_empty() {
            Path::new(".")
        } else {
            dir
        };
        File::open(dir)?.sync_all()
    }
}

/// Windows: the profile folder lies in the user's own, whose access list keeps others out.
#[cfg(not(unix))]
mod system {
    use std::fs::{DirBuilder, Metadata, OpenOptions};
    use std::io;
    use std::path::Path;

    pub(super) fn only_owner(_options: &mut OpenOptions) {}

    pub(super) fn only_owner_dir(_builder: &mut DirBuilder) {}

    pub(super) fn open_to_others(_metadata: &Metadata) -> Option<u32> {
        None
    }

    pub(super) fn sync_dir(_dir: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_reads_back_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(**read_private(&path).unwrap(), *b"two");
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "no temporary file remains"
        );
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("target");
        // A folder in the way: the rename is refused, whoever runs the test.
        fs::create_dir(&path).unwrap();
        fs::write(path.join("old"), b"old").unwrap();
        assert!(write_private(&path, b"new").is_err());
        assert_eq!(fs::read(path.join("old")).unwrap(), b"old");
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "no temporary file remains"
        );
    }

    #[test]
    fn readers_during_writes_see_whole_contents_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        write_private(&path, &[0; 5000]).unwrap();
        std::thread::scope(|scope| {
            let writer =
                scope.spawn(|| (1..50_u8).for_each(|i| write_private(&path, &[i; 5000]).unwrap()));
            while !writer.is_finished() {
                let seen = read_private(&path).unwrap();
                assert!(
                    seen.len() == 5000 && seen.iter().all(|b| *b == seen[0]),
                    "half-written state"
                );
            }
        });
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_0600_and_a_wider_one_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        write_private(&path, b"x").unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        for mode in [0o640, 0o604, 0o644, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(
                matches!(read_private(&path), Err(FileError::TooOpen { mode: m, .. }) if m == mode)
            );
        }
    }

    #[test]
    fn a_lock_is_held_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = try_lock(&path).unwrap();
        assert!(held.is_some());
        assert!(try_lock(&path).unwrap().is_none());
        drop(held);
        assert!(try_lock(&path).unwrap().is_some());
    }
}
