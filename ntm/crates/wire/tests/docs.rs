//! docs/protocol.md names every message, packet type and error code with its number.

use std::fs;
use std::path::{Path, PathBuf};

use ntm_wire::codec::Codec;
use ntm_wire::header::PacketType;
use ntm_wire::message::{BindStatus, DirectionError, MessageType, RegistrationError};

fn page() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/protocol.md");
    fs::read_to_string(file).unwrap()
}

/// Number and name of each row of the table with this head.
fn rows(page: &str, head: &str) -> Vec<(u8, String)> {
    let table = page
        .split_once(head)
        .map(|(_, rest)| rest)
        .unwrap_or_default();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    rows.map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let number = cells.next().unwrap().parse().unwrap();
        (number, cells.next().unwrap().trim_matches('`').to_owned())
    })
    .collect()
}

#[test]
fn the_page_names_every_message_with_its_number() {
    let documented = rows(&page(), "| type | name | from -> to | in packets of type |");
    let real: Vec<(u8, String)> = MessageType::ALL
        .iter()
        .map(|kind| (*kind as u8, format!("{kind:?}")))
        .collect();
    assert_eq!(documented, real);
}

#[test]
fn the_page_has_a_section_with_the_fields_of_every_message() {
    let page = page();
    for kind in MessageType::ALL {
        let title = format!("{} {kind:?}", *kind as u8);
        let has = page
            .lines()
            .any(|l| l.starts_with("### ") && (l[4..].split(", ").any(|t| t == title)));
        assert!(has, "no section \"{title}\"");
    }
}

#[test]
fn the_page_names_every_packet_type_with_its_number() {
    let documented = rows(
        &page(),
        "| type | name | from -> to | selector | counter | behind the header |",
    );
    let real: Vec<(u8, String)> = PacketType::ALL
        .iter()
        .map(|kind| (*kind as u8, format!("{kind:?}")))
        .collect();
    assert_eq!(documented, real);
}

/// Every value of an error type that a byte can say.
fn codes<E: Codec + core::fmt::Debug>() -> Vec<(u8, String)> {
    (0..=u8::MAX)
        .filter_map(|n| E::parse(&[n]).ok().map(|e| (n, format!("{e:?}"))))
        .collect()
}

#[test]
fn the_page_names_every_error_code_with_its_number() {
    let page = page();
    let registration = rows(&page, "| code | `RegistrationError` | when |");
    assert_eq!(registration, codes::<RegistrationError>());
    let direction = rows(&page, "| code | `DirectionError` | when |");
    assert_eq!(direction, codes::<DirectionError>());
    let bind = [
        BindStatus::Bound,
        BindStatus::Stale,
        BindStatus::ClockOff,
        BindStatus::Expired,
        BindStatus::Draining,
    ]
    .map(|status| (status as u8, format!("{status:?}")));
    assert_eq!(
        rows(&page, "| code | `BindStatus` | what the node does |"),
        bind
    );
}

/// The sources that derive, seal or shake hands by a label.
const LABELLED: [&str; 4] = [
    "ntm/crates/wire/src",
    "ntm/crates/proto/src",
    "servers/crates/coordinator/src",
    "servers/crates/relay/src",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// String literals that begin as labels do, without those of unit tests.
fn labels(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let starts = code.match_indices("\"ntm ");
    starts
        .filter_map(|(at, _)| code[at + 1..].split('"').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_page_names_every_label_in_the_sources() {
    let (page, root) = (
        page(),
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.."),
    );
    let mut files = Vec::new();
    for folder in LABELLED {
        sources(&root.join(folder), &mut files);
    }
    let mut seen = 0;
    for file in files {
        for label in labels(&fs::read_to_string(&file).unwrap()) {
            seen += 1;
            let is_named = page.contains(&format!("`\"{label}\"`"));
            assert!(
                is_named,
                "{label:?} of {} is not in the page",
                file.display()
            );
        }
    }
    assert!(
        seen > 20,
        "only {seen} labels found: has their form changed?"
    );
}
