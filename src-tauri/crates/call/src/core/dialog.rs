//! [`Dialog`]: two devices that talk, as SIP knows them (RFC 3261, 12).

use core::net::SocketAddr;

use super::device::Device;
use crate::sip::{Head, Method, Outgoing, Response};

/// An established pair of devices.
#[derive(Clone, Debug)]
pub(super) struct Dialog {
    pub(super) call_id: String,
    pub(super) own_tag: String,
    pub(super) their_tag: String,
    /// Where requests go.
    pub(super) peer: SocketAddr,
    pub(super) own: SocketAddr,
    own_field: String,
    their_field: String,
    /// The request line of what is sent.
    uri: String,
    cseq: u32,
    /// The last number of the other side.
    pub(super) their_cseq: u32,
}

impl Dialog {
    /// The caller's, from the 200 to its INVITE.
    pub(super) fn of_caller(
        invite: &Outgoing,
        from: SocketAddr,
        device: &Device,
        answer: &Response,
    ) -> Option<Self> {
        let head = &answer.head;
        Some(Self {
            call_id: invite.call_id.clone(),
            own_tag: head.from.tag.clone()?,
            their_tag: head.to.tag.clone()?,
            peer: target(answer.contact.as_deref(), from, device),
            own: invite.own,
            own_field: head.from.field.clone(),
            their_field: head.to.field.clone(),
            uri: uri_of(answer.contact.as_deref(), from),
            cseq: invite.cseq,
            their_cseq: 0,
        })
    }

    /// The callee's, from the INVITE and its own tag.
    pub(super) fn of_callee(
        head: &Head,
        contact: Option<&str>,
        tag: &str,
        (own, from): (SocketAddr, SocketAddr),
        device: &Device,
    ) -> Option<Self> {
        Some(Self {
            call_id: head.call_id.clone(),
            own_tag: tag.to_owned(),
            their_tag: head.from.tag.clone()?,
            peer: target(contact, from, device),
            own,
            own_field: format!("{};tag={tag}", head.to.field),
            their_field: head.from.field.clone(),
            uri: uri_of(contact, from),
            cseq: 0,
            their_cseq: head.cseq,
        })
    }

    /// Whether a request of the other side belongs to it, whoever sent it.
    pub(super) fn is_of(&self, head: &Head) -> bool {
        let tags = (head.to.tag.as_deref(), head.from.tag.as_deref());
        head.call_id == self.call_id && tags == (Some(&self.own_tag), Some(&self.their_tag))
    }

    /// The next request of this side.
    pub(super) fn request(&mut self, method: Method, branch: String) -> Outgoing {
        self.cseq += 1;
        self.outgoing(method, branch, self.cseq)
    }

    /// The ACK of the 200 with number `cseq`: a transaction of its own (RFC 3261, 13.2.2.4).
    pub(super) fn ack(&self, branch: String, cseq: u32) -> Outgoing {
        self.outgoing(Method::Ack, branch, cseq)
    }

    fn outgoing(&self, method: Method, branch: String, cseq: u32) -> Outgoing {
        Outgoing {
            method,
            uri: self.uri.clone(),
            own: self.own,
            branch,
            from: self.own_field.clone(),
            to: self.their_field.clone(),
            call_id: self.call_id.clone(),
            cseq,
            reason: None,
            presence: None,
            body: None,
        }
    }
}

/// Where to send: the contact's port, but only at an address of the device itself. A contact elsewhere
/// would aim this device at somebody else.
fn target(contact: Option<&str>, from: SocketAddr, device: &Device) -> SocketAddr {
    let contact = contact.and_then(crate::sip::socket_address);
    contact.filter(|c| device.owns(c.ip())).unwrap_or(from)
}

fn uri_of(contact: Option<&str>, from: SocketAddr) -> String {
    contact.map_or_else(|| format!("sip:{from}"), str::to_owned)
}
