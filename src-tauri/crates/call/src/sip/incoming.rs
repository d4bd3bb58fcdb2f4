//! What comes in: a datagram becomes a [`Message`] that has every field it must have, or a reason why not.

use core::net::SocketAddr;

use super::field::{address, is_token, parameter, split};
use super::{Basic, MAX_DATAGRAM, Method, PRESENCE, Uri};

/// Header lines of one message at most.
const MAX_LINES: usize = 64;

/// A message as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Somebody asks.
    Request(Box<Request>),
    /// Somebody answers.
    Response(Box<Response>),
}

/// A request whose fields are all there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub method: Method,
    /// Whom it is for.
    pub uri: Uri,
    /// What every message has.
    pub head: Head,
    /// Where to send what follows.
    pub contact: Option<String>,
    /// Extensions that must be understood.
    pub require: Vec<String>,
    /// Why, as in `SIP;cause=200` (RFC 3326): the cause.
    pub cause: Option<u16>,
    /// What it says of its sender's presence.
    pub presence: Option<Basic>,
    /// What it carries.
    pub content: Content,
}

/// An answer whose fields are all there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub code: u16,
    /// What every message has.
    pub head: Head,
    /// Where to send what follows.
    pub contact: Option<String>,
    /// What it says of its sender's presence.
    pub presence: Option<Basic>,
    /// What it carries.
    pub content: Content,
}

/// The fields that every message has (RFC 3261, 8.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Every `Via` line as it came, to be sent back.
    pub vias: Vec<String>,
    /// The first of them, read.
    pub via: Via,
    /// Who asks.
    pub from: Party,
    /// Who is asked.
    pub to: Party,
    /// One for each call.
    pub call_id: String,
    /// One for each request of a side.
    pub cseq: u32,
    /// The method that the number belongs to.
    pub cseq_method: Method,
}

/// The last hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// Who sent it, by its own word.
    pub sent_by: String,
    /// One for each transaction.
    pub branch: String,
}

/// One side of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The whole field, to be sent back.
    pub field: String,
    /// The address: a claim, never shown to anybody.
    pub uri: String,
    /// One for each side of a call.
    pub tag: Option<String>,
}

/// What a message carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Its kind in lower case and without parameters, as `application/sdp`.
    pub kind: Option<String>,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// Why a datagram is no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Nothing of it can be used: it is dropped.
    Garbage,
    /// A request that can be answered, with this code and why.
    Refused(Box<Head>, u16, &'static str),
}

/// Reads a datagram. Never panics, and keeps nothing of more than [`MAX_DATAGRAM`] bytes.
pub fn parse(datagram: &[u8]) -> Result<Message, Unread> {
    read(datagram).unwrap_or(Err(Unread::Garbage))
}

/// `None`: garbage.
fn read(datagram: &[u8]) -> Option<Result<Message, Unread>> {
    let datagram = datagram.get(..datagram.len().min(MAX_DATAGRAM + 1))?;
    if datagram.len() > MAX_DATAGRAM {
        return None;
    }
    let datagram = skip_blank_lines(datagram);
    let end = datagram.windows(4).position(|w| w == b"\r\n\r\n")?;
    let (top, rest) = datagram.split_at(end);
    let lines = unfold(core::str::from_utf8(top).ok()?)?;
    let (first, lines) = lines.split_first()?;
    let fields = Fields::read(lines)?;
    let head = fields.head()?;
    let rest = rest.get(4..)?;
    Some(match first.strip_prefix("SIP/") {
        Some(status) => return response(status, &fields, head, rest).map(Ok),
        None => request(first, &fields, head, rest)?,
    })
}

/// Some send empty lines before a message, or nothing else to keep a hole open (RFC 3261, 7.5).
fn skip_blank_lines(mut datagram: &[u8]) -> &[u8] {
    while let Some(rest) = datagram.strip_prefix(b"\r\n") {
        datagram = rest;
    }
    datagram
}

