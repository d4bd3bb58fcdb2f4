//! Keeps for a running node what its profile must remember.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ntm_proto::{NoAuthority, Renewal};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::{AuthorityKey, RootKey};

use super::Profile;
use crate::config::{Finding, Keeper, RenewError, Renewing};
use crate::files::Lock;
use crate::operators;

/// Where new tickets come from: the account server, or a test's.
pub trait TicketSource: Send + Sync + 'static {
    /// Fetches a new ticket and certificate for the profile's device.
    fn fetch(
        &self,
        profile: Profile,
    ) -> Pin<Box<dyn Future<Output = Result<Renewal, RenewError>> + Send>>;
}

/// No operator is asked more often, however often somebody calls.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// What was last heard of the operator of a domain, and when.
type Answers = BTreeMap<Fqdn, (Instant, Result<AuthorityKey, NoAuthority>)>;

/// A profile and its source of tickets.
pub struct ProfileKeeper {
    profile: Arc<Mutex<Profile>>,
    tickets: Arc<dyn TicketSource>,
    answers: Arc<Mutex<Answers>>,
    /// As long as the node runs, no other process may run it.
    _lock: Option<Lock>,
}

impl ProfileKeeper {
    /// For a node started with this profile.
    pub fn new(profile: Profile, tickets: Arc<dyn TicketSource>) -> Self {
        Self {
            profile: Arc::new(Mutex::new(profile)),
            tickets,
            answers: Arc::default(),
            _lock: None,
        }
    }

    /// Holds the profile's lock until the node ends.
    #[must_use]
    pub fn holding(mut self, lock: Lock) -> Self {
        self._lock = Some(lock);
        self
    }
}

impl Keeper for ProfileKeeper {
    fn pinned(&self, account: &Fqdn, root: &RootKey) {
        let profile = self.profile.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = profile.set_pin(account, root) {
            tracing::warn!(%error, "a key was not remembered");
        }
    }

    fn renew(&self) -> Renewing {
        let shared = Arc::clone(&self.profile);
        let tickets = Arc::clone(&self.tickets);
        Box::pin(async move {
            let profile = shared
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            let renewal = tickets.fetch(profile).await?;
            let kept = shared
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .renew(&renewal);
            // A ticket that is not kept is good for this process all the same.
            if let Err(error) = kept {
                tracing::warn!(%error, "the new ticket was not kept");
            }
            Ok(renewal)
        })
    }

    fn authority(&self, domain: &Fqdn) -> Finding {
        let (answers, domain) = (Arc::clone(&self.answers), domain.clone());
        if let Some(answer) = recent(&answers, &domain) {
            return Box::pin(async { answer });
        }
        let profile = self.profile.lock();
        let profile = profile.unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move {
            let found = operators::find_key(&profile, &domain).await;
            let found = found.map_err(|e| e.about(&domain));
            let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.insert(domain, (Instant::now(), found.clone()));
            found
        })
    }
}

fn recent(answers: &Mutex<Answers>, domain: &Fqdn) -> Option<Result<AuthorityKey, NoAuthority>> {
    let answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    let (at, answer) = answers.get(domain)?;
    (at.elapsed() < ASK_AGAIN).then(|| answer.clone())
}
