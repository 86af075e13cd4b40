//! What is said about a new session and about a person's device; what is not said is left out.

use std::fmt;

use sealpress_media::Fault;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::open_enum::open_enum;
use crate::provider::NewSession;

/// Everything that can be said of a new session. All of it is optional; what is not said is left
/// out, never null.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SessionRequest {
    /// Where the person is sent afterwards; HTTPS only (1302).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback: Option<String>,
    /// The person.
    #[serde(skip_serializing_if = "PersonRequest::is_empty")]
    pub person: PersonRequest,
    /// The document.
    #[serde(skip_serializing_if = "DocumentRequest::is_empty")]
    pub document: DocumentRequest,
    /// The address, for registries and proofs of address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<AddressRequest>,
    /// Your own key, at most 1,000 characters (1500); comes back unmodified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor_data: Option<String>,
    /// Your own id of the person, a UUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_user_id: Option<String>,
    /// Consents that registries ask for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<Consent>,
    /// Fields that this version does not know, such as `proofOfAddress`; they stand beside the
    /// others and win over them.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The person of a [`SessionRequest`]. In test integrations the first name steers the decision:
/// `Approve`, `Decline`, `Resubmit`.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the documentation: Veriff's own")]
pub struct PersonRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `M` or `F`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    /// YYYY-MM-DD (1203).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_of_birth: Option<String>,
    /// `single`, `married`, `divorced` or `widowed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marital_status: Option<String>,
    /// The documents show that this exists, not how it is written; this is the likely way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_deceased: Option<bool>,
}

open_enum! {
    /// Kinds of documents.
    DocumentType {
        /// A passport.
        Passport = "PASSPORT",
        /// An identity card.
        IdCard = "ID_CARD",
        /// A driving licence.
        DriversLicense = "DRIVERS_LICENSE",
        /// A residence permit.
        ResidencePermit = "RESIDENCE_PERMIT",
        /// A visa.
        Visa = "VISA",
        /// None of these: in answers only.
        Unlisted = "OTHER",
    }
}

/// The document of a [`SessionRequest`].
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DocumentRequest {
    /// Letters and digits only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Which kind of document (2103 for others).
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<DocumentType>,
    /// Colombia only: `CC`, `CE` or `TI`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_card_type: Option<String>,
    /// Date of issue, YYYY-MM-DD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_issue: Option<String>,
}

/// An address, whole or in parts.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the documentation: Veriff's own")]
pub struct AddressRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub house_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// A consent of the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Consent {
    /// To what, such as `ine`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it was given.
    pub approved: bool,
}

impl Consent {
    /// The person agreed to `kind`.
    #[must_use]
    pub fn given(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), approved: true }
    }

    /// The person was asked about `kind` and did not agree.
    #[must_use]
    pub fn refused(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), approved: false }
    }
}

impl PersonRequest {
    fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

impl DocumentRequest {
    fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

impl From<&NewSession> for SessionRequest {
    fn from(new: &NewSession) -> Self {
        Self {
            callback: new.callback.clone(),
            person: PersonRequest {
                first_name: new.first_name.clone(),
                last_name: new.last_name.clone(),
                ..PersonRequest::default()
            },
            vendor_data: new.vendor_data.clone(),
            ..Self::default()
        }
    }
}

const LONG_DATA: &str = "vendor data is longer than 1,000 characters";

impl SessionRequest {
    /// What Veriff would refuse without a doubt is refused here.
    pub(super) fn check(&self, operation: &'static str) -> Result<(), Error> {
        if self.callback.as_deref().is_some_and(|url| !url.starts_with("https://")) {
            return Err(Error::config(operation, "the callback must be https"));
        }
        if self.has_long_data() {
            return Err(Error::config(operation, LONG_DATA));
        }
        Ok(())
    }

    /// The same for one person of many, whose data are no setting: the next one's may be shorter.
    pub(super) fn check_person(&self, operation: &'static str) -> Result<(), Error> {
        if self.has_long_data() { Err(Error::media(operation, Fault::Caller, LONG_DATA)) } else { Ok(()) }
    }

    fn has_long_data(&self) -> bool {
        self.vendor_data.as_deref().is_some_and(|data| data.chars().count() > 1000)
    }

    /// What a registry asks for at least: 1308, 1309 and 1310 otherwise.
    pub(super) fn check_registry(&self, operation: &'static str) -> Result<(), Error> {
        let person = &self.person;
        let address = self.address.as_ref().is_some_and(|a| {
            a.full_address.is_some() || (a.street.is_some() && a.house_number.is_some() && a.postcode.is_some())
        });
        let name = person.full_name.is_some() || (person.first_name.is_some() && person.last_name.is_some());
        let reason = match () {
            () if person.id_number.is_none() => "a registry needs an id number",
            () if !name => "a registry needs a full name, or first and last name",
            () if person.date_of_birth.is_none() && !address => "a registry needs a date of birth or an address",
            () => return self.check(operation),
        };
        Err(Error::config(operation, reason))
    }
}

/// What was observed of the person's device. Three things are mandatory; the exact names of most
/// others are not documented, so they go through [`extra`](Self::extra).
#[derive(Clone)]
#[non_exhaustive]
pub struct CollectedData {
    /// Who collected it, at most 255 characters.
    pub provider_name: String,
    /// The device's address; either family.
    pub ip: std::net::IpAddr,
    /// The device's fingerprint, at most 255 characters.
    pub fingerprint: String,
    /// The person's e-mail address.
    pub email: Option<String>,
    /// The person's phone number.
    pub phone_number: Option<String>,
    /// Objects merged into the body: `{"network":{"ssid":"…"},"browser":{…}}`.
    pub extra: Map<String, Value>,
}

impl CollectedData {
    /// The mandatory part.
    #[must_use]
    pub fn new(provider_name: impl Into<String>, ip: std::net::IpAddr, fingerprint: impl Into<String>) -> Self {
        Self {
            provider_name: provider_name.into(),
            ip,
            fingerprint: fingerprint.into(),
            email: None,
            phone_number: None,
            extra: Map::new(),
        }
    }

