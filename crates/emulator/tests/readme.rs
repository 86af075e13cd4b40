//! The README names every route, option and effect, and its examples are accepted.

mod common;

use sealpress_emulator::{Emulator, Options};
use serde_json::Value;

const README: &str = include_str!("../README.md");

#[test]
fn every_option_is_described() {
    let options = serde_json::to_value(Options::default()).unwrap();
    for name in options.as_object().unwrap().keys() {
        assert!(README.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn every_rule_is_accepted_and_every_effect_is_shown() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let mut kinds = std::collections::BTreeSet::new();
    for piece in README.split('`').filter(|piece| piece.starts_with("{\"kind\"")) {
        let effect: Value = serde_json::from_str(piece).unwrap();
        kinds.insert(effect["kind"].as_str().unwrap().to_owned());
        let rule = serde_json::json!({ "effect": effect }).to_string();
        let answer = common::control(&emulator, "POST", "faults", &rule);
        assert_eq!(answer.status, 200, "{piece}: {}", String::from_utf8_lossy(&answer.body));
    }
    // Unknown kinds are refused with the list of the known ones.
    let answer = common::control(&emulator, "POST", "faults", r#"{"effect":{"kind":"?"}}"#);
    let text = answer.json()["error"].as_str().unwrap().to_owned();
    let known: Vec<&str> = text.split("expected one of").nth(1).unwrap().split('`').skip(1).step_by(2).collect();
    assert!(known.len() > 10);
    for kind in known {
        assert!(kinds.contains(kind), "the README has no example of {kind}");
    }
    let toml = README.split("```toml").nth(1).unwrap().split("```").next().unwrap();
    assert!(Emulator::builder().script(toml).is_ok());
}

#[test]
fn every_route_is_described_by_its_name() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let mut named = 0;
    for line in README.lines().filter(|l| l.starts_with("| `") && l.contains("/v1/") || l.starts_with("| `token`")) {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let name = cells.next().unwrap().trim_matches('`');
        let rule = serde_json::json!({ "routes": [name], "effect": { "kind": "status", "status": 299, "body": name } });
        assert_eq!(common::control(&emulator, "POST", "faults", &rule.to_string()).status, 200, "{name}");
        // The request in the next cell is this route.
        let request = cells.next().unwrap().trim_matches('`').split('`').next().unwrap();
        let (method, path) = request.split_once(' ').unwrap();
        let path = path.split('[').next().unwrap().replace(['{', '}'], "");
        let answer = common::raw(&emulator, method, &path, &[], b"").unwrap();
        assert_eq!((answer.status, String::from_utf8_lossy(&answer.body).as_ref()), (299, name), "{request}");
        named += 1;
    }
    assert_eq!(named, 24);
}
