//! What the page is told, and what the system is told with it: notifications, the window, the key.

use tauri::{AppHandle, Emitter as _, Manager as _, Runtime};
use tokio::sync::broadcast::error::RecvError;
use voice_app::settings::Language;
use voice_app::view::{CallState, CallView, Stage};
use voice_app::{AppEvent, AppEvents};

use crate::host::Host;
use crate::{platform, window};

/// The name of the one event that the page listens to.
const EVENT: &str = "legato";

/// Passes on what the desk tells, as long as the program runs. The page is only one who hears it: without one it
/// goes on.
pub fn forward<R: Runtime>(app: AppHandle<R>, mut events: AppEvents) {
    tauri::async_runtime::spawn(async move {
        let mut system = System::default();
        loop {
            match events.recv().await {
                Ok(event) => {
                    system.note(&app, &event).await;
                    tell(&app, event);
                }
                Err(RecvError::Lagged(_)) => catch_up(&app, &mut system).await,
                Err(RecvError::Closed) => return,
            }
        }
    });
}

fn tell<R: Runtime>(app: &AppHandle<R>, event: AppEvent) {
    if matches!(event, AppEvent::Levels { .. }) {
        if let Some(host) = app.try_state::<Host>() {
            host.send_levels(event);
        }
        return;
    }
    if let Err(error) = app.emit(EVENT, &event) {
        tracing::debug!(%error, "the page was not told");
    }
}

/// What was missed is in the whole.
async fn catch_up<R: Runtime>(app: &AppHandle<R>, system: &mut System) {
    let Some(host) = app.try_state::<Host>() else {
        return;
    };
    let view = Box::new(host.desk().window().await);
    let event = AppEvent::Window { view };
    system.note(app, &event).await;
    tell(app, event);
}

/// What the system was told last.
#[derive(Debug, Default)]
struct System {
    wants_notifications: bool,
    language: Language,
    ringing: Vec<u64>,
    going_on: Vec<u64>,
}

impl System {
    async fn note<R: Runtime>(&mut self, app: &AppHandle<R>, event: &AppEvent) {
        let before = !self.going_on.is_empty();
        if let AppEvent::Window { view } = event
            && let Stage::Ready { snapshot } = &view.stage
        {
            self.choose(app, &snapshot.settings);
            let calls = snapshot.calls.iter().filter(|c| goes_on(c));
            self.going_on = calls.map(|c| c.id).collect();
        } else if let AppEvent::Settings { settings } = event {
            self.choose(app, settings);
        } else if let AppEvent::Call(call) = event {
            self.call(app, call);
        } else if let AppEvent::Text { from, text } = event
            && self.wants_notifications
            && !window::is_in_front(app)
        {
            platform::notify(app, platform::wrote(from, text));
        }
        let now = !self.going_on.is_empty();
        if now != before {
            platform::in_call(app, now).await;
        }
    }

    fn choose<R: Runtime>(&mut self, app: &AppHandle<R>, settings: &voice_app::settings::Settings) {
        self.wants_notifications = settings.notifications;
        self.language = settings.language;
        window::choose(app, settings);
        #[cfg(desktop)]
        crate::shortcut::choose(app, settings);
    }

    fn call<R: Runtime>(&mut self, app: &AppHandle<R>, call: &CallView) {
        let rang = self.ringing.contains(&call.id);
        let rings = call.state == CallState::RingingHere;
        self.ringing.retain(|id| *id != call.id);
        self.going_on.retain(|id| *id != call.id);
        if goes_on(call) {
            self.going_on.push(call.id);
        }
        if rings {
            self.ringing.push(call.id);
        }
        if rings && !rang {
            // Somebody calls: the window comes to the front, as a telephone would ring.
            window::show(app);
            if self.wants_notifications {
                platform::notify_call(app, call, self.language);
            }
        } else if rang && !rings {
            platform::withdraw_call(app, call.id);
            if self.wants_notifications && is_missed(call) {
                platform::notify(app, platform::missed(call, self.language));
            }
        }
    }
}

/// Somebody calls from here, or people talk.
fn goes_on(call: &CallView) -> bool {
    !matches!(call.state, CallState::RingingHere | CallState::Ended)
}

/// It rang, and whoever called gave up.
fn is_missed(call: &CallView) -> bool {
    let reason = call.ended.as_ref().map(|e| e.reason);
    !call.outgoing
        && call.answered_ms.is_none()
        && matches!(reason, Some("cancelled" | "no_answer"))
}
