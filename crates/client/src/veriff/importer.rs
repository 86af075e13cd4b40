//! The bulk import of faces behind the trait that pipelines know: each upload is one face, and whatever is
//! under way at one moment shares requests, ten at a time.
//!
//! There is no session on the other side. A "session" here is a face's name, made from the caller's own key;
//! finishing it does nothing. Veriff shows no list of faces: what is confirmed is known for as long as
//! this process remembers, and after a lost answer an upload may be sent again for five minutes, in which
//! Veriff drops what it has processed; a caller with a journal says when another process sent it. Later nobody
//! can tell: it stays in doubt.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sealpress_media::{Fault, Limits};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use super::client::Client;
use super::faces::{Face, FacesAnswer};
use super::{Context, MediaId, NewSession, Receipt, SessionId, SignedBody, Upload};
use crate::error::{Error, ErrorKind};
use crate::provider::{BoxFuture, Created, Listed, Provider, SessionState};
use crate::sign::{self, Encoding, Frame, Scheme};

const OPERATION: &str = "import faces";

/// A repetition has to arrive within Veriff's five minutes: so long after the first send it is not begun.
const REPEATABLE: Duration = Duration::from_secs(180);

/// Raw bytes of the faces that share a request, at most.
const MOST_RAW: u64 = 24_000_000;

/// Imports faces, for pipelines. Requests are shared by what is sent at the same time.
pub struct FaceImporter {
    client: Client,
    limits: Limits,
    linger: Duration,
    open: Mutex<Batch>,
    /// A request has come back, or less is expected to come.
    changed: Notify,
    sent: Mutex<Names>,
}

/// Prints the client; names may be people's.
impl fmt::Debug for FaceImporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaceImporter").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Faces that wait for company.
struct Batch {
    number: u64,
    bytes: u64,
    seats: Vec<Seat>,
    /// Requests on their way: who comes back with one may be followed by another.
    flights: usize,
    /// How many faces may be under way at a time.
    expected: usize,
}

/// The faces of one request.
struct Flight<'a> {
    importer: &'a FaceImporter,
    seats: Vec<Seat>,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.importer.open().flights -= 1;
        self.importer.changed.notify_waiters();
    }
}

struct Seat {
    name: String,
    body: SignedBody,
    told: oneshot::Sender<Result<(), ErrorKind>>,
}

/// The names that were sent.
struct Names {
    known: HashMap<String, Sent>,
    /// How many there may be before those are forgotten that Veriff would process again.
    room: usize,
}

/// Names that are known before any is forgotten.
const NAMES: usize = 100_000;

impl Default for Names {
    fn default() -> Self {
        Self { known: HashMap::new(), room: NAMES }
    }
}

impl Names {
    /// Forgets what is older than Veriff's five minutes. Where more than that were sent within them, there is room for
    /// as many again: looking through all of them for each would cost more than the import.
    fn forget_old(&mut self, now: Instant) {
        if self.known.len() >= self.room {
            self.known.retain(|_, known| known.first + Face::NAME_EVERY > now);
            self.room = NAMES.max(2 * self.known.len());
        }
    }
}

/// What is known of a name that was sent.
struct Sent {
    first: Instant,
    content: String,
    confirmed: bool,
}

impl FaceImporter {
    /// Imports through this client, with its limits and its [`FacesShape`](super::FacesShape).
    #[must_use]
    pub fn new(client: Client) -> Self {
        let mut limits = client.inner.limits.clone();
        limits.formats.retain(|format| format.is_image());
        let linger = Duration::from_millis(50);
        let open = Batch { number: 0, bytes: 0, seats: Vec::new(), flights: 0, expected: usize::MAX };
        Self { client, limits, linger, open: Mutex::new(open), changed: Notify::new(), sent: Mutex::default() }
    }