/// Lines, each with its continuations (RFC 3261, 7.3.1).
fn unfold(text: &str) -> Option<Vec<String>> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.split("\r\n") {
        if line.contains(['\r', '\n', '\0']) {
            return None;
        }
        if line.starts_with([' ', '\t']) {
            let last = lines.last_mut()?;
            last.push(' ');
            last.push_str(line.trim());
        } else {
            lines.push(line.to_owned());
        }
        if lines.len() > MAX_LINES {
            return None;
        }
    }
    Some(lines)
}

fn request(
    first: &str,
    fields: &Fields,
    head: Head,
    rest: &[u8],
) -> Option<Result<Message, Unread>> {
    let mut words = first.split(' ');
    let (method, uri, version) = (words.next()?, words.next()?, words.next()?);
    let method = Method::parse(method)?;
    let refuse = |code, why| Some(Err(Unread::Refused(Box::new(head.clone()), code, why)));
    if !version.starts_with("SIP/") || words.next().is_some() {
        return refuse(400, "Bad Request Line");
    }
    if version != "SIP/2.0" {
        return refuse(505, "Version Not Supported");
    }
    let Some(uri) = Uri::parse(uri) else {
        return refuse(416, "Unsupported URI Scheme");
    };
    if head.cseq_method != method {
        return refuse(400, "CSeq Of Another Method");
    }
    let (Some(content), Some(contact)) = (fields.content(rest), fields.contact()) else {
        return refuse(400, "Bad Content Or Contact");
    };
    if fields.all("content-encoding").any(|v| v != "identity") {
        return refuse(415, "Unsupported Encoding");
    }
    Some(Ok(Message::Request(Box::new(Request {
        method,
        uri,
        contact,
        require: fields.list("require"),
        cause: fields.cause(),
        presence: fields.presence(),
        content,
        head,
    }))))
}

fn response(status: &str, fields: &Fields, head: Head, rest: &[u8]) -> Option<Message> {
    let mut words = status.splitn(3, ' ');
    let (version, code) = (words.next()?, words.next()?);
    let code: u16 = code.parse().ok().filter(|c| (100..700).contains(c))?;
    (version == "2.0").then_some(())?;
    Some(Message::Response(Box::new(Response {
        code,
        contact: fields.contact()?,
        presence: fields.presence(),
        content: fields.content(rest)?,
        head,
    })))
}

