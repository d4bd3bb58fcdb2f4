//! Offer and answer (RFC 3264) in SDP (RFC 8866): where sound goes, and as what. Nothing here acts.

use core::fmt::Write as _;
use core::net::{IpAddr, SocketAddr};

use serde::Serialize;

/// Our payload type of Opus; an answer uses the offer's.
pub const OPUS: u8 = 111;
/// Our payload type of packets that carry an earlier one besides their own (RFC 2198); an answer uses the offer's.
pub const RED: u8 = 112;
/// The payload type of PCMU (RFC 3551).
pub const PCMU: u8 = 0;
/// The payload type of PCMA (RFC 3551).
pub const PCMA: u8 = 8;
/// Our number for the receive report among the header extensions (RFC 8285).
pub const REPORT: u8 = 1;
/// What the receive report is called: highest sequence number received and a bitmap, four bytes.
pub const REPORT_URI: &str = "urn:x-legato:rr";
/// The attribute that tells the version of DRED, which differs between releases of libopus.
pub const DRED: &str = "x-dred";
/// The kind of content that SDP is.
pub const KIND: &str = "application/sdp";

/// What this device wants to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Milliseconds in a packet: 10 or 20.
    pub ptime: u8,
    /// The version of DRED its decoder reads, if any.
    pub dred: Option<u8>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            ptime: 20,
            dred: None,
        }
    }
}

/// What a stream is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// RFC 7587, 48 kHz.
    Opus,
    /// G.711 mu-law, 8 kHz: for gateways.
    Pcmu,
    /// G.711 A-law, 8 kHz: for gateways.
    Pcma,
}

/// Who speaks, as the sender of the SDP sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Both.
    SendRecv,
    /// The sender only: it holds the other side.
    SendOnly,
    /// The other side only: the answer to a hold.
    RecvOnly,
    /// Nobody: both hold.
    Inactive,
}

impl Direction {
    /// Whether its sender has put the other side on hold.
    pub fn is_hold(self) -> bool {
        matches!(self, Self::SendOnly | Self::Inactive)
    }

    /// The direction to announce when this side holds, and is held.
    pub fn of(holding: bool, held: bool) -> Self {
        match (holding, held) {
            (false, false) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (true, true) => Self::Inactive,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [
            Self::SendRecv,
            Self::SendOnly,
            Self::RecvOnly,
            Self::Inactive,
        ];
        all.into_iter().find(|d| d.as_str() == text)
    }
}

/// What both sides agreed on: everything that sending and receiving sound needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Media {
    /// Where to send, and the only place to hear from.
    pub remote: SocketAddr,
    /// What to send.
    pub codec: Codec,
    /// Its number in RTP, both ways.
    pub payload_type: u8,
    /// The number of packets that carry earlier ones of it (RFC 2198), if the other side reads them.
    pub red: Option<u8>,
    /// Milliseconds in a packet, as the other side wishes.
    pub ptime: u8,
    /// The number of the receive report among header extensions, if both know it.
    pub report_extension: Option<u8>,
    /// The version of DRED that the other side's decoder reads.
    pub dred: Option<u8>,
    /// Whether the other side wants in-band FEC.
    pub fec: bool,
    /// Whether the other side wants silence left out.
    pub dtx: bool,
}

/// What one side says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Where it hears.
    pub addr: SocketAddr,
    /// Who speaks.
    pub direction: Direction,
    payloads: Vec<u8>,
    opus: Option<u8>,
    red: Option<u8>,
    ptime: u8,
    report: Option<u8>,
    dred: Option<u8>,
    fec: bool,
    dtx: bool,
}

/// Why an offer or answer can't be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Not SDP, or without what it must have.
    #[error("not a session description")]
    Malformed,
    /// No sound over plain RTP in it.
    #[error("no audio over RTP/AVP")]
    NoAudio,
    /// None of our codecs.
    #[error("no codec in common")]
    NoCodec,
}

/// Who describes itself: the numbers that stay over a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// This device's virtual address and RTP port.
    pub own: SocketAddr,
    /// One for each call.
    pub session: u32,
    /// One more at each change.
    pub version: u32,
}

