//! Presence: who of the people one knows is there. It is told among those who both want it, and to nobody else.
//!
//! A question tells as well: an OPTIONS outside of any call says `X-Presence: open`, and whoever shares presence
//! with its sender answers with the same field. Everybody else gets the answer that any OPTIONS gets. Nothing is
//! said again: that a device is gone is known by its `closed`, or by its tunnel.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ntm::wire::fqdn::Fqdn;
use ntm::wire::time::Mono;
use serde::Serialize;

use super::agent::{Agent, Ask, Want};
use super::transaction::{LINGER, Purpose};
use super::{Device, EndReason, Event};
use crate::sip::{Basic, Head, Outgoing};

/// One question in so long: a coordinator has others to serve, and a person with a thousand contacts is not in a hurry.
const PACE: Duration = Duration::from_millis(200);
/// Devices of one person that are remembered; nobody has more.
const DEVICES: usize = 16;

/// What is known of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// A device of theirs says that it is there.
    Open,
    /// Their last device said that it goes.
    Closed,
    /// A device of theirs is there, and says nothing of presence: it does not share it.
    Untold,
    /// The overlay knows of no device that is there.
    Absent,
    /// Nothing could be learnt, or a device fell silent.
    Unknown,
}

/// Somebody whose presence is asked for, as [`Want::Presence`] names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(u64);

/// With whom presence is shared.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    people: BTreeMap<Fqdn, Person>,
    /// One for all that is told about presence; the number orders it.
    call_id: String,
    number: u32,
    next: u64,
    to_ask: VecDeque<Fqdn>,
    ask_at: Option<Mono>,
}

#[derive(Debug)]
struct Person {
    id: PersonId,
    shown: Presence,
    devices: BTreeMap<Fqdn, Seen>,
    /// Devices that were asked and have not answered.
    waiting: usize,
}

/// What a device said last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    device: Device,
    is_open: bool,
    /// Its tunnel fell silent: to be asked when a way is there again.
    is_lost: bool,
    /// What was told by that number of this Call-ID; older news are no news.
    last: (String, u32),
}

impl Agent {
    /// From now on presence is shared with these people (accounts), and no longer with others: new ones are
    /// asked, former ones are told that this device is gone. Nobody: not shared at all.
    pub fn share_presence(&mut self, now: Mono, with: &BTreeSet<Fqdn>) {
        let former: Vec<Fqdn> = self.sharing.people.keys().cloned().collect();
        for account in former.iter().filter(|a| !with.contains(a)) {
            self.part_from(now, account);
        }
        for account in with.iter().filter(|a| !former.contains(a)) {
            self.sharing.next += 1;
            let person = Person::new(PersonId(self.sharing.next));
            self.sharing.people.insert(account.clone(), person);
            self.sharing.ask(now, account);
        }
    }

    /// This device was away (asleep, without a network): whoever is not known to be there is asked again.
    pub fn refresh_presence(&mut self, now: Mono) {
        let stale = self.sharing.people.iter();
        let stale: Vec<Fqdn> = stale
            .filter(|(_, p)| p.shown != Presence::Open && p.waiting == 0)
            .map(|(account, _)| account.clone())
            .collect();
        stale.iter().for_each(|a| self.sharing.ask(now, a));
    }

    /// A tunnel ended; `has_left`: the other device closed it, and did not merely fall silent.
    pub fn handle_gone(&mut self, name: &Fqdn, has_left: bool) {
        let account = name.parent();
        let person = account.and_then(|a| Some((self.sharing.people.get_mut(&a)?, a)));
        let Some((person, account)) = person else {
            return;
        };
        let Some(seen) = person.devices.get_mut(name).filter(|s| s.is_open) else {
            return;
        };
        seen.is_open = false;
        seen.is_lost = !has_left;
        let otherwise = if has_left {
            Presence::Closed
        } else {
            Presence::Unknown
        };
        self.show_presence(&account, otherwise);
    }

    /// Tells everybody who was told that this device is there that it goes.
    pub(super) fn leave_presence(&mut self, now: Mono) {
        self.share_presence(now, &BTreeSet::new());
    }

    /// A way to a device is there again: one that had fallen silent is asked.
    pub(super) fn presence_restored(&mut self, now: Mono, device: &Device) {
        let person = self.sharing.people.get_mut(&device.account());
        let seen = person.and_then(|p| p.devices.get_mut(&device.name));
        if seen.is_some_and(|s| std::mem::take(&mut s.is_lost)) {
            self.tell_presence(now, device, Basic::Open);
        }
    }

    pub(super) fn presence_timeout(&mut self, now: Mono) {
        if self.sharing.ask_at.is_none_or(|at| at > now) {
            return;
        }
        if let Some(name) = self.sharing.to_ask.pop_front()
            && let Some(person) = self.sharing.people.get(&name)
        {
            let want = Want::Presence(person.id);
            self.effects.asks.push_back(Ask { want, name });
        }
        let has_more = !self.sharing.to_ask.is_empty();
        self.sharing.ask_at = has_more.then_some(now + PACE);
    }

