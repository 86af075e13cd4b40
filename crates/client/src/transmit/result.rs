//! Results of verifications, in whichever of their two shapes they come.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::SessionId;
use super::wire::ImageInfo;
use crate::error::Error;
use crate::lenient::{self, Json};
use crate::open_enum::open_enum;

open_enum! {
    /// Where a verification stands.
    ResultStatus {
        /// Not begun.
        Pending = "pending",
        /// Images are wanted.
        Capturing = "capturing",
        /// All images are in.
        Processing = "processing",
        /// Better images are wanted.
        Recapture = "recapture",
        /// Decided.
        Complete = "complete",
        /// Failed.
        Failed = "error",
    }
}

open_enum! {
    /// What the vendor recommends.
    Recommendation {
        /// Let the person in.
        Allow = "ALLOW",
        /// Ask for more.
        Challenge = "CHALLENGE",
        /// Do not let the person in.
        Deny = "DENY",
        /// Not checked.
        NotApplicable = "N/A",
    }
}

/// A result in whichever shape it came.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum VerificationResult {
    /// Not decided.
    Incomplete {
        /// Where it stands.
        status: ResultStatus,
    },
    /// Decided, detailed.
    Complete(Box<CompleteResult>),
    /// Decided, in the deprecated shape.
    Deprecated(Box<DeprecatedResult>),
}

/// A decision with its checks.
#[derive(Clone, Deserialize, Serialize)]
#[non_exhaustive]
pub struct CompleteResult {
    /// The session.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub session_id: Option<SessionId>,
    /// The decision.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub recommendation: Option<Recommendation>,
    /// The person. Countries, genders and dates differ between the vendor's own pages, so all of
    /// it is handed through.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub person: Option<Json>,
    /// The document, handed through.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub document: Option<Json>,
    /// The checks by name, such as `document_liveness`.
    #[serde(default)]
    pub checks: BTreeMap<String, Check>,
    /// The images that were looked at.
    #[serde(default, deserialize_with = "lenient::some")]
    pub verification_images: Vec<ImageInfo>,
    /// Address, national status, employment; handed through.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub additional_info: Option<Json>,
    /// Risk signals; handed through.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub risk_details: Option<Json>,
}

/// One check.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Check {
    /// Its own recommendation; may be `N/A`.
    #[serde(deserialize_with = "lenient::opt")]
    pub recommendation: Option<Recommendation>,
    /// Why, such as `mrz_check_digits_invalid`; open.
    #[serde(deserialize_with = "lenient::some")]
    pub reasons: Vec<String>,
}

/// A decision in the shape that older tenants get.
#[derive(Clone, Deserialize, Serialize)]
#[non_exhaustive]
pub struct DeprecatedResult {
    /// The decision.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub recommendation: Option<Recommendation>,
    /// Why it was refused.
    #[serde(default, deserialize_with = "lenient::some")]
    pub rejection_description: Vec<Json>,
    /// Person and document as read; handed through.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub extracted_info: Option<Json>,
    /// Person and document as verified; handed through.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub verified_info: Option<Json>,
}

impl VerificationResult {
    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> ResultStatus {
        match self {
            Self::Incomplete { status } => status.clone(),
            Self::Complete(_) | Self::Deprecated(_) => ResultStatus::Complete,
        }
    }

    /// The decision, once there is one.
    #[must_use]
    pub fn recommendation(&self) -> Option<&Recommendation> {
        match self {
            Self::Incomplete { .. } => None,
            Self::Complete(result) => result.recommendation.as_ref(),
            Self::Deprecated(result) => result.recommendation.as_ref(),
        }
    }

    /// Reads a result by its shape: only the new one has `checks`.
    pub(super) fn read(body: &[u8], operation: &'static str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Any {
            status: ResultStatus,
            checks: Option<Json>,
        }
        let any: Any = lenient::parse(body, operation)?;
        Ok(match any {
            Any { status: ResultStatus::Complete, checks: Some(_) } => {
                Self::Complete(Box::new(lenient::parse(body, operation)?))
            }
            Any { status: ResultStatus::Complete, checks: None } => {
                Self::Deprecated(Box::new(lenient::parse(body, operation)?))
            }
            Any { status, .. } => Self::Incomplete { status },
        })
    }
}

/// Personal data does not print.
impl fmt::Debug for CompleteResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompleteResult({:?}, {} checks)", self.recommendation, self.checks.len())
    }
}

impl fmt::Debug for DeprecatedResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeprecatedResult({:?})", self.recommendation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> VerificationResult {
        VerificationResult::read(json.as_bytes(), "test").unwrap()
    }

    #[test]
    fn shapes_are_told_apart() {
        let complete = r#"{"session_id":"s","status":"complete","recommendation":"DENY","person":{"full_name":"Canary"},
            "document":{},"checks":{"document_liveness":{"recommendation":"N/A","reasons":["presentation_attack"]},
            "new_check":{}},"verification_images":[{"id":"i","type":"selfie"}]}"#;
        let result = read(complete);
        assert!(!format!("{result:?}").contains("Canary"));
        let VerificationResult::Complete(complete) = result else { panic!("not complete") };
        assert_eq!(complete.recommendation, Some(Recommendation::Deny));
        assert_eq!(complete.checks["document_liveness"].recommendation, Some(Recommendation::NotApplicable));
        assert_eq!(complete.verification_images.len(), 1);

        let old = r#"{"status":"complete","recommendation":"ALLOW","rejection_description":[],
            "extracted_info":{"person":{"gender":"F","country":"USA"}}}"#;
        assert!(matches!(read(old), VerificationResult::Deprecated(_)));
        for status in ["pending", "capturing", "processing", "recapture", "error", "novel"] {
            let result = read(&format!(r#"{{"session_id":"s","status":"{status}"}}"#));
            assert_eq!((result.status().as_str(), result.recommendation()), (status, None));
        }
    }
}