    pub(super) fn to_json(&self, operation: &'static str) -> Result<Value, Error> {
        for (text, reason) in [
            (&self.provider_name, "the provider's name has 1 to 255 characters"),
            (&self.fingerprint, "the fingerprint has 1 to 255 characters"),
        ] {
            if !(1..=255).contains(&text.chars().count()) {
                return Err(Error::config(operation, reason));
            }
        }
        let family = if self.ip.is_ipv4() { "addressV4" } else { "addressV6" };
        let mut body = Value::Object(self.extra.clone());
        let mut set = |path: &[&str], value: &str| merge(&mut body, path, value);
        set(&["providerName"], &self.provider_name);
        set(&["network", "ip", family], &self.ip.to_string());
        set(&["device", "fingerprint"], &self.fingerprint);
        self.email.iter().for_each(|email| set(&["person", "email"], email));
        self.phone_number.iter().for_each(|phone| set(&["person", "phoneNumber"], phone));
        Ok(body)
    }
}

/// Sets a field, turning whatever stands in its way into an object.
fn merge(body: &mut Value, path: &[&str], value: &str) {
    let mut at = body;
    for name in path {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[*name];
    }
    *at = value.into();
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

silent!(SessionRequest PersonRequest DocumentRequest AddressRequest CollectedData);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_not_there() {
        assert_eq!(serde_json::to_string(&SessionRequest::default()).unwrap(), "{}");
        let new = NewSession::new().with_name("Approve", "Doe").with_vendor_data("Zoë-7");
        let json = serde_json::to_string(&SessionRequest::from(&new)).unwrap();
        assert_eq!(json, r#"{"person":{"firstName":"Approve","lastName":"Doe"},"vendorData":"Zoë-7"}"#);
        assert!(!json.contains("null"));
    }

    #[test]
    fn collected_data_has_its_documented_shape() {
        let mut data = CollectedData::new("FpVendor", "192.0.2.44".parse().unwrap(), "c0ffee01");
        let expected = r#"{"device":{"fingerprint":"c0ffee01"},"network":{"ip":{"addressV4":"192.0.2.44"}},"providerName":"FpVendor"}"#;
        assert_eq!(data.to_json("test").unwrap().to_string(), expected);
        data.ip = "2001:db8::1".parse().unwrap();
        data.extra = serde_json::from_str(r#"{"network":{"ssid":"home"}}"#).unwrap();
        let json = data.to_json("test").unwrap();
        assert_eq!(
            (&json["network"]["ssid"], &json["network"]["ip"]["addressV6"]),
            (&"home".into(), &"2001:db8::1".into())
        );
        data.fingerprint = String::new();
        assert!(data.to_json("test").is_err());
    }

    #[test]
    fn registries_get_what_they_need() {
        let mut request = SessionRequest::default();
        assert!(request.check_registry("test").unwrap_err().to_string().contains("id number"));
        request.person.id_number = Some("1".into());
        assert!(request.check_registry("test").unwrap_err().to_string().contains("name"));
        request.person.full_name = Some("Jane Doe".into());
        assert!(request.check_registry("test").unwrap_err().to_string().contains("date of birth"));
        request.address = Some(AddressRequest { full_address: Some("x".into()), ..Default::default() });
        assert!(request.check_registry("test").is_ok());
    }

    #[test]
    fn a_document_may_be_a_visa() {
        let mut request = SessionRequest::default();
        request.document.kind = Some(DocumentType::Visa);
        assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"document":{"type":"VISA"}}"#);
        for name in ["PASSPORT", "ID_CARD", "DRIVERS_LICENSE", "RESIDENCE_PERMIT", "VISA", "OTHER"] {
            let kind = DocumentType::from(name);
            assert!(!matches!(kind, DocumentType::Other(_)) && kind.as_str() == name, "{name}");
        }
        assert_eq!(DocumentType::from("LIBRARY_CARD"), DocumentType::Other("LIBRARY_CARD".into()));
    }

    #[test]
    fn limits_of_a_session() {
        let mut request = SessionRequest { vendor_data: Some("x".repeat(1000)), ..Default::default() };
        assert!(request.check("test").is_ok());
        request.vendor_data = Some("x".repeat(1001));
        assert!(request.check("test").is_err());
        let request = SessionRequest { callback: Some("http://a.example".into()), ..Default::default() };
        assert!(request.check("test").is_err());
    }
}
