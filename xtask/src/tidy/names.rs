//! What code may not say: a vendor's name outside its own rooms, a bare `true` in somebody's call.

use super::sources;

/// Where a vendor is named in code, and why. Comments, tests, examples and texts may name them anywhere.
const VENDORS_ROOMS: &[(&str, &str)] = &[
    ("crates/client/src/veriff/", "its own folder"),
    ("crates/client/src/transmit/", "its own folder"),
    ("crates/gateway/src/veriff/", "its own folder"),
    ("crates/gateway/src/transmit/", "its own folder"),
    ("crates/gateway/src/lib.rs", "declares the two folders"),
    ("crates/client/src/lib.rs", "declares the two folders"),
    ("crates/client/src/fuzzing.rs", "reads any bytes as answers and webhooks of one"),
    ("crates/sealpress/src/lib.rs", "re-exports them"),
    ("crates/emulator/", "stands in for both"),
    ("crates/cli/", "the operator chooses one"),
];

#[test]
fn a_vendor_is_named_in_its_own_rooms() {
    let mut named = Vec::new();
    let mut used: Vec<&str> = Vec::new();
    for file in sources().iter().filter(|file| file.is_shipped()) {
        let room = VENDORS_ROOMS.iter().find(|(room, _)| file.path.starts_with(room));
        for (number, line) in file.code().lines().enumerate() {
            let line = line.to_ascii_lowercase();
            if !["veriff", "transmit"].iter().any(|vendor| line.contains(vendor)) {
                continue;
            }
            match room {
                Some((room, _)) => used.push(room),
                None => named.push(format!("{}:{}: {}", file.path, number + 1, line.trim())),
            }
        }
    }
    assert!(named.is_empty(), "{named:#?}");
    let own = |why: &str| why == "its own folder";
    let idle: Vec<_> = VENDORS_ROOMS.iter().filter(|(room, why)| !own(why) && !used.contains(room)).collect();
    assert!(idle.is_empty(), "these rooms need no exception any more: {idle:?}");
}

/// `f(true)` says nothing at the place of the call; an enum or two functions do.
#[test]
fn no_public_function_takes_a_bool() {
    let mut found = Vec::new();
    for file in sources().iter().filter(|file| file.is_shipped()) {
        for head in public_heads(&file.code()) {
            if takes_bool(&head) {
                found.push(format!("{}: {head}", file.path));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Name and parameters of every `pub fn`.
fn public_heads(code: &str) -> Vec<String> {
    let mut heads = Vec::new();
    for (at, _) in code.match_indices("pub ") {
        let mut words = &code[at + 4..];
        while let Some(rest) = ["const ", "async ", "unsafe "].iter().find_map(|word| words.strip_prefix(word)) {
            words = rest;
        }
        let Some(rest) = words.strip_prefix("fn ") else { continue };
        let Some(open) = rest.find('(') else { continue };
        let mut depth = 0_i32;
        let close = rest[open..].char_indices().find_map(|(n, c)| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            (depth == 0).then_some(open + n + 1)
        });
        if let Some(close) = close {
            heads.push(rest[..close].split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    heads
}

fn takes_bool(head: &str) -> bool {
    head.split_once('(').is_some_and(|(_, parameters)| {
        parameters
            .trim_end_matches(')')
            .split(',')
            .any(|p| p.trim().rsplit(':').next().is_some_and(|t| t.trim() == "bool"))
    })
}

#[test]
fn bools_are_found() {
    let heads = public_heads(
        "pub const fn a(self, x: bool) {} pub fn b(f: impl Fn(bool), n: u8) -> bool {} pub(crate) fn c(x: bool)",
    );
    assert_eq!(heads, ["a(self, x: bool)", "b(f: impl Fn(bool), n: u8)"]);
    assert!(takes_bool(&heads[0]) && !takes_bool(&heads[1]));
}