    /// How long a face waits for others to fill its request: 50 ms unless set. Where it is known how many may be under
    /// way ([`Provider::expects`]) it waits for nobody who cannot come, and the wait may be long.
    #[must_use]
    pub const fn with_linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// A name out of the caller's key: the key itself where it can stand in a URL and a request, a digest of
    /// it elsewhere. The same key gives the same name in every process.
    fn name(new: &NewSession) -> Result<SessionId, Error> {
        let key = new.vendor_data.as_deref().filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| Error::config(OPERATION, "a face needs a key of yours to be named by"))?;
        let plain = key.chars().count() <= 200 && !key.contains('#');
        let id = SessionId::new(key).ok().filter(|_| plain);
        id.map_or_else(|| SessionId::new(format!("sp#{}", sign::hex(&Sha256::digest(key)[..16]))), Ok)
    }

    /// Takes a seat in the open request, and has it answered.
    async fn join(&self, name: String, body: &SignedBody) -> Result<(), Error> {
        let (told, mut answer) = oneshot::channel();
        let seat = Seat { name, body: body.clone(), told };
        let (number, full) = {
            let mut open = self.open();
            let mut full = Vec::new();
            if open.bytes + body.media_len() > MOST_RAW {
                full.extend(self.take(&mut open));
            }
            open.bytes += body.media_len();
            open.seats.push(seat);
            let number = open.number;
            if open.seats.len() >= Face::PER_REQUEST {
                full.extend(self.take(&mut open));
            }
            (number, full)
        };
        for flight in full {
            self.import(flight).await;
        }
        let until = Instant::now() + self.linger;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.open().is_all_there_is(number) {
                break;
            }
            tokio::select! {
                biased;
                told = &mut answer => return outcome(told),
                () = changed => {}
                () = sleep_until(until) => break,
            }
        }
        // Whoever waits longest enough first sends for all: nobody depends on another who may be cancelled.
        let rest = {
            let mut open = self.open();
            if open.number == number { self.take(&mut open) } else { None }
        };
        if let Some(flight) = rest {
            self.import(flight).await;
        }
        outcome(answer.await)
    }

    /// Everybody who waits; the next request begins.
    fn take<'a>(&'a self, open: &mut Batch) -> Option<Flight<'a>> {
        (open.number, open.bytes) = (open.number + 1, 0);
        let seats = Some(std::mem::take(&mut open.seats)).filter(|seats| !seats.is_empty())?;
        open.flights += 1;
        Some(Flight { importer: self, seats })
    }

    /// Sends one request, and tells everybody in it.
    async fn import(&self, mut flight: Flight<'_>) {
        let seats = &mut flight.seats;
        while !seats.is_empty() {
            match self.send(seats).await {
                Ok(FacesAnswer::QuotaExceeded { available_quota }) => {
                    let fits = usize::try_from(available_quota).unwrap_or(usize::MAX).min(seats.len());
                    // Of the run, not of any face: the rest of a run would hear the same.
                    let reason = format!("the plan's quota of faces is used up, {available_quota} left");
                    let kind = ErrorKind::Config { reason: reason.into() };
                    let fits = if fits == seats.len() { 0 } else { fits };
                    seats.drain(fits..).for_each(|seat| drop(seat.told.send(Err(kind.clone()))));
                }
                Ok(_) => {
                    let mut sent = self.sent();
                    for seat in seats.drain(..) {
                        if let Some(known) = sent.known.get_mut(&seat.name) {
                            known.confirmed = true;
                        }
                        let _ = seat.told.send(Ok(()));
                    }
                }
                Err(error) => seats.drain(..).for_each(|seat| drop(seat.told.send(Err(error.kind().clone())))),
            }
        }
    }

    async fn send(&self, seats: &[Seat]) -> Result<FacesAnswer, Error> {
        let entry = |body: &SignedBody| {
            let mut parts = body.body();
            std::iter::from_fn(move || parts.next_part())
        };
        // Whose entries share the body is known only now; hashing them is no work for a thread that waits.
        let (client, bodies) = (self.client.clone(), seats.iter().map(|seat| seat.body.clone()).collect::<Vec<_>>());
        let signing = tokio::task::spawn_blocking(move || client.sign_entries(bodies.len(), bodies.iter().map(entry)));
        let signed = signing.await.map_err(|_| Error::config(OPERATION, "the request could not be signed"))?;
        self.client.import_faces(&signed).await
    }

    /// Takes note of a name before it is sent; refuses one that another face has.
    fn begin(&self, name: &str, content: &str) -> Result<(), Error> {
        let now = Instant::now();
        let mut sent = self.sent();
        sent.forget_old(now);
        match sent.known.get_mut(name) {
            Some(known) if known.first + Face::NAME_EVERY > now && known.content != content => {
                // Veriff would drop it without a word.
                Err(Error::media(OPERATION, Fault::Caller, "another face was imported under this name just now"))
            }
            Some(known) if known.first + Face::NAME_EVERY > now => Ok(()),
            _ => {
                sent.known.insert(name.to_owned(), Sent { first: now, content: content.to_owned(), confirmed: false });
                Ok(())
            }
        }
    }

    fn open(&self) -> MutexGuard<'_, Batch> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sent(&self) -> MutexGuard<'_, Names> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    /// Whether this request is the open one, and nobody can come who is not in it.
    fn is_all_there_is(&self, number: u64) -> bool {
        self.number == number && self.flights == 0 && self.seats.len() >= self.expected
    }
}

