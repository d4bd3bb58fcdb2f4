//! `org.freedesktop.Notifications`: a call has the buttons Accept and Decline, and its notification goes when it no
//! longer rings.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use tauri::{AppHandle, Manager as _, Runtime};
use tokio::task::AbortHandle;
use zbus::zvariant::Value;
use zbus::{Connection, proxy};

use crate::host::Host;
use crate::platform::Words;
use crate::window;

/// The notifications of calls that ring.
static RINGING: Mutex<BTreeMap<u64, Shown>> = Mutex::new(BTreeMap::new());
const ACCEPT: &str = "accept";
const DECLINE: &str = "decline";
/// Until somebody closes it: a call rings for as long as it rings.
const FOR_EVER: i32 = 0;
const AS_USUAL: i32 = -1;

#[derive(Debug)]
struct Shown {
    task: AbortHandle,
    id: Option<u32>,
}

#[proxy(
    interface = "org.freedesktop.Notifications",
    default_service = "org.freedesktop.Notifications",
    default_path = "/org/freedesktop/Notifications"
)]
trait Notifications {
    #[expect(clippy::too_many_arguments, reason = "the specification has them")]
    fn notify(
        &self,
        app_name: &str,
        replaces_id: u32,
        app_icon: &str,
        summary: &str,
        body: &str,
        actions: &[&str],
        hints: HashMap<&str, Value<'_>>,
        expire_timeout: i32,
    ) -> zbus::Result<u32>;

    fn close_notification(&self, id: u32) -> zbus::Result<()>;

    #[zbus(signal)]
    fn action_invoked(&self, id: u32, action_key: &str) -> zbus::Result<()>;
}

/// Shows that somebody calls, and obeys the buttons.
pub(super) fn ring<R: Runtime>(app: &AppHandle<R>, call: u64, words: Words, japanese: bool) {
    let app = app.clone();
    let task = tauri::async_runtime::spawn(async move {
        if let Err(error) = offer(&app, call, words, japanese).await {
            tracing::info!(%error, "this session shows no notifications");
        }
    });
    let task = task.inner().abort_handle();
    let shown = Shown { task, id: None };
    ringing().insert(call, shown);
}

fn ringing() -> std::sync::MutexGuard<'static, BTreeMap<u64, Shown>> {
    RINGING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call rings no longer.
pub(crate) fn withdraw_call<R: Runtime>(_app: &AppHandle<R>, call: u64) {
    let Some(shown) = ringing().remove(&call) else {
        return;
    };
    shown.task.abort();
    if let Some(id) = shown.id {
        tauri::async_runtime::spawn(async move {
            let closed = async { proxy().await?.close_notification(id).await };
            drop(closed.await);
        });
    }
}

/// Shows something and goes on.
pub(super) fn tell(words: Words) {
    tauri::async_runtime::spawn(async move {
        let shown = async {
            let hints = HashMap::new();
            show(&proxy().await?, &words, &[], hints, AS_USUAL).await
        };
        if let Err(error) = shown.await {
            tracing::info!(%error, "this session shows no notifications");
        }
    });
}

async fn proxy() -> zbus::Result<NotificationsProxy<'static>> {
    NotificationsProxy::new(&Connection::session().await?).await
}

async fn show(
    to: &NotificationsProxy<'_>,
    (summary, body): &Words,
    actions: &[&str],
    hints: HashMap<&str, Value<'_>>,
    lasting: i32,
) -> zbus::Result<u32> {
    let body = super::plain(body);
    to.notify(
        "Legato", 0, "legato", summary, &body, actions, hints, lasting,
    )
    .await
}

async fn offer<R: Runtime>(
    app: &AppHandle<R>,
    call: u64,
    words: Words,
    japanese: bool,
) -> zbus::Result<()> {
    use futures_util::StreamExt as _;
    let proxy = proxy().await?;
    let mut pressed = proxy.receive_action_invoked().await?;
    let hints = HashMap::from([
        ("urgency", Value::U8(2)),
        ("category", Value::from("call.incoming")),
    ]);
    let [accept, decline, open] = if japanese {
        ["応答", "拒否", "開く"]
    } else {
        ["Accept", "Decline", "Open"]
    };
    let actions = [ACCEPT, accept, DECLINE, decline, "default", open];
    let id = show(&proxy, &words, &actions, hints, FOR_EVER).await?;
    if let Some(shown) = ringing().get_mut(&call) {
        shown.id = Some(id);
    }
    while let Some(signal) = pressed.next().await {
        let args = signal.args()?;
        if args.id == id {
            obey(app, call, args.action_key).await;
        }
    }
    Ok(())
}

async fn obey<R: Runtime>(app: &AppHandle<R>, call: u64, action: &str) {
    window::show(app);
    let telephone = app.try_state::<Host>().and_then(|h| h.desk().app().ok());
    let Some(telephone) = telephone else { return };
    // A call that is over by now is no fault.
    let _ = match action {
        ACCEPT => telephone.accept(call).await,
        DECLINE => telephone.decline(call).await,
        _ => Ok(()),
    };
}
