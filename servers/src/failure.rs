//! Why a server does not start or stops: what happened, what to do, and the exit code.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::Problem;

/// Why a server ended. Exit codes follow `sysexits.h`; `docs/self-hosting.md` lists them.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Some keys are wrong.
    #[error("{}", told(path, problems))]
    Config {
        /// The file.
        path: PathBuf,
        /// Each of them.
        problems: Vec<Problem>,
    },
    /// The deciding part refuses what it is told.
    #[error("{0}")]
    Unusable(String),
    /// A file that the command line or the configuration names is not there.
    #[error("{path} can't be read ({source}): make it, or name another with {key}", path = path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
        /// Who names it.
        key: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Somebody else has the port.
    #[error(
        "port {port}/{protocol} is in use by another program: stop it or set {key}",
        port = addr.port()
    )]
    PortInUse {
        /// The key that names it.
        key: &'static str,
        /// `udp` or `tcp`.
        protocol: &'static str,
        /// The address.
        addr: SocketAddr,
    },
    /// Ports below 1024 are for root and those allowed.
    #[error(
        "port {port}/{protocol} may not be used by this user: set {key} to a port above 1023, or allow it with `setcap cap_net_bind_service=+ep` or AmbientCapabilities=CAP_NET_BIND_SERVICE",
        port = addr.port()
    )]
    PortForbidden {
        /// The key that names it.
        key: &'static str,
        /// `udp` or `tcp`.
        protocol: &'static str,
        /// The address.
        addr: SocketAddr,
    },
    /// The address can't be listened on.
    #[error(
        "can't listen on {addr}/{protocol} ({source}): set {key} to an address of this machine"
    )]
    Listen {
        /// The key that names it.
        key: &'static str,
        /// `udp` or `tcp`.
        protocol: &'static str,
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The data folder does not take files.
    #[error(
        "{path} can't be written ({source}): make it a folder that this user may write to, or set data_dir",
        path = path.display()
    )]
    DataFolder {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process works on the same data.
    #[error(
        "{path} is held by another running server: stop it, or set data_dir to another folder",
        path = path.display()
    )]
    DataInUse {
        /// The lock file.
        path: PathBuf,
    },
    /// A later version wrote the data.
    #[error(
        "{path} was written by a newer version of this program: start that version, or restore the backup made before the upgrade",
        path = path.display()
    )]
    DataTooNew {
        /// The file.
        path: PathBuf,
    },
    /// The data can't be understood.
    #[error("{path} is damaged ({why}): restore it from a backup", path = path.display())]
    DataDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// What the Account Server keeps can't be understood.
    #[error("{0}")]
    Account(String),
    /// The Account Server does not answer.
    #[error("the Account Server can't be reached: {0}")]
    AccountServer(String),
    /// It answers, and says no.
    #[error("the Account Server refuses: {0}; ask its operator for a new enrolment token")]
    Refused(String),
    /// Neither enrolled nor told how.
    #[error(
        "this server has not joined a deployment yet: set enrol.token_file to a file with the token that `ntm-as token` prints"
    )]
    NotEnrolled,
    /// Something that should not happen.
    #[error("{0:#}")]
    Internal(#[from] anyhow::Error),
}

impl Failure {
    /// What a failed bind means.
    pub fn bind(
        key: &'static str,
        protocol: &'static str,
        addr: SocketAddr,
        source: io::Error,
    ) -> Self {
        let kind = source.kind();
        if kind == io::ErrorKind::AddrInUse {
            Self::PortInUse {
                key,
                protocol,
                addr,
            }
        } else if kind == io::ErrorKind::PermissionDenied {
            Self::PortForbidden {
                key,
                protocol,
                addr,
            }
        } else {
            Self::Listen {
                key,
                protocol,
                addr,
                source,
            }
        }
    }

    /// A file of the data folder could not be written.
    pub fn data_folder(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::DataFolder { path, source }
    }

    /// By what a script tells the failures apart.
    pub fn code(&self) -> u8 {
        match self {
            Self::DataTooNew { .. } | Self::DataDamaged { .. } | Self::Account(_) => 65,
            Self::NoFile { .. } => 66,
            Self::AccountServer(_) => 69,
            Self::Internal(_) => 70,
            Self::PortInUse { .. } | Self::Listen { .. } => 71,
            Self::DataFolder { .. } => 73,
            Self::DataInUse { .. } => 75,
            Self::PortForbidden { .. } | Self::Refused(_) => 77,
            Self::Config { .. } | Self::Unusable(_) | Self::NotEnrolled => 78,
        }
    }

    /// The code as the process ends with it.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

fn told(path: &Path, problems: &[Problem]) -> String {
    let path = path.display();
    let mut text = format!("the configuration ({path}) is not usable as it is:");
    for problem in problems {
        text.push_str("\n  ");
        text.push_str(&problem.to_string());
    }
    text
}
