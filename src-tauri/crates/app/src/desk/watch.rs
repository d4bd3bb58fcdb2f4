//! Watching the ways of a call.

use std::time::Duration;

use super::{Desk, held};
use crate::app::App;
use crate::error::AppError;
use crate::view::AppEvent;

/// A picture so often.
const EVERY: Duration = Duration::from_millis(250);

impl Desk {
    /// Tells the ways of a call four times a second, until it is over or told to stop.
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
        loop {
            tokio::time::sleep(EVERY).await;
            let Ok(picture) = app.picture(call).await else {
                return;
            };
            let picture = Box::new(picture);
            self.tell(AppEvent::Route { picture });
        }
    }
}
