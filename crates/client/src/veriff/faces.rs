//! The bulk import of faces: POST /faces/import. The documents give its rules (at most ten pictures a
//! request, a plan's quota, a name once in five minutes, an asynchronous 202) and no field names: those
//! are [`FacesShape`], to be set once somebody knows them.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use sealpress_media::{Fault, Media};
use serde::Deserialize;
use serde_json::Value;

use super::SessionId;
use super::client::Client;
use super::errors;
use super::faces_shape::FacesShape;
use crate::answer::{self, Reply};
use crate::error::Error;
use crate::lenient;
use crate::sign::Signature;
use crate::telemetry;
use sealpress_media::Limits;

const OPERATION: &str = "import faces";

/// One face on its way into the collection.
#[derive(Clone)]
#[non_exhaustive]
pub struct Face {
    /// Your own name for it, 1 to 255 characters. Veriff processes a name once in [`Self::NAME_EVERY`] and
    /// drops repetitions without a word: within that time a request may be sent again and counts once.
    pub name: String,
    /// Where the face is seen.
    pub source: FaceSource,
}

/// Where a face is seen.
#[derive(Clone)]
#[non_exhaustive]
pub enum FaceSource {
    /// A picture, prepared.
    Picture(Media),
    /// A session that Veriff has already.
    Session(SessionId),
}

impl Face {
    /// Faces in one request, at most.
    pub const PER_REQUEST: usize = 10;

    /// A name is processed once in this time.
    pub const NAME_EVERY: Duration = Duration::from_secs(300);

    /// A face in a picture.
    #[must_use]
    pub fn picture(name: impl Into<String>, picture: Media) -> Self {
        Self { name: name.into(), source: FaceSource::Picture(picture) }
    }

    /// The face of a session.
    #[must_use]
    pub fn session(name: impl Into<String>, session: SessionId) -> Self {
        Self { name: name.into(), source: FaceSource::Session(session) }
    }
}

/// Prints what it is, never the name, which may be a person's.
impl fmt::Debug for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            FaceSource::Picture(picture) => write!(f, "Face({picture:?})"),
            FaceSource::Session(session) => write!(f, "Face({session})"),
        }
    }
}

/// Faces that are ready to be sent, any number of times. Holds the body, about 4/3 of the pictures.
#[derive(Clone)]
pub struct SignedFaces {
    body: Bytes,
    signature: Signature,
    count: usize,
}

impl SignedFaces {
    /// How many.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Bytes of the body.
    #[must_use]
    pub fn content_length(&self) -> u64 {
        self.body.len() as u64
    }
}

/// Prints lengths, never content or signature.
impl fmt::Debug for SignedFaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedFaces({} in {} bytes)", self.count, self.body.len())
    }
}

/// What Veriff says of an import. Nothing is documented that could be asked later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FacesAnswer {
    /// Taken (202), to be worked on.
    Accepted {
        /// Faces that the plan still allows, where the answer says so.
        available_quota: Option<u64>,
    },
    /// More than the plan allows: nothing was taken. What such an answer looks like is not documented; any
    /// refusal that names a quota smaller than the request is read as this.
    QuotaExceeded {
        /// Faces that the plan still allows.
        available_quota: u64,
    },
}

impl Client {
    /// Judges, frames and signs up to ten faces. Only computes: belongs on a compute thread.
    ///
    /// # Errors
    /// `Media` where a picture would be refused; `Config` for none or more than ten faces, names that
    /// are none, or two of one name.
    pub fn sign_faces(&self, faces: &[Face]) -> Result<SignedFaces, Error> {
        let body = body(faces, &self.inner.faces_shape, &self.inner.limits)?;
        Ok(SignedFaces { signature: self.inner.auth.key().sign(&body), count: faces.len(), body })
    }

    /// Signs faces that are framed already, each in its parts.
    pub(super) fn sign_entries<P>(&self, count: usize, entries: impl Iterator<Item = P>) -> SignedFaces
    where
        P: Iterator<Item = Bytes>,
    {
        let mut text = opening(&self.inner.faces_shape);
        for (at, entry) in entries.enumerate() {
            if at > 0 {
                text.push(b',');
            }
            entry.for_each(|part| text.extend_from_slice(&part));
        }
        text.extend_from_slice(CLOSING);
        let body = Bytes::from(text);
        SignedFaces { signature: self.inner.auth.key().sign(&body), count, body }
    }

