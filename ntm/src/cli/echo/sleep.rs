//! When a device that answers goes to sleep, and what wakes it.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::super::{Context, signals};
use crate::node::Node;
use crate::sleep::{Asleep, Woken};

/// How often is looked for tunnels.
const LOOK: Duration = Duration::from_millis(500);

/// Waits until there was no tunnel for `idle` seconds, and takes a place at the wake service; without
/// `idle`, or without a wake service, never ends.
pub(super) async fn when_idle(context: &Context, node: &Node, idle: Option<u64>) -> Asleep {
    let Some(idle) = idle.map(Duration::from_secs) else {
        return std::future::pending().await;
    };
    let mut told = None;
    loop {
        until_idle(node, idle).await;
        match node.lie_down().await {
            // Somebody may have called meanwhile.
            Ok(asleep) if node.tunnels().await.is_empty() => return asleep,
            Ok(_) => {}
            Err(error) if told == Some(error) => {}
            Err(error) => {
                told = Some(error);
                context.out.line(format!("stays awake: {error}"));
                context
                    .out
                    .json(&json!({ "asleep": false, "why": error.to_string() }));
            }
        }
    }
}

async fn until_idle(node: &Node, idle: Duration) {
    let mut since = Instant::now();
    while since.elapsed() < idle {
        sleep(LOOK.min(idle)).await;
        if !node.tunnels().await.is_empty() {
            since = Instant::now();
        }
    }
}

/// `false` when the person stops it first.
pub(super) async fn until_woken(context: &Context, asleep: Asleep) -> bool {
    context.out.line("sleeps: whoever calls wakes it");
    context.out.json(&json!({ "asleep": true }));
    let woken = tokio::select! {
        woken = asleep.woken() => woken,
        () = signals::stop() => return false,
    };
    let (words, why) = match woken {
        Woken::Called => ("woken: somebody calls", "called"),
        Woken::Forgotten => (
            "woken: the coordinator started anew and must be told",
            "forgotten",
        ),
    };
    context.out.line(words);
    context.out.json(&json!({ "asleep": false, "why": why }));
    true
}
