//! `ntm-rs`: see [`ntm_servers::command`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ntm_servers::command::rs()
}
