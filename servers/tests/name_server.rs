//! A name server with a small zone on the loopback, that remembers what it was asked.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable as _, BinEncodable as _};

pub(crate) struct NameServer {
    pub(crate) addr: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl NameServer {
    /// Announces the DC of `domain` at `dc`.
    pub(crate) fn start(domain: &str, dc: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let zone = zone(domain, dc);
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || serve(&socket, &zone, &heard));
        Self { addr, asked }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn zone(domain: &str, dc: SocketAddr) -> Vec<Record> {
    let host = Name::from_ascii(format!("dc.{domain}.")).unwrap();
    let service = Name::from_ascii(format!("_ntm._udp.{domain}.")).unwrap();
    let SocketAddr::V4(v4) = dc else {
        panic!("the test listens over IPv4")
    };
    let srv = SRV::new(0, 0, v4.port(), host.clone());
    vec![
        Record::from_rdata(service, 60, RData::SRV(srv)),
        Record::from_rdata(host, 60, RData::A(A(*v4.ip()))),
    ]
}

/// Until the test's process ends.
fn serve(socket: &UdpSocket, zone: &[Record], asked: &Mutex<Vec<String>>) {
    let mut bytes = [0; 1500];
    while let Ok((len, from)) = socket.recv_from(&mut bytes) {
        let Ok(question) = Message::from_bytes(&bytes[..len]) else {
            continue;
        };
        let answer = answer(&question, zone, asked);
        drop(socket.send_to(&answer.to_bytes().unwrap(), from));
    }
}

fn answer(question: &Message, zone: &[Record], asked: &Mutex<Vec<String>>) -> Message {
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    debug_assert_eq!(answer.metadata.message_type, MessageType::Response);
    let mut exists = false;
    for query in &question.queries {
        let (name, kind) = (query.name(), query.query_type());
        asked.lock().unwrap().push(format!("{kind} {name}"));
        exists |= zone.iter().any(|r| r.name == *name);
        let fits =
            |r: &&Record| r.name == *name && (r.record_type() == kind || kind == RecordType::ANY);
        answer.answers.extend(zone.iter().filter(fits).cloned());
        answer.queries.push(query.clone());
    }
    if !exists {
        answer.metadata.response_code = ResponseCode::NXDomain;
    }
    answer
}
