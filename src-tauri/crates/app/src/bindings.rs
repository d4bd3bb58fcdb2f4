//! The window's types: written once in Rust, generated for TypeScript, and proved to be fresh.

use std::path::PathBuf;

use ts_rs::{Config, TS};

use crate::account::SignedIn;
use crate::contacts::{Contact, Presence};
use crate::error::AppError;
use crate::history::PastCall;
use crate::settings::{Language, Settings, Switch, Theme};
use crate::view::*;

const HEAD: &str = "\
// Generated from src-tauri/crates/app by its test `bindings`. Do not edit: change the Rust types, then run
// LEGATO_WRITE_BINDINGS=1 cargo test -p voice-app --lib bindings
/* eslint-disable */
";

/// Every type that crosses to the window, in the order of the file.
fn bindings() -> String {
    // JSON has one kind of number, and none of these passes 2^53.
    let config = Config::new().with_large_int("number");
    let mut all = HEAD.to_owned();
    macro_rules! write_all {
        ($($ty:ty),* $(,)?) => { $( all += &one::<$ty>(&config); )* };
    }
    write_all!(
        AppEvent,
        AppError,
        WindowView,
        Stage,
        Snapshot,
        CallHandovers,
        Keystore,
        SignedIn,
        CallView,
        CallState,
        EndView,
        RouteView,
        HandoverView,
        OutageView,
        StatsView,
        Contact,
        Presence,
        PastCall,
        TextView,
        TextState,
        Settings,
        Switch,
        Theme,
        Language,
        RoutePicture,
        Here,
        InterfaceView,
        InterfaceKind,
        RelayView,
        There,
        PathView,
        PathKind,
        PathState,
        SoundDevices,
        DeviceView,
        DoctorLine,
        Verdict,
        AccountDevice,
    );
    all
}

fn one<T: TS>(config: &Config) -> String {
    let docs = T::docs().unwrap_or_default();
    format!("\n{docs}export {}\n", T::decl(config))
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../ui/src/ipc/bindings.ts")
}

#[test]
fn the_bindings_of_the_window_are_fresh() {
    let (now, path) = (bindings(), file());
    if std::env::var_os("LEGATO_WRITE_BINDINGS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == now,
        "ui/src/ipc/bindings.ts is stale: run LEGATO_WRITE_BINDINGS=1 cargo test -p voice-app --lib bindings"
    );
}
