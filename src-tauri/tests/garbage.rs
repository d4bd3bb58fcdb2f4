//! Every command is asked nonsense, and refuses it with a code.

use serde_json::{Value, json};
use tauri::ipc::InvokeBody;

use crate::bridge::{Bridge, code};

/// Each command that takes something, with arguments as the page sends them.
fn commands() -> Vec<(&'static str, Value)> {
    let settings = serde_json::to_value(voice_app::settings::Settings::default()).unwrap();
    vec![
        (
            "sign_up",
            json!({"invitation": "legato://invite/x", "account": "a", "password": "p", "device": null}),
        ),
        (
            "sign_in",
            json!({"server": null, "account": "a@example.org", "password": "p", "device": null}),
        ),
        ("sign_out", json!({"forgetKeys": true})),
        ("call", json!({"name": "bob"})),
        ("accept", json!({"call": 1})),
        ("decline", json!({"call": 1})),
        ("hang_up", json!({"call": 1})),
        ("hold", json!({"call": 1, "held": true})),
        ("mute", json!({"muted": true})),
        ("ptt", json!({"down": true})),
        ("record", json!({"on": true})),
        ("watch_route", json!({"call": 1, "on": true})),
        (
            "watch_levels",
            json!({"channel": "__CHANNEL__:7", "on": true}),
        ),
        ("send_text", json!({"name": "bob", "text": "hello"})),
        ("complete", json!({"typed": "b"})),
        ("set_contact", json!({"contact": {"name": "bob"}})),
        ("remove_contact", json!({"name": "bob"})),
        ("safety_number", json!({"name": "bob"})),
        ("set_verified", json!({"name": "bob", "verified": true})),
        ("set_settings", json!({ "settings": settings })),
        ("microphone_test", json!({"on": true})),
        ("echo_test", json!({"on": true})),
        ("set_autostart", json!({"on": true})),
    ]
}

/// Commands that take nothing: there is nothing to refuse.
const WITHOUT: [&str; 15] = [
    "window",
    "retry_start",
    "account_devices",
    "device_link",
    "invite",
    "clear_history",
    "mark_missed_seen",
    "sound_devices",
    "autostart",
    "doctor",
    "recent_log",
    "export_diagnostics",
    "show_window",
    "start_link",
    "quit",
];

#[test]
fn every_command_is_tried() {
    let manifest =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/build.rs")).unwrap();
    let list = manifest.split("const COMMANDS").nth(1).unwrap();
    let list = list.split("];").next().unwrap();
    let mut declared: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    let with = commands();
    let mut tried: Vec<&str> = with.iter().map(|(c, _)| *c).chain(WITHOUT).collect();
    declared.sort_unstable();
    tried.sort_unstable();
    assert_eq!(tried, declared, "commands of build.rs and of this test");
}

#[test]
fn arguments_of_another_form_are_refused_as_bad_input() {
    let bridge = Bridge::new();
    for (command, good) in commands() {
        // Who leaves the name out asks for the own number.
        let may_be_empty = command == "safety_number";
        for bad in [json!(null), json!([]), json!("x"), json!(7), json!({})] {
            if may_be_empty && bad == json!({}) {
                continue;
            }
            assert_eq!(
                code(command, bridge.ask(command, bad.clone())),
                "bad-input",
                "{command} {bad}"
            );
        }
        let bytes = InvokeBody::Raw(vec![0, 255, 7]);
        assert_eq!(
            code(command, bridge.ask(command, bytes)),
            "bad-input",
            "{command}"
        );
        for bad in spoilt(&good) {
            assert_eq!(
                code(command, bridge.ask(command, bad.clone())),
                "bad-input",
                "{command} {bad}"
            );
        }
    }
}

/// Each argument in turn replaced by what it can't be.
fn spoilt(good: &Value) -> Vec<Value> {
    let fields: Vec<&String> = good.as_object().unwrap().keys().collect();
    let nonsense = [
        json!({"a": [1, 2]}),
        json!(-1.5),
        json!([[]]),
        json!("x".repeat(1_000_000)),
        json!("\u{1b}]0;boo\u{7}"),
    ];
    let with = |field: &String, bad: &Value| {
        let mut all = good.clone();
        all[field] = bad.clone();
        all
    };
    fields
        .into_iter()
        .flat_map(|f| nonsense.iter().map(move |n| (f, n)))
        // A password may have whatever it likes in it.
        .filter(|(f, n)| *f != "password" || n.as_str().is_none_or(|s| s.len() > 1024))
        .map(|(f, n)| with(f, n))
        .collect()
}

#[test]
fn while_nobody_is_signed_in_good_questions_are_refused_with_that_code() {
    let bridge = Bridge::new();
    let elsewhere = [
        "sign_up",
        "sign_in",
        "watch_levels",
        "set_autostart",
        "watch_route",
    ];
    for (command, good) in commands() {
        if elsewhere.contains(&command) {
            continue;
        }
        assert_eq!(
            code(command, bridge.ask(command, good)),
            "not-signed-in",
            "{command}"
        );
    }
    assert_eq!(
        bridge.ask("window", json!({})).unwrap()["stage"]["is"],
        "signed_out"
    );
}

#[test]
fn an_invitation_that_is_none_is_refused_before_any_server_is_asked() {
    let bridge = Bridge::new();
    let args = json!({"invitation": "legato://invite/nonsense", "account": "a", "password": "p", "device": null});
    assert_eq!(code("sign_up", bridge.ask("sign_up", args)), "bad-input");
}

#[test]
fn settings_that_can_t_hold_are_refused() {
    let bridge = Bridge::new();
    let good = serde_json::to_value(voice_app::settings::Settings::default()).unwrap();
    for (name, bad) in [
        ("volume", json!(99)),
        ("theme", json!("plaid")),
        ("ptt_shortcut", json!("the big red one")),
    ] {
        let mut settings = good.clone();
        settings[name] = bad;
        let answer = bridge.ask("set_settings", json!({ "settings": settings }));
        assert_eq!(code("set_settings", answer), "bad-input", "{name}");
    }
}
