//! Where the bytes of a job come from.

use std::path::PathBuf;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::error::Error;

/// Where they come from.
pub(crate) enum Source {
    /// In memory already: the caller's bytes count against the budget from the header on.
    Bytes(Bytes),
    /// Read when its turn comes.
    File(PathBuf),
    /// Fetched when its turn comes.
    Fetch(Box<dyn Fetch>),
}

/// Media that are elsewhere: an object store, a database. Fetched when there is room for them.
pub trait Fetch: Send + 'static {
    /// How many bytes will come, if known: what the intake reserves before it fetches. Unknown
    /// sizes reserve the whole intake.
    fn size_hint(&self) -> Option<u64>;

    /// The same when asking costs a request. Default: the hint.
    fn size(&mut self) -> BoxFuture<'_, Result<Option<u64>, Error>> {
        let hint = self.size_hint();
        Box::pin(async move { Ok(hint) })
    }

    /// The bytes. An implementation limits what it reads; `limit` is the largest file worth having.
    fn fetch(self: Box<Self>, limit: u64) -> BoxFuture<'static, Result<Bytes, Error>>;
}

/// Whatever it is: for callers who have media in more than one place.
impl Fetch for Box<dyn Fetch> {
    fn size_hint(&self) -> Option<u64> {
        (**self).size_hint()
    }

    fn size(&mut self) -> BoxFuture<'_, Result<Option<u64>, Error>> {
        (**self).size()
    }

    fn fetch(self: Box<Self>, limit: u64) -> BoxFuture<'static, Result<Bytes, Error>> {
        (*self).fetch(limit)
    }
}
