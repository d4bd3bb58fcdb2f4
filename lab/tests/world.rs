//! Namespaces, wires and what they leave behind: nothing.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ntm_lab::host::Radio;
use ntm_lab::lease;
use ntm_lab::network::Network;
use ntm_lab::wire::{Loss, Quality};
use ntm_lab::world::{Weather, World};

use crate::allowed::or_skip;

const SERVER: &str = "203.0.113.10";

fn weather(rtt_ms: u64) -> Weather {
    Weather {
        rtt: Duration::from_millis(rtt_ms),
        seed: 1,
    }
}

/// Round trips in ms of so many pings from a host; the first of a link is not counted.
fn ping(host: &ntm_lab::host::Host, to: &str, count: u32) -> Vec<f64> {
    let run = |count: u32, wait: &str| {
        let (count, mut ping) = (count.to_string(), host.namespace().command("ping"));
        let args = ["-n", "-c", &count, "-i", "0.02", "-W", wait, to];
        String::from_utf8(ping.args(args).output().unwrap().stdout).unwrap()
    };
    run(3, "3");
    let said = run(count, "1");
    let times = said
        .lines()
        .filter_map(|l| l.split_once("time=")?.1.split(' ').next());
    times.map(|t| t.parse().unwrap()).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    *values.get(values.len() / 2).expect("some answers")
}

#[test]
fn a_ping_takes_the_round_trip_that_was_asked_for_and_follows_changes() {
    let Some(mut world) = or_skip(|| World::build(weather(40))) else {
        return;
    };
    let number = world.add_access("x", Network::HomeNat).unwrap();
    let lan = world.access(number).unwrap().lan().clone();
    let host = world.add_host_in("host", &lan).unwrap();
    let rtt = median(ping(&host, SERVER, 30));
    assert!((39.9..43.0).contains(&rtt), "{rtt} ms instead of 40");
    let wire = world.access(number).unwrap().wire();
    wire.set(Quality::delay(Duration::from_millis(60)));
    let rtt = median(ping(&host, SERVER, 30));
    assert!(
        (139.9..143.0).contains(&rtt),
        "{rtt} ms instead of 2 x (60 + 10)"
    );
    wire.set(Quality::default().with_loss(Loss::Random(0.3)));
    let answered = ping(&host, SERVER, 300).len();
    assert!(
        (100..200).contains(&answered),
        "{answered} of 300, 147 expected"
    );
}

#[test]
fn a_host_moves_between_networks_is_renumbered_unplugged_and_switched() {
    let Some(mut world) = or_skip(|| World::build(weather(4))) else {
        return;
    };
    let lan = |world: &mut World, name: &str, network| {
        let number = world.add_access(name, network).unwrap();
        world.access(number).unwrap().lan().clone()
    };
    let home = lan(&mut world, "home", Network::DualStack);
    let cafe = lan(&mut world, "cafe", Network::PublicV4);
    let mut host = world.add_host_in("host", &home).unwrap();
    let reaches = |host: &ntm_lab::host::Host| !ping(host, SERVER, 2).is_empty();
    let has = |host: &ntm_lab::host::Host, ip: &str| {
        let shown = host
            .namespace()
            .command("ip")
            .args(["addr"])
            .output()
            .unwrap();
        String::from_utf8(shown.stdout).unwrap().contains(ip)
    };
    assert!(reaches(&host) && has(&host, "192.168.1.2/24"));
    host.renumber(Radio::First).unwrap();
    assert!(reaches(&host) && has(&host, "192.168.1.3/24") && !has(&host, "192.168.1.2/24"));
    host.join(Radio::First, &cafe).unwrap();
    assert!(reaches(&host) && has(&host, "192.0.2.10/29") && !has(&host, "192.168.1.3/24"));
    host.set_carrier(Radio::First, false).unwrap();
    assert!(!reaches(&host), "the cable is pulled");
    host.join(Radio::Second, &home).unwrap();
    assert!(reaches(&host), "the other interface takes over");
    host.leave(Radio::Second).unwrap();
    host.set_carrier(Radio::First, true).unwrap();
    assert!(reaches(&host));
    host.set_silent(Radio::First, true).unwrap();
    assert!(
        !reaches(&host),
        "everything looks well, and nothing goes through"
    );
    host.set_silent(Radio::First, false).unwrap();
    host.switch(Radio::First, false).unwrap();
    assert!(!reaches(&host) && !has(&host, "192.0.2.10/29"));
    host.switch(Radio::First, true).unwrap();
    assert!(reaches(&host) && has(&host, "192.0.2.10/29"));
}

