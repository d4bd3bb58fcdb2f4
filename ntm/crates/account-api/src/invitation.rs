//! Texts that carry everything needed to reach an AS: no DNS, no public certificate.

use core::fmt;
use core::str::FromStr;

use ntm_wire::codec::{Codec, Malformed, Reader, Writer};
use ntm_wire::fqdn::Fqdn;

use crate::text::{decode, encode};

/// SHA-256 over the public key (SubjectPublicKeyInfo) of the AS's TLS certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin(pub [u8; 32]);

/// Where an AS is and how to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRef {
    /// `https://host[:port]`, without a path; several with spaces between them when the host has no
    /// name and both an IPv4 and an IPv6 address.
    pub url: String,
    /// The domain under which accounts are named.
    pub domain: Fqdn,
    /// The TLS key to insist on; `None`: a certificate that the public roots vouch for.
    pub pin: Option<Pin>,
}

/// The right to make an account.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// At this AS.
    pub server: ServerRef,
    /// Random; the AS keeps its hash.
    pub code: [u8; CODE_LEN],
}

/// The right to be a DC or RS, once.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// At this AS.
    pub server: ServerRef,
    /// Random; the AS keeps its hash.
    pub code: [u8; CODE_LEN],
}

/// Bytes of a code: 128 bits can't be guessed.
pub const CODE_LEN: usize = 16;

const INVITE: &str = "legato://invite/";
const SERVER: &str = "legato://server/";
const ENROL: &str = "ntm-enrol-";
const VERSION: u8 = 1;
const MAX_URL_LEN: usize = 300;

/// Why a text is no invitation, server link or enrolment token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It begins with something else.
    #[error("this is no {0}: copy the whole line that you were given")]
    NotOne(&'static str),
    /// It was cut or altered.
    #[error("this {0} is damaged: copy the whole line that you were given")]
    Damaged(&'static str),
    /// A later version made it.
    #[error("this {0} was made by a newer version: update this program")]
    TooNew(&'static str),
}

impl ServerRef {
    /// The AS of a domain that has a public certificate: `https://<domain>`.
    pub fn of_domain(domain: Fqdn) -> Self {
        Self {
            url: format!("https://{domain}"),
            domain,
            pin: None,
        }
    }
}

impl fmt::Display for ServerRef {
    /// `legato://server/...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SERVER}{}", pack(self))
    }
}

impl FromStr for ServerRef {
    type Err = LinkError;
    fn from_str(text: &str) -> Result<Self, LinkError> {
        unpack(text, SERVER, "server link")
    }
}

impl fmt::Display for Invitation {
    /// `legato://invite/...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{INVITE}{}", pack(self))
    }
}

impl FromStr for Invitation {
    type Err = LinkError;
    fn from_str(text: &str) -> Result<Self, LinkError> {
        unpack(text, INVITE, "invitation")
    }
}

impl fmt::Display for Enrolment {
    /// `ntm-enrol-...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ENROL}{}", pack(self))
    }
}

impl FromStr for Enrolment {
    type Err = LinkError;
    fn from_str(text: &str) -> Result<Self, LinkError> {
        unpack(text, ENROL, "enrolment token")
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invitation({}, ..)", self.server.url)
    }
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Enrolment({}, ..)", self.server.url)
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

impl fmt::Display for Pin {
    /// Hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

fn pack(value: &impl Codec) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend(value.emit());
    encode(&bytes)
}

fn unpack<T: Codec>(text: &str, prefix: &str, what: &'static str) -> Result<T, LinkError> {
    let body = text
        .trim()
        .strip_prefix(prefix)
        .ok_or(LinkError::NotOne(what))?;
    let bytes = decode(body).ok_or(LinkError::Damaged(what))?;
    match bytes.split_first() {
        Some((&VERSION, rest)) => T::parse(rest).map_err(|_| LinkError::Damaged(what)),
        Some((later, _)) if *later > VERSION => Err(LinkError::TooNew(what)),
        _ => Err(LinkError::Damaged(what)),
    }
}

impl Codec for ServerRef {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let url = r.bytes16(MAX_URL_LEN, "url")?;
        Ok(Self {
            url: String::from_utf8(url.to_vec()).map_err(|_| Malformed::Invalid("url"))?,
            domain: Codec::read(r)?,
            pin: r.option("pin", |r| r.array("pin").map(Pin))?,
        })
    }
    fn write(&self, w: &mut Writer) {
        w.bytes16(self.url.as_bytes());
        self.domain.write(w);
        w.option(self.pin.as_ref(), |w, pin| w.put(&pin.0));
    }
}

impl Codec for Invitation {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            server: Codec::read(r)?,
            code: r.array("code")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.server.write(w);
        w.put(&self.code);
    }
}

impl Codec for Enrolment {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            server: Codec::read(r)?,
            code: r.array("code")?,
        })
    }
    fn write(&self, w: &mut Writer) {
        self.server.write(w);
        w.put(&self.code);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation() -> Invitation {
        Invitation {
            server: ServerRef {
                url: "https://192.0.2.7:7443".into(),
                domain: Fqdn::parse("ntm.internal").unwrap(),
                pin: Some(Pin([7; 32])),
            },
            code: [9; CODE_LEN],
        }
    }

    #[test]
    fn an_invitation_survives_being_copied_with_spaces_around_it() {
        let text = format!("  {}\n", invitation());
        assert_eq!(text.parse::<Invitation>(), Ok(invitation()));
    }

    #[test]
    fn a_cut_invitation_is_named_damaged() {
        let text = invitation().to_string();
        assert_eq!(
            text[..text.len() - 4].parse::<Invitation>(),
            Err(LinkError::Damaged("invitation"))
        );
    }

    #[test]
    fn an_invitation_of_a_later_version_asks_for_an_update() {
        let text = format!("{INVITE}{}", encode(&[2, 0, 0]));
        assert_eq!(
            text.parse::<Invitation>(),
            Err(LinkError::TooNew("invitation"))
        );
    }

    #[test]
    fn a_server_link_is_no_invitation() {
        let text = invitation().server.to_string();
        assert_eq!(
            text.parse::<Invitation>(),
            Err(LinkError::NotOne("invitation"))
        );
    }

    #[test]
    fn the_code_is_never_printed_for_debugging() {
        assert!(!format!("{:?}", invitation()).contains("9, 9"));
    }
}