/// Names in lower case and long form, with their values.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn read(lines: &[String]) -> Option<Self> {
        let field = |line: &String| {
            let (name, value) = line.split_once(':')?;
            let name = name.trim_end();
            is_token(name).then(|| (long_form(name), value.trim().to_owned()))
        };
        lines
            .iter()
            .map(field)
            .collect::<Option<Vec<_>>>()
            .map(Self)
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let of_name = move |(n, _): &&(String, String)| n == name;
        self.0.iter().filter(of_name).map(|(_, v)| v.as_str())
    }

    /// The value of a field that must not stand there twice; `None` when it does.
    fn one<'a>(&'a self, name: &'a str) -> Option<Option<&'a str>> {
        let mut all = self.all(name);
        let first = all.next();
        all.next().is_none().then_some(first)
    }

    fn list(&self, name: &str) -> Vec<String> {
        let parts = self.all(name).flat_map(|v| v.split(','));
        let parts = parts.map(|p| p.trim().to_owned());
        parts.filter(|p| !p.is_empty()).collect()
    }

    fn head(&self) -> Option<Head> {
        let vias: Vec<String> = self.all("via").map(str::to_owned).collect();
        let (cseq, method) = self.one("cseq")??.split_once([' ', '\t'])?;
        let call_id = self.one("call-id")??;
        Some(Head {
            via: via(vias.first()?)?,
            vias,
            from: party(self.one("from")??)?,
            to: party(self.one("to")??)?,
            call_id: (!call_id.is_empty() && !call_id.contains(' ')).then(|| call_id.to_owned())?,
            cseq: cseq.parse().ok().filter(|n| *n < 1 << 31)?,
            cseq_method: Method::parse(method.trim())?,
        })
    }

    /// `None` when the field is there and can't be read.
    #[expect(
        clippy::option_option,
        reason = "bad, absent and present are three cases"
    )]
    fn contact(&self) -> Option<Option<String>> {
        match self.all("contact").next() {
            None => Some(None),
            Some(value) => {
                let first = split(value, ',')?;
                let (uri, _) = address(first.first()?)?;
                Some(Some(uri.to_owned()))
            }
        }
    }

    fn content(&self, rest: &[u8]) -> Option<Content> {
        let length = match self.one("content-length")? {
            Some(text) => text.parse().ok()?,
            None => rest.len(),
        };
        let kind = self.one("content-type")?;
        let kind = kind.and_then(|k| k.split(';').next());
        Some(Content {
            kind: kind.map(|k| k.trim().to_ascii_lowercase()),
            body: rest.get(..length)?.to_vec(),
        })
    }

    fn presence(&self) -> Option<Basic> {
        let name = PRESENCE.to_ascii_lowercase();
        self.all(&name).next().and_then(Basic::parse)
    }

    fn cause(&self) -> Option<u16> {
        let reasons = self.all("reason").filter_map(|v| split(v, ','));
        reasons.flatten().find_map(|reason| {
            let parts = split(reason, ';')?;
            let is_sip = parts.first()?.eq_ignore_ascii_case("sip");
            let cause = parameter(&parts, "cause").filter(|_| is_sip)?;
            cause.parse().ok()
        })
    }
}

fn long_form(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let long = match lower.as_str() {
        "v" => "via",
        "f" => "from",
        "t" => "to",
        "i" => "call-id",
        "m" => "contact",
        "l" => "content-length",
        "c" => "content-type",
        "e" => "content-encoding",
        "k" => "supported",
        _ => return lower,
    };
    long.to_owned()
}

/// `SIP/2.0/UDP host:port;branch=...`, with white space wherever it may be.
fn via(line: &str) -> Option<Via> {
    let first = *split(line, ',')?.first()?;
    let parts = split(first, ';')?;
    let mut protocol = parts.first()?.splitn(3, '/').map(str::trim);
    let is_sip = protocol.next()?.eq_ignore_ascii_case("sip") && protocol.next()? == "2.0";
    let (_transport, sent_by) = protocol.next()?.split_once([' ', '\t'])?;
    let branch = parameter(&parts, "branch").filter(|b| is_token(b))?;
    is_sip.then(|| Via {
        sent_by: sent_by.trim().to_ascii_lowercase(),
        branch: branch.to_owned(),
    })
}

fn party(field: &str) -> Option<Party> {
    let (uri, parameters) = address(field)?;
    let tag = parameter(&parameters, "tag").map(str::to_owned);
    if tag.as_ref().is_some_and(|t| !is_token(t)) {
        return None;
    }
    Some(Party {
        field: field.to_owned(),
        uri: uri.to_owned(),
        tag,
    })
}

/// The address that a URI of the form `sip:[fd00::1]:5060` stands for; port 5060 when it names none.
pub(crate) fn socket_address(uri: &str) -> Option<SocketAddr> {
    let rest = uri.split_once(':')?.1;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = rest.split([';', '?']).next()?;
    let with_default = || format!("{host}:{}", super::PORT).parse().ok();
    host.parse().ok().or_else(with_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_leads_to_an_address_with_or_without_its_port() {
        for (uri, addr) in [
            ("sip:[fd00::1]", "[fd00::1]:5060"),
            ("sip:bob@[fd00::1]:7;x=y", "[fd00::1]:7"),
            ("sip:192.0.2.7", "192.0.2.7:5060"),
        ] {
            assert_eq!(socket_address(uri), addr.parse().ok(), "{uri}");
        }
        assert_eq!(socket_address("sip:bob@example.org"), None);
    }
}
