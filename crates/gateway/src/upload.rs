//! A file on its way through: taken in inside the budget, proven, pressed, signed anew.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::{CONTENT_TYPE, HeaderMap};
use http::request::Parts;
use hyper::body::Incoming;
use sealpress_client::sign::{self, SignedBody};
use sealpress_client::{Context, SessionId, Upload};
use sealpress_media::{Media, Note};
use sealpress_pipeline::{Budget, Prepared, Preparer, Share};
use tokio::time::{Instant, timeout};

use crate::body;
use crate::door::{Caller, Door, Proof};
use crate::envelope::{Envelope, Opened};
use crate::flights::Flights;
use crate::form::{self, Form};
use crate::metrics::Record;
use crate::options::Options;
use crate::problem::{Problem, ProblemKind};
use crate::relay;

/// When to come again where there was no room.
const COME_AGAIN: Duration = Duration::from_secs(2);

/// What uploads need.
pub(crate) struct Uploads {
    pub(crate) door: Arc<dyn Door>,
    pub(crate) preparer: Preparer,
    /// The share of the budget for bodies as they come.
    pub(crate) bodies: Budget,
    pub(crate) flights: Arc<Flights>,
    pub(crate) options: Options,
}

/// A body that was read, proven to be its caller's, and taken apart. Its share of the budget goes with it.
pub(crate) struct Taken {
    pub(crate) opened: Opened,
    /// How what goes on in its place is signed.
    key: Option<sign::Key>,
    share: Share,
}

/// A file pressed, in a body that is signed.
pub(crate) struct Ready {
    pub(crate) signed: SignedBody,
    pub(crate) prepared: Prepared,
}

impl Uploads {
    /// Reads a body inside the budget. What is wrong with its head or its signature is said before any of it is
    /// looked at.
    pub(crate) async fn take(&self, head: &Parts, body: &mut Incoming, caller: &Caller) -> Result<Taken, Problem> {
        let most = body::promised(body, &self.options)?;
        let form = Form::of(head);
        // The reader of multipart copies what it is given.
        let copies = if matches!(form, Form::Multipart { .. }) { 2 } else { 1 };
        let Ok(mut share) = timeout(self.options.wait, self.bodies.acquire(most * copies)).await else {
            return Err(Problem::busy("the gateway is full: send it again in a moment", COME_AGAIN));
        };
        let mut macs = caller.macs();
        let whole = body::read(body, most, &mut macs, &self.options).await?;
        let key = match caller.proven(macs) {
            Proof::By(key) => Some(key.clone()),
            Proof::NotAsked => None,
            Proof::Wrong => {
                let message = "X-HMAC-SIGNATURE does not belong to this body: sign the exact bytes that are sent, \
                               with the shared secret of this API key as text";
                return Err(Problem::new(ProblemKind::WrongSignature, message));
            }
        };
        share.shrink_to(whole.capacity() as u64 * copies);
        let (door, reading, context) = (Arc::clone(&self.door), self.options.reading, form::context(head));
        let opening = move || form::open(form, whole, context, &*door, reading);
        let opened = self.preparer.compute(opening).await.map_err(|_| Problem::internal())??;
        Ok(Taken { opened, key, share })
    }

    /// Presses the file and signs the body that goes on: the one that came, with another text for the file. The share
    /// of the body is given back with the file.
    pub(crate) async fn ready(
        &self,
        envelope: Envelope,
        key: Option<sign::Key>,
        session: SessionId,
        record: &mut Record,
    ) -> Result<Ready, Problem> {
        let prepared = self.prepared(&envelope, record).await?;
        let context = self.context(&envelope);
        let upload = Upload::new(session, context, prepared.media.clone());
        let door = Arc::clone(&self.door);
        let unchanged = prepared.is_unchanged();
        let signing = move || {
            let scheme = match unchanged && envelope.canonical {
                // The text that came, and so the body that came.
                true => envelope.scheme.to_vec(),
                false => door.scheme(upload.media.format()),
            };
            let frame = match door.adapt(&envelope) {
                Some(around) => Envelope::around_file(around, door.media_path(), envelope.media.clone())?
                    .frame(&upload.media, &scheme),
                None => envelope.frame(&upload.media, &scheme),
            };
            let by = key.as_ref().map_or(sign::Scheme::Unsigned, |key| sign::Scheme::Hmac { key, before: &[] });
            sign::sign(&upload, frame, by, None).map_err(Problem::from)
        };
        let signed = self.preparer.compute(signing).await.map_err(|_| Problem::internal())??;
        Ok(Ready { signed, prepared })
    }

