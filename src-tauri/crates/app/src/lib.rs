//! `voice-app`: Legato without its window. A shell (the desktop app, `legato-cli`) asks it to do things, and shows
//! what it tells.
//!
//! - [`account`]: signing up and in
//! - [`Desk`]: what a window holds: signed out, starting, ready
//! - [`App`]: one signed-in device that calls and is called
//! - [`view`]: what there is to see, in whole models and never in differences
//! - [`contacts`], [`history`], [`texts`], [`settings`]: what is kept between runs, in the profile's folder
//! - [`AppError`]: what went wrong, as a code and as words
//!
//! This crate is async glue around deciding parts: [`calls`](mod@calls) knows what each call is and what it sounds like
//! ([`ringing`]); [`media`] moves datagrams between a call's virtual socket and the audio thread; [`echo`] answers
//! for machines that send back what they hear.

pub mod account;
mod app;
#[cfg(test)]
mod bindings;
pub mod calls;
pub mod contacts;
mod controller;
mod desk;
pub mod doctor;
pub mod echo;
mod error;
pub mod history;
mod lines;
pub mod media;
pub mod names;
mod picture;
pub mod presence;
pub mod ringing;
pub mod settings;
mod store;
pub mod texts;
pub mod view;
pub mod words;

pub use app::{AnswerRule, App, AppConfig, AppEvents, SoundTest};
pub use desk::{Desk, DeskConfig, sound_devices};
pub use error::{AppError, Code};
pub use view::AppEvent;