    /// Imports faces: POST /faces/import. Sent once. After a lost answer the same request may be sent again
    /// within five minutes of the first time: what was processed is dropped then, and counts once. Later it
    /// counts anew.
    ///
    /// # Errors
    /// `Api` with 400 for a request that Veriff refuses.
    pub async fn import_faces(&self, faces: &SignedFaces) -> Result<FacesAnswer, Error> {
        let url = self.inner.base.join(&["faces", "import"]);
        let call = self.body_call(OPERATION, Method::POST, url, &faces.signature, faces.body.clone(), HeaderMap::new());
        telemetry::observe("veriff", OPERATION, async {
            let reply = self.inner.transport.call(call).await?;
            read(self.authentic(OPERATION, reply)?, faces.count)
        })
        .await
    }
}

/// What stands before the first face.
fn opening(shape: &FacesShape) -> Vec<u8> {
    format!("{{{}:[", Value::from(&*shape.list)).into_bytes()
}

/// What stands behind the last one.
const CLOSING: &[u8] = b"]}";

fn body(faces: &[Face], shape: &FacesShape, limits: &Limits) -> Result<Bytes, Error> {
    if faces.is_empty() || faces.len() > Face::PER_REQUEST {
        return Err(Error::config(OPERATION, "a request imports 1 to 10 faces"));
    }
    let mut names = HashSet::new();
    let mut length = 0_usize;
    for face in faces {
        if !(1..=255).contains(&face.name.chars().count()) || face.name.chars().any(char::is_control) {
            return Err(Error::config(OPERATION, "a face's name has 1 to 255 characters"));
        }
        if !names.insert(face.name.as_str()) {
            return Err(Error::config(OPERATION, "two faces of one request have the same name"));
        }
        if let FaceSource::Picture(picture) = &face.source {
            limits.check(picture).map_err(|refusal| Error::refused(OPERATION, refusal))?;
            if !picture.format().is_image() {
                let reason = format!("a face is seen in a picture, not in {}", picture.format());
                return Err(Error::media(OPERATION, Fault::Input, reason));
            }
            length = length.saturating_add(picture.len().div_ceil(3).saturating_mul(4));
        }
        // Quotes, names and the data URI's head.
        length = length.saturating_add(face.name.len() * 6 + 200);
    }
    if length > shape.most_bytes {
        let reason = format!("{length} bytes of faces in one request, at most {}: send fewer", shape.most_bytes);
        return Err(Error::media(OPERATION, Fault::Limit, reason));
    }
    let quoted = |text: &str| Value::from(text).to_string();
    let mut text = Vec::with_capacity(length);
    text.extend_from_slice(&opening(shape));
    for (at, face) in faces.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        text.extend_from_slice(format!("{comma}{{{}:{},", quoted(&shape.name), quoted(&face.name)).as_bytes());
        match &face.source {
            FaceSource::Session(session) => {
                text.extend_from_slice(format!("{}:{}}}", quoted(&shape.session), quoted(session.as_str())).as_bytes());
            }
            FaceSource::Picture(picture) => {
                let head = format!("{}:\"data:{};base64,", quoted(&shape.image), picture.format().mime());
                text.extend_from_slice(head.as_bytes());
                sealpress_base64::encode_append(picture.bytes(), &mut text);
                text.extend_from_slice(b"\"}");
            }
        }
    }
    text.extend_from_slice(CLOSING);
    Ok(text.into())
}

