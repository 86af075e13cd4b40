//! What a vendor's folder has to say about a request, so that everything else need not know any vendor.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Response};
use sealpress_client::sign::{Key, Running, Signature, SignedBody};
use sealpress_client::transport::Host;
use sealpress_media::Format;
use serde_json::Value;

use crate::envelope::Envelope;
use crate::problem::Problem;

/// One vendor's API as its callers see it.
pub trait Door: Send + Sync + 'static {
    /// What a request is.
    fn call(&self, head: &Parts) -> Call;

    /// Who sends media, judged by the head alone.
    ///
    /// # Errors
    /// Whatever the vendor would refuse for its credentials.
    fn admit(&self, head: &Parts) -> Result<Caller, Problem>;

    /// Where a request goes that is passed on as it is.
    ///
    /// # Errors
    /// Where that cannot be told.
    fn host(&self, head: &Parts) -> Result<Host, Problem>;

    /// Where the media stand in an upload's JSON.
    fn media_path(&self) -> [&'static str; 2];

    /// Where it says what they show.
    fn context_path(&self) -> [&'static str; 2];

    /// The JSON around a file that came without any, with an empty text where the file goes.
    fn around(&self, context: &str, timestamp: Option<&str>) -> Value;

    /// What stands ahead of the base64 of a file: the head of a data URI, or nothing.
    fn scheme(&self, format: Format) -> Vec<u8>;

    /// What has to be changed around media that were changed; `None` for nothing.
    fn adapt(&self, envelope: &Envelope) -> Option<Value>;

    /// Puts the signature of a body into the head that goes with it.
    fn seal(&self, headers: &mut HeaderMap, body: &SignedBody);

    /// A problem in the vendor's shape.
    fn say(&self, problem: &Problem, caller: Option<&Caller>) -> Response<Bytes>;
}

/// What a request is to a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A file on its way into a session.
    Upload {
        /// The session's id, as it stands in the path.
        session: String,
    },
    /// The end of a session.
    Submit {
        /// The session's id, as it stands in the path.
        session: String,
    },
    /// Anything else.
    Pass,
}

/// Whoever sends media, and how that is proven.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where its files go.
    pub host: Host,
    /// The API key to name in answers of ours, where the vendor does so.
    pub api_key: Option<http::HeaderValue>,
    /// Its secrets, the current one first. Empty where the vendor has no signatures.
    pub keys: Vec<Key>,
    /// The signature that came along.
    pub claimed: Option<Signature>,
}

impl Caller {
    /// One signature over the body for each secret.
    pub(crate) fn macs(&self) -> Vec<Running> {
        self.keys.iter().map(Key::start).collect()
    }

    /// The secret that the body was signed with. Every one is tried, so that time does not tell which one fits.
    pub(crate) fn proven(&self, macs: Vec<Running>) -> Proof<'_> {
        let Some(claimed) = &self.claimed else { return Proof::NotAsked };
        let fits: Vec<bool> = macs.into_iter().map(|mac| mac.verify(claimed)).collect();
        fits.iter().position(|fits| *fits).map_or(Proof::Wrong, |at| Proof::By(&self.keys[at]))
    }
}

/// Whether a body was signed by whoever it says.
pub(crate) enum Proof<'a> {
    By(&'a Key),
    Wrong,
    /// The vendor has no signatures.
    NotAsked,
}
