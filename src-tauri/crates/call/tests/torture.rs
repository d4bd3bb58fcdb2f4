//! Messages in the manner of RFC 4475: legal ones that look wrong, and wrong ones that look legal.

use voice_call::sip::{Message, Method, Request, Unread, parse};

use crate::bench::{SECOND, World};

fn request(text: &str) -> Request {
    match parse(text.as_bytes()) {
        Ok(Message::Request(request)) => *request,
        other => panic!("{other:?} of {text}"),
    }
}

fn refused(text: &str) -> u16 {
    match parse(text.as_bytes()) {
        Err(Unread::Refused(_, code, _)) => code,
        other => panic!("{other:?} of {text}"),
    }
}

/// A request with these lines in place of the ordinary ones.
fn options(first: &str, extra: &str) -> String {
    format!(
        "{first}\r\nVia: SIP/2.0/UDP [fd00::9]:5060;branch=z9hG4bKabc\r\nFrom: <sip:a@example.org>;tag=1\r\n\
         To: <sip:b@example.org>\r\nCall-ID: 77\r\nCSeq: 1 OPTIONS\r\n{extra}\r\n"
    )
}

#[test]
fn folded_lines_odd_case_and_white_space_everywhere_are_legal() {
    let text = "OPTIONS sip:vivekg@chair.example.com;unknownparam SIP/2.0\r\nTO :\r\n \
        sip:vivekg@chair.example.com ;   tag    = 1918181833n\r\nfrom   : \"J Rosenberg \\\\\\\"\"       \
        <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\nMaX-fOrWaRdS: 0068\r\n\
        Call-ID: wsinv.ndaksdj@192.0.2.1\r\nContent-Length   : 3\r\ncseq: 0009\r\n  OPTIONS\r\n\
        Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\ns :\r\n\
        NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n\
        v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n \
        SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n\
        m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\r\n      newvalue ;\r\n  \
        secondparam ; q = 0.33\r\n\r\nabc";
    let it = request(text);
    assert_eq!(it.method, Method::Options);
    assert_eq!(it.head.to.tag.as_deref(), Some("1918181833n"));
    assert_eq!(it.head.from.tag.as_deref(), Some("98asjd8"));
    assert_eq!(it.head.from.uri, "sip:jdrosen@example.com");
    assert_eq!(
        (it.head.cseq, it.head.via.branch.as_str()),
        (9, "390skdjuw")
    );
    assert_eq!(it.head.vias.len(), 2);
    assert_eq!(it.contact.as_deref(), Some("sip:jdrosen@example.com"));
    assert_eq!(it.content.body, b"abc");
}

#[test]
fn short_names_of_fields_mean_the_same() {
    let it = request(
        "OPTIONS sip:b@example.org SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@x.org>;tag=1\r\n\
         t: <sip:b@example.org>\r\ni: 9\r\nCSeq: 1 OPTIONS\r\nc: Text/Plain;charset=x\r\nm: <sip:[fd00::1]>\r\n\
         l: 2\r\n\r\nhi and what follows is another's",
    );
    assert_eq!(it.content.kind.as_deref(), Some("text/plain"));
    assert_eq!(it.content.body, b"hi");
}

#[test]
fn users_with_odd_characters_and_semicolons_are_legal() {
    let first = "OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0";
    request(&options(first, "Accept: application/sdp\r\n"));
    let first = "OPTIONS sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0";
    request(&options(first, ""));
}

#[test]
fn a_method_of_strange_characters_is_a_method_that_is_not_served() {
    let name = "!interesting-Method0123456*_*+`.%";
    let text = options("X sip:b@example.org SIP/2.0", "");
    let it = request(
        &text
            .replace("X sip", "INVITEX sip")
            .replace("1 OPTIONS", "1 INVITEX"),
    );
    assert_eq!(
        it.method,
        Method::Other("INVITEX".into()),
        "no prefix of it counts"
    );
    let odd = text.replace("X sip", &format!("{name} sip"));
    assert_eq!(
        parse(odd.as_bytes()),
        Err(Unread::Garbage),
        "33 characters are too many to answer"
    );
    assert_eq!(
        request(
            &text
                .replace("X sip", "invite sip")
                .replace("1 OPTIONS", "1 invite")
        )
        .method,
        Method::Other("invite".into()),
        "methods have no other case"
    );
}

