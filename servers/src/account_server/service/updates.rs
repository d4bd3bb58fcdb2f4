//! What a DC is told of names and revocations: all of it at first, then what changed.

use std::collections::BTreeSet;
use std::time::Duration;

use ntm_account::record::{Dc, Fleet};
use ntm_account::{Note, Refusal};
use ntm_account_api::server::DcUpdate;
use ntm_account_api::text::{Text, Wire};
use ntm_wire::fqdn::Fqdn;
use ntm_wire::id::{DcId, NodeId};
use ntm_wire::key::SecretKey;
use ntm_wire::ticket::TICKET_LIFETIME;
use ntm_wire::time::Wall;

use super::Service;
use crate::account_server::problem::refusal;
use crate::account_server::store::Told;

/// The longest wait for news; proxies and NATs forget a silent connection after 30 s and more.
const MAX_WAIT: Duration = Duration::from_secs(25);
/// Another process may have written, which nothing here tells of: look this often.
const LOOK: Duration = Duration::from_secs(5);

impl Service {
    /// What changed for the DC after note `since`; 0 asks for everything. Waits for news up to `wait`.
    pub(in crate::account_server) async fn dc_update(
        &self,
        secret: &SecretKey,
        since: u64,
        wait: Duration,
    ) -> Result<DcUpdate, Refusal> {
        let (_, dc) = self.dc(secret).await?;
        if since > 0 {
            self.wait_for_news(dc.id, since, wait.min(MAX_WAIT)).await?;
        }
        // Loaded again: the news may be of the fleet.
        let (fleet, dc) = self.dc(secret).await?;
        let last = self.store.last_note(dc.id).await.map_err(refusal)?;
        let notes = match since {
            // A number from before a restored backup means nothing.
            1.. if since <= last => self.store.notes(dc.id, since).await.map_err(refusal)?,
            _ => None,
        };
        match notes {
            Some(notes) => self.news(&fleet, &dc, since, notes),
            None => self.everything(&fleet, &dc, last).await,
        }
    }

    async fn wait_for_news(&self, dc: DcId, since: u64, wait: Duration) -> Result<(), Refusal> {
        let mut news = self.news.subscribe();
        let end = tokio::time::Instant::now() + wait;
        loop {
            news.mark_unchanged();
            if self.store.last_note(dc).await.map_err(refusal)? != since {
                return Ok(());
            }
            let now = tokio::time::Instant::now();
            if now >= end {
                return Ok(());
            }
            // An elapsed time-out is as good a reason to look as news are.
            let look = end.min(now + LOOK);
            drop(tokio::time::timeout_at(look, news.changed()).await);
        }
    }

    fn news(
        &self,
        fleet: &Fleet,
        dc: &Dc,
        since: u64,
        notes: Vec<Told>,
    ) -> Result<DcUpdate, Refusal> {
        let seq = notes.last().map_or(since, |n| n.seq);
        let folded = Folded::from_notes(notes);
        Ok(DcUpdate {
            seq,
            whole: false,
            names: folded.names.into_iter().map(Text).collect(),
            gone: folded.gone.into_iter().map(Text).collect(),
            revoked: folded.revoked.into_iter().map(Wire).collect(),
            setup: self.decide(|r| r.dc_setup(fleet, dc.id))?,
        })
    }

    async fn everything(&self, fleet: &Fleet, dc: &Dc, seq: u64) -> Result<DcUpdate, Refusal> {
        let names = self.store.names(dc.id).await.map_err(refusal)?;
        // Older tickets have ended by themselves.
        let oldest = self.now().since(Wall::from_secs(TICKET_LIFETIME.as_secs()));
        let oldest = Wall::default() + oldest;
        let revoked = self.store.revoked(dc.id, oldest).await.map_err(refusal)?;
        Ok(DcUpdate {
            seq,
            whole: true,
            names: names.into_iter().map(Text).collect(),
            gone: Vec::new(),
            revoked: revoked.into_iter().map(Wire).collect(),
            setup: self.decide(|r| r.dc_setup(fleet, dc.id))?,
        })
    }
}

/// Notes in order, of which the last about a name counts.
#[derive(Default)]
struct Folded {
    names: BTreeSet<Fqdn>,
    gone: BTreeSet<Fqdn>,
    revoked: BTreeSet<NodeId>,
}

impl Folded {
    fn from_notes(notes: Vec<Told>) -> Self {
        let mut folded = Self::default();
        notes.into_iter().for_each(|told| folded.take(told.note));
        folded
    }

    fn take(&mut self, note: Note) {
        match note {
            Note::NameAdded(name) => {
                self.gone.remove(&name);
                self.names.insert(name);
            }
            Note::NameGone(name) => {
                self.names.remove(&name);
                self.gone.insert(name);
            }
            Note::Revoked(node) => {
                self.revoked.insert(node);
            }
            Note::SetupChanged => {}
        }
    }
}