/// An offer.
pub fn offer(origin: Origin, wishes: Wishes, direction: Direction) -> Vec<u8> {
    let mut text = begin(origin, &[OPUS, RED, PCMU, PCMA]);
    opus(&mut text, OPUS, Some(RED));
    finish(text, wishes, Some(REPORT), direction)
}

/// An offer where there is little room: without packets that carry earlier ones.
pub fn short_offer(origin: Origin, wishes: Wishes, direction: Direction) -> Vec<u8> {
    let mut text = begin(origin, &[OPUS, PCMU, PCMA]);
    opus(&mut text, OPUS, None);
    finish(text, wishes, Some(REPORT), direction)
}

/// The answer to an offer: one codec, the offer's numbers.
pub fn answer(origin: Origin, wishes: Wishes, agreed: &Media, direction: Direction) -> Vec<u8> {
    let payloads = [agreed.payload_type].into_iter().chain(agreed.red);
    let mut text = begin(origin, &payloads.collect::<Vec<_>>());
    if agreed.codec == Codec::Opus {
        opus(&mut text, agreed.payload_type, agreed.red);
    }
    finish(text, wishes, agreed.report_extension, direction)
}

fn begin(origin: Origin, payloads: &[u8]) -> String {
    let Origin {
        own,
        session,
        version,
    } = origin;
    let (ip, port) = (own.ip(), own.port());
    let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
    let list: Vec<String> = payloads.iter().map(u8::to_string).collect();
    let list = list.join(" ");
    format!(
        "v=0\r\no=- {session} {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {list}\r\n"
    )
}

fn opus(text: &mut String, number: u8, red: Option<u8>) {
    let _ = write!(
        text,
        "a=rtpmap:{number} opus/48000/2\r\na=fmtp:{number} useinbandfec=1; usedtx=1; minptime=10\r\n"
    );
    if let Some(red) = red {
        let _ = write!(
            text,
            "a=rtpmap:{red} red/48000/2\r\na=fmtp:{red} {number}/{number}\r\n"
        );
    }
}

fn finish(mut text: String, wishes: Wishes, report: Option<u8>, direction: Direction) -> Vec<u8> {
    let _ = write!(text, "a=ptime:{}\r\na=rtcp-mux\r\n", wishes.ptime);
    if let Some(number) = report {
        let _ = write!(text, "a=extmap:{number} {REPORT_URI}\r\n");
    }
    if let Some(version) = wishes.dred {
        let _ = write!(text, "a={DRED}:{version}\r\n");
    }
    if direction != Direction::SendRecv {
        let _ = write!(text, "a={}\r\n", direction.as_str());
    }
    text.into_bytes()
}

/// Reads what the other side says of itself.
pub fn read(body: &[u8]) -> Result<Described, SdpError> {
    let session = sdp_types::Session::parse(body).map_err(|_| SdpError::Malformed)?;
    let is_ours = |m: &&sdp_types::Media| m.media == "audio" && m.port != 0 && m.proto == "RTP/AVP";
    let media = session
        .medias
        .iter()
        .find(is_ours)
        .ok_or(SdpError::NoAudio)?;
    let connection = media.connections.first().or(session.connection.as_ref());
    let connection = connection.ok_or(SdpError::Malformed)?;
    let ip: IpAddr = connection
        .connection_address
        .parse()
        .map_err(|_| SdpError::Malformed)?;
    let payloads = media.fmt.split_ascii_whitespace();
    let payloads: Vec<u8> = payloads.filter_map(|p| p.parse().ok()).collect();
    let attributes = Attributes(&media.attributes, &session.attributes);
    let opus = attributes.mapped("opus/48000/2", &payloads);
    let format = opus.and_then(|n| attributes.format(n)).unwrap_or_default();
    Ok(Described {
        addr: SocketAddr::new(ip, media.port),
        direction: attributes.direction(),
        opus,
        red: opus.and_then(|opus| attributes.red(opus, &payloads)),
        ptime: attributes.number("ptime").unwrap_or(20).clamp(10, 120),
        report: attributes.report(),
        dred: attributes.number(DRED),
        fec: is_set(&format, "useinbandfec"),
        dtx: is_set(&format, "usedtx"),
        payloads,
    })
}

