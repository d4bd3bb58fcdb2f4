//! `ntm-lab`: networks of all kinds on one machine, and the real programs in them.

use std::process::ExitCode;

fn main() -> ExitCode {
    ntm_lab::cli::main()
}
