//! The whole telephone on tokio's paused clock: hours in milliseconds.

use std::sync::Arc;
use std::time::Duration;

use voice_call::core::{By, CallId, EndReason, Event, State, TextOutcome};
use voice_call::{Events, Phone, PhoneConfig, RtpSocket};

use crate::bench::name;
use crate::memory::{Network, until};

const SECOND: Duration = Duration::from_secs(1);

struct Talk {
    network: Arc<Network>,
    alice: (Phone, Events, CallId, RtpSocket),
    bob: (Phone, Events, CallId, RtpSocket),
}

pub(crate) async fn incoming(events: &mut Events) -> CallId {
    until(events, |n| {
        if let Event::Incoming { call, .. } = n.event {
            Some(call)
        } else {
            None
        }
    })
    .await
}

pub(crate) async fn answered(events: &mut Events) -> RtpSocket {
    until(events, |n| {
        if let Event::Answered { .. } = n.event {
            n.socket.clone()
        } else {
            None
        }
    })
    .await
}

pub(crate) async fn ended(events: &mut Events) -> EndReason {
    until(events, |n| {
        if let Event::Ended { reason, .. } = n.event {
            Some(reason)
        } else {
            None
        }
    })
    .await
}

async fn talk() -> Talk {
    let network = Network::new();
    let (alice, mut at_alice) = network.phone("laptop.alice.example.org").await;
    let (bob, mut at_bob) = network.phone("phone.bob.example.org").await;
    let ours = alice.call(&name("bob.example.org"));
    let theirs = incoming(&mut at_bob).await;
    bob.accept(theirs);
    let alices = answered(&mut at_alice).await;
    let bobs = answered(&mut at_bob).await;
    Talk {
        network,
        alice: (alice, at_alice, ours, alices),
        bob: (bob, at_bob, theirs, bobs),
    }
}

