//! Which of Veriff's reasons a finding of ours would most likely become. A mapping of ours: it predicts no verdict.

use sealpress_media::{FindingCode, Subject};

/// The resubmission code of a session, then the granular ones, which an integration may have instead. No finding
/// becomes 201, 203, 205, 614 or 615: framing, missing media and several documents are not seen here.
pub(super) const fn codes(finding: FindingCode, subject: Subject) -> &'static [&'static str] {
    match (finding, subject) {
        (FindingCode::Blank, Subject::Face) => &["208", "605"],
        (FindingCode::Blank, _) => &["209", "608", "609"],
        // No finding of a face.
        (FindingCode::Glare, Subject::Face) => &[],
        (_, Subject::Face) => &["202", "606"],
        _ => &["204", "619"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_become_the_reasons_of_the_public_table() {
        assert_eq!(codes(FindingCode::Blank, Subject::Face), ["208", "605"]);
        assert_eq!(codes(FindingCode::Blank, Subject::Document), ["209", "608", "609"]);
        for finding in FindingCode::ALL.into_iter().filter(|code| *code != FindingCode::Blank) {
            assert_eq!(codes(finding, Subject::Document), ["204", "619"]);
        }
        assert_eq!(codes(FindingCode::TooDark, Subject::Face), ["202", "606"]);
        assert!(codes(FindingCode::Glare, Subject::Face).is_empty());
        let seen = FindingCode::ALL.into_iter().flat_map(|code| codes(code, Subject::Document));
        assert!(seen.into_iter().all(|code| !["201", "203", "205", "614", "615"].contains(code)));
    }
}
