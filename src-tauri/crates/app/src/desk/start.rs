//! Starting the telephone of whoever is signed in, and passing on what it tells.

use std::time::Duration;

use ntm::Profile;
use tokio::sync::broadcast::error::RecvError;

use super::{Desk, Now, held, me};
use crate::app::{App, AppEvents};
use crate::error::{AppError, Code};
use crate::view::AppEvent;

/// Servers that don't answer are asked again after so long, then after twice that, and so on,
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// but never less often than so.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Desk {
    /// Looks whether somebody is signed in, without asking the keyring.
    pub(super) fn look(&self) {
        let name = Profile::name_in(self.folder());
        *held(&self.shared.now) = match name {
            Ok(device) => Now::Starting {
                me: crate::names::device(&device),
            },
            Err(error) => not_there(error.into()),
        };
    }

    /// Starts the telephone beside whatever else goes on.
    pub(super) fn begin(&self) {
        let desk = self.clone();
        let task = tokio::spawn(async move { desk.run().await });
        let before = held(&self.shared.starting).replace(task.abort_handle());
        if let Some(before) = before {
            before.abort();
        }
    }

    pub(super) async fn tell_window(&self) {
        let view = Box::new(self.window().await);
        self.tell(AppEvent::Window { view });
    }

    async fn run(&self) {
        let mut wait = FIRST_WAIT;
        while matches!(*held(&self.shared.now), Now::Starting { .. }) {
            self.tell_window().await;
            match App::start(self.shared.config.app.clone()).await {
                Ok((app, events)) => return self.ready(app, events).await,
                Err(error) if passes(&error) => {
                    tracing::info!(code = error.code, "the telephone does not start yet");
                    self.tell(AppEvent::Problem(error));
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                Err(error) => {
                    let name = Profile::open(self.folder()).ok().as_ref().map(me);
                    self.fail(name, error);
                }
            }
        }
        self.tell_window().await;
    }

    async fn ready(&self, app: App, events: AppEvents) {
        *held(&self.shared.now) = Now::Ready(app);
        self.tell_window().await;
        self.pass_on(events).await;
    }

    /// Until the telephone stops.
    async fn pass_on(&self, mut events: AppEvents) {
        loop {
            match events.recv().await {
                Ok(event) => self.tell(event),
                // What was missed is in the whole.
                Err(RecvError::Lagged(_)) => self.tell_window().await,
                Err(RecvError::Closed) => return,
            }
        }
    }
}

/// Whether asking again may help.
fn passes(error: &AppError) -> bool {
    [Code::NoService, Code::NotYet]
        .iter()
        .any(|c| error.code == c.as_str())
}

fn not_there(error: AppError) -> Now {
    if error.code == Code::NotSignedIn.as_str() {
        Now::SignedOut
    } else {
        Now::Failed { me: None, error }
    }
}
