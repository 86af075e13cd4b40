//! Decisions: the shape that GET …/decision and the webhook share.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::wire::Status;
use super::{AttemptId, SessionId};
use crate::lenient::{self, Json};

/// What Veriff decided. Every field but the id may be missing, and new ones may come; go by
/// [`status`](Self::status), since codes are null or contradict each other in the field.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Decision {
    /// The session.
    pub id: SessionId,
    /// The attempt that was decided.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub attempt_id: Option<AttemptId>,
    /// The decision.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub status: Option<Status>,
    /// 9001 approved, 9102 declined, 9103 resubmission, 9104 expired or abandoned, 9121 review.
    #[serde(default, deserialize_with = "lenient::count")]
    pub code: Option<u64>,
    /// Why, in words.
    #[serde(default, deserialize_with = "lenient::text")]
    pub reason: Option<String>,
    /// Why, as a code; number or text on the wire.
    #[serde(default, deserialize_with = "lenient::text")]
    pub reason_code: Option<String>,
    /// When the session was opened, ISO 8601 in UTC, 3 or 6 fractional digits.
    #[serde(default, deserialize_with = "lenient::text")]
    pub acceptance_time: Option<String>,
    /// When it was submitted.
    #[serde(default, deserialize_with = "lenient::text")]
    pub submission_time: Option<String>,
    /// When it was decided.
    #[serde(default, deserialize_with = "lenient::text")]
    pub decision_time: Option<String>,
    /// Your own key.
    #[serde(default, deserialize_with = "lenient::text")]
    pub vendor_data: Option<String>,
    /// Your own id of the person.
    #[serde(default, deserialize_with = "lenient::text")]
    pub end_user_id: Option<String>,
    /// The person, as read from the document.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub person: Option<PersonData>,
    /// The document.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub document: Option<DocumentData>,
    /// Remarks.
    #[serde(default, deserialize_with = "lenient::some")]
    pub comments: Vec<Json>,
    /// Whatever registries added; open.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub additional_verified_data: Option<Json>,
    /// Risk between 0 and 1.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub risk_score: Option<RiskScore>,
    /// What speaks against the session.
    #[serde(default, deserialize_with = "lenient::some")]
    pub risk_labels: Vec<RiskLabel>,
    /// Single checks and their results.
    #[serde(default, deserialize_with = "lenient::some")]
    pub insights: Vec<Insight>,
    /// The earlier session that the face belongs to.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub biometric_authentication: Option<Json>,
    /// Unstructured documents.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub udocs: Option<Json>,
}

/// A person as a decision shows them.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the documentation: Veriff's own, passed on as text")]
pub struct PersonData {
    #[serde(deserialize_with = "lenient::text")]
    pub first_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub last_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub full_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub id_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub gender: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub date_of_birth: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub year_of_birth: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub place_of_birth: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub nationality: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub citizenship: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub pep_sanction_match: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub occupation: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub employer: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub foreigner_status: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub extra_names: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub weight: Option<String>,
    #[serde(deserialize_with = "lenient::some")]
    pub addresses: Vec<Address>,
}

/// An address, whole and in parts where Veriff could tell them apart.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the documentation: Veriff's own, passed on as text")]
pub struct Address {
    #[serde(deserialize_with = "lenient::text")]
    pub full_address: Option<String>,
    #[serde(deserialize_with = "lenient::opt")]
    pub parsed_address: Option<ParsedAddress>,
}

/// The parts of an address. Countries come as `us`, `US` and `USA`.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the documentation: Veriff's own, passed on as text")]
pub struct ParsedAddress {
    #[serde(deserialize_with = "lenient::text")]
    pub street: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub house_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub unit: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub city: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub state: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub postcode: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub country: Option<String>,
}

