//! Leg packets: what a node says to the server itself, under the leg key.

use ntm_wire::addr::RealAddr;
use ntm_wire::header::Datagram;
use ntm_wire::id::PathId;
use ntm_wire::message::{KeepAlive, LegBindConfirm, Message, ProbeReply};
use ntm_wire::seal::open_salted;
use ntm_wire::time::Now;
use subtle::ConstantTimeEq;

use crate::bind::{cookie, leg_datagram};
use crate::counters::DropReason;
use crate::leg::Leg;
use crate::log;
use crate::relay::Relay;

impl Relay {
    /// A Leg packet arrived.
    pub(crate) fn handle_leg(
        &mut self,
        now: Now,
        from: RealAddr,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        let d = Datagram::new_checked(datagram).map_err(|_| DropReason::Malformed)?;
        let path = d.path_id();
        let (name, messages) = match self.open_leg(now, from, &d) {
            Ok(opened) => opened,
            Err(reason) => {
                if matches!(reason, DropReason::UnknownPath | DropReason::WrongAddress) {
                    self.hint(now, from, path, datagram.len());
                }
                return Err(reason);
            }
        };
        let mut replies = Vec::new();
        for message in messages {
            replies.extend(self.handle_leg_message(now, from, name, message)?);
        }
        self.answer_leg(now, from, name, &replies);
        Ok(())
    }

    /// The leg's name, and what it says.
    fn open_leg(
        &mut self,
        now: Now,
        from: RealAddr,
        d: &Datagram<&[u8]>,
    ) -> Result<(PathId, Vec<Message>), DropReason> {
        let leg = self.legs.by_id_mut(d.path_id());
        let leg = leg.ok_or(DropReason::UnknownPath)?;
        if !leg.addresses.accept(now.mono, from) {
            return Err(DropReason::WrongAddress);
        }
        // The seal does not cover the field, so its one value is asked for here.
        if d.counter() != 0 {
            return Err(DropReason::BadLeg);
        }
        let content = open_salted(&leg.key, "ntm leg from node", &d.aad(), d.body())
            .map_err(|_| DropReason::BadLeg)?;
        let messages = log::opened(&content).map_err(|_| DropReason::BadLeg)?;
        leg.last_heard = now.mono;
        Ok((leg.token_ids.from_node, messages))
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "no other message is for a relay"
    )]
    fn handle_leg_message(
        &mut self,
        now: Now,
        from: RealAddr,
        name: PathId,
        message: Message,
    ) -> Result<Option<Message>, DropReason> {
        match message {
            Message::LegBindConfirm(confirm) => {
                self.confirm(now, from, name, &confirm).map(|()| None)
            }
            Message::Probe(probe) => {
                let reply = ProbeReply {
                    id: probe.id,
                    observed: from,
                    attachment: 0,
                };
                Ok(Some(reply.into()))
            }
            Message::KeepAlive(KeepAlive {
                tx,
                is_reply: false,
            }) => Ok(Some(KeepAlive { tx, is_reply: true }.into())),
            _ => Err(DropReason::BadLeg),
        }
    }

    fn confirm(
        &mut self,
        now: Now,
        from: RealAddr,
        name: PathId,
        confirm: &LegBindConfirm,
    ) -> Result<(), DropReason> {
        let leg = self.legs.by_name_mut(name).ok_or(DropReason::UnknownPath)?;
        let due = cookie(&self.cookie_key, name, leg.counter, from);
        let is_right = bool::from(due.ct_eq(&confirm.cookie));
        if !is_right || confirm.counter != leg.counter {
            return Err(DropReason::BadCookie);
        }
        let proves = |leg: &mut Leg| leg.addresses.prove(now.mono, from);
        if self.legs.change(name, proves) == Some(true) {
            self.fx.counters.confirmed += 1;
        } else {
            self.fx.counters.repeats += 1;
        }
        Ok(())
    }

    fn answer_leg(&mut self, now: Now, to: RealAddr, name: PathId, replies: &[Message]) {
        let Some(leg) = self.legs.by_name_mut(name) else {
            return;
        };
        let remind = leg.addresses.remind(now.mono, to);
        if !replies.is_empty() {
            let selector = leg.selector_at(to);
            let answer = leg_datagram(&leg.key, selector, self.fx.salt(), replies);
            if leg.addresses.may_answer(to, answer.len()) {
                self.fx.send(to, answer);
            }
        }
        if remind {
            self.answer_bound(now, to, name);
        }
    }
}