    fn context(&self, envelope: &Envelope) -> Context {
        Context::from(envelope.text(self.door.context_path()).unwrap_or_default().to_owned())
    }

    /// Presses the file of an envelope.
    pub(crate) async fn prepared(&self, envelope: &Envelope, record: &mut Record) -> Result<Prepared, Problem> {
        let format = Media::sniff(envelope.media.clone()).map(|media| media.format()).ok();
        let preparer = self.preparer.clone().shows(self.context(envelope).subject());
        let prepared = preparer.bytes(envelope.media.clone()).await?;
        if !prepared.further.is_empty() {
            // One call, one file: what does not fit into it is not left out in silence.
            let message = "the document becomes several pictures, and this call takes one: send its pages one by one";
            return Err(Problem::new(ProblemKind::Media, message));
        }
        let names = prepared.summary.actions.iter().map(|note| note.name.clone()).collect();
        let out = (prepared.media.format(), prepared.media.len() as u64);
        record.media = format.map(|format| [(format, prepared.input_bytes), out]);
        (record.press, record.actions) = (Some(prepared.press), names);
        Ok(prepared)
    }

    /// The whole way of an upload.
    pub(crate) async fn upload(
        &self,
        head: &Parts,
        body: &mut Incoming,
        caller: &Caller,
        session: &str,
        record: &mut Record,
    ) -> Result<relay::Answer, Problem> {
        let session_id = SessionId::new(session)
            .map_err(|_| Problem::new(ProblemKind::BadPath, "the session id in the path cannot be one"))?;
        let _under_way = self.flights.enter(session);
        let Taken { opened, key, share } = self.take(head, body, caller).await?;
        let envelope = match opened {
            Opened::Media(envelope) => *envelope,
            Opened::Other(same) => {
                // JSON of another kind: the vendor judges it, as it came.
                let body = http_body_util::Full::new(bytes::Bytes::from(same));
                return self
                    .timed(record, relay::forward(&caller.host, head, relay::onward(&head.headers), Some(body)))
                    .await;
            }
        };
        let Ready { signed, prepared } = self.ready(envelope, key, session_id, record).await?;
        drop(share);
        let mut headers = relay::onward(&head.headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.door.seal(&mut headers, &signed);
        let mut answer = self.timed(record, relay::forward_signed(&caller.host, head, headers, &signed)).await?;
        told(answer.headers_mut(), &prepared);
        Ok(answer)
    }

    async fn timed<T>(&self, record: &mut Record, vendor: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let answer = vendor.await;
        record.vendor = Some(began.elapsed());
        answer
    }
}

impl Taken {
    /// The file, for whoever sends nothing on.
    pub(crate) fn media(self) -> Result<(Envelope, Option<sign::Key>, Share), Problem> {
        match self.opened {
            Opened::Media(envelope) => Ok((*envelope, self.key, self.share)),
            Opened::Other(_) => {
                let message = "there is no file in the body: send {\"image\":{\"content\":\"data:…\"}}, multipart, or the file itself";
                Err(Problem::new(ProblemKind::NoMedia, message))
            }
        }
    }
}

/// What was done, in two headers that the vendor's own answer does not have.
pub(crate) fn told(headers: &mut HeaderMap, prepared: &Prepared) {
    let names = |notes: &[Note]| notes.iter().map(|note| note.name.as_str()).collect::<Vec<_>>().join(",");
    let mut tell = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    let summary = &prepared.summary;
    tell("x-sealpress-actions", names(&summary.actions));
    tell("x-sealpress-warnings", names(&summary.warnings));
    // Whoever reads that nothing was found reads beside it what nobody looked for.
    if let Some((judged, findings)) =
        summary.judged.as_ref().and_then(|judged| Some((judged, judged.findings.as_ref()?)))
    {
        let codes: Vec<_> = findings.iter().map(|finding| finding.code.as_str()).collect();
        tell("x-sealpress-findings", codes.join(","));
        tell("x-sealpress-not-judged", judged.not_judged.join(","));
    }
}
