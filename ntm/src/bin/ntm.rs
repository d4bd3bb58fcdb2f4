//! The `ntm` command.

fn main() -> std::process::ExitCode {
    ntm::cli::main()
}