#[test]
fn a_content_length_beyond_the_datagram_is_refused_and_a_negative_one_too() {
    for length in ["9999", "-999", "4294967296", "1 2", "x"] {
        let text = options(
            "OPTIONS sip:b@example.org SIP/2.0",
            &format!("Content-Length: {length}\r\n"),
        );
        assert_eq!(refused(&text), 400, "{length}");
    }
}

#[test]
fn an_unknown_version_scheme_or_encoding_is_told_by_its_code() {
    assert_eq!(
        refused(&options("OPTIONS sip:b@example.org SIP/7.0", "")),
        505
    );
    assert_eq!(
        refused(&options("OPTIONS nobodyKnowsThisScheme:x SIP/2.0", "")),
        416
    );
    assert_eq!(
        refused(&options("OPTIONS sip:b@example.org SIP/2.0", "e: gzip\r\n")),
        415
    );
    assert_eq!(
        refused(&options("OPTIONS  sip:b@example.org SIP/2.0", "")),
        400,
        "two spaces"
    );
    assert_eq!(
        refused(&options("OPTIONS <sip:b@example.org> SIP/2.0", "")),
        416,
        "brackets"
    );
    assert_eq!(
        refused(&options("OPTIONS sip:b@example.org SIP/2.0 ", "")),
        400,
        "a space behind"
    );
    let other = options("INVITE sip:b@example.org SIP/2.0", "");
    assert_eq!(refused(&other), 400, "CSeq of another method");
}

