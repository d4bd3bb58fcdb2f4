//! The AS without its doors: loads what a decision needs, has it made, writes it, says what to answer.

mod people;
mod servers;
mod updates;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ntm_account::limits::{Limits, Rates};
use ntm_account::{Change, Decided, Refusal, Registrar};
use ntm_account_api::error::ErrorCode;
use ntm_account_api::invitation::ServerRef;
use ntm_account_api::opaque::Setup;
use ntm_wire::fqdn::Fqdn;
use ntm_wire::key::AuthorityKey;
use ntm_wire::time::Wall;
use tokio::sync::watch;

use super::problem::refusal;
use super::store::{Conflict, Store, StoreError};
use crate::clock::Clock;

pub(super) struct Service {
    store: Arc<dyn Store>,
    registrar: Mutex<Registrar>,
    limits: Mutex<Limits>,
    opaque: Setup,
    server: ServerRef,
    clock: Clock,
    /// Counts the changes that coordinators wait for.
    news: watch::Sender<u64>,
}

impl Service {
    pub(super) fn new(
        store: Arc<dyn Store>,
        registrar: Registrar,
        opaque: Setup,
        rates: Rates,
        server: ServerRef,
    ) -> Self {
        Self {
            store,
            registrar: Mutex::new(registrar),
            limits: Mutex::new(Limits::new(rates)),
            opaque,
            server,
            clock: Clock::start(),
            news: watch::Sender::new(0),
        }
    }

    pub(super) fn authority(&self) -> AuthorityKey {
        self.decide(|r| r.authority())
    }

    /// Whether the store answers.
    pub(super) async fn is_ready(&self) -> bool {
        self.store.kept("authority").await.is_ok()
    }

    /// Asks the registrar, which never waits.
    fn decide<A>(&self, ask: impl FnOnce(&mut Registrar) -> A) -> A {
        // A panic while deciding leaves nothing half done: the registrar holds keys and random numbers.
        ask(&mut self
            .registrar
            .lock()
            .unwrap_or_else(PoisonError::into_inner))
    }

    async fn carry_out<A>(&self, decided: Decided<A>) -> Result<A, Refusal> {
        self.write(decided).await.map_err(refusal)
    }

    async fn write<A>(&self, decided: Decided<A>) -> Result<A, StoreError> {
        if !decided.changes.is_empty() {
            self.store.apply(&decided.changes).await?;
        }
        if decided
            .changes
            .iter()
            .any(|c| matches!(c, Change::Tell(..)))
        {
            self.news.send_modify(|n| *n = n.wrapping_add(1));
        }
        Ok(decided.answer)
    }

    fn attempt(&self, source: IpAddr, account: Option<&Fqdn>) -> Result<(), Refusal> {
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        limits.attempt(self.clock.now().mono, source, account)
    }

    fn attempt_succeeded(&self, account: &Fqdn) {
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        limits.succeeded(account);
    }

    fn now(&self) -> Wall {
        self.clock.now().wall
    }
}

/// Somebody else took the number: decide again, so many times.
const TRIES: usize = 8;

fn is_number_taken(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict(Conflict::NumberTaken))
}

fn seed() -> Result<[u8; 32], Refusal> {
    let mut seed = [0; 32];
    match getrandom::fill(&mut seed) {
        Ok(()) => Ok(seed),
        Err(error) => {
            tracing::error!(%error, "no random numbers");
            Err(ErrorCode::Internal.into())
        }
    }
}
