//! [`Desk`]: what a window holds. It knows whether somebody is signed in, starts the device's telephone and tries
//! again when the servers don't answer, and tells whatever happens on one stream of events.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ntm::Profile;
use tokio::sync::broadcast;
use tokio::task::AbortHandle;

use crate::account::{self, SignedIn};
use crate::app::{App, AppConfig, AppEvents};
use crate::error::{AppError, Code};
use crate::names;
use crate::view::{AppEvent, Stage, WindowView};

mod people;
mod start;
mod watch;

pub use people::sound_devices;

/// Events that a slow window may fall behind.
const EVENTS: usize = 1024;

/// What a desk is opened with.
#[derive(Clone, Debug)]
pub struct DeskConfig {
    /// What its telephone is started with.
    pub app: AppConfig,
    /// The program's version.
    pub version: String,
    /// The system's language: `en`, `ja`, ...
    pub locale: String,
    /// Where recordings of calls go.
    pub recordings: PathBuf,
}

/// What a window holds. Clones are the same desk.
#[derive(Clone, Debug)]
pub struct Desk {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: DeskConfig,
    now: Mutex<Now>,
    /// One at a time signs in or out.
    door: tokio::sync::Mutex<()>,
    starting: Mutex<Option<AbortHandle>>,
    watched: Mutex<BTreeMap<u64, AbortHandle>>,
    events: broadcast::Sender<AppEvent>,
}

#[derive(Clone, Debug)]
enum Now {
    SignedOut,
    Starting { me: String },
    Failed { me: Option<String>, error: AppError },
    Ready(App),
}

impl Desk {
    /// Opens the desk; the telephone of whoever is signed in starts beside that.
    pub fn open(config: DeskConfig) -> (Self, AppEvents) {
        let (events, first) = broadcast::channel(EVENTS);
        let shared = Shared {
            config,
            now: Mutex::new(Now::SignedOut),
            door: tokio::sync::Mutex::new(()),
            starting: Mutex::new(None),
            watched: Mutex::new(BTreeMap::new()),
            events,
        };
        let desk = Self {
            shared: Arc::new(shared),
        };
        desk.look();
        desk.begin();
        (desk, first)
    }

    /// What happens from now on. A window that falls behind asks for the whole [`Desk::window`].
    pub fn events(&self) -> AppEvents {
        self.shared.events.subscribe()
    }

    /// The whole window.
    pub async fn window(&self) -> WindowView {
        let now = held(&self.shared.now).clone();
        WindowView {
            stage: stage(now).await,
            version: self.shared.config.version.clone(),
            locale: self.shared.config.locale.clone(),
        }
    }

    /// The telephone, when it is on.
    ///
    /// # Errors
    /// [`Code::NotSignedIn`], [`Code::NoService`] while it starts, or why it can't.
    pub fn app(&self) -> Result<App, AppError> {
        match held(&self.shared.now).clone() {
            Now::Ready(app) => Ok(app),
            Now::SignedOut => Err(AppError::new(
                Code::NotSignedIn,
                "nobody is signed in here: sign in, or sign up with an invitation",
            )),
            Now::Starting { .. } => Err(AppError::new(
                Code::NoService,
                "the servers don't know this device yet: wait a moment",
            )),
            Now::Failed { error, .. } => Err(error),
        }
    }

    /// Makes the account that an invitation is for, and starts its telephone.
    ///
    /// # Errors
    /// As [`account::sign_up`].
    pub async fn sign_up(
        &self,
        invitation: &str,
        name: &str,
        password: &str,
        device: Option<&str>,
    ) -> Result<SignedIn, AppError> {
        let _door = self.shared.door.lock().await;
        let made = account::sign_up(self.folder(), invitation, name, password, device).await?;
        self.enter(&made.me);
        Ok(made)
    }

    /// Makes this machine a device of an account that is there, and starts its telephone.
    ///
    /// # Errors
    /// As [`account::sign_in`].
    pub async fn sign_in(
        &self,
        server: Option<&str>,
        name: &str,
        password: &str,
        device: Option<&str>,
    ) -> Result<SignedIn, AppError> {
        let _door = self.shared.door.lock().await;
        let made = account::sign_in(self.folder(), server, name, password, device).await?;
        self.enter(&made.me);
        Ok(made)
    }

    /// Ends every call, tells the server that this is no device any more, and forgets what is kept here of the
    /// account. The keys stay where they are unless `forget_keys`.
    ///
    /// # Errors
    /// [`Code::Storage`], [`Code::Keyring`]: the telephone is off then, and the rest may be tried again.
    pub async fn sign_out(&self, forget_keys: bool) -> Result<(), AppError> {
        let _door = self.shared.door.lock().await;
        self.stop().await;
        let left = account::sign_out(self.folder(), forget_keys).await;
        self.look();
        // Whoever was not signed in has failed at nothing.
        if let Err(error) = left.as_ref()
            && error.code != Code::NotSignedIn.as_str()
        {
            self.fail(None, error.clone());
        }
        self.tell_window().await;
        left
    }

    /// Starts the telephone anew, after it failed or while it waits.
    pub async fn retry(&self) {
        if matches!(*held(&self.shared.now), Now::Ready(_)) {
            return;
        }
        self.look();
        self.tell_window().await;
        self.begin();
    }

    /// Ends every call, and the telephone is off.
    pub async fn stop(&self) {
        if let Some(starting) = held(&self.shared.starting).take() {
            starting.abort();
        }
        let app = self.app().ok();
        *held(&self.shared.now) = Now::SignedOut;
        held(&self.shared.watched)
            .values()
            .for_each(AbortHandle::abort);
        held(&self.shared.watched).clear();
        if let Some(app) = app {
            app.stop().await;
        }
    }

    /// Tells the window something that this crate doesn't know of: a link, a key.
    pub fn tell(&self, event: AppEvent) {
        // Nobody listening is fine.
        let _ = self.shared.events.send(event);
    }

    fn folder(&self) -> &PathBuf {
        &self.shared.config.app.folder
    }

    fn enter(&self, me: &str) {
        *held(&self.shared.now) = Now::Starting { me: me.to_owned() };
        self.begin();
    }

    fn fail(&self, me: Option<String>, error: AppError) {
        *held(&self.shared.now) = Now::Failed { me, error };
    }
}

async fn stage(now: Now) -> Stage {
    match now {
        Now::SignedOut => Stage::SignedOut,
        Now::Starting { me } => Stage::Starting { me },
        Now::Failed { me, error } => Stage::Failed { me, error },
        Now::Ready(app) => match app.snapshot().await {
            Ok(snapshot) => Stage::Ready {
                snapshot: Box::new(snapshot),
            },
            Err(error) => Stage::Failed { me: None, error },
        },
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn me(profile: &Profile) -> String {
    names::device(&profile.membership().certificate.fqdn)
}
