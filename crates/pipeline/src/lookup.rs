//! Reading back what a vendor has: listings, stored media, the state of a session. Reads may be
//! repeated.

use futures_util::future::BoxFuture;
use sealpress_client::{self as client, Context, Listed, MediaId, SessionId};
use sealpress_media::Format;
use sha2::{Digest, Sha256};

use crate::engine::Core;
use crate::error::Error;
use crate::failure::Failure;
use crate::host::Route;
use crate::metrics::add;
use crate::planted::{self, Bug};

impl Core {
    /// A good listing of a session.
    pub(crate) async fn list(&self, session: &SessionId) -> Result<Vec<Listed>, Error> {
        add(&self.metrics.looks, 1);
        self.ask_again("listing", || self.provider.list(session)).await
    }

    /// SHA-256 of what the vendor stores under this id, at most `cap` bytes of it; `None` where it
    /// does not serve media back.
    pub(crate) async fn content(
        &self,
        session: &SessionId,
        media: &MediaId,
        cap: u64,
    ) -> Result<Option<[u8; 32]>, Error> {
        match self.ask_again("stored media", || self.provider.media(session, media, cap)).await? {
            Some(bytes) => self.prepare.pool.compute(move || Ok(Some(Sha256::digest(&bytes).into()))).await,
            None => Ok(None),
        }
    }

    /// Asks until there is an answer, as often as `looks` allows.
    pub(crate) async fn ask_again<'a, T>(
        &'a self,
        what: &str,
        ask: impl Fn() -> BoxFuture<'a, Result<T, client::Error>>,
    ) -> Result<T, Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            let permit = self.permit(Route::List, 0).await?;
            let timeout = self.options.retry.attempt_timeout;
            let failure = match tokio::time::timeout(timeout, ask()).await {
                Ok(Ok(answer)) => {
                    self.answered(permit);
                    return Ok(answer);
                }
                Ok(Err(error)) => Failure::from(error),
                Err(_) => Failure::timed_out(what, timeout),
            };
            self.record(permit, &failure);
            if failure.is_final() || tries >= self.options.doubt.looks {
                return Err(failure.error);
            }
            self.until_stopped(tokio::time::sleep(self.backoff(failure.meaning, tries))).await?;
        }
    }
}

/// Whether an entry may be an item of this context, size and format. What the vendor did not say
/// matches anything.
pub(crate) fn may_be(entry: &Listed, context: &Context, (size, format): (u64, Format)) -> bool {
    entry.context == *context
        && entry.size.is_none_or(|listed| listed == size || planted::is(Bug::SizeUnread))
        && entry.mimetype.as_deref().is_none_or(|mime| same_mime(mime, format.mime()))
}

/// Vendors write `image/jpeg`, `image/jpg`, `.jpg` and `jpeg` for the same thing.
fn same_mime(a: &str, b: &str) -> bool {
    fn subtype(mime: &str) -> String {
        let mime = mime.trim().trim_start_matches('.').to_ascii_lowercase();
        let sub = mime.rsplit('/').next().unwrap_or_default();
        match sub {
            "jpg" => "jpeg",
            "heif" => "heic",
            other => other,
        }
        .to_owned()
    }
    subtype(a) == subtype(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mimes_in_all_spellings() {
        for mime in ["image/jpeg", "image/jpg", ".jpg", "JPEG", "image/JPG "] {
            assert!(same_mime(mime, "image/jpeg"), "{mime}");
        }
        assert!(same_mime("image/heif", "image/heic") && !same_mime("image/png", "image/jpeg"));
    }
}
