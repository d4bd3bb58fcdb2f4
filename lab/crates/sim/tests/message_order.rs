//! The order of messages at set-up, as paper B, 2.2 and the design have it, over two domains.

use ntm_sim::log::{LogBuffer, Opened};
use ntm_sim::net::HostId;
use ntm_sim::trace::What;

use crate::stage::{Setting, Stage, delay, home, ms, secs};

/// Who opened what, in order, from the call to its end; first openings only, without the chatter of
/// legs, probes and keep-alives.
fn order(setting: Setting) -> (Stage, Vec<(HostId, String)>) {
    let log = LogBuffer::default();
    let stage = tracing::subscriber::with_default(log.subscriber(), || {
        let mut stage = Stage::ready(setting);
        stage.world.log = Some(log.clone());
        stage.world.opened.clear();
        stage.call_works();
        stage
    });
    let mut order = Vec::new();
    for Opened { host, kind, .. } in &stage.world.opened {
        let line = (*host, kind.clone());
        if SETUP.contains(&kind.as_str()) && !order.contains(&line) {
            order.push(line);
        }
    }
    (stage, order)
}

const SETUP: [&str; 8] = [
    "DirectionRequest",
    "InformationRequest",
    "RouteDirection",
    "RouteDirectionResponse",
    "InformationResponse",
    "DirectionResponse",
    "TunnelRequest",
    "TunnelResponse",
];

fn positions(order: &[(HostId, String)], wanted: &[(HostId, &str)]) -> Vec<usize> {
    let find = |(host, kind): &(HostId, &str)| {
        let found = order.iter().position(|(h, k)| h == host && k == kind);
        found.unwrap_or_else(|| panic!("{kind} never reached {host:?}: {order:?}"))
    };
    wanted.iter().map(find).collect()
}

#[test]
fn two_coordinators_exchange_messages_in_the_order_of_the_paper() {
    let (stage, order) = order(Setting {
        is_static: false,
        mn: home(),
        cn: home(),
        link: delay(20),
        server_delay: ms(15),
        ..Setting::default()
    });
    let (mn, cn, dc_mn, dc_cn) = (stage.mn, stage.cn, stage.dc(0), stage.dc(1));
    let wanted = [
        (dc_mn, "DirectionRequest"),
        (dc_cn, "InformationRequest"),
        (cn, "RouteDirection"),
        (dc_cn, "RouteDirectionResponse"),
        (dc_mn, "InformationResponse"),
        (mn, "RouteDirection"),
        (cn, "TunnelRequest"),
        (mn, "TunnelResponse"),
    ];
    let at = positions(&order, &wanted);
    assert!(at.is_sorted(), "{order:?}");
    let answered = positions(&order, &[(mn, "DirectionResponse")])[0];
    assert!(answered <= at[6], "the response comes beside the direction");
}

#[test]
fn one_coordinator_directs_the_correspondent_before_the_mobile_node() {
    let (stage, order) = order(Setting {
        domains: 1,
        mn: home(),
        cn: home(),
        ..Setting::default()
    });
    let (mn, cn, dc) = (stage.mn, stage.cn, stage.dc(0));
    let wanted = [
        (dc, "DirectionRequest"),
        (cn, "RouteDirection"),
        (dc, "RouteDirectionResponse"),
        (mn, "RouteDirection"),
        (cn, "TunnelRequest"),
        (mn, "TunnelResponse"),
    ];
    assert!(positions(&order, &wanted).is_sorted(), "{order:?}");
    let between = order
        .iter()
        .any(|(_, kind)| kind.starts_with("Information"));
    assert!(!between, "there is nobody to ask");
}

#[test]
fn the_name_service_is_asked_after_the_request_and_before_the_other_coordinator() {
    let (stage, _) = order(Setting {
        is_static: false,
        ..Setting::default()
    });
    let lines: Vec<(HostId, String)> = stage
        .world
        .trace
        .lines()
        .filter_map(|line| match &line.what {
            What::Note(text) => Some((line.host, text.clone())),
            What::Sent(_) | What::Received(_) | What::Dropped(..) => None,
        })
        .collect();
    let find = |host: HostId, part: &str| {
        let found = lines
            .iter()
            .position(|(h, text)| *h == host && text.contains(part));
        found.unwrap_or_else(|| panic!("no {part} at {host:?}\n{}", stage.world.story(400)))
    };
    let (mn, dc) = (stage.dc(0), stage.dc(1));
    let asked = find(mn, "opened DirectionRequest");
    let dns = find(mn, "asks DNS");
    let other = find(dc, "opened InformationRequest");
    assert!(asked < dns && dns < other, "{asked} {dns} {other}");
}

#[test]
fn the_name_resolves_after_the_tunnel_response() {
    let (mut stage, _) = order(Setting::default());
    let at = |kind: &str| {
        let of_kind = |o: &&Opened| o.kind == kind;
        stage.world.opened.iter().find(of_kind).unwrap().at
    };
    let (response, mn) = (at("TunnelResponse"), stage.mn);
    let call = stage.node(mn).app.calls()[0].clone();
    assert_eq!(call.resolved, Some(response), "in the same instant");
    stage.world.run_for(secs(1));
}