/// Sends 50 packets a second for ever.
fn pump(socket: &RtpSocket) {
    let (out, back) = (socket.clone(), socket.clone());
    tokio::spawn(async move {
        while out.send(b"sound").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    tokio::spawn(async move {
        let mut buffer = [0; 100];
        while back.recv(&mut buffer).await.is_ok() {}
    });
}

#[tokio::test(start_paused = true)]
async fn sound_goes_both_ways_over_a_socket_that_hears_the_other_side_only() {
    let mut talk = talk().await;
    let (alices, bobs) = (&talk.alice.3, &talk.bob.3);
    assert_eq!(bobs.remote().port() % 2, 0, "even, as RTP's are");
    let mallory = talk.network.join("pc.mallory.example.org");
    let socket = mallory.bind(16_384).await.unwrap();
    socket.send_to(b"noise", bobs.remote()).await.unwrap();
    socket.send_to(b"noise", alices.remote()).await.unwrap();
    tokio::time::sleep(SECOND).await;
    alices.send(b"to bob").await.unwrap();
    bobs.send(b"to alice").await.unwrap();
    let mut buffer = [0; 100];
    let len = alices.recv(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..len], b"to alice");
    let len = bobs.recv(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..len], b"to bob");
    assert_eq!((alices.foreign(), bobs.foreign()), (1, 1));
    talk.alice.0.hang_up(talk.alice.2);
    let there = EndReason::HungUp { by: By::There };
    assert_eq!(ended(&mut talk.bob.1).await, there);
    let gone = bobs.recv(&mut buffer).await.unwrap_err();
    assert_eq!(gone.kind(), std::io::ErrorKind::NotConnected);
    assert!(bobs.send(b"x").await.is_err() && bobs.try_recv(&mut buffer).is_err());
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_talk_with_fifty_outages_of_eight_seconds_sends_no_datagram_of_sip() {
    let talk = talk().await;
    pump(&talk.alice.3);
    pump(&talk.bob.3);
    tokio::time::sleep(SECOND).await;
    let before = talk.network.sip().len();
    for _ in 0..50 {
        tokio::time::sleep(SECOND * 64).await;
        talk.network.cut(1);
        tokio::time::sleep(SECOND * 8).await;
        talk.network.mend();
    }
    assert_eq!(talk.network.sip().split_off(before), Vec::<String>::new());
    assert_eq!(talk.alice.0.state(talk.alice.2).await, State::Active);
    assert_eq!(talk.bob.0.state(talk.bob.2).await, State::Active);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_sixty_seconds_is_survived() {
    let mut talk = talk().await;
    pump(&talk.alice.3);
    pump(&talk.bob.3);
    tokio::time::sleep(SECOND * 10).await;
    talk.network.cut(1);
    tokio::time::sleep(SECOND * 60).await;
    talk.network.mend();
    tokio::time::sleep(SECOND * 10).await;
    assert_eq!(talk.alice.0.state(talk.alice.2).await, State::Active);
    talk.bob.0.hang_up(talk.bob.2);
    let there = EndReason::HungUp { by: By::There };
    assert_eq!(ended(&mut talk.alice.1).await, there);
}

#[tokio::test(start_paused = true)]
async fn with_every_third_datagram_lost_a_call_comes_and_goes() {
    let network = Network::new();
    network.lose_every(3);
    let (alice, mut at_alice) = network.phone("laptop.alice.example.org").await;
    let (bob, mut at_bob) = network.phone("phone.bob.example.org").await;
    for _ in 0..50 {
        let ours = alice.call(&name("bob.example.org"));
        bob.accept(incoming(&mut at_bob).await);
        answered(&mut at_alice).await;
        alice.hang_up(ours);
        ended(&mut at_alice).await;
        ended(&mut at_bob).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_is_delivered_and_reported() {
    let network = Network::new();
    let (alice, mut at_alice) = network.phone("laptop.alice.example.org").await;
    let (_bob, mut at_bob) = network.phone("phone.bob.example.org").await;
    let id = alice.send_text(&name("bob.example.org"), "hello").unwrap();
    let (from, text) = until(&mut at_bob, |n| {
        if let Event::Text { from, text } = &n.event {
            Some((from.clone(), text.clone()))
        } else {
            None
        }
    })
    .await;
    assert_eq!(
        (from.name, text.as_str()),
        (name("laptop.alice.example.org"), "hello")
    );
    until(&mut at_alice, |n| {
        if let Event::TextDone {
            text,
            outcome: TextOutcome::Delivered { .. },
        } = &n.event
            && *text == id
        {
            Some(())
        } else {
            None
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn calls_leave_no_socket_no_question_and_after_a_while_no_memory() {
    let network = Network::new();
    let (alice, mut at_alice) = network.phone("laptop.alice.example.org").await;
    let (bob, mut at_bob) = network.phone("phone.bob.example.org").await;
    for n in 0..1000 {
        let ours = alice.call(&name("bob.example.org"));
        let theirs = incoming(&mut at_bob).await;
        match n % 3 {
            // Who gives up more often than a person would is busy for a while.
            0 => {
                alice.cancel(ours);
                tokio::time::sleep(SECOND).await;
            }
            1 => bob.hang_up(theirs),
            _ => {
                bob.accept(theirs);
                answered(&mut at_alice).await;
                alice.hang_up(ours);
            }
        }
        ended(&mut at_alice).await;
        ended(&mut at_bob).await;
    }
    tokio::time::sleep(SECOND * 300).await;
    for phone in [&alice, &bob] {
        let usage = phone.usage().await;
        assert_eq!((usage.calls, usage.sockets), (0, 0));
        assert_eq!((usage.remembered, usage.questions), (0, 0));
    }
    assert_eq!(network.sockets(), 2, "the two of SIP");
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(tasks, 2, "the two telephones");
    alice.stop().await;
    drop(bob);
    tokio::time::sleep(SECOND).await;
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!((tasks, network.sockets()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn stopping_hangs_up_and_a_second_telephone_on_one_device_is_refused() {
    let mut talk = talk().await;
    talk.alice.0.stop().await;
    let there = EndReason::HungUp { by: By::There };
    assert_eq!(ended(&mut talk.bob.1).await, there);
    assert_eq!(ended(&mut talk.alice.1).await, EndReason::Stopped);
    assert!(talk.alice.1.next().await.is_none());
    let overlay = talk.network.join("desk.bob.example.org");
    let first = Phone::start(PhoneConfig::over(Arc::clone(&overlay))).await;
    let second = Phone::start(PhoneConfig::over(overlay)).await;
    assert!(first.is_ok());
    assert!(matches!(second, Err(voice_call::StartError::PortTaken(_))));
}

#[tokio::test(start_paused = true)]
async fn an_application_that_fetches_no_events_stops_nobody_and_fills_no_memory() {
    let network = Network::new();
    let (alice, mut at_alice) = network.phone("laptop.alice.example.org").await;
    let (bob, _never_fetched) = network.phone("phone.bob.example.org").await;
    for _ in 0..3000 {
        alice.send_text(&name("bob.example.org"), "x").unwrap();
        tokio::time::sleep(SECOND).await;
        until(&mut at_alice, |n| {
            if let Event::TextDone { .. } = &n.event {
                Some(())
            } else {
                None
            }
        })
        .await;
    }
    let refused = bob.usage().await.counters.refused;
    assert_eq!(
        refused,
        3000 - 2 * 1024,
        "1,024 in the channel, 1,024 behind it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_taken_as_it_is_given_up_keeps_no_socket() {
    let network = Network::new();
    let (alice, mut at_alice) = network.phone("laptop.alice.example.org").await;
    let (bob, mut at_bob) = network.phone("phone.bob.example.org").await;
    let ours = alice.call(&name("bob.example.org"));
    let theirs = incoming(&mut at_bob).await;
    alice.hang_up(ours);
    assert_eq!(ended(&mut at_alice).await, EndReason::Cancelled);
    assert_eq!(ended(&mut at_bob).await, EndReason::Cancelled);
    bob.accept(theirs);
    let usage = bob.usage().await;
    assert_eq!((usage.calls, usage.sockets), (0, 0));
}