/// Whoever sent for all was cancelled: it may have been on the wire.
fn outcome(told: Result<Result<(), ErrorKind>, oneshot::error::RecvError>) -> Result<(), Error> {
    let lost = Err(ErrorKind::Transport { may_have_been_sent: true });
    told.unwrap_or(lost).map_err(|kind| Error::new(kind, OPERATION))
}

impl Provider for FaceImporter {
    fn name(&self) -> &'static str {
        "veriff-faces"
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Asks nobody: a face's name is all that there is.
    fn create<'a>(&'a self, new: &'a NewSession) -> BoxFuture<'a, Result<Created, Error>> {
        Box::pin(std::future::ready(Self::name(new).map(|name| Created::new(name, None))))
    }

    /// A name is all that there is.
    fn makes_sessions(&self) -> bool {
        false
    }

    /// Judges and frames one face; the request that it shares is signed when it is sent.
    fn sign(&self, upload: &Upload) -> Result<SignedBody, Error> {
        if !matches!(upload.context, Context::Face | Context::FaceReference) {
            let reason = format!("`{}` is no face: face or face-reference", upload.context);
            return Err(Error::media("upload", Fault::Caller, reason));
        }
        self.limits.check(&upload.media).map_err(|refusal| Error::refused("upload", refusal))?;
        let name = name_of(&upload.session, &upload.context);
        let content = sign::hex(&Sha256::digest(upload.media.bytes())[..16]);
        let shape = &self.client.inner.faces_shape;
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mime = upload.media.format().mime();
        let prefix =
            format!("{{{}:{},{}:\"data:{mime};base64,", quoted(&shape.name), quoted(&name), quoted(&shape.image));
        let frame = Frame::new(prefix, upload.media.bytes().clone(), Encoding::Base64, "\"}");
        sign::sign(upload, frame, Scheme::Unsigned, Some(content))
    }

    fn send<'a>(&'a self, body: &'a SignedBody) -> BoxFuture<'a, Result<Receipt, Error>> {
        Box::pin(async move {
            let name = name_of(body.session(), body.context());
            self.begin(&name, body.stamp().unwrap_or_default())?;
            self.join(name.clone(), body).await?;
            Ok(Receipt::new(body.session().clone(), body.context().clone(), MediaId::new(name)?))
        })
    }

    /// What this process knows. An upload that may be sent again is not listed; one of which nothing is known
    /// any more is an error, since an empty list would be a promise.
    fn list<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<Vec<Listed>, Error>> {
        let now = Instant::now();
        let sent = self.sent();
        let known = [Context::Face, Context::FaceReference].map(|context| {
            let name = name_of(session, &context);
            let known = sent.known.get(&name).map(|known| (known.confirmed, known.first));
            (context, name, known)
        });
        let lost =
            |known: &Option<(bool, Instant)>| matches!(known, Some((false, first)) if *first + REPEATABLE <= now);
        if known.iter().all(|(.., known)| known.is_none()) || known.iter().any(|(.., known)| lost(known)) {
            let reason = "the vendor shows no faces, and whether this one was imported is not known any more";
            return Box::pin(std::future::ready(Err(Error::media(OPERATION, Fault::Remote, reason))));
        }
        let confirmed = known.into_iter().filter(|(.., known)| matches!(known, Some((true, _))));
        let listed = confirmed.map(|(context, name, _)| Ok(Listed::new(MediaId::new(name)?, context))).collect();
        Box::pin(std::future::ready(listed))
    }

