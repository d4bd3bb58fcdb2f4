//! Whether the session has a place for icons. Stock GNOME has none, and an icon that is added there is nowhere.

use std::time::Duration;

use zbus::{Connection, proxy};

/// A session bus answers in a millisecond, or is stuck.
const PATIENCE: Duration = Duration::from_millis(300);

#[proxy(
    interface = "org.kde.StatusNotifierWatcher",
    default_service = "org.kde.StatusNotifierWatcher",
    default_path = "/StatusNotifierWatcher"
)]
trait Watcher {
    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> zbus::Result<bool>;
}

/// Asks the session; not to be called on a thread of the runtime.
pub(crate) fn has_tray() -> bool {
    if may_have_an_old_one() {
        return true;
    }
    let asked = async { ask(&Connection::session().await?).await };
    let answer = async { tokio::time::timeout(PATIENCE, asked).await };
    matches!(tauri::async_runtime::block_on(answer), Ok(Ok(true)))
}

/// On X11 an icon without a watcher goes into a tray of the old kind, which every desktop there has but GNOME.
fn may_have_an_old_one() -> bool {
    let is = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let desktop = std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default();
    !is("WAYLAND_DISPLAY") && is("DISPLAY") && !desktop.to_uppercase().contains("GNOME")
}

async fn ask(bus: &Connection) -> zbus::Result<bool> {
    let watcher = WatcherProxy::new(bus).await?;
    watcher.is_status_notifier_host_registered().await
}