fn read(reply: Reply, sent: usize) -> Result<FacesAnswer, Error> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Quota {
        #[serde(default, deserialize_with = "lenient::count")]
        available_quota: Option<u64>,
    }
    let quota = lenient::parse::<Quota>(&reply.body, OPERATION).unwrap_or_default().available_quota;
    match (reply.status, quota) {
        (status, available_quota) if status.is_success() => Ok(FacesAnswer::Accepted { available_quota }),
        (StatusCode::UNAUTHORIZED, _) => Err(answer::refusal(OPERATION, &reply, errors::meaning)),
        (status, Some(available_quota)) if status.is_client_error() && available_quota < sent as u64 => {
            Ok(FacesAnswer::QuotaExceeded { available_quota })
        }
        _ => Err(answer::refusal(OPERATION, &reply, errors::meaning)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jpeg() -> Media {
        Media::sniff(vec![0xFF, 0xD8, 0xFF, 0xE0]).unwrap()
    }

    fn made(faces: &[Face], shape: &FacesShape) -> Result<Value, Error> {
        let bytes = body(faces, shape, &crate::veriff::limits())?;
        Ok(serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn the_body_is_the_shape() {
        let faces = [Face::picture("Zo\u{eb} \"7\"", jpeg()), Face::session("b", SessionId::new("s-1").unwrap())];
        let value = made(&faces, &FacesShape::default()).unwrap();
        let expected = serde_json::json!({ "faces": [
            { "name": "Zo\u{eb} \"7\"", "image": "data:image/jpeg;base64,/9j/4A==" }, { "name": "b", "sessionId": "s-1" },
        ] });
        assert_eq!(value, expected);
        let shape = FacesShape {
            list: "images".into(),
            name: "label".into(),
            image: "content".into(),
            ..FacesShape::default()
        };
        assert_eq!(made(&faces[..1], &shape).unwrap()["images"][0]["content"], "data:image/jpeg;base64,/9j/4A==");
    }

    #[test]
    fn what_would_be_refused_is_not_framed() {
        let shape = FacesShape::default();
        let pdf = Media::sniff(b"%PDF-1.7".to_vec()).unwrap();
        let kind = |faces: &[Face]| made(faces, &shape).unwrap_err().kind().as_str();
        let named = |name: &str| Face::picture(name, jpeg());
        assert_eq!(kind(&[]), "config");
        let many = |n: usize| (0..n).map(|n| named(&n.to_string())).collect::<Vec<_>>();
        assert!(made(&many(10), &shape).is_ok());
        assert_eq!(kind(&many(11)), "config");
        for name in ["", "a\nb", &"x".repeat(256)] {
            assert_eq!(kind(&[named(name)]), "config", "{name:?}");
        }
        assert!(made(&[named(&"\u{eb}".repeat(255))], &shape).is_ok(), "characters are counted, not bytes");
        assert_eq!(kind(&[named("a"), named("a")]), "config");
        assert_eq!(kind(&[Face::picture("a", pdf)]), "media");
        let small = FacesShape { most_bytes: 300, ..FacesShape::default() };
        assert!(made(&[named("a")], &small).is_ok());
        let error = made(&[named("a"), named("b")], &small).unwrap_err();
        assert_eq!(error.fault(), Fault::Limit);
    }

    #[test]
    fn answers_are_read_by_status_and_quota() {
        let answer = |status: u16, body: &'static str| {
            let (status, headers) = (StatusCode::from_u16(status).unwrap(), HeaderMap::new());
            read(Reply { status, headers, body: Bytes::from_static(body.as_bytes()) }, 3)
        };
        let accepted = |available_quota| FacesAnswer::Accepted { available_quota };
        assert_eq!(answer(202, r#"{"availableQuota":7}"#).unwrap(), accepted(Some(7)));
        assert_eq!(answer(202, r#"{"availableQuota":"7.0"}"#).unwrap(), accepted(Some(7)));
        assert_eq!(answer(200, r#"{"availableQuota":0}"#).unwrap(), accepted(Some(0)));
        assert_eq!(answer(202, "").unwrap(), accepted(None));
        let exceeded = FacesAnswer::QuotaExceeded { available_quota: 2 };
        for status in [400, 402, 403, 422, 429] {
            assert_eq!(answer(status, r#"{"availableQuota":2}"#).unwrap(), exceeded, "{status}");
        }
        // A quota that would do is not why it was refused; a 401 and a 500 say nothing of quotas.
        assert_eq!(answer(400, r#"{"availableQuota":3}"#).unwrap_err().http_status(), Some(400));
        assert_eq!(answer(401, r#"{"availableQuota":0}"#).unwrap_err().http_status(), Some(401));
        assert_eq!(answer(500, r#"{"availableQuota":0}"#).unwrap_err().http_status(), Some(500));
        assert_eq!(answer(400, r#"{"code":"1104"}"#).unwrap_err().code(), Some("1104"));
    }

    #[test]
    fn names_do_not_print() {
        let face = Face::picture("Jane Doe", jpeg());
        assert!(!format!("{face:?}").contains("Jane"));
    }
}
