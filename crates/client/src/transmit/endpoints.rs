//! One method per endpoint of Transmit Security.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::Method;
use sealpress_media::Fault;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

use super::client::Client;
use super::result::{ResultStatus, VerificationResult};
use super::wire::{
    AddedImage, Consent, Detail, ImageEncoding, ImageId, ImageInfo, ImageOptions, ImageType, Images, Session,
    SessionRequest,
};
use super::{SessionId, SignedBody, Upload};
use crate::download::Download;
use crate::error::{Error, ErrorKind};
use crate::lenient;
use crate::sign::{self, Encoding, Frame, Scheme};

impl Client {
    /// Opens a session: POST /api/v1/verification. Sent once.
    ///
    /// # Errors
    /// `Api` with 400 for a request that the vendor refuses.
    pub async fn create_session(&self, request: &SessionRequest) -> Result<Session, Error> {
        const OPERATION: &str = "create session";
        let body = serde_json::to_vec(request)
            .map_err(|e| Error::config(OPERATION, "the request cannot be written as JSON").with_source(e))?;
        let reply = self.json(OPERATION, &self.url(&[]), &body.into()).await?;
        lenient::parse(&reply.body, OPERATION)
    }

    /// The result as far as there is one: GET …/{sid}/result.
    ///
    /// # Errors
    /// `Api` with 404 for a session that does not exist.
    pub async fn result(&self, session: &SessionId, detail: Detail) -> Result<VerificationResult, Error> {
        const OPERATION: &str = "get result";
        let mut url = self.url(&[session.as_str(), "result"]);
        match detail {
            Detail::Unsaid => {}
            Detail::Detailed => url.set_query(Some("detailed=true")),
            Detail::Deprecated => url.set_query(Some("detailed=false")),
        }
        let reply = self.simple(OPERATION, Method::GET, &url).await?;
        VerificationResult::read(&reply.body, OPERATION)
    }

    /// Asks for the result, at growing intervals from one second to ten, until it is complete, an
    /// error, or wants better images. Dropping the future ends the wait.
    ///
    /// # Errors
    /// `Timeout` when `deadline` has passed.
    pub async fn wait_for_result(&self, session: &SessionId, deadline: Duration) -> Result<VerificationResult, Error> {
        let start = Instant::now();
        let mut pause = Duration::from_secs(1);
        loop {
            match self.result(session, Detail::Unsaid).await {
                Ok(result) => match result.status() {
                    ResultStatus::Pending | ResultStatus::Capturing | ResultStatus::Processing => {}
                    _ => return Ok(result),
                },
                Err(error) if error.is_retryable() => {}
                Err(error) => return Err(error),
            }
            if start.elapsed() + pause > deadline {
                return Err(Error::new(ErrorKind::Timeout { may_have_been_sent: true }, "wait for result"));
            }
            sleep(pause).await;
            pause = pause.mul_f64(1.5).min(Duration::from_secs(10));
        }
    }

    /// Deletes a session and the personal data in it: DELETE …/{sid}.
    ///
    /// # Errors
    /// `Api` with 404 for a session that does not exist.
    pub async fn delete_session(&self, session: &SessionId) -> Result<(), Error> {
        self.simple("delete session", Method::DELETE, &self.url(&[session.as_str()])).await.map(drop)
    }

    /// The images of a session, those that the vendor made of others included:
    /// GET …/{sid}/images.
    ///
    /// # Errors
    /// `Api` with 400 or 404 for a session that does not exist.
    pub async fn images(&self, session: &SessionId) -> Result<Vec<ImageInfo>, Error> {
        const OPERATION: &str = "list images";
        let reply = self.simple(OPERATION, Method::GET, &self.url(&[session.as_str(), "images"])).await?;
        Ok(lenient::parse::<Images>(&reply.body, OPERATION)?.session_images)
    }