    /// The list is what this process remembers, and no count of what Veriff has: nothing is held against it.
    fn lists_receipts(&self) -> bool {
        false
    }

    /// What another process sent within Veriff's five minutes is as if this one had; of what it sent before
    /// nothing can be told.
    fn recall(&self, session: &SessionId, context: &Context, sha256: &[u8; 32], ago: Duration) {
        let Some(first) = Instant::now().checked_sub(ago) else { return };
        let content = sign::hex(&sha256[..16]);
        let sent = Sent { first, content, confirmed: false };
        self.sent().known.entry(name_of(session, context)).or_insert(sent);
    }

    fn expects(&self, uploads: usize) {
        self.open().expected = uploads;
        self.changed.notify_waiters();
    }

    /// Nothing to do.
    fn finish<'a>(&'a self, _: &'a SessionId) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// There is no session that could be in any state.
    fn state<'a>(&'a self, _: &'a SessionId) -> BoxFuture<'a, Result<SessionState, Error>> {
        Box::pin(std::future::ready(Ok(SessionState::Unknown)))
    }
}

/// A session has one face, and perhaps one for reference.
fn name_of(session: &SessionId, context: &Context) -> String {
    match context {
        Context::FaceReference => format!("{session}#reference"),
        _ => session.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For five minutes a name is one picture's; then it is free, and Veriff's five minutes begin anew.
    #[tokio::test(start_paused = true)]
    async fn a_name_is_one_pictures_for_five_minutes() {
        use super::super::Credentials;
        let key = "11111111-1111-4111-8111-111111111111";
        let client = Client::builder("http://127.0.0.1:9", Credentials::new(key, "secret")).build().unwrap();
        let (importer, name) = (FaceImporter::new(client), SessionId::new("cust-1").unwrap());
        importer.begin(name.as_str(), "one").unwrap();
        tokio::time::advance(Face::NAME_EVERY - Duration::from_secs(1)).await;
        assert!(importer.begin(name.as_str(), "another").is_err());
        assert!(importer.list(&name).await.is_err(), "whether the first one arrived nobody can tell any more");
        tokio::time::advance(Duration::from_secs(1)).await;
        importer.begin(name.as_str(), "another").unwrap();
        assert!(importer.list(&name).await.unwrap().is_empty(), "it was begun just now, and may be sent again");
        tokio::time::advance(Face::NAME_EVERY).await;
        importer.begin(name.as_str(), "another").unwrap();
        assert!(importer.list(&name).await.unwrap().is_empty(), "so was the same picture");
    }

    /// Names that are too young to be forgotten are not looked through for each that comes.
    #[tokio::test(start_paused = true)]
    async fn names_are_forgotten_when_they_are_old() {
        let mut names = Names { room: 4, ..Names::default() };
        let add = |names: &mut Names, n: usize| {
            let sent = Sent { first: Instant::now(), content: String::new(), confirmed: true };
            names.forget_old(Instant::now());
            names.known.insert(n.to_string(), sent);
        };
        (0..5).for_each(|n| add(&mut names, n));
        assert_eq!((names.known.len(), names.room), (5, NAMES), "all of them are young");
        names.room = 6;
        tokio::time::advance(Face::NAME_EVERY).await;
        (5..7).for_each(|n| add(&mut names, n));
        assert_eq!(names.known.len(), 2, "the old ones are gone");
        (names.room, names.known) = (NAMES, HashMap::new());
        (0..=NAMES).for_each(|n| add(&mut names, n));
        assert_eq!((names.known.len(), names.room), (NAMES + 1, 2 * NAMES), "room for as many again");
    }
}
