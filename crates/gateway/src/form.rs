//! The forms in which a file comes: JSON as the vendor documents it, multipart, or the bytes themselves.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use sealpress_base64::Reading;

use crate::door::Door;
use crate::envelope::{Envelope, Opened};
use crate::problem::{Problem, ProblemKind};

/// What may be said of a file beside it, in bytes.
const LONGEST_FIELD: u64 = 1024;

/// Bytes at a time for the reader of multipart, which copies what it is given.
const PIECE: usize = 64 << 10;

/// The form of a body, judged by the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Multipart {
        boundary: String,
    },
    /// The file itself; what it shows stands in the query.
    Raw,
}

impl Form {
    /// JSON unless the head says another: then the query says what the file shows.
    pub(crate) fn of(head: &Parts) -> Self {
        let kind = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if let Ok(boundary) = multer::parse_boundary(kind) {
            return Self::Multipart { boundary };
        }
        if essence.starts_with("image/") || ["application/pdf", "application/octet-stream"].contains(&&*essence) {
            return Self::Raw;
        }
        Self::Json
    }
}

/// `context` of the query. Contexts are made of letters and hyphens: an escaped one is none.
pub(crate) fn context(head: &Parts) -> Option<String> {
    let pairs = head.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let mut named = pairs.filter(|(name, value)| *name == "context" && !value.is_empty());
    named.next().map(|(_, value)| value.to_owned())
}

/// Takes the file out of a body. Computes and never waits.
pub(crate) fn open(
    form: Form,
    body: Vec<u8>,
    of_query: Option<String>,
    door: &dyn Door,
    reading: Reading,
) -> Result<Opened, Problem> {
    match form {
        Form::Json => Envelope::open(body, door.media_path(), reading),
        Form::Raw => wrap(door, of_query, None, body.into()),
        Form::Multipart { boundary } => {
            // The whole body is here: there is nothing to wait for.
            let parts = multipart(body.into(), boundary).now_or_never();
            let parts = parts.unwrap_or_else(|| Err(Problem::internal()))?;
            let Some(file) = parts.file else {
                return Err(Problem::new(ProblemKind::NoMedia, "no part of the body is a file: name it `content`"));
            };
            wrap(door, parts.context.or(of_query), parts.timestamp.as_deref(), file)
        }
    }
}

fn wrap(door: &dyn Door, context: Option<String>, timestamp: Option<&str>, file: Bytes) -> Result<Opened, Problem> {
    if file.is_empty() {
        return Err(Problem::new(ProblemKind::NoMedia, "the file is empty"));
    }
    let Some(context) = context else {
        let message = "nothing says what the file shows: add ?context=document-front, or a part `context`";
        return Err(Problem::new(ProblemKind::NoContext, message));
    };
    let envelope = Envelope::around_file(door.around(&context, timestamp), door.media_path(), file)?;
    Ok(Opened::Media(Box::new(envelope)))
}

#[derive(Default)]
struct FileParts {
    file: Option<Bytes>,
    context: Option<String>,
    timestamp: Option<String>,
}

async fn multipart(body: Bytes, boundary: String) -> Result<FileParts, Problem> {
    let bad = |_: multer::Error| Problem::new(ProblemKind::BadBody, "the body is not valid multipart");
    let limits = multer::SizeLimit::new().for_field("context", LONGEST_FIELD).for_field("timestamp", LONGEST_FIELD);
    let limits = multer::Constraints::new().size_limit(limits);
    let pieces =
        (0..body.len()).step_by(PIECE).map(move |at| Ok::<_, Infallible>(body.slice(at..body.len().min(at + PIECE))));
    let mut body = multer::Multipart::with_constraints(futures_util::stream::iter(pieces), boundary, limits);
    let mut parts = FileParts::default();
    while let Some(field) = body.next_field().await.map_err(bad)? {
        match field.name() {
            Some("context") => parts.context = Some(field.text().await.map_err(bad)?),
            Some("timestamp") => parts.timestamp = Some(field.text().await.map_err(bad)?),
            name if parts.file.is_none()
                && (matches!(name, Some("content" | "file")) || field.file_name().is_some()) =>
            {
                parts.file = Some(field.bytes().await.map_err(bad)?);
            }
            _ => {
                return Err(Problem::new(
                    ProblemKind::BadBody,
                    "the body has a part besides `content`, `context` and `timestamp`",
                ));
            }
        }
    }
    Ok(parts)
}
