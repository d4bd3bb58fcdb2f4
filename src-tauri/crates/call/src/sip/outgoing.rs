//! What goes out: requests of this device and answers to others', as few bytes as the grammar allows.

use core::fmt::Write as _;
use core::net::SocketAddr;

use super::{ALLOW, Basic, Head, Method, PRESENCE};

/// A request of this device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// What is asked for.
    pub method: Method,
    /// Whom: the request line's address.
    pub uri: String,
    /// This device's address.
    pub own: SocketAddr,
    /// One for each transaction.
    pub branch: String,
    /// The whole field, with the tag.
    pub from: String,
    /// The whole field, with the tag once there is one.
    pub to: String,
    /// One for each call.
    pub call_id: String,
    /// One for each request of a side.
    pub cseq: u32,
    /// Why, as a `Reason` field (RFC 3326).
    pub reason: Option<&'static str>,
    /// Whether this device is there, for those with whom that is shared.
    pub presence: Option<Basic>,
    /// What it carries, and its kind.
    pub body: Option<(&'static str, Vec<u8>)>,
}

/// Methods are named to the other side while there is room below this.
const ROOM: usize = 990;

impl Outgoing {
    /// The CANCEL of this INVITE: the same transaction's (RFC 3261, 9.1).
    pub fn cancel(&self, reason: Option<&'static str>) -> Self {
        Self {
            method: Method::Cancel,
            reason,
            body: None,
            ..self.clone()
        }
    }

    /// The ACK of an answer that is no success: the same transaction's, to whom it was answered by.
    pub fn ack(&self, to: &str) -> Self {
        Self {
            method: Method::Ack,
            to: to.to_owned(),
            reason: None,
            body: None,
            ..self.clone()
        }
    }

    /// Whether it is as short as it should be.
    pub fn fits(&self) -> bool {
        self.to_bytes().len() <= ROOM
    }

    /// The datagram.
    pub fn to_bytes(&self) -> Vec<u8> {
        let full = self.write(true);
        if full.len() <= ROOM {
            return full;
        }
        self.write(false)
    }

    fn write(&self, with_allow: bool) -> Vec<u8> {
        let mut text = String::with_capacity(1024);
        line(
            &mut text,
            format_args!("{} {} SIP/2.0", self.method, self.uri),
        );
        line(
            &mut text,
            format_args!("v: SIP/2.0/UDP {};branch={}", self.own, self.branch),
        );
        line(&mut text, format_args!("Max-Forwards: 70"));
        line(&mut text, format_args!("f: {}", self.from));
        line(&mut text, format_args!("t: {}", self.to));
        line(&mut text, format_args!("i: {}", self.call_id));
        line(
            &mut text,
            format_args!("CSeq: {} {}", self.cseq, self.method),
        );
        if matches!(self.method, Method::Invite | Method::Update) {
            line(&mut text, format_args!("m: {}", contact(self.own)));
        }
        if with_allow && self.method == Method::Invite {
            line(&mut text, format_args!("Allow: {ALLOW}"));
        }
        if let Some(reason) = self.reason {
            line(&mut text, format_args!("Reason: {reason}"));
        }
        if let Some(basic) = self.presence {
            line(&mut text, format_args!("{PRESENCE}: {}", basic.as_str()));
        }
        let body = self
            .body
            .as_ref()
            .map(|(kind, body)| (*kind, body.as_slice()));
        finish(text, body)
    }
}

/// `<sip:[fd00::1]:5060>`: virtual addresses never change, so neither does this.
fn contact(own: SocketAddr) -> String {
    format!("<sip:{own}>")
}

/// The answer to a request. `tag` is this side's, for every answer but 100.
pub fn respond(
    head: &Head,
    (code, why): (u16, &str),
    tag: Option<&str>,
    own: SocketAddr,
    extra: &[(&str, &str)],
    body: Option<(&str, &[u8])>,
) -> Vec<u8> {
    let mut text = String::with_capacity(1024);
    line(&mut text, format_args!("SIP/2.0 {code} {why}"));
    for via in &head.vias {
        line(&mut text, format_args!("v: {via}"));
    }
    line(&mut text, format_args!("f: {}", head.from.field));
    match tag.filter(|_| head.to.tag.is_none()) {
        Some(tag) => line(&mut text, format_args!("t: {};tag={tag}", head.to.field)),
        None => line(&mut text, format_args!("t: {}", head.to.field)),
    }
    line(&mut text, format_args!("i: {}", head.call_id));
    line(
        &mut text,
        format_args!("CSeq: {} {}", head.cseq, head.cseq_method),
    );
    let makes_dialog = matches!(head.cseq_method, Method::Invite | Method::Update);
    if makes_dialog && (101..300).contains(&code) {
        line(&mut text, format_args!("m: {}", contact(own)));
    }
    for (name, value) in extra {
        line(&mut text, format_args!("{name}: {value}"));
    }
    finish(text, body)
}

fn line(text: &mut String, content: core::fmt::Arguments<'_>) {
    // Writing to a `String` does not fail.
    let _ = text.write_fmt(content);
    text.push_str("\r\n");
}

fn finish(mut text: String, body: Option<(&str, &[u8])>) -> Vec<u8> {
    let (kind, body) = body.map_or((None, [].as_slice()), |(kind, body)| (Some(kind), body));
    if let Some(kind) = kind {
        line(&mut text, format_args!("c: {kind}"));
    }
    line(&mut text, format_args!("l: {}", body.len()));
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