impl Described {
    /// What to send to it: Opus before PCMU before PCMA.
    pub fn agree(&self) -> Result<Media, SdpError> {
        let plain = |number, codec| self.payloads.contains(&number).then_some((number, codec));
        let opus = self.opus.map(|n| (n, Codec::Opus));
        let any = opus.or_else(|| plain(PCMU, Codec::Pcmu));
        let any = any.or_else(|| plain(PCMA, Codec::Pcma));
        let (payload_type, codec) = any.ok_or(SdpError::NoCodec)?;
        Ok(Media {
            remote: self.addr,
            codec,
            payload_type,
            red: self.red.filter(|_| codec == Codec::Opus),
            ptime: self.ptime,
            report_extension: self.report,
            dred: self.dred,
            fec: self.fec,
            dtx: self.dtx,
        })
    }
}

/// Those of the stream, then those of the session.
struct Attributes<'a>(&'a [sdp_types::Attribute], &'a [sdp_types::Attribute]);

impl<'a> Attributes<'a> {
    fn values(&self, name: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let all = self.0.iter().chain(self.1);
        let named = all.filter(move |a| a.attribute.eq_ignore_ascii_case(name));
        named.map(|a| a.value.as_deref().unwrap_or_default().trim())
    }

    fn number(&self, name: &'a str) -> Option<u8> {
        self.values(name).next()?.parse().ok()
    }

    /// The number of a codec.
    fn mapped(&self, wanted: &str, payloads: &[u8]) -> Option<u8> {
        self.values("rtpmap").find_map(|v| {
            let (number, codec) = v.split_once(' ')?;
            let is_wanted = codec.trim().eq_ignore_ascii_case(wanted);
            let number = number.parse().ok().filter(|n| payloads.contains(n))?;
            is_wanted.then_some(number)
        })
    }

    /// Only what carries Opus within Opus is of use (RFC 2198, 5).
    fn red(&self, opus: u8, payloads: &[u8]) -> Option<u8> {
        let number = self.mapped("red/48000/2", payloads)?;
        let format = self.format(number)?;
        let mut types = format.split('/').map(|of| of.trim().parse());
        types.all(|of| of == Ok(opus)).then_some(number)
    }

    fn format(&self, number: u8) -> Option<String> {
        self.values("fmtp").find_map(|v| {
            let (of, format) = v.split_once(' ')?;
            (of.parse() == Ok(number)).then(|| format.to_owned())
        })
    }

    /// Numbers 1 to 14 fit the one-byte form (RFC 8285, 4.2).
    fn report(&self) -> Option<u8> {
        self.values("extmap").find_map(|v| {
            let (number, uri) = v.split_once(' ')?;
            let number = number.split('/').next()?.parse().ok()?;
            let is_ours = uri.split_ascii_whitespace().next() == Some(REPORT_URI);
            (is_ours && (1..=14).contains(&number)).then_some(number)
        })
    }

    fn direction(&self) -> Direction {
        let all = self.0.iter().chain(self.1);
        let mut known = all.filter_map(|a| Direction::parse(&a.attribute));
        known.next().unwrap_or(Direction::SendRecv)
    }
}