#[test]
fn what_can_not_be_answered_is_garbage() {
    let good = options("OPTIONS sip:b@example.org SIP/2.0", "");
    request(&good);
    for (from, to) in [
        ("\r\n\r\n", "\r\n"),
        ("Call-ID: 77", "Call-ID: 77\r\nCall-ID: 78"),
        ("CSeq: 1 OPTIONS", "CSeq: 36893488147419103232 OPTIONS"),
        ("CSeq: 1 OPTIONS", "CSeq: OPTIONS"),
        (
            "From: <sip:a@example.org>;tag=1",
            "From: <sip:a@example.org;tag=1",
        ),
        (
            "From: <sip:a@example.org>;tag=1",
            "From: \"Unclosed <sip:a@example.org>;tag=1",
        ),
        (";branch=z9hG4bKabc", ""),
        ("SIP/2.0/UDP", "SIP/3.0/UDP"),
        ("To: <sip:b@example.org>\r\n", ""),
        ("Call-ID: 77", "Call-ID 77"),
        ("OPTIONS sip", "\0PTIONS sip"),
        ("Call-ID: 77", "Call-ID: 77\rX: y"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert_eq!(parse(bad.as_bytes()), Err(Unread::Garbage), "{bad}");
    }
    let mut not_utf8 = good.clone().into_bytes();
    not_utf8[10] = 0xff;
    assert_eq!(parse(&not_utf8), Err(Unread::Garbage));
    let long = options(
        "OPTIONS sip:b@example.org SIP/2.0",
        &format!("X: {}\r\n", "y".repeat(2000)),
    );
    assert_eq!(parse(long.as_bytes()), Err(Unread::Garbage));
    let many = options("OPTIONS sip:b@example.org SIP/2.0", &"X: y\r\n".repeat(100));
    assert_eq!(parse(many.as_bytes()), Err(Unread::Garbage));
}

#[test]
fn answers_with_odd_codes_and_phrases() {
    let response = |status: &str| {
        let text = options("X", "").replace("X\r\n", &format!("{status}\r\n"));
        if let Ok(Message::Response(response)) = parse(text.as_bytes()) {
            Some(response.code)
        } else {
            None
        }
    };
    assert_eq!(
        response("SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять"),
        Some(200)
    );
    assert_eq!(response("SIP/2.0 100 "), Some(100));
    assert_eq!(response("SIP/2.0 100"), Some(100));
    for status in [
        "SIP/2.0 4294967301 better not",
        "SIP/2.0 99 no",
        "SIP/2.0 700 no",
        "SIP/3.0 200 OK",
        "SIP/2.0",
    ] {
        assert_eq!(response(status), None, "{status}");
    }
}

#[test]
fn the_telephone_answers_what_it_does_not_serve() {
    let mut world = World::pair();
    let alice = std::net::SocketAddr::new(world.ip(0), 5060);
    let cases = [
        (
            options("REGISTER sip:phone@bob.example.org SIP/2.0", "")
                .replace("1 OPTIONS", "1 REGISTER"),
            "405",
        ),
        (options("OPTIONS sip:bob@example.org SIP/2.0", ""), "200"),
        (
            options(
                "OPTIONS sip:bob@example.org SIP/2.0",
                "Require: nothingSupportsThis\r\n",
            ),
            "420",
        ),
        (options("OPTIONS sip:bob@example.org SIP/7.0", ""), "505"),
        (
            options("BYE sip:bob@example.org SIP/2.0", "").replace("1 OPTIONS", "1 BYE"),
            "481",
        ),
        (
            options("CANCEL sip:bob@example.org SIP/2.0", "").replace("1 OPTIONS", "1 CANCEL"),
            "481",
        ),
        (
            options("UPDATE sip:bob@example.org SIP/2.0", "").replace("1 OPTIONS", "1 UPDATE"),
            "481",
        ),
        (
            options("INVITE sip:carol@example.org SIP/2.0", "").replace("1 OPTIONS", "1 INVITE"),
            "404",
        ),
        (
            options("INVITE sip:bob@example.org SIP/2.0", "").replace("1 OPTIONS", "1 INVITE"),
            "488",
        ),
        (
            options("MESSAGE sip:bob@example.org SIP/2.0", "c: text/html\r\n")
                .replace("1 OPTIONS", "1 MESSAGE"),
            "415",
        ),
    ];
    for (n, (text, code)) in cases.iter().enumerate() {
        let before = world.sent.len();
        let text = text.replace("z9hG4bKabc", &format!("z9hG4bK{n}"));
        world.inject(alice, 1, text.as_bytes());
        world.run(SECOND);
        let said = world.titles(before);
        assert_eq!(said.len(), 1, "{text}");
        assert!(
            said[0].starts_with(&format!("SIP/2.0 {code} ")),
            "{said:?} to {text}"
        );
    }
    let allowed = world
        .sent
        .iter()
        .find(|f| f.title().starts_with("SIP/2.0 405"))
        .unwrap();
    let allowed = String::from_utf8(allowed.bytes.clone()).unwrap();
    assert!(allowed.contains("Allow: INVITE,ACK,CANCEL,BYE,OPTIONS,MESSAGE,UPDATE\r\n"));
    let before = world.sent.len();
    let ack = options("ACK sip:bob@example.org SIP/2.0", "").replace("1 OPTIONS", "1 ACK");
    world.inject(alice, 1, ack.as_bytes());
    world.inject(alice, 1, b"\r\n\r\n");
    world.run(SECOND);
    assert_eq!(
        world.titles(before),
        Vec::<String>::new(),
        "an ACK is never answered"
    );
}

#[test]
fn a_second_invite_inside_a_call_changes_nothing() {
    let mut world = World::pair();
    let (ours, theirs) = world.talk();
    let ack = world
        .sent
        .iter()
        .find(|f| f.title().starts_with("ACK"))
        .unwrap()
        .clone();
    let text = String::from_utf8(ack.bytes).unwrap();
    let again = text
        .replace("1 ACK", "5 INVITE")
        .replace("ACK sip", "INVITE sip")
        .replace("branch=z9", "branch=zz");
    let before = world.sent.len();
    world.inject(ack.from, 1, again.as_bytes());
    world.run(SECOND);
    assert_eq!(world.titles(before), ["SIP/2.0 488 Not Acceptable Here"]);
    assert!(world.state(0, ours).is_established() && world.state(1, theirs).is_established());
}
