//! Watching the ways of a call.

use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use super::{Desk, held};
use crate::app::{App, AppEvents};
use crate::error::AppError;
use crate::view::AppEvent;

/// A picture comes with the statistics, once a second, so that both are drawn at once: drawing has its price. This
/// is for calls without any.
const WITHOUT: Duration = Duration::from_millis(1500);

impl Desk {
    /// Tells the ways of a call once a second and whenever it goes another way, until it is over or told to stop.
    ///
    /// # Errors
    /// [`Code::NoSuchCall`](crate::Code::NoSuchCall), or that the telephone is off.
    pub async fn watch_route(&self, call: u64, on: bool) -> Result<(), AppError> {
        if let Some(before) = held(&self.shared.watched).remove(&call) {
            before.abort();
        }
        if !on {
            return Ok(());
        }
        let app = self.app()?;
        let picture = Box::new(app.picture(call).await?);
        self.tell(AppEvent::Route { picture });
        let desk = self.clone();
        let task = tokio::spawn(async move { desk.watch(&app, call).await });
        let before = held(&self.shared.watched).insert(call, task.abort_handle());
        if let Some(before) = before {
            before.abort();
        }
        Ok(())
    }

    async fn watch(&self, app: &App, call: u64) {
        let mut events = self.events();
        loop {
            let _ = tokio::time::timeout(WITHOUT, news(&mut events, call)).await;
            let Ok(picture) = app.picture(call).await else {
                return;
            };
            let picture = Box::new(picture);
            self.tell(AppEvent::Route { picture });
        }
    }
}

/// There is something new to draw of a call: figures, or it goes another way, or can't go.
async fn news(events: &mut AppEvents, call: u64) {
    loop {
        let is_it = match events.recv().await {
            Ok(
                AppEvent::Handover { call: of, .. }
                | AppEvent::Outage { call: of, .. }
                | AppEvent::Statistics { call: of, .. },
            ) => of == call,
            Ok(AppEvent::Call(view)) => view.id == call,
            Ok(_) | Err(RecvError::Lagged(_)) => false,
            Err(RecvError::Closed) => std::future::pending().await,
        };
        if is_it {
            return;
        }
    }
}
