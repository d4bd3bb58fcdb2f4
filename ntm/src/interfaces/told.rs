//! What an application says of the networks, where the system tells nobody else: Android has no events for native code.

use std::sync::LazyLock;

use tokio::sync::watch;

/// The interface that the system prefers. Networks are the machine's, so there is one for all nodes of a process.
static TOLD: LazyLock<watch::Sender<Option<String>>> = LazyLock::new(|| watch::Sender::new(None));

/// Says that the networks may have changed, and by which interface the system sends (`wlan0`), where that is known:
/// every node of this process reads its addresses again. Android tells only applications, in Java; on other systems
/// nodes hear it themselves.
pub fn networks_changed(preferred: Option<String>) {
    TOLD.send_replace(preferred);
}

/// Hears what is told.
#[derive(Debug)]
pub(super) struct Told(watch::Receiver<Option<String>>);

impl Told {
    pub(super) fn new() -> Self {
        Self(TOLD.subscribe())
    }

    pub(super) async fn changed(&mut self) {
        // The other end is there for the life of the process.
        drop(self.0.changed().await);
    }

    pub(super) fn preferred(&self) -> Option<String> {
        self.0.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_one_who_listens_hears_it_even_when_nothing_is_preferred() {
        let mut all = [Told::new(), Told::new()];
        for preferred in [Some("wlan0".to_owned()), None, None] {
            networks_changed(preferred.clone());
            for told in &mut all {
                told.changed().await;
                assert_eq!(told.preferred(), preferred);
            }
        }
    }
}
