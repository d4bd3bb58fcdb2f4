//! `legato-cli`: Legato in a terminal.
//!
//! `call`, `listen` and `echo` are one thing, [`session`]: a signed-in device, and what it does when it rings.
//! [`show`] prints what happens, as words or as JSON; [`live`] keeps it on one screen.

mod account;
mod args;
mod contacts;
mod exit;
mod keys;
mod live;
mod people;
mod session;
mod show;
mod signals;
mod sound;
mod stage;
mod texts;
mod verify;
mod who;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let args = args::Args::parse();
    show::log(args.log.as_deref());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let json = args.json;
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(args.run()),
        Err(error) => Err(voice_app::AppError::new(voice_app::Code::System, error)),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => {
            show::failure(json, &error);
            exit::Exit::of(&error).into()
        }
    }
}