/// A document as a decision shows it. Countries are not always ISO codes (`UK` was seen).
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the documentation: Veriff's own, passed on as text")]
pub struct DocumentData {
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub country: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub state: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub valid_from: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub valid_until: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub first_issue: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub place_of_issue: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub issue_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub issued_by: Option<String>,
    #[serde(deserialize_with = "lenient::flag")]
    pub nfc_validated: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    pub residence_permit_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub remarks: Option<String>,
}

/// A risk between 0 and 1.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RiskScore {
    /// 0 is none.
    #[serde(deserialize_with = "lenient::real")]
    pub score: Option<f64>,
}

/// One thing that speaks against a session.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct RiskLabel {
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub label: Option<String>,
    /// Its group: client_data_mismatch, crosslinks, device, document, images, network, session, person.
    #[serde(deserialize_with = "lenient::text")]
    pub category: Option<String>,
    /// Other sessions that it points to.
    #[serde(deserialize_with = "lenient::some")]
    pub session_ids: Vec<SessionId>,
}

/// One check and its result.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Insight {
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub label: Option<String>,
    /// `yes`, `no`, or nothing where it was not checked.
    #[serde(deserialize_with = "lenient::text")]
    pub result: Option<String>,
    /// Its group.
    #[serde(deserialize_with = "lenient::text")]
    pub category: Option<String>,
}

/// Personal data does not print.
macro_rules! silent {
    ($($name:ident)+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+};
}

silent!(PersonData Address ParsedAddress DocumentData);

/// `{"status":"success","verification":null|{…},"technicalData":{…}}`
#[derive(Deserialize)]
pub(super) struct DecisionAnswer {
    /// Null while there is none; absent in old set-ups.
    #[serde(default)]
    pub(super) verification: Option<Decision>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(json: &str) -> Option<Decision> {
        lenient::parse::<DecisionAnswer>(json.as_bytes(), "test").unwrap().verification
    }

    #[test]
    fn no_decision_is_null_or_absent() {
        assert!(decision(r#"{"status":"success","verification":null}"#).is_none());
        assert!(decision(r#"{"status":"success"}"#).is_none());
    }

    #[test]
    fn oddities_of_the_field() {
        let json = r#"{"verification":{"id":"s","status":"declined","code":null,"reasonCode":102,
            "person":{"firstName":"","yearOfBirth":1990,"addresses":[{"parsedAddress":{"houseNumber":"null"}}]},
            "document":{"type":"PASSPORT","country":"UK","nfcValidated":"true"},"comments":[{"a":1}],
            "riskLabels":[{"label":"x","sessionIds":["a"]},7],"additionalVerifiedData":{},"somethingNew":[1]}}"#;
        let decision = decision(json).unwrap();
        assert_eq!((decision.code, decision.reason_code.as_deref()), (None, Some("102")));
        assert_eq!(decision.status, Some(Status::Declined));
        let person = decision.person.as_ref().unwrap();
        assert_eq!((person.first_name.as_deref(), person.year_of_birth.as_deref()), (None, Some("1990")));
        assert_eq!(person.addresses[0].parsed_address.as_ref().unwrap().house_number, None);
        assert_eq!(decision.document.as_ref().unwrap().nfc_validated, Some(true));
        assert_eq!(decision.risk_labels.len(), 1);
    }

    #[test]
    fn a_code_says_less_than_the_status() {
        // 9104 means expired or abandoned, 9121 review or, on another page, abandoned.
        for (status, code) in [("expired", 9104), ("abandoned", 9104), ("review", 9121), ("abandoned", 9121)] {
            let json = format!(r#"{{"verification":{{"id":"s","status":"{status}","code":{code}}}}}"#);
            assert_eq!(decision(&json).unwrap().status.unwrap().as_str(), status);
        }
    }

    #[test]
    fn people_do_not_print() {
        let json = r#"{"verification":{"id":"s","person":{"firstName":"Canary","addresses":[{"fullAddress":"Canary"}]},
            "document":{"number":"Canary"},"comments":["Canary"],"additionalVerifiedData":{"a":"Canary"}}}"#;
        assert!(!format!("{:?}", decision(json).unwrap()).contains("Canary"));
    }
}
