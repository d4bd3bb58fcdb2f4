//! The page reaches the program's own commands and nothing else: no file, no shell, no other host.

use std::path::Path;

use serde_json::Value;

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn each_system_has_one_capability_that_names_commands_of_this_program_and_its_events_only() {
    for system in ["linux", "windows", "macos", "android", "ios"] {
        let capability = read(&format!("capabilities/{system}.json"));
        assert_eq!(
            capability["platforms"].as_array().map(Vec::len),
            Some(1),
            "{system}"
        );
        assert_eq!(capability["windows"], serde_json::json!(["main"]));
        assert_eq!(
            capability.get("remote"),
            None,
            "no foreign page may ask anything"
        );
        for permission in capability["permissions"].as_array().unwrap() {
            let name = permission
                .as_str()
                .unwrap_or_else(|| panic!("{permission} has a scope"));
            let is_event = ["core:event:allow-listen", "core:event:allow-unlisten"].contains(&name);
            let is_ours = name.starts_with("allow-") && !name.contains('*');
            assert!(is_event || is_ours, "{system}: {name}");
        }
    }
    assert_eq!(
        read("tauri.conf.json")["app"]["security"]["capabilities"]
            .as_array()
            .map(Vec::len),
        Some(5)
    );
}

#[test]
fn the_content_security_policy_lets_nothing_in_from_elsewhere() {
    let policy = read("tauri.conf.json")["app"]["security"]["csp"].clone();
    let policy = policy.as_object().unwrap();
    assert_eq!(policy["default-src"], "'none'");
    for (directive, sources) in policy {
        for source in sources.as_str().unwrap().split_whitespace() {
            let is_inner =
                ["'none'", "'self'", "data:", "ipc:", "http://ipc.localhost"].contains(&source);
            let is_style = directive == "style-src" && source == "'unsafe-inline'";
            assert!(is_inner || is_style, "{directive} {source}");
        }
    }
    assert_eq!(
        policy["script-src"], "'self'",
        "no script but the program's own"
    );
}

#[test]
fn no_plugin_that_opens_files_shells_or_connections_is_in_the_program() {
    let manifest =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    for plugin in [
        "plugin-fs",
        "plugin-shell",
        "plugin-http",
        "plugin-opener",
        "plugin-process",
        "plugin-websocket",
        "plugin-upload",
        "plugin-sql",
    ] {
        assert!(!manifest.contains(plugin), "{plugin}");
    }
}
