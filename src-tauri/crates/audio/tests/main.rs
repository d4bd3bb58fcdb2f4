//! Sound as an application uses it: on files always, on a real sound server where one can be started.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't go on has failed, helpers included"
)]

mod calls;
#[cfg(all(feature = "device", target_os = "linux"))]
mod closed;
#[cfg(all(feature = "device", target_os = "linux"))]
mod devices;
mod files;
mod opus;
mod support;
