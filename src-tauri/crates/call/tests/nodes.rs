//! Telephones on real nodes, with a coordinator and a relay on loopback sockets.

use std::time::Duration;

use ed25519_dalek::SigningKey;
use ntm::Node;
use voice_call::core::{By, EndReason, Event, Limits, Presence};
use voice_call::{Events, Phone, PhoneConfig, RtpSocket};

use crate::bench::name;
use crate::harness::World;
use crate::memory::until;
use crate::phones::{answered, ended, incoming};

const PEOPLE: [&str; 2] = ["alice.example.org", "bob.example.org"];

async fn node(world: &World, device: &str, account: &str) -> Node {
    world.device(device, account).node(&PEOPLE).await
}

async fn phone(node: &Node) -> (Phone, Events) {
    let limits = Limits {
        ringing_from_one: 64,
        ..Limits::default()
    };
    let config = PhoneConfig {
        limits,
        ..PhoneConfig::on(node.clone())
    };
    Phone::start(config).await.unwrap()
}

async fn hears(socket: &RtpSocket, what: &[u8]) {
    let mut buffer = [0; 1500];
    let received = tokio::time::timeout(Duration::from_secs(20), socket.recv(&mut buffer));
    let len = received.await.unwrap().unwrap();
    assert_eq!(&buffer[..len], what);
}

/// Kilobytes of this process in memory.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4
}

#[tokio::test]
async fn two_people_call_talk_hold_write_and_hang_up() {
    let world = World::start(&PEOPLE).await;
    let (at_bob, at_alice) = (
        node(&world, "phone", "bob").await,
        node(&world, "laptop", "alice").await,
    );
    let (bob, mut bobs) = phone(&at_bob).await;
    let (alice, mut alices) = phone(&at_alice).await;
    let ours = alice.call(&name("bob.example.org"));
    let (theirs, who) = until(&mut bobs, |n| {
        if let Event::Incoming { call, from } = &n.event {
            Some((*call, from.clone()))
        } else {
            None
        }
    })
    .await;
    assert_eq!(who.name, name("laptop.alice.example.org"), "as certified");
    bob.accept(theirs);
    let (mouth, ear) = (answered(&mut alices).await, answered(&mut bobs).await);
    mouth.send(b"sound").await.unwrap();
    hears(&ear, b"sound").await;
    ear.send(b"back").await.unwrap();
    hears(&mouth, b"back").await;

    alice.hold(ours);
    until(&mut bobs, |n| {
        if let Event::Held { there: true, .. } = n.event {
            Some(())
        } else {
            None
        }
    })
    .await;
    alice.resume(ours);
    until(&mut bobs, |n| {
        if let Event::Held { there: false, .. } = n.event {
            Some(())
        } else {
            None
        }
    })
    .await;
    bob.send_text(&name("alice.example.org"), "まだいる?")
        .unwrap();
    until(&mut alices, |n| {
        if let Event::Text { text, .. } = &n.event
            && text == "まだいる?"
        {
            Some(())
        } else {
            None
        }
    })
    .await;
    bob.hang_up(theirs);
    let there = EndReason::HungUp { by: By::There };
    assert_eq!(ended(&mut alices).await, there);
    world_ends([at_alice, at_bob]).await;
}

async fn world_ends<const N: usize>(nodes: [Node; N]) {
    for node in nodes {
        node.shutdown().await;
    }
}

#[tokio::test]
async fn both_devices_of_a_person_ring_and_one_takes_it() {
    let world = World::start(&PEOPLE).await;
    let root = SigningKey::from_bytes(&[7; 32]);
    let bobs = |device: &str| world.device_of(&root, device, "bob");
    let nodes = [
        node(&world, "laptop", "alice").await,
        bobs("phone").node(&PEOPLE).await,
        bobs("tablet").node(&PEOPLE).await,
    ];
    let (alice, mut alices) = phone(&nodes[0]).await;
    let (_first, mut firsts) = phone(&nodes[1]).await;
    let (second, mut seconds) = phone(&nodes[2]).await;
    alice.call(&name("bob.example.org"));
    incoming(&mut firsts).await;
    second.accept(incoming(&mut seconds).await);
    answered(&mut alices).await;
    assert_eq!(ended(&mut firsts).await, EndReason::AnsweredElsewhere);
    world_ends(nodes).await;
}

