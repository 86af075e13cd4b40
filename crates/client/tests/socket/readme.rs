//! The README's tables keep their word: every endpoint of the source documents, every contradiction,
//! and no test that does not exist.

use std::path::PathBuf;

const README: &str = include_str!("../../README.md");

/// The endpoints of the four source documents and of the vendors' later pages, method and last part of the path.
const ENDPOINTS: [&str; 24] = [
    "GET /v1/attempts/{id}/media",
    "POST /v1/sessions/{id}/media",
    "GET /v1/sessions/{id}/media",
    "POST /v1/sessions ",
    "PATCH /v1/sessions/{id} ",
    "DELETE /v1/sessions/{id} ",
    "POST /v1/sessions/{id}/collected-data",
    "/v1/sessions/validate-registry",
    "GET /v1/sessions/{id}/decision",
    "GET /v1/sessions/{id}/person",
    "GET /v1/sessions/{id}/watchlist-screening",
    "GET /v1/sessions/{id}/attempts",
    "GET /v1/media/{id}",
    "POST /api/v1/verification ",
    "GET /api/v1/verification/{sid}/result",
    "DELETE /api/v1/verification/{sid} ",
    "GET /api/v1/verification/{sid}/images ",
    "POST /api/v1/verification/{sid}/images",
    "GET /api/v1/verification/{sid}/images/{id}",
    "POST /oidc/token",
    "POST /v1/faces/import",
    "GET /api/v1/verification/{sid}/consent",
    "POST /api/v1/face-auth ",
    "GET /api/v1/face-auth/{sid}/result",
];

/// The rows of the table below a heading, as cells.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let section = README.split(&format!("\n## {heading}\n")).nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The names in backticks that look like tests: `room::name` and, marked so, `unit room::name`.
fn tests(cell: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    let mut unit = false;
    for (index, piece) in cell.split('`').enumerate() {
        if index % 2 == 0 {
            unit = piece.trim_end().ends_with("unit");
        } else {
            found.push((unit, piece.to_owned()));
        }
    }
    found
}

/// Whether the test stands where its name says: beside the code, or in this folder.
fn exists(unit: bool, name: &str) -> bool {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let Some((room, test)) = name.rsplit_once("::") else { return false };
    let folder = root.join(if unit { "src" } else { "tests/socket" });
    let path = room.replace("::", "/");
    let files = [folder.join(format!("{path}.rs")), folder.join(&path).join("mod.rs")];
    let Some(text) = files.iter().find_map(|file| std::fs::read_to_string(file).ok()) else { return false };
    // The name, right behind a test's attribute.
    text.match_indices(&format!("fn {test}(")).any(|(at, _)| {
        let before = text[..at].trim_end().trim_end_matches("async").trim_end();
        before.ends_with("#[test]") || before.ends_with("#[tokio::test]")
    })
}

#[test]
fn every_endpoint_of_the_documents_has_a_test() {
    let rows = table("Endpoints");
    assert!(rows.len() >= 21, "{}", rows.len());
    for endpoint in ENDPOINTS {
        let wanted = format!("{endpoint} ");
        let row = rows.iter().find(|row| format!("{}  ", row[0].replace(',', " ")).contains(&wanted));
        assert!(row.is_some(), "{endpoint} is not in the table");
    }
    for row in rows {
        let tests = tests(row[2]);
        assert!(!tests.is_empty(), "{} has no test", row[0]);
        for (unit, name) in tests {
            assert!(!unit && exists(false, &name), "{}: there is no test `{name}` over a socket", row[0]);
        }
    }
}

#[test]
fn every_contradiction_has_a_test_or_a_reason() {
    let rows = table("Contradictions of the documents");
    let numbers: Vec<usize> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=38).collect::<Vec<_>>());
    for row in rows {
        let tests = tests(row[3]);
        let reasoned = row[3] == "—" && row[2].split_whitespace().count() >= 5;
        assert!(reasoned || !tests.is_empty(), "{}: neither a test nor a reason", row[0]);
        for (unit, name) in tests {
            assert!(exists(unit, &name), "{}: there is no test `{name}`", row[0]);
        }
    }
}

#[test]
fn every_code_is_in_the_readme_with_a_meaning() {
    let source = include_str!("../../src/veriff/errors.rs");
    let codes =
        source.lines().filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" => ")).map(|(code, _)| code);
    let rows = table("Errors");
    let mut count = 0;
    for code in codes {
        let number: u16 = code.parse().unwrap();
        let there = rows.iter().any(|row| {
            row[0].split(", ").any(|part| match part.split_once('–') {
                Some((from, to)) => (from.parse().unwrap()..=to.parse().unwrap()).contains(&number),
                None => part == code,
            })
        });
        assert!(there, "{code} is not in the README");
        count += 1;
    }
    assert!(count >= 35, "{count}");
}

#[test]
fn a_name_that_is_none_is_found_out() {
    assert!(exists(false, "readme::a_name_that_is_none_is_found_out"));
    assert!(exists(true, "context::both_lists_are_known_by_name"));
    assert!(!exists(false, "readme::table") && !exists(false, "readme::nothing") && !exists(true, "nowhere::at_all"));
}