    /// Frames an image. Only computes; nothing is signed, the token travels in a header.
    ///
    /// # Errors
    /// `Media` where format, size or context would be refused.
    pub fn sign(&self, upload: &Upload) -> Result<SignedBody, Error> {
        self.sign_with(upload, &ImageOptions::default())
    }

    /// [`sign`](Self::sign) with margins, device or an id of your own.
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    pub fn sign_with(&self, upload: &Upload, options: &ImageOptions) -> Result<SignedBody, Error> {
        let Some(image_type) = ImageType::of(&upload.context) else {
            let reason =
                format!("`{}` is no image of this vendor: document-front, document-back, face", upload.context);
            return Err(Error::media("upload", Fault::Caller, reason));
        };
        self.inner.limits.check(&upload.media).map_err(|refusal| Error::refused("upload", refusal))?;
        let image_id = options.image_id.as_ref().map_or_else(|| self.image_id(upload), |id| id.as_str().to_owned());
        let margins = match options.capture_margins {
            Some(margins) => format!(r#""capture_margins":{},"#, json(&margins)?),
            None => String::new(),
        };
        let device = match &options.device_info {
            Some(device) => format!(r#","device_info":{}"#, json(device)?),
            None => String::new(),
        };
        let prefix = format!(
            r#"{{"image":{{"format":"jpg","image_type":{},"image_id":{},{margins}"content":""#,
            json(&image_type)?,
            Value::from(image_id.as_str()),
        );
        let frame = Frame::new(prefix, upload.media.bytes().clone(), Encoding::Base64, format!(r#""}}{device}}}"#));
        sign::sign_by(self.inner.pool.as_ref(), upload, frame, Scheme::Unsigned, Some(image_id))
    }

    /// Adds an image: POST …/{sid}/images. Sent once. The answer is the vendor's opinion: HTTP says
    /// 200 for a useless picture too, so look at [`AddedImage::is_accepted`].
    ///
    /// # Errors
    /// `Api` with 409 once all images are in.
    pub async fn add_image(&self, body: impl AsRef<SignedBody>) -> Result<AddedImage, Error> {
        const OPERATION: &str = "upload";
        let body = body.as_ref();
        let reply = self.signed(OPERATION, &self.url(&[body.session().as_str(), "images"]), body).await?;
        lenient::parse(&reply.body, OPERATION)
    }

    /// Fetches an image as a stream: GET …/{sid}/images/{id}.
    ///
    /// # Errors
    /// `Api` with 404 for an image that does not exist.
    pub async fn image(&self, session: &SessionId, id: &ImageId, encoding: ImageEncoding) -> Result<Download, Error> {
        let mut url = self.url(&[session.as_str(), "images", id.as_str()]);
        url.set_query(Some(match encoding {
            ImageEncoding::Raw => "format=raw",
            ImageEncoding::Base64 => "format=base64",
        }));
        let (headers, incoming) = self.open("get image", &url).await?;
        Ok(Download::new(headers, incoming, None))
    }

    /// Whether the person agreed: GET …/{sid}/consent. In the newer document only.
    ///
    /// # Errors
    /// `Api` with 404 for a session that does not exist.
    pub async fn consent(&self, session: &SessionId) -> Result<Consent, Error> {
        const OPERATION: &str = "get consent";
        let reply = self.simple(OPERATION, Method::GET, &self.url(&[session.as_str(), "consent"])).await?;
        lenient::parse(&reply.body, OPERATION)
    }

    /// An id that says nothing of the content to anybody else and differs for every signing of this
    /// client, and by session, kind of image and content for everybody's.
    fn image_id(&self, upload: &Upload) -> String {
        let serial = self.inner.serial.fetch_add(1, Ordering::Relaxed);
        let digest = Sha256::new()
            .chain_update(upload.session.as_str())
            .chain_update(serial.to_be_bytes())
            .chain_update(upload.context.as_str())
            .chain_update([0])
            .chain_update(upload.media.bytes())
            .finalize();
        format!("sealpress-{}", sign::hex(&digest[..12]))
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|e| Error::config("upload", "an option cannot be written as JSON").with_source(e))
}
