//! All that a third vendor takes: what it accepts, its wire, its credentials, its endpoints. In the
//! crate this is one folder beside `veriff` and `transmit`; here it stands outside, on the crate's
//! public doors alone. The vendor is made up after those that take multipart uploads with a static
//! token and start by themselves.

use std::fmt;

use sealpress_client::http::header::{AUTHORIZATION, CONTENT_TYPE};
use sealpress_client::http::{HeaderMap, HeaderValue, Method};
use sealpress_client::sign::{self, Encoding, Frame, Scheme};
use sealpress_client::transport::{Call, Host, Outgoing};
use sealpress_client::{
    BoxFuture, Context, Created, Error, ErrorKind, Limits, Listed, MediaId, NewSession, Options, Provider, Receipt,
    SessionId, SessionState, SignedBody, Upload,
};
use sealpress_media::{Fault, Format};
use serde::Deserialize;

/// Never occurs in a prefix of ours; what is in the file does not matter, since the vendor goes by
/// this exact line and 128 bits of it are unlikely in any file.
const BOUNDARY: &str = "sealpress-5d1f0c8e2b7a49d6a3e4c9f1b0d27e68";

/// A client of the vendor.
pub(crate) struct Vendor {
    host: Host,
    authorization: HeaderValue,
    limits: Limits,
}

impl Vendor {
    /// Credentials are judged once, here.
    pub(crate) fn new(base_url: &str, token: String, options: &Options) -> Result<Self, Error> {
        let refuse = |reason: &'static str| Error::new(ErrorKind::Config { reason: reason.into() }, "configure");
        let mut authorization = HeaderValue::try_from(format!("Token token={token}"))
            .map_err(|_| refuse("the token cannot stand in a header"))?;
        authorization.set_sensitive(true);
        let mut limits = Limits::none();
        limits.formats = vec![Format::Jpeg, Format::Png, Format::Pdf];
        (limits.image_bytes, limits.pdf_bytes, limits.pdf_pages) = (10_000_000, 10_000_000, 30);
        Ok(Self { host: Host::new(base_url, &["v3"], options)?, authorization, limits })
    }

    fn call(&self, operation: &'static str, method: Method, path: &[&str], kind: &str, body: Outgoing) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        if let Ok(kind) = HeaderValue::from_str(kind) {
            headers.insert(CONTENT_TYPE, kind);
        }
        Call { operation, method, url: self.host.url(path), headers, body }
    }
}

/// Prints no token.
impl fmt::Debug for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vendor").field("limits", &self.limits).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

#[derive(Deserialize)]
struct Documents {
    documents: Vec<Document>,
}

#[derive(Deserialize)]
struct Document {
    id: MediaId,
    side: String,
    size: Option<u64>,
}

/// The vendor's word for a context.
fn side(context: &Context) -> Option<&'static str> {
    match context {
        Context::DocumentFront => Some("front"),
        Context::DocumentBack => Some("back"),
        _ => None,
    }
}

impl Provider for Vendor {
    fn name(&self) -> &'static str {
        "third"
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn create<'a>(&'a self, new: &'a NewSession) -> BoxFuture<'a, Result<Created, Error>> {
        Box::pin(async move {
            let body = serde_json::json!({ "first_name": new.first_name, "last_name": new.last_name });
            let body = Outgoing::Bytes(body.to_string().into());
            let call = self.call("create session", Method::POST, &["applicants"], "application/json", body);
            let made: Made = self.host.call(call).await?.json("create session")?;
            Ok(Created::new(SessionId::new(made.id)?, None))
        })
    }

    /// Judged, framed, and (here) not signed. A vendor that signs passes [`Scheme::Hmac`], with
    /// whatever it hashes ahead of the body.
    fn sign(&self, upload: &Upload) -> Result<SignedBody, Error> {
        self.limits.check(&upload.media).map_err(|refusal| Error::refused("upload", refusal))?;
        let Some(side) = side(&upload.context) else {
            let reason = "this vendor takes fronts and backs of documents".into();
            return Err(Error::new(ErrorKind::Media { reason, fault: Fault::Caller }, "upload"));
        };
        let (applicant, format) = (&upload.session, upload.media.format());
        let prefix = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"applicant_id\"\r\n\r\n{applicant}\r\n\
             --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"side\"\r\n\r\n{side}\r\n\
             --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"document.{}\"\r\n\
             Content-Type: {}\r\n\r\n",
            format.extension(),
            format.mime(),
        );
        let suffix = format!("\r\n--{BOUNDARY}--\r\n");
        let frame = Frame::new(prefix, upload.media.bytes().clone(), Encoding::Raw, suffix);
        sign::sign(upload, frame, Scheme::Unsigned, None)
    }

    fn send<'a>(&'a self, body: &'a SignedBody) -> BoxFuture<'a, Result<Receipt, Error>> {
        Box::pin(async move {
            let kind = format!("multipart/form-data; boundary={BOUNDARY}");
            let call = self.call("upload", Method::POST, &["documents"], &kind, Outgoing::Signed(body.clone()));
            let made: Made = self.host.call(call).await?.json("upload")?;
            Ok(Receipt::new(body.session().clone(), body.context().clone(), MediaId::new(made.id)?))
        })
    }

    fn list<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<Vec<Listed>, Error>> {
        Box::pin(async move {
            let path = ["applicants", session.as_str(), "documents"];
            let call = self.call("list media", Method::GET, &path, "", Outgoing::Empty);
            let list: Documents = self.host.call(call).await?.json("list media")?;
            let listed = list.documents.into_iter().map(|document| {
                let context = match document.side.as_str() {
                    "front" => Context::DocumentFront,
                    "back" => Context::DocumentBack,
                    other => Context::from(other),
                };
                let mut listed = Listed::new(document.id, context);
                listed.size = document.size;
                listed
            });
            Ok(listed.collect())
        })
    }

    /// The vendor starts a check when it is told to.
    fn finish<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let body = Outgoing::Bytes(serde_json::json!({ "applicant_id": session }).to_string().into());
            let call = self.call("submit session", Method::POST, &["checks"], "application/json", body);
            self.host.call(call).await.map(drop)
        })
    }

    /// This vendor does not say.
    fn state<'a>(&'a self, _: &'a SessionId) -> BoxFuture<'a, Result<SessionState, Error>> {
        Box::pin(std::future::ready(Ok(SessionState::Unknown)))
    }
}
