//! Tells nodes that sleep: one [`PushService`] per scheme of token.
//!
//! A push carries only an opaque id, and may get lost: the node is offline then, and whoever calls it is
//! told so by the coordinator.

pub(crate) mod listener;
mod wake_service;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ntm_wire::push::{PushScheme, PushToken};
use tokio::sync::Semaphore;

pub(crate) use wake_service::{Roll, WakeService};

/// Pushes under way at once; more wait.
const PUSHES: usize = 64;
/// As long as the coordinator waits for a node to wake: later is too late.
const PUSH_TIME: Duration = Duration::from_secs(10);

/// Something that reaches nodes which sleep.
#[async_trait]
pub(crate) trait PushService: Send + Sync {
    /// The tokens it understands.
    fn scheme(&self) -> PushScheme;
    /// Tells the node of this token the id.
    async fn push(&self, token: &PushToken, id: u64) -> Result<(), PushError>;
}

/// Why a node was not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PushError {
    /// No service takes such a token.
    #[error("no push service for this kind of token is configured")]
    NoService,
    /// The token is not what its scheme says.
    #[error("the token is not one of its push service")]
    BadToken,
    /// The node does not wait.
    #[error("nobody waits with this token")]
    NobodyWaits,
    /// The service is too slow.
    #[error("the push service does not answer")]
    TooSlow,
}

/// All push services of a DC.
#[derive(Clone)]
pub(crate) struct Notifier {
    services: Arc<[Arc<dyn PushService>]>,
    turns: Arc<Semaphore>,
    patience: Duration,
}

impl Notifier {
    pub(crate) fn new(services: Vec<Arc<dyn PushService>>) -> Self {
        Self {
            services: services.into(),
            turns: Arc::new(Semaphore::new(PUSHES)),
            patience: PUSH_TIME,
        }
    }

    /// Tells the node of this token; a failure is only logged.
    pub(crate) async fn wake(self, token: PushToken, id: u64) {
        let _turn = self.turns.acquire().await;
        match self.push(&token, id).await {
            Ok(()) => tracing::debug!(id, "a sleeping node was told"),
            Err(error) => tracing::debug!(id, %error, "a sleeping node was not told"),
        }
    }

    async fn push(&self, token: &PushToken, id: u64) -> Result<(), PushError> {
        let scheme = token.scheme().ok_or(PushError::NoService)?;
        let service = self.services.iter().find(|s| s.scheme() == scheme);
        let pushing = service.ok_or(PushError::NoService)?.push(token, id);
        let pushed = tokio::time::timeout(self.patience, pushing).await;
        pushed.unwrap_or(Err(PushError::TooSlow))
    }
}

#[cfg(test)]
mod tests {
    use ntm_wire::key::SecretKey;

    use super::*;

    struct Dead;

    #[async_trait]
    impl PushService for Dead {
        fn scheme(&self) -> PushScheme {
            PushScheme::WakeService
        }
        async fn push(&self, _: &PushToken, _: u64) -> Result<(), PushError> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_token_of_a_scheme_without_a_service_is_nobodys() {
        let notifier = Notifier::new(vec![Arc::new(Dead)]);
        let unknown = PushToken::new(vec![200, 1, 2, 3]);
        assert_eq!(notifier.push(&unknown, 1).await, Err(PushError::NoService));
        let ours = PushToken::wake_service(&SecretKey::new([1; 32]));
        let none = Notifier::new(Vec::new());
        assert_eq!(none.push(&ours, 1).await, Err(PushError::NoService));
    }

    #[tokio::test]
    async fn a_service_that_hangs_is_given_up() {
        let mut notifier = Notifier::new(vec![Arc::new(Dead)]);
        notifier.patience = Duration::from_millis(10);
        let token = PushToken::wake_service(&SecretKey::new([1; 32]));
        assert_eq!(notifier.push(&token, 1).await, Err(PushError::TooSlow));
    }
}
