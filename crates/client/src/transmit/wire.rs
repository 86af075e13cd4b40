//! What travels to and from Transmit Security; names that it may extend are open.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Context, SessionId};
use crate::lenient;
use crate::open_enum::open_enum;

open_enum! {
    /// What an image shows.
    ImageType {
        /// Front of the document.
        DocumentFront = "document_front",
        /// Back of the document.
        DocumentBack = "document_back",
        /// The person's face.
        Selfie = "selfie",
    }
}

open_enum! {
    /// The vendor's opinion of an image. All but `ok` mean: take another picture.
    Feedback {
        /// Taken.
        Ok = "ok",
        /// Not usable, for a reason without a name.
        Unspecified = "other",
        /// No document in sight.
        DocumentNotFound = "document_not_found",
        /// No face in sight.
        FaceNotFound = "face_not_found",
        /// No face on the document.
        DocumentFaceNotFound = "document_face_not_found",
        /// Something is in the way.
        Obstructed = "obstructed",
        /// Blurred.
        Blur = "blur",
        /// Reflections.
        Glare = "glare",
        /// Not a document that is taken.
        DocumentNotSupported = "document_not_supported",
        /// Not the document of the other side.
        DocumentNotMatching = "document_not_matching",
        /// The other side was wanted.
        WrongDocumentSide = "wrong_document_side",
        /// More than one face.
        MultiFace = "multi_face",
        /// The face is turned.
        FaceRotated = "face_rotated",
        /// The face is too far away.
        FaceTooSmall = "face_too_small",
        /// The face is too near.
        FaceTooClose = "face_too_close",
        /// The eyes are closed.
        ClosedEyes = "closed_eyes",
        /// The face looks away.
        FaceAngleTooLarge = "face_angle_too_large",
        /// The face is at the edge.
        FaceCloseToBorder = "face_close_to_border",
        /// Something is before the face.
        FaceOccluded = "face_occluded",
        /// The face is cut off.
        FaceCropped = "face_cropped",
        /// No barcode in sight.
        BarcodeNotFound = "barcode_not_found",
        /// Reflections on the selfie.
        GlareSelfie = "glare_selfie",
        /// The selfie is blurred.
        BlurSelfie = "blur_selfie",
        /// Against a rule of your own administrators; the text is in `custom_feedback`.
        RestrictedCriteria = "restricted_criteria",
    }
}

impl ImageType {
    /// The vendor's name for a context; there are three.
    #[must_use]
    pub fn of(context: &Context) -> Option<Self> {
        match context {
            Context::DocumentFront => Some(Self::DocumentFront),
            Context::DocumentBack => Some(Self::DocumentBack),
            Context::Face => Some(Self::Selfie),
            _ => None,
        }
    }

    /// The context of an image.
    #[must_use]
    pub fn context(&self) -> Context {
        match self {
            Self::DocumentFront => Context::DocumentFront,
            Self::DocumentBack => Context::DocumentBack,
            Self::Selfie => Context::Face,
            Self::Other(name) => Context::Other(name.clone()),
        }
    }
}

/// The id of an image.
pub type ImageId = crate::id::MediaId;

/// What to say of a new session; all of it is optional.
#[derive(Clone, Default, Serialize)]
#[non_exhaustive]
pub struct SessionRequest {
    /// Where the person is sent afterwards; gets `sessionId` and `state`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// A value against cross-site requests, unique per request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// How long the vendor keeps the session: `30d`, `60d`, `90d`; its samples say `1h` too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_to_live: Option<String>,
    /// For testing only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mock_behavior: Option<MockBehavior>,
    /// Begins the session at once; deprecated for [`start`](Self::start), and the only way that
    /// states no consent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_start: Option<bool>,
    /// Begins the session at once, with the person's consent, for images that come from a backend.
    /// Without it a front end begins the session with the start token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Map<String, Value>>,
    /// Organisation and user by your own ids; no personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_information: Option<Map<String, Value>>,
}

impl SessionRequest {
    /// A session that is driven from here, with or without a document that the person agreed to.
    #[must_use]
    pub fn started(consent_document: Option<&str>) -> Self {
        let Some(id) = consent_document else { return Self { auto_start: Some(true), ..Self::default() } };
        let consent = Value::from_iter([("granted", Value::Bool(true)), ("document_id", Value::from(id))]);
        Self { start: Some(Map::from_iter([("consent".to_owned(), consent)])), ..Self::default() }
    }
}

impl fmt::Debug for SessionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionRequest(started: {})", self.start.is_some() || self.auto_start == Some(true))
    }
}

/// Makes a test session end in a chosen way.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct MockBehavior {
    /// `ALLOW`, `CHALLENGE` or `DENY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recommendation: Option<String>,
    /// How long it takes: `15s`, `1m30s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processing_time: Option<String>,
    /// Whether the first attempt ends in `recapture`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_retry: Option<bool>,
    /// Fields that the result is to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<Value>,
}

