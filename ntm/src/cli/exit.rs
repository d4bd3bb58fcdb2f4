//! Exit codes: one per thing that a script may want to tell apart.

use std::process::ExitCode;

macro_rules! exits {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $slug:literal;)+) => {
        /// How a command ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Exit {
            $($(#[doc = $doc])+ $name = $code,)+
        }

        impl Exit {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The code's name in JSON.
            pub fn slug(self) -> &'static str {
                match self {
                    $(Self::$name => $slug,)+
                }
            }
        }
    };
}

exits! {
    /// Done.
    Ok = 0, "ok";
    /// Something else failed; the message says what.
    Other = 1, "other";
    /// The command line is wrong.
    BadArguments = 2, "bad_arguments";
    /// No device is signed in in this profile.
    NotSignedIn = 3, "not_signed_in";
    /// The account or the password is wrong.
    WrongPassword = 4, "wrong_password";
    /// Nobody has this name.
    UnknownName = 5, "unknown_name";
    /// The name exists, and no device of it is online.
    PeerOffline = 6, "peer_offline";
    /// The coordinator does not answer.
    CoordinatorUnreachable = 7, "coordinator_unreachable";
    /// No relay server answers.
    RelayUnreachable = 8, "relay_unreachable";
    /// The account server does not answer.
    AccountServerUnreachable = 9, "account_server_unreachable";
    /// The ticket has expired and could not be renewed.
    TicketExpired = 10, "ticket_expired";
    /// The clock of this machine, or of the server, is wrong.
    ClockWrong = 11, "clock_wrong";
    /// The coordinator has no virtual address left.
    BlockExhausted = 12, "block_exhausted";
    /// One of the two ends is too old to talk to the other.
    VersionTooOld = 13, "version_too_old";
    /// The profile folder can't be written or read.
    ProfileUnwritable = 14, "profile_unwritable";
    /// The UDP port is taken.
    PortInUse = 15, "port_in_use";
    /// Another process uses the profile.
    ProfileInUse = 16, "profile_in_use";
    /// The peer was found, and did not answer.
    NoAnswer = 17, "no_answer";
    /// The peer, or its coordinator, does not take this connection.
    Refused = 18, "refused";
    /// The peer's or the server's identity is not the one known, or is not believed.
    IdentityNotBelieved = 19, "identity_not_believed";
    /// The keyring does not work.
    Keystore = 20, "keystore";
    /// The account server does not allow it: its message says why.
    NotAllowed = 21, "not_allowed";
    /// The device was revoked.
    Revoked = 22, "revoked";
    /// Too many requests, or an overloaded server: wait.
    TryLater = 23, "try_later";
    /// No coordinator serves the name's domain.
    NoCoordinator = 24, "no_coordinator";
    /// The profile is damaged.
    ProfileDamaged = 25, "profile_damaged";
}

impl Exit {
    /// What the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_documented_and_none_besides() {
        let doc = include_str!("../../../docs/exit-codes.md");
        let table = doc.split("## `ntm`").nth(1).unwrap();
        let rows: Vec<&str> = table
            .lines()
            .filter(|l| l.starts_with("| ") && l.contains('`'))
            .collect();
        let listed: Vec<String> = rows
            .iter()
            .map(|r| r.split('|').take(3).collect::<Vec<_>>().join("|"))
            .collect();
        let expected: Vec<String> = Exit::ALL
            .iter()
            .map(|e| format!("| {} | `{}` ", e.code(), e.slug()))
            .collect();
        assert_eq!(
            listed, expected,
            "docs/exit-codes.md has a row `| code | `slug` | ...` for each, in order"
        );
    }

    #[test]
    fn no_two_exits_share_a_code() {
        let codes: std::collections::BTreeSet<u8> = Exit::ALL.iter().map(|e| e.code()).collect();
        assert_eq!(codes.len(), Exit::ALL.len());
    }
}
