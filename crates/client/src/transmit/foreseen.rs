//! Which feedback of Transmit Security's a finding of ours would most likely become. A mapping of ours: it predicts
//! no verdict.

use sealpress_media::{FindingCode, Subject};

/// Its words; none for light, haze and noise, of which it says nothing.
pub(super) const fn codes(finding: FindingCode, subject: Subject) -> &'static [&'static str] {
    match (finding, subject) {
        (FindingCode::Blank, Subject::Face) => &["face_not_found"],
        (FindingCode::Blank, _) => &["document_not_found"],
        (FindingCode::BlurredHeavily | FindingCode::Blurred, Subject::Face) => &["blur_selfie"],
        (FindingCode::BlurredHeavily | FindingCode::Blurred, _) => &["blur"],
        (FindingCode::Glare, Subject::Document) => &["glare"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_become_the_feedback_of_the_public_table() {
        assert_eq!(codes(FindingCode::Blurred, Subject::Face), ["blur_selfie"]);
        assert_eq!(codes(FindingCode::BlurredHeavily, Subject::Document), ["blur"]);
        assert_eq!(codes(FindingCode::Glare, Subject::Document), ["glare"]);
        assert_eq!(codes(FindingCode::Blank, Subject::Face), ["face_not_found"]);
        assert!(codes(FindingCode::Noisy, Subject::Document).is_empty());
    }
}
