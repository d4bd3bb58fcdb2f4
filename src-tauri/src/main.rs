//! `legato`: the desktop app. Everything is in the library, which phones start by another door.

// Windows opens a console beside a program that does not say this.
#![cfg_attr(windows, windows_subsystem = "windows")]

use std::process::ExitCode;

fn main() -> ExitCode {
    legato_lib::run()
}