/// A run of the binary that builds a world and stays, and the start of its namespaces' names.
fn long_run() -> (std::process::Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ntm-lab"));
    command.args(["shell", "nat64:cgnat", "--", "sleep", "100"]);
    let child = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let prefix = format!("ntm-lab-{}-", child.id());
    let until = Instant::now() + Duration::from_secs(60);
    while !sleeps(&prefix) {
        assert!(Instant::now() < until, "the run has no world yet");
        std::thread::sleep(Duration::from_millis(50));
    }
    (child, prefix)
}

fn namespaces(prefix: &str) -> Vec<String> {
    let names = std::fs::read_dir("/run/netns")
        .into_iter()
        .flatten()
        .flatten();
    let names = names.filter_map(|e| e.file_name().into_string().ok());
    names.filter(|n| n.starts_with(prefix)).collect()
}

/// Whether the run's last process is there: all else is, then.
fn sleeps(prefix: &str) -> bool {
    namespaces(prefix)
        .iter()
        .filter(|n| n.contains("caller"))
        .any(|n| {
            let pids = Command::new("ip")
                .args(["netns", "pids", n])
                .output()
                .unwrap();
            !pids.stdout.is_empty()
        })
}

/// What a run could leave: namespaces, their files, its folder, its processes.
fn leftovers(prefix: &str) -> Vec<String> {
    let id = prefix.trim_start_matches("ntm-lab-");
    let mut left = namespaces(prefix);
    for folder in ["/run/ntm-lab", "/etc/netns"] {
        let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let names = names.filter_map(|e| e.file_name().into_string().ok());
        let ours = |n: &String| format!("{}-", n.trim_start_matches("ntm-lab-")).starts_with(id);
        left.extend(names.filter(ours));
    }
    let processes = Command::new("ps")
        .args(["-eo", "pid,args"])
        .output()
        .unwrap();
    let processes = String::from_utf8(processes.stdout).unwrap();
    let folder = format!("/run/ntm-lab/{id}");
    let ours = |l: &&str| l.contains(&folder);
    left.extend(processes.lines().filter(ours).map(str::to_owned));
    left
}

fn signal(child: &std::process::Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
fn a_run_that_is_killed_leaves_what_the_next_one_removes() {
    if or_skip(lease::clean).is_none() {
        return;
    }
    let (mut child, prefix) = long_run();
    signal(&child, "-KILL");
    child.wait().unwrap();
    assert!(
        !namespaces(&prefix).is_empty(),
        "there was something to remove"
    );
    lease::clean().unwrap();
    assert_eq!(leftovers(&prefix), Vec::<String>::new());
}

#[test]
fn ctrl_c_leaves_nothing() {
    if or_skip(lease::clean).is_none() {
        return;
    }
    let (mut child, prefix) = long_run();
    signal(&child, "-INT");
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130), "as shells say it");
    assert_eq!(leftovers(&prefix), Vec::<String>::new());
}

#[test]
fn a_panic_leaves_nothing() {
    let Some(world) = or_skip(|| World::build(weather(0))) else {
        return;
    };
    let prefix = world.core().name().trim_end_matches("core").to_owned();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _held = world;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_eq!(leftovers(&prefix), Vec::<String>::new());
}
