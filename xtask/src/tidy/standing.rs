//! What breaks a rule today and is being mended: it shrinks, and nothing is added to it.

/// The rule's test, and how its findings begin.
const STANDING: &[(&str, &str)] = &[
    // Circles.
    ("circle", "client: veriff/client ⇄ veriff/faces"),
    ("circle", "press: isolated/judge ⇄ isolated/process"),
    // Bare `true`s.
    ("bool", "crates/client/src/veriff/"),
];

/// The findings that are news.
pub(super) fn news(rule: &str, findings: Vec<String>) -> Vec<String> {
    let known = |finding: &String| STANDING.iter().any(|(of, start)| *of == rule && finding.starts_with(start));
    findings.into_iter().filter(|finding| !known(finding)).collect()
}