#[tokio::test]
async fn who_is_not_there_is_told_by_reason() {
    let world = World::start(&PEOPLE).await;
    let nodes = [node(&world, "laptop", "alice").await];
    let (alice, mut alices) = phone(&nodes[0]).await;
    for (who, reason) in [
        ("bob.example.org", EndReason::Offline),
        ("nobody.example.org", EndReason::NoSuchPerson),
        ("alice.example.org", EndReason::Yourself),
    ] {
        alice.call(&name(who));
        assert_eq!(ended(&mut alices).await, reason, "{who}");
    }
    world_ends(nodes).await;
}

#[tokio::test]
async fn suspecting_every_path_sends_no_datagram_of_sip() {
    let world = World::start(&PEOPLE).await;
    let (at_bob, at_alice) = (
        node(&world, "phone", "bob").await,
        node(&world, "laptop", "alice").await,
    );
    let (bob, mut bobs) = phone(&at_bob).await;
    let (alice, mut alices) = phone(&at_alice).await;
    alice.call(&name("bob.example.org"));
    bob.accept(incoming(&mut bobs).await);
    let (mouth, ear) = (answered(&mut alices).await, answered(&mut bobs).await);
    mouth.send(b"1").await.unwrap();
    hears(&ear, b"1").await;
    let sent = |usage: voice_call::Usage| usage.counters.sent;
    let before = (sent(alice.usage().await), sent(bob.usage().await));
    for _ in 0..3 {
        at_alice.slept(Duration::from_secs(60));
        at_bob.slept(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(500)).await;
        mouth.send(b"2").await.unwrap();
        hears(&ear, b"2").await;
    }
    assert_eq!((sent(alice.usage().await), sent(bob.usage().await)), before);
    world_ends([at_alice, at_bob]).await;
}

#[tokio::test]
async fn a_thousand_calls_in_a_row_leave_nothing() {
    let world = World::start(&PEOPLE).await;
    let (at_bob, at_alice) = (
        node(&world, "phone", "bob").await,
        node(&world, "laptop", "alice").await,
    );
    let (bob, mut bobs) = phone(&at_bob).await;
    let (alice, mut alices) = phone(&at_alice).await;
    let begun = std::time::Instant::now();
    let mut warm = (0, 0);
    for n in 0..1000 {
        let ours = alice.call(&name("bob.example.org"));
        bob.accept(incoming(&mut bobs).await);
        let mouth = answered(&mut alices).await;
        let ear = answered(&mut bobs).await;
        mouth.send(b"hello").await.unwrap();
        hears(&ear, b"hello").await;
        alice.hang_up(ours);
        ended(&mut alices).await;
        ended(&mut bobs).await;
        if n == 199 {
            let tasks = tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks();
            warm = (resident(), tasks);
        }
    }
    let took = begun.elapsed();
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    println!(
        "1,000 calls in {took:?}; resident {} kB after 200, {} kB after 1,000; tasks {} and {tasks}; {:?}",
        warm.0,
        resident(),
        warm.1,
        alice.usage().await
    );
    for phone in [&alice, &bob] {
        let usage = phone.usage().await;
        assert_eq!((usage.calls, usage.sockets, usage.questions), (0, 0, 0));
    }
    assert!(tasks <= warm.1, "a task for each call would be 800 more");
    // What is remembered for a minute is about 6 kB a call; a leaked socket has a buffer of its own.
    assert!(resident() < warm.0 + 16_000, "{} kB", resident());
    world_ends([at_alice, at_bob]).await;
}