fn is_set(format: &str, name: &str) -> bool {
    let mut parts = format.split(';').filter_map(|p| p.split_once('='));
    parts.any(|(key, value)| key.trim() == name && value.trim() == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin {
            own: "[fd01:203:405:1::7]:16384".parse().unwrap(),
            session: 7,
            version: 1,
        }
    }

    fn wishes() -> Wishes {
        Wishes {
            ptime: 20,
            dred: Some(12),
        }
    }

    #[test]
    fn an_offer_says_what_the_profile_asks_for_and_reads_back() {
        let offer = offer(origin(), wishes(), Direction::SendRecv);
        let text = core::str::from_utf8(&offer).unwrap();
        for part in [
            "a=rtpmap:111 opus/48000/2\r\n",
            "a=fmtp:111 useinbandfec=1; usedtx=1; minptime=10\r\n",
            "a=ptime:20\r\n",
            "a=rtcp-mux\r\n",
            "a=extmap:1 urn:x-legato:rr\r\n",
            "a=x-dred:12\r\n",
            "a=rtpmap:112 red/48000/2\r\na=fmtp:112 111/111\r\n",
            "m=audio 16384 RTP/AVP 111 112 0 8\r\n",
            "c=IN IP6 fd01:203:405:1::7\r\n",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let media = read(&offer).unwrap().agree().unwrap();
        assert_eq!(media.remote, origin().own);
        assert_eq!((media.codec, media.payload_type), (Codec::Opus, 111));
        assert_eq!(media.red, Some(112));
        assert_eq!((media.report_extension, media.dred), (Some(1), Some(12)));
        assert!(media.fec && media.dtx);
    }

    #[test]
    fn an_answer_takes_the_numbers_of_the_offer() {
        let theirs = "v=0\r\no=x 1 1 IN IP4 100.64.0.2\r\ns=-\r\nc=IN IP4 100.64.0.2\r\nt=0 0\r\n\
            m=audio 40000 RTP/AVP 0 96\r\na=rtpmap:96 OPUS/48000/2\r\na=extmap:5/sendrecv urn:x-legato:rr\r\n\
            a=ptime:10\r\n";
        let media = read(theirs.as_bytes()).unwrap().agree().unwrap();
        assert_eq!((media.payload_type, media.ptime), (96, 10));
        assert_eq!(media.report_extension, Some(5));
        let ours = answer(origin(), wishes(), &media, Direction::SendRecv);
        let back = read(&ours).unwrap().agree().unwrap();
        assert_eq!((back.payload_type, back.report_extension), (96, Some(5)));
        assert_eq!((media.red, back.red), (None, None), "it was not offered");
    }

    #[test]
    fn redundancy_is_agreed_on_only_if_it_is_of_opus() {
        for (format, red) in [
            ("a=fmtp:63 96/96", Some(63)),
            ("a=fmtp:63 96/0", None),
            ("a=fmtp:63 ", None),
            ("a=fmtp:63 x", None),
            ("a=ptime:20", None),
        ] {
            let theirs = format!(
                "v=0\r\no=x 1 1 IN IP4 100.64.0.2\r\ns=-\r\nc=IN IP4 100.64.0.2\r\nt=0 0\r\n\
                 m=audio 40000 RTP/AVP 96 63 0\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\n{format}\r\n"
            );
            let media = read(theirs.as_bytes()).unwrap().agree().unwrap();
            assert_eq!(media.red, red, "{format}");
            let ours = answer(origin(), wishes(), &media, Direction::SendRecv);
            assert_eq!(read(&ours).unwrap().agree().unwrap().red, red);
        }
    }

    #[test]
    fn a_gateway_without_opus_gets_pcmu_or_pcma() {
        for (list, codec) in [("0 8 101", Codec::Pcmu), ("18 8", Codec::Pcma)] {
            let theirs = format!(
                "v=0\r\no=- 1 1 IN IP4 100.64.0.2\r\ns=-\r\nc=IN IP4 100.64.0.2\r\nt=0 0\r\n\
                 m=audio 40000 RTP/AVP {list}\r\n"
            );
            let media = read(theirs.as_bytes()).unwrap().agree().unwrap();
            assert_eq!(media.codec, codec, "{list}");
        }
    }

    #[test]
    fn what_can_not_be_taken_is_named() {
        let with = |m: &str| {
            format!("v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\ns=-\r\nc=IN IP4 1.1.1.1\r\nt=0 0\r\n{m}\r\n")
        };
        let said = |text: &str| read(text.as_bytes()).and_then(|d| d.agree()).unwrap_err();
        assert_eq!(said("hello"), SdpError::Malformed);
        assert_eq!(said(&with("m=video 9 RTP/AVP 0")), SdpError::NoAudio);
        assert_eq!(said(&with("m=audio 9 RTP/SAVP 0")), SdpError::NoAudio);
        assert_eq!(said(&with("m=audio 0 RTP/AVP 0")), SdpError::NoAudio);
        assert_eq!(said(&with("m=audio 9 RTP/AVP 18")), SdpError::NoCodec);
    }

    #[test]
    fn each_hold_has_its_direction() {
        for (holding, held, word) in [
            (true, false, "a=sendonly"),
            (false, true, "a=recvonly"),
            (true, true, "a=inactive"),
        ] {
            let text = offer(origin(), wishes(), Direction::of(holding, held));
            assert!(String::from_utf8(text.clone()).unwrap().contains(word));
            assert_eq!(read(&text).unwrap().direction.is_hold(), holding);
        }
    }
}