/// A session that was just opened.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Session {
    /// Its id.
    pub session_id: SessionId,
    /// What a front end begins the session with; absent where it has begun.
    #[serde(default, deserialize_with = "secret")]
    pub start_token: Option<SecretString>,
    /// When it ends; plain text in the documents.
    #[serde(default, deserialize_with = "lenient::text")]
    pub expiration: Option<String>,
    /// What is wanted.
    #[serde(default, deserialize_with = "lenient::some")]
    pub missing_images: Vec<ImageType>,
}

pub(super) fn secret<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<SecretString>, D::Error> {
    Ok(lenient::text(d)?.map(SecretString::from))
}

/// What can be said along with an image.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ImageOptions {
    /// Your own id of the image; one is made where there is none.
    pub image_id: Option<ImageId>,
    /// What the vendor is to crop.
    pub capture_margins: Option<CaptureMargins>,
    /// The device: `model`, `type`, `manufacturer`, `os`, `os_version`, `browser`, …
    pub device_info: Option<Map<String, Value>>,
}

/// Margins that the vendor crops before it looks. The unit is not documented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "four sides")]
pub struct CaptureMargins {
    pub top: f64,
    pub bottom: f64,
    pub left: f64,
    pub right: f64,
}

/// What the vendor thinks of an image that it was sent. HTTP says 200 either way.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct AddedImage {
    /// `ok`, or what is wrong with it.
    pub feedback: Feedback,
    /// Whether all images are in; `"true"` and true on the wire.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub complete: Option<bool>,
    /// What is still wanted.
    #[serde(default, deserialize_with = "lenient::some")]
    pub missing_images: Vec<ImageType>,
    /// The administrators' text for `restricted_criteria`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub custom_feedback: Option<String>,
}

impl AddedImage {
    /// Whether the image was taken.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.feedback == Feedback::Ok
    }
}

/// `{"session_images":[…]}`
#[derive(Deserialize)]
pub(super) struct Images {
    #[serde(default, deserialize_with = "lenient::list")]
    pub(super) session_images: Vec<ImageInfo>,
}

/// One image of a session. Called `image_type` when it is sent and `type` when it is listed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct ImageInfo {
    /// Its id.
    pub id: ImageId,
    /// `jpg`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub format: Option<String>,
    /// What it shows.
    #[serde(rename = "type", default, deserialize_with = "lenient::opt")]
    pub image_type: Option<ImageType>,
    /// Whether it was found unusable.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub rejected: Option<bool>,
    /// Whether it was sent, as opposed to made by the vendor out of another.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub original: Option<bool>,
    /// The image that it was made of.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub original_id: Option<ImageId>,
}

/// How an image is to come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageEncoding {
    /// The file.
    #[default]
    Raw,
    /// Its base64.
    Base64,
}

/// Which shape of result to ask for. Whatever comes is told apart by its own shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Detail {
    /// Leaves it to the vendor; the parameter is deprecated.
    #[default]
    Unsaid,
    /// The detailed one.
    Detailed,
    /// The deprecated one.
    Deprecated,
}

/// Whether the person agreed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Consent {
    /// Nothing where the vendor does not say.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub consent_granted: Option<bool>,
    /// When.
    #[serde(default, deserialize_with = "lenient::text")]
    pub consent_date: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_24_opinions_have_names() {
        let all = "ok other document_not_found face_not_found document_face_not_found obstructed blur glare \
            document_not_supported document_not_matching wrong_document_side multi_face face_rotated face_too_small \
            face_too_close closed_eyes face_angle_too_large face_close_to_border face_occluded face_cropped \
            barcode_not_found glare_selfie blur_selfie restricted_criteria";
        assert_eq!(all.split_whitespace().count(), 24);
        for name in all.split_whitespace() {
            let feedback = Feedback::from(name.to_owned());
            assert!(!matches!(feedback, Feedback::Other(_)) && feedback.as_str() == name, "{name}");
        }
        assert_eq!(Feedback::from("blurry".to_owned()), Feedback::Other("blurry".into()));
    }

    #[test]
    fn complete_is_text_or_flag() {
        for json in [r#"{"feedback":"ok","complete":"true"}"#, r#"{"feedback":"ok","complete":true}"#] {
            let added: AddedImage = lenient::parse(json.as_bytes(), "test").unwrap();
            assert!(added.complete == Some(true) && added.is_accepted());
        }
        let added: AddedImage = lenient::parse(br#"{"feedback":"new_thing"}"#, "test").unwrap();
        assert!(!added.is_accepted());
    }

    #[test]
    fn consent_is_stated_only_where_it_is_given() {
        let json = |request: SessionRequest| serde_json::to_string(&request).unwrap();
        assert_eq!(json(SessionRequest::default()), "{}");
        assert_eq!(json(SessionRequest::started(None)), r#"{"auto_start":true}"#);
        let expected = r#"{"start":{"consent":{"document_id":"consent-v3","granted":true}}}"#;
        assert_eq!(json(SessionRequest::started(Some("consent-v3"))), expected);
    }
}