#[tokio::test]
async fn fifty_calls_at_once_into_one_echo() {
    let world = World::start(&PEOPLE).await;
    let (at_bob, at_alice) = (
        node(&world, "phone", "bob").await,
        node(&world, "laptop", "alice").await,
    );
    let (echo, mut at_echo) = phone(&at_bob).await;
    let answering = tokio::spawn(async move {
        while let Some(notice) = at_echo.next().await {
            match (notice.event, notice.socket) {
                (Event::Incoming { call, .. }, _) => echo.accept(call),
                (Event::Answered { .. }, Some(socket)) => {
                    tokio::spawn(async move {
                        let mut buffer = [0; 1500];
                        while let Ok(len) = socket.recv(&mut buffer).await {
                            let _ = socket.send(&buffer[..len]).await;
                        }
                    });
                }
                _ => {}
            }
        }
        echo.usage().await
    });
    let (alice, mut alices) = phone(&at_alice).await;
    let calls: Vec<_> = (0..50)
        .map(|_| alice.call(&name("bob.example.org")))
        .collect();
    let mut sockets = Vec::new();
    for _ in &calls {
        sockets.push(answered(&mut alices).await);
    }
    assert_eq!(alice.usage().await.sockets, 50);
    for (n, socket) in sockets.iter().enumerate() {
        socket.send(format!("call {n}").as_bytes()).await.unwrap();
    }
    for (n, socket) in sockets.iter().enumerate() {
        hears(socket, format!("call {n}").as_bytes()).await;
    }
    for call in calls {
        alice.hang_up(call);
        ended(&mut alices).await;
    }
    let usage = alice.usage().await;
    assert_eq!((usage.calls, usage.sockets), (0, 0));
    answering.abort();
    world_ends([at_alice, at_bob]).await;
}

#[tokio::test]
async fn while_the_coordinator_is_dead_calls_go_on_and_new_ones_are_made_to_whom_a_tunnel_stands() {
    let mut world = World::start(&PEOPLE).await;
    let (at_bob, at_alice) = (
        node(&world, "phone", "bob").await,
        node(&world, "laptop", "alice").await,
    );
    let (bob, mut bobs) = phone(&at_bob).await;
    let (alice, mut alices) = phone(&at_alice).await;
    let ours = alice.call(&name("bob.example.org"));
    bob.accept(incoming(&mut bobs).await);
    let (mouth, ear) = (answered(&mut alices).await, answered(&mut bobs).await);
    world.stop_coordinator().await;
    mouth.send(b"still here").await.unwrap();
    hears(&ear, b"still here").await;
    alice.hang_up(ours);
    ended(&mut alices).await;
    ended(&mut bobs).await;
    alice.call(&name("bob.example.org"));
    bob.accept(incoming(&mut bobs).await);
    answered(&mut alices).await;
    world_ends([at_alice, at_bob]).await;
}

fn is_there(events: &voice_call::Notice) -> Option<Presence> {
    if let Event::Presence { presence, .. } = &events.event {
        Some(*presence)
    } else {
        None
    }
}

async fn becomes(events: &mut Events, wanted: Presence) {
    until(events, |n| is_there(n).filter(|p| *p == wanted)).await;
}

#[tokio::test]
async fn presence_is_told_both_ways_and_a_node_that_ends_is_gone() {
    let world = World::start(&PEOPLE).await;
    let (at_bob, at_alice) = (
        node(&world, "phone", "bob").await,
        node(&world, "laptop", "alice").await,
    );
    let (bob, mut bobs) = phone(&at_bob).await;
    let (alice, mut alices) = phone(&at_alice).await;
    alice.share_presence([name("bob.example.org")].into());
    becomes(&mut alices, Presence::Untold).await;
    bob.share_presence([name("alice.example.org")].into());
    becomes(&mut bobs, Presence::Open).await;
    becomes(&mut alices, Presence::Open).await;
    // Without a word of its telephone: the tunnel says it.
    at_bob.shutdown().await;
    becomes(&mut alices, Presence::Closed).await;
    at_alice.shutdown().await;
}