    pub(super) fn presence_found(
        &mut self,
        now: Mono,
        id: PersonId,
        found: Result<Vec<Device>, EndReason>,
    ) {
        let mut people = self.sharing.people.iter_mut();
        let Some((account, person)) = people.find(|(_, p)| p.id == id) else {
            return;
        };
        let account = account.clone();
        match found {
            Ok(devices) => {
                person.waiting = devices.len().min(DEVICES);
                let all = devices.iter().take(DEVICES);
                all.for_each(|d| self.tell_presence(now, d, Basic::Open));
            }
            Err(EndReason::Offline) => self.show_presence(&account, Presence::Absent),
            Err(_) => self.show_presence(&account, Presence::Unknown),
        }
    }

    /// A device answered what it was told.
    pub(super) fn presence_answered(&mut self, id: PersonId, device: &Device, said: Said) {
        let Some(person) = self.sharing.of(id) else {
            return;
        };
        person.waiting = person.waiting.saturating_sub(1);
        let otherwise = match said {
            Some(basic) => {
                let last = person.devices.get(&device.name).map(|s| s.last.clone());
                person.note(device, basic, last.unwrap_or_default());
                Presence::Closed
            }
            None => {
                person.devices.remove(&device.name);
                Presence::Untold
            }
        };
        self.show_presence(&device.account(), otherwise);
    }

    /// No device answered for so long that none will.
    pub(super) fn presence_given_up(&mut self, id: PersonId) {
        let mut people = self.sharing.people.iter_mut();
        let Some((account, person)) = people.find(|(_, p)| p.id == id) else {
            return;
        };
        person.waiting = person.waiting.saturating_sub(1);
        let account = account.clone();
        self.show_presence(&account, Presence::Unknown);
    }

    /// What an OPTIONS outside of any call is told of presence: nothing, unless it is shared with whoever asks.
    pub(super) fn presence_told(&mut self, device: &Device, head: &Head, said: Said) -> Said {
        let basic = said?;
        let account = device.account();
        let is_full = self.is_full();
        let person = self.sharing.people.get_mut(&account)?;
        if !is_full && person.note(device, basic, (head.call_id.clone(), head.cseq)) {
            self.show_presence(&account, Presence::Closed);
        }
        Some(Basic::Open)
    }

    fn part_from(&mut self, now: Mono, account: &Fqdn) {
        let Some(person) = self.sharing.people.remove(account) else {
            return;
        };
        self.clients.forget(Purpose::Presence(person.id));
        let open = person.devices.into_values().filter(|s| s.is_open);
        for seen in open.collect::<Vec<_>>() {
            self.tell_presence(now, &seen.device, Basic::Closed);
        }
    }

    fn tell_presence(&mut self, now: Mono, device: &Device, basic: Basic) {
        if self.sharing.call_id.is_empty() {
            self.sharing.call_id = self.random.tag();
        }
        self.sharing.number += 1;
        let (call_id, cseq) = (self.sharing.call_id.clone(), self.sharing.number);
        let (tag, to) = (self.random.tag(), self.sip_of(device));
        let options = Outgoing {
            presence: Some(basic),
            cseq,
            ..self.outgoing(&device.account(), &call_id, &tag, to)
        };
        let person = self.sharing.people.get(&device.account()).map(|p| p.id);
        let purpose = person.map_or(Purpose::Farewell, Purpose::Presence);
        self.begin(now, options, to, purpose, Some(LINGER));
    }

    /// Tells of a change: somebody with an open device is there, whatever became of another.
    fn show_presence(&mut self, account: &Fqdn, otherwise: Presence) {
        let Some(person) = self.sharing.people.get_mut(account) else {
            return;
        };
        let is_open = person.devices.values().any(|s| s.is_open);
        let presence = if is_open { Presence::Open } else { otherwise };
        if std::mem::replace(&mut person.shown, presence) != presence {
            let person = account.clone();
            self.effects
                .events
                .push_back(Event::Presence { person, presence });
        }
    }
}

/// What a message says of presence.
pub(super) type Said = Option<Basic>;

impl Sharing {
    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        self.ask_at
    }

    fn ask(&mut self, now: Mono, account: &Fqdn) {
        if !self.to_ask.contains(account) {
            self.to_ask.push_back(account.clone());
        }
        self.ask_at.get_or_insert(now);
    }

    fn of(&mut self, id: PersonId) -> Option<&mut Person> {
        self.people.values_mut().find(|p| p.id == id)
    }
}

impl Person {
    fn new(id: PersonId) -> Self {
        Self {
            id,
            shown: Presence::Unknown,
            devices: BTreeMap::new(),
            waiting: 0,
        }
    }

    /// Notes what a device said; false for what is older than what is known.
    fn note(&mut self, device: &Device, basic: Basic, number: (String, u32)) -> bool {
        let known = self.devices.get(&device.name);
        let is_old = known.is_some_and(|s| s.last.0 == number.0 && s.last.1 > number.1);
        if is_old || (known.is_none() && self.devices.len() >= DEVICES) {
            return false;
        }
        let seen = Seen {
            device: device.clone(),
            is_open: basic == Basic::Open,
            is_lost: false,
            last: number,
        };
        self.devices.insert(device.name.clone(), seen);
        true
    }
}
