//! What goes through: heads without what belongs to one connection, bodies as they are.

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use sealpress_client::sign::SignedBody;
use sealpress_client::transport::{AnswerBody, Host};

use crate::problem::{Problem, ProblemKind};

/// An answer of ours or of the vendor.
pub(crate) type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Headers of one connection (RFC 9110, 7.6.1), and those that the way on makes anew.
const OF_THE_CONNECTION: [HeaderName; 11] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::HOST,
    header::EXPECT,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// The headers that go on with a request.
pub(crate) fn onward(headers: &HeaderMap) -> HeaderMap {
    let mut onward = without_hops(headers);
    // The length of the body that is sent is counted by whoever sends it.
    onward.remove(header::CONTENT_LENGTH);
    onward
}

fn without_hops(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    let named = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    for name in named.flat_map(|value| value.split(',')) {
        if let Ok(name) = HeaderName::from_bytes(name.trim().as_bytes()) {
            kept.remove(name);
        }
    }
    OF_THE_CONNECTION.iter().for_each(|name| drop(kept.remove(name)));
    kept
}

/// Sends a request on, and its answer back. Redirects are answers: no credential goes to another host.
pub(crate) async fn forward<B>(
    host: &Host,
    head: &Parts,
    headers: HeaderMap,
    body: Option<B>,
) -> Result<Answer, Problem>
where
    B: Body<Data = Bytes> + Send + Sync + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = host.at(path).map_err(|_| {
        Problem::new(ProblemKind::BadPath, "the path cannot be handed on as it stands: escape it as a URL demands")
    })?;
    let mut request = Request::new(body);
    (*request.method_mut(), *request.headers_mut()) = (head.method.clone(), headers);
    let answer = host.forward("forward", request, url).await?;
    let (mut head, body) = answer.into_parts();
    head.headers = without_hops(&head.headers);
    Ok(Response::from_parts(head, boxed(body)))
}

/// Sends a signed body in place of the one that came.
pub(crate) async fn forward_signed(
    host: &Host,
    head: &Parts,
    headers: HeaderMap,
    body: &SignedBody,
) -> Result<Answer, Problem> {
    forward(host, head, headers, Some(body.body())).await
}

fn boxed(body: AnswerBody) -> UnsyncBoxBody<Bytes, BoxError> {
    body.map_err(Into::into).boxed_unsync()
}

/// An answer of ours.
pub(crate) fn own(answer: Response<Bytes>) -> Answer {
    answer.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync())
}

/// An answer of a few words.
pub(crate) fn words(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(text.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    own(answer)
}
