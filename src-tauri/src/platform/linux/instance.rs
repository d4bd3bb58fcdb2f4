//! One program a session: a second start hands its arguments to the first, by D-Bus, and ends.
//!
//! What the other systems have a plugin for. On Linux that plugin brings zbus with an async runtime of its own,
//! beside the one that is there.

use tauri::plugin::{self, TauriPlugin};
use tauri::{AppHandle, Manager as _, Runtime};
use zbus::connection::Builder;
use zbus::fdo::RequestNameFlags;
use zbus::{Connection, Error, Result, interface};

const PATH: &str = "/instance";

/// What the first answers to; a start says what it was given.
struct Instance<F>(F);

#[interface(name = "org.legato.Instance")]
impl<F: Fn(Vec<String>) + Send + Sync + 'static> Instance<F> {
    fn started(&self, args: Vec<String>) {
        (self.0)(args);
    }
}

enum Start {
    /// Until the connection ends others come to this program.
    First(Connection),
    Second,
}

/// Takes the name, or tells who has it.
async fn start<F>(bus: Builder<'_>, name: &str, args: Vec<String>, started: F) -> Result<Start>
where
    F: Fn(Vec<String>) + Send + Sync + 'static,
{
    let bus = bus.serve_at(PATH, Instance(started))?.build().await?;
    let flags = RequestNameFlags::DoNotQueue.into();
    match bus.request_name_with_flags(name, flags).await {
        Ok(_) => Ok(Start::First(bus)),
        Err(Error::NameTaken) => {
            let interface = Some("org.legato.Instance");
            bus.call_method(Some(name), PATH, interface, "Started", &args)
                .await?;
            Ok(Start::Second)
        }
        Err(error) => Err(error),
    }
}

/// `second` is called in the first program, with what a later start was given.
pub(crate) fn single<R, F>(second: F) -> TauriPlugin<R>
where
    R: Runtime,
    F: Fn(&AppHandle<R>, Vec<String>) + Send + Sync + 'static,
{
    plugin::Builder::new("single-instance")
        .setup(move |app, _| {
            let (handle, name) = (app.clone(), app.config().identifier.clone() + ".Instance");
            let started = move |args| second(&handle, args);
            let args = std::env::args_os().map(|a| a.to_string_lossy().into_owned());
            let args = args.collect();
            let start = async { start(Builder::session()?, &name, args, started).await };
            match tauri::async_runtime::block_on(start) {
                Ok(Start::First(bus)) => drop(app.manage(bus)),
                Ok(Start::Second) => {
                    app.cleanup_before_exit();
                    std::process::exit(0);
                }
                Err(error) => {
                    tracing::info!(%error, "no session bus: a second start is not noticed")
                }
            }
            Ok(())
        })
        .build()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Child, Command, Stdio};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const NAME: &str = "org.legato.Test.Instance";

    /// A session bus of the test's own.
    struct Bus(Child, String);

    impl Bus {
        fn new() -> Option<Self> {
            let mut daemon = Command::new("dbus-daemon");
            daemon.args(["--session", "--nofork", "--print-address"]);
            let mut daemon = daemon.stdout(Stdio::piped()).spawn().ok()?;
            let mut address = String::new();
            BufReader::new(daemon.stdout.take()?)
                .read_line(&mut address)
                .ok()?;
            Some(Self(daemon, address.trim().to_owned()))
        }

        fn connect(&self) -> Builder<'static> {
            Builder::address(self.1.clone().as_str()).unwrap()
        }
    }

    impl Drop for Bus {
        fn drop(&mut self) {
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }

    fn args(of: &[&str]) -> Vec<String> {
        of.iter().map(|a| (*a).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_second_start_hands_its_arguments_to_the_first_until_that_ends() {
        let Some(bus) = Bus::new() else {
            return eprintln!("skipped: no dbus-daemon here");
        };
        let (tell, told) = mpsc::channel();
        let first = start(bus.connect(), NAME, args(&["legato"]), move |a| {
            drop(tell.send(a));
        });
        let Start::First(first) = first.await.unwrap() else {
            panic!("nobody else is there");
        };
        let given = args(&["legato", "sip:bob@example.org"]);
        let second = start(bus.connect(), NAME, given.clone(), |_| ()).await;
        assert!(matches!(second.unwrap(), Start::Second));
        assert_eq!(told.recv_timeout(Duration::from_secs(5)).unwrap(), given);
        first.close().await.unwrap();
        let third = start(bus.connect(), NAME, given, |_| ()).await;
        assert!(matches!(third.unwrap(), Start::First(_)));
    }
}
